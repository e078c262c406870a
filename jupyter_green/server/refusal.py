"""Why a request gets no answer: an HTTP status and one sentence.

Two kinds are told apart because a page does different things with them: what was asked is wrong (400, 404), or
the ledger can't be read now (503), which carries the ledger's state too.
"""

from __future__ import annotations

from typing import Literal

from jupyter_green.errors import GreenError
from jupyter_green.storage.errors import FaultKind, LedgerError

State = Literal["ok", "missing", "locked", "newer", "unreachable"]

_STATES: dict[FaultKind, State] = {"missing": "missing", "locked": "locked", "newer": "newer"}
"""A ledger that can't be read for another reason is unreachable."""


class Refusal(GreenError):
    """What was asked can't be answered.

    Parameters
    ----------
    status : int
        The HTTP status.
    sentence : str
        What is wrong and what to do, for a person.
    """

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


class Unavailable(Refusal):
    """The ledger can't be read now.

    Parameters
    ----------
    state : State
        Why.
    sentence : str
        The same for a person.
    """

    def __init__(self, state: State, sentence: str) -> None:
        super().__init__(503, sentence)
        self.state = state

    @classmethod
    def of(cls, error: LedgerError) -> Unavailable:
        """Return the refusal for a ledger's error."""
        return cls(_STATES.get(error.kind, "unreachable"), str(error))
