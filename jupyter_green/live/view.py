"""A view inside the notebook: drawn from the same snapshots as the page, less often, while something runs.

Each drawing may be a message of its own kind to the page, beside the frames; so it keeps a distance of its own, from
the end of one to the beginning of the next.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from jupyter_green.records import clock

SECONDS = 0.52
"""Between two drawings: no second holds more than two of them."""
SHOWN = 10
"""Cells that a view is told unless it asks for more or fewer."""


class View:
    """Something that shows snapshots.

    Parameters
    ----------
    draw : callable
        Shows one; called on the sampler's thread. One that raises is not called again.
    ended : callable
        Called once no more snapshots will come, because the extension was unloaded.
    rows : int
        The newest cells that it is told.
    """

    def __init__(
        self, draw: Callable[[dict[str, Any]], None], ended: Callable[[], None] = lambda: None, rows: int = SHOWN
    ) -> None:
        self._draw = draw
        self.ended = ended
        self.rows = rows
        self._last = float("-inf")
        self.due = True
        self.problem: str | None = None

    def look(
        self, now: float, snapshot: Callable[[Sequence[str]], dict[str, Any]], keys: Sequence[str], *, running: bool
    ) -> float | None:
        """Draw if something changed and it is time; return the seconds until it wants to look again.

        Parameters
        ----------
        now : float
            `time.perf_counter()`.
        snapshot : callable
            Makes a snapshot that tells these rows.
        running : bool
            Whether a cell runs, so that figures change by themselves.
        """
        if self.problem is not None or not (self.due or running):
            return None
        wait = self._last + SECONDS - now
        if wait > 0:
            return wait
        self.due = False
        try:
            self._draw(snapshot(keys))
        except Exception as error:  # noqa: BLE001 - a view that can't be drawn must not stop the link
            self.problem = f"The view was given up: {type(error).__name__}: {error}"
            return None
        self._last = clock.perf_counter()
        return SECONDS if running else None
