"""The sampler thread: the only thread that reads sensors. It runs around windows and sleeps otherwise.

While asleep it waits for a lock without a timeout, so an idle kernel does no work at all. Its CPU time is measured, so
that it is not counted as the user's.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from jupyter_green.background import BackgroundThread
from jupyter_green.records import clock

from .interrupts import Signal


class Sampler:
    """Calls `step` repeatedly.

    `step` does what is due and returns the seconds until the next call, or None to sleep until `wake`. `failed` is
    called by the next `wake` with the exception that ended the thread; the thread is then started again.
    """

    def __init__(self, step: Callable[[], float | None], failed: Callable[[Exception], object]) -> None:
        self._step = step
        self._failed = failed
        self._signal = Signal()
        self._stepping = threading.Lock()
        self._stopping = False
        self._thread: BackgroundThread | None = None
        self.cpu_seconds = 0.0

    def wake(self) -> None:
        """Call `step` soon; starts the thread on first use."""
        self._signal.set()
        if self._thread is not None and self._thread.is_alive():
            return
        if self._stopping:
            return
        if self._thread is not None and self._thread.failure is not None:
            self._failed(self._thread.failure)
        thread = BackgroundThread(self._run, "sampler")
        self._thread = thread  # set before `start`, which an interrupt may end early
        thread.start()

    @property
    def current(self) -> bool:
        """Whether the caller runs on this thread."""
        return threading.current_thread() is self._thread

    def stop(self, patience: float = 2.0) -> None:
        """Stop the thread; waits up to `patience` seconds for a step in progress."""
        self._stopping = True
        self._signal.set()
        if self._thread is not None and not self.current:
            self._thread.join(patience)

    def _run(self) -> None:
        delay: float | None = 0.0
        cpu_before = 0.0
        while not self._stopping:
            self._signal.wait(delay)
            self._signal.clear()
            if self._stopping:
                return
            with self._stepping:
                # An interrupt inside `is_alive` can mark a running thread as ended; `wake` has then started another.
                if threading.current_thread() is not self._thread:
                    self._signal.set()  # the signal was meant for the other thread
                    return
                delay = self._step()
                now = clock.thread_time()
                self.cpu_seconds += now - cpu_before
                cpu_before = now
