"""The ticks of a counter: when its value changed, and to what.

A counter shows the true energy of a moment a little in the past, its tick; between ticks it says nothing.
So only ticks are kept. A tick's time is known to half the distance of the two reads around it, and better
once the period is known, because ticks come regularly even where reads are late. After a silence the
first read shows a value whose tick is not known; it is found again, one period before the next one.
"""

from __future__ import annotations

import bisect
import math
from dataclasses import dataclass, replace
from itertools import pairwise

from jupyter_green.sensors import Reading, SensorInfo

from .tick_clock import CLOCK_DOUBT, Expectation, TickClock

LEAST_MARGIN = 0.0015
"""Seconds before an expected tick at which reading begins, on a machine that is never late."""

FAST_SECONDS, FAST_READ_SECONDS = 0.01, 0.05
SEARCH_SECONDS = 1.0
REMEMBER_SECONDS = 2.0
"""How long a rhythm is taken to go on unseen."""

GOLDEN = 0.6180339887
"""Reads are moved by multiples of it: at fixed distances from ticks they would all see them from the same side."""

HELD_PART, HELD_TIMES, HELD_SECONDS = 1 / 8, 4.0, 0.5
"""A call that was held up: by how large a part of the period its reading is doubted, how many times as much as the last
one that was booked, and after how many seconds without any it is booked all the same."""

VAGUE_PART = 1 / 8
"""From how large a part of the period on a tick's doubt counts where it is asked on which side of an edge it lies."""

WAKE_SECONDS = 0.001
KEEP_SECONDS = 30.0
THIN_SECONDS = 1.0


@dataclass
class CounterUpdate:
    """One tick.

    Parameters
    ----------
    time : float
        When it happened on `time.perf_counter()`, half the latency bound allowed for.
    value : float
        Joules since the sensor's origin.
    doubt : float
        Half-width in seconds of what is known of `time`.
    epoch : int
        Values of different epochs are not comparable.
    seen : float
        When its value was first read: it can't have happened later.
    loose : bool
        Whether the tick was found at the first read after a silence.
    """

    time: float
    value: float
    doubt: float
    epoch: int
    seen: float
    loose: bool = False


