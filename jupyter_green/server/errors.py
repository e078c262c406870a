"""Errors of the API: an HTTP status and a one-sentence message.

Two kinds are distinguished because clients handle them differently: an invalid request (400, 404), and a ledger that
can't be read now (503), which includes the ledger's state.
"""

from __future__ import annotations

from typing import Literal

from jupyter_green.errors import GreenError
from jupyter_green.storage.errors import FaultKind, LedgerError

State = Literal["ok", "missing", "locked", "newer", "unreachable"]

_STATES: dict[FaultKind, State] = {"missing": "missing", "locked": "locked", "newer": "newer"}
"""States by kind of fault; all other faults count as unreachable."""


class Refusal(GreenError):
    """The request can't be answered: an HTTP status, and what is wrong and what to do, for the user."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


class Unavailable(Refusal):
    """The ledger can't be read now: the reason, also as a message for the user."""

    def __init__(self, state: State, sentence: str) -> None:
        super().__init__(503, sentence)
        self.state = state

    @classmethod
    def of(cls, error: LedgerError) -> Unavailable:
        """Return the error for a ledger's error."""
        return cls(_STATES.get(error.kind, "unreachable"), str(error))
