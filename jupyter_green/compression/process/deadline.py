"""The time budget: every model call and every read of data checks it before it begins.

A running call can't be stopped, so the budget may be exceeded by the call that is running when it ends. `TimeIsUp` is
no `Exception`, so that handlers for third-party errors don't catch it.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

now: Callable[[], float] = time.perf_counter
"""The clock of all limits, in seconds; called as ``deadline.now()``."""

_UNTIL: ContextVar[float | None] = ContextVar("until", default=None)


class TimeIsUp(BaseException):
    """The time is up. The code that set the limit catches it and keeps the results so far."""


@contextmanager
def until(moment: float | None) -> Iterator[None]:
    """Set the limit to a time of `now`; an inner limit replaces the outer one, None removes it."""
    token = _UNTIL.set(moment)
    try:
        yield
    finally:
        _UNTIL.reset(token)


@contextmanager
def part(share: float) -> Iterator[None]:
    """Set the limit to a share of the remaining time."""
    with until(now() + share * left()):
        yield


def left() -> float:
    """Return the seconds until the limit; infinity if there is none."""
    moment = _UNTIL.get()
    return math.inf if moment is None else moment - now()


def look(needed: float = 0.0) -> None:
    """Check the limit. Raises TimeIsUp if the time is up, or at most `needed` seconds are left."""
    if left() <= needed:
        raise TimeIsUp
