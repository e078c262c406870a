"""The timeline of a sensor that shows power only.

Its updates add up to a count that follows power late (`updates`). Two ways lead to the count at an edge:
from before, where the power before it was steady for one average; or from after, once the average has
passed the edge and was steady since. The steadier side is taken; its unsteadiness is the interval, and where
both seem steady and differ, half of that as well.
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

from jupyter_green.metering.counter.partial_energy import partial_energy_note
from jupyter_green.metering.counter.timeline import Z_95, Energy, Timeline
from jupyter_green.sensors import Reading, SensorInfo

from .part_time import EVIDENCE_SECONDS, LOOK_SECONDS, PartTimeSampling, unseen
from .samples import CLEAR_SHARE, CLEAR_WATTS, LEVEL_SHARE, NOISE_WATTS, PowerSample, PowerSamples

PLACING, PLACING_SECONDS = 0.0015, 0.004
"""What the times of updates leave open: a part of the energy, and seconds of a window's power."""


MOST_LATE = 0.25
"""Seconds by which an update may be shown late, before a window's begin has told: work can't show before it begins."""

TELLING_SECONDS = 1.1
"""How long after a window's end its power's fall tells how readings follow power."""

SETTLED_UPDATES = 8

QUIET_SECONDS = 1.0
"""How long no window was open, for what shows after the next one's begin to be its own."""

LONG_WINDOW_SECONDS = 60.0
"""From this length on it makes no difference how readings follow power at a window's edges."""


@dataclass(frozen=True)
class EdgePower:
    """The count at an edge as told from one side, in joules, with its standard deviation."""

    value: float
    doubt: float
    epoch: int
    variance: float
    unseen: float
    watts: float


