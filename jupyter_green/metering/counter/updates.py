"""Detects the updates of a counter: when its value changed, and to what.

A counter shows the energy at its last update, with a latency. It carries no information between updates, so only
updates are kept. The time of an update is known to half the interval between the reads around it. It is known better
once the update period is fitted, since updates are regular even where reads are late. The first read after an
interruption shows a value whose update time is unknown; it is placed one period before the next update.
"""

from __future__ import annotations

import bisect
import math
from dataclasses import dataclass, replace
from itertools import pairwise

from jupyter_green.sensors import Reading, SensorInfo

from .update_period import CLOCK_UNCERTAINTY, Expectation, TickClock

LEAST_MARGIN = 0.0015
"""Shortest lead in seconds with which reading begins before an expected update; it grows on a machine that wakes
threads late."""

FAST_SECONDS, FAST_READ_SECONDS = 0.01, 0.05
SEARCH_SECONDS = 1.0
REMEMBER_SECONDS = 2.0
"""Time without reads after which the phase of the updates is no longer trusted."""

GOLDEN = 0.6180339887
"""Read times are shifted by multiples of the golden ratio. Reads at a fixed phase would see all updates from the
same side."""

HELD_PART, HELD_TIMES, HELD_SECONDS = 1 / 8, 4.0, 0.5
"""A delayed call is ignored if its time uncertainty exceeds this fraction of the period and this multiple of the
previous reading's. After this many seconds without a reading it is accepted anyway."""

VAGUE_PART = 1 / 8
"""Time uncertainty, as a fraction of the period, from which on an update may lie on either side of an edge."""

WAKE_SECONDS = 0.001
KEEP_SECONDS = 30.0
THIN_SECONDS = 1.0


@dataclass
class CounterUpdate:
    """One update."""

    time: float
    """Time of the update on `time.perf_counter()`, corrected for the mean latency."""
    value: float
    """Joules since the sensor's origin."""
    uncertainty: float
    """Half-width of `time` in seconds."""
    epoch: int
    """Values of different epochs are not comparable."""
    seen: float
    """When its value was first read, an upper bound of its time."""
    loose: bool = False
    """Whether this is the first value after an interruption, with an unknown time."""


