"""Silence while libraries work: what they print, log or write below Python does not reach the cell.

Exporters, quantizers, compilers and third parties' recipes write for whoever develops them. What matters of a candidate
stands in its row. What we say meanwhile ourselves, such as the bar, is heard. The whole process is silent for that
long, since what is written below Python knows no thread.
"""

from __future__ import annotations

import atexit
import ctypes
import logging
import os
import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

NUMBERS = (1, 2)
"""File descriptors that a process writes to where it says nothing else."""


class _Silence:
    """Streams that lead nowhere; they stay open, since a library may keep one that it found meanwhile."""

    def __init__(self) -> None:
        self.sink = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - kept as long as the process lives
        atexit.register(self.sink.close)
        self.streams: tuple[Any, Any] = (None, None)
        self.held: dict[int, int] = {}
        self.on = False

    def begin(self) -> None:
        """Let everything go nowhere."""
        for stream in self.streams:
            with suppress(AttributeError, OSError, ValueError):  # there may be none, or it may be closed
                stream.flush()
        _flush_below()
        for number in NUMBERS:
            with suppress(OSError):  # it may be closed
                self.held[number] = os.dup(number)
                os.dup2(self.sink.fileno(), number)
        _lead(dict.fromkeys(map(id, self.streams), self.sink))
        sys.stdout = sys.stderr = self.sink
        self.on = True

    def end(self) -> None:
        """Put everything back."""
        self.on = False
        _flush_below()
        for number, held in self.held.items():
            os.dup2(held, number)
            os.close(held)
        self.held = {}
        sys.stdout, sys.stderr = self.streams
        _lead({id(self.sink): sys.stderr})


_silence: _Silence | None = None

KEPT = 3
"""Lines of what somebody's model prints that are let through, of as many as its calls."""


class _Thinned:
    """A stream of which the first lines of one thread are let through and the others counted."""

    def __init__(self, stream: Any, counts: dict[str, int]) -> None:
        self._stream, self._counts, self._thread = stream, counts, threading.get_ident()

    def write(self, text: str) -> int:
        """Write the first lines; of what comes after them only the number is kept."""
        if self._counts["heard"] or threading.get_ident() != self._thread:
            self._stream.write(text)
            return len(text)
        for line in text.splitlines(keepends=True):
            if self._counts["lines"] < KEPT:
                self._stream.write(line)
            self._counts["lines"] += line.endswith("\n")
            self._counts["begun"] = not line.endswith("\n")
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """Write one after the other."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


_counts: dict[str, int] = {}


@contextmanager
def thinned() -> Iterator[None]:
    """Let through the first lines that a person's own model prints, and say at the end how many more there were.

    It is called hundreds of times, and prints the same each time. What other threads print is let through, as is what
    is written below Python.
    """
    if _counts or sys.stdout is None or sys.stderr is None:
        yield
        return
    _counts.update(heard=0, lines=0, begun=0)
    before = sys.stdout, sys.stderr
    during = [_Thinned(stream, _counts) for stream in before]
    _lead({id(one): new for one, new in zip(before, during, strict=True)})
    sys.stdout, sys.stderr = during
    try:
        yield
    finally:
        _lead({id(new): one for one, new in zip(before, during, strict=True)})
        if (sys.stdout, sys.stderr) == (*during,):  # else somebody has put others there
            sys.stdout, sys.stderr = before
        more = _counts["lines"] + _counts["begun"] - KEPT
        _counts.clear()
        if more > 0:
            lines = "line" if more == 1 else "lines"
            print(f"… and {more:,} more {lines}, printed as the model was called again and again.")


@contextmanager
def captured_output() -> Iterator[None]:
    """Let nothing of a library through to the cell; all is put back in any case, after an interrupt too."""
    global _silence  # noqa: PLW0603 - there is one process to silence
    if _silence is not None and _silence.on:
        yield
        return
    _silence = _silence or _Silence()
    _silence.streams = sys.stdout, sys.stderr
    try:
        _silence.begin()
        yield
    finally:
        _silence.end()


@contextmanager
def heard() -> Iterator[None]:
    """Let what is said in here be heard, also where all else is silenced or thinned."""
    if _counts:
        _counts["heard"] += 1
    silent = _silence is not None and _silence.on
    if _silence is not None and silent:
        _silence.end()
    try:
        yield
    finally:
        if _counts:
            _counts["heard"] -= 1
        if _silence is not None and silent:
            _silence.begin()


def _flush_below() -> None:
    """Write out what C holds in its own buffer, which would come out later."""
    if os.name == "posix":
        ctypes.CDLL(None).fflush(None)


def _lead(streams: dict[int, Any]) -> None:
    """Let handlers of logs that write to a stream write to another; they keep the one that they were made with."""
    loggers = [one for one in logging.root.manager.loggerDict.values() if isinstance(one, logging.Logger)]
    for logger in (logging.root, *loggers):
        for handler in logger.handlers:
            if isinstance(handler, logging.StreamHandler) and id(handler.stream) in streams:
                # One may look its stream up each time, or hold one that is closed by now.
                with suppress(AttributeError, OSError, ValueError):
                    handler.setStream(streams[id(handler.stream)])
