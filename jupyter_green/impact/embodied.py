"""The hardware's own share of CO2e, and the heat that came out of it: estimates, off unless asked for.

M = TE · (TiR / EL) · (RR / ToR) of ISO/IEC 21031: of what making the hardware emitted, the time it was reserved as a
part of its life, and the part of it that was reserved. Figures for hardware are few and old; a band of ±50 % is ours.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

YEAR_SECONDS = 365 * 24 * 3600.0
LIFE_YEARS = 3.0
BAND = 0.5
"""Half-width of an embodied figure, as a part of it: our own allowance, no study's."""
SERVER_KILOGRAMS, H100_KILOGRAMS = 5700.0, 164.0
SOURCE = "server 5,700 kg, H100 164 kg, 3 years of life (as used by EcoLogits); an estimate, ±50 % by our allowance"
CAPTURE = 0.7
"""Share of a computer's heat that a building could take, by our allowance."""


@dataclass(frozen=True)
class Embodied:
    """Embodied CO2e: always an estimate.

    Parameters
    ----------
    grams, low, high : float
        g CO2e, with its band.
    source : str
        Where it comes from.
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
        TE, what making the hardware emitted, in kg CO2e.
    reserved_seconds : float
        TiR, for how long it was reserved.
    life_years : float
        EL, how long it lasts.
    share : float
        RR / ToR, the part of it that was reserved, 0 to 1.
    source : str
        Where `kilograms` comes from.

    Raises
    ------
    ValueError
        If a value makes no sense; one sentence.
    """
    for name, value in (("kilograms", kilograms), ("reserved_seconds", reserved_seconds)):
        if not (math.isfinite(value) and value >= 0):
            raise ValueError(f"{name} is {value!r}; give a number from 0 up.")
    if not (math.isfinite(life_years) and life_years > 0):
        raise ValueError(f"A life of {life_years!r} years is none; give a number above 0.")
    if not 0 <= share <= 1:
        raise ValueError(f"A share of {share!r} is none; give a number from 0 to 1.")
    grams = kilograms * 1000 * reserved_seconds / (life_years * YEAR_SECONDS) * share
    return Embodied(grams, grams * (1 - BAND), grams * (1 + BAND), source)


def reusable_heat(joules: float, capture: float = CAPTURE) -> float:
    """Return joules of heat that could have been used elsewhere: Q = E · η; an estimate, nothing was captured.

    Raises
    ------
    ValueError
        If a value makes no sense; one sentence.
    """
    if not (math.isfinite(joules) and joules >= 0):
        raise ValueError(f"{joules!r} J is no energy; give a number from 0 up.")
    if not 0 <= capture <= 1:
        raise ValueError(f"A captured share of {capture!r} is none; give a number from 0 to 1.")
    return joules * capture
