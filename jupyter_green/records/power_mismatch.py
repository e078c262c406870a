"""Difference between a GPU's power readings and its energy counter, as data and as a sentence.

The figure is that of the counter, and its interval includes the other value. Code reads the data. Only `old_mismatch`
parses sentences, for records stored before the data existed.
"""

from __future__ import annotations

import math
import re
from dataclasses import asdict, dataclass
from typing import Any

_OLD = re.compile(
    r"The board's shown power came(?P<recent> lately)? to (?P<percent>\d+)% (?P<way>more|less) than its counter; "
    "the interval reaches both"
)


@dataclass(frozen=True)
class PowerMismatch:
    """Power readings compared with the counter, over one window."""

    ratio: float
    """(power readings - counter) / counter."""
    recent: bool = False
    """Whether the window was too short, and the latest readings before its end were compared instead."""

    @property
    def sentence(self) -> str:
        """The sentence for the component's note."""
        recently, side = "recently " if self.recent else "", "above" if self.ratio > 0 else "below"
        percent = f"{100 * abs(self.ratio):.0f}%"
        return f"The GPU's {recently}reported power is {percent} {side} its counter; the interval includes both."

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready data."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> PowerMismatch:
        """Rebuild it from the output of `to_dict`; unknown keys are ignored.

        Raises ValueError if a value has the wrong type.
        """
        ratio, recent = data.get("ratio"), data.get("recent")
        if isinstance(ratio, bool) or not isinstance(ratio, (int, float)) or not math.isfinite(ratio):
            raise ValueError("a power mismatch has no ratio")
        if not isinstance(recent, bool):
            raise ValueError("a power mismatch does not say whether it is a recent one")
        return cls(float(ratio), recent)


def old_mismatch(note: object) -> PowerMismatch | None:
    """Return the mismatch parsed from a component's note that was stored without it; None without one."""
    match = _OLD.search(note) if isinstance(note, str) else None
    if match is None:
        return None
    ratio = int(match["percent"]) / 100
    return PowerMismatch(ratio if match["way"] == "more" else -ratio, match["recent"] is not None)
