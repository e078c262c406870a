"""The updates of a sensor that shows power only, summed.

Over how long a reading averages depends on the board's generation, the driver's version and the call; a table of them
may be wrong, and old boards filter instead. A step of the load tells: the reading is as late as the area
above its rise (`step_response`), and it is no mean over longer than lets it move so fast (`longest_mean`). What is told
so takes the table's place; before, each of `MEANS` is possible, and a window's interval reaches them all (`power`).

Each is a mean over the last `averaging` seconds and counts for the time since the one before, so that every
moment's power is counted exactly once, but late: by half an average, less the half update by which counting
it at its end is early. What that still owes the sum is booked with each change of power. Where power is
steady no rhythm, right or wrong, enters the count.
"""

from __future__ import annotations

import bisect
import math
import statistics
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from jupyter_green.metering.counter.edge_energy import SILENT_PERIODS
from jupyter_green.metering.counter.tick_clock import TickClock
from jupyter_green.sensors import Reading, SensorInfo

SILENCE_SECONDS = 1.0

RECENT_SECONDS, RECENT = 4.0, 24
"""Updates that are looked at for how long they average: of so many seconds, and no fewer than so many."""

MOST_SEEN = 2.0
"""How much more than it was seen to a board may draw, where its limit is not known."""

PERIOD_SLACK = (0.7, 1.3)
"""By which factors a board's period may lie outside what its generation's is; an A100 of 104 ms was recorded."""

TOO_STEEP = 1.5
"""By which factor a mean may seem to move too fast: peaks lie above a limit, and updates come early or late."""

LEVEL_UPDATES, LEVEL_SHARE, STEP_SHARE, STEP_NOISES = 2, 0.01, 0.02, 5.0
"""Updates of steady power on either side of a step, and what is steady: a part of the power or of the step, or some
noises."""

CLEAR_SHARE, CLEAR_WATTS = 0.1, 10.0
"""A step that tells of the reading is larger than this part of the power, and than so many watts."""

LEVEL_SECONDS = 1.1
"""How long a step and the steady power on one side of it last together: longer than the longest mean."""

LONG_SECONDS, LONG_LASTS, EVEN_UPDATES = 1.0, (0.8, 1.45), 7
"""A mean over a second, how long it follows a step, and in how many updates; a step of the load may take some tenths
of a second."""

EVEN_SHARE, EVEN_LEAST = 0.35, 0.6
"""Of its steps so many are even, within a part of their median."""

MEANS = (1.0, 0.5, 0.2)
"""Seconds over which a reading may average, beside one update: means and filters that boards were seen to have."""

SHARPER = 0.75
"""A step that tells a mean of less than this part of the one that is known takes its place: a load may rise slowly, no
reading is quicker than itself."""

SHORTEST_LONG = 0.35
"""Seconds of mean from which on a reading is no longer one that shows a step at once."""

ALIKE = 1.35
"""Factor within which two steps tell the same mean."""

STALL_PERIODS, LIVELY = 2.5, 0.6
"""Periods for which a reading may stay alike, where it is seen to change with so many of its renewals."""

NOISE_WATTS = 1.0
"""Spread of a reading that is assumed until readings have shown theirs."""


@dataclass(frozen=True)
class PowerSample:
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

    def tells_nothing_beside(self, before: PowerSample) -> bool:
        """Whether the count is the same without it."""
        return (self.watts, self.epoch, self.unseen) == (before.watts, before.epoch, before.unseen)


@dataclass(frozen=True)
class StepResponse:
    """How a reading followed a step of the load.

    Parameters
    ----------
    averaging : float
        Seconds of the mean that is as late as it was.
    settling : float
        Seconds from the step until it stood.
    moment : float
        When the sum over updates saw the step; later than the step itself by how late that sum is.
    even : bool
        Whether it went in even steps for about a second, as a mean over a second does.
    """

    averaging: float
    settling: float
    moment: float
    even: bool


