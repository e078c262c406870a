"""Timeline of a counter that is exact whenever it is read, such as CPU time.

It is read at the window edges on the user's thread, so nothing is estimated there. Between two readings it is
interpolated linearly. Readings of the sampler inside a window may have a wrong time, since its thread waits while the
machine is busy. They are dropped if they contradict a reading at an edge.
"""

from __future__ import annotations

import bisect
import math

from jupyter_green.sensors import Reading, SensorInfo

from .counter.timeline import Energy, Timeline

READ_SECONDS = 0.5
"""Sampling period inside a window, for the live display only."""


class CpuTimeline(Timeline):
    """Timeline of a sensor that is exact at any moment."""

    read_at_edges = False

    def __init__(self, traits: SensorInfo) -> None:
        super().__init__(traits)
        self._times: list[float] = []
        self._values: list[float] = []
        self._time_uncertainties: list[float] = []

    def add(self, reading: Reading) -> None:
        """Insert a reading in order of time, limited to the values of its neighbours.

        Readings at edges arrive later than the sampler's own and have no time uncertainty. Of two contradicting
        readings the one with less uncertainty is kept.
        """
        index = bisect.bisect_left(self._times, reading.time)
        if index < len(self._times) and self._times[index] == reading.time:
            return
        while (
            index
            and self._values[index - 1] > reading.value
            and self._time_uncertainties[index - 1] > reading.uncertainty
        ):
            index -= 1
            self._drop(index)
        while (
            index < len(self._times)
            and self._values[index] < reading.value
            and self._time_uncertainties[index] > reading.uncertainty
        ):
            self._drop(index)
        low = self._values[index - 1] if index else reading.value
        high = self._values[index] if index < len(self._times) else reading.value
        self._times.insert(index, reading.time)
        self._values.insert(index, min(max(reading.value, low), max(low, high)) if high >= low else low)
        self._time_uncertainties.insert(index, reading.uncertainty)

    def _drop(self, index: int) -> None:
        del self._times[index], self._values[index], self._time_uncertainties[index]

    def thin(self, now: float, edges: list[float]) -> None:
        """Does nothing: two readings a second and two per edge are few."""

    def forget(self, before: float) -> None:
        """Drop readings older than a moment, except the last before it."""
        super().forget(before)
        count = max(0, bisect.bisect_left(self._times, before) - 1)
        del self._times[:count], self._values[:count], self._time_uncertainties[:count]

    @property
    def tick_seen(self) -> float | None:
        """None: an exact counter has no update period."""
        return None

    def next_read(self, now: float) -> float:
        """When the live display needs another reading."""
        return (self._times[-1] if self._times else now) + READ_SECONDS

    def settle_seconds(self) -> float:
        """0: the reading at the edge is final."""
        return 0.0

    def settled(self, end: float, *, soon: bool = False) -> bool:
        """Whether there is a reading at or after an edge."""
        return bool(self._times) and self._times[-1] >= end

    def known_until(self) -> float:
        """Time of the last reading."""
        return self._times[-1] if self._times else -math.inf

    def energy(self, start: float, end: float) -> Energy:
        """Energy between two moments in joules."""
        if not self._times or end < self._times[0]:
            return Energy(None, note=self._reason(start, end) or "The sensor gave no reading for this window.")
        joules = self._at(end) - self._at(start)
        return Energy(joules, self.traits.resolution, self.traits.gain * joules, self._reason(start, end, reach=0.0))

    def watts(self) -> float | None:
        """Mean power over about the last `READ_SECONDS`, in watts."""
        if len(self._times) < 2:
            return None
        index = max(0, bisect.bisect_left(self._times, self._times[-1] - READ_SECONDS) - 1)
        span = self._times[-1] - self._times[index]
        return (self._values[-1] - self._values[index]) / span if span > 0 else None

    def course(self, start: float, end: float, points: int = 120) -> tuple[tuple[float, float | None], ...]:
        """Power over time: (seconds since start, mean watts up to the next pair)."""
        step = max((end - start) / points, READ_SECONDS)
        moments = [start]
        moments += [time for time in self._times if start < time < end]
        pairs: list[tuple[float, float | None]] = []
        last = start
        for moment in [*moments[1:], end]:
            if moment - last >= step:
                pairs.append((round(last - start, 4), round((self._at(moment) - self._at(last)) / (moment - last), 2)))
                last = moment
        return tuple(pairs) if len(pairs) >= 3 else ()

    def _at(self, moment: float) -> float:
        index = bisect.bisect_right(self._times, moment) - 1
        if index < 0:
            return self._values[0]
        if index + 1 >= len(self._times):
            return self._values[index]
        t0, t1 = self._times[index], self._times[index + 1]
        return self._values[index] + (self._values[index + 1] - self._values[index]) * (moment - t0) / (t1 - t0)
