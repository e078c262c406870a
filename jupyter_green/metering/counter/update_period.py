"""Estimates period and phase of a counter's updates from the intervals in which they were observed.

Reads are late when the machine or the interpreter is busy, so a single interval may be wide. Updates are regular, so
many intervals together determine each update well. The fit weights each interval by its width. The scatter of narrow
intervals about it is the sensor's jitter. After an interruption the phase is lost and the period is kept.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from itertools import pairwise

CLOCK_UNCERTAINTY = 0.0003
"""Time uncertainty of even the narrowest interval, in seconds, since calls take time."""

LOST = 0.35
"""Jitter, as a fraction of the period, above which the fitted period is discarded."""

ASSUMED_JITTER, TOLD = 0.003, 10
SETTLED, REFIT = 16, 4
LEAST = 4
KEEP, AGREEING = 64, 24


@dataclass(frozen=True)
class Expectation:
    """Expected time of an update and its half-width, in seconds."""

    time: float
    uncertainty: float


class TickClock:
    """Period and phase of a counter's updates; the period has bounds, in seconds."""

    def __init__(self, shortest: float, longest: float) -> None:
        self._shortest, self._longest = shortest, longest
        self._series: deque[tuple[int, float, float]] = deque(maxlen=KEEP)
        self._period: float | None = None
        self._period_uncertainty = math.inf
        self._phase = 0.0
        self._phase_uncertainty = math.inf
        self.jitter = 0.0
        self._told = False

    @property
    def period(self) -> float | None:
        """Period in seconds; None until enough updates were observed."""
        return self._period

    @property
    def locked(self) -> bool:
        """Whether the next update can be predicted."""
        return self._period is not None and bool(self._series)

    def restart(self) -> None:
        """Forget the phase, after an interruption."""
        self._series.clear()
        self._phase_uncertainty = math.inf

    def add(self, low: float, high: float) -> Expectation:
        """Add an update; return its estimated time.

        `low` and `high` are the times of the last read with the old value and of the first with the new one.
        """
        middle, half = (low + high) / 2, (high - low) / 2
        number = 0
        if self._series:
            last_number, last_time, _ = self._series[-1]
            if self._period is not None:
                anchor = (
                    self._phase + last_number * self._period if math.isfinite(self._phase_uncertainty) else last_time
                )
                # After a wide interval the value is that of the latest update before `high`.
                is_wide = half >= self._period / 4
                elapsed = (high if is_wide else middle) - anchor
                number = last_number + max(1, (math.floor if is_wide else round)(elapsed / self._period))
            else:
                number = last_number + 1
        self._series.append((number, middle, half))
        # Once the fit is settled, one update changes little, so it is not refitted each time.
        if len(self._series) < SETTLED or number % REFIT == 0:
            self._fit()
        expected = self.expect(number)
        if expected is None or expected.uncertainty >= half:
            return Expectation(middle, half)
        # A phase error shifts all updates alike; only their relative error matters here.
        time = min(max(expected.time, low), high)
        half_width = self.jitter + CLOCK_UNCERTAINTY + abs(time - expected.time)
        return Expectation(time, min(half_width, half))

    def expect(self, number: int) -> Expectation | None:
        """Expected time of the update with this number; None until period and phase are known."""
        if self._period is None or math.isinf(self._phase_uncertainty):
            return None
        return Expectation(self._phase + number * self._period, self._phase_uncertainty + self.jitter)

    def following(self, after: float | None = None) -> Expectation | None:
        """Expected time of the next update, or of the first after a moment; None if unknown."""
        if not self._series or self._period is None:
            return None
        number = self._series[-1][0] + 1
        if after is not None:
            number = max(number, math.ceil((after - self._phase) / self._period))
        return self.expect(number)

    def _fit(self) -> None:
        if self._period is None:
            self._guess_period()
            if self._period is None:
                return
        origin = self._series[0][0]
        # Jitter is unknown at first; assuming none would give too much confidence in a wrong period.
        jitter = self.jitter / 2 if self._told else max(self.jitter / 2, ASSUMED_JITTER)
        weights = [1.0 / (half**2 / 3 + CLOCK_UNCERTAINTY**2 + jitter**2) for _, _, half in self._series]
        numbers = [number - origin for number, _, _ in self._series]
        times = [middle for _, middle, _ in self._series]
        total_weight = math.fsum(weights)
        prior = 1.0 / max(self._period_uncertainty, 1e-7) ** 2 if math.isfinite(self._period_uncertainty) else 0.0
        mean_number = math.fsum(a * n for a, n in zip(weights, numbers, strict=True)) / total_weight
        mean_time = math.fsum(a * t for a, t in zip(weights, times, strict=True)) / total_weight
        spread = math.fsum(a * (n - mean_number) ** 2 for a, n in zip(weights, numbers, strict=True))
        slope = math.fsum(
            a * (n - mean_number) * (t - mean_time) for a, n, t in zip(weights, numbers, times, strict=True)
        )
        # The earlier period counts as one more observation, so that a short series can't spoil it.
        period = (slope + prior * self._period) / (spread + prior) if spread + prior else self._period
        period = min(max(period, self._shortest), self._longest)
        phase = mean_time - mean_number * period
        self._phase = phase - origin * period
        deviation = (
            math.sqrt(1.0 / total_weight + (numbers[-1] - mean_number) ** 2 / (spread + prior))
            if spread + prior
            else 1 / math.sqrt(total_weight)
        )
        self._phase_uncertainty = 2 * deviation
        self._period = period
        if len(numbers) >= LEAST:
            # The period may drift, so its relative uncertainty is at least 1e-4.
            self._period_uncertainty = max(1e-4 * period, 1.0 / math.sqrt(spread + prior) if spread + prior else 1e-3)
            narrow = [
                ((t - phase - n * period) ** 2, half)
                for n, t, (_, _, half) in zip(numbers, times, self._series, strict=True)
                if half < 0.1 * period
            ]
            if len(narrow) >= LEAST:
                scatter = math.fsum(square for square, _ in narrow) / len(narrow)
                interval_variance = math.fsum(half**2 / 3 for _, half in narrow) / len(narrow)
                self._told = self._told or len(narrow) >= TOLD
                self.jitter = 2 * math.sqrt(max(0.0, scatter - interval_variance - CLOCK_UNCERTAINTY**2))
        if self.jitter > LOST * period:
            self._lose()
        else:
            self._agree()

    def _agree(self) -> None:
        """Move the phase to the range that all recent intervals have in common, if there is one.

        Reads are scheduled around expected updates, so the midpoints of their intervals only reproduce the expectation.
        The intersection of the intervals does not have this bias. If jitter leaves no intersection, the fit is kept.
        """
        assert self._period is not None
        recent = [interval for interval in list(self._series)[-AGREEING:] if interval[2] < self._period / 4]
        if len(recent) < LEAST:
            return
        lower = max(middle - half - number * self._period for number, middle, half in recent)
        upper = min(middle + half - number * self._period for number, middle, half in recent)
        if upper - lower < -2 * CLOCK_UNCERTAINTY:
            return
        drift = self._period_uncertainty * (recent[-1][0] - recent[0][0]) / 2
        self._phase = (lower + upper) / 2
        self._phase_uncertainty = max(0.0, upper - lower) / 2 + CLOCK_UNCERTAINTY + min(drift, CLOCK_UNCERTAINTY)
        self.jitter = 0.0

    def _lose(self) -> None:
        """Discard a period that the updates don't follow, and search for another."""
        self.restart()
        self._period, self._period_uncertainty, self.jitter, self._told = None, math.inf, 0.0, False

    def _guess_period(self) -> None:
        """First estimate of the period, from consecutive narrow intervals."""
        if len(self._series) < LEAST:
            return
        intervals = list(self._series)
        steps = [
            later[1] - earlier[1]
            for earlier, later in pairwise(intervals)
            if earlier[2] + later[2] < 0.5 * (later[1] - earlier[1]) and later[1] - earlier[1] <= 1.3 * self._longest
        ]
        if len(steps) < LEAST - 1:
            return
        guess = sorted(steps)[len(steps) // 2]
        self._period = min(max(guess, self._shortest), self._longest)
        # Renumber the updates: some may have been missed while the period was unknown.
        first = intervals[0][1]
        self._series = deque(
            ((round((middle - first) / self._period), middle, half) for _, middle, half in intervals), maxlen=KEEP
        )
