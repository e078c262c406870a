"""Sets, overrides and clears the budgets of one shell, and returns what to print.

``%budget`` and requests from the page use the same functions and get the same sentences. Functions may be called on
any thread; the page's requests run on their own thread, because writing to the ledger is slow.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from jupyter_green.records import clock
from jupyter_green.session import Session

from .guard import BudgetGuard

if TYPE_CHECKING:
    from jupyter_green.budgets.budget import Budget, Covers, Per
    from jupyter_green.budgets.limit import Limit
    from jupyter_green.budgets.usage import BudgetUsage

PERS = ("day", "week", "month", "notebook", "project")


class BudgetCommands:
    """Changes and reports the budgets of one shell; `session` returns the session of this process."""

    def __init__(self, gate: BudgetGuard, session: Callable[[], Session]) -> None:
        self._gate, self._session = gate, session
        self.changes = 0
        """Number of changes made here."""

    # ---- telling ------------------------------------------------------------------------------

    def told(self) -> list[dict[str, Any]]:
        """Return the usage of each budget as the live frame holds it; reads only this machine's journals."""
        budgets = self._gate.budgets()
        if not budgets:
            return []
        from jupyter_green.budgets.messages import told

        store = self._gate.budget_store
        store.read_journals()
        return [told(self._gate.standing(budget), store.overridden(budget), store.problem) for budget in budgets]

    # ---- changing -----------------------------------------------------------------------------

    def set(
        self,
        amount: str,
        per: str | None,
        covers: str,
        *,
        zone: str | None = None,
        carry: bool = False,
        stop: bool = False,
        until: Callable[[float], float | None] = lambda _now: None,
    ) -> list[str]:
        """Set a budget; replaces the one with the same period and scope.

        `until` takes the current time and returns when the budget ends, both in seconds since 1970; None: never. Raises
        InvalidLimit if it is invalid, or can't be computed with the present settings.
        """
        from jupyter_green.budgets.budget import Budget
        from jupyter_green.budgets.limit import InvalidLimit, Limit
        from jupyter_green.budgets.messages import basis

        limit = Limit.parse(amount)
        if per is None:
            raise InvalidLimit(f"Add a period or scope: %budget {amount} --per {'|'.join(PERS)}.")
        self._check(limit)
        settings = self._session().settings
        if per == "notebook" and settings.notebook is None:
            raise InvalidLimit(
                "The notebook's name is not known here, so it can't have a budget; give one --per project."
            )
        now = clock.wall()
        budget = Budget(
            limit,
            cast("Per", per),  # Budget checks the value
            cast("Covers", covers),
            zone=zone,
            carry=carry,
            stop=stop,
            until=until(now),
            project=settings.project if per in ("project", "notebook") else None,
            notebook=settings.notebook if per == "notebook" else None,
            made_at=now,
        )
        before = self._of(per)
        if before is not None and budget.project is not None:
            budget = replace(budget, since=before.since or before.made_at)
        self._gate.budget_store.set(budget)
        self.changes += 1
        spent, problem = self._gate.standing(budget), self._gate.budget_store.problem
        return [f"{entered(budget, spent, before)}{basis(problem, spent.read_at)}", *self._notice()]

    def ask(self, action: str, *, per: str, amount: str, covers: str, reason: str) -> str:
        """Apply a request from the page: set, clear or override. Options that the page does not send are kept.

        `per`, `amount`, `covers` and `reason` are as typed; empty if not used. Raises InvalidLimit if the request is
        invalid.
        """
        if action != "set":
            return " ".join(self.clear(per) if action == "clear" else self.override(reason))
        before = self._of(per)
        if before is None:
            return " ".join(self.set(amount, per, covers))
        zone, carry, stop, until = before.zone, before.carry, before.stop, before.until
        return " ".join(self.set(amount, per, covers, zone=zone, carry=carry, stop=stop, until=lambda _now: until))

    def clear(self, per: str | None = None) -> list[str]:
        """Clear all budgets that apply here, or those over `per`. Raises InvalidLimit if there is none."""
        from jupyter_green.budgets.limit import InvalidLimit
        from jupyter_green.records import new_id

        budgets = [budget for budget in self._gate.budgets() if per in (None, budget.per)]
        if not budgets:
            raise InvalidLimit(
                f"No budget{'' if per is None else f' per {per}'} is set here, so there is none to clear."
            )
        for budget in budgets:
            self._gate.budget_store.set(replace(budget, limit=None, until=None, made_at=clock.wall(), id=new_id()))
        self.changes += 1
        return [*(f"The budget of {budget.name} is cleared." for budget in budgets), *self._notice()]

    def override(self, reason: str) -> list[str]:
        """Override the budgets that are used up.

        Raises InvalidLimit if the reason is empty, or no budget is used up.
        """
        from jupyter_green.budgets.limit import InvalidLimit

        if not reason.strip():
            raise InvalidLimit('An override needs a reason, such as: %budget override "the demo is at noon".')
        store = self._gate.budget_store
        store.read_journals()
        used_up = [b for b in self._gate.budgets() if self._gate.standing(b).share >= 1 and store.overridden(b) is None]
        if not used_up:
            raise InvalidLimit("No budget is used up here, so there is nothing to override.")
        messages = []
        for budget in used_up:
            override = store.override(budget, reason.strip())
            messages.append(
                f"The budget of {budget.name} is overridden until {when(override.until)}: {reason.strip()}."
            )
        self.changes += 1
        return [*messages, *self._notice()]

    # ---- inside -------------------------------------------------------------------------------

    def _of(self, per: str) -> Budget | None:
        return next((budget for budget in self._gate.budgets() if budget.per == per), None)

    def _check(self, limit: Limit) -> None:
        """Raise InvalidLimit if the quantity can't be computed with the present settings."""
        from jupyter_green.budgets.limit import InvalidLimit

        valuation = self._session().settings.valuation
        tariff = valuation.tariff
        if limit.quantity == "co2e" and valuation.intensity is None:
            raise InvalidLimit("CO2e needs a region first: %config JupyterGreen.region = 'FRA'.")
        if limit.quantity == "money" and tariff is None:
            raise InvalidLimit(
                f"Money needs a tariff first: %config JupyterGreen.tariff = '0.25 {limit.currency}/kWh'."
            )
        if limit.quantity == "money" and tariff is not None and tariff.currency != limit.currency:
            raise InvalidLimit(
                f"The tariff is in {tariff.currency} and the budget in {limit.currency}; nothing is "
                "converted here, so write both in one currency."
            )

    def _notice(self) -> list[str]:
        notice = self._gate.budget_store.notice
        return [notice] if notice else []


def entered(budget: Budget, spent: BudgetUsage, before: Budget | None = None) -> str:
    """Return a sentence on a new budget: usage, what counts, what happens, and which one it replaces."""
    from jupyter_green.budgets.messages import used

    counts = {
        "inference": "Inference is counted (cells that generate or evaluate a model, or are labelled so)",
        "training": "Training is counted (cells that run a backward pass, or are labelled so)",
        "all": "Every metered cell is counted",
    }[budget.covers]
    effect = "interrupts the running cell" if budget.stop else "lets the running cell finish"
    replaced = "" if before is None else f", in place of {before.name}"
    return (
        f"Budget of {budget.name}{replaced}: {used(spent)}. {counts}. It warns at 80 %, asks at 100 %, then blocks "
        f"further metered cells, and {effect}."
    )


def when(seconds: float) -> str:
    """Format a time (seconds since 1970) as local date and minute; a dash for infinity."""
    if seconds == float("inf"):
        return "–"
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds))
