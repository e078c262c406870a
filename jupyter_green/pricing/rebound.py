"""Rebound: what of a saving is used up because the cheaper thing is used more.

R = e₁·(n₁ − n₀) / ((e₀ − e₁)·n₀), with e joules per use and n uses in equally long times, before (0) and after (1). At
R = 1 the saving is gone; above, more is used than before (backfire), which is so exactly where n₁/n₀ > e₀/e₁. Below 0
it is used less than before. This is the direct rebound alone: what the saved money or time is spent on elsewhere can't
be seen from here. Source: the usual definition of the direct rebound effect in energy economics.

R depends on e₁/e₀ alone, and grows with it, so its interval is that of this ratio (Fieller, 1954), carried over.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from jupyter_green.baselines.excess import Joules


class Rebound(NamedTuple):
    """Uses and joules per use before and after something was made cheaper.

    Parameters
    ----------
    before, after : Joules
        Joules per use.
    uses_before, uses_after : float
        Uses in equally long times.
    ratio : float or None
        R; None where nothing was saved per use, or the intervals do not tell that.
    interval : (float, float) or None
        95 % interval of R; None where there is no R.
    """

    before: Joules
    after: Joules
    uses_before: float
    uses_after: float
    ratio: float | None
    interval: tuple[float, float] | None = None

    @property
    def backfire(self) -> bool | None:
        """Whether more is used than before; None where the interval does not tell."""
        low, high = self.interval or (math.nan, math.nan)
        return True if low > 1 else False if high <= 1 else None


def rebound(e0: float, e1: float, n0: float, n1: float) -> float:
    """Return R, the part of a saving that more use takes back.

    Parameters
    ----------
    e0, e1 : float
        Joules per use before and after.
    n0, n1 : float
        Uses before and after, in equally long times.

    Raises
    ------
    ValueError
        If a value makes no sense, nothing was saved per use, or there was no use before.
    """
    for name, value in (("e0", e0), ("e1", e1), ("n0", n0), ("n1", n1)):
        if isinstance(value, bool) or not math.isfinite(value) or value < 0:
            raise ValueError(f"{name} is {value}; it is a finite number from 0 up.")
    if e1 >= e0:
        raise ValueError("Nothing was saved per use, so that nothing can be taken back; e1 must be below e0.")
    if not n0:
        raise ValueError("There was no use before, so that more use can't be told; n0 must be above 0.")
    return e1 * (n1 - n0) / ((e0 - e1) * n0)


def observed(
    before: Joules, after: Joules, uses: tuple[float, float], seconds: tuple[float, float] = (1.0, 1.0)
) -> Rebound:
    """Return the rebound of two times of different length; uses are brought to the length of the later one.

    Parameters
    ----------
    before, after : Joules
        Joules per use.
    uses : (float, float)
        Uses before and after.
    seconds : (float, float)
        How long the two times were, above 0.

    Raises
    ------
    ValueError
        If a value makes no sense.
    """
    if not all(math.isfinite(value) and value > 0 for value in seconds):
        raise ValueError("Both times must be longer than 0 s.")
    earlier = uses[0] * seconds[1] / seconds[0]
    saved = before.value - after.value
    told = saved > math.hypot(before.uncertainty, after.uncertainty) and earlier > 0
    if not told:
        return Rebound(before, after, earlier, uses[1], None)
    ratio = rebound(before.value, after.value, earlier, uses[1])
    growth = (uses[1] - earlier) / earlier
    ends = sorted(growth * part / (1 - part) for part in _part(before, after))
    return Rebound(before, after, earlier, uses[1], ratio, (ends[0], ends[1]))


def _part(before: Joules, after: Joules) -> tuple[float, float]:
    """Return the 95 % interval of after/before by Fieller's theorem; it ends below 1 where a saving is told.

    The x with (after − x·before)² ≤ u₁² + x²·u₀², where u are half-widths of 95 %.
    """
    square = before.value**2 - before.uncertainty**2  # above 0, for the saving is larger than u₀
    middle = before.value * after.value / square
    spread = math.sqrt(max(0.0, middle**2 - (after.value**2 - after.uncertainty**2) / square))
    return max(0.0, middle - spread), middle + spread
