"""Integrates the samples of a sensor that reports power only.

The averaging time of a reading depends on the device's generation, the driver's version and the call. A table of it may
be wrong, and old devices filter instead. A step of the load shows it: the reading's lag is the area above its rise
(`step_response`), and a mean can't move faster than its length allows (`longest_mean`). An averaging time observed in
this way replaces the table's. Until then each of `MEANS` is possible, and a window's interval covers them all
(`timeline`).

Each sample is a mean over the last `averaging` seconds and is integrated over the time since the previous sample. So
every moment's power is counted once, with a lag of half the averaging time minus half the sampling period. The energy
still missing because of the lag is updated with each change of power (`owed`). Under constant power the sampling period
does not affect the sum.
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
from jupyter_green.metering.counter.update_period import TickClock
from jupyter_green.sensors import Reading, SensorInfo

SILENCE_SECONDS = 1.0

RECENT_SECONDS, RECENT = 4.0, 24
"""Time span, and smallest number, of recent samples that are used to find the averaging time."""

MOST_SEEN = 2.0
"""Assumed power limit as a multiple of the observed power, if the limit is unknown."""

PERIOD_SLACK = (0.7, 1.3)
"""Factors by which a device's sampling period may differ from its generation's; an A100 with 104 ms was recorded."""

TOO_STEEP = 1.5
"""Tolerance factor for the speed of a mean: peaks exceed the limit, and samples come early or late."""

LEVEL_UPDATES, LEVEL_SHARE, STEP_SHARE, STEP_NOISES = 2, 0.01, 0.02, 5.0
"""Samples of steady power required on either side of a step. Steady means a variation below a fraction of the power,
a fraction of the step, or some noise levels."""

CLEAR_SHARE, CLEAR_WATTS = 0.1, 10.0
"""Smallest step that is evaluated: relative to the power, and in watts."""

LEVEL_SECONDS = 1.1
"""Smallest duration of a step plus the steady power on one side; longer than the longest mean."""

LONG_SECONDS, LONG_LASTS, EVEN_UPDATES = 1.0, (0.8, 1.45), 7
"""A mean over one second: its averaging time, the range of its step response's duration, and its smallest number of
samples. A step of the load itself may take some tenths of a second."""

EVEN_SHARE, EVEN_LEAST = 0.35, 0.6
"""A step response is linear if this many of its slopes (second value) lie within this fraction of their median."""

MEANS = (1.0, 0.5, 0.2)
"""Possible averaging times in seconds, besides one sampling period: means and filters observed on real devices."""

SHARPER = 0.75
"""A shorter observed averaging time replaces the known one below this ratio. A load may rise slowly, but no reading
is faster than its own mean."""

SHORTEST_LONG = 0.35
"""Averaging time in seconds from which on a reading does not show a step at once."""

ALIKE = 1.35
"""Ratio within which two steps indicate the same averaging time."""

STALL_PERIODS, LIVELY = 2.5, 0.6
"""Number of periods after which an unchanged reading counts as stalled, if usually at least this fraction of samples
change."""

NOISE_WATTS = 1.0
"""Noise of a reading that is assumed until readings show their own."""


@dataclass(frozen=True)
class PowerSample:
    """A reading that differed from the previous one."""

    time: float
    """When it changed on `time.perf_counter()`."""
    watts: float
    """Mean power over the averaging time before."""
    joules: float
    """Sum over all samples up to this one."""
    owed: float
    """Joules already used but missing from the sum because of its lag, under steady power."""
    epoch: int
    """Increases whenever readings were missed."""
    uncertainty: float
    """Half-width of `time` in seconds."""
    variance: float = 0.0
    """Cumulative variance of the sum in joules squared, from the time uncertainties."""
    unseen: float = 0.0
    """Cumulative uncertainty of `joules` from samples that were not read."""

    def count(self, edge: float) -> float:
        """Joules up to an edge, if power was steady between the edge and the sample."""
        return self.joules + self.owed + self.watts * (edge - self.time)

    def is_redundant_after(self, before: PowerSample) -> bool:
        """Whether this sample does not affect the sum, given the previous one."""
        return (self.watts, self.epoch, self.unseen) == (before.watts, before.epoch, before.unseen)


@dataclass(frozen=True)
class StepResponse:
    """How a reading followed a step of the load."""

    averaging: float
    """Length in seconds of a mean with the same lag."""
    settling: float
    """Seconds from the step until the reading was steady."""
    moment: float
    """When the sum saw the step: the time of the step plus the sum's lag."""
    even: bool
    """Whether the reading changed linearly for about a second, as a mean over a second does."""


