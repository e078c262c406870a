"""Comparison of a period's runs with earlier ones, as in the side panel; significant differences are summed.

A run is compared with the median of the notebook's earlier runs, cell by cell. The first run is not compared.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from jupyter_green.baselines.baseline import RUNS, Baseline
from jupyter_green.baselines.comparable_energy import Execution
from jupyter_green.baselines.comparison import Comparison
from jupyter_green.records import EnergyRecord, cell_key


@dataclass(frozen=True)
class PeriodDifference:
    """Significant differences of a period's runs from earlier runs."""

    excess: float = 0.0
    saved: float = 0.0
    """Joules, summed over runs with a significant difference."""
    excess_uncertainty: float = 0.0
    saved_uncertainty: float = 0.0
    """Half-widths of their 95 % intervals in joules; added linearly, because a sensor's error has the same sign in
    every run.
    """
    more: int = 0
    less: int = 0
    unproven: int = 0
    alone: int = 0
    """Number of runs with significantly more energy, with significantly less, without a significant difference, and
    without an earlier run.
    """


class RunComparison:
    """Compares runs with earlier ones of the same notebook as they arrive; keeps only the last few runs in memory."""

    def __init__(self) -> None:
        self._earlier: dict[str, deque[Baseline]] = {}
        self._counts = {"more": 0, "less": 0, "unproven": 0, "none": 0}
        self._sums = {"excess": 0.0, "saved": 0.0, "over": 0.0, "under": 0.0}

    def take(self, records: Sequence[EnergyRecord | Execution]) -> None:
        """Compare one run, without idle time and in order of start, with the earlier ones.

        A run under two notebook names counts as two.
        """
        notebooks: dict[str, list[EnergyRecord | Execution]] = {}
        for record in records:
            notebooks.setdefault(record.notebook or "", []).append(record)
        for notebook, items in notebooks.items():
            self._take(notebook, items)

    def _take(self, notebook: str, items: Sequence[EnergyRecord | Execution]) -> None:
        earlier = self._earlier.setdefault(notebook, deque(maxlen=RUNS))
        baseline = Baseline.median(list(earlier)) if earlier and notebook else None
        difference = None
        if baseline is not None:
            comparison = Comparison(baseline)
            for record in items:
                comparison.add(cell_key(record.cell_id, record.id), record)
            difference = comparison.total()
        self._counts["none" if difference is None else difference.verdict] += 1
        if difference is not None and difference.verdict == "more":
            self._sums["excess"] += difference.excess
            self._sums["over"] += difference.difference_uncertainty or 0.0
        elif difference is not None and difference.verdict == "less":
            self._sums["saved"] += difference.saved
            self._sums["under"] += difference.difference_uncertainty or 0.0
        run = Baseline.of_run(items, "last") if notebook else None
        if run is not None:
            earlier.appendleft(run)

    def forget(self) -> None:
        """Release the runs seen so far; the next run is of another notebook."""
        self._earlier.clear()

    def against(self) -> PeriodDifference:
        """Return the sums."""
        sums, counts = self._sums, self._counts
        return PeriodDifference(
            sums["excess"],
            sums["saved"],
            sums["over"],
            sums["under"],
            counts["more"],
            counts["less"],
            counts["unproven"],
            counts["none"],
        )
