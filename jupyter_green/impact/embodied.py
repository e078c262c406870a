"""Embodied CO2e of the hardware, and reusable waste heat: estimates, off by default.

M = TE · (TiR / EL) · (RR / ToR) of ISO/IEC 21031 (SCI): total embodied emissions, times the reserved share of the
lifetime, times the reserved share of the hardware. Published figures are few and old; the interval of ±50 % is our own
assumption.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

YEAR_SECONDS = 365 * 24 * 3600.0
LIFE_YEARS = 3.0
BAND = 0.5
"""Relative half-width of an embodied figure; our own assumption, not from a study."""
SOURCE = "server 5,700 kg, H100 164 kg, 3 years of life (as used by EcoLogits); an estimate, ±50 % by our allowance"
CAPTURE = 0.7
"""Share of a computer's heat that a building could use; our own assumption."""


@dataclass(frozen=True)
class Embodied:
    """Embodied CO2e; always an estimate.

    Parameters
    ----------
    grams, low, high : float
        Grams of CO2e, with the interval.
    source : str
        Source of the figure.
    """

    grams: float
    low: float
    high: float
    source: str


NOTHING = Embodied(0.0, 0.0, 0.0, "")


def embodied_share(
    kilograms: float,
    *,
    reserved_seconds: float,
    life_years: float = LIFE_YEARS,
    share: float = 1.0,
    source: str = SOURCE,
) -> Embodied:
    """Return M = TE · (TiR / EL) · (RR / ToR) in grams of CO2e.

    Parameters
    ----------
    kilograms : float
        TE, total embodied emissions of the hardware, in kg CO2e.
    reserved_seconds : float
        TiR, time reserved.
    life_years : float
        EL, expected lifetime.
    share : float
        RR / ToR, reserved share of the hardware, 0 to 1.
    source : str
        Source of `kilograms`.

    Raises
    ------
    ValueError
        If a value is out of range.
    """
    for name, value in (("kilograms", kilograms), ("reserved_seconds", reserved_seconds)):
        if not (math.isfinite(value) and value >= 0):
            raise ValueError(f"{name} is {value!r}; give a number from 0 up.")
    if not (math.isfinite(life_years) and life_years > 0):
        raise ValueError(f"A life of {life_years!r} years is invalid; give a number above 0.")
    if not 0 <= share <= 1:
        raise ValueError(f"A share of {share!r} is invalid; give a number from 0 to 1.")
    grams = kilograms * 1000 * reserved_seconds / (life_years * YEAR_SECONDS) * share
    return Embodied(grams, grams * (1 - BAND), grams * (1 + BAND), source)


def reusable_heat(joules: float, capture: float = CAPTURE) -> float:
    """Return the joules of heat that could have been reused: Q = E · η. An estimate; no heat was captured.

    Raises
    ------
    ValueError
        If a value is out of range.
    """
    if not (math.isfinite(joules) and joules >= 0):
        raise ValueError(f"{joules!r} J is not an energy; give a number from 0 up.")
    if not 0 <= capture <= 1:
        raise ValueError(f"A captured share of {capture!r} is invalid; give a number from 0 to 1.")
    return joules * capture
