"""Compares a run with a baseline file cell by cell, by the same paired test as the side panel.

Gain errors of the sensors are common to both runs and largely cancel in pairs. This needs at least two earlier runs in
the ledger, which give the variation between runs. New cells have no pair; only the comparison of whole runs covers them
(see `limits`).
"""

from __future__ import annotations

from collections.abc import Sequence

from jupyter_green.baselines.baseline import RUNS, Baseline
from jupyter_green.baselines.comparison import Comparison
from jupyter_green.baselines.messages import difference_sentence, joules
from jupyter_green.records import EnergyRecord

from .limits import Verdict


def earlier_runs(notebook: str, but: str) -> list[Baseline]:
    """Return the last runs of a notebook but the present one from the ledger, newest first.

    Raises LedgerError if the ledger can't be read, or its owner is unknown.
    """
    from jupyter_green.storage import Ledger

    with Ledger() as ledger:
        runs = ledger.latest_runs(notebook, None, but=but, most=RUNS)
        baselines = [Baseline.of_run(ledger.finished_cells(run), "last") for run in runs]
    return [baseline for baseline in baselines if baseline is not None]


class BaselineCheck:
    """The paired comparison of a run's cells with a baseline; both are cells with their ids.

    `earlier` are other runs, which give the variation between runs; `accepted` is a fraction of the baseline.
    """

    def __init__(
        self,
        run: Sequence[tuple[str, EnergyRecord]],
        base: Sequence[tuple[str, EnergyRecord]],
        earlier: Sequence[Baseline] = (),
        accepted: float = 0.0,
    ) -> None:
        self._accepted = accepted
        baseline = Baseline.of_run((record for _, record in base), "file")
        median = Baseline.median(earlier)
        if baseline is not None and median is not None:
            baseline = baseline.steadied(median)
        self._comparison = None if baseline is None else Comparison(baseline, accepted)
        if self._comparison is not None:
            for key, record in run:
                self._comparison.take(key, record)

    def sentence(self) -> str:
        """Return a sentence on the difference over all paired cells; empty if there are none."""
        if self._comparison is None or not self._comparison.compared:
            return ""
        return f"Cell by cell: {difference_sentence(self._comparison.total(), self._comparison.compared)}"

    def excess(self) -> Verdict | None:
        """Test whether the paired cells used significantly more than accepted; None if there are no pairs."""
        if self._comparison is None or not self._comparison.compared:
            return None
        total = self._comparison.total()
        uncertainty = (1 + self._accepted) * (total.difference_uncertainty or 0.0)
        reference = f"the baseline and the accepted {self._accepted:.0%}, cell by cell."
        if total.excess <= uncertainty:
            return Verdict(True, f"No proven excess over {reference}")
        return Verdict(False, f"Excess: {joules(total.excess, uncertainty)} above {reference}")
