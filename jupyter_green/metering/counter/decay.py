"""Fits the decay of power to its idle level after work, from the updates beside a window.

A device stays warm after work and its power decays for a second or so: level + step * exp(-t / tau). For each of
several time constants from 0.2 to 6 seconds, level and step follow by least squares from the mean powers between
updates; an earlier estimate of the level is one more observation. Each time constant is weighted by its likelihood. The
power in an interval without updates is the weighted mean, and the spread is part of its uncertainty. Adjacent means
share an update, whose time error affects both with opposite signs; the fit takes this correlation into account.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

FALL_SECONDS = tuple(0.2 * 10 ** (step / 8) for step in range(13))
"""Time constants in seconds, equally likely a priori. Faster decays end within the update interval of the edge;
slower ones can't be observed."""

STEP_WATTS = 80.0
"""Prior standard deviation of the power after work above its level."""

ROUGH_WATTS, ROUGH_PART = 0.2, 0.005
"""Deviation of the mean power between two updates from the decay: in watts, and relative."""

UNLIKE = 16.0
"""Excess sum of squares, beyond one per mean, above which the data are no decay."""

LEAST_WATTS = 0.15
"""Smallest standard deviation of a power."""

FREEDOM, PARAMETERS = 2.0, 3.0
"""Weight of the assumed deviation, in numbers of means, and number of parameters of the fit."""

LEVEL_PART = 0.01
"""Relative change of the level since it was observed."""


@dataclass(frozen=True)
class Power:
    """Mean power of an interval in watts, with its standard deviation."""

    watts: float
    uncertainty: float
    """Its value and its standard deviation."""
    lone: bool = False
    """Whether it comes from one pair of updates only, so that its rate of change is unknown."""


@dataclass(frozen=True)
class Mean:
    """Mean power between two adjacent updates."""

    watts: float
    """The mean."""
    seconds: float
    """Time between the updates."""
    uncertainties: tuple[float, float] = (0.0, 0.0)
    """Standard deviations in joules from the times of the nearer and of the farther update."""

    @property
    def noise(self) -> float:
        """Standard deviation in watts from the times of its updates."""
        return math.hypot(*self.uncertainties) / self.seconds


@lru_cache(maxsize=64)  # called again with each update, with one side unchanged
def fit_decay(means: tuple[Mean, ...], away: float, level: Power | None, *, backwards: bool = False) -> Power | None:
    """Mean power of an interval beside some means, from a decay; None if the means are no decay.

    The first of `means` is next to the interval, which is `away` seconds long; they precede it if `backwards`. `level`
    is the idle level observed before.
    """
    ends = [0.0]
    for mean in means:
        ends.append(ends[-1] + mean.seconds)
    spans = list(pairwise(ends))
    if backwards:  # time counts from the farthest update
        spans = [(ends[-1] - far, ends[-1] - near) for near, far in spans]
        target = (ends[-1], ends[-1] + away)
    else:
        target = (-away, 0.0)
    factor = _factor(means)
    constant, observed = _white(factor, [1.0] * len(means)), _white(factor, [mean.watts for mean in means])
    fits = []
    for tau in FALL_SECONDS:
        shape = _white(factor, [_mean_fall(*span, tau) for span in spans])
        fits.append(_told(constant, shape, observed, level, _mean_fall(*target, tau)))
    best_misfit = min(fit.misfit for fit in fits)
    if best_misfit > UNLIKE + len(means):
        return None
    weights = [math.exp((best_misfit - fit.misfit) / 2) * fit.volume for fit in fits]
    total = math.fsum(weights)
    watts = math.fsum(weight * fit.watts for weight, fit in zip(weights, fits, strict=True)) / total
    variance = (
        math.fsum(w * ((fit.watts - watts) ** 2 + fit.variance) for w, fit in zip(weights, fits, strict=True)) / total
    )
    # If the means deviate more than assumed, so does the interval; less if it is longer.
    roughness = (best_misfit + FREEDOM) / (max(1.0, len(means) - PARAMETERS) + FREEDOM)
    fraction = means[0].seconds / max(away, means[0].seconds)
    model_variance = (ROUGH_WATTS + ROUGH_PART * watts) ** 2 * fraction
    return Power(watts, math.sqrt(max(1.0, roughness) * variance + roughness * model_variance + LEAST_WATTS**2))


@dataclass(frozen=True)
class DecayFit:
    """Fit with one time constant."""

    watts: float
    variance: float
    """Power of the interval, and its variance."""
    misfit: float
    """Normalized sum of squared residuals."""
    volume: float
    """Posterior volume of level and step."""


def _told(ones: list[float], shape: list[float], seen: list[float], level: Power | None, asked: float) -> DecayFit:
    """Least squares for level and step with Gaussian priors."""
    prior_weight = 1e-8 if level is None else 1.0 / (level.uncertainty**2 + (LEVEL_PART * level.watts) ** 2)
    prior_level = 0.0 if level is None else level.watts
    aa = math.fsum(a * a for a in ones) + prior_weight
    ab = math.fsum(a * b for a, b in zip(ones, shape, strict=True))
    bb = math.fsum(b * b for b in shape) + STEP_WATTS**-2
    ay = math.fsum(a * y for a, y in zip(ones, seen, strict=True)) + prior_weight * prior_level
    by = math.fsum(b * y for b, y in zip(shape, seen, strict=True))
    determinant = aa * bb - ab * ab
    base, step = (bb * ay - ab * by) / determinant, (aa * by - ab * ay) / determinant
    residual = math.fsum((y - base * a - step * b) ** 2 for a, b, y in zip(ones, shape, seen, strict=True))
    misfit = residual + prior_weight * (base - prior_level) ** 2 + (step / STEP_WATTS) ** 2
    variance = (bb - 2 * ab * asked + aa * asked * asked) / determinant
    return DecayFit(base + step * asked, variance, misfit, determinant**-0.5)


def _factor(means: Sequence[Mean]) -> list[tuple[float, float]]:
    """Cholesky factor of the covariance of adjacent means: diagonal and subdiagonal."""
    factor: list[tuple[float, float]] = []
    covariance = 0.0
    for index, mean in enumerate(means):
        near, far = (deviation / mean.seconds for deviation in mean.uncertainties)
        variance = near**2 + far**2 + (ROUGH_WATTS + ROUGH_PART * mean.watts) ** 2
        below = covariance / factor[-1][0] if factor else 0.0
        factor.append((math.sqrt(variance - below**2), below))
        if index + 1 < len(means):
            covariance = (
                -mean.uncertainties[1] * means[index + 1].uncertainties[0] / (mean.seconds * means[index + 1].seconds)
            )
    return factor


def _white(factor: list[tuple[float, float]], values: list[float]) -> list[float]:
    """Whiten the values: independent errors of unit variance."""
    whitened: list[float] = []
    for (diagonal, below), value in zip(factor, values, strict=True):
        whitened.append((value - below * (whitened[-1] if whitened else 0.0)) / diagonal)
    return whitened


def _mean_fall(start: float, end: float, tau: float) -> float:
    """Mean of exp(-t / tau) from start to end (seconds); its value at the start for an empty interval."""
    seconds = end - start
    if seconds <= 0:
        return math.exp(-start / tau)
    return -tau / seconds * math.expm1(-seconds / tau) * math.exp(-start / tau)
