"""Sets, lifts and clears the budgets that hold for one shell, and says in sentences what came of it.

A line that is typed and a wish from the page do the same and hear the same. Whoever asks may be on any thread: entering
a line into the ledger takes its time, so the page's wishes are done on a thread of their own.
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
    """Changes the budgets of one shell, and tells how they stand.

    Parameters
    ----------
    gate : BudgetGuard
        What holds the shell's cells to them.
    session : callable
        Returns the session of this process.
    """

    def __init__(self, gate: BudgetGuard, session: Callable[[], Session]) -> None:
        self._gate, self._session = gate, session
        self.changes = 0
        """How often something was changed here."""

    # ---- telling ------------------------------------------------------------------------------

    def told(self) -> list[dict[str, Any]]:
        """Return how each budget here stands, as the page is told; nothing is read but this machine's journals."""
        budgets = self._gate.budgets()
        if not budgets:
            return []
        from jupyter_green.budgets.messages import told

        purse = self._gate.purse
        purse.skim()
        return [told(self._gate.standing(one), purse.overridden(one), purse.problem) for one in budgets]

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
        """Set a budget; it takes the place of the one of the same place.

        Parameters
        ----------
        amount : str
            Such as ``"50Wh"``.
        per, covers : str
            Over what, and what counts.
        zone, carry, stop
            As in `Budget`.
        until : callable
            Returns when it ends, in seconds since 1970, given now.

        Raises
        ------
        BadLimit
            If it makes no sense, or could never be told here.
        """
        from jupyter_green.budgets.budget import Budget
        from jupyter_green.budgets.limit import InvalidLimit, Limit
        from jupyter_green.budgets.messages import basis

        limit = Limit.parse(amount)
        if per is None:
            raise InvalidLimit(f"Say over what: %budget {amount} --per {'|'.join(PERS)}.")
        self._check(limit)
        settings = self._session().settings
        if per == "notebook" and settings.notebook is None:
            raise InvalidLimit(
                "The notebook's name is not known here, so it can't have a budget; give one --per project."
            )
        now = clock.wall()
        budget = Budget(
            limit,
            cast("Per", per),  # another one is refused there
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
        self._gate.purse.set(budget)
        self.changes += 1
        spent, problem = self._gate.standing(budget), self._gate.purse.problem
        return [f"{entered(budget, spent, before)}{basis(problem, spent.read_at)}", *self._notice()]

    def ask(self, action: str, *, per: str, amount: str, covers: str, reason: str) -> str:
        """Do what a page asks; what it has no field for stays as it was.

        Parameters
        ----------
        action : {"set", "clear", "override"}
            What to do.
        per, amount, covers, reason : str
            As typed; empty where it does not matter.

        Raises
        ------
        BadLimit
            If it makes no sense.
        """
        if action != "set":
            return " ".join(self.clear(per) if action == "clear" else self.override(reason))
        before = self._of(per)
        if before is None:
            return " ".join(self.set(amount, per, covers))
        zone, carry, stop, until = before.zone, before.carry, before.stop, before.until
        return " ".join(self.set(amount, per, covers, zone=zone, carry=carry, stop=stop, until=lambda _now: until))

    def clear(self, per: str | None = None) -> list[str]:
        """Clear the budgets here, or the one over this.

        Raises
        ------
        BadLimit
            If there is none.
        """
        from jupyter_green.budgets.limit import InvalidLimit
        from jupyter_green.records import new_id

        found = [budget for budget in self._gate.budgets() if per in (None, budget.per)]
        if not found:
            raise InvalidLimit(
                f"No budget{'' if per is None else f' per {per}'} holds here, so there is none to clear."
            )
        for budget in found:
            self._gate.purse.set(replace(budget, limit=None, until=None, made_at=clock.wall(), id=new_id()))
        self.changes += 1
        return [*(f"The budget of {budget.name} is cleared." for budget in found), *self._notice()]

    def override(self, reason: str) -> list[str]:
        """Set aside the budgets that are used up.

        Raises
        ------
        BadLimit
            If there is no reason, or nothing to set aside.
        """
        from jupyter_green.budgets.limit import InvalidLimit

        if not reason.strip():
            raise InvalidLimit('An override needs a reason, such as: %budget override "the demo is at noon".')
        purse = self._gate.purse
        purse.skim()
        over = [b for b in self._gate.budgets() if self._gate.standing(b).share >= 1 and purse.overridden(b) is None]
        if not over:
            raise InvalidLimit("No budget is used up here, so there is nothing to override.")
        said = []
        for budget in over:
            made = purse.override(budget, reason.strip())
            said.append(f"The budget of {budget.name} is set aside until {when(made.until)}: {reason.strip()}.")
        self.changes += 1
        return [*said, *self._notice()]

    # ---- inside -------------------------------------------------------------------------------

    def _of(self, per: str) -> Budget | None:
        return next((one for one in self._gate.budgets() if one.per == per), None)

    def _check(self, limit: Limit) -> None:
        """Refuse what could never be told here."""
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
        notice = self._gate.purse.notice
        return [notice] if notice else []


def entered(budget: Budget, spent: BudgetUsage, before: Budget | None = None) -> str:
    """Say what a new budget counts, what it does, and which one it takes the place of."""
    from jupyter_green.budgets.messages import used

    counts = {
        "inference": "Inference is counted (cells that generate or evaluate a model, or are labelled so)",
        "training": "Training is counted (cells whose loss goes backward, or that are labelled so)",
        "all": "Every metered cell is counted",
    }[budget.covers]
    ways = "interrupts what runs" if budget.stop else "lets what runs finish"
    other = "" if before is None else f", in place of {before.name}"
    return (
        f"Budget of {budget.name}{other}: {used(spent)}. {counts}. It warns at 80 %, asks at 100 %, then holds further "
        f"metered cells back, and {ways}."
    )


def when(seconds: float) -> str:
    """Write a moment, or a dash where it never comes."""
    if seconds == float("inf"):
        return "–"
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds))