def longest_mean(updates: Sequence[PowerSample], seconds: float, noise: float, most: float) -> float:
    """Return the longest averaging time, in seconds, consistent with the newest change within `seconds`.

    A mean moves fastest when the power steps between zero and the limit `most`.
    """
    before, after = updates[-2:]
    step = abs(after.watts - before.watts)
    return math.inf if step <= STEP_NOISES * noise else TOO_STEEP * most * seconds / step


def step_response(updates: Sequence[PowerSample], period: float, noise: float) -> StepResponse | None:
    """Return the response to a step if the newest samples end one, else None.

    The samples are steady, change monotonically, and are steady again. Together this lasts longer than the longest
    mean, so that the load's own rise and fall can't look like it.
    """
    after = updates[-1]
    tolerance = max(STEP_NOISES * noise, LEVEL_SHARE * after.watts)
    end = len(updates) - 1
    while end > 0 and abs(updates[end - 1].watts - after.watts) <= tolerance:
        end -= 1
    begin = end
    sign = after.watts - updates[end - 1].watts if end else 0.0
    while begin > 0 and (updates[begin].watts - updates[begin - 1].watts) * sign > 0:
        begin -= 1
    change = after.watts - updates[begin].watts
    if abs(change) <= max(CLEAR_WATTS, CLEAR_SHARE * max(after.watts, updates[begin].watts), 2 * tolerance):
        return None
    tolerance = max(tolerance, STEP_SHARE * abs(change))
    while begin < end and abs(updates[begin + 1].watts - updates[begin].watts) <= tolerance:
        begin += 1
    while end - 1 > begin and abs(updates[end - 1].watts - after.watts) <= tolerance:
        end -= 1
    first, last = updates[begin], updates[end]
    required_seconds = max((LEVEL_UPDATES - 0.5) * period, LEVEL_SECONDS - (last.time - first.time))
    initial = [sample for sample in updates[: begin + 1] if sample.time >= first.time - required_seconds - period]
    if after.time - last.time < required_seconds or first.time - initial[0].time < required_seconds:
        return None
    if any(abs(sample.watts - first.watts) > tolerance for sample in initial):
        return None
    deficits = [(b.watts - first.watts) / change * (b.time - a.time) for a, b in pairwise(updates[begin:])]
    moment = after.time - math.fsum(deficits)
    lag = moment - (first.time + updates[begin + 1].time) / 2
    averaging = period if end - begin <= 2 else max(period, period + 2 * lag)
    slopes = [(b.watts - a.watts) / (b.time - a.time) for a, b in pairwise(updates[begin : end + 1])]
    median = statistics.median(slopes)
    even = sum(abs(slope - median) <= EVEN_SHARE * abs(median) for slope in slopes) >= EVEN_LEAST * len(slopes)
    even = even and len(slopes) >= EVEN_UPDATES and LONG_LASTS[0] <= last.time - first.time <= LONG_LASTS[1]
    return StepResponse(averaging, last.time - first.time, moment, even)


