"""The exception of the command line."""

from __future__ import annotations


class CommandError(Exception):
    """Invalid input. The message is one sentence that says what to do; the command ends with exit code 2."""
