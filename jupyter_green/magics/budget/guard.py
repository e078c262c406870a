"""Enforces budgets: checks them at the start of a cell and at its heartbeats; warns, prompts, and blocks cells.

The check runs as a statement inserted before the cell's own code (`cell_start`), which raises a UsageError to block
the cell. It can't run in a callback: reading may be slow, prompting is only possible while the cell runs, and an
interrupt during the check must stop the cell.

Without budgets the cost is one file check per cell, and no budget module is imported. With budgets the journals are
read, which takes some milliseconds. The ledger is read on its own thread; a cell waits for it at most half a second.
"""

from __future__ import annotations

import _thread
import contextlib
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from IPython.core.error import StdinNotImplementedError

from jupyter_green.magics.cells.source_hash import code_hash
from jupyter_green.records import EnergyRecord, Purpose, clock
from jupyter_green.session import Session, Window
from jupyter_green.storage.location import board

if TYPE_CHECKING:
    from jupyter_green.budgets.budget import Budget
    from jupyter_green.budgets.store import BudgetStore
    from jupyter_green.budgets.usage import BudgetUsage
    from jupyter_green.session.workload.purpose import WorkloadDetector

HOLD = "_budget_hold"
PATIENCE_SECONDS = 0.5
"""Longest wait for the ledger at the start of a cell."""
SETTLE_SECONDS = 0.1
"""Longest wait, after the previous cell's end, for its record to be final, so that the sum includes it."""
ANSWER_SECONDS = 60.0
"""Longest wait for the answer to a prompt."""
Verdict = Literal["run", "ask", "hold"]


@dataclass
class Cell:
    """A running cell."""

    window: Window
    watch: WorkloadDetector
    """Detects whether it trains or infers."""
    said: Purpose | None
    """Purpose set by its label or by ``%budget as``."""
    thread: int
    """Identity of the thread that runs it."""
    expected: Purpose
    """Purpose assumed before it ran."""
    held: bool = False
    """Whether a budget blocked it."""
    stopped: BudgetUsage | None = None
    """The budget that interrupted it."""

    @property
    def purpose(self) -> Purpose:
        """The best known purpose: set by the user, else detected; for a blocked cell the expected one."""
        return (
            named(self.window.facts.get("label")) or self.said or (self.expected if self.held else self.watch.purpose)
        )


