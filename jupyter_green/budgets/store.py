"""The budgets of one ledger as one kernel knows them: what holds, what is used, and what waits to be entered.

What is set here is in force at once; it is entered into the ledger as soon as that can be, and the board tells the
other kernels of this machine. Reading the ledger may take its time, so it is done on a thread of its own; whoever asks
how a budget stands is told what is known by then, and `problem` says where that is old.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal

from jupyter_green.records import EnergyRecord, clock, new_id
from jupyter_green.storage.errors import LedgerError

from .budget import Budget, Override, in_force
from .cache import BudgetCache, CachedBudgets, Owed
from .usage import BudgetUsage, UsageReader

if TYPE_CHECKING:
    from jupyter_green.storage import LedgerEvent


class BudgetStore:
    """Budgets, overrides and what is used.

    Parameters
    ----------
    ledger : str
        URL of the ledger.
    simulated : bool
        Whether simulated figures count, and they alone.
    value : callable
        Gives a record its CO2e and cost.
    """

    def __init__(self, ledger: str, *, simulated: bool, value: Callable[[EnergyRecord], EnergyRecord]) -> None:
        self._ledger = ledger
        self._board = BudgetCache(ledger)
        self._spending = UsageReader(ledger, simulated=simulated, value=value)
        self._known = CachedBudgets()
        self._waiting: list[Owed] = []
        self._looking = threading.Lock()
        self._reader: threading.Thread | None = None
        self._board_problem: str | None = None
        self._adopt(self._board.read())

    # ---- asking -------------------------------------------------------------------------------

    def budgets(self) -> list[Budget]:
        """Return the budgets in force, wherever they hold; one look at the board's time."""
        if self._board.changed():
            self._adopt(self._board.read())
        return in_force(self._known.budgets, clock.wall())

    def watched(self) -> bool:
        """Whether there may be budgets in force; one look at the board's time."""
        return bool(self._known.budgets) or self._board.changed()

    def overridden(self, budget: Budget) -> Override | None:
        """Return what lifts a budget now."""
        now = clock.wall()
        return next((one for one in reversed(self._known.overrides) if one.holds(budget, now)), None)

    def spent(self, budget: Budget, live: Sequence[EnergyRecord] = ()) -> BudgetUsage:
        """Return how a budget stands, as far as it is known; `live` are this kernel's unsettled records."""
        return self._spending.spent(budget, clock.wall(), live)

    @property
    def problem(self) -> str | None:
        """Why it works on what was last known; None where it doesn't."""
        return self._spending.problem

    @property
    def notice(self) -> str | None:
        """What else a person should know, in one sentence."""
        if self._waiting:
            count = len(self._waiting)
            return f"{count} line{'' if count == 1 else 's'} of these budgets will be logged once the ledger is back."
        return self._board_problem

    # ---- changing -----------------------------------------------------------------------------

    def set(self, budget: Budget) -> None:
        """Set a budget, or clear it."""
        self._known.budgets.append(budget)
        place = {"project": budget.project, "notebook": budget.notebook, "made_at": budget.made_at, "id": budget.id}
        # The place is the posting's own, which a ledger elsewhere keeps in another form.
        document = {key: value for key, value in budget.to_dict().items() if key not in ("project", "notebook")}
        self._post("budget", document, place)

    def override(self, budget: Budget, reason: str, *, cells: int | None = None) -> Override:
        """Set a budget aside until its period ends; one for a notebook or a project until midnight.

        Parameters
        ----------
        budget : Budget
            Which one.
        reason : str
            Why, in the person's own words.
        cells : int, optional
            For so many cells only, which the caller counts.

        Raises
        ------
        BadLimit
            If there is no reason.
        """
        now, spent = clock.wall(), self.spent(budget)
        ends = {"notebook": "day", "project": "day"}.get(budget.per, budget.per)
        until = Budget(budget.limit, "day" if ends == "day" else budget.per, zone=budget.zone).period(now)[1]
        made = Override(budget.id, reason, now, now if cells is not None else until, cells)
        self._known.overrides.append(made)
        document = {**made.to_dict(), "used": spent.amount, "allowed": spent.allowed}
        place = {"project": budget.project, "notebook": budget.notebook, "made_at": now, "id": new_id()}
        self._post("override", document, place)
        return made

    def _post(self, kind: Literal["budget", "override"], document: dict[str, Any], place: dict[str, Any]) -> None:
        self._waiting.append((kind, document, place))
        self.look()

    # ---- reading ------------------------------------------------------------------------------

    def skim(self) -> None:
        """Read the journals of this machine."""
        self._spending.skim()

    def due(self) -> bool:
        """Whether the ledger should be read."""
        return bool(self._waiting) or self._spending.due(self.budgets(), clock.wall())

    def look(self) -> None:
        """Read the ledger now, on this thread; where it can't be, `problem` says why."""
        try:
            self._look()
        except (LedgerError, ValueError) as error:  # a folder may have taken the file's place
            self._spending.problem = str(error)
        self._show()

    def read(self, patience: float = 0.0) -> None:
        """Have the ledger read on a thread of its own, and wait for it so many seconds at most."""
        if self._reader is None or not self._reader.is_alive():
            self._reader = threading.Thread(target=self.look, name="jupyter_green budget", daemon=True)
            self._reader.start()
        if patience:
            self._reader.join(patience)

    def _look(self) -> None:
        from jupyter_green.storage import Ledger

        with self._looking:
            with Ledger(self._ledger) as ledger:
                ledger.require_present()
                while self._waiting:
                    kind, document, place = self._waiting[0]
                    ledger.post(kind, document, **place)
                    self._waiting.pop(0)
                budgets = [budget_of(one) for one in ledger.postings("budget")]
                overrides = [Override.from_dict(one.document) for one in ledger.postings("override")]
                altered = ledger.notice_of("altered")
            now = clock.wall()
            holds = in_force(budgets, now)
            self._spending.look(holds, now)
            self._spending.problem = self._spending.problem or altered
            self._adopt(CachedBudgets(holds, [one for one in overrides if one.until > now], self._spending.bases))

    def _adopt(self, known: CachedBudgets) -> None:
        """Take over what is known and owed elsewhere, and keep what was set here and is not entered yet."""
        self._owe(known.owed)
        ids = {place.get("id") for kind, _, place in self._waiting if kind == "budget"}
        times = {place["made_at"] for kind, _, place in self._waiting if kind == "override"}
        known.budgets += [budget for budget in self._known.budgets if budget.id in ids]
        known.overrides += [one for one in self._known.overrides if one.made_at in times]
        self._known = known
        for key, base in known.bases.items():
            mine = self._spending.bases.get(key)
            if mine is None or mine.read_at < base.read_at:
                self._spending.bases[key] = base

    def _merge(self, others: CachedBudgets) -> None:
        """Take over what another kernel wrote down since: lines are only added, so what is newer holds."""
        budgets = {budget.id for budget in self._known.budgets}
        lifted = {(one.budget, one.made_at) for one in self._known.overrides}
        self._known.budgets += [budget for budget in others.budgets if budget.id not in budgets]
        self._known.overrides += [one for one in others.overrides if (one.budget, one.made_at) not in lifted]
        self._owe(others.owed)

    def _owe(self, owed: Sequence[Owed]) -> None:
        """Take over what another kernel could not enter; entered twice it is kept once."""
        mine = {place["id"] for _, _, place in self._waiting}
        self._waiting += [one for one in owed if one[2]["id"] not in mine]

    def _show(self) -> None:
        """Tell the other kernels of this machine; where the disk refuses, they see the ledger's lines alone."""
        if not (self._known.budgets or self._known.overrides or self._waiting or self._board.path.exists()):
            return  # where nobody ever set a budget, nothing of this is loaded
        if self._board.changed():
            self._merge(self._board.read())
        try:
            bases, owed = dict(self._spending.bases), list(self._waiting)
            self._board.write(CachedBudgets(self._known.budgets, self._known.overrides, bases, owed))
            self._board_problem = None
        except OSError as error:
            self._board_problem = f"Other kernels are not told of these budgets at once ({error.strerror or error})."


def budget_of(posting: LedgerEvent) -> Budget:
    """Return the budget that a posting says.

    Raises
    ------
    ValueError
        If it says none.
    """
    place = {"id": posting.id, "project": posting.project, "notebook": posting.notebook}
    return Budget.from_dict({**posting.document, **place})
