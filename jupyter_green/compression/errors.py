"""What stops a shrink before it starts or a saved model from loading: one sentence that says what to do."""

from __future__ import annotations

import asyncio
import importlib
from typing import Any

from jupyter_green.errors import GreenError

RAISED = (Exception, SystemExit, asyncio.CancelledError)
"""What somebody else's code may raise without being told to stop: `sys.exit()` in it ends nobody else's turn."""

_MEMORY = ("out of memory", "allocate memory", "failed to allocate", "bad_alloc", "bad allocation", "cannot allocate")
"""How the libraries say that memory ran out."""


class ShrinkError(GreenError, ValueError):
    """Bad input or a missing part; the message is one sentence for the person."""


def require(name: str, extra: str = "shrink") -> Any:
    """Import a library of the extra.

    Parameters
    ----------
    name : str
        Module to import.
    extra : str
        Name of the extra that brings it.

    Raises
    ------
    ShrinkError
        If it is not installed; the sentence says how to install it.
    """
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and error.name.partition(".")[0] != name.partition(".")[0]:
            raise
        raise ShrinkError(
            f"{name.partition('.')[0]} is not installed; run: pip install 'jupyter_green[{extra}]'."
        ) from None


def of_memory(error: BaseException) -> bool:
    """Whether something failed because there was not enough memory, as itself or its causes say."""
    said = str(error).lower()
    found = isinstance(error, MemoryError) or any(words in said for words in _MEMORY)
    return found or (error.__cause__ is not None and of_memory(error.__cause__))


def why(error: BaseException) -> str:
    """Return in one line why something failed, for a row."""
    if of_memory(error):
        return "There was not enough memory for it."
    if isinstance(error, SystemExit):
        return f"It called sys.exit({'' if error.code is None else repr(error.code):.80})"
    first = (str(error).strip().splitlines() or [""])[0]
    return f"{type(error).__name__}: {first[:160]}" if first else type(error).__name__
