"""The ticks of a counter: when its value changed, and to what.

A counter shows the true energy of a moment a little in the past, its tick; between ticks it says nothing.
So only ticks are kept. A tick's time is known to half the distance of the two reads around it, and better
once the period is known, because ticks come regularly even where reads are late. After a silence the
first read shows a value whose tick is not known; it is found again, one period before the next one.
"""

from __future__ import annotations

import bisect
from dataclasses import dataclass

from jupyter_green.sensors import Reading, Traits

ENOUGH_STEPS = 4
KEEP_SECONDS = 30.0
THIN_SECONDS = 1.0


@dataclass
class Tick:
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
    loose : bool
        Whether the tick was found at the first read after a silence.
    """

    time: float
    value: float
    doubt: float
    epoch: int
    loose: bool = False


class Ticks:
    """Finds ticks in readings.

    Parameters
    ----------
    traits : Traits
        Bounds of the sensor's period and latency.
    """

    def __init__(self, traits: Traits) -> None:
        self.all: list[Tick] = []
        self.last: Reading | None = None
        self._shortest, self._longest = traits.period
        self._late = traits.latency / 2
        self._steps: list[float] = []

    @property
    def period_seen(self) -> float | None:
        """Period in seconds as seen; None before a few ticks were."""
        if len(self._steps) < ENOUGH_STEPS:
            return None
        return sorted(self._steps)[len(self._steps) // 2]

    @property
    def period(self) -> float:
        """Period in seconds: as seen, else the longest it may have."""
        return self.period_seen or self._longest

    def add(self, reading: Reading) -> None:
        """Book a reading; one that is not later than the last is dropped."""
        last = self.last
        if last is not None and reading.time <= last.time:
            return
        self.last = reading
        if last is None or reading.epoch != last.epoch or reading.time - last.time > self._longest:
            self._resume(reading)
        elif reading.value != last.value:
            self._found(reading, last)

    def _resume(self, reading: Reading) -> None:
        """After a silence: the value's tick lies within the last period."""
        if self.all and self.all[-1].epoch == reading.epoch and reading.value <= self.all[-1].value:
            return  # nothing has happened since
        half = self.period / 2
        self.all.append(Tick(reading.time - self._late - half, reading.value, half, reading.epoch, loose=True))

    def _found(self, reading: Reading, last: Reading) -> None:
        tick = Tick(
            (last.time + reading.time) / 2 - self._late,
            reading.value,
            (reading.time - last.time) / 2,
            reading.epoch,
        )
        before = self.all[-1] if self.all else None
        period = self.period_seen
        if before is not None and before.epoch == tick.epoch:
            if before.loose:
                self._tighten(before, tick)
            elif period is not None:
                self._follow(before, tick, period)
            step = tick.time - before.time
            if not before.loose and tick.doubt + before.doubt < 0.2 * step and step < 1.5 * self._longest:
                self._steps.append(step)
                del self._steps[:-64]
        self.all.append(tick)

    def _tighten(self, loose: Tick, tick: Tick) -> None:
        """A loose tick happened one period before the one now found."""
        period = self.period_seen
        low, high = (period, period) if period is not None else (self._shortest, self._longest)
        earliest, latest = loose.time - loose.doubt, loose.time + loose.doubt
        first = min(max(tick.time - tick.doubt - high, earliest), latest)
        final = min(max(tick.time + tick.doubt - low, earliest), latest)
        loose.time, loose.doubt = (first + final) / 2, (final - first) / 2
        loose.loose = False

    def _follow(self, before: Tick, tick: Tick, period: float) -> None:
        """Ticks come regularly: where the bracket is wide, the period says more."""
        periods = max(1, round((tick.time - before.time) / period))
        expected = before.time + periods * period
        doubt = before.doubt + 0.02 * period * periods
        if doubt < tick.doubt and abs(expected - tick.time) <= tick.doubt:
            tick.time, tick.doubt = expected, doubt

    def next_read(self, now: float) -> float:
        """When the next read can tell something new, on `time.perf_counter()`."""
        period = self.period_seen
        if period is None or not self.all or self.all[-1].loose:
            return now + max(0.002, self._longest / 20)
        expected = self.all[-1].time + self._late + period
        margin = max(0.001, 0.04 * period)
        if now < expected - margin:
            return expected - margin
        overdue = now - expected
        return now + (margin if overdue < period else 4 * margin)

    # ---- looking up ---------------------------------------------------------------------------

    def at_or_before(self, moment: float) -> int | None:
        """Index of the last tick not later than a moment."""
        index = bisect.bisect_right(self.all, moment, key=lambda tick: tick.time) - 1
        return index if index >= 0 else None

    def at_or_after(self, moment: float) -> int | None:
        """Index of the first tick not earlier than a moment."""
        index = bisect.bisect_left(self.all, moment, key=lambda tick: tick.time)
        return index if index < len(self.all) else None

    # ---- tidying ------------------------------------------------------------------------------

    def thin(self, now: float, edges: list[float]) -> None:
        """Drop old ticks far from every edge that is still of interest."""
        if len(self.all) < 2000:
            return
        kept: list[Tick] = []
        for tick in self.all:
            near = now - tick.time < KEEP_SECONDS or any(abs(tick.time - edge) < 2.0 for edge in edges)
            if near or not kept or tick.epoch != kept[-1].epoch or tick.time - kept[-1].time >= THIN_SECONDS:
                kept.append(tick)
        self.all = kept

    def forget(self, before: float) -> None:
        """Drop ticks older than a moment, but for the last few."""
        cut = bisect.bisect_left(self.all, before, key=lambda tick: tick.time)
        del self.all[: max(0, min(cut, len(self.all) - 4))]
