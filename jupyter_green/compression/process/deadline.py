"""The time a person allows: a moment that every call of a model and every read of data looks at before it begins.

A call can't be stopped, so what may be too much is the one that runs when the time is up. `TimeIsUp` is no `Exception`:
what guards somebody else's code must not take it for a fault of that code.
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
    """The time is up; whoever set the limit catches it and keeps what there is."""


@contextmanager
def until(moment: float | None) -> Iterator[None]:
    """Let nothing begin after a moment of `now`; an inner limit replaces the outer one, None lifts it."""
    token = _UNTIL.set(moment)
    try:
        yield
    finally:
        _UNTIL.reset(token)


@contextmanager
def part(share: float) -> Iterator[None]:
    """Let nothing begin after a share of the time that is left."""
    with until(now() + share * left()):
        yield


def left() -> float:
    """Return the seconds until the limit; infinitely many where there is none."""
    moment = _UNTIL.get()
    return math.inf if moment is None else moment - now()


def look(needed: float = 0.0) -> None:
    """Raise TimeIsUp where the time is up, or where no more than `needed` seconds are left."""
    if left() <= needed:
        raise TimeIsUp
