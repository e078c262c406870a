"""What a loop will use in all, said after its first iterations, with an interval.

The first stretch of a loop is warm-up (caches, compilation) and says nothing about the rest; it is counted
but not extrapolated. The interval is that of a sum of future draws around an estimated mean (Student's t).
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

SINGLE_BAND = 0.20
"""Half-width, as a part, after one stretch only; one-epoch predictions were seen up to 19 % off."""

_T_95 = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228)


@dataclass(frozen=True)
class Stretch:
    """Some iterations in a row: how many, and their joules."""

    count: float
    joules: float


@dataclass(frozen=True)
class Prediction:
    """Predicted total in joules with the half-width of its 95 % interval."""

    joules: float
    uncertainty: float


def t_quantile(freedom: int) -> float:
    """Two-sided 95 % quantile of Student's t; beyond ten degrees by its expansion (error below 0.3 %)."""
    if freedom < 1:
        raise ValueError("Student's t needs at least one degree of freedom.")
    if freedom <= len(_T_95):
        return _T_95[freedom - 1]
    z = 1.959964
    return z + (z**3 + z) / (4 * freedom) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * freedom**2)


def predict(stretches: Sequence[Stretch], total: float, *, doubt: float = 0.0) -> Prediction | None:
    """Predict the joules of `total` iterations from the stretches so far.

    With k stretches of mean m and standard deviation s, N more of them are expected to use
    N·m ± t·s·√(N²/k + N); after one stretch the band is ±20 %.

    Parameters
    ----------
    stretches : sequence of Stretch
        In order; the first is warm-up and only counted.
    total : float
        Iterations of the whole loop.
    doubt : float
        Relative half-width of the sensors' own systematic error, added in quadrature.

    Returns
    -------
    Prediction or None
        None before there is a stretch beyond the warm-up.
    """
    if len(stretches) < 2:
        return None
    steady = stretches[1:]
    count = math.fsum(item.count for item in steady)
    used = math.fsum(item.joules for item in stretches)
    left = max(0.0, total - count - stretches[0].count)
    if count <= 0:
        return None
    per_iteration = math.fsum(item.joules for item in steady) / count
    ahead = per_iteration * left
    size = count / len(steady)
    if len(steady) == 1:
        spread = SINGLE_BAND * ahead
    else:
        s = statistics.stdev(item.joules / item.count * size for item in steady)
        more = left / size
        spread = t_quantile(len(steady) - 1) * s * math.sqrt(more**2 / len(steady) + more)
    whole = used + ahead
    return Prediction(whole, math.hypot(spread, doubt * whole))
