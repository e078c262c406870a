"""From IPython's events to windows: one window per outermost cell, whatever way the cell ends.

IPython prints what a callback raises, an interrupt too, and goes on. So callbacks are short, are done to their end
whatever interrupts them, and an interrupt then stops the cell as if it had come in the cell's own code: at its start,
or as its end. A fault of ours costs one sentence. Which cell an event is about says `active_cell`.
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
"""A header with nothing below it."""

_STEERING = (
    r"(energy|baseline|budget|disclose)(\s.*)?"
    r"|(load|unload|reload)_ext\s+jupyter_green\s*|config\s+JupyterGreen(\..*)?"
)
OWN_LINES = re.compile(rf"\s*(#.*|%({_STEERING}))?$")
"""A cell of nothing but these lines is ours, or empty; it is not metered."""
WORK_LINES = re.compile(rf"\s*(#.*|%({_STEERING}|(shrink|quantize|prune|distill?|compare|label|energyit)(\s.*)?))?$")
"""A cell of nothing but these lines is metered from where one of them begins its work: a wrong call has none."""

LOOK = f"get_ipython().run_line_magic({HOLD!r}, '')"
END_UNKNOWN = "How this cell ended was not told; it is counted up to the start of the next one."

WAIT_SECONDS = 0.03
"""Beyond two ticks; how long `%%energy` may wait for its final figure."""


class CellMeter:
    """Opens and closes windows around the cells of a shell.

    Parameters
    ----------
    shell : InteractiveShell
        The shell whose cells are metered.
    session : callable
        Returns the session of this process.
    config : JupyterGreen
        Its trait `show` says whether the record is shown under every cell, however it was set.
    """

    def __init__(self, shell: Any, session: Callable[[], Session], config: JupyterGreen) -> None:
        self._shell = shell
        self._config = config
        self.session = session
        self._active = ActiveCells(shell)
        self._start = CellStart(shell)
        self._faults, self._why = 0, ""
        # Kept as they are registered: where modules are reloaded, `self.before` may be another function later.
        self._callbacks = (("pre_run_cell", self.before), ("post_run_cell", self.after))
        self.enabled = True
        self.when_begun: list[Callable[[Any], object]] = []
        """Called with the `info` of each cell that begins; harmless when called twice."""
        self.when_over: list[Callable[[], object]] = []
        """Called when a cell is over; harmless when called twice."""
        self.trials = ModelRuns()
        self.gate: BudgetGuard | None = None
        """Holds cells to their budgets; set by whoever loads the extension."""

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
        """Stop listening; a window left open by the current cell is closed."""
        for event, callback in self._callbacks:
            self._shell.events.unregister(event, callback)
        self._start.close()
        for cell in self._active.clear():
            if cell.window is not None:
                cell.window.session.close(cell.window)

    @property
    def problem(self) -> str | None:
        """What went wrong on the cells' path, in one sentence; None where nothing did."""
        if not self._faults:
            return None
        cells = "1 cell was" if self._faults == 1 else f"{self._faults} cells were"
        return f"{cells} not metered, or not to the end ({self._why}); %reload_ext jupyter_green begins anew."

    # ---- events -------------------------------------------------------------------------------

    def before(self, info: Any) -> None:
        """A cell is about to run."""
        try:
            try:
                frame = caller_of_event()
                uninterrupted(lambda: self._begin(info, frame))
            except KeyboardInterrupt:  # IPython would print it and run the cell
                self._begin(info, caller_of_event())  # it may have come before that had begun
                self._start.put(INTERRUPT)
        except Exception as error:  # noqa: BLE001 - a fault of ours must cost a sentence, not a traceback under each cell
            self._failed(error)

    def after(self, result: Any) -> None:
        """A cell has run, was cancelled (result None) or was empty."""
        ending: list[ActiveCell] = []
        try:
            try:
                frame = caller_of_event()
                uninterrupted(lambda: self._end(result, frame, ending))
                if ending:
                    self._show_ended(ending[0], result)
                    ending.clear()  # the last that is done: from now on its record is final
            except KeyboardInterrupt as interrupt:  # IPython would print it and go on with the next cell
                self._end(result, caller_of_event(), ending)  # it may have come before that had begun
                self._interrupted(result, ending, interrupt)
                ending.clear()
        except Exception as error:  # noqa: BLE001 - see `before`
            self._failed(error)
            for cell in ending:
                self._drop(cell, "error")
            ending.clear()

    def _begin(self, info: Any, frame: FrameType) -> None:
        """Take in a cell and open its window; may be begun again at any point."""
        for tell in self.when_begun:
            tell(info)
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
        """A magic of ours was understood and begins its work, which a cell of nothing but such lines is metered for."""
        cell = self._active.outermost()
        if cell is not None and cell.idle_until_work:
            cell.idle_until_work = False
            if cell.window is None and self.enabled:
                uninterrupted(lambda: self._open(cell))

    def start(self, _line: str = "") -> None:
        """Look at the budgets, then open the window: what stands before a cell's own code where there are any.

        Raises
        ------
        UsageError
            If the cell is held back.
        """
        cell = self._active.outermost()
        if cell is None or not cell.undecided or self.gate is None:
            return
        source = cell.info.raw_cell
        held, asked = None, False
        try:
            held, asked = self.gate.look(source)
        except Exception as error:  # noqa: BLE001 - a budget that can't be looked at must not keep a cell from running
            self._failed(error)
        if (held is None or asked) and self.enabled and not cell.idle_until_work:
            uninterrupted(lambda: self._open_decided(cell))  # interrupted before, it counts as undecided to its end
        cell.undecided = False
        if held is not None:
            if cell.window is not None:
                self.gate.held_back(cell.window)
            raise UsageError(held)

    def _end(self, result: Any, frame: FrameType, ending: list[ActiveCell]) -> None:
        """Close the window of a cell that is over; may be begun again at any point."""
        cell = ending[0] if ending else self._active.end(None if result is None else result.info, frame)
        if cell is None and _never_begun(result):
            cell = self._active.begin(result.info, frame)
            cell.undecided = not cell.nested and not _is_own(result.info.raw_cell)
        if cell is not None:
            ending[:] = [cell]
            if not cell.nested:
                self._start.clear()
            if cell.undecided and self.enabled and not cell.idle_until_work:
                self._open(cell)  # it ended before its own code began
            if cell.window is not None:
                cell.window.held = ending
                self._close(cell, cell.window, result)
            self._drop(cell, "ok")
        for tell in self.when_over:
            tell()
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
        """Say what is to be said of a cell whose window is closed; may take its time, and may be interrupted."""
        window = cell.window
        if window is None or not window.session.alive:
            return
        if self.gate is not None:
            self.gate.tell(window)
        request = cell.request or (Request() if self.show else None)
        if request is not None and (result is None or result.error_before_exec is None):
            self._deliver(window, request)  # what did not compile ran nothing: there is nothing to show

    def _interrupted(self, result: Any, ending: list[ActiveCell], interrupt: KeyboardInterrupt) -> None:
        """Let an interrupt that came when the cell's code had ended be what ended the cell: "run all" stops at it."""
        outer = self._active.outermost()
        if outer is not None and outer not in ending:
            outer.interrupt = interrupt  # the cell in it is over, so it is meant for this one
            return
        for cell in ending:
            if cell.window is not None and cell.window.latest is None and cell.window.status == "ok":
                cell.window.status = "interrupted"
        if result is not None and result.success:
            result.error_in_exec = interrupt
            self._shell.last_execution_succeeded = False
            self._shell.showtraceback((KeyboardInterrupt, interrupt, None))

    def begin(self, request: Request) -> None:
        """The current cell carries a ``%%energy`` header; a silent request has no cell and is left alone."""
        cell = self._active.outermost()
        if cell is None:
            return
        if cell.window is None and HEADER_ALONE.fullmatch(cell.info.raw_cell):
            print("%%energy meters the code below it in the same cell; there is none.")
            return
        try:
            self._ask(cell, request)
        except Exception as error:  # noqa: BLE001 - the cell runs as ever, whatever became of its figure
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
        if counted(request.units) and window.tally is None:
            window.tally = UnitCounter(request.units)
            window.tally.begin(window)

    # ---- inside -------------------------------------------------------------------------------

    def _open(self, cell: ActiveCell) -> None:
        """Open the window of a cell; may be begun again at any point."""
        session = self.session()
        if cell.window is None:
            facts = {"cell_id": getattr(cell.info, "cell_id", None), "code_hash": code_hash(cell.info.raw_cell)}
            cell.window = session.window("cell", **facts)
        if cell.task is not None and not cell.called:
            cell.task.remove_done_callback(self._task_done)
            cell.task.add_done_callback(self._task_done)
        session.open(cell.window)
        if self.gate is not None and not cell.undecided:
            self.gate.opened(cell.window, cell.info.raw_cell)

    def _open_decided(self, cell: ActiveCell) -> None:
        """Open the window of a cell that budgets let run; may be begun again at any point."""
        cell.undecided = False
        self._open(cell)

    def _drop(self, cell: ActiveCell, status: Status) -> None:
        """Forget a cell that is over; its window is closed if it still was open."""
        if cell.task is not None:
            cell.task.remove_done_callback(self._task_done)
        if cell.window is not None:
            cell.window.session.close(cell.window, status)
        self._active.drop(cell)

    def _task_done(self, task: asyncio.Task[Any]) -> None:
        """A task is over: so are cells that it ran and whose end nobody told."""
        last = self._shell.last_execution_result
        for cell in self._active.all():
            if cell.task is task:
                known = last is not None and last.info is cell.info
                error = (last.error_before_exec or last.error_in_exec) if known else None
                self._drop(cell, "interrupted" if task.cancelled() else status_of(error))

    def _close_forgotten(self) -> None:
        """Close windows whose cells are over without anybody having said so."""
        session = self.session()
        if not session.alive:
            return
        known = [cell.window for cell in self._active.all()]
        for window in session.open_windows():
            if window.span == "cell" and "code_hash" in window.facts and window not in known:
                window.notes.append(END_UNKNOWN)
                session.close(window, "interrupted")

    def _failed(self, error: Exception) -> None:
        """A fault of ours: said once where it happened, and from then on by `%energy status`."""
        self._faults += 1
        self._why = " ".join(f"{type(error).__name__}: {error}".split())
        if self._faults == 1:
            with contextlib.suppress(Exception):  # the cell may have closed or replaced what it would be printed to
                print(
                    f"jupyter_green could not meter this cell to the end ({self._why}). The cell runs as ever; "
                    "%energy status says how metering stands."
                )

    def _count(self, window: Window, request: Request) -> None:
        """Count the units of work; the cell has run, so a bad count is a note and loses nothing."""
        if request.units is None or counted(request.units):
            return
        try:
            window.facts["units"] = count_units(request.units, self._shell.user_ns)
        except ValueError as error:
            window.notes.append(str(error))
            if request.show:
                print(error)

    def _deliver(self, window: Window, request: Request) -> None:
        """Show and bind what was asked for; a figure that is late settles in place."""
        ticks = max((line.tick for line in window.session.meter.timelines.values()), default=0.0)
        record = window.wait(None if request.name else 2 * ticks + WAIT_SECONDS)
        if request.name:
            self._shell.push({request.name: record})
        if not request.show:
            return
        shown = show(record)
        if not record.final:
            window.when_final.append(shown.update)
            if window.latest is not None:  # it settled while the provisional one was being drawn
                shown.update(window.latest)


def _never_begun(result: Any) -> bool:
    """Whether a cell was interrupted before IPython told anybody of it: it tells of its end alone, without a number."""
    return result is not None and result.execution_count is None and isinstance(result.error_in_exec, KeyboardInterrupt)


def _is_own(source: str) -> bool:
    return bool(HEADER_ALONE.fullmatch(source)) or all(OWN_LINES.match(line) for line in _lines(source))


def _lines(source: str) -> list[str]:
    """Return the lines of a cell; one that goes on after a backslash is one."""
    return source.replace("\\\n", " ").splitlines()
