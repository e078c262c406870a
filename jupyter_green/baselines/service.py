"""The baselines of one notebook, and the one its run is compared with.

Every method reads or writes the ledger, so it may wait for a disk or a network: it is called on the person's own
thread (a magic) or on one made for it (the live link), never on a cell's path. What came of it is `standing`, one
object that is replaced as a whole, so that whoever draws figures reads it without waiting for anybody. Nobody's choice
means: the median of the notebook's last five runs.
"""

from __future__ import annotations

import math
import time
from dataclasses import replace
from itertools import count
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

from .baseline import RUNS, Baseline
from .selection import ActiveBaseline, BaselineError, BaselineSelection, chosen_name, read_file

if TYPE_CHECKING:
    from jupyter_green.storage import Ledger


class BaselineService:
    """Baselines of a notebook.

    Parameters
    ----------
    ledger : str
        URL of the ledger.
    run : str
        The run that is compared; its own records are no history.
    notebook, project : str or None
        Where it runs.

    Attributes
    ----------
    standing : ActiveBaseline or None
        As of the last reading; None before the first.
    """

    def __init__(self, ledger: str, *, run: str, notebook: str | None, project: str | None) -> None:
        self._ledger, self._run = ledger, run
        self._notebook, self._project = notebook, project
        self.standing: ActiveBaseline | None = None
        self._readings, self._newest, self._lock = count(), -1, Lock()

    @property
    def place(self) -> str:
        """What baselines are kept for: the notebook, or where that is not known the project."""
        return self._notebook if self._notebook is not None else f"project {self._project or ''}".strip()

    # ---- asking -------------------------------------------------------------------------------

    def refresh(self) -> ActiveBaseline:
        """Read what the run is compared with.

        Raises
        ------
        LedgerError
            If the ledger can't be read.
        """
        with self._opened() as ledger:
            return self._refresh(ledger)

    def heads(self) -> list[dict[str, Any]]:
        """Return the kept baselines without their cells, newest first; raises LedgerError."""
        with self._opened() as ledger:
            return [{**kept.head, "notebook": kept.notebook} for kept in ledger.baselines(self.place)]

    def show(self, name: str | None = None) -> Baseline:
        """Return a kept baseline, or without a name the one in use.

        Raises
        ------
        BaselineError
            If there is none.
        LedgerError
            If the ledger can't be read.
        """
        with self._opened() as ledger:
            if name is not None:
                return self._named(ledger, name)
            found = self._refresh(ledger)
            if found.baseline is None:
                raise BaselineError(
                    found.sentence or "There is nothing to compare with yet: %baseline set keeps this run."
                )
            return found.baseline

    # ---- changing -----------------------------------------------------------------------------

    def keep(self, name: str | None = None, run: str | None = None) -> tuple[Baseline, bool]:
        """Keep a run as a named baseline and compare with it; return it, and whether it replaced another.

        Parameters
        ----------
        name : str, optional
            By default the time.
        run : str, optional
            By default this one.

        Raises
        ------
        BaselineError
            If the run has no cell that finished with a reading, or the name is none.
        LedgerError
            If the ledger can't be read or written.
        """
        chosen = chosen_name(name if name is not None else time.strftime("%Y-%m-%d %H:%M:%S"))
        with self._opened() as ledger:
            made, replaced = keep_run(ledger, self.place, run or self._run, chosen)
            if run is None:
                choice = replace(self._choice(ledger), rule="named", name=chosen)
                ledger.choose(self.place, choice.to_dict())
            self._refresh(ledger)
        return made, replaced

    def use(self, what: str, tolerance: float | None = None) -> ActiveBaseline:
        """Compare with a kept baseline, ``last``, ``median``, or a file; remembered for this notebook.

        Raises
        ------
        BaselineError
            If there is no such baseline; what is compared with stays as it is then.
        LedgerError
            If the ledger can't be read or written.
        """
        with self._opened() as ledger:
            before = self._choice(ledger)
            accepted = before.tolerance if tolerance is None else tolerance
            if not math.isfinite(accepted) or accepted < 0:
                raise BaselineError("The tolerance is a share of 0 or more, such as 5%.")
            choice = self._chosen(ledger, what.strip(), accepted)
            ledger.choose(self.place, None if choice == BaselineSelection() else choice.to_dict())
            return self._refresh(ledger)

    def clear(self, name: str | None = None) -> ActiveBaseline:
        """Compare with nothing; with a name delete that baseline instead.

        Raises
        ------
        BaselineError
            If there is no baseline of that name.
        LedgerError
            If the ledger can't be read or written.
        """
        with self._opened() as ledger:
            if name is None:
                ledger.choose(self.place, replace(self._choice(ledger), rule="none", name=None).to_dict())
            elif not forget(ledger, self.place, name):
                raise BaselineError(_unknown(name, ledger, self.place))
            return self._refresh(ledger)

    def rename(self, notebook: str, formerly: str | None = None) -> ActiveBaseline:
        """Go on under another name.

        Parameters
        ----------
        notebook : str
            What the notebook is called from here on.
        formerly : str, optional
            What it was called until now; what it had under that name stays its own, for later runs as well.

        Raises
        ------
        LedgerError
            If the ledger can't be read or written; the name is the new one all the same.
        """
        self._notebook = notebook
        with self._opened() as ledger:
            if formerly is not None:
                ledger.renamed(formerly, notebook, time.time())
            return self._refresh(ledger)

    # ---- inside -------------------------------------------------------------------------------

    def _opened(self) -> Ledger:
        from jupyter_green.storage import Ledger

        return Ledger(self._ledger)

    def _choice(self, ledger: Ledger) -> BaselineSelection:
        return BaselineSelection.from_dict(ledger.choice(self.place))

    def _chosen(self, ledger: Ledger, what: str, tolerance: float) -> BaselineSelection:
        if what in ("median", "last"):
            return BaselineSelection("median" if what == "median" else "last", None, tolerance)
        try:
            self._named(ledger, what)
        except BaselineError:
            path = Path(what).expanduser()
            if not path.suffix and not path.exists():
                raise
            read_file(path)
            return BaselineSelection("file", str(path.resolve()), tolerance)
        return BaselineSelection("named", what, tolerance)

    def _named(self, ledger: Ledger, name: str) -> Baseline:
        document = ledger.baseline(self.place, name)
        if document is None:
            raise BaselineError(_unknown(name, ledger, self.place))
        try:
            return Baseline.from_dict(document, "named", name)
        except ValueError as error:
            raise BaselineError(f"The baseline {name!r} can't be read: {error}.") from None

    def _refresh(self, ledger: Ledger) -> ActiveBaseline:
        reading = next(self._readings)
        choice = self._choice(ledger)
        runs = [
            made
            for run in ledger.latest_runs(self._notebook, self._project, but=self._run, most=RUNS)
            if (made := Baseline.of_run(ledger.finished_cells(run), "last")) is not None
        ]
        last = runs[0] if runs else None
        baseline, sentence = None, None
        try:
            if choice.rule == "named":
                baseline = self._named(ledger, choice.name or "")
            elif choice.rule == "file":
                baseline = read_file(Path(choice.name or ""))
        except BaselineError as error:
            sentence = str(error)
        usual = Baseline.median(runs)
        if choice.rule == "last":
            baseline = last
        elif choice.rule == "median":
            baseline = usual
        if baseline is not None and baseline.kind != "median" and usual is not None:
            baseline = baseline.steadied(usual)
        found = ActiveBaseline(choice, baseline, last, sentence)
        with self._lock:
            # Another thread may have begun to read after this one, what was chosen meanwhile: that stays.
            if reading > self._newest:
                self._newest, self.standing = reading, found
        return found


