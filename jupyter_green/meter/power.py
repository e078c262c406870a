"""The timeline of a sensor that shows power only.

Each reading is a mean over the last `averaging` seconds, renewed at a steady rhythm. An update counts for
the time since the one before. Summed over all updates, every moment's power is counted exactly once, but
late: by half an average, less the half update by which counting it at its end is early. What that still
owes the sum is booked with each change of power, so that while power is steady no rhythm, right or
wrong, enters the count. Two ways lead to the count at an edge: from before, where the power before it was
steady for one average; or from after, once the average has passed the edge and was steady since. The
steadier side is taken, and its unsteadiness is the interval.
"""

from __future__ import annotations

import bisect
import math
import statistics
from dataclasses import dataclass

from jupyter_green.sensors import Reading, Traits

from .comb import Comb
from .edges import SILENT_PERIODS
from .remainder import remainder
from .timeline import Z_95, Energy, Timeline

SILENCE_SECONDS = 1.0
PLACING, PLACING_SECONDS = 0.0015, 0.004
"""What the times of updates leave open: a part of the energy, and seconds of a window's power."""

NOISE_WATTS = 1.0
"""Spread of a reading that is assumed until readings have shown theirs."""


@dataclass(frozen=True)
class Update:
    """A reading that was seen to change.

    Parameters
    ----------
    time : float
        When it changed on `time.perf_counter()`.
    watts : float
        Mean over the averaging time before.
    joules : float
        Sum over all updates up to this one.
    owed : float
        Joules that steady power has used and that the sum, being late, does not hold yet.
    epoch : int
        Raised whenever readings were missed.
    doubt : float
        Half-width in seconds of what is known of when it changed.
    variance : float
        In joules squared, summed likewise: what the doubts leave open of the sum.
    unseen : float
        Joules, summed likewise, by which `joules` may be off because updates came and went unread.
    """

    time: float
    watts: float
    joules: float
    owed: float
    epoch: int
    doubt: float
    variance: float = 0.0
    unseen: float = 0.0

    def count(self, edge: float) -> float:
        """Joules up to an edge between which and the update power was steady."""
        return self.joules + self.owed + self.watts * (edge - self.time)


@dataclass(frozen=True)
class Side:
    """The count at an edge as told from one side, in joules, with its standard deviation."""

    value: float
    doubt: float
    epoch: int
    variance: float
    unseen: float


