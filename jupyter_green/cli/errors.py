"""Refusal: the one way a command says that it can't do what was asked."""

from __future__ import annotations

from jupyter_green.errors import GreenError


class CommandError(GreenError):
    """Bad input. The message is one sentence that says what to do; the command ends with exit code 2."""
