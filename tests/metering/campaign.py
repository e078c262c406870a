"""Campaigns: thousands of windows with drawn parameters in virtual time, and how far off the meter is.

Every figure here is about the meter given a sensor model; none is a measurement of a device. Parameters
are drawn by seed and reach the meter only through readings.
"""

from __future__ import annotations

import math
import random
import statistics
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from jupyter_green.metering import PowerTimeline, Timeline
from tests.support.course import COUNTER, Average, Counter, Course, sample

STEP = 0.002


@dataclass(frozen=True)
class Outcome:
    """One window: its truth and what the meter said, in joules."""

    seconds: float
    truth: float
    joules: float
    half_width: float

    @property
    def error(self) -> float:
        """Relative error."""
        return abs(self.joules - self.truth) / self.truth

    @property
    def width(self) -> float:
        """Relative half-width."""
        return self.half_width / self.truth

    @property
    def covered(self) -> bool:
        """Whether the interval holds the truth."""
        return abs(self.joules - self.truth) <= self.half_width

    @property
    def score(self) -> float:
        """Interval score at 95 %, relative to the truth: the width, and a fine for a miss (lower is better)."""
        miss = max(0.0, abs(self.joules - self.truth) - self.half_width)
        return (2 * self.half_width + 2 / 0.05 * miss) / self.truth


@dataclass(frozen=True)
class Summary:
    """What a campaign came to; relative figures as fractions."""

    count: int
    median_error: float
    p95_error: float
    coverage: float
    median_width: float
    score: float

    @classmethod
    def of(cls, outcomes: list[Outcome]) -> Summary:
        """Sum up outcomes."""
        errors = sorted(item.error for item in outcomes)
        return cls(
            len(outcomes),
            statistics.median(errors),
            errors[int(0.95 * (len(errors) - 1))],
            sum(item.covered for item in outcomes) / len(outcomes),
            statistics.median(item.width for item in outcomes),
            statistics.fmean(item.score for item in outcomes),
        )

    def __str__(self) -> str:
        return (
            f"n {self.count:5}  error {self.median_error:7.2%} (p95 {self.p95_error:7.2%})  "
            f"covers {self.coverage:6.1%}  ± {self.median_width:7.2%}  score {self.score:.3f}"
        )


def rippled(course: Course, start: float, end: float, draw: random.Random) -> None:
    """A slow swing of up to 3 W on the idle power, between two moments."""
    base, swing, hertz, turn = course.watts[-1], draw.uniform(0, 3), 0.7, draw.uniform(0, 6.3)
    moment = start
    while moment < end:
        course.then(moment, base + swing * math.sin(turn + 2 * math.pi * hertz * moment))
        moment += 0.01


def busy(course: Course, start: float, end: float, draw: random.Random) -> None:
    """A busy stretch: steady, square waves or bursts."""
    high, shape, moment = draw.uniform(120, 650), draw.choice(["steady", "square", "bursts"]), start
    if shape == "steady":
        course.then(start, high)
        return
    low = draw.uniform(90, high)
    while moment < end:
        course.then(moment, high)
        up = 0.0185 if shape == "square" else draw.expovariate(1 / 0.008)
        if moment + up < end:
            course.then(moment + up, low)
        moment += up + (0.0185 if shape == "square" else draw.expovariate(1 / 0.012))


def tail(course: Course, start: float, until: float, to: float, draw: random.Random) -> None:
    """After work a board stays warm: power falls to its idle exponentially, from a step above it."""
    above, tau, moment = draw.uniform(5, 60), draw.uniform(0.3, 2.0), start
    while moment < until:
        course.then(moment, to + above * math.exp(-(moment - start) / tau))
        moment += 0.01 if moment - start < 0.5 else 0.05


def ramp(course: Course, start: float, end: float, low: float, high: float) -> None:
    """Power rises from low to high between two moments."""
    moment = start
    while moment < end:
        course.then(moment, low + (high - low) * (moment - start) / (end - start))
        moment += STEP


