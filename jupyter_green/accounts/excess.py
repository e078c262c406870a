"""What was used above a baseline, and below it: the rule of the excess, as pure functions of joules.

Neutral by its signature: joules, units, joules per unit and a tolerance go in, nothing about a library, a device, a
model or a purpose. The rule is the one that a tax on excess energy needs: continuous at the baseline, nothing below it.
"""

from __future__ import annotations

import math
from typing import NamedTuple


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
    """

    baseline: float
    excess: float
    saved: float


def excess(energy: float, *, units: float, baseline: float, tolerance: float = 0.0) -> Excess:
    """Hold energy against a baseline per unit of work.

    Parameters
    ----------
    energy : float
        E, what was used, in joules.
    units : float
        n, how many things were done.
    baseline : float
        β, joules per thing that the baseline grants.
    tolerance : float
        τ, the share above it that is still accepted; 0.05 is 5 %.

    Raises
    ------
    ValueError
        If a value is no number or below 0.
    """
    for name, value in (
        ("energy", energy),
        ("units", units),
        ("baseline", baseline),
        ("tolerance", tolerance),
    ):
        if not math.isfinite(value) or (value < 0 and name != "energy"):
            raise ValueError(f"{name} is {value}; an excess needs a finite number that is not below 0.")
    allowed = units * baseline * (1 + tolerance)
    return Excess(allowed, max(0.0, energy - allowed), max(0.0, allowed - energy))
