"""The timeline of one sensor: its readings, and the energy between any two moments with bounds.

A counter shows the energy up to its last tick, a little late. So a single difference of two reads is
never used: the timeline keeps every change it saw and asks, for a moment t, between which two values the
true count must have lain. Energy only grows, hence the value shown before t is a lower bound, and the
first value whose tick can't have been before t is an upper one. The point between them comes from the
ticks' own times. Energy of a window is the difference of two such points of one function, so that the
energies of neighbouring windows and of the gaps between them always add up to the device's.

The lists are written by the sampler thread alone; readers take a snapshot.
"""

from __future__ import annotations

import bisect
import math
from dataclasses import dataclass

from jupyter_green.records import Quality
from jupyter_green.sensors import Reading, Traits

KEEP_SECONDS = 30.0
"""Age up to which every reading is kept; older ones are thinned."""

THIN_SECONDS = 1.0


@dataclass(frozen=True)
class Point:
    """The count at one moment: best value and bounds, in joules since the sensor's origin."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Energy:
    """Energy between two moments as one sensor saw it.

    Parameters
    ----------
    joules : float or None
        None where the sensor can't tell.
    random : float
        Half-width in joules of what its timing leaves open.
    gain : float
        Half-width in joules of its systematic error.
    note : str or None
        Why there is no reading, or why it is wide.
    """

    joules: float | None
    random: float = 0.0
    gain: float = 0.0
    note: str | None = None

    @property
    def uncertainty(self) -> float:
        """Half-width of the 95 % interval in joules."""
        return math.hypot(self.random, self.gain)


class Timeline:
    """Readings of one counter sensor.

    Parameters
    ----------
    traits : Traits
        What the sensor says about itself.
    """

    def __init__(self, traits: Traits) -> None:
        self.traits = traits
        self.quality: Quality = traits.quality
        self._times: list[float] = []
        self._values: list[float] = []
        self._epochs: list[int] = []
        self._faults: list[tuple[float, str]] = []
        self._steps: list[float] = []
        self._last_change: float | None = None

    # ---- writing (sampler thread) -------------------------------------------------------------

    def add(self, reading: Reading) -> None:
        """Append a reading; one that is not later than the last is dropped."""
        if self._times and reading.time <= self._times[-1]:
            return
        if self._times and reading.epoch == self._epochs[-1] and reading.value > self._values[-1]:
            self._note_tick(reading.time)
        self._times.append(reading.time)
        self._values.append(reading.value)
        self._epochs.append(reading.epoch)

    def fault(self, time: float, why: str) -> None:
        """Note that a read failed at a moment."""
        if len(self._faults) < 1000:
            self._faults.append((time, why))

    def thin(self, now: float, edges: list[float]) -> None:
        """Drop old readings that no open window's edge needs."""
        if len(self._times) < 2000:
            return
        keep = []
        last = -math.inf
        for index, time in enumerate(self._times):
            near = any(abs(time - edge) < 2.0 for edge in edges)
            changed = index > 0 and self._epochs[index] != self._epochs[index - 1]
            if near or changed or now - time < KEEP_SECONDS or time - last >= THIN_SECONDS:
                keep.append(index)
                last = time
        self._times = [self._times[i] for i in keep]
        self._values = [self._values[i] for i in keep]
        self._epochs = [self._epochs[i] for i in keep]

    def forget(self, before: float) -> None:
        """Drop readings older than a moment, but for the last one before it."""
        cut = max(0, bisect.bisect_left(self._times, before) - 2)
        if cut:
            del self._times[:cut], self._values[:cut], self._epochs[:cut]
        self._faults = [item for item in self._faults if item[0] >= before]

    def _note_tick(self, time: float) -> None:
        if self._last_change is not None and self._times and time - self._times[-1] < self.traits.period[1]:
            self._steps.append(time - self._last_change)
            del self._steps[:-64]
        self._last_change = time

    # ---- what is known of the sensor ----------------------------------------------------------

    @property
    def tick(self) -> float:
        """Update period in seconds: as seen, else the longest the sensor may have."""
        low, high = self.traits.period
        if len(self._steps) < 4:
            return high
        return min(high, max(low, sorted(self._steps)[len(self._steps) // 2]))

    @property
    def tick_seen(self) -> float | None:
        """Update period in seconds as seen; None before a few ticks were."""
        return self.tick if len(self._steps) >= 4 else None

    @property
    def last(self) -> Reading | None:
        """The newest reading."""
        if not self._times:
            return None
        return Reading(self._times[-1], self._values[-1], self._epochs[-1])

    def settle_seconds(self) -> float:
        """How long after a window's end its figure may still change, in seconds."""
        return self.traits.period[1] * 2 + self.traits.latency if self.traits.period[1] else 0.0

    def settled(self, end: float) -> bool:
        """Whether no later reading can change the energy of a window that ended at `end`."""
        return bool(self._times) and self._upper_index(end) is not None

    # ---- reading ------------------------------------------------------------------------------

    def energy(self, start: float, end: float) -> Energy:
        """Energy between two moments of `time.perf_counter()`, in joules with its half-widths."""
        if not self._times:
            return Energy(None, note=self._reason(start, end) or "The sensor gave no reading.")
        first, last = self._around(start), self._around(end)
        if first is None or last is None:
            return Energy(None, note=self._reason(start, end) or "The window began before the sensor was read.")
        if len(set(self._epochs[first : last + 1])) > 1:
            return Energy(None, note=self._reason(start, end) or "The sensor's count was broken inside the window.")
        opening, closing = self._point(start), self._point(end)
        joules = closing.value - opening.value
        low, high = max(0.0, closing.low - opening.high), closing.high - opening.low
        if self.traits.power_limit is not None:
            high = min(high, self.traits.power_limit * (end - start))
        joules = min(max(joules, low), max(low, high))
        random = max(joules - low, high - joules, self.traits.resolution)
        return Energy(joules, random, self.traits.gain * joules, self._reason(start, end, reach=0.0))

    def watts(self) -> float | None:
        """Mean power over the last ticks in watts; None where there are too few."""
        if len(self._times) < 2:
            return None
        newest = len(self._times) - 1
        oldest = bisect.bisect_left(self._times, self._times[newest] - max(0.5, 3 * self.tick))
        if oldest >= newest or self._epochs[oldest] != self._epochs[newest]:
            return None
        return (self._values[newest] - self._values[oldest]) / (self._times[newest] - self._times[oldest])

    def course(self, start: float, end: float, points: int = 120) -> tuple[tuple[float, float | None], ...]:
        """Course of power: (seconds since start, mean watts up to the next pair), None at a break."""
        step = max((end - start) / points, 2 * self.tick, 0.05)
        if not self._times or end - start < 3 * step:
            return ()
        pairs: list[tuple[float, float | None]] = []
        moment = start
        while moment < end - step / 2:
            later = min(moment + step, end)
            slice_ = self.energy(moment, later)
            watts = None if slice_.joules is None else slice_.joules / (later - moment)
            pairs.append((round(moment - start, 4), None if watts is None else round(watts, 2)))
            moment = later
        return tuple(pairs)

    # ---- inside -------------------------------------------------------------------------------

    def _around(self, moment: float) -> int | None:
        """Index of the last reading not later than a moment; the first one if it is close behind."""
        index = bisect.bisect_right(self._times, moment) - 1
        if index >= 0:
            return index
        return 0 if self._times[0] - moment <= max(0.25, 2 * self.traits.period[1]) else None

    def _upper_index(self, moment: float) -> int | None:
        """Index of the first reading that surely shows a tick at or after a moment."""
        late = self.traits.latency
        longest = self.traits.period[1] + late
        for index in range(max(1, bisect.bisect_left(self._times, moment)), len(self._times)):
            if self._times[index] - longest >= moment:
                return index
            changed = self._values[index] > self._values[index - 1]
            if changed and self._times[index - 1] - late >= moment:
                return index
        return None

    def _point(self, moment: float) -> Point:
        before = bisect.bisect_right(self._times, moment) - 1
        limit = self.traits.power_limit
        if before < 0:
            # Read a little late: what the device can have used meanwhile at most is in the lower bound.
            lag = self._times[0] - moment
            reach = self.traits.period[1] + self.traits.latency
            low = self._values[0] - (lag + reach) * (limit if limit is not None else self._slope(0))
        else:
            low = self._values[before]
        above = self._upper_index(moment)
        if above is None:
            newest = len(self._times) - 1
            reach = max(0.0, moment - self._times[newest]) + self.traits.period[1] + self.traits.latency
            high = self._values[newest] + reach * (limit if limit is not None else 2 * self._slope(newest))
        else:
            high = self._values[above]
        return Point(min(max(self._interpolated(moment), low), max(low, high)), low, max(low, high))

    def _slope(self, index: int) -> float:
        """Power in watts around a reading, over about a second."""
        low = bisect.bisect_left(self._times, self._times[index] - 1.0)
        high = bisect.bisect_right(self._times, self._times[index] + 1.0) - 1
        if high <= low or self._epochs[low] != self._epochs[high]:
            return 0.0
        return (self._values[high] - self._values[low]) / (self._times[high] - self._times[low])

    def _interpolated(self, moment: float) -> float:
        """Count at a moment by the ticks around it."""
        index = bisect.bisect_right(self._times, moment) - 1
        if self.traits.period[1] == 0.0:  # exact at every reading, such as processor time
            if index < 0 or index + 1 >= len(self._times):
                return self._values[max(0, index)]
            t0, t1 = self._times[index], self._times[index + 1]
            return self._values[index] + (self._values[index + 1] - self._values[index]) * (moment - t0) / (t1 - t0)
        index = max(0, index)
        shown, value = self._shown_since(index)
        late = self.traits.latency / 2
        tick_before = shown - late
        following = self._next_change(index)
        if following is None:
            return value + max(0.0, moment - tick_before) * self._slope(index)
        tick_after = (self._times[following - 1] + self._times[following]) / 2 - late
        if tick_after <= moment:  # shown late: the tick itself was before the moment
            return self._values[following]
        tick_before = max(tick_before, tick_after - self.traits.period[1])
        share = (moment - tick_before) / max(1e-9, tick_after - tick_before)
        return value + (self._values[following] - value) * min(1.0, max(0.0, share))

    def _shown_since(self, index: int) -> tuple[float, float]:
        """When the value shown at a reading first appeared, and the value."""
        value = self._values[index]
        while index > 0 and self._values[index - 1] == value:
            index -= 1
        if index == 0:
            return self._times[0] - self.tick / 2, value
        return max((self._times[index - 1] + self._times[index]) / 2, self._times[index] - self.tick), value

    def _next_change(self, index: int) -> int | None:
        for later in range(index + 1, len(self._times)):
            if self._values[later] > self._values[index]:
                return later
        return None

    def _reason(self, start: float, end: float, reach: float = 1.2) -> str | None:
        for time, why in self._faults:
            if start - reach <= time <= end + reach:
                return why
        return None
