"""By how much the power that a GPU shows differs from its energy counter: the fact, and the sentence that says it.

The figure keeps the counter's value and its interval reaches the other one. Code reads the fact; only `old_mismatch`
reads sentences, of records from before there were facts.
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
    """The shown power beside the counter, over one window.

    Parameters
    ----------
    ratio : float
        (shown - counted) / counted.
    recent : bool
        Whether the window was too short to tell, and the latest readings before its end were taken.
    """

    ratio: float
    recent: bool = False

    @property
    def sentence(self) -> str:
        """The whole sentence, for the figure's note."""
        lately, way = " lately" if self.recent else "", "more" if self.ratio > 0 else "less"
        percent = f"{100 * abs(self.ratio):.0f}%"
        return f"The board's shown power came{lately} to {percent} {way} than its counter; the interval reaches both."

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON-ready data."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> PowerMismatch:
        """Rebuild it from `to_dict` output; unknown keys are ignored.

        Raises
        ------
        ValueError
            If a value is of the wrong kind.
        """
        ratio, recent = data.get("ratio"), data.get("recent")
        if isinstance(ratio, bool) or not isinstance(ratio, (int, float)) or not math.isfinite(ratio):
            raise ValueError("a power mismatch has no ratio")
        if not isinstance(recent, bool):
            raise ValueError("a power mismatch does not say whether it is a recent one")
        return cls(float(ratio), recent)


def old_mismatch(note: object) -> PowerMismatch | None:
    """Return what the note of a component tells that was stored without the fact; None where it tells none."""
    found = _OLD.search(note) if isinstance(note, str) else None
    if found is None:
        return None
    ratio = int(found["percent"]) / 100
    return PowerMismatch(ratio if found["way"] == "more" else -ratio, found["recent"] is not None)
