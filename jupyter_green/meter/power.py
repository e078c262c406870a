"""The timeline of a sensor that shows power only: the readings' integral stands in for a counter.

A power reading is a mean over the last `averaging` seconds, so it speaks about the moment half of that
earlier; the integral is booked there. What an average smears across a window's edge can't be undone from
one side alone, and widens the interval by the step of power seen around that edge.
"""

from __future__ import annotations

import bisect

from jupyter_green.sensors import Reading, Traits

from .timeline import Energy, Timeline


class PowerTimeline(Timeline):
    """Readings of one power sensor, integrated by the trapezoid rule."""

    def __init__(self, traits: Traits) -> None:
        super().__init__(traits)
        self._watts: list[float] = []
        self._centre = traits.averaging / 2
        self._source_epoch = 0

    def add(self, reading: Reading) -> None:
        """Append a power reading in watts."""
        time = reading.time - self._centre
        if not self._times:
            value, epoch = 0.0, reading.epoch
        else:
            gap = time - self._times[-1]
            if gap <= 0:
                return
            value = self._values[-1] + (self._watts[-1] + reading.value) / 2 * gap
            # Between two windows nothing is read: the course of power there is not known.
            broken = reading.epoch != self._source_epoch or gap > max(1.0, 4 * self.traits.period[1])
            epoch = self._epochs[-1] + 1 if broken else self._epochs[-1]
        self._source_epoch = reading.epoch
        self._times.append(time)
        self._values.append(value)
        self._epochs.append(epoch)
        self._watts.append(reading.value)

    def thin(self, now: float, edges: list[float]) -> None:
        """Drop old readings that no open window's edge needs."""
        kept = dict(zip(self._times, self._watts, strict=True))
        super().thin(now, edges)
        self._watts = [kept[time] for time in self._times]

    def forget(self, before: float) -> None:
        """Drop readings older than a moment."""
        super().forget(before - self._centre - self.traits.averaging)
        del self._watts[: len(self._watts) - len(self._times)]

    @property
    def last(self) -> Reading | None:
        """The newest reading, in watts."""
        if not self._times:
            return None
        return Reading(self._times[-1] + self._centre, self._watts[-1], self._epochs[-1])

    def watts(self) -> float | None:
        """The newest reading in watts."""
        return self._watts[-1] if self._watts else None

    def settle_seconds(self) -> float:
        """How long after a window's end the average still speaks about it, in seconds."""
        return self.traits.averaging + 2 * self.traits.period[1] + self.traits.latency

    def settled(self, end: float) -> bool:
        """Whether the average has moved past a window that ended at `end`."""
        return bool(self._times) and self._times[-1] - self._centre - self.traits.latency >= end

    def energy(self, start: float, end: float) -> Energy:
        """Energy between two moments in joules."""
        first = bisect.bisect_right(self._times, start) - 1
        last = bisect.bisect_left(self._times, end)
        first, last = max(0, first), min(last, len(self._times) - 1)
        if not self._times or last <= first or self._times[first] - start > max(1.0, self.traits.averaging):
            return Energy(None, note=self._reason(start, end) or "Too few power readings for this window.")
        if len(set(self._epochs[first : last + 1])) > 1:
            return Energy(None, note=self._reason(start, end) or "The power readings were broken inside the window.")
        joules = max(0.0, self._integral(end) - self._integral(start))
        reach = self.traits.averaging / 2 + self.traits.period[1] + self.traits.latency
        random = reach * (self._step(start) + self._step(end)) + self.traits.resolution * (end - start)
        return Energy(joules, random, self.traits.gain * joules, self._reason(start, end, reach=0.0))

    def _integral(self, moment: float) -> float:
        index = bisect.bisect_right(self._times, moment) - 1
        if index < 0:
            return self._values[0] - (self._times[0] - moment) * self._watts[0]
        if index + 1 >= len(self._times):
            return self._values[index] + (moment - self._times[index]) * self._watts[index]
        t0, t1 = self._times[index], self._times[index + 1]
        return self._values[index] + (self._values[index + 1] - self._values[index]) * (moment - t0) / (t1 - t0)

    def _step(self, edge: float) -> float:
        """Spread of power in watts within one average of an edge."""
        reach = self.traits.averaging + 2 * self.traits.period[1]
        low = bisect.bisect_left(self._times, edge - reach)
        high = bisect.bisect_right(self._times, edge + reach)
        seen = self._watts[low:high]
        if len(seen) < 2:
            return self.traits.power_limit if self.traits.power_limit is not None else 2 * max(self._watts)
        return max(seen) - min(seen)