def longest_mean(updates: Sequence[PowerSample], seconds: float, noise: float, most: float) -> float:
    """Return the longest mean, in seconds, that can move as far as the newest update did in some seconds.

    It moves at most as far as power from nothing to the `most` watts that the board draws moves it.
    """
    before, after = updates[-2:]
    step = abs(after.watts - before.watts)
    return math.inf if step <= STEP_NOISES * noise else TOO_STEEP * most * seconds / step


def step_response(updates: Sequence[PowerSample], period: float, noise: float) -> StepResponse | None:
    """Return how the newest updates followed a step, where they end one; else None.

    They are steady, change one way, and are steady again; for so long that nothing shorter than the longest mean, which
    would rise and fall in its own time, can look like it.
    """
    after = updates[-1]
    flat = max(STEP_NOISES * noise, LEVEL_SHARE * after.watts)
    end = len(updates) - 1
    while end > 0 and abs(updates[end - 1].watts - after.watts) <= flat:
        end -= 1
    begin = end
    sign = after.watts - updates[end - 1].watts if end else 0.0
    while begin > 0 and (updates[begin].watts - updates[begin - 1].watts) * sign > 0:
        begin -= 1
    change = after.watts - updates[begin].watts
    if abs(change) <= max(CLEAR_WATTS, CLEAR_SHARE * max(after.watts, updates[begin].watts), 2 * flat):
        return None
    flat = max(flat, STEP_SHARE * abs(change))
    while begin < end and abs(updates[begin + 1].watts - updates[begin].watts) <= flat:
        begin += 1
    while end - 1 > begin and abs(updates[end - 1].watts - after.watts) <= flat:
        end -= 1
    low, high = updates[begin], updates[end]
    lasting = max((LEVEL_UPDATES - 0.5) * period, LEVEL_SECONDS - (high.time - low.time))
    level = [one for one in updates[: begin + 1] if one.time >= low.time - lasting - period]
    if after.time - high.time < lasting or low.time - level[0].time < lasting:
        return None
    if any(abs(one.watts - low.watts) > flat for one in level):
        return None
    seen = [(b.watts - low.watts) / change * (b.time - a.time) for a, b in pairwise(updates[begin:])]
    moment = after.time - math.fsum(seen)
    late = moment - (low.time + updates[begin + 1].time) / 2
    averaging = period if end - begin <= 2 else max(period, period + 2 * late)
    slopes = [(b.watts - a.watts) / (b.time - a.time) for a, b in pairwise(updates[begin : end + 1])]
    middle = statistics.median(slopes)
    even = sum(abs(slope - middle) <= EVEN_SHARE * abs(middle) for slope in slopes) >= EVEN_LEAST * len(slopes)
    even = even and len(slopes) >= EVEN_UPDATES and LONG_LASTS[0] <= high.time - low.time <= LONG_LASTS[1]
    return StepResponse(averaging, high.time - low.time, moment, even)


