"""The rhythm of a counter's ticks: a period and a phase, fitted to the brackets in which ticks were seen.

Reads are late when the machine or the interpreter is busy, so a single bracket may be wide. Ticks come
regularly, so many brackets together place each of them well: the fit weighs a bracket by its width, and
what tight brackets still scatter around it is the sensor's own jitter. After a silence the phase is
lost and the period is kept.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from itertools import pairwise

CLOCK_DOUBT = 0.0003
"""Seconds by which even a tight bracket may be off (calls take time)."""

LOST = 0.35
"""Scatter, as a part of the period, at which a rhythm is given up."""

ASSUMED_JITTER, TOLD = 0.003, 10
SETTLED, REFIT = 16, 4
LEAST = 4
KEEP, AGREEING = 64, 24


@dataclass(frozen=True)
class Expectation:
    """When a tick is expected, and the half-width in seconds of how well that is known."""

    time: float
    doubt: float


class TickClock:
    """Period and phase of ticks.

    Parameters
    ----------
    shortest, longest : float
        Bounds of the period in seconds.
    """

    def __init__(self, shortest: float, longest: float) -> None:
        self._shortest, self._longest = shortest, longest
        self._series: deque[tuple[int, float, float]] = deque(maxlen=KEEP)
        self._period: float | None = None
        self._period_doubt = math.inf
        self._phase = 0.0
        self._phase_doubt = math.inf
        self.jitter = 0.0
        self._told = False

    @property
    def period(self) -> float | None:
        """Period in seconds; None before enough ticks were seen."""
        return self._period

    @property
    def locked(self) -> bool:
        """Whether the next tick can be predicted."""
        return self._period is not None and bool(self._series)

    def restart(self) -> None:
        """After a silence: the phase is lost."""
        self._series.clear()
        self._phase_doubt = math.inf

    def add(self, low: float, high: float) -> Expectation:
        """Book a tick that happened between two moments; return where it is placed.

        Parameters
        ----------
        low, high : float
            The last read with the old value and the first with the new one, in seconds.
        """
        middle, half = (low + high) / 2, (high - low) / 2
        number = 0
        if self._series:
            before, when, _ = self._series[-1]
            if self._period is not None:
                anchor = self._phase + before * self._period if math.isfinite(self._phase_doubt) else when
                # What is shown after a long while is the latest tick that had come by then.
                long = half >= self._period / 4
                passed = (high if long else middle) - anchor
                number = before + max(1, (math.floor if long else round)(passed / self._period))
            else:
                number = before + 1
        self._series.append((number, middle, half))
        # Once the rhythm is settled a tick changes little: fitting it all anew each time is not worth it.
        if len(self._series) < SETTLED or number % REFIT == 0:
            self._fit()
        expected = self.expect(number)
        if expected is None or expected.doubt >= half:
            return Expectation(middle, half)
        # What of the phase is not known moves all ticks alike; here counts by how much they may lie apart.
        time = min(max(expected.time, low), high)
        own = self.jitter + CLOCK_DOUBT + abs(time - expected.time)
        return Expectation(time, min(own, half))

    def expect(self, number: int) -> Expectation | None:
        """Where the tick of a number is expected; None before the rhythm is known."""
        if self._period is None or math.isinf(self._phase_doubt):
            return None
        return Expectation(self._phase + number * self._period, self._phase_doubt + self.jitter)

    def following(self, after: float | None = None) -> Expectation | None:
        """Where the next tick, or the first one after a moment, is expected."""
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
        # Jitter shows only after some ticks; until then some is assumed, or a wrong period would be believed.
        jitter = self.jitter / 2 if self._told else max(self.jitter / 2, ASSUMED_JITTER)
        weights = [1.0 / (half**2 / 3 + CLOCK_DOUBT**2 + jitter**2) for _, _, half in self._series]
        ns = [number - origin for number, _, _ in self._series]
        ts = [middle for _, middle, _ in self._series]
        w = math.fsum(weights)
        prior = 1.0 / max(self._period_doubt, 1e-7) ** 2 if math.isfinite(self._period_doubt) else 0.0
        n_mean = math.fsum(a * n for a, n in zip(weights, ns, strict=True)) / w
        t_mean = math.fsum(a * t for a, t in zip(weights, ts, strict=True)) / w
        spread = math.fsum(a * (n - n_mean) ** 2 for a, n in zip(weights, ns, strict=True))
        slope = math.fsum(a * (n - n_mean) * (t - t_mean) for a, n, t in zip(weights, ns, ts, strict=True))
        # The period learnt before counts as one more observation, so that a short series can't spoil it.
        period = (slope + prior * self._period) / (spread + prior) if spread + prior else self._period
        period = min(max(period, self._shortest), self._longest)
        phase = t_mean - n_mean * period
        self._phase = phase - origin * period
        doubt = math.sqrt(1.0 / w + (ns[-1] - n_mean) ** 2 / (spread + prior)) if spread + prior else 1 / math.sqrt(w)
        self._phase_doubt = 2 * doubt
        self._period = period
        if len(ns) >= LEAST:
            # A year-old period may have changed: it is never trusted below a tenth of a per mille.
            self._period_doubt = max(1e-4 * period, 1.0 / math.sqrt(spread + prior) if spread + prior else 1e-3)
            tight = [
                ((t - phase - n * period) ** 2, half)
                for n, t, (_, _, half) in zip(ns, ts, self._series, strict=True)
                if half < 0.1 * period
            ]
            if len(tight) >= LEAST:
                scatter = math.fsum(square for square, _ in tight) / len(tight)
                blur = math.fsum(half**2 / 3 for _, half in tight) / len(tight)
                self._told = self._told or len(tight) >= TOLD
                self.jitter = 2 * math.sqrt(max(0.0, scatter - blur - CLOCK_DOUBT**2))
        if self.jitter > LOST * period:
            self._lose()
        else:
            self._agree()

    def _agree(self) -> None:
        """Place the phase where all of the latest brackets hold it, if there is such a place.

        Reads are aimed at where ticks are expected, so their brackets lie around that, right or wrong: the mean of
        their middles only repeats it. What every one of them holds does not. Where jitter leaves no such place, the
        fit stands.
        """
        assert self._period is not None
        recent = [each for each in list(self._series)[-AGREEING:] if each[2] < self._period / 4]
        if len(recent) < LEAST:
            return
        low = max(middle - half - number * self._period for number, middle, half in recent)
        high = min(middle + half - number * self._period for number, middle, half in recent)
        if high - low < -2 * CLOCK_DOUBT:
            return
        drift = self._period_doubt * (recent[-1][0] - recent[0][0]) / 2
        self._phase = (low + high) / 2
        self._phase_doubt = max(0.0, high - low) / 2 + CLOCK_DOUBT + min(drift, CLOCK_DOUBT)
        self.jitter = 0.0

    def _lose(self) -> None:
        """The ticks don't follow the rhythm that was found: look for another."""
        self.restart()
        self._period, self._period_doubt, self.jitter, self._told = None, math.inf, 0.0, False

    def _guess_period(self) -> None:
        """A first period from tight brackets that follow each other."""
        if len(self._series) < LEAST:
            return
        items = list(self._series)
        steps = [
            later[1] - earlier[1]
            for earlier, later in pairwise(items)
            if earlier[2] + later[2] < 0.5 * (later[1] - earlier[1]) and later[1] - earlier[1] <= 1.3 * self._longest
        ]
        if len(steps) < LEAST - 1:
            return
        guess = sorted(steps)[len(steps) // 2]
        self._period = min(max(guess, self._shortest), self._longest)
        # Number the ticks anew: some may have been missed while the period was unknown.
        first = items[0][1]
        self._series = deque(
            ((round((middle - first) / self._period), middle, half) for _, middle, half in items), maxlen=KEEP
        )
