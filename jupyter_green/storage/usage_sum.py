"""A running sum over records: what the database added up, plus later records. Light enough to run for every cell."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

from jupyter_green.records import EnergyRecord, Quality, weakest
from jupyter_green.records.statistics import random_half_width


@dataclass
class UsageSum:
    """Sums over records."""

    joules: dict[str, float] = field(default_factory=dict)
    """Energy by quality: measured, estimated, simulated."""
    square: float = 0.0
    """Sum of the squared random half-widths, in J²; infinite if one is unknown."""
    gains: dict[str, float] = field(default_factory=dict)
    """Gain errors by source, in joules."""
    grams: float = 0.0
    """CO2e in grams."""
    costs: dict[str, float] = field(default_factory=dict)
    """Cost by currency."""
    count: int = 0
    unread: int = 0
    without_co2e: int = 0
    unpriced: int = 0
    """Number of records; of those without a reading, without CO2e, without a cost."""
    known: set[str] = field(default_factory=set)
    """Ids of requested and of recently ended records that are in the ledger."""

    def copy(self) -> UsageSum:
        """Return an independent copy. `known` is shared, because it is never modified."""
        return replace(self, joules=dict(self.joules), gains=dict(self.gains), costs=dict(self.costs))

    def add(self, record: EnergyRecord) -> None:
        """Add a record that the database does not have."""
        self.count += 1
        for part in record.components:
            if part.joules is None:
                continue
            random = random_half_width(part.uncertainty, part.gain_uncertainty)
            self.joules[part.quality] = self.joules.get(part.quality, 0.0) + part.joules
            self.square += random * random
            source = part.source or part.key
            self.gains[source] = self.gains.get(source, 0.0) + (part.gain_uncertainty or 0.0)
        if record.joules is None:
            self.unread += 1
            return
        self.without_co2e += record.co2e_grams is None
        self.unpriced += record.cost is None
        self.grams += record.co2e_grams or 0.0
        if record.cost is not None and record.currency is not None:
            self.costs[record.currency] = self.costs.get(record.currency, 0.0) + record.cost

    @property
    def quality(self) -> Quality | None:
        """The weakest quality with a reading; None without any."""
        return weakest(name for name, joules in self.joules.items() if joules)

    @property
    def total(self) -> float:
        """Total energy in joules."""
        return math.fsum(self.joules.values())

    @property
    def uncertainty(self) -> float:
        """Half-width of the 95 % interval, in joules."""
        return math.hypot(math.sqrt(self.square), *self.gains.values())
