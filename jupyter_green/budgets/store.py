"""The budgets of one ledger as seen by one kernel: budgets in force, their usage, and entries not yet in the ledger.

A budget set here is in force at once. It is entered into the ledger as soon as possible, and the cache file informs
other kernels on this machine. Reading the ledger can be slow, so it happens on a background thread; queries return
what is known so far, and `problem` says why that may be outdated.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal

from jupyter_green.background import BackgroundThread
from jupyter_green.records import EnergyRecord, clock, new_id
from jupyter_green.storage.errors import LedgerError

from .budget import Budget, Override, in_force
from .cache import BudgetCache, CachedBudgets, Owed
from .usage import BudgetUsage, UsageReader

if TYPE_CHECKING:
    from jupyter_green.storage import LedgerEvent


class BudgetStore:
    """Budgets, overrides and usage.

    `simulated`: only simulated records count, instead of only real ones. `value` adds CO2e and cost to a record.
    """

    def __init__(self, ledger: str, *, simulated: bool, value: Callable[[EnergyRecord], EnergyRecord]) -> None:
        self._ledger = ledger
        self._board = BudgetCache(ledger)
        self._spending = UsageReader(ledger, simulated=simulated, value=value)
        self._known = CachedBudgets()
        self._waiting: list[Owed] = []
        self._looking = threading.Lock()
        self._reader: BackgroundThread | None = None
        self._cache_problem: str | None = None
        self._adopt(self._board.read())

    # ---- queries ------------------------------------------------------------------------------

    def budgets(self) -> list[Budget]:
        """Return the budgets in force, of all notebooks and projects; one `stat` of the cache file."""
        if self._board.changed():
            self._adopt(self._board.read())
        return in_force(self._known.budgets, clock.wall())

    def watched(self) -> bool:
        """Whether there may be budgets in force; one `stat` of the cache file."""
        return bool(self._known.budgets) or self._board.changed()

    def overridden(self, budget: Budget) -> Override | None:
        """Return the override in force for a budget; None if there is none."""
        now = clock.wall()
        return next((override for override in reversed(self._known.overrides) if override.holds(budget, now)), None)

    def spent(self, budget: Budget, live: Sequence[EnergyRecord] = ()) -> BudgetUsage:
        """Return the usage of a budget, as far as known; `live` are this kernel's unfinished records."""
        return self._spending.spent(budget, clock.wall(), live)

    @property
    def problem(self) -> str | None:
        """Why the ledger is not available, so that older data is used; None if it is."""
        return self._spending.problem

    @property
    def notice(self) -> str | None:
        """Another notice for the user, one sentence; None if there is none."""
        if self._waiting:
            count = len(self._waiting)
            changes = f"{count} change{'' if count == 1 else 's'} to these budgets"
            return f"{changes} will be logged when the ledger is available again."
        return self._cache_problem

    # ---- changing -----------------------------------------------------------------------------

    def set(self, budget: Budget) -> None:
        """Set a budget, or clear it."""
        self._known.budgets.append(budget)
        place = {"project": budget.project, "notebook": budget.notebook, "made_at": budget.made_at, "id": budget.id}
        # The event has its own place fields, which a remote ledger shortens or hashes.
        document = {key: value for key, value in budget.to_dict().items() if key not in ("project", "notebook")}
        self._post("budget", document, place)

    def override(self, budget: Budget, reason: str, *, cells: int | None = None) -> Override:
        """Suspend a budget until its period ends; one per notebook or project until midnight.

        `cells` is their number, counted by the caller. Raises InvalidLimit if there is no reason.
        """
        now, spent = clock.wall(), self.spent(budget)
        period = {"notebook": "day", "project": "day"}.get(budget.per, budget.per)
        until = Budget(budget.limit, "day" if period == "day" else budget.per, zone=budget.zone).period(now)[1]
        override = Override(budget.id, reason, now, now if cells is not None else until, cells)
        self._known.overrides.append(override)
        document = {**override.to_dict(), "used": spent.amount, "allowed": spent.allowed}
        place = {"project": budget.project, "notebook": budget.notebook, "made_at": now, "id": new_id()}
        self._post("override", document, place)
        return override

    def _post(self, kind: Literal["budget", "override"], document: dict[str, Any], place: dict[str, Any]) -> None:
        self._waiting.append((kind, document, place))
        self.look()

    # ---- reading ------------------------------------------------------------------------------

    def read_journals(self) -> None:
        """Read the journals of this machine."""
        self._spending.read_journals()

    def due(self) -> bool:
        """Whether the ledger should be read."""
        return bool(self._waiting) or self._spending.due(self.budgets(), clock.wall())

    def look(self) -> None:
        """Read the ledger on this thread; if that fails, `problem` says why."""
        try:
            self._look()
        except (LedgerError, ValueError) as error:  # such as a folder at the path of the database file
            self._spending.problem = str(error)
        self._show()

    def read(self, patience: float = 0.0) -> None:
        """Read the ledger on a background thread, and wait for it at most `patience` seconds."""
        if self._reader is None or not self._reader.is_alive():
            if self._reader is not None and self._reader.failure is not None:
                self._spending.problem = f"{type(self._reader.failure).__name__}: {self._reader.failure}"
            self._reader = BackgroundThread(self.look, "budget")
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
                budgets = [budget_of(entry) for entry in ledger.postings("budget")]
                overrides = [Override.from_dict(entry.document) for entry in ledger.postings("override")]
                altered = ledger.notice_of("altered")
            now = clock.wall()
            active = in_force(budgets, now)
            self._spending.look(active, now)
            self._spending.problem = self._spending.problem or altered
            self._adopt(
                CachedBudgets(active, [entry for entry in overrides if entry.until > now], self._spending.bases)
            )

    def _adopt(self, known: CachedBudgets) -> None:
        """Take over the given contents, and keep own entries that are not in the ledger yet."""
        self._add_pending(known.owed)
        ids = {place.get("id") for kind, _, place in self._waiting if kind == "budget"}
        times = {place["made_at"] for kind, _, place in self._waiting if kind == "override"}
        known.budgets += [budget for budget in self._known.budgets if budget.id in ids]
        known.overrides += [override for override in self._known.overrides if override.made_at in times]
        self._known = known
        for key, base in known.bases.items():
            own = self._spending.bases.get(key)
            if own is None or own.read_at < base.read_at:
                self._spending.bases[key] = base

    def _merge(self, others: CachedBudgets) -> None:
        """Add entries that another kernel has written to the cache; entries are only ever added."""
        ids = {budget.id for budget in self._known.budgets}
        overrides = {(override.budget, override.made_at) for override in self._known.overrides}
        self._known.budgets += [budget for budget in others.budgets if budget.id not in ids]
        self._known.overrides += [
            override for override in others.overrides if (override.budget, override.made_at) not in overrides
        ]
        self._add_pending(others.owed)

    def _add_pending(self, owed: Sequence[Owed]) -> None:
        """Add other kernels' pending entries, without duplicates."""
        own = {place["id"] for _, _, place in self._waiting}
        self._waiting += [entry for entry in owed if entry[2]["id"] not in own]

    def _show(self) -> None:
        """Write the cache file for other kernels; if that fails, they see only what is in the ledger."""
        if not (self._known.budgets or self._known.overrides or self._waiting or self._board.path.exists()):
            return  # no budget was ever set: write no file
        if self._board.changed():
            self._merge(self._board.read())
        try:
            bases, owed = dict(self._spending.bases), list(self._waiting)
            self._board.write(CachedBudgets(self._known.budgets, self._known.overrides, bases, owed))
            self._cache_problem = None
        except OSError as error:
            self._cache_problem = f"Other kernels see these budgets later ({error.strerror or error})."


def budget_of(posting: LedgerEvent) -> Budget:
    """Return the budget of a ledger event. Raises ValueError if the event contains none."""
    place = {"id": posting.id, "project": posting.project, "notebook": posting.notebook}
    return Budget.from_dict({**posting.document, **place})
