"""A run held against a baseline file cell by cell, by the test that the side panel makes.

The sensors' errors lean the same way in both runs and cancel there as far as the readings are alike, once at least two
earlier runs in the ledger tell how far runs differ by themselves; so it proves less than the sum of whole runs can. New
cells are in no pair: what they use is found by the whole runs alone (see `limits`).
"""

from __future__ import annotations

from collections.abc import Sequence

from jupyter_green.baselines.baseline import RUNS, Baseline
from jupyter_green.baselines.comparison import Comparison
from jupyter_green.baselines.messages import joules, standing_of
from jupyter_green.records import EnergyRecord

from .limits import Verdict


def earlier_runs(notebook: str, but: str) -> list[Baseline]:
    """Return the last runs of a notebook that the ledger holds, newest first.

    Parameters
    ----------
    notebook : str
        Its name.
    but : str
        The run that is judged.

    Raises
    ------
    LedgerError
        If it can't be read, or does not tell whose it is.
    """
    from jupyter_green.storage import Ledger

    with Ledger() as ledger:
        runs = ledger.latest_runs(notebook, None, but=but, most=RUNS)
        found = [Baseline.of_run(ledger.finished_cells(run), "last") for run in runs]
    return [made for made in found if made is not None]


class BaselineCheck:
    """The cells of a run beside those of a baseline.

    Parameters
    ----------
    run, base : sequence of (str, EnergyRecord)
        Cells with their identities.
    earlier : sequence of Baseline
        Other runs, which tell how far runs differ by themselves.
    accepted : float
        The share above the baseline that is no excess.
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
        usual = Baseline.median(earlier)
        if baseline is not None and usual is not None:
            baseline = baseline.steadied(usual)
        self._comparison = None if baseline is None else Comparison(baseline, accepted)
        if self._comparison is not None:
            for key, record in run:
                self._comparison.take(key, record)

    def sentence(self) -> str:
        """Say how the cells that can be compared stand in sum; empty where none can."""
        if self._comparison is None or not self._comparison.compared:
            return ""
        return f"Cell by cell: {standing_of(self._comparison.total(), self._comparison.compared)}"

    def excess(self) -> Verdict | None:
        """Judge whether these cells prove to use more than the baseline and what is accepted; None where none can."""
        if self._comparison is None or not self._comparison.compared:
            return None
        total = self._comparison.total()
        unsure = (1 + self._accepted) * (total.difference_uncertainty or 0.0)
        over = f"the baseline and the accepted {self._accepted:.0%}, cell by cell."
        if total.excess <= unsure:
            return Verdict(True, f"No proven excess over {over}")
        return Verdict(False, f"Excess: {joules(total.excess, unsure)} above {over}")
