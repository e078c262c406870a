"""Power of a simulated GPU over time around one or more windows; random with a seed, unknown to the meters.

Times are relative to the start of the first window. The idle power before and after is that of the simulated GPU.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tests.support.driver import Step

CELLS = 8
"""Number of consecutive windows in "run all"."""

SHAPES = ("square", "bursts")


@dataclass(frozen=True)
class Scene:
    """Windows and the power over time.

    Parameters
    ----------
    steps : tuple of Step
        Power over time.
    windows : tuple of (float, float)
        Start and end of each, in seconds.
    rest : float
        Idle time in seconds before the first step.
    """

    steps: tuple[Step, ...]
    windows: tuple[tuple[float, float], ...]
    rest: float

    @property
    def before(self) -> float:
        """Seconds from the start of the scene to its first window."""
        return self.rest - min(0.0, self.steps[0].time)

    @property
    def after(self) -> float:
        """Seconds from the first window's start to the last window's end."""
        return self.windows[-1][1]


def alone(draw: random.Random, seconds: float, shape: str, idle: float) -> Scene:
    """Return a scene of one window on a GPU that is idle before and after it."""
    steps = (*_busy(draw, 0.0, seconds, shape), Step(seconds, idle))
    return Scene(steps, ((0.0, seconds),), draw.uniform(0.25, 0.35))


def warm(draw: random.Random, seconds: float, shape: str, idle: float) -> Scene:
    """Return one window on a GPU whose power is raised before and after it; in some scenes power rises slowly."""
    since = -draw.uniform(0.3, 1.0)
    steps = [*_busy(draw, since - draw.uniform(0.2, 0.6), since, shape), *_tail(draw, since, idle)]
    if draw.random() < 0.5:
        rise = seconds / 3
        steps += [Step(0.0, draw.uniform(150, 600), ramp=rise), *_busy(draw, rise, seconds, shape)]
    else:
        steps += _busy(draw, 0.0, seconds, shape)
    return Scene((*steps, *_tail(draw, seconds, idle)), ((0.0, seconds),), draw.uniform(0.25, 0.35))


def run_all(draw: random.Random, seconds: float, shape: str, idle: float) -> Scene:
    """Return windows 2 ms apart with different power, each between `seconds` and twice that long."""
    now, steps, windows = 0.0, list[Step](), list[tuple[float, float]]()
    for _ in range(CELLS):
        end = now + seconds * draw.uniform(1.0, 2.0)
        steps += [Step(now, draw.uniform(150, 650)), Step(end, draw.uniform(60, 120))]
        windows.append((now, end))
        now = end + 0.002
    return Scene((*steps, Step(now, idle)), tuple(windows), draw.uniform(0.25, 0.35))


def no_counter(draw: random.Random, seconds: float, shape: str, idle: float) -> Scene:
    """Like `alone`, with 1 s of idle time before the window, because the reading is a mean over 1 s."""
    scene = alone(draw, seconds, shape, idle)
    return Scene(scene.steps, scene.windows, draw.uniform(1.2, 1.4))


SCENES: Mapping[str, Callable[[random.Random, float, str, float], Scene]] = {
    "alone": alone,
    "warm": warm,
    "run all": run_all,
    "no counter": no_counter,
    "old board": no_counter,
}


def board(draw: random.Random, case: str, tick: float) -> dict[str, Any]:
    """Return the arguments of `SimulatedDriver.board` for a case."""
    drawn: dict[str, Any] = {"idle": draw.uniform(40, 90), "ripple": draw.uniform(0, 3), "tick": tick}
    if case == "warm":
        drawn |= {"latency": draw.uniform(0, 0.02), "jitter": draw.choice([0.0, 0.008])}
    if case == "no counter":
        # Like a vGPU: a recent generation whose counter is "not supported"; power is a mean over 1 s.
        drawn |= {"unsupported": ("energy",), "power_tick": tick, "noise": draw.uniform(0, 1)}
    if case == "old board":
        # Pascal: no counter, and a power reading that samples half of the time.
        drawn |= {"chip": "pascal", "power_tick": tick, "noise": draw.uniform(0, 1)}
    return drawn


def _busy(draw: random.Random, start: float, end: float, shape: str) -> list[Step]:
    high = draw.uniform(120, 650)
    low, steps, moment = draw.uniform(90, high), list[Step](), start
    while moment < end:
        up = 0.0185 if shape == "square" else 1e-4 + draw.expovariate(1 / 0.008)
        steps.append(Step(moment, high))
        if moment + up < end:
            steps.append(Step(moment + up, low))
        moment += up + (0.0185 if shape == "square" else 1e-4 + draw.expovariate(1 / 0.012))
    return steps


def _tail(draw: random.Random, start: float, idle: float) -> list[Step]:
    above, tau = draw.uniform(5, 60), draw.uniform(0.3, 2.0)
    return [Step(start, idle + above), Step(start + 5e-4, idle, tau=tau)]
