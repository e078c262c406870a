"""Output streams that tolerate a closed pipe, a full disk and terminals with few characters.

If the reader closes the pipe (``| head``), further output is dropped; files are still written and the exit code is
unchanged. Other write errors are reported once, at the end.
"""

from __future__ import annotations

import codecs
import io
import os
from typing import TextIO

from jupyter_green.reporting.numbers import plain

_ERRORS = "jupyter_green.plain"


def _plainly(error: UnicodeError) -> tuple[str, int]:
    """Codec error handler: replace characters that the terminal lacks by ASCII."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = plain(error.object[error.start : error.end])
    return "".join(_ASCII.get(letter, letter if letter.isascii() else "?") for letter in text), error.end


_ASCII = {"±": "+/-", "≈": "~", "×": "x", "·": "-", "–": "-", "−": "-", "…": "...", "’": "'", "≤": "<=", "≥": ">="}
codecs.register_error(_ERRORS, _plainly)


class Output:
    """A text stream that continues after a write error; there is none where the process has no such stream.

    `fault` is the error; None if there was none or only a closed pipe.
    """

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream
        self.fault: OSError | None = None
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=_ERRORS)

    def write(self, text: str) -> int:
        """Write a text; after an error it is dropped."""
        if self._stream is not None:
            try:
                self._stream.write(text)
            except OSError as error:
                self._end(self._stream, error)
        return len(text)

    def flush(self) -> None:
        """Flush buffered output."""
        if self._stream is not None:
            try:
                self._stream.flush()
            except OSError as error:
                self._end(self._stream, error)

    def isatty(self) -> bool:
        """Whether the stream is a terminal."""
        return self._stream is not None and self._stream.isatty()

    def _end(self, stream: TextIO, error: OSError) -> None:
        self._stream = None
        if not isinstance(error, BrokenPipeError):
            self.fault = error
        # Buffered output is flushed at exit; send it to the null device.
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, stream.fileno())
        os.close(null)
