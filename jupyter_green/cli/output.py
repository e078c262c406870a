"""What a command prints, also where nobody reads on, the disk is full or the terminal knows few characters.

A reader that has closed its end (``| head``) has what it wanted: the rest of the output goes nowhere, files are written
all the same, and the exit code says what it always says. Output that can't be written is said once, at the end.
"""

from __future__ import annotations

import codecs
import io
import os
from typing import TextIO

from jupyter_green.reporting.numbers import plain

_ERRORS = "jupyter_green.plain"


def _plainly(error: UnicodeError) -> tuple[str, int]:
    """Write what a terminal has no character for in characters that all have."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = plain(error.object[error.start : error.end])
    return "".join(_ASCII.get(letter, letter if letter.isascii() else "?") for letter in text), error.end


_ASCII = {"±": "+/-", "≈": "~", "×": "x", "·": "-", "–": "-", "−": "-", "…": "...", "’": "'", "≤": "<=", "≥": ">="}
codecs.register_error(_ERRORS, _plainly)


class Output:
    """A stream that goes on after its reader has gone.

    Parameters
    ----------
    stream : TextIO
        Where it is written.

    Attributes
    ----------
    fault : OSError or None
        Why something could not be written; None also where the reader has gone.
    """

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream  # None where the process was started without
        self.fault: OSError | None = None
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=_ERRORS)

    def write(self, text: str) -> int:
        """Write a text; what nobody takes any more is dropped."""
        if self._stream is not None:
            try:
                self._stream.write(text)
            except OSError as error:
                self._end(self._stream, error)
        return len(text)

    def flush(self) -> None:
        """Hand on what is held back."""
        if self._stream is not None:
            try:
                self._stream.flush()
            except OSError as error:
                self._end(self._stream, error)

    def isatty(self) -> bool:
        """Whether a person sees it at once."""
        return self._stream is not None and self._stream.isatty()

    def _end(self, stream: TextIO, error: OSError) -> None:
        self._stream = None
        if not isinstance(error, BrokenPipeError):
            self.fault = error
        # What is still held back is written when the interpreter ends; it goes nowhere.
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
