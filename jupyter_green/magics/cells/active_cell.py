"""The cells that are running, matched with IPython's events whatever their order.

`pre_run_cell` and `post_run_cell` do not always come in pairs: a cell interrupted inside `run_cell_async` ends with an
unknown `info` or with None; one run by ``await shell.run_cell_async(...)`` in a task has no end event; an empty one has
no begin event. So a cell is identified by the frame that runs it. It is running while that frame is on the thread's
stack or, if it waits in an asyncio task, until the task is done or the kernel handles another request.

Cells are stored per thread, because subshells interleave. Ended cells are removed at the next event.
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
    """The options of a ``%%energy`` header."""

    show: bool = True
    name: str | None = None
    units: str | None = None
    label: str | None = None


@dataclass(eq=False)
class ActiveCell:
    """One running cell."""

    info: Any
    """IPython's description of it."""
    frame: FrameType
    """The frame that runs it."""
    task: asyncio.Task[Any] | None
    """The task that runs it."""
    called: bool
    """Whether a call of `run_cell` waits for it, so that an end event will come."""
    origin: object
    """Message id of the kernel request; without a kernel, the frame of the outermost `run_cell`."""
    nested: bool = False
    """Whether another running cell runs it; its energy belongs to that cell."""
    window: Window | None = None
    """Its window; None if it is not metered."""
    request: Request | None = None
    """The options of its ``%%energy`` header."""
    undecided: bool = False
    """Whether the budget check at its start is still to come."""
    idle_until_work: bool = False
    """Whether it is metered only from the moment one of our magics starts work."""
    interrupt: KeyboardInterrupt | None = None
    """An interrupt that came after the code of a nested cell, to be raised in this one."""

    def matches(self, info: Any) -> bool:
        """Whether another `info` describes the same cell."""
        return bool(
            self.info.raw_cell == info.raw_cell
            and getattr(self.info, "cell_id", None) == getattr(info, "cell_id", None)
        )


class ActiveCells:
    """The running cells of one shell."""

    def __init__(self, shell: Any) -> None:
        self._shell = shell
        self._threads: dict[int, list[ActiveCell]] = {}

    def here(self) -> list[ActiveCell]:
        """Return the cells of this thread, oldest first; may include ended ones whose end event is missing."""
        return self._threads.setdefault(threading.get_ident(), [])

    def outermost(self) -> ActiveCell | None:
        """Return the outermost cell of this thread, or None."""
        return next((cell for cell in self.here() if not cell.nested), None)

    def all(self) -> list[ActiveCell]:
        """Return the cells of all threads."""
        return [cell for cells in [*self._threads.values()] for cell in cells]

    def begin(self, info: Any, frame: FrameType) -> ActiveCell:
        """Register a cell that begins, and forget ended ones; a second call for the same cell changes nothing."""
        cells = self.here()
        registered = next((cell for cell in cells if cell.info is info), None)
        if registered is not None:
            return registered
        stack = [*_stack(frame.f_back)]
        called = any(caller.f_code.co_name == "run_cell" for caller in stack)
        cell = ActiveCell(info, frame, _task(), called, self._origin(frame))
        running = [earlier for earlier in cells if _lives(earlier, stack, cell)]
        cell.nested = bool(running)
        self._forget_dead_threads()
        cells[:] = [*running, cell]
        return cell

    def end(self, info: Any, frame: FrameType) -> ActiveCell | None:
        """Return the cell that an end event belongs to; None if its begin was not seen. It stays until `drop`.

        `info` is that of the result, None without one; `frame` is the one that triggered the event.
        """
        cells = self.here()
        registered = next((cell for cell in cells if cell.info is info), None)
        if registered is not None:
            return registered
        stack = [*_stack(frame)]
        task = _task()
        ended = [cell for cell in cells if not any(cell.frame is caller for caller in stack)]
        if info is not None:
            return next((cell for cell in reversed(ended) if cell.matches(info)), None)
        return next((cell for cell in reversed(ended) if cell.task is task or _done(cell.task)), None)

    def drop(self, cell: ActiveCell) -> None:
        """Forget an ended cell and the cells that it ran."""
        for cells in self._threads.values():
            if cell in cells:
                del cells[cells.index(cell) :]

    def clear(self) -> list[ActiveCell]:
        """Forget all cells and return them."""
        cells = self.all()
        self._threads.clear()
        return cells

    def _origin(self, frame: FrameType) -> object:
        header = getattr(self._shell, "parent_header", None)
        if isinstance(header, dict) and header:
            message_header = header.get("header", header)
            return message_header.get("msg_id") if isinstance(message_header, dict) else None
        outermost = None
        for caller in _stack(frame):
            if caller.f_code.co_name == "run_cell":
                outermost = caller
        return outermost

    def _forget_dead_threads(self) -> None:
        if len(self._threads) > 1:
            alive = {thread.ident for thread in threading.enumerate()} | {threading.get_ident()}
            for ident in [*self._threads]:
                if ident not in alive:
                    self._threads.pop(ident, None)


def caller_of_event() -> FrameType:
    """Return the frame that triggered the event whose callback calls this function."""
    frame = sys._getframe(2)  # IPython's `trigger`, which calls the callbacks
    return frame.f_back or frame


def _stack(frame: FrameType | None) -> Iterator[FrameType]:
    while frame is not None:
        yield frame
        frame = frame.f_back


def _task() -> asyncio.Task[Any] | None:
    try:
        return asyncio.current_task()
    except RuntimeError:  # no running event loop
        return None


def _done(task: asyncio.Task[Any] | None) -> bool:
    return task is not None and task.done()


def _lives(cell: ActiveCell, stack: list[FrameType], new: ActiveCell) -> bool:
    """Whether a cell is still running while a new one begins."""
    if any(cell.frame is caller for caller in stack):
        return True
    waiting = cell.task is not None and cell.task is not new.task and not cell.task.done()
    return waiting and cell.origin is not None and cell.origin == new.origin
