"""Errors of the ledger, with a one-sentence message. Imports nothing heavy, so that any package may catch them.

Databases report faults by message (SQLite) or by SQLSTATE (PostgreSQL). Both are mapped to a few kinds, because what
the user should do depends on the kind and not on the database.
"""

from __future__ import annotations

from typing import Literal, Protocol

from jupyter_green.errors import GreenError

FaultKind = Literal["corrupt", "missing", "locked", "full", "read-only", "unreachable", "newer", "other"]
NoticeKind = Literal["altered", "waiting", "read-only", "other"]
"""Category of a notice: rows altered from outside, journals not imported yet, a file that can't be written, others."""

_SQLITE: tuple[tuple[str, FaultKind], ...] = (
    ("not a database", "corrupt"),
    ("malformed", "corrupt"),
    ("unsupported file format", "corrupt"),
    ("no such table", "missing"),
    ("unable to open database", "missing"),
    ("locked", "locked"),
    ("busy", "locked"),
    ("disk is full", "full"),
    ("disk i/o error", "full"),  # also raised at a quota or a file-size limit
    ("readonly", "read-only"),
)
_STATES: tuple[tuple[str, FaultKind], ...] = (
    ("42P01", "missing"),
    ("55P03", "locked"),
    ("40P01", "locked"),
    ("53100", "full"),
    ("25006", "read-only"),
    ("42501", "read-only"),
    ("08", "unreachable"),
    ("28", "unreachable"),
    ("3D000", "unreachable"),
    ("57P", "unreachable"),
    ("53300", "unreachable"),
)
_ADVICE: dict[FaultKind, str] = {
    "corrupt": "is damaged ({reason}); move it away or name another one",
    "missing": "can't be opened ({reason}); see that its folder exists and is yours",
    "locked": "was locked by another program for too long; nothing is lost, try again when that program is done",
    "full": "can't grow ({reason}): the disk or a quota is full; nothing is lost, make room and try again",
    "read-only": "can't be written ({reason}); nothing is lost, but new records wait in the journal until it can",
    "unreachable": "can't be reached ({reason}); records wait in the journal until it can",
    "newer": "was written by a newer jupyter_green ({reason}); upgrade jupyter_green, nothing was written",
    "other": "refused: {reason}",
}


class LedgerError(GreenError):
    """An operation on the ledger failed.

    Parameters
    ----------
    message : str
        One sentence for the user: the reason, and what to do.
    kind : FaultKind
        Kind of fault, for code.
    """

    def __init__(self, message: str, kind: FaultKind = "other") -> None:
        super().__init__(message)
        self.kind = kind

    @classmethod
    def of(cls, name: str, kind: FaultKind, reason: str) -> LedgerError:
        """Return the error for a kind of fault; parameters as for `sentence`."""
        return cls(sentence(name, kind, reason), kind)


class Notice(Protocol):
    """A function that stores a notice."""

    def __call__(self, text: str, kind: NoticeKind = "other") -> None:
        """Store a one-sentence message for the user, with its category."""


class DamagedRecord(LedgerError):
    """A stored record was altered from outside and can't be read; other records can."""


def number_of(count: int, one: str, many: str) -> str:
    """Return a count with its noun and verb: ``1 record was``, ``2 records were``."""
    return f"1 {one} was" if count == 1 else f"{count} {many} were"


def kind_of(message: str, state: str | None = None) -> FaultKind:
    """Return the kind of fault for a database's message and, if available, its SQLSTATE."""
    if state is not None:
        return next((kind for start, kind in _STATES if state.startswith(start)), "other")
    lower = message.lower()
    return next((kind for part, kind in _SQLITE if part in lower), "other")


def sentence(name: str, kind: FaultKind, message: str) -> str:
    """Return the message for the user, with the first line of the database's own; both are without passwords."""
    reason = " ".join(message.split("\n", 1)[0].split()).rstrip(".") or "no reason given"
    return f"The ledger {name} {_ADVICE[kind].format(reason=reason)}."
