"""The cells under way: found again whatever events come, and in whatever order.

IPython tells of a cell by `pre_run_cell` and `post_run_cell`. They are no pair: a cell that an interrupt throws out of
`run_cell_async` ends with an `info` that nobody has seen before, or with None; one that is run by
``await shell.run_cell_async(...)`` in a task has no end at all; an empty one has no beginning. So a cell is held by
what runs it: it is under way for as long as its frame stands in the stack of the thread, or, where it waits in a task
of asyncio, until that task is done or the kernel has gone on to another request.

Cells of one thread are kept together, since subshells interleave. What is kept of a cell that is over goes with the
next event.
"""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from types import FrameType
from typing import Any

from jupyter_green.session import Window


@dataclass
class Request:
    """What a ``%%energy`` header asked for."""

    show: bool = True
    name: str | None = None
    units: str | None = None
    label: str | None = None


@dataclass(eq=False)
class ActiveCell:
    """One cell under way.

    Parameters
    ----------
    info : ExecutionInfo
        What IPython says of it.
    frame : FrameType
        What runs it.
    task : asyncio.Task or None
        In which task.
    called : bool
        Whether a call of `run_cell` waits for its end, and will tell of it.
    origin : object
        The request of the kernel that it belongs to; without a kernel the outermost call that runs a cell.
    nested : bool
        Whether another cell under way runs it, whose energy its own is.
    window : Window or None
        Its window; None where it is not metered.
    request : Request or None
        What its header asked for.
    undecided : bool
        Whether it is yet to be seen, at its start, if a budget lets it run.
    idle_until_work : bool
        Whether it is metered from where a magic of ours begins its work, and not at all where none does.
    interrupt : KeyboardInterrupt or None
        One that came while a cell ran in it, too late for that one.
    """

    info: Any
    frame: FrameType
    task: asyncio.Task[Any] | None
    called: bool
    origin: object
    nested: bool = False
    window: Window | None = None
    request: Request | None = None
    undecided: bool = False
    idle_until_work: bool = False
    interrupt: KeyboardInterrupt | None = None

    def matches(self, info: Any) -> bool:
        """Whether another `info` is about the same cell."""
        return bool(
            self.info.raw_cell == info.raw_cell
            and getattr(self.info, "cell_id", None) == getattr(info, "cell_id", None)
        )


class ActiveCells:
    """The cells under way in one shell.

    Parameters
    ----------
    shell : InteractiveShell
        The shell.
    """

    def __init__(self, shell: Any) -> None:
        self._shell = shell
        self._threads: dict[int, list[ActiveCell]] = {}

    def here(self) -> list[ActiveCell]:
        """Return those of this thread, oldest first; what is under way and what is over but was not told of."""
        return self._threads.setdefault(threading.get_ident(), [])

    def outermost(self) -> ActiveCell | None:
        """Return the cell of this thread that the others run in, else None."""
        return next((cell for cell in self.here() if not cell.nested), None)

    def all(self) -> list[ActiveCell]:
        """Return those of every thread."""
        return [cell for cells in [*self._threads.values()] for cell in cells]

    def begin(self, info: Any, frame: FrameType) -> ActiveCell:
        """Take in a cell that begins; may be begun again, and then changes nothing more.

        Parameters
        ----------
        info : ExecutionInfo
            What IPython says of it.
        frame : FrameType
            What runs it.

        Those that turn out to be over are forgotten.
        """
        cells = self.here()
        known = next((cell for cell in cells if cell.info is info), None)
        if known is not None:
            return known
        stack = [*_stack(frame.f_back)]
        called = any(one.f_code.co_name == "run_cell" for one in stack)
        cell = ActiveCell(info, frame, _task(), called, self._origin(frame))
        living = [other for other in cells if _lives(other, stack, cell)]
        cell.nested = bool(living)
        self._forget_dead_threads()
        cells[:] = [*living, cell]
        return cell

    def end(self, info: Any, frame: FrameType) -> ActiveCell | None:
        """Return the cell that an end belongs to, which stays until `drop`; None where it began without us.

        Parameters
        ----------
        info : ExecutionInfo or None
            Of the result; None where there is none.
        frame : FrameType
            What tells of the end.
        """
        cells = self.here()
        known = next((cell for cell in cells if cell.info is info), None)
        if known is not None:
            return known
        stack = [*_stack(frame)]
        task = _task()
        over = [cell for cell in cells if not any(cell.frame is one for one in stack)]
        if info is not None:
            return next((cell for cell in reversed(over) if cell.matches(info)), None)
        return next((cell for cell in reversed(over) if cell.task is task or _done(cell.task)), None)

    def drop(self, cell: ActiveCell) -> None:
        """Forget a cell that is over, and those that ran in it."""
        for cells in self._threads.values():
            if cell in cells:
                del cells[cells.index(cell) :]

    def clear(self) -> list[ActiveCell]:
        """Forget all of them, and return them."""
        gone = self.all()
        self._threads.clear()
        return gone

    def _origin(self, frame: FrameType) -> object:
        header = getattr(self._shell, "parent_header", None)
        if isinstance(header, dict) and header:
            told = header.get("header", header)
            return told.get("msg_id") if isinstance(told, dict) else None
        outermost = None
        for one in _stack(frame):
            if one.f_code.co_name == "run_cell":
                outermost = one
        return outermost

    def _forget_dead_threads(self) -> None:
        if len(self._threads) > 1:
            alive = {thread.ident for thread in threading.enumerate()} | {threading.get_ident()}
            for ident in [*self._threads]:
                if ident not in alive:
                    self._threads.pop(ident, None)


def caller_of_event() -> FrameType:
    """Return what had IPython call the callback that calls this: the frame that runs the cell, or tells of its end."""
    frame = sys._getframe(2)  # IPython's own, which calls the callbacks of an event
    return frame.f_back or frame


def _stack(frame: FrameType | None) -> Iterator[FrameType]:
    while frame is not None:
        yield frame
        frame = frame.f_back


def _task() -> asyncio.Task[Any] | None:
    try:
        return asyncio.current_task()
    except RuntimeError:  # no loop runs here
        return None


def _done(task: asyncio.Task[Any] | None) -> bool:
    return task is not None and task.done()


def _lives(cell: ActiveCell, stack: list[FrameType], new: ActiveCell) -> bool:
    """Whether a cell is under way while a new one begins."""
    if any(cell.frame is one for one in stack):
        return True
    waits = cell.task is not None and cell.task is not new.task and not cell.task.done()
    return waits and cell.origin is not None and cell.origin == new.origin
