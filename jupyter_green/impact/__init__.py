"""Conversion of joules to CO2e, cost, water and everyday equivalents.

Nothing is converted until a region or a tariff is set. Every factor has a source and a boundary; a region without a
figure is an error, never a guess.
"""

from __future__ import annotations

from .embodied import Embodied, embodied_share, reusable_heat
from .equivalents import EQUIVALENTS, Equivalent, Factor, equivalents
from .region import Intensity, UnknownRegion, intensity, regions
from .tariff import BadTariff, Tariff
from .valuation import BadPue, Valuation
from .water import Water, water

__all__ = [
    "EQUIVALENTS",
    "BadPue",
    "BadTariff",
    "Embodied",
    "Equivalent",
    "Factor",
    "Intensity",
    "Tariff",
    "UnknownRegion",
    "Valuation",
    "Water",
    "embodied_share",
    "equivalents",
    "intensity",
    "regions",
    "reusable_heat",
    "water",
]
