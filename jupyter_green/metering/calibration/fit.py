"""Fits a counter's latency and duty cycle to its response to a known load.

The load is switched on and off at random moments between updates. The first update after an edge shows a part of the
power step: the part of its sampled time after the edge. As a function of the time from edge to update this is a ramp.
Its length is the sampled time of each period; its start is the latency. Both follow by least squares from all edges.
Rising and falling edges are also fitted separately: a load that starts or stops slowly looks like latency, and the
difference between both widens the interval. A delay common to both can't be separated from latency.

Tested on simulated counters only, not on hardware.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from .model import Calibration, UnclearError

EARLIEST_SECONDS, LATEST_SECONDS = -0.01, 0.1
"""Range of latencies that are tried. Load and pause must each last for the upper bound and some updates more."""

LEAST_DOUBT_SECONDS, WIDEST_DOUBT_SECONDS = 0.001, 0.01
"""Smallest half-width that is reported (calls and loads have edges of their own), and largest that is accepted."""

LEAST_TICKS, LEAST_EDGES = 20, 8
LEAST_CONTRAST = 5.0
"""Smallest usable power step, as a multiple of the power's own variation."""

VAGUEST_PART = 0.25
"""Updates whose time is less certain than this fraction of a period are dropped: the reader may have missed one."""

LARGEST_MISFIT = 0.2
"""Largest scatter of the updates about the ramp, relative to its height, at which they follow the load."""

FULL_TIME = 0.75
"""From this duty cycle on, a counter is treated as one that samples all the time."""

_CHI2_95, _CHI2_999 = 3.84, 10.83
_SIDE = 3  # updates that give the power before an edge, and after it


@dataclass(frozen=True)
class CounterSample:
    """One observed update of the counter."""

    time: float
    """When the count changed, on `time.perf_counter()`."""
    value: float
    """The new count, in joules since an arbitrary origin."""
    uncertainty: float = 0.0
    """Half-width of `time` in seconds."""


def calibration_of(ticks: Sequence[CounterSample], loads: Iterable[tuple[float, float]]) -> Calibration:
    """Fit a calibration to the updates of a counter under a known load.

    The updates are in order, from before the first load until after the last; loads are pairs of start and end, on the
    same clock. Raises UnclearError if the data are insufficient.
    """
    series = _fit_updates(ticks)
    edges = [moment for load in loads for moment in load]
    steps = [step for step in _steps(series, edges) if step is not None]
    if len(steps) < LEAST_EDGES:
        raise UnclearError(f"Only {len(steps)} edges of the load could be used; {LEAST_EDGES} are needed.")
    contrast = statistics.median(abs(step.change) for step in steps)
    variation = _power_scatter(steps)
    if contrast < LEAST_CONTRAST * variation or contrast <= 0:
        raise UnclearError(
            f"The load changes the power by {contrast:.1f} W, and it varies by {variation:.1f} W anyway; that is too "
            "little to calibrate with."
        )
    latency, latency_doubt, duty = _fitted(steps)
    if latency > LATEST_SECONDS - 2 * LEAST_DOUBT_SECONDS:
        raise UnclearError(f"The counter's latency exceeds {1000 * LATEST_SECONDS:.0f} ms, the maximum supported.")
    return Calibration(
        latency=max(0.0, latency),
        latency_doubt=latency_doubt,
        duty=duty,
        period=series.period,
        jitter=series.jitter,
        edges=len(steps),
    )


# ---- updates -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Tick:
    """A periodic update: its time, seconds since the one before, and the mean power in between in watts."""

    time: float
    length: float
    watts: float


@dataclass(frozen=True)
class _Rhythm:
    ticks: list[_Tick]
    period: float
    jitter: float


def _fit_updates(seen: Sequence[CounterSample]) -> _Rhythm:
    """Fit the period and the times of the updates: a straight line, limited to each update's interval."""
    median_step = (
        statistics.median(later.time - earlier.time for earlier, later in pairwise(seen)) if len(seen) > 1 else 0.0
    )
    seen = [update for update in seen if update.uncertainty <= VAGUEST_PART * median_step]
    if len(seen) < LEAST_TICKS:
        raise UnclearError(f"Only {len(seen)} updates of the counter could be timed; {LEAST_TICKS} are needed.")
    numbers = [0]
    for earlier, later in pairwise(seen):
        numbers.append(numbers[-1] + max(1, round((later.time - earlier.time) / median_step)))
    line = statistics.linear_regression(numbers, [update.time for update in seen])
    deviations = [update.time - line.intercept - line.slope * n for n, update in zip(numbers, seen, strict=True)]
    scatter = math.fsum(x * x for x in deviations) / len(deviations)
    if math.sqrt(scatter) > 0.25 * line.slope:
        raise UnclearError("The counter is not updated at regular intervals.")
    time_variance = math.fsum(update.uncertainty**2 / 3 for update in seen) / len(seen)
    times = [
        update.time - min(max(x, -update.uncertainty), update.uncertainty)
        for x, update in zip(deviations, seen, strict=True)
    ]
    updates = []
    for index in range(1, len(seen)):
        length = times[index] - times[index - 1]
        if numbers[index] == numbers[index - 1] + 1 and length > 0:
            updates.append(_Tick(times[index], length, (seen[index].value - seen[index - 1].value) / length))
    # Updates that are early or late by at most j, uniformly distributed, scatter by j / √3.
    return _Rhythm(updates, line.slope, math.sqrt(3 * max(0.0, scatter - time_variance)))


