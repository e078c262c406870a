"""Splits energy between cells that run at the same time (subshells).

The energy of the common time can't be attributed, so it is split evenly; totals stay those of the device. The interval
of each part covers none to all of the common energy. A split value is an estimate, whatever the quality of the whole.
"""

from __future__ import annotations

from itertools import pairwise

from jupyter_green.metering import Meter
from jupyter_green.records import Component

from .gaps import add_up


class ConcurrentWindows:
    """Number of open outermost windows over time."""

    def __init__(self) -> None:
        self._marks: list[tuple[float, int]] = []

    def mark(self, moment: float, count: int) -> None:
        """Note that `count` windows are open from this moment of `time.perf_counter()` on."""
        self._marks.append((moment, count))

    def forget(self) -> None:
        """Drop all marks but the last; called while no window is open."""
        del self._marks[:-1]

    def split(self, meter: Meter, start: float, end: float) -> tuple[Component, ...]:
        """Return the components of one of several concurrent windows, with the common time split evenly."""
        before = [count for moment, count in self._marks if moment <= start]
        inside = [(moment, count) for moment, count in self._marks if start < moment < end]
        marks = [(start, before[-1] if before else 1), *inside, (end, 0)]
        stretches = [(t0, t1, max(1, count)) for (t0, count), (t1, _) in pairwise(marks) if t1 > t0]
        parts = [meter.components(t0, t1, final=True) for t0, t1, _ in stretches]
        split_parts = add_up(parts, [1.0 / count for _, _, count in stretches])
        return tuple(_doubted(whole, share) for whole, share in zip(add_up(parts), split_parts, strict=True))


def _doubted(whole: Component, share: Component) -> Component:
    if whole.joules is None or share.joules is None:
        return share
    others_joules = whole.joules - share.joules
    fields = {**share.to_dict(), "uncertainty": (share.uncertainty or 0.0) + others_joules, "shared": True}
    if share.quality == "measured" and others_joules:
        fields["quality"] = "estimated"
    return Component.from_dict(fields)
