"""How a counter responds to a load that is switched on and off: its latency, and whether it looks all the time.

A load is switched on and off at moments that fall anywhere between ticks. The tick after such an edge shows a
part of the step in power: the part of the time its counter looked at that lay behind the edge. How that part
grows with the distance from edge to tick is a ramp; its length is the time the counter looks at in each
period, where it begins is the latency. Both follow by least squares from all edges. Edges up and edges down
are also fitted apart: a load that takes its time to start or to stop looks like latency, and as it does so
differently up and down, the difference widens the interval. What both have in common can't be told apart.

Untested on hardware so far; tried on simulated counters only.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from .model import Calibration, UnclearError

EARLIEST_SECONDS, LATEST_SECONDS = -0.01, 0.1
"""Latencies that are looked for. A load must stay on, and off, for this long and a few ticks more."""

LEAST_DOUBT_SECONDS, WIDEST_DOUBT_SECONDS = 0.001, 0.01
"""No latency is said to be known better than the first, as calls and loads have edges of their own, or worse."""

LEAST_TICKS, LEAST_EDGES = 20, 8
LEAST_CONTRAST = 5.0
"""How many times what the power wavers a load must change it, to be seen."""

VAGUEST_PART = 0.25
"""Part of a period beyond which a tick's moment is too vague: a reader that was held up may have missed one."""

POOREST_FIT = 0.2
"""Scatter of the ticks about the ramp, as a part of its height, above which they don't follow the load."""

FULL_TIME = 0.75
"""A counter that looks at this share of the time or more can't be told from one that always looks."""

_CHI2_95, _CHI2_999 = 3.84, 10.83
_SIDE = 3  # ticks that tell the power before an edge, and after it


@dataclass(frozen=True)
class CounterSample:
    """A tick as it was seen.

    Parameters
    ----------
    time : float
        When the count changed, on `time.perf_counter()`.
    value : float
        The new count, in joules since an arbitrary origin.
    doubt : float
        Half-width in seconds of what is known of `time`.
    """

    time: float
    value: float
    doubt: float = 0.0


def calibration_of(ticks: Sequence[CounterSample], loads: Iterable[tuple[float, float]]) -> Calibration:
    """What the ticks of a counter tell of it, given when a load was on.

    Parameters
    ----------
    ticks : sequence of CounterSample
        In order; from before the first load until after the last.
    loads : iterable of (float, float)
        When each stretch of load began and ended, on the same clock.

    Raises
    ------
    UnclearError
        If they don't tell; one sentence.
    """
    rhythm = _rhythm(ticks)
    edges = [moment for load in loads for moment in load]
    steps = [step for step in _steps(rhythm, edges) if step is not None]
    if len(steps) < LEAST_EDGES:
        raise UnclearError(f"Only {len(steps)} edges of the load could be used; {LEAST_EDGES} are needed.")
    contrast = statistics.median(abs(step.change) for step in steps)
    waver = _waver(steps)
    if contrast < LEAST_CONTRAST * waver or contrast <= 0:
        raise UnclearError(
            f"The load changes the power by {contrast:.1f} W where it wavers by {waver:.1f} W anyway; that is too "
            "little to tell anything by."
        )
    latency, doubt, duty = _fitted(steps)
    if latency > LATEST_SECONDS - 2 * LEAST_DOUBT_SECONDS:
        raise UnclearError(f"The counter is later than {1000 * LATEST_SECONDS:.0f} ms; that late is not looked for.")
    return Calibration(
        latency=max(0.0, latency),
        latency_doubt=doubt,
        duty=duty,
        period=rhythm.period,
        jitter=rhythm.jitter,
        edges=len(steps),
    )


# ---- ticks ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Tick:
    """A tick in its rhythm: when it was, how long after the one before, and the mean power since that in watts."""

    time: float
    length: float
    watts: float


@dataclass(frozen=True)
class _Rhythm:
    ticks: list[_Tick]
    period: float
    jitter: float


def _rhythm(seen: Sequence[CounterSample]) -> _Rhythm:
    """Place the ticks: a line through all of them, each kept within what was seen of it."""
    guess = statistics.median(later.time - earlier.time for earlier, later in pairwise(seen)) if len(seen) > 1 else 0.0
    seen = [tick for tick in seen if tick.doubt <= VAGUEST_PART * guess]
    if len(seen) < LEAST_TICKS:
        raise UnclearError(f"Only {len(seen)} updates of the counter could be timed; {LEAST_TICKS} are needed.")
    numbers = [0]
    for earlier, later in pairwise(seen):
        numbers.append(numbers[-1] + max(1, round((later.time - earlier.time) / guess)))
    line = statistics.linear_regression(numbers, [tick.time for tick in seen])
    off = [tick.time - line.intercept - line.slope * n for n, tick in zip(numbers, seen, strict=True)]
    scatter = math.fsum(x * x for x in off) / len(off)
    if math.sqrt(scatter) > 0.25 * line.slope:
        raise UnclearError("The counter is not updated at regular times.")
    blur = math.fsum(tick.doubt**2 / 3 for tick in seen) / len(seen)
    times = [tick.time - min(max(x, -tick.doubt), tick.doubt) for x, tick in zip(off, seen, strict=True)]
    ticks = []
    for index in range(1, len(seen)):
        length = times[index] - times[index - 1]
        if numbers[index] == numbers[index - 1] + 1 and length > 0:
            ticks.append(_Tick(times[index], length, (seen[index].value - seen[index - 1].value) / length))
    # Ticks that come early or late by at most j, evenly, scatter by j / √3.
    return _Rhythm(ticks, line.slope, math.sqrt(3 * max(0.0, scatter - blur)))


