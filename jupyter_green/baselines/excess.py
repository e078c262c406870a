"""What was used above a baseline, and below it: the rule of the excess, as pure functions of joules.

Neutral by its signature: joules, units, joules per unit and a tolerance go in, nothing about a library, a device, a
model or a purpose. The rule is the one that a tax on excess energy needs: continuous at the baseline, nothing below it.
Figures may come with their interval. Then an excess that can't be told apart from nothing says so and costs nothing.
"""

from __future__ import annotations

import math
from typing import NamedTuple


class Joules(NamedTuple):
    """An energy, or an energy per unit, with its interval.

    Parameters
    ----------
    value : float
        In joules.
    uncertainty : float
        Half-width of the 95 % interval in joules; 0 where the figure is exact.
    """

    value: float
    uncertainty: float = 0.0


class Excess(NamedTuple):
    """Energy held against a baseline.

    Parameters
    ----------
    baseline : float
        B = n·β·(1 + τ), in joules.
    excess : float
        X = max(0, E − B), in joules.
    saved : float
        max(0, B − E), in joules.
    uncertainty : float
        Half-width of the 95 % interval of E − B, in joules.
    """

    baseline: float
    excess: float
    saved: float
    uncertainty: float = 0.0

    @property
    def told_apart(self) -> bool:
        """Whether the interval of E − B excludes 0."""
        return abs(self.excess - self.saved) > self.uncertainty

    @property
    def taxable(self) -> float:
        """The excess in joules where it is told apart from nothing, else 0."""
        return self.excess if self.told_apart else 0.0


def exact(value: float | Joules) -> Joules:
    """Return a figure with its interval; a plain number is exact."""
    return value if isinstance(value, Joules) else Joules(float(value))


def excess(energy: float | Joules, *, units: float, baseline: float | Joules, tolerance: float = 0.0) -> Excess:
    """Hold energy against a baseline per unit of work.

    Parameters
    ----------
    energy : float or Joules
        E, what was used, in joules.
    units : float
        n, how many things were done.
    baseline : float or Joules
        β, joules per thing that the baseline grants.
    tolerance : float
        τ, the share above it that is still accepted; 0.05 is 5 %.

    Raises
    ------
    ValueError
        If a value is no number or below 0.
    """
    used, granted = exact(energy), exact(baseline)
    for name, value in (
        ("energy", used.value),
        ("units", units),
        ("baseline", granted.value),
        ("tolerance", tolerance),
    ):
        if not math.isfinite(value) or (value < 0 and name != "energy"):
            raise ValueError(f"{name} is {value}; an excess needs a finite number that is not below 0.")
    for name, doubt in (("energy", used.uncertainty), ("baseline", granted.uncertainty)):
        if math.isnan(doubt) or doubt < 0:
            raise ValueError(f"The uncertainty of {name} is {doubt}; it is a half-width from 0 up.")
    times = units * (1 + tolerance)
    allowed = granted.value * times
    unsure = math.hypot(used.uncertainty, granted.uncertainty * times if granted.uncertainty else 0.0)
    return Excess(allowed, max(0.0, used.value - allowed), max(0.0, allowed - used.value), unsure)