def alone(seed: int, seconds: float, tick: float = 0.1) -> Iterator[Outcome]:
    """A cell alone between ticks, idle around it steady or rippled."""
    draw = random.Random(f"alone {seed}")
    course, idle = Course(), draw.uniform(40, 90)
    start = 20.0 + draw.random()
    end, warm = start + seconds, start - draw.uniform(0.5, 6.0)
    earlier = (warm - draw.uniform(0.2, 2.0), warm)
    course.then(0.0, idle)
    busy(course, *earlier, draw)
    course.then(warm, idle)
    if draw.random() < 0.5:
        rippled(course, warm, start, draw)
    busy(course, start, end, draw)
    course.then(end, idle)
    if draw.random() < 0.5:
        rippled(course, end, end + 1.0, draw)
    yield from _metered(course, [earlier, (start, end)], draw, tick=tick, only_last=True)


def warm(seed: int, seconds: float, tick: float = 0.1) -> Iterator[Outcome]:
    """Other power before and after: exponential tails, ramps, jittered ticks, latency up to 20 ms."""
    draw = random.Random(f"warm {seed}")
    course, idle = Course(), draw.uniform(40, 90)
    start = 20.0 + draw.random()
    end, before = start + seconds, start - draw.uniform(0.3, 4.0)
    earlier = (before - draw.uniform(0.2, 2.0), before)
    course.then(0.0, idle)
    busy(course, *earlier, draw)
    tail(course, before, start, idle, draw)
    if draw.random() < 0.5:
        ramp(course, start, start + seconds / 3, course.watts[-1], draw.uniform(150, 600))
        busy(course, start + seconds / 3, end, draw)
    else:
        busy(course, start, end, draw)
    tail(course, end, end + 1.5, idle, draw)
    jitter, latency = draw.choice([0.0, 0.008]), draw.uniform(0, 0.02)
    yield from _metered(
        course, [earlier, (start, end)], draw, tick=tick, jitter=jitter, latency=latency, only_last=True
    )


def run_all(seed: int, seconds: float, tick: float = 0.1) -> Iterator[Outcome]:
    """Cells milliseconds apart, of powers of their own, that share ticks."""
    draw = random.Random(f"run all {seed}")
    course = Course()
    course.then(0.0, draw.uniform(40, 90))
    now, windows = 20.0 + draw.random(), []
    for _ in range(8):
        end = now + seconds * draw.uniform(1.0, 2.0)
        course.then(now, draw.uniform(150, 650))
        windows.append((now, end))
        course.then(end, draw.uniform(60, 120))
        now = end + 0.002
    yield from _metered(course, windows, draw, tick=tick)


def changing(seed: int, seconds: float, tick: float = 0.1) -> Iterator[Outcome]:
    """Cells milliseconds apart whose power jumps inside them as well, wherever they begin and end."""
    draw = random.Random(f"changing {seed}")
    course = Course()
    course.then(0.0, draw.uniform(40, 90))
    now = start = 20.0 + draw.random()
    windows = []
    for _ in range(8):
        end = now + seconds * draw.uniform(1.0, 2.0)
        windows.append((now, end))
        now = end + 0.002
    jump = start
    while jump < now:
        course.then(jump, draw.uniform(60, 650))
        jump += draw.uniform(0.02, 0.3)
    course.then(now, 60.0)
    yield from _metered(course, windows, draw, tick=tick)


def without_counter(seed: int, seconds: float) -> Iterator[Outcome]:
    """A board that shows power only, averaged over a second, with a reading's noise."""
    draw = random.Random(f"power {seed}")
    course, idle = Course(), draw.uniform(40, 90)
    start = 20.0 + draw.random()
    end = start + seconds
    course.then(0.0, idle)
    busy(course, start, end, draw)
    course.then(end, idle)
    traits = replace(COUNTER, method="power", averaging=1.0, resolution=1e-3)
    timeline = PowerTimeline(traits)
    sensor = Average(course, phase=draw.random() * 0.1, noise=draw.uniform(0, 1.0), draw=draw)
    earlier = (start - 5.0, start - 4.0)
    sample(timeline, sensor, [earlier, (start, end)], tail=3.0, slip=draw)
    yield _outcome(course, timeline, start, end)


def part_time(seed: int, seconds: float, tick: float = 0.1) -> Iterator[Outcome]:
    """A counter that looks at a quarter of each period and takes the rest to be like it."""
    draw = random.Random(f"part-time {seed}")
    course, idle = Course(), draw.uniform(40, 90)
    start = 20.0 + draw.random()
    end = start + seconds
    course.then(0.0, idle)
    busy(course, start, end, draw)
    course.then(end, idle)
    windows = [(start - 4.0, start - 3.0), (start, end)]
    yield from _metered(course, windows, draw, tick=tick, duty=0.25, only_last=True)


