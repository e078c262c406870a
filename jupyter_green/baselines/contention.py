"""How far the processor time of the same work may differ from run to run, on a machine that others use too.

Energy that is only estimated from processor time is compared as processor time: the watts of a core, good to some
±40 to 70 %, are the same on both sides of one machine and cancel. What stays is contention. It has three parts:

- *scatter*: a standard deviation of what nobody controls (caches, clocks, when memory is collected), taken before it
  has been seen as `QUIET` of the processor time on a quiet machine and `BUSY` on one that others keep busy. It counts
  as `WEIGHT` degrees of freedom beside what the baseline's runs show: s² = (w·s₀² + (n-1)·s²ₙ) / (w+n-1).
- *lean*: a core that shares its caches and its pipeline with others takes longer for the same. Where the load of others
  differs between the two sides by Δ, the difference may be up to `SHARED`·Δ of the processor time.
- *first run*: the first execution of a cell loads what later ones find. First executions are held against first ones;
  where only one side has one, up to `WARM` of it may be that.

Sizes are from `benchmarks/busy.py`; see docs/baselines.md.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import fmean, stdev
from typing import NamedTuple

QUIET, BUSY = 0.03, 0.05
WEIGHT = 3
SHARED = 0.5
WARM = 0.3
SHORTEST = 0.01
"""Half-width in seconds of processor time: what a collection of memory or the start of a thread may add to any cell."""
CALM = 0.1
"""The share of the cores that others may keep busy before one run beside one proves nothing."""
UNKNOWN = 0.5
"""The load of others where it is not known, for the size of intervals; one run beside one then proves nothing."""
REPEATS = 3
"""Executions of a cell in one run from which on they tell of its scatter."""

_T = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228)
"""Student's t, 97.5 %, by degrees of freedom from 1 on."""
_C = (1.0, 1.0, 1.346, 1.193, 1.434)
"""Variance of the median of n normal values, in units of that of their mean, from 1 on."""


class Contention(NamedTuple):
    """What contention may do to a difference in processor time, in joules of the model.

    Parameters
    ----------
    scatter : float
        Standard deviation of one run, as it is taken to be before runs were seen.
    lean : float
        Half-width of what is not random.
    single : bool
        One run beside one on a machine that is busy, or of which that is not known: nothing is proven.
    """

    scatter: float
    lean: float
    single: bool


def contention(
    ours: float,
    base: float,
    loads: tuple[float | None, float | None],
    *,
    runs: int,
    repeats: Sequence[float] = (),
    warm: bool = False,
) -> Contention:
    """Return what contention may do to a cell.

    Parameters
    ----------
    ours, base : float
        Joules of the model.
    loads : (float or None, float or None)
        The share of the cores that others kept busy, in our run and in the baseline's.
    runs : int
        The baseline's runs.
    repeats : sequence of float
        Joules of later executions of the same code in one run.
    warm : bool
        Only one of the two is a first execution.
    """
    larger = max(ours, base)
    busiest = max(UNKNOWN if load is None else load for load in loads)
    if runs < 2 and (None in loads or busiest > CALM):
        return Contention(0.0, larger, True)  # as wide as any difference
    share = QUIET + (BUSY - QUIET) * busiest
    if len(repeats) >= REPEATS and (mean := fmean(repeats)) > 0:
        share = max(share, stdev(repeats) / mean)
    known = [UNKNOWN if load is None else load for load in loads]
    lean = SHARED * abs(known[0] - known[1]) + (WARM if warm else 0.0)
    return Contention(share * base, lean * larger, False)


def half_width(scatter: float, runs: Sequence[float]) -> float:
    """Return how far one more run lies from the median of runs, 95 % of the time.

    Parameters
    ----------
    scatter : float
        Standard deviation as taken before.
    runs : sequence of float
        What the baseline's runs used; at least one and at most five.
    """
    count = max(1, min(len(runs), len(_C)))
    seen = stdev(runs) if len(runs) > 1 else 0.0
    freedom = WEIGHT + count - 1
    deviation = math.sqrt((WEIGHT * scatter**2 + (count - 1) * seen**2) / freedom)
    return _T[freedom - 1] * deviation * math.sqrt(1 + _C[count - 1] / count)
