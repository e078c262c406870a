"""Daemon threads whose failure is kept instead of being printed into the user's cell."""

from __future__ import annotations

import threading
from collections.abc import Callable


class BackgroundThread(threading.Thread):
    """A daemon thread that keeps its exception in `failure`.

    `threading.Thread` prints a traceback to stderr, which a notebook shows below the cell that happens to run. Any of
    our threads can fail without a fault of ours: `%autoreload` empties a module before it executes it again.

    Parameters
    ----------
    work : callable
        Runs once on the thread.
    name : str
        What the thread does, shown in thread listings after "jupyter_green".
    """

    def __init__(self, work: Callable[[], object], name: str) -> None:
        super().__init__(name=f"jupyter_green {name}", daemon=True)
        self._work = work
        self.failure: Exception | None = None

    def run(self) -> None:
        """Run the work; uses no name of this module, which may be empty at that moment."""
        try:
            self._work()
        except Exception as error:  # noqa: BLE001 - whoever started the thread asks for `failure`
            self.failure = error
