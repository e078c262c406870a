"""The ratio of two costs from laps run in turn: paired, robust, and never narrower than its pairs allow.

Laps of one round saw the same examples and the same machine, so what is compared is the logarithm of their ratio. A
machine that is used by others throws single laps far off; the trimmed mean takes no notice of those. Few pairs are
not trimmed: one that is far off then makes the interval wide, and nothing is told. A bootstrap of few pairs is too
narrow, so its half-width is stretched as Student's t stretches the normal one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist, median

TRIM = 0.2
"""Share of the pairs left out at each end (Yuen 1974),"""
TRIMMED_FROM = 8
"""from so many pairs on: of five, three would be left, whose interval is twice as wide as that of all."""
ORDERED_FROM = 6
"""From so many pairs on the median's interval is used where the trimmed mean's is wide: of six, the least and the
largest are the ends of a 95 % interval whatever the distribution;"""
HEAVY = 0.25
"""that is a half-width (of the logarithm) above this."""
RESAMPLES = 2000
LEAST_PAIRS = 5
"""Fewer pairs give no interval."""


@dataclass(frozen=True)
class Ratio:
    """A cost as a part of another cost.

    Parameters
    ----------
    value : float
        Candidate / original; below 1 is less.
    low, high : float
        Ends of the 95 % interval.
    pairs : int
        Rounds it stands on.
    """

    value: float
    low: float
    high: float
    pairs: int

    @property
    def half_width(self) -> float:
        """Half the interval's width in logarithms: 0.05 is about ±5 %."""
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
        """Return the ratio with each end moved out by a share of itself (0.15 = 15 %)."""
        return Ratio(self.value, self.low / (1 + share), self.high * (1 + share), self.pairs)

    def over(self, other: Ratio) -> Ratio:
        """Return this ratio divided by another one; their errors are taken as independent."""
        value = self.value / other.value
        half = math.hypot(self.half_width, other.half_width)
        return Ratio(value, value * math.exp(-half), value * math.exp(half), min(self.pairs, other.pairs))


def paired_ratio(original: Sequence[float], candidate: Sequence[float], *, seed: int = 0) -> Ratio | None:
    """Return candidate / original from laps run in turn; None where there are too few pairs, or a cost that is none.

    A cost is a finite number above 0.

    Parameters
    ----------
    original, candidate : sequence of float
        Cost per inference of each lap, in the same order of rounds; joules or CPU seconds.
    seed : int
        Seed of the bootstrap.
    """
    import numpy as np

    if len(original) != len(candidate):
        raise ValueError("Paired laps come in equal numbers.")
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
    centre = float(middle(logs))
    freedom = count - 2 * cut - 1
    stretch = student(freedom) / NormalDist().inv_cdf(0.975) * math.sqrt(count / (count - 1))
    below, above = (centre - float(low)) * stretch, (float(high) - centre) * stretch
    half = max(below, above, 1e-12)
    if half > HEAVY and count >= ORDERED_FROM:
        centre, lowest, highest = median_interval(logs.tolist())
        return Ratio(math.exp(centre), math.exp(lowest), math.exp(highest), count)
    return Ratio(math.exp(centre), math.exp(centre - half), math.exp(centre + half), count)


def median_interval(values: Sequence[float]) -> tuple[float, float, float]:
    """Return the median and a 95 % interval of it, whatever the distribution; the interval of a sign test.

    Parameters
    ----------
    values : sequence of float
        Independent draws; six or more, or the interval is narrower than it should be.
    """
    ordered, count = sorted(values), len(values)
    place, below = 0, 1 / 2**count
    while place + 1 < (count + 1) // 2 and below + math.comb(count, place + 1) / 2**count <= 0.025:
        place += 1
        below += math.comb(count, place) / 2**count
    return median(ordered), ordered[place], ordered[count - 1 - place]


def student(freedom: int) -> float:
    """Return the 97.5 % point of Student's t, by Hill's expansion; from 2 degrees of freedom on."""
    z = NormalDist().inv_cdf(0.975)
    if freedom < 2:
        return 12.706
    if freedom == 2:
        return 4.303
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
    )
    return z + math.fsum(term / float(freedom**power) for power, term in enumerate(terms, 1))


def spread(values: Sequence[float]) -> float:
    """Return how much laps of one and the same model vary, as a share: a robust standard deviation of logarithms."""
    import numpy as np

    if len(values) < 2 or not all(0 < value < math.inf for value in values):
        return math.inf
    logs = np.log(np.asarray(values, float))
    return float(1.4826 * np.median(np.abs(logs - np.median(logs))))
