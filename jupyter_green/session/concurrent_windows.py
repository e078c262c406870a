"""Cells that run at the same time (subshells): nobody can tell whose energy it was.

The energy of the common time is split evenly, so that totals stay the device's, and the interval of each
share reaches from none of it to all of it. A split figure is an estimate, whatever measured the whole.
"""

from __future__ import annotations

from itertools import pairwise

from jupyter_green.metering import Meter
from jupyter_green.records import Component

from .idle import add_up


class ConcurrentWindows:
    """How many outermost windows were open, over time."""

    def __init__(self) -> None:
        self._marks: list[tuple[float, int]] = []

    def mark(self, moment: float, count: int) -> None:
        """From this moment of `time.perf_counter()` on, so many windows are open."""
        self._marks.append((moment, count))

    def forget(self) -> None:
        """Drop what is over; called while no window is open."""
        del self._marks[:-1]

    def split(self, meter: Meter, start: float, end: float) -> tuple[Component, ...]:
        """Return the components of one of several windows, the common time split evenly."""
        before = [count for moment, count in self._marks if moment <= start]
        inside = [(moment, count) for moment, count in self._marks if start < moment < end]
        marks = [(start, before[-1] if before else 1), *inside, (end, 0)]
        stretches = [(t0, t1, max(1, count)) for (t0, count), (t1, _) in pairwise(marks) if t1 > t0]
        parts = [meter.components(t0, t1, final=True) for t0, t1, _ in stretches]
        shares = add_up(parts, [1.0 / count for _, _, count in stretches])
        return tuple(_doubted(whole, share) for whole, share in zip(add_up(parts), shares, strict=True))


def _doubted(whole: Component, share: Component) -> Component:
    if whole.joules is None or share.joules is None:
        return share
    doubt = whole.joules - share.joules
    fields = {**share.to_dict(), "uncertainty": (share.uncertainty or 0.0) + doubt, "shared": True}
    if share.quality == "measured" and doubt:
        fields["quality"] = "estimated"
    return Component.from_dict(fields)
