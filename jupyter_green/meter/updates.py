"""The updates of a sensor that shows power only, summed.

Whether a reading is a mean over a second depends on the board's generation, the driver's version and the call; a table
of them may be wrong. A step of the load tells: a mean follows it in even steps for as long as it averages, any
other reading is there at the next update or two (`is_ramp`, `too_steep`). What is told so takes the table's place.

Each is a mean over the last `averaging` seconds and counts for the time since the one before, so that every
moment's power is counted exactly once, but late: by half an average, less the half update by which counting
it at its end is early. What that still owes the sum is booked with each change of power. Where power is
steady no rhythm, right or wrong, enters the count.
"""

from __future__ import annotations

import bisect
import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from jupyter_green.sensors import Reading, Traits

from .comb import Comb
from .edges import SILENT_PERIODS

SILENCE_SECONDS = 1.0

RECENT = 24
"""Updates that are looked at for how long they average."""

MOST_SEEN = 2.0
"""How much more than it was seen to a board may draw, where its limit is not known."""

PERIOD_SLACK = (0.7, 1.3)
"""By which factors a board's period may lie outside what its generation's is; an A100 of 104 ms was recorded."""

TOO_STEEP = 1.5
"""By which factor a mean may seem to move too fast: peaks lie above a limit, and updates come early or late."""

LEVEL_UPDATES, LEVEL_SHARE, STEP_NOISES = 2, 0.01, 5.0
"""Updates of steady power on either side of a ramp, and what is steady: a part of the power, or some noises."""

RAMP_UPDATES, RAMP_SECONDS, LONG_SECONDS = 7, (0.8, 1.45), 1.0
"""A ramp that a mean over a second makes of a step; the step itself may take some tenths of a second."""

EVEN_SHARE, EVEN_LEAST = 0.35, 0.6
"""Of a ramp's steps so many are even, within a part of their median."""

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

    def tells_nothing_beside(self, before: Update) -> bool:
        """Whether the count is the same without it."""
        return (self.watts, self.epoch, self.unseen) == (before.watts, before.epoch, before.unseen)


def too_steep(updates: Sequence[Update], averaging: float, period: float, noise: float, most: float) -> bool:
    """Whether the newest update moved further than a mean over `averaging` seconds can.

    That moves at most as far as power from nothing to the `most` watts that the board draws moves it.
    """
    before, after = updates[-2:]
    step, seconds = abs(after.watts - before.watts), max(after.time - before.time, period)
    return step > max(TOO_STEEP * most * seconds / averaging, STEP_NOISES * noise)


def is_ramp(updates: Sequence[Update], noise: float) -> bool:
    """Whether the newest updates end a ramp that a mean over a second makes of a step of the load.

    It is about a second of even steps one way, with steady power before and after.
    """
    steps = [(b.watts - a.watts, b.time - a.time) for a, b in pairwise(updates)]
    flat = max(STEP_NOISES * noise, LEVEL_SHARE * updates[-1].watts)
    end = begin = len(steps) - LEVEL_UPDATES
    while begin > 0 and abs(steps[begin - 1][0]) > flat and steps[begin - 1][0] * steps[end - 1][0] > 0:
        begin -= 1
    ramp = steps[begin:end] if end > 0 else []
    beside = [*steps[max(0, begin - LEVEL_UPDATES) : begin], *steps[end:]]
    if begin < LEVEL_UPDATES or len(ramp) < RAMP_UPDATES or any(abs(step) > flat for step, _ in beside):
        return False
    slopes = [step / seconds for step, seconds in ramp]
    middle = statistics.median(slopes)
    even = sum(abs(slope - middle) <= EVEN_SHARE * abs(middle) for slope in slopes)
    lasted = math.fsum(seconds for _, seconds in ramp)
    return RAMP_SECONDS[0] <= lasted <= RAMP_SECONDS[1] and even >= EVEN_LEAST * len(ramp)


