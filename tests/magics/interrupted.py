"""Run in a process of its own: cells in a shell, an interrupt at each line of the callbacks in turn.

Prints, as JSON, what went wrong: a list of sentences, and how many places were tried.
"""

from __future__ import annotations

import contextlib
import faulthandler
import io
import itertools
import json
import linecache
import sys
import threading
import traceback
from collections.abc import Callable
from inspect import CO_GENERATOR
from pathlib import Path
from types import FrameType
from typing import Any

from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

import jupyter_green
from jupyter_green.magics.cells.source_hash import code_hash
from jupyter_green.session import Session

PLACES = str(Path(jupyter_green.__file__).parent), threading.__file__
"""Where interrupts fall: our code, and the locks that it is built on as far as they are Python."""
SOURCE = "value = 1"
PATIENCE_SECONDS = 120.0
OF_START = str(Path(jupyter_green.__file__).parent / "magics" / "cells" / "cell_meter.py")
"""Where they fall in the look at budgets, which mostly reads files."""


class Interrupter:
    """Raises KeyboardInterrupt at the n-th line that our code, or a lock of it, runs while a callback is under way.

    Python comes back to a `with` line to leave the block: no interrupt can come there, so none is made.
    """

    def __init__(self, callback: str, place: int) -> None:
        self.places = OF_START if callback == "start" else PLACES
        self.callback, self.place, self.seen, self.where = callback, place, 0, ""
        self.inside: FrameType | None = None
        self.entered: set[tuple[FrameType, int]] = set()

    def trace(self, frame: FrameType, event: str, _argument: object) -> Callable[..., Any] | None:
        if self.inside is None:
            if not (frame.f_code.co_name == self.callback and frame.f_code.co_filename == OF_START):
                return None
            self.inside = frame
            return self.trace
        if frame is self.inside and event == "return":
            self.where = self.where or "nowhere"
        if not frame.f_code.co_filename.startswith(self.places) or self.where:
            return None
        if frame is self.inside and frame.f_lineno <= frame.f_code.co_firstlineno + 4:
            return self.trace  # up to its `try` there is nothing that a callback could do about it
        if event == "line" and linecache.getline(frame.f_code.co_filename, frame.f_lineno).lstrip().startswith("with "):
            if (frame, frame.f_lineno) in self.entered:
                return self.trace
            self.entered.add((frame, frame.f_lineno))
        if event == "line" or (event == "return" and not frame.f_code.co_flags & CO_GENERATOR):
            self.seen += 1
            if self.seen == self.place:
                self.where = f"{Path(frame.f_code.co_filename).name}:{frame.f_lineno} {event} of {frame.f_code.co_name}"
                raise KeyboardInterrupt
        return self.trace


def stacks() -> str:
    """Return where each thread is."""
    frames = sys._current_frames()
    calls = {
        thread.name: [call.name for call in reversed(traceback.extract_stack(frames[thread.ident]))]
        for thread in threading.enumerate()
        if thread.ident in frames
    }
    return json.dumps(calls)


def before_the_first_line(frame: FrameType, event: str, _argument: object) -> None:
    """Raise KeyboardInterrupt where IPython begins to run a cell, before it tells of it."""
    if event == "call" and frame.f_code.co_name == "run_cell_async":
        sys.settrace(None)
        raise KeyboardInterrupt


def main(budget: bool) -> None:
    faulthandler.dump_traceback_later(900, exit=True)  # a lock that nobody gives back is waited for as long as it takes
    config = Config()
    config.HistoryManager.enabled = False
    shell = InteractiveShell.instance(config=config)
    wrong: list[str] = []
    expected: dict[int, tuple[str, str]] = {}
    tried, step = 0, 11 if budget else 1  # with a budget each cell waits for the figure of the one before

    def run(source: str) -> tuple[Any, str]:
        out = io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
            result = shell.run_cell(source, store_history=True)
        return result, out.getvalue()

    run("%load_ext jupyter_green")
    if budget:
        _, said = run("%budget 1e9J --per project --all")
        assert "Budget of" in said, said
    session: Session = shell._jupyter_green.session
    rounds = [("before", 1, step), ("after", 1, step)]
    if budget:
        rounds.append(("start", 1, 1))
    for callback, first, stride in rounds:
        for place in itertools.count(first, stride):
            interrupter = Interrupter(callback, place)
            sys.settrace(interrupter.trace)
            try:
                result, said = run(f"{SOURCE}  # {callback} {place}")
            finally:
                sys.settrace(None)
            if interrupter.where == "nowhere":
                break
            tried += 1
            fault = check(result, said, session)
            expected[shell.execution_count - 1] = "interrupted", f"{callback}, {interrupter.where}"
            plain, said = run(f"{SOURCE}  # after {callback} {place}")
            fault = fault or check_plain(plain, said, session)
            expected[shell.execution_count - 1] = "ok", f"after {callback}, {interrupter.where}"
            if fault is None and shell.ast_transformers:
                fault = "something is left in the shell"
            if fault is not None:
                wrong.append(f"{callback}, {interrupter.where}: {fault}")
    sys.settrace(before_the_first_line)
    try:
        result, said = run(source := f"{SOURCE}  # untold")
    finally:
        sys.settrace(None)
    fault = check(result, said, session) or check_plain(*run(SOURCE), session)
    session.settle(PATIENCE_SECONDS)  # a busy machine may keep the sampler waiting for long
    if session._recorder.busy:
        wrong.append(f"the sampler does not settle; {session.problem}; {stacks()}")
    untold = [record.status for record in session.finished if record.code_hash == code_hash(source)]
    if fault is not None or untold != ["interrupted"]:
        wrong.append(f"before IPython tells of the cell: {fault}, records of {untold}")
    missed = wrong_records(expected, session)
    if missed:
        wrong += [f"{len(session.finished)} records, {len(missed)} wrong; {session.problem}; {stacks()}", *missed]
    spans = [(record.started_at, record.seconds) for record in session.finished if record.parent is None]
    whole = max(start + seconds for start, seconds in spans) - min(start for start, _ in spans)
    twice = sum(seconds for _, seconds in spans) - whole
    print(json.dumps({"wrong": wrong, "tried": tried, "twice": twice, "problem": session.problem}))


def wrong_records(expected: dict[int, tuple[str, str]], session: Session) -> list[str]:
    wrong = []
    for count, (status, where) in expected.items():
        found = [record for record in session.finished if record.execution_count == count and record.span == "cell"]
        if [record.status for record in found] != [status]:
            wrong.append(f"{where}: records of {[record.status for record in found]}, not of {status}")
        elif any("same time" in note for note in found[0].notes):
            wrong.append(f"{where}: a ghost shares the energy")
    return wrong


def check(result: Any, said: str, session: Session) -> str | None:
    if not isinstance(result.error_in_exec, KeyboardInterrupt):
        return f"the interrupt was swallowed ({result.error_in_exec!r}) {said}"
    if "Error in callback" in said or "could not meter" in said:
        return f"it was said: {said}"
    return f"{len(session.open_windows())} windows are open" if session.open_windows() else None


def check_plain(result: Any, said: str, session: Session) -> str | None:
    if not result.success:
        return f"the next cell failed: {result.error_in_exec!r} {said}"
    return f"{len(session.open_windows())} windows are open after the next" if session.open_windows() else None


if __name__ == "__main__":
    main(sys.argv[1:] == ["budget"])
