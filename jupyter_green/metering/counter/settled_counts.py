"""The counts that are held: figures were given out that rest on them, so they change no more.

Windows and gaps add up to the device's energy only where the count never falls from one edge to the next. An
edge whose ticks come late, as those of a process that stood still, may settle after its neighbours on both
sides: what it says then has to lie between theirs.
"""

from __future__ import annotations

import bisect
from dataclasses import replace

from .edge_energy import EdgeCount


class SettledCounts:
    """Counts by their edges, in the order of time."""

    def __init__(self) -> None:
        self._edges: list[float] = []
        self._counts: dict[float, EdgeCount] = {}

    def __contains__(self, moment: float) -> bool:
        return moment in self._counts

    def get(self, moment: float) -> EdgeCount | None:
        """The count that is held at an edge."""
        return self._counts.get(moment)

    def keep(self, moment: float, count: EdgeCount) -> None:
        """Hold a count at an edge."""
        if moment not in self._counts:
            bisect.insort(self._edges, moment)
        self._counts[moment] = count

    def fitted(self, moment: float, count: EdgeCount) -> EdgeCount:
        """A count at a moment, no lower than the nearest one held before it and no higher than the one after."""
        index = bisect.bisect_left(self._edges, moment)
        if index:
            count = clamp_monotonic(self._counts[self._edges[index - 1]], count)
        if index < len(self._edges):
            later = self._counts[self._edges[index]]
            if later.epoch == count.epoch and later.value < count.value:
                count = replace(count, value=later.value)
        return count

    def forget(self, oldest: float) -> None:
        """Drop what lies before a moment."""
        old = bisect.bisect_left(self._edges, oldest)
        for edge in self._edges[:old]:
            del self._counts[edge]
        del self._edges[:old]


def clamp_monotonic(earlier: EdgeCount | None, count: EdgeCount) -> EdgeCount:
    """A count that is no lower than one before it, however little was used in between."""
    if earlier is not None and earlier.epoch == count.epoch and count.value < earlier.value:
        return replace(count, value=earlier.value)
    return count
