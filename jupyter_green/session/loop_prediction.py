"""Predicts the total energy of a loop from its first iterations, with an interval.

The first stretch of iterations is warm-up (caches, compilation). It is counted but not extrapolated. The interval is a
Student's t prediction interval for the sum of the remaining stretches.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from jupyter_green.records.statistics import t_quantile

SINGLE_BAND = 0.20
"""Relative half-width of the interval after one stretch; one-epoch predictions were up to 19 % off."""


@dataclass(frozen=True)
class Iterations:
    """Some consecutive iterations: their number and their energy in joules."""

    count: float
    joules: float


@dataclass(frozen=True)
class Prediction:
    """Predicted total energy in joules, and the half-width of its 95 % interval."""

    joules: float
    uncertainty: float


def predict(stretches: Sequence[Iterations], total: float, *, uncertainty: float = 0.0) -> Prediction | None:
    """Predict the energy of `total` iterations from the stretches so far.

    With k stretches of mean m and standard deviation s, N further stretches use N·m ± t·s·√(N²/k + N). After one
    stretch the interval is ±20 %.

    Parameters
    ----------
    stretches : sequence of Iterations
        In order; the first is warm-up and not extrapolated.
    total : float
        Number of iterations of the whole loop.
    doubt : float
        Relative half-width of the sensors' systematic error, added in quadrature.

    Returns
    -------
    Prediction or None
        None until there is a stretch after the warm-up.
    """
    if len(stretches) < 2:
        return None
    steady = stretches[1:]
    count = math.fsum(stretch.count for stretch in steady)
    used = math.fsum(stretch.joules for stretch in stretches)
    remaining = max(0.0, total - count - stretches[0].count)
    if count <= 0:
        return None
    per_iteration = math.fsum(stretch.joules for stretch in steady) / count
    predicted = per_iteration * remaining
    mean_count = count / len(steady)
    if len(steady) == 1:
        half_width = SINGLE_BAND * predicted
    else:
        deviation = statistics.stdev(stretch.joules / stretch.count * mean_count for stretch in steady)
        remaining_stretches = remaining / mean_count
        half_width = (
            t_quantile(len(steady) - 1)
            * deviation
            * math.sqrt(remaining_stretches**2 / len(steady) + remaining_stretches)
        )
    total_joules = used + predicted
    return Prediction(total_joules, math.hypot(half_width, uncertainty * total_joules))
