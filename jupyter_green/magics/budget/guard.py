"""Budgets at work: looks at the start of a cell and at its heartbeats, warns, asks, and holds cells back.

A cell that is held back is never begun: a call stands before its own code (`cell_start`) and raises a UsageError with
one sentence. There, and not in a callback, because reading takes its time, a person's answer can only be had when the
cell runs, and an interrupt meanwhile must stop the cell.

Without a budget all this costs one look for a file per cell, and nothing of it is loaded. With one it costs reading the
journals, some milliseconds; the ledger is read on a thread of its own, and a cell waits for it half a second at most.
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
"""How long the start of a cell waits for the ledger."""
SETTLE_SECONDS = 0.1
"""How long it waits after the end of the cell before, so that this one is in the sum."""
ANSWER_SECONDS = 60.0
"""How long the answer to a question is waited for."""
Verdict = Literal["run", "ask", "hold"]


@dataclass
class Cell:
    """A cell under way: its window, what looks at it, what the person says it is, and what interrupted it."""

    window: Window
    watch: WorkloadDetector
    said: Purpose | None
    thread: int
    expected: Purpose
    held: bool = False
    stopped: BudgetUsage | None = None

    @property
    def purpose(self) -> Purpose:
        """What it is for, as far as that is known; one that was held back showed nothing of it."""
        return (
            named(self.window.facts.get("label")) or self.said or (self.expected if self.held else self.watch.purpose)
        )


class BudgetGuard:
    """Holds the cells of one shell to the budgets of its ledger.

    Parameters
    ----------
    shell : InteractiveShell
        The shell.
    session : callable
        Returns the session of this process.
    """

    def __init__(self, shell: Any, session: Callable[[], Session]) -> None:
        self._shell, self._session = shell, session
        self._purse: BudgetStore | None = None
        self._board: Path | None = None
        self._followed: Session | None = None
        self._cells: dict[str, Cell] = {}
        self._unsettled: dict[str, tuple[Window, Purpose]] = {}
        self._told: set[tuple[str, float, str]] = set()
        self._untold: dict[str, Cell] = {}
        self._by_code: dict[str, Purpose] = {}
        self._here: list[Budget] = []  # as of the last cell that began
        self._stop: Callable[[], None] | None = None
        self.always: Purpose | None = None
        """What the person says that cells are from now on."""

    # ---- life ---------------------------------------------------------------------------------

    def follow(self, session: Session) -> None:
        """Go with a session; reads the board, and the ledger only where there are budgets, while nobody waits."""
        if self._stop is not None:
            self._stop()
        self._purse, self._followed, self._board = None, session, board(session.settings.ledger)
        self._stop = session.listen(self._heard)
        if self.budgets():
            self.purse.read()

    def close(self) -> None:
        """Stop looking."""
        if self._stop is not None:
            self._stop()
            self._stop = None
        for cell in self._cells.values():
            cell.watch.close()
        self._cells.clear()

    @property
    def purse(self) -> BudgetStore:
        """What is known of budgets; loaded when there is one, or somebody asks."""
        if self._purse is None:
            from jupyter_green.budgets.store import BudgetStore

            session = self._followed
            assert session is not None, "the gate follows a session from the start"

            def value(record: EnergyRecord) -> EnergyRecord:
                return session.settings.valuation.value(record)  # settings may be replaced while it runs

            simulated = any(traits.quality == "simulated" for traits in session.meter.traits)
            self._purse = BudgetStore(session.settings.ledger, simulated=simulated, value=value)
        return self._purse

    def budgets(self) -> list[Budget]:
        """Return the budgets that hold here."""
        if self._purse is None and (self._board is None or not self._board.exists()):
            return []
        settings = self._session().settings
        return [one for one in self.purse.budgets() if one.applies(settings.project, settings.notebook)]

    def standing(self, budget: Budget) -> BudgetUsage:
        """Return how a budget stands, this kernel's cells up to now included."""
        return self.purse.spent(budget, self._live())

    # ---- a cell's path ------------------------------------------------------------------------

    def watches(self) -> bool:
        """Whether there may be budgets: whether a cell that begins has to be looked at; one look at a file's time."""
        loaded = self._purse
        watches = loaded.watched() if loaded is not None else self._board is not None and self._board.exists()
        if not watches:
            self._here = []
        return watches

    def look(self, source: str) -> tuple[str | None, bool]:
        """Look whether a cell may run, and ask the person where that is due; called by the cell, before its own code.

        Returns
        -------
        tuple
            Why it is held back, None where it runs; and whether the person was asked.
        """
        verdict, spent = self._verdict(source)
        if spent is None:
            return None, False
        from jupyter_green.budgets.messages import asked, held

        if verdict == "ask":
            said = answer(asked(spent, self.purse.problem, ANSWER_SECONDS), ANSWER_SECONDS)
            if said in ("y", "yes"):
                self.purse.override(spent.budget, "confirmed when asked, for one cell", cells=1)
                return None, True
        return held(spent, self.purse.problem), verdict == "ask"

    def _verdict(self, source: str) -> tuple[Verdict, BudgetUsage | None]:
        budgets = self._here = self.budgets()
        if not budgets:
            return "run", None
        self._let_settle()
        self.purse.skim()
        if self.purse.due():
            self.purse.read(PATIENCE_SECONDS)
        purpose = self._expected(source)
        worst: tuple[Verdict, BudgetUsage | None] = "run", None
        for budget in budgets:
            if not budget.covers_purpose(purpose) or self.purse.overridden(budget) is not None:
                continue
            spent = self.standing(budget)
            self._warn(spent)
            if spent.share >= 1:
                found: Verdict = "ask" if self._may_ask() and self._once(spent, "asked") else "hold"
                if worst[0] == "run" or found == "hold":
                    worst = found, spent
        return worst

    def opened(self, window: Window, source: str) -> None:
        """A cell's window was opened; harmless when repeated."""
        if window.id in self._cells or not self._here:
            return
        from jupyter_green.session.workload.purpose import WorkloadDetector

        said, expected = self._said(source), self._expected(source)
        cell = self._cells[window.id] = Cell(window, WorkloadDetector(), said, threading.get_ident(), expected)
        cell.watch.open()
        if cell.said is not None:
            window.facts["purpose"] = cell.said

    def held_back(self, window: Window) -> None:
        """The cell of a window was asked for and is not run: it shows nothing of what it is for."""
        cell = self._cells.get(window.id)
        if cell is not None:
            cell.held = True

    def ending(self, window: Window) -> None:
        """A cell's window is about to be closed; harmless when repeated."""
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
        """A cell's window was closed; harmless when repeated."""
        cell = self._cells.get(window.id)
        if cell is None:
            return
        cell.watch.close()
        self._unsettled[window.id] = window, cell.purpose
        self._untold[window.id] = cell
        self._cells.pop(window.id, None)

    def tell(self, window: Window) -> None:
        """Say what a cell that has ended means for the budgets; may be interrupted."""
        cell = self._untold.pop(window.id, None)
        self._untold.clear()
        if cell is None:
            return
        from jupyter_green.budgets.messages import stopped

        if cell.stopped is not None:
            print(stopped(cell.stopped))
        for budget in self.budgets():
            if budget.covers_purpose(cell.purpose) and self.purse.overridden(budget) is None:
                self._warn(self.standing(budget))

    # ---- heartbeats ---------------------------------------------------------------------------

    def _heard(self, event: str, record: EnergyRecord) -> None:
        """What the session tells, on its own thread."""
        cell = self._cells.get(record.id)
        if event != "beat" or cell is None:
            return
        budgets = self.budgets()
        if not budgets:
            return
        self.purse.skim()
        if self.purse.due():
            self.purse.read()
        for budget in budgets:
            if not budget.stop or cell.stopped is not None or self.purse.overridden(budget) is not None:
                continue
            spent = self.standing(budget)
            mine = cell.thread == threading.main_thread().ident  # only that one can be interrupted
            if mine and budget.covers_purpose(cell.purpose) and spent.share >= 1:
                cell.stopped = spent
                _thread.interrupt_main()

    # ---- inside -------------------------------------------------------------------------------

    def _let_settle(self) -> None:
        """Let the cell that has just ended be looked at: in "run all" the next one begins before that."""
        for window, _ in [*self._unsettled.values()]:
            while window.closed is not None and window.latest is None:
                if clock.perf_counter() - window.closed.time > SETTLE_SECONDS:
                    break
                window.session.hurry()
                clock.sleep(0.005)

    def _live(self) -> list[EnergyRecord]:
        """This kernel's records of cells that its journal does not hold yet, or not up to now."""
        found = []
        for window, purpose in [*self._unsettled.values()]:
            if window.latest is None:
                found.append(self._session().provisional(window).with_(purpose=purpose))
            else:  # settled, and so written down
                self._unsettled.pop(window.id, None)
                found.append(window.latest)
        for cell in [*self._cells.values()]:
            found.append(self._session().provisional(cell.window).with_(purpose=cell.purpose))
        return found

    def _said(self, source: str) -> Purpose | None:
        """What the person says of a cell: the label in its header, or what holds from now on."""
        header = source.lstrip().split("\n", 1)[0]
        if header.startswith("%%energy"):
            words = header.replace("=", " ").split()
            for option in ("-l", "--label"):
                label = named(words[words.index(option) + 1]) if option in words[:-1] else None
                if label is not None:
                    return label
        return self.always

    def _expected(self, source: str) -> Purpose:
        """What a cell will do: what is said of it, what it did before, or what its text looks like."""
        from jupyter_green.session.workload.purpose import guessed

        said = self._said(source)
        if said is not None:
            return said
        code = code_hash(source)
        if code not in self._by_code:
            before = next((one for one in reversed(self._session().finished) if one.code_hash == code), None)
            self._by_code[code] = before.purpose if before is not None and before.purpose else guessed(source)
        return self._by_code[code]

    def _may_ask(self) -> bool:
        """Whether there is somebody to ask."""
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
            print(warned(spent, self.purse.problem))


def answer(question: str, seconds: float) -> str:
    """Return what a person answers; empty where nobody does in time, or can.

    The question waits on the front end as any `input` does, and is given up as by the stop button. In a terminal, where
    somebody typed the cell, it waits as long as they do.
    """
    asking, guard, late = True, threading.Lock(), False

    def give_up() -> None:
        nonlocal late
        with guard:
            if asking:
                late = True
                _thread.interrupt_main()

    timer = threading.Timer(seconds, give_up)
    timer.daemon = True
    if threading.current_thread() is threading.main_thread():  # only that one can be interrupted
        timer.start()
    said = ""
    try:
        with contextlib.suppress(StdinNotImplementedError, EOFError):  # nobody is there
            said = input(question).strip().casefold()
        with guard:
            asking = False
        if late:  # the answer came with the end of the wait, and the interrupt is on its way
            clock.sleep(1.0)
    except KeyboardInterrupt:
        if not late:
            raise
    finally:
        timer.cancel()
    return said


def named(label: object) -> Purpose | None:
    """Return the purpose that a label names; None where it is another label."""
    text = str(label or "").strip(" \"'").casefold()
    known: tuple[Purpose, ...] = get_args(Purpose)
    return next((purpose for purpose in known if purpose == text), None)