def keep_run(ledger: Ledger, place: str, run: str, name: str) -> tuple[Baseline, bool]:
    """Keep a run of the ledger as a named baseline; return it, and whether it replaced another.

    Raises
    ------
    BaselineError
        If the run has no cell that finished with a reading, or the name is none.
    LedgerError
        If the ledger can't be read or written.
    """
    made = Baseline.of_run(ledger.finished_cells(run), "named", name)
    if made is None and ledger.read_only:  # what this run used can't have reached it
        raise BaselineError(f"This run can't be kept: {' '.join(ledger.notices)}")
    if made is None:
        raise BaselineError("This run has no cell yet that finished with a reading; run the cells first, then keep it.")
    try:
        replaced = ledger.keep_baseline(
            place, name, head=made.head(), document=made.to_dict(), made_at=made.made_at or 0.0
        )
    except ValueError as error:
        raise BaselineError(str(error)) from None
    return made, replaced


def forget(ledger: Ledger, place: str, name: str) -> bool:
    """Delete a kept baseline; return whether there was one. What was compared with it has the usual one then.

    Raises
    ------
    LedgerError
        If the ledger can't be read or written.
    """
    found = ledger.forget_baseline(place, name)
    choice = BaselineSelection.from_dict(ledger.choice(place))
    if found and choice.rule == "named" and choice.name == name:
        ledger.choose(place, None)
    return found


def _unknown(name: str, ledger: Ledger, place: str) -> str:
    known = [kept.name for kept in ledger.baselines(place)]
    may = f"there are {', '.join(map(repr, known[:5]))}" if known else "%baseline set NAME keeps this run as one"
    return f"There is no baseline {name!r} of this notebook; {may}."
