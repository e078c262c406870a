"""Boards of traits that no recording shows, in virtual time: what their drivers would show of a power that is known.

Each board differs from another in one thing: how long a reading averages, which part of the time it looks, how it
filters, how late and how regularly it is renewed, and what the sensor's traits state of that, rightly or not. The load
is a session's: idle, kernels that take a step's time, square waves, bursts, steady work. A board's gain and offset are
drawn within what a sensor states.
"""

from __future__ import annotations

import bisect
import math
import random
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from jupyter_green.metering import PowerTimeline, Timeline
from jupyter_green.metering.meter import timeline_for
from jupyter_green.sensors import Reading, SensorInfo
from tests.metering.campaign import Outcome
from tests.metering.recorded import A100, BOARD, MEAN, PLAIN
from tests.support.course import Course, sample

SECONDS = 30.0
GAIN, OFFSET = 0.05, 3.0
"""By how much a board's sensor is off, at most."""


@dataclass(frozen=True)
class Synthetic:
    """A board.

    Parameters
    ----------
    traits : SensorInfo
        What its sensor says of itself; not always right.
    tick, jitter : float
        Seconds from renewal to renewal, and by how much one comes early or late.
    span : float
        Seconds before a renewal that its reading averages.
    filtered : float
        Time constant in seconds of an exponential filter in place of the average; 0 for none.
    late : float
        Seconds by which a renewal is shown late.
    step : float
        Watts or joules in which the value is shown.
    noise : float
        Standard deviation of a reading, in watts.
    stuck : float
        Seconds for which the reading stands still, at one place of each 10 s.
    """

    traits: SensorInfo
    tick: float = 0.1
    jitter: float = 0.0
    span: float = 0.1
    filtered: float = 0.0
    late: float = 0.0
    step: float = 0.001
    noise: float = 0.3
    stuck: float = 0.0


@dataclass
class Shown:
    """What a board's driver shows of a course."""

    board: Synthetic
    course: Course
    draw: random.Random
    gain: float
    offset: float
    times: list[float] = field(default_factory=list)
    values: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        board, now = self.board, -3.0 - self.draw.random() * self.board.tick
        level, count, last = self.course.watts[0], 0.0, None
        phase = self.draw.random() * 10
        while now < SECONDS + 5:
            moment = now + self.draw.uniform(-1, 1) * board.jitter
            seen = self.course.between(moment - board.span, moment) / board.span
            if last is not None and board.filtered:
                # The filter runs on the board at a finer step than it is shown.
                fine = 20
                for part in range(fine):
                    a, b = (last + (moment - last) * each / fine for each in (part, part + 1))
                    power = self.course.between(a, b) / (b - a)
                    level = power + (level - power) * math.exp(-(b - a) / board.filtered)
                seen = level
            seen = seen * self.gain + self.offset + self.draw.gauss(0.0, board.noise)
            count += max(0.0, seen) * (moment - last) if last is not None else 0.0
            last = moment
            now += board.tick
            if board.stuck and (moment + phase) % 10 < board.stuck and self.values:
                continue
            value = count if board.traits.method == "counter" else max(0.0, seen)
            self.times.append(moment + board.late)
            self.values.append(math.floor(value / board.step) * board.step)

    def read(self, now: float) -> Reading:
        """The reading at a moment, in watts or joules."""
        return Reading(now, self.values[bisect.bisect_right(self.times, now) - 1])


