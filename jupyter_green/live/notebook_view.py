"""A view inside the notebook, drawn from the same snapshots as the page but less often.

Each drawing may send its own message to the page, beside the frames. So a view keeps its own minimum interval, from the
end of one drawing to the start of the next.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from jupyter_green.records import clock

SECONDS = 0.52
"""Minimum seconds between two drawings: at most two in any second."""
SHOWN = 10
"""Default number of cells in a view."""


class View:
    """Something that shows snapshots, each with this number of newest cells.

    `draw` is called on the sampler thread, and not again after it has raised; `ended` when no more snapshots will come.
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
        """Draw if something changed and the interval has passed; return the seconds until the next call, or None.

        `now` is `time.perf_counter()`, `snapshot` makes a snapshot with the rows of `keys`; while a cell is `running`,
        figures change.
        """
        if self.problem is not None or not (self.due or running):
            return None
        wait = self._last + SECONDS - now
        if wait > 0:
            return wait
        self.due = False
        try:
            self._draw(snapshot(keys))
        except Exception as error:  # noqa: BLE001 - a faulty view must not stop the publisher
            self.problem = f"The view was closed: {type(error).__name__}: {error}"
            return None
        self._last = clock.perf_counter()
        return SECONDS if running else None
