"""``%budget``: set a budget, show its usage, override it with a reason."""

from __future__ import annotations

import argparse
import shlex
from datetime import date
from typing import TYPE_CHECKING, Any, NoReturn

from IPython.core.error import UsageError
from IPython.core.magic import line_magic, magics_class, no_var_expand

from jupyter_green.magics.base import CellMagics
from jupyter_green.magics.cells.cell_meter import CellMeter
from jupyter_green.reporting.text_table import TextTable

from .commands import PERS, BudgetCommands, when
from .guard import HOLD, BudgetGuard

if TYPE_CHECKING:
    from jupyter_green.budgets.budget import Budget
    from jupyter_green.records import Purpose

USAGE = (
    "AMOUNT --per day|week|month|notebook|project [--inference | --training] [--zone NAME] [--carry] [--stop] "
    "[--until DATE] | override REASON | as inference|training|other|auto | clear [--per …] | log"
)
WIDEST = 160


class _Options(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(f"%budget: {message}; it takes {USAGE}.")


@magics_class
class BudgetMagics(CellMagics):
    """The budget magic of one shell."""

    def __init__(self, shell: Any, cells: CellMeter, gate: BudgetGuard, budget_commands: BudgetCommands) -> None:
        super().__init__(shell, cells)
        self.gate, self.budget_commands = gate, budget_commands
        # Not a decorated magic: it is inserted before cells, never typed.
        self.magics["line"][HOLD] = cells.start

    @no_var_expand
    @line_magic
    def budget(self, line: str) -> TextTable | None:
        """Set an energy, CO2e or money budget, and show its usage.

        ::

            %budget                           usage of each budget
            %budget 50Wh --per day            warns at 80 %, asks at 100 %, then blocks further metered cells
            %budget 200g --per month          CO2e (with a region); 3EUR: money (with a tariff)
            %budget 1kWh --per project        also: notebook, week
            %budget 50Wh --per day --inference   counts inference only; --training: training; default: every cell
            %budget 50Wh --per day --carry    adds what was left of the day before
            %budget 50Wh --per day --stop     also interrupts a running cell, at its next heartbeat
            %budget … --zone Europe/Zurich    days in that time zone; --until 2027-01-31: the last day
            %budget override "REASON"         continue until the period ends; the reason is logged
            %budget as inference              purpose of all following cells (training, other; auto: detect it)
            %budget clear [--per day]         remove budgets
            %budget log                       changes and overrides, with reasons

        Inference is detected when a model generates or evaluates, training when a backward pass runs. A cell's label
        (``%%energy -l inference``) takes precedence.
        """
        from jupyter_green.budgets.limit import InvalidLimit

        try:
            words = shlex.split(line)
        except ValueError as error:
            raise UsageError(f"%budget: {error}; put a reason in quotes.") from None
        try:
            if not words:
                return self._standing()
            if words[0] == "log":
                return self._log(words[1:])
            command = {"override": self._override, "as": self._as, "clear": self._clear}.get(words[0])
            if command is None:
                self._set(words)
            else:
                command(words[1:])
            return None
        except InvalidLimit as error:
            raise UsageError(f"%budget: {error}") from None

    # ---- queries ------------------------------------------------------------------------------

    def _standing(self) -> TextTable:
        from jupyter_green.budgets.messages import basis, unknown, used

        self.session.settle()
        self.gate.budget_store.look()
        budgets = self.gate.budgets()
        if not budgets:
            return TextTable(f"No budget is set here. %budget takes {USAGE}.")
        problem, rows, notices = self.gate.budget_store.problem, [], []
        for budget in budgets:
            spent = self.gate.standing(budget)
            lifted = self.gate.budget_store.overridden(budget)
            state = "blocked" if spent.share >= 1 else "nearly used up" if spent.share >= 0.8 else ""
            how = f"overridden until {when(lifted.until)}: {lifted.reason}" if lifted is not None else state
            rows.append((budget.name, used(spent), when(spent.end), how))
            notices.append(unknown(spent).strip())
            notices.append(basis(problem, spent.read_at).strip())
        separate = any(each_budget.covers != "all" for each_budget in budgets)
        split_note = "Inference and training are distinguished since the first budget was set." if separate else ""
        count = f"{len(budgets)} budget{'' if len(budgets) == 1 else 's'} here."
        notes = [count, split_note, *dict.fromkeys(notices), self.gate.budget_store.notice or ""]
        return TextTable(" ".join(note for note in notes if note), ("budget", "used", "until", ""), rows, widest=WIDEST)

    def _log(self, words: list[str]) -> TextTable:
        if words:
            raise UsageError("%budget log takes no arguments.")
        from jupyter_green.budgets.store import budget_of
        from jupyter_green.storage import Ledger, LedgerError

        try:
            with Ledger(self.session.settings.ledger) as ledger:
                events = [event for event in ledger.postings() if event.kind in ("budget", "override")]
            budgets = {event.id: budget_of(event) for event in events if event.kind == "budget"}
        except (LedgerError, ValueError) as error:
            raise UsageError(f"%budget log: {error}") from None
        rows = []
        for event in events:
            if event.kind == "budget":
                budget = budgets[event.id]
                what = "cleared" if budget.limit is None else "set"
                rows.append((when(event.made_at), what, _called(budget), ""))
            else:
                about = budgets.get(str(event.document.get("budget")))
                reason = str(event.document.get("reason") or "withheld")
                rows.append((when(event.made_at), "overridden", "" if about is None else _called(about), reason))
        if not rows:
            return TextTable("No budget was ever set in this ledger.")
        return TextTable(
            f"{len(rows)} line{'' if len(rows) == 1 else 's'}, oldest first.",
            ("when", "", "budget", "reason"),
            rows,
            widest=WIDEST,
        )

    # ---- changes ------------------------------------------------------------------------------

    def _set(self, words: list[str]) -> None:
        if words[0][:1] == "-" and words[0][1:2].isdecimal():
            words = [f" {words[0]}", *words[1:]]  # a negative amount, not an option
        options = _parser().parse_args(words)
        _say(
            self.budget_commands.set(
                " ".join(options.amount),
                options.per,
                "inference" if options.inference else "training" if options.training else "all",
                zone=options.zone,
                carry=options.carry,
                stop=options.stop,
                until=lambda now: _end(options.until, options.zone, now),
            )
        )

    def _override(self, words: list[str]) -> None:
        _say(self.budget_commands.override(" ".join(words)))

    def _as(self, words: list[str]) -> None:
        from jupyter_green.budgets.budget import PURPOSES

        purposes: dict[str, Purpose] = {purpose: purpose for purpose in PURPOSES}
        if len(words) != 1 or (words[0] not in purposes and words[0] != "auto"):
            raise UsageError(f"%budget as takes one of {', '.join(PURPOSES)} or auto.")
        self.gate.always = purposes.get(words[0])
        counted_as = "what they are found to do" if words[0] == "auto" else words[0]
        print(f"Cells from the next one on count as {counted_as}.")

    def _clear(self, words: list[str]) -> None:
        parser = _Options(prog="%budget clear", add_help=False, allow_abbrev=False)
        parser.add_argument("--per", choices=PERS)
        _say(self.budget_commands.clear(parser.parse_args(words).per))


def _parser() -> _Options:
    parser = _Options(prog="%budget", add_help=False, allow_abbrev=False)
    parser.add_argument("amount", nargs="+")
    parser.add_argument("--per", choices=PERS)
    purpose = parser.add_mutually_exclusive_group()
    for option in ("--all", "--training", "--inference"):
        purpose.add_argument(option, action="store_true")
    parser.add_argument("--zone")
    parser.add_argument("--until")
    for option in ("--carry", "--stop"):
        parser.add_argument(option, action="store_true")
    return parser


def _end(text: str | None, zone: str | None, now: float) -> float | None:
    """Return the end of a budget's last day in seconds since 1970; None without one."""
    from datetime import timedelta

    from jupyter_green.budgets.budget import midnight, zone_of
    from jupyter_green.budgets.limit import InvalidLimit

    if text is None:
        return None
    try:
        last = date.fromisoformat(text)
    except ValueError:
        raise InvalidLimit(f"{text!r} is not a date; write it like 2027-01-31.") from None
    end = midnight(last + timedelta(days=1), zone_of(zone))
    if end <= now:
        raise InvalidLimit(f"{text} is in the past; the last day of a budget must be in the future.")
    return end


def _say(sentences: list[str]) -> None:
    for sentence in sentences:
        print(sentence)


def _called(budget: Budget) -> str:
    return f"per {budget.per}" if budget.limit is None else budget.name
