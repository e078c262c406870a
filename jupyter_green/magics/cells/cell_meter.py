"""Metering of cells: IPython's cell events open and close one window per outermost cell.

IPython prints an exception raised by a callback, including KeyboardInterrupt, and continues. Therefore callbacks are
short and complete even when interrupted; the interrupt is then delivered to the cell, either before its first
statement or as its result. An internal error prints one sentence and never stops the cell. `active_cell` finds the
cell that an event belongs to.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable
from types import FrameType
from typing import TYPE_CHECKING, Any

from IPython.core.error import UsageError

from jupyter_green.magics.arguments import count_units
from jupyter_green.magics.budget.guard import HOLD, BudgetGuard
from jupyter_green.magics.model_runs import ModelRuns
from jupyter_green.records import Status
from jupyter_green.session import Session, Window, status_of
from jupyter_green.session.accelerator import synchronize
from jupyter_green.session.interrupts import uninterrupted
from jupyter_green.session.workload.counter import UnitCounter, counted

from .active_cell import ActiveCell, ActiveCells, Request, caller_of_event
from .cell_start import INTERRUPT, CellStart
from .record_display import show
from .source_hash import code_hash

if TYPE_CHECKING:
    import asyncio

    from jupyter_green.magics.config import JupyterGreen

HEADER_ALONE = re.compile(r"\s*%%energy([ \t][^\n]*)?\s*")
"""A ``%%energy`` header without code below it."""

_STEERING = (
    r"(energy|baseline|budget|disclose)(\s.*)?"
    r"|(load|unload|reload)_ext\s+jupyter_green\s*|config\s+JupyterGreen(\..*)?"
)
OWN_LINES = re.compile(rf"\s*(#.*|%({_STEERING}))?$")
"""A cell of only such lines controls jupyter_green, or is empty; it is not metered."""
WORK_LINES = re.compile(rf"\s*(#.*|%({_STEERING}|(shrink|quantize|prune|distill?|compare|label|energyit)(\s.*)?))?$")
"""A cell of only such lines is metered from the moment one of them starts work; a call with wrong options does not."""

LOOK = f"get_ipython().run_line_magic({HOLD!r}, '')"
END_UNKNOWN = "The end of this cell was not observed; it is counted up to the start of the next one."

WAIT_SECONDS = 0.03
"""How long `%%energy` may wait for its final record, beyond two counter update periods."""


class CellMeter:
    """Opens and closes windows around the cells of a shell.

    `session` returns the session of this process. The trait `show` of `config` is whether the record is shown under
    every cell.
    """

    def __init__(self, shell: Any, session: Callable[[], Session], config: JupyterGreen) -> None:
        self._shell = shell
        self._config = config
        self.session = session
        self._active = ActiveCells(shell)
        self._start = CellStart(shell)
        self._faults, self._why = 0, ""
        # Stored as registered: after a module reload, `self.before` may be another function.
        self._callbacks = (("pre_run_cell", self.before), ("post_run_cell", self.after))
        self.enabled = True
        self.when_begun: list[Callable[[Any], object]] = []
        """Called with the `info` of each cell that begins; may be called twice for one cell."""
        self.when_over: list[Callable[[], object]] = []
        """Called when a cell has ended; may be called twice for one cell."""
        self.trials = ModelRuns()
        self.gate: BudgetGuard | None = None
        """Enforces budgets; set when the extension is loaded."""

    @property
    def show(self) -> bool:
        """Whether the record is shown under every cell."""
        return bool(self._config.show)

    @show.setter
    def show(self, wanted: bool) -> None:
        self._config.show = wanted

    def register(self) -> None:
        """Listen to the shell's events."""
        for event, callback in self._callbacks:
            self._shell.events.register(event, callback)

    def unregister(self) -> None:
        """Stop listening, and close the windows of running cells."""
        for event, callback in self._callbacks:
            self._shell.events.unregister(event, callback)
        self._start.close()
        for cell in self._active.clear():
            if cell.window is not None:
                cell.window.session.close(cell.window)

    @property
    def problem(self) -> str | None:
        """Internal errors since the extension was loaded, in one sentence; None without any."""
        if not self._faults:
            return None
        cells = "1 cell was" if self._faults == 1 else f"{self._faults} cells were"
        return f"{cells} not metered, or only in part ({self._why}); %reload_ext jupyter_green restarts metering."

    # ---- events -------------------------------------------------------------------------------

    def before(self, info: Any) -> None:
        """Handle ``pre_run_cell``: a cell is about to run."""
        try:
            try:
                frame = caller_of_event()
                uninterrupted(lambda: self._begin(info, frame))
            except KeyboardInterrupt:  # IPython would print it and run the cell
                self._begin(info, caller_of_event())  # the interrupt may have come before the first call
                self._start.put(INTERRUPT)
        except Exception as error:  # noqa: BLE001 - an internal error must not print a traceback under each cell
            self._failed(error)

    def after(self, result: Any) -> None:
        """Handle ``post_run_cell``: a cell has run, was cancelled (`result` is None) or was empty."""
        ending: list[ActiveCell] = []
        try:
            try:
                frame = caller_of_event()
                uninterrupted(lambda: self._end(result, frame, ending))
                if ending:
                    self._show_ended(ending[0], result)
                    ending.clear()  # must come last: from now on the record is final
            except KeyboardInterrupt as interrupt:  # IPython would print it and go on with the next cell
                self._end(result, caller_of_event(), ending)  # the interrupt may have come before the first call
                self._interrupted(result, ending, interrupt)
                ending.clear()
        except Exception as error:  # noqa: BLE001 - see `before`
            self._failed(error)
            for cell in ending:
                self._drop(cell, "error")
            ending.clear()

    def _begin(self, info: Any, frame: FrameType) -> None:
        """Register a cell and open its window; may be called again after an interruption at any point."""
        for callback in self.when_begun:
            callback(info)
        cell = self._active.begin(info, frame)
        if cell.nested:
            return
        self._start.clear()
        self._close_forgotten()
        if _is_own(info.raw_cell):
            return
        cell.idle_until_work = all(WORK_LINES.match(line) for line in _lines(info.raw_cell))
        metered = self.enabled or info.raw_cell.lstrip().startswith("%%energy")
        if metered and self.gate is not None and self.gate.watches():
            cell.undecided = True
            self._start.put(LOOK)
        elif self.enabled and not cell.idle_until_work:
            self._open(cell)

    def work(self) -> None:
        """Open the window of a cell that is metered from here; called by a magic whose options were valid."""
        cell = self._active.outermost()
        if cell is not None and cell.idle_until_work:
            cell.idle_until_work = False
            if cell.window is None and self.enabled:
                uninterrupted(lambda: self._open(cell))

    def start(self, _line: str = "") -> None:
        """Check the budgets, then open the window; inserted before the cell's own code if there are budgets.

        Raises UsageError if a budget does not let the cell run.
        """
        cell = self._active.outermost()
        if cell is None or not cell.undecided or self.gate is None:
            return
        source = cell.info.raw_cell
        refusal, prompted = None, False
        try:
            refusal, prompted = self.gate.look(source)
        except Exception as error:  # noqa: BLE001 - a budget that can't be checked must not stop a cell
            self._failed(error)
        if (refusal is None or prompted) and self.enabled and not cell.idle_until_work:
            uninterrupted(lambda: self._open_decided(cell))  # if interrupted before, it stays undecided to its end
        cell.undecided = False
        if refusal is not None:
            if cell.window is not None:
                self.gate.mark_blocked(cell.window)
            raise UsageError(refusal)

    def _end(self, result: Any, frame: FrameType, ending: list[ActiveCell]) -> None:
        """Close the window of a cell that has ended; may be called again after an interruption at any point."""
        cell = ending[0] if ending else self._active.end(None if result is None else result.info, frame)
        if cell is None and _never_begun(result):
            cell = self._active.begin(result.info, frame)
            cell.undecided = not cell.nested and not _is_own(result.info.raw_cell)
        if cell is not None:
            ending[:] = [cell]
            if not cell.nested:
                self._start.clear()
            if cell.undecided and self.enabled and not cell.idle_until_work:
                self._open(cell)  # the cell ended before its own code began
            if cell.window is not None:
                cell.window.held = ending
                self._close(cell, cell.window, result)
            self._drop(cell, "ok")
        for callback in self.when_over:
            callback()
        if cell is not None and cell.interrupt is not None:
            interrupt, cell.interrupt = cell.interrupt, None
            raise interrupt

    def _close(self, cell: ActiveCell, window: Window, result: Any) -> None:
        session = window.session
        if not session.alive or window.ended:
            return
        error = None if result is None else result.error_before_exec or result.error_in_exec
        status: Status = "interrupted" if result is None else status_of(error)
        if result is not None:
            window.facts["execution_count"] = result.execution_count
        if cell.request is not None:
            if status == "ok":
                synchronize()
            self._count(window, cell.request)
        if self.gate is not None:
            self.gate.ending(window)
        session.close(window, status)
        if self.gate is not None:
            self.gate.ended(window)

    def _show_ended(self, cell: ActiveCell, result: Any) -> None:
        """Print and display what belongs under an ended cell; may be slow, and may be interrupted."""
        window = cell.window
        if window is None or not window.session.alive:
            return
        if self.gate is not None:
            self.gate.tell(window)
        request = cell.request or (Request() if self.show else None)
        if request is not None and (result is None or result.error_before_exec is None):
            self._deliver(window, request)  # code that did not compile has nothing to show

    def _interrupted(self, result: Any, ending: list[ActiveCell], interrupt: KeyboardInterrupt) -> None:
        """Make an interrupt that came after the cell's code the cell's result, so that "run all" stops."""
        outer = self._active.outermost()
        if outer is not None and outer not in ending:
            outer.interrupt = interrupt  # the nested cell has ended, so the interrupt is for the outer one
            return
        for cell in ending:
            if cell.window is not None and cell.window.latest is None and cell.window.status == "ok":
                cell.window.status = "interrupted"
        if result is not None and result.success:
            result.error_in_exec = interrupt
            self._shell.last_execution_succeeded = False
            self._shell.showtraceback((KeyboardInterrupt, interrupt, None))

    def begin(self, request: Request) -> None:
        """Apply a ``%%energy`` header to the current cell; does nothing for a silent request, which has no cell."""
        cell = self._active.outermost()
        if cell is None:
            return
        if cell.window is None and HEADER_ALONE.fullmatch(cell.info.raw_cell):
            print("%%energy meters the code below it in the same cell; there is none.")
            return
        try:
            self._ask(cell, request)
        except Exception as error:  # noqa: BLE001 - the cell runs in any case
            self._failed(error)

    def _ask(self, cell: ActiveCell, request: Request) -> None:
        cell.request = request
        synchronize()
        if cell.window is None:
            self._open(cell)
        else:
            cell.window.session.restart(cell.window)
        window = cell.window
        assert window is not None, "it was opened above"
        window.facts["label"] = request.label
        if counted(request.units) and window.unit_counter is None:
            window.unit_counter = UnitCounter(request.units)
            window.unit_counter.begin(window)

    # ---- inside -------------------------------------------------------------------------------

    def _open(self, cell: ActiveCell) -> None:
        """Open the window of a cell; may be called again after an interruption at any point."""
        session = self.session()
        if cell.window is None:
            fields = {"cell_id": getattr(cell.info, "cell_id", None), "code_hash": code_hash(cell.info.raw_cell)}
            cell.window = session.window("cell", **fields)
        if cell.task is not None and not cell.called:
            cell.task.remove_done_callback(self._task_done)
            cell.task.add_done_callback(self._task_done)
        session.open(cell.window)
        if self.gate is not None and not cell.undecided:
            self.gate.opened(cell.window, cell.info.raw_cell)

    def _open_decided(self, cell: ActiveCell) -> None:
        """Open the window of a cell that budgets allow; may be called again after an interruption at any point."""
        cell.undecided = False
        self._open(cell)

    def _drop(self, cell: ActiveCell, status: Status) -> None:
        """Forget a cell that has ended, and close its window if it is still open."""
        if cell.task is not None:
            cell.task.remove_done_callback(self._task_done)
        if cell.window is not None:
            cell.window.session.close(cell.window, status)
        self._active.drop(cell)

    def _task_done(self, task: asyncio.Task[Any]) -> None:
        """End the cells that a finished task ran and for which no end event came."""
        last = self._shell.last_execution_result
        for cell in self._active.all():
            if cell.task is task:
                has_result = last is not None and last.info is cell.info
                error = (last.error_before_exec or last.error_in_exec) if has_result else None
                self._drop(cell, "interrupted" if task.cancelled() else status_of(error))

    def _close_forgotten(self) -> None:
        """Close windows whose cells have ended without an event."""
        session = self.session()
        if not session.alive:
            return
        windows = [cell.window for cell in self._active.all()]
        for window in session.open_windows():
            if window.span == "cell" and "code_hash" in window.facts and window not in windows:
                window.notes.append(END_UNKNOWN)
                session.close(window, "interrupted")

    def _failed(self, error: Exception) -> None:
        """Record an internal error: printed once where it happened, then shown by `%energy status`."""
        self._faults += 1
        self._why = " ".join(f"{type(error).__name__}: {error}".split())
        if self._faults == 1:
            with contextlib.suppress(Exception):  # the cell may have closed or replaced what it would be printed to
                print(
                    f"jupyter_green could not meter this cell to the end ({self._why}). The cell runs as usual; "
                    "%energy status shows the state of metering."
                )

    def _count(self, window: Window, request: Request) -> None:
        """Count the units of work; an invalid count becomes a note on the record."""
        if request.units is None or counted(request.units):
            return
        try:
            window.facts["units"] = count_units(request.units, self._shell.user_ns)
        except ValueError as error:
            window.notes.append(str(error))
            if request.show:
                print(error)

    def _deliver(self, window: Window, request: Request) -> None:
        """Show and bind the record; one that is not final yet is replaced on the page when it is."""
        period = max((line.tick for line in window.session.meter.timelines.values()), default=0.0)
        record = window.wait(None if request.name else 2 * period + WAIT_SECONDS)
        if request.name:
            self._shell.push({request.name: record})
        if not request.show:
            return
        shown = show(record)
        if not record.final:
            window.when_final.append(shown.update)
            if window.latest is not None:  # it became final while the provisional one was drawn
                shown.update(window.latest)


def _never_begun(result: Any) -> bool:
    """Whether a cell was interrupted before ``pre_run_cell``: only its end is reported, without an execution count."""
    return result is not None and result.execution_count is None and isinstance(result.error_in_exec, KeyboardInterrupt)


def _is_own(source: str) -> bool:
    return bool(HEADER_ALONE.fullmatch(source)) or all(OWN_LINES.match(line) for line in _lines(source))


def _lines(source: str) -> list[str]:
    """Return the lines of a cell, with backslash continuations joined."""
    return source.replace("\\\n", " ").splitlines()
