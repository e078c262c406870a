"""Bisection of a recipe's strength: the strongest setting that is accepted.

Loss is assumed to grow monotonically with strength.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

T = TypeVar("T")


def bisect(settings: Sequence[T], accepted: Callable[[T], bool], *, tries: int, first: int | None = None) -> T | None:
    """Return the strongest accepted setting; None if none was accepted.

    Settings are from weakest to strongest. `accepted` tries one; at most `tries` are tried, from index `first` on, by
    default the middle.
    """
    strongest_accepted, weakest_rejected = -1, len(settings)
    index = (strongest_accepted + weakest_rejected) // 2 if first is None else first
    for _ in range(tries):
        if weakest_rejected - strongest_accepted <= 1:
            break
        if accepted(settings[index]):
            strongest_accepted = index
        else:
            weakest_rejected = index
        index = (strongest_accepted + weakest_rejected) // 2
    return settings[strongest_accepted] if strongest_accepted >= 0 else None