class PowerTimeline(Timeline):
    """Readings of one power sensor, turned into a count."""

    read_at_edges = True

    def __init__(self, traits: Traits) -> None:
        super().__init__(traits)
        self._updates: list[Update] = []
        self._comb = Comb(*traits.period)
        self._last: Reading | None = None
        self._held: dict[float, Side] = {}

    # ---- writing ------------------------------------------------------------------------------

    def add(self, reading: Reading) -> None:
        """Book a power reading in watts."""
        last, self._last = self._last, reading
        if last is None or reading.epoch != last.epoch or reading.time - last.time > SILENCE_SECONDS:
            self._comb.restart()
            half = self._period / 2
            self._append(reading.time - half, reading.value, broken=bool(self._updates))
            return
        if reading.value == last.value:
            # A renewal that changes nothing is not seen, but that power was this is.
            while reading.time - self._updates[-1].time >= 1.5 * self._period:
                self._append(self._updates[-1].time + self._period, reading.value)
            return
        low = max(last.time, reading.time - 1.05 * self._period)
        placed = self._comb.add(low, reading.time)
        self._hold(last.time, placed.time)
        before = self._updates[-1]
        missed = max(0, round((placed.time - before.time) / self._period) - 1)
        unseen = self._unread(before, reading, reading.time - last.time) / (missed + 1)
        for number in range(1, missed + 1):  # an update that changed nothing, or came and went unread
            share = number / (missed + 1)
            time = before.time + (placed.time - before.time) * share
            watts = before.watts + (reading.value - before.watts) * share if time > last.time else before.watts
            self._append(time, watts, doubt=self._period, unseen=unseen)
        # Looks too rare to show a rhythm may be told a wrong one.
        known = reading.time - low < self._period / 2
        self._append(
            placed.time, reading.value, doubt=placed.doubt if known else (reading.time - low) / 2, unseen=unseen
        )

    def _hold(self, known: float, changed: float) -> None:
        """Where power had been shown unchanged up to a `known` moment, the update that changed it speaks for one step.

        How many unseen renewals there were, and when, was a guess, and as long as nothing changed made no difference.
        """
        if len(self._updates) > 1 and self._updates[-1].watts == self._updates[-2].watts:
            self._updates.pop()
        before = self._updates[-1]
        step, doubt = self._period, 0.0
        if self._comb.period is None:
            step, doubt = statistics.fmean(self.traits.period), (self.traits.period[1] - self.traits.period[0]) / 2
        held = min(known, changed - step)
        if held > before.time + step / 2:
            self._append(held, before.watts, doubt=doubt)

    def _unread(self, before: Update, reading: Reading, silence: float) -> float:
        """Joules that updates which came and went unread may have told; an average still shows a part of them."""
        if silence < SILENT_PERIODS * self._period:
            return 0.0
        most = self.traits.power_limit or 2 * max(before.watts, reading.value)
        return abs(reading.value - before.watts) * silence / 2 + most / 2 * max(0.0, silence - self._span)

    def _append(
        self, time: float, watts: float, *, broken: bool = False, doubt: float = 0.0, unseen: float = 0.0
    ) -> None:
        if not self._updates:
            owed = watts * max(0.0, self.traits.averaging - self._period) / 2
            self._updates.append(Update(time, watts, 0.0, owed, 0, self._period))
            return
        last = self._updates[-1]
        time = max(time, last.time + 1e-6)
        step, change = time - last.time, watts - last.watts
        self._updates.append(
            Update(
                time,
                watts,
                last.joules + watts * step,
                last.owed + change * max(0.0, self.traits.averaging - step) / 2,
                last.epoch + broken,
                doubt,
                last.variance + (last.doubt * change) ** 2 / 3,
                last.unseen + unseen,
            )
        )

    @property
    def _span(self) -> float:
        """Seconds that an update speaks for: what it averages, or the time since the last one."""
        return max(self.traits.averaging, self._period)

    @property
    def _lag(self) -> float:
        """Seconds by which the sum is late: half an average, less the half update by which it is early."""
        return max(0.0, self.traits.averaging - self._period) / 2

    @property
    def _period(self) -> float:
        return self._comb.period or self.traits.period[1]

    def thin(self, now: float, edges: list[float]) -> None:
        """Drop nothing that sums need: an hour of updates is a few megabytes."""

    def forget(self, before: float) -> None:
        """Drop updates older than a moment."""
        super().forget(before)
        self._held = {edge: side for edge, side in self._held.items() if edge >= before}
        cut = bisect.bisect_left(self._updates, before - 2 * self._span, key=lambda update: update.time)
        del self._updates[: max(0, min(cut, len(self._updates) - 4))]

    # ---- what is known ------------------------------------------------------------------------

    @property
    def tick_seen(self) -> float | None:
        """Update period in seconds as seen."""
        return self._comb.period

    @property
    def tick(self) -> float:
        """Update period in seconds."""
        return self._period

    def next_read(self, now: float) -> float:
        """Three reads an update find each of them, and when it came."""
        # Until the rhythm is known it may be the quickest: a slower look would find a rhythm of its own.
        return now + max(0.005, (self._comb.period or self.traits.period[0]) / 3)

    def watts(self) -> float | None:
        """The newest reading in watts."""
        return self._last.value if self._last is not None else None

    def settle_seconds(self) -> float:
        """How long after a window's end the average still speaks about it, in seconds."""
        return self._span + 3 * self.traits.period[1] + self.traits.latency

    def settled(self, end: float, *, soon: bool = False) -> bool:
        """Whether the average has moved past an edge."""
        return bool(self._updates) and self._updates[-1].time >= end + self._span + self.traits.latency

    def known_until(self) -> float:
        """The latest edge that the average has moved past."""
        return self._updates[-1].time - self._span - self.traits.latency if self._updates else -math.inf

    # ---- reading ------------------------------------------------------------------------------

    def energy(self, start: float, end: float) -> Energy:
        """Energy between two moments in joules."""
        opening, closing = self._at(start), self._at(end)
        if opening is None or closing is None:
            why = self._reason(start, end) or "Too few power readings for this window."
            return Energy(None, note=why if opening is None else self._remaining(why, opening, start, end))
        if opening.epoch != closing.epoch:
            why = self._reason(start, end) or "Power was not read all through this time."
            return Energy(None, note=self._remaining(why, opening, start, end))
        joules = max(0.0, closing.value - opening.value)
        unseen = self._unseen_power(start, end) if self.traits.duty < 1.0 else 0.0
        placing = PLACING * joules + PLACING_SECONDS * joules / max(end - start, self._period)
        placed = math.sqrt(max(0.0, closing.variance - opening.variance))
        random = Z_95 * math.hypot(opening.doubt, closing.doubt, placing, placed, unseen)
        random += self.traits.resolution * (end - start)
        random += max(0.0, closing.unseen - opening.unseen)
        if self.traits.power_limit is not None:
            random = min(random, max(joules, self.traits.power_limit * (end - start)))
        return Energy(joules, random, self.traits.gain * joules, self._reason(start, end, reach=0.0))

    def _remaining(self, why: str, opening: Side, start: float, end: float) -> str:
        """Why a window has no figure, and what was used up to the last update before readings broke off."""
        updates = (u for u in reversed(self._updates) if u.epoch == opening.epoch and u.time <= end)
        last = next(updates, None)
        known = self._from_before(last.time, shown=True) if last is not None and last.time > start else None
        if last is None or known is None:
            return why
        joules = known.value - opening.value
        unseen = self._unseen_power(start, last.time) if self.traits.duty < 1.0 else 0.0
        placing = PLACING * joules + PLACING_SECONDS * joules / max(last.time - start, self._period)
        placed = math.sqrt(max(0.0, known.variance - opening.variance))
        random = Z_95 * math.hypot(opening.doubt, known.doubt, placing, placed, unseen)
        random += known.unseen - opening.unseen + self.traits.resolution * (last.time - start)
        uncertainty = math.hypot(random, self.traits.gain * joules)
        return remainder(why, joules, uncertainty, last.time - start, self.traits.quality)

    def _unseen_power(self, start: float, end: float) -> float:
        """Standard deviation in joules of what a part-time reading does not look at, told by its scatter."""
        missed = (1.0 - self.traits.duty) * self._period
        near = [u.watts for u in self._updates if start - self._period <= u.time <= end + self._period]
        if len(near) < 3:
            return missed * (self.traits.power_limit or max(near, default=0.0))
        updates = max(1.0, (end - start) / self._period)
        return missed * (statistics.stdev(near) * math.sqrt(updates) + (max(near) - min(near)))

    def course(self, start: float, end: float, points: int = 120) -> tuple[tuple[float, float | None], ...]:
        """Course of power as shown: (seconds since start, watts), None at a break."""
        step = max((end - start) / points, self._period)
        pairs: list[tuple[float, float | None]] = []
        epoch = None
        for update in self._updates:
            moment = round(update.time - self._span / 2 - start, 4)
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

    def _at(self, edge: float) -> Side | None:
        if edge in self._held:
            return self._held[edge]
        if self._in_silence(edge):
            return None
        sides = [side for side in (self._from_before(edge), self._from_after(edge)) if side is not None]
        return min(sides, key=lambda side: side.doubt) if sides else self._in_between(edge)

    def _in_silence(self, edge: float) -> bool:
        """Whether an edge lies where nothing was read for so long that sums were broken off."""
        index = bisect.bisect_right(self._updates, edge, key=lambda update: update.time)
        if not 0 < index < len(self._updates):
            return False
        here, there = self._updates[index - 1], self._updates[index]
        near = min(edge - here.time, there.time - edge)
        return here.epoch != there.epoch and near > 2 * self._period

    def _from_before(self, edge: float, *, shown: bool = False) -> Side | None:
        """The count where power before an edge was steady; or what of it readings that broke off have `shown`."""
        index = bisect.bisect_right(self._updates, edge, key=lambda update: update.time) - 1
        if index < 0:
            return None
        here = self._updates[index]
        if edge - here.time > 2 * self._period:
            return None
        steady = self._steady(index, -1, self._previous_edge(edge))
        # Readings that went on elsewhere: nobody knows that the power did, so nothing that it may owe is told.
        lacking = self._lag * here.watts if shown and index + 1 < len(self._updates) else 0.0
        doubt = steady * self._span / 2 + self._noise() * (edge - here.time + self._lag)
        return Side(here.count(edge) - lacking, doubt, here.epoch, here.variance, here.unseen)

    def _from_after(self, edge: float) -> Side | None:
        """The count once the average has passed an edge, where power after it was steady."""
        index = bisect.bisect_left(self._updates, edge + self._span, key=lambda update: update.time)
        if index >= len(self._updates):
            return None
        here = self._updates[index]
        following = self._next_edge(edge)
        if here.time - self._period > following:
            return None
        steady = self._steady(index, 1, following + self._span)
        behind = here.time - edge
        noise = self._noise() * (math.sqrt(self._span * self._period) + behind)
        return Side(here.count(edge), steady * self._span / 2 + noise, here.epoch, here.variance, here.unseen)

    def _in_between(self, edge: float) -> Side | None:
        """Neither side is known: the sum half an average later, good to the step of power around it."""
        middle = edge + self._lag
        index = bisect.bisect_left(self._updates, middle, key=lambda update: update.time)
        near = [u for u in self._updates if abs(u.time - edge) <= self._span + 2 * self._period]
        if not near or index == 0:
            return None
        here = self._updates[min(index, len(self._updates) - 1)]
        away = middle - here.time
        step = max(u.watts for u in near) - min(u.watts for u in near)
        doubt = self._span / 2 * step + abs(away) * max(u.watts for u in near)
        value = here.count(middle) - self._lag * here.watts
        return Side(value, doubt, here.epoch, here.variance, here.unseen)

    def _steady(self, index: int, step: int, until: float) -> float:
        """By how many watts the power changed within the updates beside an edge, as far as they are its own."""
        here = self._updates[index]
        seen: list[float] = []
        at = index
        while 0 <= at < len(self._updates) and len(seen) < 4:
            update = self._updates[at]
            whole = update.time - self._span >= until if step < 0 else update.time <= until
            if not whole or update.epoch != here.epoch:
                break
            seen.append(update.watts)
            at += step
        if not seen:  # the average reaches across another edge
            return max(NOISE_WATTS, 0.3 * here.watts)
        if len(seen) == 1:
            return 0.0
        return max(0.0, max(seen) - min(seen) - 3 * self._noise())

    def _noise(self) -> float:
        """Spread of a reading, in watts, from updates whose neighbours lie alike on both sides."""
        recent = self._updates[-120:]
        wobbles = sorted(
            abs(a.watts - 2 * b.watts + c.watts) / math.sqrt(6)
            for a, b, c in zip(recent, recent[1:], recent[2:], strict=False)
        )
        return wobbles[len(wobbles) // 2] * 1.5 if len(wobbles) >= 8 else NOISE_WATTS

    def _previous_edge(self, edge: float) -> float:
        index = bisect.bisect_left(self._edges, edge)
        return self._edges[index - 1] if index else -math.inf

    def _next_edge(self, edge: float) -> float:
        index = bisect.bisect_right(self._edges, edge)
        return self._edges[index] if index < len(self._edges) else math.inf