class PowerSamples:
    """What one sensor was seen to show.

    Parameters
    ----------
    traits : SensorInfo
        What the sensor says about itself.
    """

    def __init__(self, traits: SensorInfo) -> None:
        self.all: list[PowerSample] = []
        self._traits = traits
        self._comb = TickClock(PERIOD_SLACK[0] * traits.period[0], PERIOD_SLACK[1] * traits.period[1])
        self._last: Reading | None = None
        self.averaging = traits.averaging
        """Seconds that an update is a mean over, as stated or as a step of the load has told."""
        self._settling = 0.0
        self._steps = 0
        """How many steps have told it."""
        self._longest = math.inf
        self._rises: deque[float] = deque(maxlen=16)
        """Means that slow steps seemed to tell."""
        self._heard: float | None = None
        """When the newest step came that was heard."""
        self._changed: float | None = None
        """When the reading was last seen to change."""
        self._unchanged = math.inf
        """Seconds from the last change but one to the last."""
        self._stalls: list[tuple[float, float, float]] = []
        """Readings that stood still and leapt: from, to, and by how many watts."""

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
        self._hear_stall(last, reading)
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
        if self.period_seen is None:
            return
        newest = self.all[-max(RECENT, round(RECENT_SECONDS / self.period)) :]
        since = self._stalls[-1][1] if self._stalls else -math.inf
        of_one = [update for update in newest if update.epoch == newest[-1].epoch and update.time >= since]
        if len(of_one) < 2:
            return
        most, noise = self._traits.power_limit or MOST_SEEN * max(update.watts for update in of_one), self.noise()
        # A reading that stood still moves later as far as it would have done meanwhile.
        self._longest = min(self._longest, longest_mean(of_one, self._unchanged, noise, most))
        told: float | None = None
        if self._longest < self.averaging and self.averaging > 2 * self.period:  # what was known can't be
            stated = self._traits.averaging
            told = (
                stated
                if stated <= self._longest
                else max((m for m in MEANS if m <= self._longest), default=self.period)
            )
            self._steps, self._settling = 0, 0.0
        if self._longest < SHORTEST_LONG and not self._steps:
            told, self._steps, self._settling = self.period, 1, 0.0
        step = step_response(of_one, self.period, noise)
        if step is not None and step.averaging > max(self._longest, 2 * self.period):
            step = None  # the load's own rise
        if step is not None and (self._heard is None or step.moment > self._heard + self.period):
            self._heard = step.moment
            if step.even:
                known, again = LONG_SECONDS, True
            else:
                known = step.averaging
                again = any(known / ALIKE <= one <= known * ALIKE for one in self._rises)
                self._rises.append(known)
            # One slow rise may be the load's own.
            if (known <= 2 * self.period or again) and (not self._steps or known < SHARPER * self.averaging):
                told, self._steps, self._settling = known, 1, 0.0 if step.even else step.settling
        if told is not None and told != self.averaging:
            self.averaging = min(told, self._traits.averaging) if told <= self.period else told
            self._owe_anew()

    def alternatives(self) -> tuple[float, ...]:
        """Return the other means, in seconds, that the reading may be for all that it has shown."""
        if self._steps:
            return ()
        means = [one for one in (*MEANS, self.period) if self.period <= one <= self._longest]
        return tuple(one for one in means if not self.averaging / ALIKE <= max(one, 1e-6) <= self.averaging * ALIKE)

    def as_if(self, averaging: float, start: float, end: float) -> PowerSamples:
        """Return the updates between two moments as they would count were each a mean over `averaging` seconds."""
        other = PowerSamples(self._traits)
        first = bisect.bisect_left(self.all, start, key=lambda update: update.time)
        last = bisect.bisect_right(self.all, end, key=lambda update: update.time)
        other.all, other._comb, other.averaging = self.all[first:last], self._comb, averaging
        other._owe_anew()
        return other

    def stalled(self, start: float, end: float) -> float:
        """Return the joules that a reading which stood still leaves open between two moments."""
        return math.fsum(
            max(0.0, min(end, until) - max(start, since)) * leap for since, until, leap in self._stalls[-50:]
        )

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

    def _hear_stall(self, last: Reading, reading: Reading) -> None:
        """Hear whether the reading stood still, though it changes with nearly every renewal otherwise."""
        since, self._changed = self._changed, reading.time
        self._unchanged = max(self.period, math.inf if since is None else reading.time - since)
        if since is None or self.period_seen is None or last.time - since < STALL_PERIODS * self.period:
            return
        recent = [one for one in self.all if since - 4.0 <= one.time <= since]
        changes = sum(a.watts != b.watts for a, b in pairwise(recent))
        if len(recent) > 4 and changes >= LIVELY * (len(recent) - 1):
            self._stalls.append((since, reading.time, abs(reading.value - last.value)))

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

    def _unread(self, before: PowerSample, reading: Reading, silence: float) -> float:
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
            self.all.append(PowerSample(time, watts, 0.0, owed, 0, self.period))
            return
        last = self.all[-1]
        time = max(time, last.time + 1e-6)
        step, change = time - last.time, watts - last.watts
        self.all.append(
            PowerSample(
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
        return max(self.averaging, self.period, min(self._settling, LONG_LASTS[1]))

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
