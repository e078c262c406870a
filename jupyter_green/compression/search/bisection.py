"""A recipe's dial: the same recipe from gentle to harsh, and the search for the harshest setting that is accepted.

Loss grows with how much is taken away, near enough, so the settings are halved like an ordered list. What is accepted
is decided by whoever tries them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

T = TypeVar("T")


def bisect(settings: Sequence[T], accepted: Callable[[T], bool], *, tries: int, first: int | None = None) -> T | None:
    """Return the harshest setting that was accepted; None where none was.

    Parameters
    ----------
    settings : sequence
        From gentle to harsh.
    accepted : callable
        Tries one and says whether it may be accepted.
    tries : int
        Most of them that are tried.
    first : int, optional
        Which is tried first; the middle otherwise.
    """
    gentle, harsh = -1, len(settings)
    place = (gentle + harsh) // 2 if first is None else first
    for _ in range(tries):
        if harsh - gentle <= 1:
            break
        if accepted(settings[place]):
            gentle = place
        else:
            harsh = place
        place = (gentle + harsh) // 2
    return settings[gentle] if gentle >= 0 else None