# ---- edges ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Step:
    """One edge of the load."""

    change: float
    """Power step in watts."""
    points: list[tuple[float, float, float]]
    """For each update that may show a part of the step: seconds since the edge, its length, and the part shown."""
    sides: tuple[list[float], list[float]]
    """Power in watts of the updates before, and after."""


def _steps(rhythm: _Rhythm, edges: list[float]) -> Iterable[_Step | None]:
    for previous, edge, following in zip([-math.inf, *edges], edges, [*edges[1:], math.inf], strict=False):
        yield _step(rhythm.ticks, previous, edge, following)


def _step(ticks: list[_Tick], before: float, edge: float, after: float) -> _Step | None:
    before_watts = [t.watts for t in ticks if t.time <= edge and t.time - t.length >= before + LATEST_SECONDS][-_SIDE:]
    after_watts = [t.watts for t in ticks if t.time - t.length >= edge + LATEST_SECONDS and t.time <= after][:_SIDE]
    if not before_watts or not after_watts:
        return None
    base, change = statistics.fmean(before_watts), statistics.fmean(after_watts) - statistics.fmean(before_watts)
    if change == 0:
        return None
    overlapping = [t for t in ticks if t.time > edge and t.time - t.length < edge + LATEST_SECONDS]
    points = [(t.time - edge, t.length, (t.watts - base) / change) for t in overlapping]
    return _Step(change, points, (before_watts, after_watts))


def _power_scatter(steps: list[_Step]) -> float:
    """Standard deviation of the power from update to update under a constant load, in watts."""
    changes = [abs(b - a) for step in steps for side in step.sides for a, b in pairwise(side)]
    return 1.4826 * statistics.median(changes) / math.sqrt(2) if changes else 0.0


# ---- the fit --------------------------------------------------------------------------------------


def _misses(steps: list[_Step], latency: float, duty: float) -> list[tuple[float, bool]]:
    """For each update, its squared deviation from the ramp, and whether it lies on the slope."""
    misses = []
    for step in steps:
        for since, length, part in step.points:
            ramp = (since - latency) / (duty * length)
            misses.append(((part - min(max(ramp, 0.0), 1.0)) ** 2, 0.0 < ramp < 1.0))
    return misses


def _misfit(steps: list[_Step], latency: float, duty: float) -> float:
    return math.fsum(square for square, _ in _misses(steps, latency, duty))


def _noise(steps: list[_Step], latency: float, duty: float) -> float:
    """Variance of an update about the ramp; on the slope it is larger, since time errors matter there."""
    squares = _misses(steps, latency, duty)
    slope = [square for square, on_slope in squares if on_slope]
    variances = [math.fsum(group) / len(group) for group in ([square for square, _ in squares], slope) if group]
    return max(variances, default=0.0)


def _fitted(steps: list[_Step]) -> tuple[float, float, float]:
    """Latency, its half-width, and duty cycle."""
    coarse = [(EARLIEST_SECONDS + 0.002 * i, 0.05 * j) for i in range(56) for j in range(1, 21)]
    latency, duty = min(coarse, key=lambda at: _misfit(steps, *at))
    duties = [share for share in (duty + 0.01 * j for j in range(-5, 6)) if 0 < share <= 1.0]
    fine = [(latency + 0.0002 * i, share) for i in range(-15, 16) for share in duties]
    latency, duty = min(fine, key=lambda at: _misfit(steps, *at))
    best_misfit, full = _misfit(steps, latency, duty), _best(steps, 1.0)
    noise = _noise(steps, latency, duty)
    # Otherwise the counter is significantly part-time.
    if duty >= FULL_TIME or _misfit(steps, full, 1.0) <= best_misfit + _CHI2_999 * noise:
        latency, duty, duties = full, 1.0, [1.0]
        best_misfit, noise = _misfit(steps, latency, duty), _noise(steps, latency, duty)
    if math.sqrt(noise) > LARGEST_MISFIT:
        raise UnclearError(
            "The counter does not follow the load: something else uses the device, or the counter averages."
        )
    # The interval includes all latencies whose misfit is not significantly larger, with duty free unless it is 1.
    offsets = [
        x
        for x in (0.0005 * i for i in range(-60, 61))
        if min(_misfit(steps, latency + x, share) for share in duties) <= best_misfit + _CHI2_95 * noise
    ]
    rising, falling = (_best([step for step in steps if step.change * sign > 0], duty) for sign in (1, -1))
    half_width = LEAST_DOUBT_SECONDS + max((abs(x) for x in offsets), default=0.0) + abs(rising - falling) / 2
    # For a part-time counter the duty cycle is worth knowing anyway.
    if duty == 1.0 and half_width > WIDEST_DOUBT_SECONDS:
        raise UnclearError(
            f"Its latency is only known to ±{1000 * half_width:.0f} ms; a stronger load may narrow that."
        )
    return latency, half_width, duty


def _best(steps: list[_Step], duty: float) -> float:
    """Latency that fits best for a given duty cycle."""
    coarse = min((EARLIEST_SECONDS + 0.002 * i for i in range(56)), key=lambda x: _misfit(steps, x, duty))
    return min((coarse + 0.0002 * i for i in range(-10, 11)), key=lambda x: _misfit(steps, x, duty))
