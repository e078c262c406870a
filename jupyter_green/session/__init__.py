"""Floor 5: the only opener of windows. `current` is the one session of this process."""

from __future__ import annotations

import threading

from .session import Session
from .settings import Settings
from .window import Block, Window, status_of
from .workload.counter import UnitCounter

__all__ = ["Block", "Session", "Settings", "Window", "current", "end", "meter", "settle", "status_of"]

_current: Session | None = None
_lock = threading.Lock()


def current(settings: Settings | None = None) -> Session:
    """Return the session of this process, starting it if there is none.

    A forked child keeps its parent's, which does nothing there: the parent's window has that energy.

    Raises
    ------
    ValueError
        If the settings make no sense; one sentence.
    """
    global _current  # noqa: PLW0603 - a process has one session
    with _lock:
        if _current is None or not (_current.alive or _current.forked):
            _current = Session(settings)
        return _current


def settle() -> None:
    """Wait until what this process has metered so far is settled and written down."""
    if _current is not None and _current.alive:
        _current.settle()


def end() -> None:
    """End the session of this process, if there is one."""
    global _current  # noqa: PLW0603 - one session a process, under the lock
    with _lock:
        if _current is not None:
            _current.end()
        _current = None


def meter(label: str | None = None, *, units: float | str | None = None, unit: str | None = None) -> Block:
    """Meter a block of code: ``with green.meter("train") as window: ...``.

    Works outside notebooks too. The record is ``window.record`` after the block and waits for its
    final value; an exception passes through and the part that ran is counted. One that is opened by hand may be left
    in a later cell, with ``__enter__`` and ``__exit__``; where its object is gone before, it ends.

    Parameters
    ----------
    label : str, optional
        Name under which the record is kept.
    units : float or str, optional
        How many things the block does, for joules per unit; or what to count in it: ``"batches"`` or
        ``"examples"`` that PyTorch's DataLoader hands out, ``"tokens"`` that models of transformers
        generate, or ``"auto"``, the last two in turn.
    unit : str, optional
        What the things are called.

    Raises
    ------
    ValueError
        If `units` is another word; one sentence.

    Returns
    -------
    Block
        To be used as a context manager, once.
    """
    tally = UnitCounter(units, unit) if isinstance(units, str) else None
    window = current().window(label=label, units=None if tally else units, unit=unit)
    window.tally = tally
    return Block(window)
