"""The ratio of two costs from samples taken in turn: paired and robust.

Samples of one round share examples and machine state, so the logarithms of their ratios are averaged. A trimmed mean
ignores outliers caused by other users of the machine. With few pairs nothing is trimmed; an outlier then widens the
interval. The bootstrap is too narrow for few pairs, so its half-width is scaled by Student's t.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist, median

from jupyter_green.records.statistics import t_quantile

TRIM = 0.2
"""Share of the pairs trimmed at each end (Yuen 1974), from `TRIMMED_FROM` pairs on."""
TRIMMED_FROM = 8
"""Fewer pairs are not trimmed: trimming five would leave three, whose interval is twice as wide."""
ORDERED_FROM = 6
"""From this many pairs on, the median's interval is used if the trimmed mean's is wide (see `HEAVY`): the extremes of
six are a 95 % interval for any distribution.
"""
HEAVY = 0.25
"""Half-width of the logarithm above which the trimmed mean's interval is wide."""
RESAMPLES = 2000
LEAST_PAIRS = 5
"""Fewer pairs give no interval."""


@dataclass(frozen=True)
class Ratio:
    """A cost relative to another cost."""

    value: float
    """Candidate / original; below 1 is cheaper."""
    low: float
    high: float
    """95 % interval."""
    pairs: int
    """Number of rounds."""

    @property
    def half_width(self) -> float:
        """Half-width of the interval in logarithms: 0.05 is about ±5 %."""
        return math.log(self.high / self.low) / 2

    @property
    def less(self) -> bool:
        """Whether the whole interval lies below 1."""
        return self.high < 1

    @property
    def more(self) -> bool:
        """Whether the whole interval lies above 1."""
        return self.low > 1

    def widened(self, share: float) -> Ratio:
        """Return the ratio with both ends moved out by a share (0.15 = 15 %)."""
        return Ratio(self.value, self.low / (1 + share), self.high * (1 + share), self.pairs)

    def over(self, other: Ratio) -> Ratio:
        """Return this ratio divided by another; errors are assumed independent."""
        value = self.value / other.value
        half = math.hypot(self.half_width, other.half_width)
        return Ratio(value, value * math.exp(-half), value * math.exp(half), min(self.pairs, other.pairs))


def paired_ratio(original: Sequence[float], candidate: Sequence[float], *, seed: int = 0) -> Ratio | None:
    """Return candidate / original from samples taken in turn; None with too few pairs or an invalid cost.

    A valid cost is finite and above 0.

    Parameters
    ----------
    original, candidate : sequence of float
        Cost per inference of each sample, in the order of rounds; joules or CPU seconds.
    seed : int
        Seed of the bootstrap.

    Raises
    ------
    ValueError
        If the lengths differ.
    """
    import numpy as np

    if len(original) != len(candidate):
        raise ValueError("Paired samples must be equal in number.")
    count = len(original)
    if count < LEAST_PAIRS or not all(0 < cost < math.inf for cost in (*original, *candidate)):
        return None
    logs = np.log(np.asarray(candidate, float)) - np.log(np.asarray(original, float))
    cut = int(TRIM * count) if count >= TRIMMED_FROM else 0

    def middle(values: np.ndarray) -> np.ndarray:
        ordered = np.sort(values, axis=-1)
        kept: np.ndarray = ordered[..., cut : count - cut].mean(axis=-1)
        return kept

    drawn = np.random.default_rng(seed).integers(0, count, (RESAMPLES, count))
    low, high = np.quantile(middle(logs[drawn]), [0.025, 0.975])
    center = float(middle(logs))
    freedom = count - 2 * cut - 1
    stretch = t_quantile(freedom) / NormalDist().inv_cdf(0.975) * math.sqrt(count / (count - 1))
    below, above = (center - float(low)) * stretch, (float(high) - center) * stretch
    half = max(below, above, 1e-12)
    if half > HEAVY and count >= ORDERED_FROM:
        center, lowest, highest = median_interval(logs.tolist())
        return Ratio(math.exp(center), math.exp(lowest), math.exp(highest), count)
    return Ratio(math.exp(center), math.exp(center - half), math.exp(center + half), count)


def median_interval(values: Sequence[float]) -> tuple[float, float, float]:
    """Return the median and its 95 % interval from the sign test, which is valid for any distribution.

    With fewer than six independent samples the interval covers less than 95 %.
    """
    ordered, count = sorted(values), len(values)
    rank, below = 0, 1 / 2**count
    while rank + 1 < (count + 1) // 2 and below + math.comb(count, rank + 1) / 2**count <= 0.025:
        rank += 1
        below += math.comb(count, rank) / 2**count
    return median(ordered), ordered[rank], ordered[count - 1 - rank]


def spread(values: Sequence[float]) -> float:
    """Return the variation of samples of one model as a share: a robust standard deviation of their logarithms."""
    import numpy as np

    if len(values) < 2 or not all(0 < value < math.inf for value in values):
        return math.inf
    logs = np.log(np.asarray(values, float))
    return float(1.4826 * np.median(np.abs(logs - np.median(logs))))
