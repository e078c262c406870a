"""The exception of the command line."""

from __future__ import annotations

from jupyter_green.errors import GreenError


class CommandError(GreenError):
    """Invalid input. The message is one sentence that says what to do; the command ends with exit code 2."""
