"""Direct rebound: the share of a saving that is offset because the cheaper thing is used more.

R = e₁·(n₁ − n₀) / ((e₀ − e₁)·n₀), with e in joules per use and n uses in periods of equal length, before (0) and after
(1). At R = 1 the saving is fully offset. Above 1 more energy is used than before (backfire), which is the case exactly
if n₁/n₀ > e₀/e₁. Below 0 there are fewer uses than before. Indirect rebound (spending the saved money or time
elsewhere) is not observable here. Source: the usual definition of the direct rebound effect in energy economics.

R is a monotonic function of e₁/e₀, so its interval follows from that of this ratio (Fieller, 1954).
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
        Uses in periods of equal length.
    ratio : float or None
        R; None if the saving per use is not statistically significant.
    interval : (float, float) or None
        95 % interval of R; None without R.
    """

    before: Joules
    after: Joules
    uses_before: float
    uses_after: float
    ratio: float | None
    interval: tuple[float, float] | None = None

    @property
    def backfire(self) -> bool | None:
        """Whether more energy is used than before; None if the interval includes both."""
        low, high = self.interval or (math.nan, math.nan)
        return True if low > 1 else False if high <= 1 else None


def rebound(e0: float, e1: float, n0: float, n1: float) -> float:
    """Return R, the share of a saving that more use offsets.

    Parameters
    ----------
    e0, e1 : float
        Joules per use before and after.
    n0, n1 : float
        Uses before and after, in periods of equal length.

    Raises
    ------
    ValueError
        If a value is not valid, nothing was saved per use, or there was no use before.
    """
    for name, value in (("e0", e0), ("e1", e1), ("n0", n0), ("n1", n1)):
        if isinstance(value, bool) or not math.isfinite(value) or value < 0:
            raise ValueError(f"{name} is {value}; it must be a finite number from 0 up.")
    if e1 >= e0:
        raise ValueError("Nothing was saved per use, so there is no rebound; e1 must be below e0.")
    if not n0:
        raise ValueError("There was no use before, so more use can't be computed; n0 must be above 0.")
    return e1 * (n1 - n0) / ((e0 - e1) * n0)


def observed(
    before: Joules, after: Joules, uses: tuple[float, float], seconds: tuple[float, float] = (1.0, 1.0)
) -> Rebound:
    """Return the rebound from two periods; uses before are scaled to the length of the later period.

    Parameters
    ----------
    before, after : Joules
        Joules per use.
    uses : (float, float)
        Uses before and after.
    seconds : (float, float)
        Lengths of the two periods in seconds, above 0.

    Raises
    ------
    ValueError
        If a value is not valid.
    """
    if not all(math.isfinite(value) and value > 0 for value in seconds):
        raise ValueError("Both times must be longer than 0 s.")
    earlier = uses[0] * seconds[1] / seconds[0]
    saved = before.value - after.value
    significant = saved > math.hypot(before.uncertainty, after.uncertainty) and earlier > 0
    if not significant:
        return Rebound(before, after, earlier, uses[1], None)
    ratio = rebound(before.value, after.value, earlier, uses[1])
    growth = (uses[1] - earlier) / earlier
    ends = sorted(growth * part / (1 - part) for part in _part(before, after))
    return Rebound(before, after, earlier, uses[1], ratio, (ends[0], ends[1]))


def _part(before: Joules, after: Joules) -> tuple[float, float]:
    """Return the 95 % interval of after/before by Fieller's theorem; below 1 if the saving is significant.

    These are the x with (after − x·before)² ≤ u₁² + x²·u₀², where u are half-widths of 95 % intervals.
    """
    square = before.value**2 - before.uncertainty**2  # above 0, because the saving is larger than u₀
    centre = before.value * after.value / square
    half_width = math.sqrt(max(0.0, centre**2 - (after.value**2 - after.uncertainty**2) / square))
    return max(0.0, centre - half_width), centre + half_width
