"""The loss of quality against the original: paired on the same examples, with a 95 % interval.

A loss is accepted only if the upper end of its interval is within the accepted loss: "no difference seen" on few
examples proves nothing. Right-or-wrong scores use Tango's score interval, because a bootstrap has zero width if the two
models never differ. Other metrics use a bootstrap over examples. If such a metric counts correct answers and hardly any
example differs, its interval ends no lower than Tango's for the same number of examples without a difference.
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
"""Confidence level, unless several intervals are read together."""
RESAMPLES = 1000
LEAST_RESAMPLED = 10
"""Examples below which a bootstrap gives no valid interval: most draws are alike."""
CHUNK = 2_000_000
"""Maximum number of bootstrap weights in memory at a time."""


@dataclass(frozen=True)
class Loss:
    """How much worse a candidate is."""

    value: float
    """Positive is worse: a difference for bounded metrics (0.01 is one point), otherwise a share of the original's
    value.
    """
    low: float
    high: float
    """The 95 % interval."""
    examples: int
    """Number of paired examples."""
    unit: Literal["points", "relative"]
    """Unit of `value`."""
    same: bool = False
    """Whether both models have the same score on every example."""
    least: int = 0
    """Minimum examples for a valid interval; with fewer, nothing is proven."""

    def within(self, accepted: float) -> bool:
        """Whether the loss is significantly at most `accepted`."""
        return self.examples >= self.least and self.high <= accepted

    def beyond(self, accepted: float) -> bool:
        """Whether the loss is significantly more than `accepted`."""
        return self.examples >= self.least and self.low > accepted

    def needed(self, accepted: float) -> int | None:
        """Estimate how many examples would prove it, if the loss stays the same; None if the loss is too large."""
        return self._wanted(accepted - self.value, self.high - self.value)

    def needed_to_refuse(self, accepted: float) -> int | None:
        """Estimate how many examples would prove that the loss is larger, if it stays the same; None if it is not."""
        return self._wanted(self.value - accepted, self.value - self.low)

    def _wanted(self, room: float, half: float) -> int | None:
        if room <= 0 or not math.isfinite(half / room):
            return None
        return int(_two_digits_up(max(self.examples * (half / room) ** 2, self.examples, self.least)))


def _two_digits_up(value: float) -> float:
    step = 10.0 ** max(0, math.floor(math.log10(max(value, 1))) - 1)
    return math.ceil(value / step) * step


def counted(lost: float, won: float, examples: float, level: float = LEVEL) -> Loss:
    """Return the loss of a right-or-wrong score: examples that only the original, or only the candidate, has right.

    `examples` is an effective number if they are not independent. The interval of the difference of paired proportions
    is that of Tango (1998), Statistics in Medicine 17, 891-908.
    """
    value, z = (lost - won) / examples, NormalDist().inv_cdf((1 + level) / 2)
    low = _root(lambda delta: _score(lost, won, examples, delta) - z, -1.0, value)
    high = _root(lambda delta: _score(lost, won, examples, delta) + z, value, 1.0)
    return Loss(value, low, high, int(examples), "points", same=lost == won == 0)


def _score(lost: float, won: float, n: float, delta: float) -> float:
    """Return Tango's score statistic for the hypothesis that the difference is `delta`; it decreases with `delta`."""
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


def share_lost(lost: Any, value: Any) -> Any:
    """Return losses as shares of the original's values: infinite if the value is 0 and anything is lost or won."""
    import numpy as np

    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(np.asarray(lost) == 0, 0.0, np.divide(lost, np.abs(value)))


def _ends(losses: np.ndarray, level: float) -> tuple[float, float]:
    """Return the quantiles that bound the interval; draws may be infinite."""
    import numpy as np

    low, high = (1 - level) / 2, (1 + level) / 2
    if np.isfinite(losses).all():
        return float(np.quantile(losses, low)), float(np.quantile(losses, high))
    return float(np.quantile(losses, low, method="lower")), float(np.quantile(losses, high, method="higher"))


def drawn(
    loss: Callable[[Any], float], examples: int, unit: Literal["points", "relative"], draws: int, level: float
) -> Loss:
    """Return the loss of a metric that is recomputed for each bootstrap draw of examples.

    `loss` maps indices of examples to their loss; it raises ShrinkError or returns a non-finite number if there is
    none. A draw without a value, such as one of a single class, is left out. If most draws have none, the examples
    prove nothing. A draw lacks a kind of example that makes up 1 - q of n examples with probability q**n. So if a share
    m of the draws had no value, half of them would have one from n ln(1/2) / ln(m) examples on.
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
    valid = values[~np.isnan(values)]
    if len(valid) < draws / 2:
        missing = 1 - max(1, len(valid)) / draws
        return Loss(whole, whole, whole, examples, unit, least=math.ceil(examples * math.log(0.5) / math.log(missing)))
    low, high = _ends(valid, level)
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

    `total` maps sums of the parts, shape (..., parts), to the metric, shape (...). `original` and `candidate` are parts
    of each example, shape (examples, parts). `unit`: the loss is a difference or a share of the original's value.
    `effective` is the number of examples (or groups) for a metric that counts correct answers: if hardly any example
    differs, the interval ends no lower than for this many examples without a difference.
    """
    import numpy as np

    count = len(original)
    differing = int((original != candidate).any(axis=-1).sum())
    effective_count = effective if differing < LEAST_RESAMPLED else None
    lowest_end = 0.0 if effective_count is None else counted(0, 0, effective_count, level).high

    def loss(first: Any, second: Any) -> Any:
        lost = first - second if higher_is_better else second - first
        return lost if unit == "points" else share_lost(lost, first)

    value = float(loss(total(original.sum(0)), total(candidate.sum(0))))
    if np.array_equal(original, candidate):
        return Loss(0.0, -lowest_end, lowest_end, count, unit, same=True, least=LEAST_RESAMPLED)
    rng = np.random.default_rng(seed)
    losses = []
    at_once = max(1, CHUNK // count)
    for begin in range(0, RESAMPLES, at_once):
        draws = min(at_once, RESAMPLES - begin)
        weights = rng.multinomial(count, np.full(count, 1 / count), size=draws).astype(float)
        losses.append(loss(total(weights @ original), total(weights @ candidate)))
    low, high = _ends(np.concatenate(losses), level)
    return Loss(value, low, max(high, lowest_end), count, unit, least=LEAST_RESAMPLED)
