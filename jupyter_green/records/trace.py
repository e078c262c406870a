"""Power over time in a window: one short series per device, thinned so that records stay small.

Missing readings are None in the series and are never interpolated.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Trace:
    """Power over time.

    Parameters
    ----------
    series : mapping of str to sequence of (float, float or None)
        For each device, pairs of time since the window's start in seconds and mean power until the next pair in
        watts; None without a reading.
    seconds : float
        Length of the window in seconds.
    simulated : bool
        Whether any series is from a simulated sensor.
    """

    series: Mapping[str, tuple[tuple[float, float | None], ...]]
    seconds: float
    simulated: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready data."""
        return {
            "series": {name: [list(pair) for pair in pairs] for name, pairs in self.series.items()},
            "seconds": self.seconds,
            "simulated": self.simulated,
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Trace:
        """Rebuild a trace from the output of `to_dict`."""
        series = {name: tuple((float(t), w) for t, w in pairs) for name, pairs in data.get("series", {}).items()}
        return cls(series=series, seconds=float(data.get("seconds", 0.0)), simulated=bool(data.get("simulated")))

    def __repr__(self) -> str:
        points = sum(len(pairs) for pairs in self.series.values())
        return f"<Trace of {len(self.series)} device(s), {points} points over {self.seconds:.3g} s>"
