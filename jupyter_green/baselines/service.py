"""The baselines of one notebook, and the one its current run is compared with.

Every method reads or writes the ledger and may wait for a disk or network. So it is called on the user's thread (a
magic) or on a worker thread (the live connection), never while a cell is being metered. The result is `standing`, an
immutable object that is replaced as a whole, so the renderer reads it without a lock. The default selection is the
median of the notebook's last five runs.
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
        The current run; its own records are not part of its history.
    notebook, project : str or None
        Where it runs.

    Attributes
    ----------
    standing : ActiveBaseline or None
        The active baseline as last read; None before the first read.
    """

    def __init__(self, ledger: str, *, run: str, notebook: str | None, project: str | None) -> None:
        self._ledger, self._run = ledger, run
        self._notebook, self._project = notebook, project
        self.standing: ActiveBaseline | None = None
        self._readings, self._newest, self._lock = count(), -1, Lock()

    @property
    def place(self) -> str:
        """Key under which baselines are kept: the notebook, or the project if the notebook is unknown."""
        return self._notebook if self._notebook is not None else f"project {self._project or ''}".strip()

    # ---- reading ------------------------------------------------------------------------------

    def refresh(self) -> ActiveBaseline:
        """Read the active baseline from the ledger.

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
        """Return a kept baseline, or without a name the active one.

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
            active = self._refresh(ledger)
            if active.baseline is None:
                raise BaselineError(
                    active.sentence or "There is nothing to compare with yet: %baseline set keeps this run."
                )
            return active.baseline

    # ---- changing -----------------------------------------------------------------------------

    def keep(self, name: str | None = None, run: str | None = None) -> tuple[Baseline, bool]:
        """Keep a run as a named baseline and, if it is the current run, compare with it.

        Parameters
        ----------
        name : str, optional
            The current time by default.
        run : str, optional
            The current run by default.

        Returns
        -------
        Baseline
            The kept baseline.
        bool
            Whether it replaced another one of that name.

        Raises
        ------
        BaselineError
            If the run has no cell that finished with a reading, or the name is not valid.
        LedgerError
            If the ledger can't be read or written.
        """
        kept_name = chosen_name(name if name is not None else time.strftime("%Y-%m-%d %H:%M:%S"))
        with self._opened() as ledger:
            baseline, replaced = keep_run(ledger, self.place, run or self._run, kept_name)
            if run is None:
                choice = replace(self._choice(ledger), rule="named", name=kept_name)
                ledger.choose(self.place, choice.to_dict())
            self._refresh(ledger)
        return baseline, replaced

    def use(self, what: str, tolerance: float | None = None) -> ActiveBaseline:
        """Compare with a kept baseline, ``last``, ``median``, or a file; stored for this notebook.

        Raises
        ------
        BaselineError
            If there is no such baseline; the selection then stays as it was.
        LedgerError
            If the ledger can't be read or written.
        """
        with self._opened() as ledger:
            selection = self._choice(ledger)
            share = selection.tolerance if tolerance is None else tolerance
            if not math.isfinite(share) or share < 0:
                raise BaselineError("The tolerance is a share of 0 or more, such as 5%.")
            choice = self._chosen(ledger, what.strip(), share)
            ledger.choose(self.place, None if choice == BaselineSelection() else choice.to_dict())
            return self._refresh(ledger)

    def clear(self, name: str | None = None) -> ActiveBaseline:
        """Compare with nothing, or with a name delete that baseline.

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
        """Continue under another notebook name.

        Parameters
        ----------
        notebook : str
            The new name.
        formerly : str, optional
            The old name; its history is then linked to the new name for later runs too.

        Raises
        ------
        LedgerError
            If the ledger can't be read or written; the new name is used anyway.
        """
        self._notebook = notebook
        with self._opened() as ledger:
            if formerly is not None:
                ledger.renamed(formerly, notebook, time.time())
            return self._refresh(ledger)

    # ---- private ------------------------------------------------------------------------------

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
        number = next(self._readings)
        choice = self._choice(ledger)
        runs = [
            run_baseline
            for run in ledger.latest_runs(self._notebook, self._project, but=self._run, most=RUNS)
            if (run_baseline := Baseline.of_run(ledger.finished_cells(run), "last")) is not None
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
        median = Baseline.median(runs)
        if choice.rule == "last":
            baseline = last
        elif choice.rule == "median":
            baseline = median
        if baseline is not None and baseline.kind != "median" and median is not None:
            baseline = baseline.steadied(median)
        active = ActiveBaseline(choice, baseline, last, sentence)
        with self._lock:
            # Keep the result of a thread that began to read later than this one: it is newer.
            if number > self._newest:
                self._newest, self.standing = number, active
        return active


def keep_run(ledger: Ledger, place: str, run: str, name: str) -> tuple[Baseline, bool]:
    """Keep a run of the ledger as a named baseline.

    Returns
    -------
    Baseline
        The kept baseline.
    bool
        Whether it replaced another one of that name.

    Raises
    ------
    BaselineError
        If the run has no cell that finished with a reading, or the name is not valid.
    LedgerError
        If the ledger can't be read or written.
    """
    baseline = Baseline.of_run(ledger.finished_cells(run), "named", name)
    if baseline is None and ledger.read_only:  # the current run's records were never written
        raise BaselineError(f"This run can't be kept: {' '.join(ledger.notices)}")
    if baseline is None:
        raise BaselineError("This run has no cell yet that finished with a reading; run the cells first, then keep it.")
    try:
        replaced = ledger.keep_baseline(
            place, name, head=baseline.head(), document=baseline.to_dict(), made_at=baseline.made_at or 0.0
        )
    except ValueError as error:
        raise BaselineError(str(error)) from None
    return baseline, replaced


def forget(ledger: Ledger, place: str, name: str) -> bool:
    """Delete a kept baseline; return whether there was one. If it was selected, the selection returns to the default.

    Raises
    ------
    LedgerError
        If the ledger can't be read or written.
    """
    deleted = ledger.forget_baseline(place, name)
    choice = BaselineSelection.from_dict(ledger.choice(place))
    if deleted and choice.rule == "named" and choice.name == name:
        ledger.choose(place, None)
    return deleted


def _unknown(name: str, ledger: Ledger, place: str) -> str:
    names = [kept.name for kept in ledger.baselines(place)]
    advice = f"there are {', '.join(map(repr, names[:5]))}" if names else "%baseline set NAME keeps this run as one"
    return f"There is no baseline {name!r} of this notebook; {advice}."
