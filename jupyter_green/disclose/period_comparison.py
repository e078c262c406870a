"""How the runs of a period stand against those before them: as the side panel asks it, and summed where it is proven.

A run is held against the median of the notebook's runs before it, cell by cell; the first one against nothing.
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
    """Proven differences of the runs of a period from the runs before them.

    Parameters
    ----------
    excess, saved : float
        In joules, summed over runs whose difference is proven.
    excess_uncertainty, saved_uncertainty : float
        Half-widths of their 95 % intervals; added up, since a sensor leans the same way in every run.
    more, less, unproven, alone : int
        Runs that used more, less, neither provably, and those with nothing before them.
    """

    excess: float = 0.0
    saved: float = 0.0
    excess_uncertainty: float = 0.0
    saved_uncertainty: float = 0.0
    more: int = 0
    less: int = 0
    unproven: int = 0
    alone: int = 0


class RunComparison:
    """Holds runs against those of the same notebook before them, as they come; it keeps only what the next may need."""

    def __init__(self) -> None:
        self._earlier: dict[str, deque[Baseline]] = {}
        self._counts = {"more": 0, "less": 0, "unproven": 0, "none": 0}
        self._sums = {"excess": 0.0, "saved": 0.0, "over": 0.0, "under": 0.0}

    def take(self, records: Sequence[EnergyRecord | Execution]) -> None:
        """Hold a run against those before it.

        Parameters
        ----------
        records : sequence of EnergyRecord or Execution
            Those of one run, none of them the time between cells, in order of their start; a run under two names is
            two.
        """
        notebooks: dict[str, list[EnergyRecord | Execution]] = {}
        for record in records:
            notebooks.setdefault(record.notebook or "", []).append(record)
        for notebook, items in notebooks.items():
            self._take(notebook, items)

    def _take(self, notebook: str, items: Sequence[EnergyRecord | Execution]) -> None:
        before = self._earlier.setdefault(notebook, deque(maxlen=RUNS))
        baseline = Baseline.median(list(before)) if before and notebook else None
        found = None
        if baseline is not None:
            comparison = Comparison(baseline)
            for record in items:
                comparison.add(cell_key(record.cell_id, record.id), record)
            found = comparison.total()
        self._counts["none" if found is None else found.verdict] += 1
        if found is not None and found.verdict == "more":
            self._sums["excess"] += found.excess
            self._sums["over"] += found.difference_uncertainty or 0.0
        elif found is not None and found.verdict == "less":
            self._sums["saved"] += found.saved
            self._sums["under"] += found.difference_uncertainty or 0.0
        own = Baseline.of_run(items, "last") if notebook else None
        if own is not None:
            before.appendleft(own)

    def forget(self) -> None:
        """Let go of the runs that came; what comes next is of other notebooks."""
        self._earlier.clear()

    def against(self) -> PeriodDifference:
        """Return what was found."""
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


def compared(records: Sequence[EnergyRecord]) -> PeriodDifference:
    """Hold each run of a notebook against the median of the runs before it, and sum what is proven.

    Parameters
    ----------
    records : sequence of EnergyRecord
        Of many runs.
    """
    runs: dict[str, list[EnergyRecord]] = {}
    for record in sorted(records, key=lambda one: one.started_at):
        if record.span != "gap":
            runs.setdefault(record.run_id, []).append(record)
    comparison = RunComparison()
    for items in runs.values():
        comparison.take(items)
    return comparison.against()