class PowerTimeline(Timeline):
    """Readings of one power sensor, turned into a count."""

    read_at_edges = True

    def __init__(self, traits: SensorInfo) -> None:
        super().__init__(traits)
        self._updates = PowerSamples(traits)
        self._held: dict[float, EdgePower] = {}
        self._late = MOST_LATE
        """Seconds by which an update may be shown late."""

    # ---- writing ------------------------------------------------------------------------------

    def add(self, reading: Reading) -> None:
        """Book a power reading in watts."""
        averaging = self._updates.averaging
        self._updates.add(reading)
        if self._updates.averaging != averaging:
            self._held.clear()  # what was held of the sum rests on another average
        begun = self._edges[-1] if self._edges else math.inf
        if begun in self._quiet or not 0.0 < reading.time - begun < self._late or len(self._updates.all) < 2:
            return
        before = self._updates.all[-2]
        alone = len(self._edges) < 2 or (self._edges[-2] in self._quiet and begun - self._edges[-2] > QUIET_SECONDS)
        # Work can't show before it begins, and nothing ran before its window.
        if alone and reading.value - before.watts > max(CLEAR_WATTS, CLEAR_SHARE * reading.value):
            self._late = max(self.traits.latency, reading.time - begun)

    def thin(self, now: float, edges: list[float]) -> None:
        """Drop nothing that sums need: an hour of updates is a few megabytes."""

    def forget(self, before: float) -> None:
        """Drop updates older than a moment."""
        super().forget(before)
        self._held = {edge: side for edge, side in self._held.items() if edge >= before}
        self._updates.forget(before)

    # ---- what is known ------------------------------------------------------------------------

    @property
    def tick_seen(self) -> float | None:
        """Update period in seconds as seen."""
        return self._updates.period_seen

    @property
    def tick(self) -> float:
        """Update period in seconds."""
        return self._updates.period

    def next_read(self, now: float) -> float:
        """Three reads an update find each of them, and when it came."""
        # Until the rhythm is known it may be the quickest: a slower look would find a rhythm of its own.
        return now + max(0.005, (self._updates.period_seen or self.traits.period[0]) / 3)

    def watts(self) -> float | None:
        """The newest reading in watts."""
        newest = self._updates.newest
        return None if newest is None else newest.value

    def settle_seconds(self) -> float:
        """How long after a window's end the average still speaks about it, in seconds."""
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
        # A part-time reading shows by the readings to come whether the load is steady, as long as it goes on.
        load = next((load for load in self._loads(end, end) if load[-1].time >= end), [])
        return not load or load[-1] is not updates[-1] or load[-1].time - load[0].time >= EVIDENCE_SECONDS

    def _has_told(self, end: float) -> bool:
        """Whether readings after a window have shown how they follow power, or come too late for it."""
        updates = self._updates.all
        if not self._updates.alternatives() or updates[-1].time >= end + TELLING_SECONDS + 4 * self._updates.period:
            return True
        after = [one.watts for one in updates[-SETTLED_UPDATES:] if one.time >= end]
        steady = max(3 * self._updates.noise(), LEVEL_SHARE * updates[-1].watts)
        before = next((one.watts for one in reversed(updates) if one.time <= end), updates[-1].watts)
        return (
            max(after, default=before) - min(after, default=before) <= steady
            and abs(before - updates[-1].watts) <= steady
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
        apart = max((abs(joules - energy.joules) for joules in self._otherwise(start, end)), default=0.0)
        random = energy.random + apart + self._updates.stalled(start, end)
        if self.traits.power_limit is not None:
            random = min(random, max(energy.joules, self.traits.power_limit * (end - start)))
        return replace(energy, random=random)

    def _otherwise(self, start: float, end: float) -> Iterator[float]:
        """Yield what a window's joules come to were the readings means over other times, or shown late."""
        if end - start > LONG_WINDOW_SECONDS:
            return
        means = self._updates.alternatives()
        lates = (0.0, self._late) if self._late > self.traits.latency else (0.0,)
        for averaging in (self._updates.averaging, *means):
            for late in lates:
                if averaging == self._updates.averaging and late == 0.0:
                    continue
                other = PowerTimeline(self.traits)
                other._updates = self._updates.as_if(averaging, start - LOOK_SECONDS, end + LOOK_SECONDS)
                other._edges = [edge + late for edge in self._edges]
                joules = other._energy(start + late, end + late).joules
                if joules is not None:
                    yield joules

    def _energy(self, start: float, end: float) -> Energy:
        """Energy between two moments, were it known how the readings follow power."""
        opening, closing = self._at(start), self._at(end)
        if opening is None or closing is None:
            why = self._reason(start, end) or "Too few power readings for this window."
            return Energy(None, note=why if opening is None else self._remaining(why, opening, start, end))
        if opening.epoch != closing.epoch:
            why = self._reason(start, end) or "Power was not read all through this time."
            return Energy(None, note=self._remaining(why, opening, start, end))
        joules = max(0.0, closing.value - opening.value)
        placing = PLACING * joules + PLACING_SECONDS * joules / max(end - start, self._updates.period)
        placed = math.sqrt(max(0.0, closing.variance - opening.variance))
        random = Z_95 * math.hypot(opening.doubt, closing.doubt, placing, placed) + self._unsampled(start, end)
        # How late the driver shows an update is not known: it makes no difference where power is alike at both edges.
        random += abs(closing.watts - opening.watts) * (
            self.traits.latency + min(self._updates.averaging, self._updates.period) / 2
        )
        random += self.traits.resolution * (end - start)
        random += max(0.0, closing.unseen - opening.unseen)
        return Energy(joules, random, self.traits.systematic(joules, end - start), self._reason(start, end, reach=0.0))

    def _remaining(self, why: str, opening: EdgePower, start: float, end: float) -> str:
        """Why a window has no figure, and what was used up to the last update before readings broke off."""
        updates = (u for u in reversed(self._updates.all) if u.epoch == opening.epoch and u.time <= end)
        last = next(updates, None)
        known = self._from_before(last.time, shown=True) if last is not None and last.time > start else None
        if last is None or known is None:
            return why
        joules = known.value - opening.value
        placing = PLACING * joules + PLACING_SECONDS * joules / max(last.time - start, self._updates.period)
        placed = math.sqrt(max(0.0, known.variance - opening.variance))
        random = Z_95 * math.hypot(opening.doubt, known.doubt, placing, placed) + self._unsampled(start, last.time)
        random += known.unseen - opening.unseen + self.traits.resolution * (last.time - start)
        uncertainty = math.hypot(random, self.traits.systematic(joules, last.time - start))
        return partial_energy_note(why, joules, uncertainty, last.time - start, self.traits.quality)

    @property
    def _part_time(self) -> bool:
        """Whether the reading leaves out a part of each period."""
        return self.traits.duty < 1.0 and self._updates.averaging < self._updates.period

    def _loads(self, start: float, end: float) -> list[list[PowerSample]]:
        """Updates around a window, parted into loads."""
        updates = self._updates.all
        first = bisect.bisect_left(updates, start - LOOK_SECONDS, key=lambda update: update.time)
        last = bisect.bisect_right(updates, end + LOOK_SECONDS, key=lambda update: update.time)
        return PartTimeSampling(updates[first:last], self._edges, self._updates.period, self._updates.noise()).split()

    def _unsampled(self, start: float, end: float) -> float:
        """Half-width in joules of what a part-time reading does not look at."""
        if not self._part_time:
            return 0.0
        most = self.traits.power_limit or 2 * max((u.watts for u in self._updates.all), default=0.0)
        loads, period = self._loads(start, end), self._updates.period
        return unseen(loads, start, end, period=period, duty=self.traits.duty, most=most)

    def course(self, start: float, end: float, points: int = 120) -> tuple[tuple[float, float | None], ...]:
        """Course of power as shown: (seconds since start, watts), None at a break."""
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
        """Hold what is known of the sum at an edge."""
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
        steadier, *other = sorted(sides, key=lambda side: side.doubt)
        if not other or other[0].epoch != steadier.epoch:
            return steadier
        # Two that each seem steady and tell different counts: one of them was not, and which isn't known.
        apart = max(0.0, abs(steadier.value - other[0].value) - Z_95 * other[0].doubt)
        return replace(steadier, doubt=math.hypot(steadier.doubt, apart / 2))

    def _in_silence(self, edge: float) -> bool:
        """Whether an edge lies where nothing was read for so long that sums were broken off."""
        index = bisect.bisect_right(self._updates.all, edge, key=lambda update: update.time)
        if not 0 < index < len(self._updates.all):
            return False
        here, there = self._updates.all[index - 1], self._updates.all[index]
        near = min(edge - here.time, there.time - edge)
        return here.epoch != there.epoch and near > 2 * self._updates.period

    def _from_before(self, edge: float, *, shown: bool = False) -> EdgePower | None:
        """The count where power before an edge was steady; or what of it readings that broke off have `shown`."""
        index = bisect.bisect_right(self._updates.all, edge, key=lambda update: update.time) - 1
        if index < 0:
            return None
        here = self._updates.all[index]
        if edge - here.time > 2 * self._updates.period:
            return None
        steady = self._steady(index, -1, self._previous_edge(edge))
        # Readings that went on elsewhere: nobody knows that the power did, so nothing that it may owe is told.
        lacking = self._updates.lag * here.watts if shown and index + 1 < len(self._updates.all) else 0.0
        doubt = steady * self._updates.span / 2 + self._updates.noise() * (edge - here.time + self._updates.lag)
        return EdgePower(here.count(edge) - lacking, doubt, here.epoch, here.variance, here.unseen, here.watts)

    def _from_after(self, edge: float) -> EdgePower | None:
        """The count once the average has passed an edge, where power after it was steady."""
        index = bisect.bisect_left(self._updates.all, edge + self._updates.span, key=lambda update: update.time)
        if index >= len(self._updates.all):
            return None
        here = self._updates.all[index]
        following = self._next_edge(edge)
        if here.time - self._updates.period > following:
            return None
        steady = self._steady(index, 1, following + self._updates.span)
        behind = here.time - edge
        noise = self._updates.noise() * (math.sqrt(self._updates.span * self._updates.period) + behind)
        return EdgePower(
            here.count(edge),
            steady * self._updates.span / 2 + noise,
            here.epoch,
            here.variance,
            here.unseen,
            here.watts,
        )

    def _in_between(self, edge: float) -> EdgePower | None:
        """Neither side is known: the sum half an average later, good to the step of power around it."""
        middle = edge + self._updates.lag
        index = bisect.bisect_left(self._updates.all, middle, key=lambda update: update.time)
        near = [u for u in self._updates.all if abs(u.time - edge) <= self._updates.span + 2 * self._updates.period]
        if not near or index == 0:
            return None
        here = self._updates.all[min(index, len(self._updates.all) - 1)]
        away = middle - here.time
        step = max(u.watts for u in near) - min(u.watts for u in near)
        doubt = self._updates.span / 2 * step + abs(away) * max(u.watts for u in near)
        value = here.count(middle) - self._updates.lag * here.watts
        return EdgePower(value, doubt, here.epoch, here.variance, here.unseen, here.watts)

    def _steady(self, index: int, step: int, until: float) -> float:
        """By how many watts the power changed beside an edge, told by the updates there, as far as they are its own.

        An average follows a step all through its span: by what it changes in a part of that, the step is larger.
        """
        here = self._updates.all[index]
        seen: list[float] = []
        latest = here.time
        at = index
        while 0 <= at < len(self._updates.all) and len(seen) < 4:
            update = self._updates.all[at]
            whole = update.time - self._updates.span >= until if step < 0 else update.time <= until
            if not whole or update.epoch != here.epoch:
                break
            seen.append(update.watts)
            latest = update.time
            at += step
        if not seen:  # the average reaches across another edge
            return max(NOISE_WATTS, 0.3 * here.watts)
        if len(seen) == 1:
            return 0.0
        changed = max(0.0, max(seen) - min(seen) - 3 * self._updates.noise())
        return changed * max(1.0, self._updates.averaging / max(abs(latest - here.time), self._updates.period))

    def _previous_edge(self, edge: float) -> float:
        index = bisect.bisect_left(self._edges, edge)
        return self._edges[index - 1] if index else -math.inf

    def _next_edge(self, edge: float) -> float:
        index = bisect.bisect_right(self._edges, edge)
        return self._edges[index] if index < len(self._edges) else math.inf