BOARDS = {
    "a mean over a second": Synthetic(MEAN, span=1.0),
    "a mean over a second, stated at once": Synthetic(PLAIN, span=1.0),
    "at once, stated a mean over a second": Synthetic(MEAN, span=0.1),
    "25 ms of 100": Synthetic(A100, span=0.025),
    "25 ms of 100, stated a mean over a second": Synthetic(replace(A100, averaging=1.0), span=0.025),
    "25 ms of 100, stated to sample continuously": Synthetic(PLAIN, span=0.025),
    "50 ms of 100, stated 25 ms": Synthetic(A100, span=0.05),
    "50 ms of 100, stated to sample continuously": Synthetic(PLAIN, span=0.05),
    "10 ms of 20": Synthetic(replace(BOARD, averaging=0.01, duty=0.5, power_limit=350.0), tick=0.02, span=0.01),
    "15 ms, all of them": Synthetic(replace(PLAIN, averaging=0.01), tick=0.015, span=0.015),
    "500 ms, stated a second": Synthetic(MEAN, span=0.5),
    "500 ms, stated at once": Synthetic(PLAIN, span=0.5),
    "filter of 0.1 s, stated at once": Synthetic(PLAIN, filtered=0.1),
    "filter of 0.3 s, stated at once": Synthetic(PLAIN, filtered=0.3),
    "filter of 0.5 s, stated a mean over a second": Synthetic(MEAN, filtered=0.5),
    "a mean, shown 0.2 s late": Synthetic(MEAN, span=1.0, late=0.2),
    "at once, shown 0.2 s late": Synthetic(PLAIN, late=0.2),
    "a mean, in steps of 1 W": Synthetic(replace(MEAN, resolution=1.0), span=1.0, step=1.0),
    "a mean, irregular": Synthetic(MEAN, span=1.0, jitter=0.03),
    "at once, irregular": Synthetic(PLAIN, jitter=0.03),
    "a mean that stands still for 1 s": Synthetic(MEAN, span=1.0, stuck=1.0),
    "at once, stands still for 1 s": Synthetic(PLAIN, stuck=1.0),
    "25 ms of 100, stands still for 1 s": Synthetic(A100, span=0.025, stuck=1.0),
    "a counter": Synthetic(replace(BOARD, method="counter", power_limit=350.0)),
    "a counter in steps of 1 J": Synthetic(replace(BOARD, method="counter", power_limit=350.0), step=1.0),
    "a counter in steps of 1 J that says so": Synthetic(
        replace(BOARD, method="counter", power_limit=350.0, resolution=1.0), step=1.0
    ),
    "a counter every 20 ms": Synthetic(replace(BOARD, method="counter", power_limit=350.0), tick=0.02, span=0.02),
    "a counter that looks at 25 ms of 100": Synthetic(
        replace(BOARD, method="counter", power_limit=350.0, duty=0.25), span=0.025
    ),
    "a counter, irregular": Synthetic(replace(BOARD, method="counter", power_limit=350.0), jitter=0.03),
    "a counter that stands still for 1 s": Synthetic(replace(BOARD, method="counter", power_limit=350.0), stuck=1.0),
}


def load(draw: random.Random) -> tuple[Course, list[tuple[float, float, str]]]:
    """Return a session's power, and where its work was: start, end and what it was like."""
    course, idle = Course(), draw.uniform(25, 90)
    course.watts[0] = idle
    now, work = 1.0 + draw.random(), []
    while now < SECONDS - 4:
        end = min(SECONDS - 2, now + draw.choice([0.15, 0.5, 1.5, 4.0]) * draw.uniform(0.7, 1.4))
        kind, high = draw.choice(["steady", "square", "bursts", "steps"]), draw.uniform(120, 340)
        low = draw.uniform(idle, high)
        work.append((now, end, kind))
        turn = draw.choice([0.02, 0.104, 0.11, 0.3, 0.7])
        moment = now
        while moment < end:
            course.then(moment, high)
            if kind == "steady":
                break
            up = {"square": turn / 2, "bursts": draw.expovariate(1 / 0.01), "steps": 0.7 * turn}[kind]
            if moment + up < end:
                course.then(moment + up, low)
            moment += up + {"square": turn / 2, "bursts": draw.expovariate(1 / 0.02), "steps": 0.3 * turn}[kind]
        course.then(end, idle)
        now = end + draw.choice([0.002, 0.4, 2.0]) * draw.uniform(0.7, 1.4)
    return course, work


def outcomes(board: Synthetic, seconds: float, seeds: range, *, awake: bool = False) -> Iterator[tuple[str, Outcome]]:
    """Yield what the meter said of windows of a length, and what the load was like in them.

    Half of the windows begin with a piece of work, and end with it where that is shorter; the others lie anywhere.
    """
    for seed in seeds:
        draw = random.Random(f"{seed} {seconds}")
        course, work = load(draw)
        shown = Shown(board, course, draw, 1 + draw.uniform(-GAIN, GAIN), draw.uniform(-OFFSET, OFFSET))
        places = [draw.uniform(1.0, SECONDS - seconds - 3) for _ in range(4)]
        windows = [(at, at + seconds, "anywhere") for at in places]
        windows += [(a, min(b, a + seconds), kind) for a, b, kind in draw.sample(work, min(4, len(work)))]
        for start, end, kind in windows:
            timeline = timeline_for(board.traits)
            assert isinstance(timeline, (PowerTimeline, Timeline))
            if awake:
                for edge in (start, end):
                    timeline.mark(edge, quiet=edge == end)
                at = -2.0
                while at < SECONDS:
                    timeline.add(shown.read(at))
                    at += 0.008 + draw.expovariate(1 / 0.001)
            else:
                # `sample` is typed for the sensors of `course`; this one is read in the same way.
                sample(timeline, shown, [(start, end)], tail=timeline.settle_seconds(), slip=draw)  # type: ignore[arg-type]
            energy = timeline.energy(start, end)
            if energy.joules is None:  # it says why, and nothing wrong
                continue
            yield kind, Outcome(end - start, course.between(start, end), energy.joules, energy.uncertainty)