def old_board(seed: int, seconds: float) -> Iterator[Outcome]:
    """A board without a counter whose power is renewed every 20 ms and looks at half of them."""
    draw = random.Random(f"old board {seed}")
    course, idle = Course(), draw.uniform(40, 90)
    start = 20.0 + draw.random()
    end = start + seconds
    course.then(0.0, idle)
    busy(course, start - 4.0, start - 3.0, draw)
    course.then(start - 3.0, idle)
    busy(course, start, end, draw)
    course.then(end, idle)
    timeline = PowerTimeline(replace(COUNTER, method="power", averaging=0.01, duty=0.5))
    phase, noise = draw.random() * 0.02, draw.uniform(0, 1.0)
    sensor = Average(course, tick=0.02, phase=phase, span=0.01, noise=noise, draw=draw)
    sample(timeline, sensor, [(start - 4.0, start - 3.0), (start, end)], tail=3.0, slip=draw)
    yield _outcome(course, timeline, start, end)


CASES: dict[str, Callable[[int, float], Iterator[Outcome]]] = {
    "alone": alone,
    "warm": warm,
    "run all": run_all,
    "changing": changing,
    "no counter": without_counter,
    "old board": old_board,
    "part-time": part_time,
}


@dataclass(frozen=True)
class Goal:
    """What the meter is meant to reach in one case, as fractions; and what it does, where that is less.

    Parameters
    ----------
    case, seconds : str, float
        Key of `CASES` and length of the windows.
    median_error, median_width : float or None
        Goals; None where the figure is what the sensor allows.
    coverage : float
        Least share of the intervals that hold the truth.
    reached_error, reached_width : float or None
        Bounds that hold today where a goal is not reached.
    """

    case: str
    seconds: float
    median_error: float
    median_width: float | None
    coverage: float = 0.93
    reached_error: float | None = None
    reached_width: float | None = None


GOALS = (
    Goal("alone", 0.02, 0.015, 0.08),
    Goal("alone", 0.1, 0.005, 0.03),
    Goal("alone", 0.5, 0.002, 0.01),
    Goal("alone", 2.0, 0.001, 0.005),
    Goal("warm", 0.02, 0.03, 0.20),
    Goal("warm", 0.1, 0.01, 0.06),
    Goal("warm", 0.5, 0.004, 0.02),
    Goal("warm", 2.0, 0.002, 0.01),
    Goal("run all", 0.15, 0.05, None),
    Goal("run all", 1.0, 0.01, None),
    Goal("changing", 0.5, 0.05, None),
    Goal("changing", 1.0, 0.03, None),
    Goal("no counter", 0.1, 0.03, None),
    Goal("no counter", 2.0, 0.01, None),
    Goal("old board", 0.5, 0.03, None),
    Goal("old board", 2.0, 0.01, None),
    Goal("part-time", 0.5, 0.10, None),
    Goal("part-time", 2.0, 0.05, None),
)


def campaign(case: str, seconds: float, seeds: range) -> Summary:
    """Run a case over seeds."""
    return Summary.of([outcome for seed in seeds for outcome in CASES[case](seed, seconds)])


def _metered(
    course: Course,
    windows: list[tuple[float, float]],
    draw: random.Random,
    *,
    tick: float,
    jitter: float = 0.0,
    latency: float = 0.0,
    duty: float = 1.0,
    only_last: bool = False,
) -> Iterator[Outcome]:
    counter = Counter(course, tick=tick, phase=draw.random() * tick, latency=latency, jitter=jitter, duty=duty)
    timeline = Timeline(replace(COUNTER, duty=duty))
    sample(timeline, counter, windows, tail=1.0, slip=draw)
    for start, end in windows[-1:] if only_last else windows:
        yield _outcome(course, timeline, start, end)


def _outcome(course: Course, timeline: Timeline, start: float, end: float) -> Outcome:
    energy = timeline.energy(start, end)
    assert energy.joules is not None, energy.note
    return Outcome(end - start, course.between(start, end), energy.joules, energy.uncertainty)