class CounterUpdates:
    """Detects updates in readings."""

    def __init__(self, traits: SensorInfo) -> None:
        self.all: list[CounterUpdate] = []
        self.last: Reading | None = None
        self.comb = TickClock(*traits.period)
        self._shortest, self._longest = traits.period
        self._late = traits.late
        # Updates every few milliseconds need not be separated: any read is near one.
        self.fast = traits.period[1] <= FAST_SECONDS
        self._margin = 4 * LEAST_MARGIN
        self._resumed = 0.0
        self._aimed = 0.0
        self._shift = 0.0
        self._unclear: list[Reading] = []
        """The latest reads, if so close to an expected update that only the next read shows which value they saw."""
        self.slowness = 0.0
        """Time uncertainty in seconds common to all updates, from the duration of the calls."""

    @property
    def period_seen(self) -> float | None:
        """Observed update period in seconds; None until some updates were seen."""
        return self.comb.period

    @property
    def period(self) -> float:
        """Update period in seconds: observed, else its upper bound."""
        return self.period_seen or self._longest

    @property
    def pace(self) -> float:
        """Time between reads near an edge, in seconds."""
        return max(self.period, FAST_READ_SECONDS) if self.fast else self.period

    def shift(self, late: float) -> None:
        """Move all updates to a new mean latency `late`, in seconds."""
        for update in self.all:
            update.time += self._late - late
        self._late = late

    def add(self, reading: Reading) -> None:
        """Add a reading; one that is not later than the last is ignored."""
        last = self.last
        if last is not None and (reading.time <= last.time or self._held_up(reading, last)):
            return
        self.slowness = min(reading.uncertainty, 1.1 * self.slowness + CLOCK_UNCERTAINTY)
        silence = reading.time - last.time if last is not None else math.inf
        longest_silence = REMEMBER_SECONDS if self.comb.locked and not self.fast else self._longest
        if last is None or reading.epoch != last.epoch or silence > longest_silence:
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
        """Whether a call took unusually long, so that it may have seen any of the updates in its time."""
        if self.fast or reading.epoch != last.epoch or reading.time - last.time > HELD_SECONDS:
            return False
        return reading.uncertainty > max(HELD_PART * self.period, HELD_TIMES * last.uncertainty)

    def _clear(self, moment: float) -> bool:
        """Whether no update is expected so close that the reading may show the value before or after it."""
        following = self.comb.following(moment - self.period / 2)
        if following is None:
            return True
        return abs(following.time - moment) > min(following.uncertainty + self._margin / 2, self.period / 5)

    def _of_one_tick(self, unclear: float, moment: float) -> bool:
        """Whether the update near an unclear read is the only one between it and `moment`."""
        if moment - unclear < self.period / 2:
            return True
        expected = self.comb.following(unclear - self.period / 2)
        # A poorly known period may be wrong and must not be used to place the read.
        is_known = expected is not None and expected.uncertainty <= VAGUE_PART * self.period
        return expected is not None and is_known and moment < expected.time + self.period - expected.uncertainty

    def _reached(self, reading: Reading, last: Reading) -> None:
        """Add the update before a reading, and resolve the unclear reads before it."""
        readings = [*(unclear for unclear in self._unclear if self._of_one_tick(unclear.time, reading.time)), reading]
        for earlier, later in pairwise(readings):
            if later.value != earlier.value:
                return self._found(later, earlier, earlier=earlier)
        # The update near the unclear reads had already happened.
        nearest = max(last.time, readings[0].time - self.period / 4) if len(readings) > 1 else last.time
        return self._found(readings[0], replace(last, time=nearest))

    def _resume(self, reading: Reading) -> None:
        """First read after an interruption: its update lies within the last period."""
        self.comb.restart()
        self._resumed = reading.time
        if self.all and self.all[-1].epoch == reading.epoch and reading.value <= self.all[-1].value:
            return  # no energy was counted since
        half, seen_at = self.period / 2 + reading.uncertainty, reading.time + reading.uncertainty
        self.all.append(CounterUpdate(seen_at - self._late - half, reading.value, half, reading.epoch, seen_at, True))

    def _found(self, reading: Reading, last: Reading, earlier: Reading | None = None) -> None:
        # The value is that of the latest update, even if several were missed.
        seen_at = reading.time + reading.uncertainty
        low = max(last.time - last.uncertainty, reading.time - reading.uncertainty - 1.05 * self.period)
        estimate = Expectation((low + seen_at) / 2, (seen_at - low) / 2) if self.fast else self.comb.add(low, seen_at)
        update = CounterUpdate(estimate.time - self._late, reading.value, estimate.uncertainty, reading.epoch, seen_at)
        previous = self.all[-1] if self.all else None
        if earlier is not None:  # its own update was not observed: place it one period earlier
            time = max(update.time - self.period, previous.time + 1e-6 if previous is not None else -math.inf)
            previous = CounterUpdate(
                time,
                earlier.value,
                update.uncertainty + self.comb.jitter,
                update.epoch,
                earlier.time + earlier.uncertainty,
            )
            self.all.append(previous)
        if previous is not None and previous.loose and previous.epoch == update.epoch:
            self._tighten(previous, update)
        elif previous is not None and previous.epoch == update.epoch:
            update.time = max(update.time, previous.time + 1e-6)
        self.all.append(update)
        if self._aimed < reading.time < self._aimed + self.period:  # otherwise the read had another purpose
            # Woken too late to see the old value: start reading earlier next time.
            missed = reading.time - last.time > 0.4 * self.period
            margin = self._margin * (1.5 if missed else 0.97)
            self._margin = min(max(margin, LEAST_MARGIN + self.comb.jitter), 0.2 * self.period)

    def _tighten(self, loose: CounterUpdate, tick: CounterUpdate) -> None:
        """Place the first update after an interruption one period before the one just detected."""
        period = self.period_seen
        shortest, longest = (period, period) if period is not None else (self._shortest, self._longest)
        earliest, latest = loose.time - loose.uncertainty, loose.time + loose.uncertainty
        earliest_time = min(max(tick.time - tick.uncertainty - longest, earliest), latest)
        latest_time = min(max(tick.time + tick.uncertainty - shortest, earliest), latest)
        loose.time, loose.uncertainty = (earliest_time + latest_time) / 2, (latest_time - earliest_time) / 2
        loose.loose = False

    def next_read(self, now: float, skip: float = 0.0) -> float:
        """When the next read is due, on `time.perf_counter()`.

        `skip` is the time in seconds of updates that may be missed after the next one. It is ignored after an unclear
        read; otherwise a machine that wakes threads late would see no update for seconds.
        """
        if self._unclear:
            skip = 0.0
        if self.fast:
            return now + max(FAST_READ_SECONDS, skip)
        following = self.comb.following(now + skip if skip else None)
        if following is None or not self.comb.locked:
            # Searching for the period: read at a high rate at first, then slower.
            searching = now - self._resumed < SEARCH_SECONDS
            closely = self._shortest / 8 if self.period_seen is None else self.period_seen / 16
            return now + (max(LEAST_MARGIN, closely) if searching else self._longest / 10)
        step = max(LEAST_MARGIN, self._margin / 4)
        start = following.time - max(self._margin, following.uncertainty) - self._shift * step
        if now < start:
            self._aimed = start
            self._shift = (self._shift + GOLDEN) % 1.0
            return start
        overdue = now - following.time
        if overdue < 0 and following.uncertainty < LEAST_MARGIN:
            # With a well-known period, one read on either side is enough, plus one in between to refine it.
            between = following.time + (2 * self._shift - 1) * following.uncertainty
            return between if now < between else following.time + following.uncertainty + self._shift * LEAST_MARGIN
        return now + step * (1 if overdue < self.period else 4)

    # ---- looking up ---------------------------------------------------------------------------

    def at_or_before(self, moment: float, guard: float = 0.0) -> int | None:
        """Index of the last update that is certainly not later than `moment`; None if there is none.

        That is an update earlier by `guard`, or one whose value had been read by then, allowing for the sampler's
        wake-up time.
        """
        index = bisect.bisect_right(self.all, moment - guard, key=lambda tick: tick.time) - 1
        while index + 1 < len(self.all) and self.all[index + 1].seen <= moment + WAKE_SECONDS:
            index += 1
        return index if index >= 0 else None

    def at_or_after(self, moment: float) -> int | None:
        """Index of the first update not earlier than `moment`; None if there is none."""
        index = bisect.bisect_left(self.all, moment, key=lambda tick: tick.time)
        while index < len(self.all) and self._may_precede(self.all[index], moment):
            index += 1
        return index if index < len(self.all) else None

    def _may_precede(self, tick: CounterUpdate, moment: float) -> bool:
        """Whether an update's time is so uncertain that it may precede `moment`."""
        uncertainty = tick.uncertainty - 2 * self.slowness  # slow calls are already allowed for at the edges
        return uncertainty > VAGUE_PART * self.period and tick.time - uncertainty < moment

    # ---- dropping old updates ---------------------------------------------------------------------

    def thin(self, now: float, edges: list[float]) -> None:
        """Drop old updates that are far from all edges still in use."""
        if len(self.all) < 2000:
            return
        remaining: list[CounterUpdate] = []
        for update in self.all:
            is_needed = now - update.time < KEEP_SECONDS or any(abs(update.time - edge) < 2.0 for edge in edges)
            if (
                is_needed
                or not remaining
                or update.epoch != remaining[-1].epoch
                or update.time - remaining[-1].time >= THIN_SECONDS
            ):
                remaining.append(update)
        self.all = remaining

    def forget(self, before: float) -> None:
        """Drop updates older than a moment, except the last few."""
        index = bisect.bisect_left(self.all, before, key=lambda tick: tick.time)
        del self.all[: max(0, min(index, len(self.all) - 4))]
