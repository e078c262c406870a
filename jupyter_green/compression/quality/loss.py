"""The loss of quality against the original: on the same examples, paired, with a 95 % interval.

A loss is accepted only where the upper end of its interval is within what the person accepts: "no difference seen" on
few examples proves nothing. Right-or-wrong scores use Tango's score interval, because a bootstrap of examples on which
the two models never differ has no width at all; every other metric is resampled by example, and where it counts right
places and hardly any example differs, its interval ends no earlier than Tango's of as many that don't.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING, Any, Literal

from jupyter_green.compression.errors import ShrinkError
from jupyter_green.compression.process import deadline

if TYPE_CHECKING:
    import numpy as np

LEVEL = 0.95
"""Of an interval, unless several are looked at together."""
RESAMPLES = 1000
LEAST_RESAMPLED = 10
"""Examples below which resampling tells no interval: most draws of a few are alike."""
CHUNK = 2_000_000
"""Most numbers of one draw that are held at a time."""


@dataclass(frozen=True)
class Loss:
    """How much worse a candidate is.

    Parameters
    ----------
    value : float
        Positive is worse: points / 100 for bounded metrics (0.01 is one point), a share of the original's otherwise.
    low, high : float
        Ends of the 95 % interval.
    examples : int
        Paired examples it stands on.
    unit : {"points", "relative"}
        What `value` is.
    same : bool
        Whether the two gave the same scores on every example.
    least : int
        Fewest examples that tell such an interval; with fewer, nothing is proven by it.
    """

    value: float
    low: float
    high: float
    examples: int
    unit: Literal["points", "relative"]
    same: bool = False
    least: int = 0

    def within(self, accepted: float) -> bool:
        """Whether the loss is proven to be at most `accepted`."""
        return self.examples >= self.least and self.high <= accepted

    def beyond(self, accepted: float) -> bool:
        """Whether the loss is proven to be more than `accepted`."""
        return self.examples >= self.least and self.low > accepted

    def needed(self, accepted: float) -> int | None:
        """About how many examples would prove it, if the loss stays what it is; None where it is too large itself."""
        return self._wanted(accepted - self.value, self.high - self.value)

    def needed_to_refuse(self, accepted: float) -> int | None:
        """About how many would prove that the loss is more, if it stays what it is; None where it is not."""
        return self._wanted(self.value - accepted, self.value - self.low)

    def _wanted(self, room: float, half: float) -> int | None:
        if room <= 0:
            return None
        return int(_two_digits_up(max(self.examples * (half / room) ** 2, self.examples, self.least)))


def _two_digits_up(value: float) -> float:
    step = 10.0 ** max(0, math.floor(math.log10(max(value, 1))) - 1)
    return math.ceil(value / step) * step


def counted(lost: float, won: float, examples: float, level: float = LEVEL) -> Loss:
    """Return the loss of a right-or-wrong score.

    Parameters
    ----------
    lost : float
        Examples that the original has right and the candidate wrong.
    won : float
        The other way round.
    examples : float
        All examples; an effective number where they hang together.
    level : float
        Of the interval.

    Notes
    -----
    Tango (1998), Statistics in Medicine 17, 891-908: interval of the difference of paired proportions.
    """
    value, z = (lost - won) / examples, NormalDist().inv_cdf((1 + level) / 2)
    low = _root(lambda delta: _score(lost, won, examples, delta) - z, -1.0, value)
    high = _root(lambda delta: _score(lost, won, examples, delta) + z, value, 1.0)
    return Loss(value, low, high, int(examples), "points", same=lost == won == 0)


def _score(lost: float, won: float, n: float, delta: float) -> float:
    """Tango's score statistic of the hypothesis that the difference is `delta`; falls as `delta` grows."""
    b = -lost - won + (2 * n - lost + won) * delta
    c = -won * delta * (1 - delta)
    q = (math.sqrt(max(0.0, b * b - 8 * n * c)) - b) / (4 * n)
    variance = n * (2 * q + delta * (1 - delta))
    top = lost - won - n * delta
    if variance <= 1e-15:
        return 0.0 if abs(top) < 1e-12 else math.copysign(math.inf, top)
    return top / math.sqrt(variance)