# ---- edges ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Step:
    """One edge of the load.

    Parameters
    ----------
    change : float
        Watts by which the power changes.
    points : list of (float, float, float)
        For each tick that may show a part of it: seconds since the edge, its length, and the part shown.
    sides : tuple of list of float
        Watts of the ticks before, and after.
    """

    change: float
    points: list[tuple[float, float, float]]
    sides: tuple[list[float], list[float]]


def _steps(rhythm: _Rhythm, edges: list[float]) -> Iterable[_Step | None]:
    for before, edge, after in zip([-math.inf, *edges], edges, [*edges[1:], math.inf], strict=False):
        yield _step(rhythm.ticks, before, edge, after)


def _step(ticks: list[_Tick], before: float, edge: float, after: float) -> _Step | None:
    low = [t.watts for t in ticks if t.time <= edge and t.time - t.length >= before + LATEST_SECONDS][-_SIDE:]
    high = [t.watts for t in ticks if t.time - t.length >= edge + LATEST_SECONDS and t.time <= after][:_SIDE]
    if not low or not high:
        return None
    base, change = statistics.fmean(low), statistics.fmean(high) - statistics.fmean(low)
    if change == 0:
        return None
    near = [t for t in ticks if t.time > edge and t.time - t.length < edge + LATEST_SECONDS]
    points = [(t.time - edge, t.length, (t.watts - base) / change) for t in near]
    return _Step(change, points, (low, high))


def _waver(steps: list[_Step]) -> float:
    """By how much power wavers from tick to tick while the load doesn't change, in watts."""
    moves = [abs(b - a) for step in steps for side in step.sides for a, b in pairwise(side)]
    return 1.4826 * statistics.median(moves) / math.sqrt(2) if moves else 0.0


# ---- the fit --------------------------------------------------------------------------------------


def _misses(steps: list[_Step], latency: float, duty: float) -> list[tuple[float, bool]]:
    """For each tick, the square of what it shows beside the ramp, and whether it lies on its slope."""
    found = []
    for step in steps:
        for since, length, part in step.points:
            shown = (since - latency) / (duty * length)
            found.append(((part - min(max(shown, 0.0), 1.0)) ** 2, 0.0 < shown < 1.0))
    return found


def _misfit(steps: list[_Step], latency: float, duty: float) -> float:
    return math.fsum(square for square, _ in _misses(steps, latency, duty))


def _noise(steps: list[_Step], latency: float, duty: float) -> float:
    """Variance of a tick about the ramp; on its slope, where the moment of a tick matters too, it is larger."""
    squares = _misses(steps, latency, duty)
    slope = [square for square, on_slope in squares if on_slope]
    means = [math.fsum(found) / len(found) for found in ([square for square, _ in squares], slope) if found]
    return max(means, default=0.0)


def _fitted(steps: list[_Step]) -> tuple[float, float, float]:
    """Latency, its half-width, and duty."""
    coarse = [(EARLIEST_SECONDS + 0.002 * i, 0.05 * j) for i in range(56) for j in range(1, 21)]
    latency, duty = min(coarse, key=lambda at: _misfit(steps, *at))
    shares = [share for share in (duty + 0.01 * j for j in range(-5, 6)) if 0 < share <= 1.0]
    around = [(latency + 0.0002 * i, share) for i in range(-15, 16) for share in shares]
    latency, duty = min(around, key=lambda at: _misfit(steps, *at))
    least, full = _misfit(steps, latency, duty), _best(steps, 1.0)
    noise = _noise(steps, latency, duty)
    if duty >= FULL_TIME or _misfit(steps, full, 1.0) <= least + _CHI2_999 * noise:  # else it surely leaves a part out
        latency, duty, shares = full, 1.0, [1.0]
        least, noise = _misfit(steps, latency, duty), _noise(steps, latency, duty)
    if math.sqrt(noise) > POOREST_FIT:
        raise UnclearError("The counter does not follow the load: something else works on the device, or it averages.")
    # Known to where the fit gets worse than chance would make it, with duty free where it isn't 1.
    away = [
        x
        for x in (0.0005 * i for i in range(-60, 61))
        if min(_misfit(steps, latency + x, share) for share in shares) <= least + _CHI2_95 * noise
    ]
    rising, falling = (_best([step for step in steps if step.change * sign > 0], duty) for sign in (1, -1))
    doubt = LEAST_DOUBT_SECONDS + max((abs(x) for x in away), default=0.0) + abs(rising - falling) / 2
    if duty == 1.0 and doubt > WIDEST_DOUBT_SECONDS:  # of a part-time counter that alone is worth knowing
        raise UnclearError(
            f"The readings leave its latency open by ±{1000 * doubt:.0f} ms; a stronger load may tell more."
        )
    return latency, doubt, duty


def _best(steps: list[_Step], duty: float) -> float:
    """Latency that fits best for a given duty."""
    at = min((EARLIEST_SECONDS + 0.002 * i for i in range(56)), key=lambda x: _misfit(steps, x, duty))
    return min((at + 0.0002 * i for i in range(-10, 11)), key=lambda x: _misfit(steps, x, duty))
