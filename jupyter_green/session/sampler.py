"""The sampler: the only thread that reads sensors. It runs around windows and is parked otherwise.

Parked means waiting on a lock without a time-out: an idle kernel does no work at all. The processor
time it uses is its own and is counted, so that it is not billed to the user's cell.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from jupyter_green.records import clock

from .interrupts import Signal


class Sampler:
    """Calls `step` again and again while it asks for it.

    Parameters
    ----------
    step : callable
        Does what is due and returns the seconds until it wants to be called again, or None to be
        left alone until `wake`.
    """

    def __init__(self, step: Callable[[], float | None]) -> None:
        self._step = step
        self._signal = Signal()
        self._stepping = threading.Lock()
        self._stopping = False
        self._thread: threading.Thread | None = None
        self.cpu_seconds = 0.0

    def wake(self) -> None:
        """Have `step` called soon; starts the thread at its first use."""
        self._signal.set()
        if self._thread is not None and self._thread.is_alive():
            return
        if self._stopping:
            return
        thread = threading.Thread(target=self._run, name="jupyter_green sampler", daemon=True)
        self._thread = thread  # before it runs: `start` returns late, and an interrupt may end the wait for that
        thread.start()

    @property
    def current(self) -> bool:
        """Whether the caller runs on this thread."""
        return threading.current_thread() is self._thread

    def stop(self, patience: float = 2.0) -> None:
        """End the thread; waits for a step under way, but not for one that hangs."""
        self._stopping = True
        self._signal.set()
        if self._thread is not None and not self.current:
            self._thread.join(patience)

    def _run(self) -> None:
        delay: float | None = 0.0
        used = 0.0
        while not self._stopping:
            self._signal.wait(delay)
            self._signal.clear()
            if self._stopping:
                return
            with self._stepping:
                # An interrupt in `is_alive` can have Python take a living thread for ended: then another has its place.
                if threading.current_thread() is not self._thread:
                    self._signal.set()  # it was meant for that one
                    return
                delay = self._step()
                now = clock.thread_time()
                self.cpu_seconds += now - used
                used = now
