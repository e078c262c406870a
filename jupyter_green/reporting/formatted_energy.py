"""Formatting of one energy for a row or a line, by the rules of a record's sentence.

Used for a record or a sum of records whose devices are not at hand. "~" marks an energy without any sensor, "≤" an
interval that includes 0, "so far" a value that may still change.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from jupyter_green.records import EnergyRecord, Quality

from . import numbers
from .numbers import ABSENT, THIN, finite

SENSED = 0.005
"""An energy with a smaller measured share counts as modelled."""


@dataclass(frozen=True)
class FormattedEnergy:
    """An energy with its uncertainty and quality, formatted on demand."""

    joules: float | None
    """Energy; None if there is no reading."""
    uncertainty: float | None
    """Half-width of the 95 % interval in joules; None if unknown."""
    quality: Quality
    """The weakest quality of the readings."""
    measured_share: float | None = None
    """Share of the energy that was measured, 0 to 1."""
    below_resolution: bool = False
    """Whether the interval includes 0."""
    final: bool = True
    """Whether the value is final."""
    cut: bool = False
    """Whether it ends at a killed kernel's last heartbeat, so that it is a lower bound."""

    @classmethod
    def of(cls, record: EnergyRecord) -> FormattedEnergy:
        """Create from a record."""
        return cls(
            finite(record.joules),
            finite(record.uncertainty),
            record.quality,
            finite(record.measured_share),
            record.below_resolution and finite(record.uncertainty) is not None,
            record.final,
            record.status == "killed",
        )

    @classmethod
    def told(cls, shape: Mapping[str, Any], *, final: bool = True, cut: bool = False) -> FormattedEnergy:
        """Create from the dictionary that is sent to pages."""
        return cls(
            finite(shape["joules"]),
            finite(shape["uncertainty"]),
            shape["quality"],
            finite(shape["measured_share"]),
            bool(shape.get("below_resolution")) and finite(shape["uncertainty"]) is not None,
            final,
            cut,
        )

    @property
    def modelled(self) -> bool:
        """Whether no part of it was read from a sensor."""
        return self.quality == "estimated" and (self.measured_share or 0.0) < SENSED

    @property
    def standing(self) -> str:
        """The quality in words: "measured", "85 % measured", "estimated", "simulated", "no reading"."""
        if self.joules is None:
            return "no reading"
        if self.quality == "estimated" and not self.modelled:
            return f"{numbers.whole_percent(self.measured_share)} measured"
        return self.quality

    def head(self, unit: numbers.Unit | None = None) -> str:
        """Return the value with its sign ("~", "≤", "≥") and unit, without ±."""
        value, symbol, _ = self._parts(unit)
        return f"{value}{THIN}{symbol}" if symbol else value

    def value(self, unit: numbers.Unit) -> str:
        """Return the value with its sign, without unit and ±."""
        return self._parts(unit)[0]

    def spread(self, unit: numbers.Unit | None = None) -> str:
        """Return the ± ("± 0.2", "± not known", "so far"), empty if there is none."""
        return self._parts(unit)[2]

    def __str__(self) -> str:
        return " ".join(part for part in (self.head(), self.spread()) if part)

    def _parts(self, unit: numbers.Unit | None) -> tuple[str, str, str]:
        """Return the value with its sign, the unit's symbol, and the ±."""
        joules, uncertainty = self.joules, self.uncertainty
        if joules is None:
            return ABSENT, "", ""
        moving = "" if self.final else "so far"
        if self.below_resolution and uncertainty is not None:
            most = max(0.0, joules + uncertainty)
            size = unit or numbers.unit_for([most])
            return f"≤{THIN}{numbers.ceiling(most / size.joules)}", size.symbol, moving
        if self.cut and self.final:
            least = joules if uncertainty is None else joules - uncertainty
            if least > 0:
                size = unit or numbers.unit_for([least])
                return f"≥{THIN}{numbers.floor(least / size.joules)}", size.symbol, ""
        amount = numbers.energy(joules, uncertainty, unit)
        spread = "± not known" if amount.uncertainty is None else f"±{THIN}{amount.uncertainty}"
        return f"{'~' if self.modelled else ''}{amount.value}", amount.unit.symbol, moving or spread
