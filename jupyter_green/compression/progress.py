"""The progress bar of a search: elapsed time and joules so far.

It is redrawn when the search reports progress, at most once a second; there is no thread.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

from jupyter_green.reporting.numbers import energy, plain
from jupyter_green.session.window import Window

from .process.output_capture import heard

REFRESH_SECONDS = 1.0


class Progress:
    """A bar over the time limit.

    `window` meters the search, `seconds` is its time limit. The caller's own ``say(what, share)`` is called as well.
    """

    def __init__(
        self, window: Window, seconds: float, *, shown: bool, say: Callable[[str, float], None] | None = None
    ) -> None:
        from tqdm.auto import tqdm

        self._window, self._seconds, self._say = window, seconds, say
        self._bar: Any = None
        if shown:
            with heard():
                self._bar = tqdm(total=round(seconds), unit="s", bar_format="{desc}{bar}{n}/{total} s{postfix}")
        self._what, self._looked = "", 0.0

    def __call__(self, what: str, share: float) -> None:
        """Report the current step and the elapsed share of the time."""
        now = time.monotonic()
        if what == self._what and now - self._looked < REFRESH_SECONDS:
            return
        self._what, self._looked = what, now
        with heard():  # output of libraries is suppressed otherwise
            self._draw(what, share)

    def _draw(self, what: str, share: float) -> None:
        if self._say is not None:
            self._say(what, share)
        if self._bar is None:
            return
        self._bar.n = min(round(self._seconds), round(share * self._seconds))
        self._bar.set_description_str(f"{what} ", refresh=False)
        self._bar.set_postfix_str(plain(spent(self._window)), refresh=True)

    def close(self) -> None:
        """Remove the bar."""
        if self._bar is not None:
            with heard():
                self._bar.close()


def spent(window: Window) -> str:
    """Return the joules of a window so far, in words."""
    record = window.so_far()
    if record.joules is None:
        return "energy not known here"
    return f"{energy(record.joules, record.uncertainty)} so far, {record.quality}"


def wanted() -> bool:
    """Whether to show a bar: in a notebook or a terminal."""
    shell = sys.modules.get("IPython")
    return (shell is not None and shell.get_ipython() is not None) or sys.stderr.isatty()
