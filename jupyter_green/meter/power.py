"""The timeline of a sensor that shows power only: the readings' integral stands in for a counter.

A power reading is a mean over the last `averaging` seconds, so it speaks about the moment half of that
earlier; the integral is booked there. What an average smears across a window's edge can't be undone from
one side alone, and widens the interval by the step of power seen around that edge.
"""

from __future__ import annotations

import bisect
import math
from itertools import pairwise

from jupyter_green.sensors import Reading, Traits

from .timeline import Energy, Timeline


class PowerTimeline(Timeline):
    """Readings of one power sensor, integrated by the trapezoid rule."""

    read_at_edges = False

    def __init__(self, traits: Traits) -> None:
        super().__init__(traits)
        self._centre = traits.averaging / 2
        self._times: list[float] = []
        self._watts: list[float] = []
        self._joules: list[float] = []
        self._epochs: list[int] = []

    def add(self, reading: Reading) -> None:
        """Book a power reading in watts."""
        time = reading.time - self._centre
        joules, epoch = 0.0, reading.epoch
        if self._times:
            gap = time - self._times[-1]
            if gap <= 0:
                return
            joules = self._joules[-1] + (self._watts[-1] + reading.value) / 2 * gap
            # Between two windows nothing is read: the course of power there is not known.
            if gap > max(1.0, 4 * self.traits.period[1]):
                epoch = max(epoch, self._epochs[-1]) + 1
            else:
                epoch = max(epoch, self._epochs[-1])
        self._times.append(time)
        self._watts.append(reading.value)
        self._joules.append(joules)
        self._epochs.append(epoch)

    def thin(self, now: float, edges: list[float]) -> None:
        """Drop old readings that no open window's edge needs."""
        if len(self._times) < 2000:
            return
        keep: list[int] = []
        for index, time in enumerate(self._times):
            near = now - time < 30.0 or any(abs(time - edge) < 5.0 for edge in edges)
            broken = index > 0 and self._epochs[index] != self._epochs[index - 1]
            if near or broken or not keep or time - self._times[keep[-1]] >= 1.0:
                keep.append(index)
        for values in (self._times, self._watts, self._joules):
            values[:] = [values[index] for index in keep]
        self._epochs = [self._epochs[index] for index in keep]

    def forget(self, before: float) -> None:
        """Drop readings older than a moment."""
        super().forget(before)
        cut = max(0, bisect.bisect_left(self._times, before - self.traits.averaging) - 1)
        del self._times[:cut], self._watts[:cut], self._joules[:cut], self._epochs[:cut]

    @property
    def tick_seen(self) -> float | None:
        """A power reading may stay the same over many updates: its period is not seen."""
        return None

    def next_read(self, now: float) -> float:
        """Half the longest period finds every update."""
        last = self._times[-1] + self._centre if self._times else now
        return max(now, last + max(0.01, min(self.traits.period[1] / 2, 0.05)))

    def watts(self) -> float | None:
        """The newest reading in watts."""
        return self._watts[-1] if self._watts else None

    def settle_seconds(self) -> float:
        """How long after a window's end the average still speaks about it, in seconds."""
        return self.traits.averaging + 2 * self.traits.period[1] + self.traits.latency

    def settled(self, end: float) -> bool:
        """Whether the average has moved past an edge."""
        return bool(self._times) and self._times[-1] - self._centre - self.traits.latency >= end

    def known_until(self) -> float:
        """The latest edge that the average has moved past."""
        return self._times[-1] - self._centre - self.traits.latency if self._times else -math.inf

    def energy(self, start: float, end: float) -> Energy:
        """Energy between two moments in joules."""
        first = max(0, bisect.bisect_right(self._times, start) - 1)
        last = min(bisect.bisect_left(self._times, end), len(self._times) - 1)
        if last <= first or self._times[first] - start > max(1.0, self.traits.averaging):
            return Energy(None, note=self._reason(start, end) or "Too few power readings for this window.")
        if len(set(self._epochs[first : last + 1])) > 1:
            return Energy(None, note=self._reason(start, end) or "Power was not read all through this time.")
        joules = max(0.0, self._integral(end) - self._integral(start))
        reach = self.traits.averaging / 2 + self.traits.period[1] + self.traits.latency
        random = reach * (self._step(start) + self._step(end)) + self.traits.resolution * (end - start)
        return Energy(joules, random, self.traits.gain * joules, self._reason(start, end, reach=0.0))

    def course(self, start: float, end: float, points: int = 120) -> tuple[tuple[float, float | None], ...]:
        """Course of power: (seconds since start, mean watts up to the next pair), None at a break."""
        step = max((end - start) / points, 0.1)
        inside = [index for index, time in enumerate(self._times) if start <= time <= end]
        pairs: list[tuple[float, float | None]] = []
        for here, there in pairwise(inside):
            time = round(self._times[here] - start, 4)
            if self._epochs[here] != self._epochs[there]:
                pairs.append((time, None))
            elif not pairs or time - pairs[-1][0] >= step:
                pairs.append((time, round(self._watts[here], 2)))
        return tuple(pairs) if len(pairs) >= 3 else ()

    def _integral(self, moment: float) -> float:
        index = bisect.bisect_right(self._times, moment) - 1
        if index < 0:
            return self._joules[0] - (self._times[0] - moment) * self._watts[0]
        if index + 1 >= len(self._times):
            return self._joules[index] + (moment - self._times[index]) * self._watts[index]
        t0, t1 = self._times[index], self._times[index + 1]
        return self._joules[index] + (self._joules[index + 1] - self._joules[index]) * (moment - t0) / (t1 - t0)

    def _step(self, edge: float) -> float:
        """Spread of power in watts within one average of an edge."""
        reach = self.traits.averaging + 2 * self.traits.period[1]
        low = bisect.bisect_left(self._times, edge - reach)
        high = bisect.bisect_right(self._times, edge + reach)
        seen = self._watts[low:high]
        if len(seen) < 2:
            return self.traits.power_limit if self.traits.power_limit is not None else 2 * max(self._watts)
        return max(seen) - min(seen)
