"""Medians and their spread, for the tables.

Measurements are made in blocks, each with new kernels. Values within a block are correlated, so the spread is that
between blocks: the lowest and the highest of their medians.
"""

from __future__ import annotations

import statistics
from dataclasses import dataclass


@dataclass(frozen=True)
class Sample:
    """One quantity, measured in blocks.

    Parameters
    ----------
    blocks : tuple of tuple of float
        Values, block by block.
    """

    blocks: tuple[tuple[float, ...], ...]

    @property
    def n(self) -> int:
        """Number of values."""
        return sum(len(block) for block in self.blocks)

    @property
    def median(self) -> float:
        """Median of all values."""
        return statistics.median(value for block in self.blocks for value in block)

    @property
    def spread(self) -> tuple[float, float]:
        """Lowest and highest of the blocks' medians."""
        medians = [statistics.median(block) for block in self.blocks]
        return min(medians), max(medians)

    def text(self, scale: float = 1.0, digits: int = 2) -> str:
        """Return median and spread for a table, multiplied by `scale`."""
        low, high = (_number(value * scale, digits) for value in self.spread)
        return f"{_number(self.median * scale, digits)} ({low} … {high})"


def _number(value: float, digits: int) -> str:
    shown = f"{value:.{digits}f}"
    return (shown.lstrip("-") if float(shown) == 0 else shown).replace("-", "−")
