"""Timeline of a sensor that reports power only.

Its samples add up to a count that lags behind the power (`samples`). The count at an edge can be estimated from two
sides: from before, if the power before the edge was steady for one averaging time; or from after, once the average has
passed the edge and was steady since. The steadier side is used and its unsteadiness gives the uncertainty. If both seem
steady but differ, half of the difference is added.
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

from jupyter_green.metering.counter.lower_bound import partial_energy_note
from jupyter_green.metering.counter.timeline import Z_95, Energy, Timeline
from jupyter_green.sensors import Reading, SensorInfo

from .part_time import EVIDENCE_SECONDS, LOOK_SECONDS, PartTimeSampling, unseen
from .samples import CLEAR_SHARE, CLEAR_WATTS, LEVEL_SHARE, NOISE_WATTS, PowerSample, PowerSamples

PLACING, PLACING_SECONDS = 0.0015, 0.004
"""Uncertainty from the times of samples: a fraction of the energy, and seconds of a window's power."""


LARGEST_LATENCY = 0.25
"""Largest latency in seconds of a sample, until a window's begin shows a smaller one: work can't show before it
begins."""

TELLING_SECONDS = 1.1
"""Time after a window's end in which the fall of the power shows how readings follow it."""

SETTLED_UPDATES = 8

QUIET_SECONDS = 1.0
"""Time without a window before a window's begin, for the following rise to be its own."""

LONG_WINDOW_SECONDS = 60.0
"""Length of a window from which on the averaging time at its edges does not matter."""


@dataclass(frozen=True)
class EdgePower:
    """The count at an edge, estimated from one side, in joules, with its standard deviation."""

    value: float
    uncertainty: float
    epoch: int
    variance: float
    unseen: float
    watts: float


