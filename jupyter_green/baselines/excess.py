"""Energy above and below a baseline (excess and saving), as pure functions of joules.

Inputs are joules, units, joules per unit and a tolerance; nothing depends on a library, device, model or purpose. The
rule suits a tax on excess energy: it is continuous at the baseline and 0 below it. Inputs may have uncertainties; an
excess that is not statistically significant is not taxable.
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
    """Energy compared with a baseline.

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
    def significant(self) -> bool:
        """Whether the difference is statistically significant: the interval of E − B excludes 0."""
        return abs(self.excess - self.saved) > self.uncertainty

    @property
    def taxable(self) -> float:
        """The excess in joules if it is significant, else 0."""
        return self.excess if self.significant else 0.0


def exact(value: float | Joules) -> Joules:
    """Return a figure as `Joules`; a plain number has uncertainty 0."""
    return value if isinstance(value, Joules) else Joules(float(value))


def excess(energy: float | Joules, *, units: float, baseline: float | Joules, tolerance: float = 0.0) -> Excess:
    """Compare energy with a baseline per unit of work.

    Parameters
    ----------
    energy : float or Joules
        E, the energy used, in joules.
    units : float
        n, number of units of work done.
    baseline : float or Joules
        β, the baseline in joules per unit.
    tolerance : float
        τ, the accepted share above the baseline; 0.05 is 5 %.

    Raises
    ------
    ValueError
        If a value is not finite, or is below 0 (`energy` may be).
    """
    used, per_unit = exact(energy), exact(baseline)
    for name, value in (
        ("energy", used.value),
        ("units", units),
        ("baseline", per_unit.value),
        ("tolerance", tolerance),
    ):
        if not math.isfinite(value) or (value < 0 and name != "energy"):
            raise ValueError(f"{name} is {value}; an excess needs a finite number that is not below 0.")
    for name, half_width in (("energy", used.uncertainty), ("baseline", per_unit.uncertainty)):
        if math.isnan(half_width) or half_width < 0:
            raise ValueError(f"The uncertainty of {name} is {half_width}; it is a half-width from 0 up.")
    factor = units * (1 + tolerance)
    allowed = per_unit.value * factor
    uncertainty = math.hypot(used.uncertainty, per_unit.uncertainty * factor if per_unit.uncertainty else 0.0)
    return Excess(allowed, max(0.0, used.value - allowed), max(0.0, allowed - used.value), uncertainty)
