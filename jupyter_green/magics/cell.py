"""From IPython's events to windows: one window per outermost cell, whatever way the cell ends.

`pre_run_cell` and `post_run_cell` come in pairs, but for empty cells (no pre), cells cancelled in the
kernel's async path (result None) and cells run inside cells (nested pairs). The stack is kept per thread,
since subshells interleave, and an entry is found again by its `info` object, not by counting.
"""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jupyter_green.records import EnergyRecord, Status
from jupyter_green.report.bundle import bundle
from jupyter_green.session import Session, Window, status_of
from jupyter_green.session.accelerator import synchronize
from jupyter_green.session.units import Tally, counted

from .trials import Trials

if TYPE_CHECKING:
    from .config import JupyterGreen
    from .gate import Gate

HEADER_ALONE = re.compile(r"\s*%%energy([ \t][^\n]*)?\s*")
"""A header with nothing below it."""

OWN_LINES = re.compile(
    r"\s*(#.*|%((energy|baseline|budget)(\s.*)?|(load|unload|reload)_ext\s+jupyter_green\s*|config\s+JupyterGreen(\..*)?))?$"
)
"""A cell of nothing but these lines is ours, or empty; it is not metered."""

WAIT_SECONDS = 0.03
"""Beyond two ticks; how long `%%energy` may wait for its final figure."""


@dataclass
class Request:
    """What a ``%%energy`` header asked for."""

    show: bool = True
    name: str | None = None
    units: str | None = None
    label: str | None = None


@dataclass(eq=False)
class Entry:
    """One cell under way: the events' info object, its window, and what was asked for."""

    info: Any
    window: Window | None
    request: Request | None = None


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
        self._local = threading.local()
        self.enabled = True
        self.problem: str | None = None
        self.trials = Trials()
        self.gate: Gate | None = None
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
        self._shell.events.register("pre_run_cell", self.before)
        self._shell.events.register("post_run_cell", self.after)

    def unregister(self) -> None:
        """Stop listening; a window left open by the current cell is closed."""
        self._shell.events.unregister("pre_run_cell", self.before)
        self._shell.events.unregister("post_run_cell", self.after)
        for entry in self._stack():
            if entry.window is not None:
                entry.window.session.close(entry.window)
        self._stack().clear()

    # ---- events -------------------------------------------------------------------------------

    def before(self, info: Any) -> None:
        """A cell is about to run."""
        stack = self._stack()
        window = None
        if not stack and not _is_own(info.raw_cell):
            metered = self.enabled or info.raw_cell.lstrip().startswith("%%energy")
            held = metered and self.gate is not None and self.gate.verdict(info.raw_cell) == "hold"
            if self.enabled and not held:
                window = self._open(info)
        stack.append(Entry(info, window))

    def after(self, result: Any) -> None:
        """A cell has run, was cancelled (result None) or was empty (no entry)."""
        entry = self._take(None if result is None else result.info)
        if entry is None:
            return
        if self.gate is not None and not self._stack():
            self.gate.left()
        if entry.window is None:
            return
        error = None if result is None else result.error_before_exec or result.error_in_exec
        status: Status = "interrupted" if result is None else status_of(error)
        session = entry.window.session
        if not session.alive:
            return
        if result is not None:
            entry.window.facts["execution_count"] = result.execution_count
        request = entry.request or (Request() if self.show else None)
        if entry.request is not None:
            if status == "ok":
                synchronize()
            self._count(entry.window, entry.request)
        if self.gate is not None:
            self.gate.ending(entry.window)
        session.close(entry.window, status)
        if self.gate is not None:
            self.gate.ended(entry.window)
        if request is not None and (result is None or result.error_before_exec is None):
            self._deliver(entry.window, request)  # what did not compile ran nothing: there is nothing to show

    def begin(self, request: Request) -> None:
        """The current cell carries a ``%%energy`` header; a silent request has no cell and is left alone."""
        stack = self._stack()
        if not stack:
            return
        entry = stack[0]
        if entry.window is None and HEADER_ALONE.fullmatch(entry.info.raw_cell):
            print("%%energy meters the code below it in the same cell; there is none.")
            return
        entry.request = request
        synchronize()
        if entry.window is None:
            entry.window = self._open(entry.info)
        else:
            entry.window.session.restart(entry.window)
        entry.window.facts["label"] = request.label
        if counted(request.units) and entry.window.tally is None:
            entry.window.tally = Tally(request.units)
            entry.window.tally.begin(entry.window)

    # ---- inside -------------------------------------------------------------------------------

    def _open(self, info: Any) -> Window:
        session = self.session()
        facts = {
            "cell_id": getattr(info, "cell_id", None),
            "code_hash": code_hash(info.raw_cell),
        }
        window = session.window("cell", **facts)
        if not session.alive:
            return window
        session.open(window)
        if self.gate is not None:
            self.gate.opened(window, info.raw_cell)
        return window

    def _stack(self) -> list[Entry]:
        if not hasattr(self._local, "stack"):
            self._local.stack = []
        stack: list[Entry] = self._local.stack
        return stack

    def _take(self, info: Any) -> Entry | None:
        stack = self._stack()
        if info is None:
            return stack.pop() if stack else None
        for index in range(len(stack) - 1, -1, -1):
            if stack[index].info is info:
                entry = stack[index]
                del stack[index:]
                return entry
        return None

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


@dataclass
class Shown:
    """A record on display, which may be replaced by its final version."""

    display_id: str

    def update(self, record: EnergyRecord) -> None:
        """Show the record in the place of the earlier one."""
        from IPython.display import display

        display(bundle(record), raw=True, display_id=self.display_id, update=True)


def show(record: EnergyRecord) -> Shown:
    """Display a record under the current cell."""
    from IPython.display import display

    if record.final:
        display(bundle(record), raw=True)
    else:
        display(bundle(record), raw=True, display_id=record.id)
    return Shown(record.id)


def is_number(text: str) -> bool:
    """Whether a text is a number, whatever its value."""
    try:
        float(text)
    except ValueError:
        return False
    return True


def count_units(text: str, namespace: dict[str, Any]) -> float:
    """Number of units named by an option: a number, or a variable that is one or has a length.

    Raises
    ------
    ValueError
        If it is neither; one sentence.
    """
    try:
        number = float(text)
    except ValueError:
        if text not in namespace:
            raise ValueError(f"-u wants a number or the name of a variable; {text!r} is neither.") from None
        value = namespace[text]
        try:
            number = float(len(value)) if hasattr(value, "__len__") else float(value)
        except TypeError:
            raise ValueError(
                f"-u wants a number; the variable {text!r} is neither a number nor has a length."
            ) from None
    if not 0 < number < float("inf"):
        raise ValueError(f"-u wants a number above 0, not {text}.")
    return number


def code_hash(source: str) -> str:
    """Identity of a cell's source: the same for the same text, whatever header asks for metering."""
    lines = source.strip().splitlines()
    if lines and lines[0].startswith("%%energy"):
        lines = lines[1:]
    text = "\n".join(line.rstrip() for line in lines).strip()
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _is_own(source: str) -> bool:
    return bool(HEADER_ALONE.fullmatch(source)) or all(OWN_LINES.match(line) for line in source.splitlines())