class PowerTimeline(Timeline):
    """Timeline of one power sensor."""

    read_at_edges = True

    def __init__(self, traits: SensorInfo) -> None:
        super().__init__(traits)
        self._updates = PowerSamples(traits)
        self._held: dict[float, EdgePower] = {}
        self._late = LARGEST_LATENCY
        """Largest latency of a sample, in seconds."""

    # ---- writing ------------------------------------------------------------------------------

    def add(self, reading: Reading) -> None:
        """Add a power reading in watts."""
        averaging_before = self._updates.averaging
        self._updates.add(reading)
        if self._updates.averaging != averaging_before:
            self._held.clear()  # final counts used another averaging time
        last_edge = self._edges[-1] if self._edges else math.inf
        if last_edge in self._quiet or not 0.0 < reading.time - last_edge < self._late or len(self._updates.all) < 2:
            return
        previous = self._updates.all[-2]
        is_alone = len(self._edges) < 2 or (
            self._edges[-2] in self._quiet and last_edge - self._edges[-2] > QUIET_SECONDS
        )
        # Work can't show before it begins, and nothing ran before this window.
        if is_alone and reading.value - previous.watts > max(CLEAR_WATTS, CLEAR_SHARE * reading.value):
            self._late = max(self.traits.latency, reading.time - last_edge)

    def thin(self, now: float, edges: list[float]) -> None:
        """Does nothing: an hour of samples takes a few megabytes."""

    def limit_power(self, watts: float | None) -> None:
        """Set the device's power limit in watts, which was raised since the start."""
        super().limit_power(watts)
        self._updates.limit_power(watts)

    def forget(self, before: float) -> None:
        """Drop samples older than a moment."""
        super().forget(before)
        self._held = {edge: side for edge, side in self._held.items() if edge >= before}
        self._updates.forget(before)

    # ---- properties of the sensor -----------------------------------------------------------------

    @property
    def tick_seen(self) -> float | None:
        """Observed sampling period in seconds; None until some samples were seen."""
        return self._updates.period_seen

    @property
    def tick(self) -> float:
        """Sampling period in seconds."""
        return self._updates.period

    def next_read(self, now: float) -> float:
        """When the sensor must be read next: three reads per period find each sample and its time."""
        # Assume the shortest period until it is known; slower reads would show a wrong one.
        return now + max(0.005, (self._updates.period_seen or self.traits.period[0]) / 3)

    def watts(self) -> float | None:
        """The newest reading in watts."""
        newest = self._updates.newest
        return None if newest is None else newest.value

    def settle_seconds(self) -> float:
        """Time after a window's end until its energy is final, in seconds."""
        settling = self._updates.span + 3 * self.traits.period[1] + self.traits.latency
        if self._updates.alternatives():
            settling = max(settling, TELLING_SECONDS + 5 * self.traits.period[1] + self.traits.latency)
        return settling + EVIDENCE_SECONDS if self._part_time else settling

    def settled(self, end: float, *, soon: bool = False) -> bool:
        """Whether the average has moved past an edge."""
        updates = self._updates.all
        if not updates or updates[-1].time < end + self._updates.span + self.traits.latency:
            return False
        if not soon and not self._has_told(end):
            return False
        if soon or not self._part_time or updates[-1].time >= end + EVIDENCE_SECONDS:
            return True
        # For a part-time reading, later readings show whether the load is steady, while it continues.
        load = next((load for load in self._loads(end, end) if load[-1].time >= end), [])
        return not load or load[-1] is not updates[-1] or load[-1].time - load[0].time >= EVIDENCE_SECONDS

    def _has_told(self, end: float) -> bool:
        """Whether the readings after a window have shown their averaging time, or come too late to show it."""
        updates = self._updates.all
        if not self._updates.alternatives() or updates[-1].time >= end + TELLING_SECONDS + 4 * self._updates.period:
            return True
        watts_after = [sample.watts for sample in updates[-SETTLED_UPDATES:] if sample.time >= end]
        tolerance = max(3 * self._updates.noise(), LEVEL_SHARE * updates[-1].watts)
        watts_before = next((sample.watts for sample in reversed(updates) if sample.time <= end), updates[-1].watts)
        return (
            max(watts_after, default=watts_before) - min(watts_after, default=watts_before) <= tolerance
            and abs(watts_before - updates[-1].watts) <= tolerance
        )

    def known_until(self) -> float:
        """The latest edge that the average has moved past."""
        return self._updates.all[-1].time - self._updates.span - self.traits.latency if self._updates.all else -math.inf

    # ---- reading ------------------------------------------------------------------------------

    def energy(self, start: float, end: float) -> Energy:
        """Energy between two moments in joules."""
        energy = self._energy(start, end)
        if energy.joules is None:
            return energy
        largest_difference = max((abs(joules - energy.joules) for joules in self._otherwise(start, end)), default=0.0)
        random = energy.random + largest_difference + self._updates.stalled(start, end)
        if self.traits.power_limit is not None:
            random = min(random, max(energy.joules, self.traits.power_limit * (end - start)))
        return replace(energy, random=random)

    def _otherwise(self, start: float, end: float) -> Iterator[float]:
        """Yield a window's joules for other possible averaging times and latencies."""
        if end - start > LONG_WINDOW_SECONDS:
            return
        means = self._updates.alternatives()
        latencies = (0.0, self._late) if self._late > self.traits.latency else (0.0,)
        for averaging in (self._updates.averaging, *means):
            for latency in latencies:
                if averaging == self._updates.averaging and latency == 0.0:
                    continue
                timeline = PowerTimeline(self.traits)
                timeline._updates = self._updates.as_if(averaging, start - LOOK_SECONDS, end + LOOK_SECONDS)
                timeline._edges = [edge + latency for edge in self._edges]
                joules = timeline._energy(start + latency, end + latency).joules
                if joules is not None:
                    yield joules

    def _energy(self, start: float, end: float) -> Energy:
        """Energy between two moments for the present averaging time and latency."""
        opening, closing = self._at(start), self._at(end)
        if opening is None or closing is None:
            reason = self._reason(start, end) or "Too few power readings for this window."
            return Energy(None, note=reason if opening is None else self._remaining(reason, opening, start, end))
        if opening.epoch != closing.epoch:
            reason = self._reason(start, end) or "Power was not read throughout this window."
            return Energy(None, note=self._remaining(reason, opening, start, end))
        joules = max(0.0, closing.value - opening.value)
        placing = PLACING * joules + PLACING_SECONDS * joules / max(end - start, self._updates.period)
        deviation = math.sqrt(max(0.0, closing.variance - opening.variance))
        random = Z_95 * math.hypot(opening.uncertainty, closing.uncertainty, placing, deviation) + self._unsampled(
            start, end
        )
        # The driver's latency is unknown; it has no effect if power is the same at both edges.
        random += abs(closing.watts - opening.watts) * (
            self.traits.latency + min(self._updates.averaging, self._updates.period) / 2
        )
        random += self.traits.resolution * (end - start)
        random += max(0.0, closing.unseen - opening.unseen)
        return Energy(joules, random, self.traits.systematic(joules, end - start), self._reason(start, end, reach=0.0))

    def _remaining(self, why: str, opening: EdgePower, start: float, end: float) -> str:
        """Why a window has no value, with the energy up to the last sample before readings broke off."""
        updates = (u for u in reversed(self._updates.all) if u.epoch == opening.epoch and u.time <= end)
        last = next(updates, None)
        closing = self._from_before(last.time, shown=True) if last is not None and last.time > start else None
        if last is None or closing is None:
            return why
        joules = closing.value - opening.value
        placing = PLACING * joules + PLACING_SECONDS * joules / max(last.time - start, self._updates.period)
        deviation = math.sqrt(max(0.0, closing.variance - opening.variance))
        random = Z_95 * math.hypot(opening.uncertainty, closing.uncertainty, placing, deviation) + self._unsampled(
            start, last.time
        )
        random += closing.unseen - opening.unseen + self.traits.resolution * (last.time - start)
        uncertainty = math.hypot(random, self.traits.systematic(joules, last.time - start))
        return partial_energy_note(why, joules, uncertainty, last.time - start, self.traits.quality)

    @property
    def _part_time(self) -> bool:
        """Whether the reading leaves out a part of each period."""
        return self.traits.duty < 1.0 and self._updates.averaging < self._updates.period

    def _loads(self, start: float, end: float) -> list[list[PowerSample]]:
        """Samples around a window, split into loads."""
        updates = self._updates.all
        first = bisect.bisect_left(updates, start - LOOK_SECONDS, key=lambda update: update.time)
        last = bisect.bisect_right(updates, end + LOOK_SECONDS, key=lambda update: update.time)
        return PartTimeSampling(updates[first:last], self._edges, self._updates.period, self._updates.noise()).split()

    def _unsampled(self, start: float, end: float) -> float:
        """Half-width in joules of the time that a part-time reading does not sample."""
        if not self._part_time:
            return 0.0
        limit = self.traits.power_limit or 2 * max((u.watts for u in self._updates.all), default=0.0)
        loads, period = self._loads(start, end), self._updates.period
        return unseen(loads, start, end, period=period, duty=self.traits.duty, most=limit)

    def course(self, start: float, end: float, points: int = 120) -> tuple[tuple[float, float | None], ...]:
        """Power over time as reported: (seconds since start, watts), None at an interruption."""
        step = max((end - start) / points, self._updates.period)
        pairs: list[tuple[float, float | None]] = []
        epoch = None
        for update in self._updates.all:
            moment = round(update.time - self._updates.span / 2 - start, 4)
            if not 0 <= moment <= end - start:
                continue
            if epoch is not None and update.epoch != epoch:
                pairs.append((moment, None))
            elif not pairs or moment - pairs[-1][0] >= step:
                pairs.append((moment, round(update.watts, 2)))
            epoch = update.epoch
        return tuple(pairs) if len(pairs) >= 3 else ()

    def conclude(self, moment: float) -> None:
        """Make the count at an edge final."""
        side = self._at(moment)
        if side is not None:
            self._held[moment] = side

    def _at(self, edge: float) -> EdgePower | None:
        if edge in self._held:
            return self._held[edge]
        if self._in_silence(edge):
            return None
        sides = [side for side in (self._from_before(edge), self._from_after(edge)) if side is not None]
        if not sides:
            return self._in_between(edge)
        steadier, *other = sorted(sides, key=lambda side: side.uncertainty)
        if not other or other[0].epoch != steadier.epoch:
            return steadier
        # Both seem steady but give different counts: one of them was not, and which is unknown.
        difference = max(0.0, abs(steadier.value - other[0].value) - Z_95 * other[0].uncertainty)
        return replace(steadier, uncertainty=math.hypot(steadier.uncertainty, difference / 2))

    def _in_silence(self, edge: float) -> bool:
        """Whether an edge lies in an interruption of the readings, which starts a new epoch."""
        index = bisect.bisect_right(self._updates.all, edge, key=lambda update: update.time)
        if not 0 < index < len(self._updates.all):
            return False
        earlier, later = self._updates.all[index - 1], self._updates.all[index]
        distance = min(edge - earlier.time, later.time - edge)
        return earlier.epoch != later.epoch and distance > 2 * self._updates.period

    def _from_before(self, edge: float, *, shown: bool = False) -> EdgePower | None:
        """The count from steady power before an edge; with `shown`, only energy that was already reported."""
        index = bisect.bisect_right(self._updates.all, edge, key=lambda update: update.time) - 1
        if index < 0:
            return None
        sample = self._updates.all[index]
        if edge - sample.time > 2 * self._updates.period:
            return None
        change = self._steady(index, -1, self._previous_edge(edge))
        # If readings resumed later, the power in between is unknown, so nothing is added for the lag.
        unreported = self._updates.lag * sample.watts if shown and index + 1 < len(self._updates.all) else 0.0
        deviation = change * self._updates.span / 2 + self._updates.noise() * (edge - sample.time + self._updates.lag)
        return EdgePower(
            sample.count(edge) - unreported, deviation, sample.epoch, sample.variance, sample.unseen, sample.watts
        )

    def _from_after(self, edge: float) -> EdgePower | None:
        """The count once the average has passed an edge, from steady power after it."""
        index = bisect.bisect_left(self._updates.all, edge + self._updates.span, key=lambda update: update.time)
        if index >= len(self._updates.all):
            return None
        sample = self._updates.all[index]
        following = self._next_edge(edge)
        if sample.time - self._updates.period > following:
            return None
        change = self._steady(index, 1, following + self._updates.span)
        elapsed = sample.time - edge
        noise = self._updates.noise() * (math.sqrt(self._updates.span * self._updates.period) + elapsed)
        return EdgePower(
            sample.count(edge),
            change * self._updates.span / 2 + noise,
            sample.epoch,
            sample.variance,
            sample.unseen,
            sample.watts,
        )

    def _in_between(self, edge: float) -> EdgePower | None:
        """The sum at the edge plus the lag, if neither side is steady; uncertain by the power step around it."""
        lagged_edge = edge + self._updates.lag
        index = bisect.bisect_left(self._updates.all, lagged_edge, key=lambda update: update.time)
        nearby = [u for u in self._updates.all if abs(u.time - edge) <= self._updates.span + 2 * self._updates.period]
        if not nearby or index == 0:
            return None
        sample = self._updates.all[min(index, len(self._updates.all) - 1)]
        distance = lagged_edge - sample.time
        step = max(u.watts for u in nearby) - min(u.watts for u in nearby)
        deviation = self._updates.span / 2 * step + abs(distance) * max(u.watts for u in nearby)
        value = sample.count(lagged_edge) - self._updates.lag * sample.watts
        return EdgePower(value, deviation, sample.epoch, sample.variance, sample.unseen, sample.watts)

    def _steady(self, index: int, step: int, until: float) -> float:
        """Change of power beside an edge in watts, from the samples there that do not overlap another edge.

        A mean follows a step during its whole length, so a change over a part of that indicates a larger step.
        """
        reference = self._updates.all[index]
        powers: list[float] = []
        latest = reference.time
        current = index
        while 0 <= current < len(self._updates.all) and len(powers) < 4:
            update = self._updates.all[current]
            is_separate = update.time - self._updates.span >= until if step < 0 else update.time <= until
            if not is_separate or update.epoch != reference.epoch:
                break
            powers.append(update.watts)
            latest = update.time
            current += step
        if not powers:  # the average includes another edge
            return max(NOISE_WATTS, 0.3 * reference.watts)
        if len(powers) == 1:
            return 0.0
        changed = max(0.0, max(powers) - min(powers) - 3 * self._updates.noise())
        return changed * max(1.0, self._updates.averaging / max(abs(latest - reference.time), self._updates.period))

    def _previous_edge(self, edge: float) -> float:
        index = bisect.bisect_left(self._edges, edge)
        return self._edges[index - 1] if index else -math.inf

    def _next_edge(self, edge: float) -> float:
        index = bisect.bisect_right(self._edges, edge)
        return self._edges[index] if index < len(self._edges) else math.inf