class CounterUpdates:
    """Finds ticks in readings.

    Parameters
    ----------
    traits : SensorInfo
        Bounds of the sensor's period and latency.
    """

    def __init__(self, traits: SensorInfo) -> None:
        self.all: list[CounterUpdate] = []
        self.last: Reading | None = None
        self.comb = TickClock(*traits.period)
        self._shortest, self._longest = traits.period
        self._late = traits.late
        # Ticks of a few milliseconds need not be told apart: a read at the edge is near enough to one.
        self.fast = traits.period[1] <= FAST_SECONDS
        self._margin = 4 * LEAST_MARGIN
        self._resumed = 0.0
        self._aimed = 0.0
        self._shift = 0.0
        self._unclear: list[Reading] = []
        """The last reads, where they came so near to a tick that only the next one tells what they saw."""
        self.slowness = 0.0
        """Seconds by which all ticks may be misplaced because each call takes its time."""

    @property
    def period_seen(self) -> float | None:
        """Period in seconds as seen; None before a few ticks were."""
        return self.comb.period

    @property
    def period(self) -> float:
        """Period in seconds: as seen, else the longest it may have."""
        return self.period_seen or self._longest

    @property
    def pace(self) -> float:
        """Seconds between the ticks that are looked at near an edge."""
        return max(self.period, FAST_READ_SECONDS) if self.fast else self.period

    def shift(self, late: float) -> None:
        """Place all ticks anew: values are now taken to be shown `late` seconds late."""
        for tick in self.all:
            tick.time += self._late - late
        self._late = late

    def add(self, reading: Reading) -> None:
        """Book a reading; one that is not later than the last is dropped."""
        last = self.last
        if last is not None and (reading.time <= last.time or self._held_up(reading, last)):
            return
        self.slowness = min(reading.doubt, 1.1 * self.slowness + CLOCK_DOUBT)
        silence = reading.time - last.time if last is not None else math.inf
        remembered = REMEMBER_SECONDS if self.comb.locked and not self.fast else self._longest
        if last is None or reading.epoch != last.epoch or silence > remembered:
            self.last = reading
            self._resume(reading)
            self._unclear = []
        elif reading.value == last.value:
            self.last, self._unclear = reading, []
        elif silence < self.period / 2 or self.fast or self._clear(reading.time):
            self._reached(reading, last)
            self.last, self._unclear = reading, []
        else:
            self._unclear.append(reading)

    def _held_up(self, reading: Reading, last: Reading) -> bool:
        """Whether a call was held up while others are quick: which of the ticks in its time it saw can't be told."""
        if self.fast or reading.epoch != last.epoch or reading.time - last.time > HELD_SECONDS:
            return False
        return reading.doubt > max(HELD_PART * self.period, HELD_TIMES * last.doubt)

    def _clear(self, moment: float) -> bool:
        """Whether no tick is expected so near that it can't be told if the value shows it already."""
        following = self.comb.following(moment - self.period / 2)
        if following is None:
            return True
        return abs(following.time - moment) > min(following.doubt + self._margin / 2, self.period / 5)

    def _of_one_tick(self, unclear: float, moment: float) -> bool:
        """Whether the tick that an unclear read came near to is the only one that may lie between it and a moment."""
        if moment - unclear < self.period / 2:
            return True
        near = self.comb.following(unclear - self.period / 2)
        # A rhythm that is not known well may be a wrong one: then what the read saw can't be placed by it.
        known = near is not None and near.doubt <= VAGUE_PART * self.period
        return near is not None and known and moment < near.time + self.period - near.doubt

    def _reached(self, reading: Reading, last: Reading) -> None:
        """Book the tick before a reading, and with it what unclear ones right before it turn out to have seen."""
        seen = [*(each for each in self._unclear if self._of_one_tick(each.time, reading.time)), reading]
        for old, new in pairwise(seen):
            if new.value != old.value:
                return self._found(new, old, earlier=old)
        # The tick that they came near to was over already.
        nearest = max(last.time, seen[0].time - self.period / 4) if len(seen) > 1 else last.time
        return self._found(seen[0], replace(last, time=nearest))

    def _resume(self, reading: Reading) -> None:
        """After a silence: the value's tick lies within the last period."""
        self.comb.restart()
        self._resumed = reading.time
        if self.all and self.all[-1].epoch == reading.epoch and reading.value <= self.all[-1].value:
            return  # nothing has happened since
        half, seen = self.period / 2 + reading.doubt, reading.time + reading.doubt
        self.all.append(CounterUpdate(seen - self._late - half, reading.value, half, reading.epoch, seen, True))

    def _found(self, reading: Reading, last: Reading, earlier: Reading | None = None) -> None:
        # The value shown is that of the latest tick, however many were passed over.
        seen = reading.time + reading.doubt
        low = max(last.time - last.doubt, reading.time - reading.doubt - 1.05 * self.period)
        placed = Expectation((low + seen) / 2, (seen - low) / 2) if self.fast else self.comb.add(low, seen)
        tick = CounterUpdate(placed.time - self._late, reading.value, placed.doubt, reading.epoch, seen)
        before = self.all[-1] if self.all else None
        if earlier is not None:  # no tick was seen to bring its value: it came one period before this one
            time = max(tick.time - self.period, before.time + 1e-6 if before is not None else -math.inf)
            before = CounterUpdate(
                time, earlier.value, tick.doubt + self.comb.jitter, tick.epoch, earlier.time + earlier.doubt
            )
            self.all.append(before)
        if before is not None and before.loose and before.epoch == tick.epoch:
            self._tighten(before, tick)
        elif before is not None and before.epoch == tick.epoch:
            tick.time = max(tick.time, before.time + 1e-6)
        self.all.append(tick)
        if self._aimed < reading.time < self._aimed + self.period:  # else the read was for something else
            # Woken too late to see the old value again: begin earlier next time.
            missed = reading.time - last.time > 0.4 * self.period
            grown = self._margin * (1.5 if missed else 0.97)
            self._margin = min(max(grown, LEAST_MARGIN + self.comb.jitter), 0.2 * self.period)

    def _tighten(self, loose: CounterUpdate, tick: CounterUpdate) -> None:
        """A loose tick happened one period before the one now found."""
        period = self.period_seen
        low, high = (period, period) if period is not None else (self._shortest, self._longest)
        earliest, latest = loose.time - loose.doubt, loose.time + loose.doubt
        first = min(max(tick.time - tick.doubt - high, earliest), latest)
        final = min(max(tick.time + tick.doubt - low, earliest), latest)
        loose.time, loose.doubt = (first + final) / 2, (final - first) / 2
        loose.loose = False

    def next_read(self, now: float, skip: float = 0.0) -> float:
        """When the next read is wanted, on `time.perf_counter()`.

        Parameters
        ----------
        now : float
            The present moment.
        skip : float
            Seconds of ticks that need not be seen, on top of the next one; all of them are wanted after a read too
            near to one, or a machine that wakes us late would see none for seconds.
        """
        if self._unclear:
            skip = 0.0
        if self.fast:
            return now + max(FAST_READ_SECONDS, skip)
        following = self.comb.following(now + skip if skip else None)
        if following is None or not self.comb.locked:
            # Looking for the rhythm: closely at first, patiently where there seems to be none.
            searching = now - self._resumed < SEARCH_SECONDS
            closely = self._shortest / 8 if self.period_seen is None else self.period_seen / 16
            return now + (max(LEAST_MARGIN, closely) if searching else self._longest / 10)
        step = max(LEAST_MARGIN, self._margin / 4)
        early = following.time - max(self._margin, following.doubt) - self._shift * step
        if now < early:
            self._aimed = early
            self._shift = (self._shift + GOLDEN) % 1.0
            return early
        overdue = now - following.time
        if overdue < 0 and following.doubt < LEAST_MARGIN:
            # A rhythm known so well needs no more than a read on either side, and one between to know it better.
            between = following.time + (2 * self._shift - 1) * following.doubt
            return between if now < between else following.time + following.doubt + self._shift * LEAST_MARGIN
        return now + step * (1 if overdue < self.period else 4)

    # ---- looking up ---------------------------------------------------------------------------

    def at_or_before(self, moment: float, guard: float = 0.0) -> int | None:
        """Index of the last tick surely not later than a moment.

        That is one whose time is earlier by the guard, or one that had been read by then, but for the
        moment that a sampler needs to wake up.
        """
        index = bisect.bisect_right(self.all, moment - guard, key=lambda tick: tick.time) - 1
        while index + 1 < len(self.all) and self.all[index + 1].seen <= moment + WAKE_SECONDS:
            index += 1
        return index if index >= 0 else None

    def at_or_after(self, moment: float) -> int | None:
        """Index of the first tick not earlier than a moment."""
        index = bisect.bisect_left(self.all, moment, key=lambda tick: tick.time)
        while index < len(self.all) and self._may_precede(self.all[index], moment):
            index += 1
        return index if index < len(self.all) else None

    def _may_precede(self, tick: CounterUpdate, moment: float) -> bool:
        """Whether a tick is known so badly that it may have come before a moment."""
        doubt = tick.doubt - 2 * self.slowness  # all calls being slow, edges are kept that far off as it is
        return doubt > VAGUE_PART * self.period and tick.time - doubt < moment

    # ---- tidying ------------------------------------------------------------------------------

    def thin(self, now: float, edges: list[float]) -> None:
        """Drop old ticks far from every edge that is still of interest."""
        if len(self.all) < 2000:
            return
        kept: list[CounterUpdate] = []
        for tick in self.all:
            near = now - tick.time < KEEP_SECONDS or any(abs(tick.time - edge) < 2.0 for edge in edges)
            if near or not kept or tick.epoch != kept[-1].epoch or tick.time - kept[-1].time >= THIN_SECONDS:
                kept.append(tick)
        self.all = kept

    def forget(self, before: float) -> None:
        """Drop ticks older than a moment, but for the last few."""
        cut = bisect.bisect_left(self.all, before, key=lambda tick: tick.time)
        del self.all[: max(0, min(cut, len(self.all) - 4))]
