"""An interrupt that falls into our own work: the work is done all the same, and the interrupt still arrives.

Python raises KeyboardInterrupt between any two instructions of the main thread. There is no signal handler of ours that
could hold it back, so a step that must be whole is written such that it may be begun again: what it has done already it
does not do twice. Then an interrupt only means that it is begun again, and is raised once it is through.

A lock that an interrupt leaves taken would have such a step wait for itself. ``with`` on a `threading.Lock` is safe:
nothing can come between taking it and entering the block. What the module `threading` builds on it in Python is not:
an interrupt on the way out of `Condition.__enter__` comes when the lock is taken and nobody will give it back. So the
main thread uses no Event and no Condition, but `Signal`.
"""

from __future__ import annotations

import queue
from collections.abc import Callable

MOST = 100
"""Interrupts during one step after which the step itself counts as what raises them."""


def uninterrupted(step: Callable[[], object]) -> None:
    """Do a step to its end, whatever interrupts it, and then raise the interrupt.

    Parameters
    ----------
    step : callable
        May be begun again at any point.

    Raises
    ------
    KeyboardInterrupt
        Where there was one, once the step is through.
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
    """What one thread tells others, as a `threading.Event` does, made of single calls that no interrupt can halve."""

    def __init__(self) -> None:
        self._tokens: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._set = False

    def is_set(self) -> bool:
        """Whether it is set."""
        return self._set

    def set(self) -> None:
        """Set it, and wake those that wait for it."""
        self._set = True
        if self._tokens.empty():
            self._tokens.put(None)

    def clear(self) -> None:
        """Have the next `wait` wait again; for the only thread that waits."""
        self._set = False
        while not self._tokens.empty():
            self._tokens.get()

    def wait(self, seconds: float | None = None) -> bool:
        """Wait until it is set, or so many seconds, for ever where None; return whether it is set."""
        if not self._set:
            try:
                self._tokens.get(timeout=None if seconds is None else max(0.0, seconds))
            except queue.Empty:
                return self._set
            self._tokens.put(None)  # others may wait too
        return self._set
