"""Errors of compressing, loading and comparing models: each message is one sentence that says what to do."""

from __future__ import annotations

import asyncio
import importlib
from typing import Any

from jupyter_green.errors import GreenError

RAISED = (Exception, SystemExit, asyncio.CancelledError)
"""What third-party code may raise; `sys.exit()` in it must not end the search."""

_MEMORY = ("out of memory", "allocate memory", "failed to allocate", "bad_alloc", "bad allocation", "cannot allocate")
"""Fragments of the libraries' messages for lack of memory."""


class ShrinkError(GreenError, ValueError):
    """Bad input or a missing part; the message is one sentence for the person."""


def require(name: str, extra: str = "shrink") -> Any:
    """Import a module of an extra of this package.

    Raises ShrinkError, which says how to install it, if it is not installed.
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
    """Whether an error, or one of its causes, is due to lack of memory."""
    message = str(error).lower()
    matches = isinstance(error, MemoryError) or any(fragment in message for fragment in _MEMORY)
    return matches or (error.__cause__ is not None and of_memory(error.__cause__))


def why(error: BaseException) -> str:
    """Return the reason of an error in one line, for a table."""
    if of_memory(error):
        return "There was not enough memory for it."
    if isinstance(error, SystemExit):
        return f"It called sys.exit({'' if error.code is None else repr(error.code):.80})"
    first = (str(error).strip().splitlines() or [""])[0]
    return f"{type(error).__name__}: {first[:160]}" if first else type(error).__name__
