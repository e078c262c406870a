"""Runs our own steps to completion when Python raises KeyboardInterrupt inside them.

Python raises KeyboardInterrupt between any two instructions of the main thread. We install no signal handler that could
delay it. So a step that must be complete is written to be restartable: it does not repeat what it has done already. An
interrupted step is restarted, and the interrupt is raised after it has completed.

A lock that an interrupt leaves acquired would deadlock the restarted step. ``with`` on a `threading.Lock` is safe: no
interrupt can come between acquiring it and entering the block. `threading.Condition` and `threading.Event` are written
in Python and are not safe: an interrupt at the end of `Condition.__enter__` leaves the lock acquired. Use `Signal` on
the main thread instead.
"""

from __future__ import annotations

import queue
from collections.abc import Callable

MOST = 100
"""Number of interrupts during one step after which we stop restarting it."""


def uninterrupted(step: Callable[[], object]) -> None:
    """Run a step to completion, then raise the KeyboardInterrupt that occurred in it, if any.

    It must be restartable at any point.
    """
    interrupt: KeyboardInterrupt | None = None
    for _ in range(MOST):
        try:
            step()
            break
        except KeyboardInterrupt as error:
            interrupt = error
    if interrupt is not None:
        raise interrupt.with_traceback(None)


class Signal:
    """An interrupt-safe replacement for `threading.Event`, made of atomic calls only."""

    def __init__(self) -> None:
        self._tokens: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._set = False

    def is_set(self) -> bool:
        """Whether the signal is set."""
        return self._set

    def set(self) -> None:
        """Set the signal and wake all waiting threads."""
        self._set = True
        if self._tokens.empty():
            self._tokens.put(None)

    def clear(self) -> None:
        """Reset the signal; to be called by the only waiting thread."""
        self._set = False
        while not self._tokens.empty():
            self._tokens.get()

    def wait(self, seconds: float | None = None) -> bool:
        """Wait until the signal is set or the timeout expires (None: no timeout); return whether it is set."""
        if not self._set:
            try:
                self._tokens.get(timeout=None if seconds is None else max(0.0, seconds))
            except queue.Empty:
                return self._set
            self._tokens.put(None)  # wake the next waiting thread
        return self._set