def _root(falling: Callable[[float], float], low: float, high: float) -> float:
    for _ in range(60):
        middle = (low + high) / 2
        if falling(middle) > 0:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def drawn(
    loss: Callable[[Any], float], examples: int, unit: Literal["points", "relative"], draws: int, level: float
) -> Loss:
    """Return the loss of a metric that is computed anew for each draw of examples.

    A draw without a value, such as one of a single class, tells nothing and is left out. Where most are so, these
    examples prove nothing.

    Parameters
    ----------
    loss : callable
        From places of examples to the loss on these; raises ShrinkError, or is no number, where it has none.
    examples : int
        How many there are.
    unit : {"points", "relative"}
        What it returns.
    draws : int
        How often.
    level : float
        Of the interval.

    Notes
    -----
    A draw lacks what few of n examples have with probability q**n, q the share of the others. So where a share m of
    the draws had no value, half of them would have one from n ln(1/2) / ln(m) examples on.
    """
    import numpy as np

    rng = np.random.default_rng(0)

    def one(places: Any) -> float:
        deadline.look()
        try:
            return loss(places)
        except ShrinkError:
            return math.nan

    whole = loss(np.arange(examples))
    values = np.asarray([one(rng.integers(0, examples, examples)) for _ in range(draws)])
    found = values[np.isfinite(values)]
    if len(found) < draws / 2:
        missing = 1 - max(1, len(found)) / draws
        return Loss(whole, whole, whole, examples, unit, least=math.ceil(examples * math.log(0.5) / math.log(missing)))
    low, high = (float(end) for end in np.quantile(found, [(1 - level) / 2, (1 + level) / 2]))
    return Loss(whole, low, high, examples, unit, least=LEAST_RESAMPLED)


def resampled(
    total: Callable[[Any], Any],
    original: np.ndarray,
    candidate: np.ndarray,
    unit: Literal["points", "relative"],
    *,
    higher_is_better: bool,
    level: float = LEVEL,
    seed: int = 0,
    effective: float | None = None,
) -> Loss:
    """Return the loss of a metric that is a function of sums over examples, by paired bootstrap.

    Parameters
    ----------
    total : callable
        From sums of the parts, shape (..., parts), to the metric, shape (...).
    original, candidate : ndarray
        Parts of each example, shape (examples, parts).
    unit : {"points", "relative"}
        Whether the loss is a difference or a share of the original's.
    higher_is_better : bool
        Which way is better.
    level : float
        Of the interval.
    seed : int
        Seed of the bootstrap.
    effective : float, optional
        How many examples (or groups) count, of a metric that counts right places: where the two differ on hardly any,
        the interval ends no earlier than that of so many examples on which nothing differs.
    """
    import numpy as np

    count = len(original)
    differing = int((original != candidate).any(axis=-1).sum())
    few = effective if differing < LEAST_RESAMPLED else None
    least = 0.0 if few is None else counted(0, 0, few, level).high

    def loss(first: Any, second: Any) -> Any:
        lost = first - second if higher_is_better else second - first
        return lost if unit == "points" else lost / np.maximum(np.abs(first), 1e-12)

    value = float(loss(total(original.sum(0)), total(candidate.sum(0))))
    if np.array_equal(original, candidate):
        return Loss(0.0, -least, least, count, unit, same=True, least=LEAST_RESAMPLED)
    rng = np.random.default_rng(seed)
    losses = []
    at_once = max(1, CHUNK // count)
    for begin in range(0, RESAMPLES, at_once):
        draws = min(at_once, RESAMPLES - begin)
        weights = rng.multinomial(count, np.full(count, 1 / count), size=draws).astype(float)
        losses.append(loss(total(weights @ original), total(weights @ candidate)))
    low, high = (float(end) for end in np.quantile(np.concatenate(losses), [(1 - level) / 2, (1 + level) / 2]))
    return Loss(value, low, max(high, least), count, unit, least=LEAST_RESAMPLED)
