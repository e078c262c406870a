"""How power falls back to its level after work, told by the ticks beside a window.

A board stays warm after work and its power falls for a second or so: level + step * exp(-t / tau). For each time
constant, from a fifth of a second to six seconds, level and step follow by least squares from the mean powers
between ticks, with what is known of the level from before as one more observation. How well each time constant
tells all of the means is its weight. What the power was where no tick tells it is their weighted mean, and their
spread is part of its doubt. Neighbouring means share a tick, whose time is off for both: what one gains the
other loses, and the fit knows it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

FALL_SECONDS = tuple(0.2 * 10 ** (step / 8) for step in range(13))
"""Time constants in seconds that are tried, none likelier than another before the ticks speak.

Faster falls are over within the tick that holds the edge, slower ones are no fall that ticks could tell."""

STEP_WATTS = 80.0
"""By how much the power after work may lie above its level, as a standard deviation."""

ROUGH_WATTS, ROUGH_PART = 0.2, 0.005
"""By how much the mean between two ticks may lie beside a fall, in watts and as a part of it."""

UNLIKE = 16.0
"""Sum of squares, beside one for each mean, above which what was seen is no such fall."""

LEAST_WATTS = 0.15
"""Standard deviation below which no power is taken to be known."""

FREEDOM, PARAMETERS = 2.0, 3.0
"""How many means the roughness above is worth where others were seen, and how many a fall takes to be known."""

LEVEL_PART = 0.01
"""By which part the level may have changed since it was seen."""


@dataclass(frozen=True)
class Power:
    """Mean power of a stretch in watts, with its standard deviation.

    Parameters
    ----------
    watts, doubt : float
        Its value and its standard deviation.
    lone : bool
        Whether it rests on one tick alone, so that how fast it changes is not known.
    """

    watts: float
    doubt: float
    lone: bool = False


@dataclass(frozen=True)
class Mean:
    """Mean power between two neighbouring ticks.

    Parameters
    ----------
    watts : float
        The mean.
    seconds : float
        Time between the ticks.
    doubts : tuple of float
        Standard deviations in joules that the times of the nearer and of the farther tick bring.
    """

    watts: float
    seconds: float
    doubts: tuple[float, float] = (0.0, 0.0)

    @property
    def noise(self) -> float:
        """Standard deviation in watts that the times of its ticks bring."""
        return math.hypot(*self.doubts) / self.seconds


@lru_cache(maxsize=64)  # asked again with each tick that comes, while those on the other side stay as they are
def fit_decay(means: tuple[Mean, ...], away: float, level: Power | None, *, backwards: bool = False) -> Power | None:
    """Mean power of a stretch beside some means, as it falls; None where they are no fall.

    Parameters
    ----------
    means : tuple of Mean
        The one next to the stretch first.
    away : float
        Length of the stretch in seconds.
    level : Power, optional
        What the power falls back to, as it was seen before.
    backwards : bool
        Whether the means come before the stretch; else they come after it.
    """
    ends = [0.0]
    for mean in means:
        ends.append(ends[-1] + mean.seconds)
    spans = list(pairwise(ends))
    if backwards:  # time runs on from the farthest tick
        spans = [(ends[-1] - far, ends[-1] - near) for near, far in spans]
        asked = (ends[-1], ends[-1] + away)
    else:
        asked = (-away, 0.0)
    factor = _factor(means)
    ones, seen = _white(factor, [1.0] * len(means)), _white(factor, [mean.watts for mean in means])
    told = []
    for tau in FALL_SECONDS:
        shape = _white(factor, [_mean_fall(*span, tau) for span in spans])
        told.append(_told(ones, shape, seen, level, _mean_fall(*asked, tau)))
    least = min(each.misfit for each in told)
    if least > UNLIKE + len(means):
        return None
    weights = [math.exp((least - each.misfit) / 2) * each.volume for each in told]
    total = math.fsum(weights)
    watts = math.fsum(weight * each.watts for weight, each in zip(weights, told, strict=True)) / total
    variance = (
        math.fsum(w * ((each.watts - watts) ** 2 + each.variance) for w, each in zip(weights, told, strict=True))
        / total
    )
    # Means that lie farther beside the fall than they may say so of the stretch, too: it is as rough as they are,
    # and less so where it is longer.
    rough = (least + FREEDOM) / (max(1.0, len(means) - PARAMETERS) + FREEDOM)
    part = means[0].seconds / max(away, means[0].seconds)
    stretch = (ROUGH_WATTS + ROUGH_PART * watts) ** 2 * part
    return Power(watts, math.sqrt(max(1.0, rough) * variance + rough * stretch + LEAST_WATTS**2))


@dataclass(frozen=True)
class DecayFit:
    """What one time constant tells.

    Parameters
    ----------
    watts, variance : float
        Power of the stretch that is asked for, and the square of its standard deviation.
    misfit : float
        Sum of the squares of what it leaves unexplained, each by its own doubt.
    volume : float
        How much room its fit leaves to level and step.
    """

    watts: float
    variance: float
    misfit: float
    volume: float


def _told(ones: list[float], shape: list[float], seen: list[float], level: Power | None, asked: float) -> DecayFit:
    """Least squares for level and step, each with what is known of it beforehand."""
    before = 1e-8 if level is None else 1.0 / (level.doubt**2 + (LEVEL_PART * level.watts) ** 2)
    middle = 0.0 if level is None else level.watts
    aa = math.fsum(a * a for a in ones) + before
    ab = math.fsum(a * b for a, b in zip(ones, shape, strict=True))
    bb = math.fsum(b * b for b in shape) + STEP_WATTS**-2
    ay = math.fsum(a * y for a, y in zip(ones, seen, strict=True)) + before * middle
    by = math.fsum(b * y for b, y in zip(shape, seen, strict=True))
    size = aa * bb - ab * ab
    base, step = (bb * ay - ab * by) / size, (aa * by - ab * ay) / size
    left = math.fsum((y - base * a - step * b) ** 2 for a, b, y in zip(ones, shape, seen, strict=True))
    misfit = left + before * (base - middle) ** 2 + (step / STEP_WATTS) ** 2
    variance = (bb - 2 * ab * asked + aa * asked * asked) / size
    return DecayFit(base + step * asked, variance, misfit, size**-0.5)


def _factor(means: Sequence[Mean]) -> list[tuple[float, float]]:
    """Cholesky factor of the covariance of neighbouring means: its diagonal, and what lies below it."""
    factor: list[tuple[float, float]] = []
    shared = 0.0
    for place, mean in enumerate(means):
        near, far = (doubt / mean.seconds for doubt in mean.doubts)
        variance = near**2 + far**2 + (ROUGH_WATTS + ROUGH_PART * mean.watts) ** 2
        below = shared / factor[-1][0] if factor else 0.0
        factor.append((math.sqrt(variance - below**2), below))
        if place + 1 < len(means):
            shared = -mean.doubts[1] * means[place + 1].doubts[0] / (mean.seconds * means[place + 1].seconds)
    return factor


def _white(factor: list[tuple[float, float]], values: list[float]) -> list[float]:
    """Values whose errors are independent and of one size."""
    white: list[float] = []
    for (diagonal, below), value in zip(factor, values, strict=True):
        white.append((value - below * (white[-1] if white else 0.0)) / diagonal)
    return white


def _mean_fall(start: float, end: float, tau: float) -> float:
    """Mean of exp(-t / tau) from start to end, in seconds; its value at the start where they are one."""
    seconds = end - start
    if seconds <= 0:
        return math.exp(-start / tau)
    return -tau / seconds * math.expm1(-seconds / tau) * math.exp(-start / tau)