class Updates:
    """What one sensor was seen to show.

    Parameters
    ----------
    traits : Traits
        What the sensor says about itself.
    """

    def __init__(self, traits: Traits) -> None:
        self.all: list[Update] = []
        self._traits = traits
        self._comb = Comb(PERIOD_SLACK[0] * traits.period[0], PERIOD_SLACK[1] * traits.period[1])
        self._last: Reading | None = None
        self.averaging = traits.averaging
        """Seconds that an update is a mean over, as stated or as a step of the load has told."""
        self._told_short = False

    def add(self, reading: Reading) -> None:
        """Book a reading in watts."""
        last, self._last = self._last, reading
        if last is None or reading.epoch != last.epoch or reading.time - last.time > SILENCE_SECONDS:
            self._comb.restart()
            half = self.period / 2
            self._append(reading.time - half, reading.value, broken=bool(self.all))
            return
        if reading.value == last.value:
            # A renewal that changes nothing is not seen, but that power was this is.
            unseen = self._unread(self.all[-1], reading, reading.time - last.time)
            while reading.time - self.all[-1].time >= 1.5 * self.period:
                self._append(self.all[-1].time + self.period, reading.value, unseen=unseen)
                unseen = 0.0
            return
        low = max(last.time, reading.time - 1.05 * self.period)
        placed = self._comb.add(low, reading.time)
        self._hold(last.time, placed.time)
        before = self.all[-1]
        missed = max(0, round((placed.time - before.time) / self.period) - 1)
        unseen = self._unread(before, reading, reading.time - last.time) / (missed + 1)
        for number in range(1, missed + 1):  # an update that changed nothing, or came and went unread
            share = number / (missed + 1)
            time = before.time + (placed.time - before.time) * share
            watts = before.watts + (reading.value - before.watts) * share if time > last.time else before.watts
            self._append(time, watts, doubt=self.period, unseen=unseen)
        # Looks too rare to show a rhythm may be told a wrong one.
        known = reading.time - low < self.period / 2
        self._append(
            placed.time, reading.value, doubt=placed.doubt if known else (reading.time - low) / 2, unseen=unseen
        )
        self._hear()

    def _hear(self) -> None:
        """Hear what the newest updates tell of how long they average."""
        if self._told_short or self.period_seen is None:
            return
        newest = self.all[-RECENT:]
        of_one = [update for update in newest if update.epoch == newest[-1].epoch]
        if len(of_one) < LEVEL_UPDATES:
            return
        most = self._traits.power_limit or MOST_SEEN * max(update.watts for update in of_one)
        if self.averaging <= 2 * self.period:
            told = LONG_SECONDS if is_ramp(of_one, self.noise()) else None
        else:
            self._told_short = too_steep(of_one, self.averaging, self.period, self.noise(), most)
            told = self.period if self._told_short else None
        if told is not None:
            self.averaging = told
            self._owe_anew()

    def _owe_anew(self) -> None:
        """Work out anew what steady power owes each sum."""
        owed, before = 0.0, None
        for index, update in enumerate(self.all):
            if before is None:
                owed = update.watts * max(0.0, self.averaging - self.period) / 2
            else:
                change, step = update.watts - before.watts, update.time - before.time
                owed += change * max(0.0, self.averaging - step) / 2
            before = update
            self.all[index] = replace(update, owed=owed)

    def _hold(self, known: float, changed: float) -> None:
        """Where power had been shown unchanged up to a `known` moment, the update that changed it speaks for one step.

        How many unseen renewals there were, and when, was a guess, and as long as nothing changed made no difference.
        """
        if len(self.all) > 1 and self.all[-1].tells_nothing_beside(self.all[-2]):
            self.all.pop()
        before = self.all[-1]
        step, doubt = self.period, 0.0
        if self.period_seen is None:
            step, doubt = statistics.fmean(self._traits.period), (self._traits.period[1] - self._traits.period[0]) / 2
        held = min(known, changed - step)
        if held > before.time + step / 2:
            self._append(held, before.watts, doubt=doubt)

    def _unread(self, before: Update, reading: Reading, silence: float) -> float:
        """Joules that updates which came and went unread may have told; an average still shows a part of them."""
        if silence < SILENT_PERIODS * self.period:
            return 0.0
        most = self._traits.power_limit or 2 * max(before.watts, reading.value)
        return abs(reading.value - before.watts) * silence / 2 + most / 2 * max(0.0, silence - self.span)

    def _append(
        self, time: float, watts: float, *, broken: bool = False, doubt: float = 0.0, unseen: float = 0.0
    ) -> None:
        if not self.all:
            owed = watts * max(0.0, self.averaging - self.period) / 2
            self.all.append(Update(time, watts, 0.0, owed, 0, self.period))
            return
        last = self.all[-1]
        time = max(time, last.time + 1e-6)
        step, change = time - last.time, watts - last.watts
        self.all.append(
            Update(
                time,
                watts,
                last.joules + watts * step,
                last.owed + change * max(0.0, self.averaging - step) / 2,
                last.epoch + broken,
                doubt,
                last.variance + (last.doubt * change) ** 2 / 3,
                last.unseen + unseen,
            )
        )

    def forget(self, before: float) -> None:
        """Drop those that no edge after a moment needs."""
        cut = bisect.bisect_left(self.all, before - 2 * self.span, key=lambda update: update.time)
        del self.all[: max(0, min(cut, len(self.all) - 4))]

    @property
    def newest(self) -> Reading | None:
        """The last reading."""
        return self._last

    @property
    def period_seen(self) -> float | None:
        """Seconds from update to update as seen; None before a few were."""
        return self._comb.period

    @property
    def span(self) -> float:
        """Seconds that an update speaks for: what it averages, or the time since the last one."""
        return max(self.averaging, self.period)

    @property
    def lag(self) -> float:
        """Seconds by which the sum is late: half an average, less the half update by which it is early."""
        return max(0.0, self.averaging - self.period) / 2

    @property
    def period(self) -> float:
        """Seconds from update to update: as seen, else the longest the sensor may have."""
        return self.period_seen or self._traits.period[1]

    def noise(self) -> float:
        """Spread of a reading, in watts, from updates whose neighbours lie alike on both sides."""
        recent = self.all[-120:]
        wobbles = sorted(
            abs(a.watts - 2 * b.watts + c.watts) / math.sqrt(6)
            for a, b, c in zip(recent, recent[1:], recent[2:], strict=False)
        )
        return wobbles[len(wobbles) // 2] * 1.5 if len(wobbles) >= 8 else NOISE_WATTS
