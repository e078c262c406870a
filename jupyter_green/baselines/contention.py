"""Run-to-run variation of CPU time for the same work, on a machine that other processes use too (contention).

Energy that is only estimated from CPU time is compared as CPU time: the watts per core, known to some ±40 to 70 %, are
the same in both runs on one machine and cancel. What remains is contention. It has three parts:

- *scatter*: the standard deviation of uncontrolled effects (caches, clocks, garbage collection). Its prior is `QUIET`
  of the CPU time on an idle machine and `BUSY` on a fully loaded one, interpolated by load. The prior has the weight of
  `WEIGHT` degrees of freedom beside the baseline's runs: s² = (w·s₀² + (n-1)·s²ₙ) / (w+n-1).
- *lean*: a core that shares caches and pipelines with other work needs more CPU time for the same work. If the load by
  other processes differs by Δ between the two runs, the CPU times may differ by up to `SHARED`·Δ.
- *first run*: the first execution of a cell fills caches that later ones use. First executions are compared with first
  executions; where only one of the two is a first one, the CPU times may differ by up to `WARM`.

The constants were measured with `benchmarks/busy.py`; see docs/baselines.md.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import fmean, stdev
from typing import NamedTuple

from jupyter_green.records.statistics import MEDIAN_VARIANCE, t_quantile

QUIET, BUSY = 0.03, 0.05
WEIGHT = 3
SHARED = 0.5
WARM = 0.3
SHORTEST = 0.01
"""Half-width in seconds of CPU time that a garbage collection or thread start may add to any cell."""
CALM_CPU_SHARE = 0.1
"""Largest load by other processes at which a comparison of one run with one run can be significant."""
UNKNOWN = 0.5
"""Load assumed for intervals where it is unknown; one run against one run is then never significant."""
REPEATS = 3
"""Fewest executions of a cell in one run from which its scatter is estimated."""


class Contention(NamedTuple):
    """Effect of contention on a difference in CPU time, in joules of the model."""

    scatter: float
    """Prior standard deviation of one run."""
    lean: float
    """Half-width of the systematic part."""
    single: bool
    """Whether one run is compared with one run on a machine that is busy, or whose load is unknown: then no difference
    is significant.
    """


def contention(
    ours: float,
    base: float,
    loads: tuple[float | None, float | None],
    *,
    runs: int,
    repeats: Sequence[float] = (),
    warm: bool = False,
) -> Contention:
    """Return the effect of contention on a cell.

    `ours` and `base` are joules of the model in our run and in the baseline, `loads` the share of the cores that other
    processes kept busy in either. `runs` is the number of the baseline's runs, `repeats` are joules of later executions
    of the same code in one run. `warm`: only one of the two is a first execution.
    """
    larger = max(ours, base)
    busiest = max(UNKNOWN if load is None else load for load in loads)
    if runs < 2 and (None in loads or busiest > CALM_CPU_SHARE):
        return Contention(0.0, larger, True)  # an interval wider than any difference
    share = QUIET + (BUSY - QUIET) * busiest
    if len(repeats) >= REPEATS and (mean := fmean(repeats)) > 0:
        share = max(share, stdev(repeats) / mean)
    assumed = [UNKNOWN if load is None else load for load in loads]
    lean = SHARED * abs(assumed[0] - assumed[1]) + (WARM if warm else 0.0)
    return Contention(share * base, lean * larger, False)


def half_width(scatter: float, runs: Sequence[float]) -> float:
    """Return the half-width of the 95 % prediction interval for one more run around the median of one to five runs.

    `scatter` is the prior standard deviation of one run. All in joules.
    """
    count = max(1, min(len(runs), len(MEDIAN_VARIANCE)))
    observed = stdev(runs) if len(runs) > 1 else 0.0
    freedom = WEIGHT + count - 1
    deviation = math.sqrt((WEIGHT * scatter**2 + (count - 1) * observed**2) / freedom)
    return t_quantile(freedom) * deviation * math.sqrt(1 + MEDIAN_VARIANCE[count - 1] / count)
