"""Errors of disclosures, and the import of optional libraries."""

from __future__ import annotations

import importlib
from typing import Any

from jupyter_green.errors import GreenError


class DiscloseError(GreenError, ValueError):
    """Invalid input, or a required fact of a disclosure is missing; the message is one sentence for the user."""


def require(name: str) -> Any:
    """Import a library of the extra ``disclose``.

    Raises DiscloseError if it is not installed; the message says how to install it.
    """
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        top = name.partition(".")[0]
        if error.name is None or error.name.partition(".")[0] != top:
            raise
        raise DiscloseError(f"{top} is not installed; run: pip install 'jupyter_green[disclose]'.") from None