class BudgetGuard:
    """Enforces the budgets of a ledger on the cells of one shell.

    `session` returns the session of this process.
    """

    def __init__(self, shell: Any, session: Callable[[], Session]) -> None:
        self._shell, self._session = shell, session
        self._budget_store: BudgetStore | None = None
        self._board: Path | None = None
        self._followed: Session | None = None
        self._cells: dict[str, Cell] = {}
        self._unsettled: dict[str, tuple[Window, Purpose]] = {}
        self._told: set[tuple[str, float, str]] = set()
        self._untold: dict[str, Cell] = {}
        self._by_code: dict[str, Purpose] = {}
        self._here: list[Budget] = []  # at the start of the last cell
        self._stop: Callable[[], None] | None = None
        self.always: Purpose | None = None
        """Purpose of all following cells, set by ``%budget as``; None to detect it."""

    # ---- life ---------------------------------------------------------------------------------

    def follow(self, session: Session) -> None:
        """Follow a session: read the budget cache, and the ledger only if there are budgets."""
        if self._stop is not None:
            self._stop()
        self._budget_store, self._followed, self._board = None, session, board(session.settings.ledger)
        self._stop = session.listen(self._heard)
        if self.budgets():
            self.budget_store.read()

    def close(self) -> None:
        """Stop following the session and its cells."""
        if self._stop is not None:
            self._stop()
            self._stop = None
        for cell in self._cells.values():
            cell.watch.close()
        self._cells.clear()

    @property
    def budget_store(self) -> BudgetStore:
        """The budgets; loaded on first use."""
        if self._budget_store is None:
            from jupyter_green.budgets.store import BudgetStore

            session = self._followed
            assert session is not None, "the gate follows a session from the start"

            def value(record: EnergyRecord) -> EnergyRecord:
                return session.settings.valuation.value(record)  # settings may be replaced during the session

            simulated = any(traits.quality == "simulated" for traits in session.meter.traits)
            self._budget_store = BudgetStore(session.settings.ledger, simulated=simulated, value=value)
        return self._budget_store

    def budgets(self) -> list[Budget]:
        """Return the budgets that apply to this project and notebook."""
        if self._budget_store is None and (self._board is None or not self._board.exists()):
            return []
        settings = self._session().settings
        return [budget for budget in self.budget_store.budgets() if budget.applies(settings.project, settings.notebook)]

    def standing(self, budget: Budget) -> BudgetUsage:
        """Return the usage of a budget, including this kernel's cells up to now."""
        return self.budget_store.spent(budget, self._live())

    # ---- a cell's path ------------------------------------------------------------------------

    def watches(self) -> bool:
        """Whether there may be budgets, so that a cell must be checked; costs one file status."""
        store = self._budget_store
        watches = store.watched() if store is not None else self._board is not None and self._board.exists()
        if not watches:
            self._here = []
        return watches

    def look(self, source: str) -> tuple[str | None, bool]:
        """Check whether a cell may run, and prompt if needed; called in the cell before its own code.

        Returns why the cell is blocked, None if it may run; and whether the user was prompted.
        """
        verdict, spent = self._verdict(source)
        if spent is None:
            return None, False
        from jupyter_green.budgets.messages import asked, held

        if verdict == "ask":
            reply = answer(asked(spent, self.budget_store.problem, ANSWER_SECONDS), ANSWER_SECONDS)
            if reply in ("y", "yes"):
                self.budget_store.override(spent.budget, "confirmed when asked, for one cell", cells=1)
                return None, True
        return held(spent, self.budget_store.problem), verdict == "ask"

    def _verdict(self, source: str) -> tuple[Verdict, BudgetUsage | None]:
        budgets = self._here = self.budgets()
        if not budgets:
            return "run", None
        self._let_settle()
        self.budget_store.read_journals()
        if self.budget_store.due():
            self.budget_store.read(PATIENCE_SECONDS)
        purpose = self._expected(source)
        worst: tuple[Verdict, BudgetUsage | None] = "run", None
        for budget in budgets:
            if not budget.covers_purpose(purpose) or self.budget_store.overridden(budget) is not None:
                continue
            spent = self.standing(budget)
            self._warn(spent)
            if spent.share >= 1:
                decision: Verdict = "ask" if self._may_ask() and self._once(spent, "asked") else "hold"
                if worst[0] == "run" or decision == "hold":
                    worst = decision, spent
        return worst

    def opened(self, window: Window, source: str) -> None:
        """Register a cell whose window was opened; may be called twice."""
        if window.id in self._cells or not self._here:
            return
        from jupyter_green.session.workload.purpose import WorkloadDetector

        chosen, expected = self._said(source), self._expected(source)
        cell = self._cells[window.id] = Cell(window, WorkloadDetector(), chosen, threading.get_ident(), expected)
        cell.watch.open()
        if cell.said is not None:
            window.facts["purpose"] = cell.said

    def mark_blocked(self, window: Window) -> None:
        """Mark the cell of a window as blocked, so that nothing is detected from it."""
        cell = self._cells.get(window.id)
        if cell is not None:
            cell.held = True

    def ending(self, window: Window) -> None:
        """Set purpose and notes of a window that is about to be closed; may be called twice."""
        cell = self._cells.get(window.id)
        if cell is None:
            return
        from jupyter_green.budgets.messages import stopped

        window.facts["purpose"] = cell.purpose
        code = window.facts.get("code_hash")
        if code is not None and cell.said is None:
            self._by_code[code] = cell.purpose
        if cell.stopped is not None:
            window.notes.append(stopped(cell.stopped))

    def ended(self, window: Window) -> None:
        """Move a cell whose window was closed to those not settled yet; may be called twice."""
        cell = self._cells.get(window.id)
        if cell is None:
            return
        cell.watch.close()
        self._unsettled[window.id] = window, cell.purpose
        self._untold[window.id] = cell
        self._cells.pop(window.id, None)

    def tell(self, window: Window) -> None:
        """Print interruptions and warnings after a cell; may be interrupted."""
        cell = self._untold.pop(window.id, None)
        self._untold.clear()
        if cell is None:
            return
        from jupyter_green.budgets.messages import stopped

        if cell.stopped is not None:
            print(stopped(cell.stopped))
        for budget in self.budgets():
            if budget.covers_purpose(cell.purpose) and self.budget_store.overridden(budget) is None:
                self._warn(self.standing(budget))

    # ---- heartbeats ---------------------------------------------------------------------------

    def _heard(self, event: str, record: EnergyRecord) -> None:
        """Handle session events, on the sampler thread: interrupt a cell whose budget is used up."""
        cell = self._cells.get(record.id)
        if event != "beat" or cell is None:
            return
        budgets = self.budgets()
        if not budgets:
            return
        self.budget_store.read_journals()
        if self.budget_store.due():
            self.budget_store.read()
        for budget in budgets:
            if not budget.stop or cell.stopped is not None or self.budget_store.overridden(budget) is not None:
                continue
            spent = self.standing(budget)
            on_main_thread = cell.thread == threading.main_thread().ident  # only the main thread can be interrupted
            if on_main_thread and budget.covers_purpose(cell.purpose) and spent.share >= 1:
                cell.stopped = spent
                _thread.interrupt_main()

    # ---- inside -------------------------------------------------------------------------------

    def _let_settle(self) -> None:
        """Wait until the previous cell's record is final: in "run all" the next cell begins before."""
        for window, _ in [*self._unsettled.values()]:
            while window.closed is not None and window.latest is None:
                if clock.perf_counter() - window.closed.time > SETTLE_SECONDS:
                    break
                window.session.hurry()
                clock.sleep(0.005)

    def _live(self) -> list[EnergyRecord]:
        """Provisional and new records of this kernel's cells that the journal does not hold yet."""
        records = []
        for window, purpose in [*self._unsettled.values()]:
            if window.latest is None:
                records.append(self._session().provisional(window).with_(purpose=purpose))
            else:  # final, so it is in the journal
                self._unsettled.pop(window.id, None)
                records.append(window.latest)
        for cell in [*self._cells.values()]:
            records.append(self._session().provisional(cell.window).with_(purpose=cell.purpose))
        return records

    def _said(self, source: str) -> Purpose | None:
        """The purpose set by the user: by the label in the cell's header, else by ``%budget as``."""
        header = source.lstrip().split("\n", 1)[0]
        if header.startswith("%%energy"):
            words = header.replace("=", " ").split()
            for option in ("-l", "--label"):
                label = named(words[words.index(option) + 1]) if option in words[:-1] else None
                if label is not None:
                    return label
        return self.always

    def _expected(self, source: str) -> Purpose:
        """The expected purpose: set by the user, else from the last run of this code, else guessed from the source."""
        from jupyter_green.session.workload.purpose import guessed

        chosen = self._said(source)
        if chosen is not None:
            return chosen
        code = code_hash(source)
        if code not in self._by_code:
            earlier = next((record for record in reversed(self._session().finished) if record.code_hash == code), None)
            self._by_code[code] = earlier.purpose if earlier is not None and earlier.purpose else guessed(source)
        return self._by_code[code]

    def _may_ask(self) -> bool:
        """Whether the front end can prompt the user."""
        return bool(getattr(getattr(self._shell, "kernel", None), "_allow_stdin", True))

    def _once(self, spent: BudgetUsage, what: str) -> bool:
        key = (spent.budget.id, spent.start, what)
        new = key not in self._told
        self._told.add(key)
        return new

    def _warn(self, spent: BudgetUsage) -> None:
        from jupyter_green.budgets.budget import WARN_FROM
        from jupyter_green.budgets.messages import warned

        if WARN_FROM <= spent.share < 1 and self._once(spent, "warned"):
            print(warned(spent, self.budget_store.problem))


def answer(question: str, seconds: float) -> str:
    """Prompt the user and return the answer; empty if there is none in time or no front end to ask.

    The prompt is a normal `input`, ended by an interrupt when the time is up.
    """
    asking, guard, late = True, threading.Lock(), False

    def interrupt_prompt() -> None:
        nonlocal late
        with guard:
            if asking:
                late = True
                _thread.interrupt_main()

    timer = threading.Timer(seconds, interrupt_prompt)
    timer.daemon = True
    if threading.current_thread() is threading.main_thread():  # only the main thread can be interrupted
        timer.start()
    reply = ""
    try:
        with contextlib.suppress(StdinNotImplementedError, EOFError):  # the front end has no input
            reply = input(question).strip().casefold()
        with guard:
            asking = False
        if late:  # the answer came with the timeout: let the pending interrupt arrive
            clock.sleep(1.0)
    except KeyboardInterrupt:
        if not late:
            raise
    finally:
        timer.cancel()
    return reply


def named(label: object) -> Purpose | None:
    """Return the purpose that a label names; None for any other label."""
    text = str(label or "").strip(" \"'").casefold()
    purposes: tuple[Purpose, ...] = get_args(Purpose)
    return next((purpose for purpose in purposes if purpose == text), None)
