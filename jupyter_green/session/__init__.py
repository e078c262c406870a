"""Floor 5: the only opener of windows. `current` is the one session of this process."""

from __future__ import annotations

import threading

from .session import Session
from .settings import Settings
from .window import Window, status_of

__all__ = ["Session", "Settings", "Window", "current", "end", "meter", "settle", "status_of"]

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
    global _current  # noqa: PLW0603
    with _lock:
        if _current is not None:
            _current.end()
        _current = None


def meter(label: str | None = None, *, units: float | None = None, unit: str | None = None) -> Window:
    """Meter a block of code: ``with green.meter("train") as window: ...``.

    Works outside notebooks too. The record is ``window.record`` after the block and waits for its
    final value; an exception passes through and the part that ran is counted.

    Parameters
    ----------
    label : str, optional
        Name under which the record is kept.
    units, unit : float, str, optional
        How many things the block does and what they are called, for joules per unit.

    Returns
    -------
    Window
        To be used as a context manager, once.
    """
    return current().window(label=label, units=units, unit=unit)
