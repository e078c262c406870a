"""Spearman's rank correlation as a metric, for the similarity of texts on any scale.

A correlation is not a sum over examples: answers and labels are stored and the correlation is recomputed per draw.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from jupyter_green.compression.quality.loss import LEAST_RESAMPLED, LEVEL, RESAMPLES, Loss, drawn
from jupyter_green.compression.quality.metric import Metric

if TYPE_CHECKING:
    import numpy as np


class Spearman(Metric):
    """Rank correlation of answers with labels, from -1 to 1. The parts of an example are its answer and its label."""

    name = "Spearman's rank correlation"
    kind = "rank correlation"
    shared = False

    def value(self, parts: np.ndarray) -> float:
        """Correlation of the ranks (ties get their mean rank); NaN if an answer is missing or all are equal."""
        import numpy as np

        if len(parts) < 2 or not np.isfinite(parts).all():
            return float("nan")
        first, second = (_ranks(column) for column in parts.T)
        first, second = first - first.mean(), second - second.mean()
        spread = float(np.sqrt((first**2).sum() * (second**2).sum()))
        return float((first * second).sum()) / spread if spread > 0 else float("nan")

    def loss(self, original: np.ndarray, candidate: np.ndarray, level: float = LEVEL) -> Loss:
        """Bootstrap over examples; draws with equal labels only are left out."""
        import numpy as np

        count = len(original)
        if np.array_equal(original, candidate):
            return Loss(0.0, 0.0, 0.0, count, self.unit, same=True, least=LEAST_RESAMPLED)

        def loss(chosen: np.ndarray) -> float:
            return self.value(original[chosen]) - self.value(candidate[chosen])

        return drawn(loss, count, self.unit, RESAMPLES, level)


def _ranks(values: np.ndarray) -> np.ndarray:
    import numpy as np

    _, inverse, count = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(count)
    ranks: np.ndarray = (last - (count - 1) / 2)[inverse]
    return ranks
