"""Suppress console output of libraries: prints, logs and what native code writes.

Exporters, quantizers, compilers and third-party recipes print messages for their developers. Messages that matter for a
candidate are in its row. Our own output, such as the progress bar, is let through (`heard`). File descriptors are
global, so the whole process is silenced.
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
"""Standard output and standard error."""


class _Silence:
    """Redirects streams and file descriptors to the null device.

    The device stays open, since a library may keep a reference to it.
    """

    def __init__(self) -> None:
        self.sink = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - open as long as the process lives
        atexit.register(self.sink.close)
        self.streams: tuple[Any, Any] = (None, None)
        self.held: dict[int, int] = {}
        self.on = False

    def begin(self) -> None:
        """Redirect everything to the null device."""
        for stream in self.streams:
            with suppress(AttributeError, OSError, ValueError):  # there may be no stream, or a closed one
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
        """Restore everything."""
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
"""Lines of a model's own output that are let through, over all of its calls."""


class _Thinned:
    """A stream that passes one thread's first lines on and counts the others."""

    def __init__(self, stream: Any, counts: dict[str, int]) -> None:
        self._stream, self._counts, self._thread = stream, counts, threading.get_ident()

    def write(self, text: str) -> int:
        """Write the first lines, and count the others."""
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
    """Pass on the first lines that the user's model prints, and report the number of the others at the end.

    The model is called hundreds of times and prints the same each time. Output of other threads and of native code is
    not affected.
    """
    if _counts or sys.stdout is None or sys.stderr is None:
        yield
        return
    _counts.update(heard=0, lines=0, begun=0)
    originals = sys.stdout, sys.stderr
    replacements = [_Thinned(stream, _counts) for stream in originals]
    _lead({id(old): new for old, new in zip(originals, replacements, strict=True)})
    sys.stdout, sys.stderr = replacements
    try:
        yield
    finally:
        _lead({id(new): old for old, new in zip(originals, replacements, strict=True)})
        if (sys.stdout, sys.stderr) == (*replacements,):  # otherwise they were replaced meanwhile
            sys.stdout, sys.stderr = originals
        hidden = _counts["lines"] + _counts["begun"] - KEPT
        _counts.clear()
        if hidden > 0:
            lines = "line" if hidden == 1 else "lines"
            print(f"… and {hidden:,} more {lines}, printed as the model was called again and again.")


@contextmanager
def captured_output() -> Iterator[None]:
    """Suppress all output of libraries; it is restored in any case, after an interrupt too."""
    global _silence  # noqa: PLW0603 - the streams are global
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
    """Let output through, even where it is suppressed or shortened otherwise."""
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
    """Flush the buffers of C's standard streams."""
    if os.name == "posix":
        ctypes.CDLL(None).fflush(None)


def _lead(streams: dict[int, Any]) -> None:
    """Move log handlers from some streams to others; a handler keeps the stream that it was created with."""
    loggers = [one for one in logging.root.manager.loggerDict.values() if isinstance(one, logging.Logger)]
    for logger in (logging.root, *loggers):
        for handler in logger.handlers:
            if isinstance(handler, logging.StreamHandler) and id(handler.stream) in streams:
                # A handler may look up its stream each time, or have a closed one.
                with suppress(AttributeError, OSError, ValueError):
                    handler.setStream(streams[id(handler.stream)])
