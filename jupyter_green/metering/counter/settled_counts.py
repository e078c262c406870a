"""Counts at edges that are final because records were made from them.

Windows and gaps add up to the device's energy only if the count never decreases from one edge to the next. An edge
whose updates come late, for example in a suspended process, may settle after its neighbours. Its count is then limited
to the range between theirs.
"""

from __future__ import annotations

import bisect
from dataclasses import replace

from .edge_energy import EdgeCount


class SettledCounts:
    """Final counts by edge, in order of time."""

    def __init__(self) -> None:
        self._edges: list[float] = []
        self._counts: dict[float, EdgeCount] = {}

    def __contains__(self, moment: float) -> bool:
        return moment in self._counts

    def get(self, moment: float) -> EdgeCount | None:
        """Return the final count at an edge, or None."""
        return self._counts.get(moment)

    def keep(self, moment: float, count: EdgeCount) -> None:
        """Store a final count at an edge."""
        if moment not in self._counts:
            bisect.insort(self._edges, moment)
        self._counts[moment] = count

    def fitted(self, moment: float, count: EdgeCount) -> EdgeCount:
        """Limit a count to the range between the final counts before and after it."""
        index = bisect.bisect_left(self._edges, moment)
        if index:
            count = clamp_monotonic(self._counts[self._edges[index - 1]], count)
        if index < len(self._edges):
            later = self._counts[self._edges[index]]
            if later.epoch == count.epoch and later.value < count.value:
                count = replace(count, value=later.value)
        return count

    def forget(self, oldest: float) -> None:
        """Drop counts before a moment."""
        count = bisect.bisect_left(self._edges, oldest)
        for edge in self._edges[:count]:
            del self._counts[edge]
        del self._edges[:count]


def clamp_monotonic(earlier: EdgeCount | None, count: EdgeCount) -> EdgeCount:
    """Return the count, limited to be no lower than an earlier one."""
    if earlier is not None and earlier.epoch == count.epoch and count.value < earlier.value:
        return replace(count, value=earlier.value)
    return count