class PowerSamples:
    """Samples of one sensor."""

    def __init__(self, traits: SensorInfo) -> None:
        self.all: list[PowerSample] = []
        self._traits = traits
        self._tick_clock = TickClock(PERIOD_SLACK[0] * traits.period[0], PERIOD_SLACK[1] * traits.period[1])
        self._last: Reading | None = None
        self.averaging = traits.averaging
        """Averaging time in seconds: as specified, or as observed at a step of the load."""
        self._settling = 0.0
        self._steps = 0
        """Number of steps from which it was observed."""
        self._longest = math.inf
        self._rises: deque[float] = deque(maxlen=16)
        """Averaging times that slow steps indicated."""
        self._heard: float | None = None
        """When the newest evaluated step happened."""
        self._changed: float | None = None
        """When the reading last changed."""
        self._unchanged = math.inf
        """Seconds between its last two changes."""
        self._stalls: list[tuple[float, float, float]] = []
        """Stalled readings: start, end, and jump in watts."""

    def limit_power(self, watts: float | None) -> None:
        """Set the device's power limit in watts, which was raised since the start."""
        self._traits = replace(self._traits, power_limit=watts)

    def add(self, reading: Reading) -> None:
        """Add a reading in watts."""
        last, self._last = self._last, reading
        if last is None or reading.epoch != last.epoch or reading.time - last.time > SILENCE_SECONDS:
            self._tick_clock.restart()
            half = self.period / 2
            self._append(reading.time - half, reading.value, broken=bool(self.all))
            return
        if reading.value == last.value:
            # An unchanged sample is not detected, but the power at its time is known.
            unread = self._unread(self.all[-1], reading, reading.time - last.time)
            while reading.time - self.all[-1].time >= 1.5 * self.period:
                self._append(self.all[-1].time + self.period, reading.value, unseen=unread)
                unread = 0.0
            return
        self._note_stall(last, reading)
        earliest = max(last.time, reading.time - 1.05 * self.period)
        estimate = self._tick_clock.add(earliest, reading.time)
        self._hold(last.time, estimate.time)
        previous = self.all[-1]
        missed = max(0, round((estimate.time - previous.time) / self.period) - 1)
        unread = self._unread(previous, reading, reading.time - last.time) / (missed + 1)
        for number in range(1, missed + 1):  # a sample that was unchanged, or was not read
            fraction = number / (missed + 1)
            time = previous.time + (estimate.time - previous.time) * fraction
            watts = previous.watts + (reading.value - previous.watts) * fraction if time > last.time else previous.watts
            self._append(time, watts, uncertainty=self.period, unseen=unread)
        # Reads that are too rare may show a wrong period.
        is_precise = reading.time - earliest < self.period / 2
        self._append(
            estimate.time,
            reading.value,
            uncertainty=estimate.uncertainty if is_precise else (reading.time - earliest) / 2,
            unseen=unread,
        )
        self._hear()

    def _hear(self) -> None:
        """Estimate the averaging time from the newest samples."""
        if self.period_seen is None:
            return
        newest = self.all[-max(RECENT, round(RECENT_SECONDS / self.period)) :]
        since = self._stalls[-1][1] if self._stalls else -math.inf
        samples = [update for update in newest if update.epoch == newest[-1].epoch and update.time >= since]
        if len(samples) < 2:
            return
        limit, noise = self._traits.power_limit or MOST_SEEN * max(update.watts for update in samples), self.noise()
        # A stalled reading catches up afterwards, so it moves further than its mean would.
        self._longest = min(self._longest, longest_mean(samples, self._unchanged, noise, limit))
        averaging: float | None = None
        # The known averaging time is impossible.
        if self._longest < self.averaging and self.averaging > 2 * self.period:
            stated = self._traits.averaging
            averaging = (
                stated
                if stated <= self._longest
                else max((m for m in MEANS if m <= self._longest), default=self.period)
            )
            self._steps, self._settling = 0, 0.0
        if self._longest < SHORTEST_LONG and not self._steps:
            averaging, self._steps, self._settling = self.period, 1, 0.0
        step = step_response(samples, self.period, noise)
        if step is not None and step.averaging > max(self._longest, 2 * self.period):
            step = None  # a rise of the load itself
        if step is not None and (self._heard is None or step.moment > self._heard + self.period):
            self._heard = step.moment
            if step.even:
                indicated, confirmed = LONG_SECONDS, True
            else:
                indicated = step.averaging
                confirmed = any(indicated / ALIKE <= other <= indicated * ALIKE for other in self._rises)
                self._rises.append(indicated)
            # A single slow rise may be the load's own.
            if (indicated <= 2 * self.period or confirmed) and (
                not self._steps or indicated < SHARPER * self.averaging
            ):
                averaging, self._steps, self._settling = indicated, 1, 0.0 if step.even else step.settling
        if averaging is not None and averaging != self.averaging:
            self.averaging = min(averaging, self._traits.averaging) if averaging <= self.period else averaging
            self._recompute_lag_energy()

    def alternatives(self) -> tuple[float, ...]:
        """Return the other averaging times, in seconds, that are consistent with the readings."""
        if self._steps:
            return ()
        means = [mean for mean in (*MEANS, self.period) if self.period <= mean <= self._longest]
        return tuple(mean for mean in means if not self.averaging / ALIKE <= max(mean, 1e-6) <= self.averaging * ALIKE)

    def as_if(self, averaging: float, start: float, end: float) -> PowerSamples:
        """Return the samples between two moments, integrated for another averaging time."""
        samples = PowerSamples(self._traits)
        start_index = bisect.bisect_left(self.all, start, key=lambda update: update.time)
        end_index = bisect.bisect_right(self.all, end, key=lambda update: update.time)
        samples.all, samples._tick_clock, samples.averaging = (
            self.all[start_index:end_index],
            self._tick_clock,
            averaging,
        )
        samples._recompute_lag_energy()
        return samples

    def stalled(self, start: float, end: float) -> float:
        """Return the uncertainty in joules from stalled readings between two moments."""
        return math.fsum(
            max(0.0, min(end, until) - max(start, since)) * leap for since, until, leap in self._stalls[-50:]
        )

    def _recompute_lag_energy(self) -> None:
        """Recompute the energy missing from each sum because of its lag."""
        owed, previous = 0.0, None
        for index, update in enumerate(self.all):
            if previous is None:
                owed = update.watts * max(0.0, self.averaging - self.period) / 2
            else:
                change, step = update.watts - previous.watts, update.time - previous.time
                owed += change * max(0.0, self.averaging - step) / 2
            previous = update
            self.all[index] = replace(update, owed=owed)

    def _note_stall(self, last: Reading, reading: Reading) -> None:
        """Note a stalled reading, one that otherwise changes with nearly every sample."""
        last_change, self._changed = self._changed, reading.time
        self._unchanged = max(self.period, math.inf if last_change is None else reading.time - last_change)
        if last_change is None or self.period_seen is None or last.time - last_change < STALL_PERIODS * self.period:
            return
        recent = [sample for sample in self.all if last_change - 4.0 <= sample.time <= last_change]
        changes = sum(a.watts != b.watts for a, b in pairwise(recent))
        if len(recent) > 4 and changes >= LIVELY * (len(recent) - 1):
            self._stalls.append((last_change, reading.time, abs(reading.value - last.value)))

    def _hold(self, known: float, changed: float) -> None:
        """If power was unchanged up to `known`, let the sample that changed it cover one period only.

        The number and times of the unchanged samples are a guess, which is irrelevant while nothing changes.
        """
        if len(self.all) > 1 and self.all[-1].is_redundant_after(self.all[-2]):
            self.all.pop()
        previous = self.all[-1]
        step, error = self.period, 0.0
        if self.period_seen is None:
            step, error = statistics.fmean(self._traits.period), (self._traits.period[1] - self._traits.period[0]) / 2
        last_unchanged = min(known, changed - step)
        if last_unchanged > previous.time + step / 2:
            self._append(last_unchanged, previous.watts, uncertainty=error)

    def _unread(self, before: PowerSample, reading: Reading, silence: float) -> float:
        """Uncertainty in joules from samples that were not read; a mean still shows a part of them."""
        if silence < SILENT_PERIODS * self.period:
            return 0.0
        limit = self._traits.power_limit or 2 * max(before.watts, reading.value)
        return abs(reading.value - before.watts) * silence / 2 + limit / 2 * max(0.0, silence - self.span)

    def _append(
        self, time: float, watts: float, *, broken: bool = False, uncertainty: float = 0.0, unseen: float = 0.0
    ) -> None:
        if not self.all:
            owed = watts * max(0.0, self.averaging - self.period) / 2
            self.all.append(PowerSample(time, watts, 0.0, owed, 0, self.period))
            return
        previous = self.all[-1]
        time = max(time, previous.time + 1e-6)
        step, change = time - previous.time, watts - previous.watts
        self.all.append(
            PowerSample(
                time,
                watts,
                previous.joules + watts * step,
                previous.owed + change * max(0.0, self.averaging - step) / 2,
                previous.epoch + broken,
                uncertainty,
                previous.variance + (previous.uncertainty * change) ** 2 / 3,
                previous.unseen + unseen,
            )
        )

    def forget(self, before: float) -> None:
        """Drop samples that no edge after a moment needs."""
        index = bisect.bisect_left(self.all, before - 2 * self.span, key=lambda update: update.time)
        del self.all[: max(0, min(index, len(self.all) - 4))]

    @property
    def newest(self) -> Reading | None:
        """The last reading."""
        return self._last

    @property
    def period_seen(self) -> float | None:
        """Observed sampling period in seconds; None until some samples were seen."""
        return self._tick_clock.period

    @property
    def span(self) -> float:
        """Seconds that a sample covers: its averaging time, or the time since the last one."""
        return max(self.averaging, self.period, min(self._settling, LONG_LASTS[1]))

    @property
    def lag(self) -> float:
        """Lag of the sum in seconds: half the averaging time minus half the sampling period."""
        return max(0.0, self.averaging - self.period) / 2

    @property
    def period(self) -> float:
        """Sampling period in seconds: observed, else its upper bound."""
        return self.period_seen or self._traits.period[1]

    def noise(self) -> float:
        """Noise of a reading in watts, from the second differences of the samples."""
        recent = self.all[-120:]
        deviations = sorted(
            abs(a.watts - 2 * b.watts + c.watts) / math.sqrt(6)
            for a, b, c in zip(recent, recent[1:], recent[2:], strict=False)
        )
        return deviations[len(deviations) // 2] * 1.5 if len(deviations) >= 8 else NOISE_WATTS
