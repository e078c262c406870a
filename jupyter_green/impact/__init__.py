"""Floor 2: joules to CO2e, money, water and everyday equivalents; nothing is said until a region or a tariff is set.

Every factor carries its source and its boundary. A region that the table does not hold is said, never guessed.
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
