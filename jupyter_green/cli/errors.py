"""Refusal: the one way a command says that it can't do what was asked."""

from __future__ import annotations


class CommandError(Exception):
    """Bad input. The message is one sentence that says what to do; the command ends with exit code 2."""
