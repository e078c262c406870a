"""What goes wrong with a ledger, said in one sentence; light, so that any room may catch it.

Databases tell their faults by text (SQLite) or by a five-letter state (PostgreSQL); both are brought to
a few kinds here, because what a person should do depends on the kind and not on the database.
"""

from __future__ import annotations

from typing import Literal

from jupyter_green.errors import GreenError

FaultKind = Literal["corrupt", "missing", "locked", "full", "read-only", "unreachable", "newer", "other"]
NoticeKind = Literal["altered", "waiting", "other"]
"""What a ledger's notice is about: rows altered from outside, journals not in the ledger yet, anything else."""

_SQLITE: tuple[tuple[str, FaultKind], ...] = (
    ("not a database", "corrupt"),
    ("malformed", "corrupt"),
    ("unsupported file format", "corrupt"),
    ("no such table", "missing"),
    ("unable to open database", "missing"),
    ("locked", "locked"),
    ("busy", "locked"),
    ("disk is full", "full"),
    ("disk i/o error", "full"),  # a quota or a file-size limit comes out like this
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
    "locked": "was held by another program for too long; nothing is lost, try again when that program is done",
    "full": "can't grow ({reason}): the disk or a quota is full; nothing is lost, make room and try again",
    "read-only": "can't be written ({reason}); nothing is lost, but new records wait in the journal until it can",
    "unreachable": "can't be reached ({reason}); records wait in the journal until it can",
    "newer": "was written by a newer jupyter_green ({reason}); upgrade jupyter_green, nothing was written",
    "other": "refused: {reason}",
}


class LedgerError(GreenError):
    """A ledger that can't do what was asked.

    Parameters
    ----------
    message : str
        One sentence for a person: why, and what to do.
    kind : FaultKind
        The same for code, which never reads the sentence.
    """

    def __init__(self, message: str, kind: FaultKind = "other") -> None:
        super().__init__(message)
        self.kind = kind

    @classmethod
    def of(cls, name: str, kind: FaultKind, reason: str) -> LedgerError:
        """Return the error of one kind; the parameters are those of `sentence`."""
        return cls(sentence(name, kind, reason), kind)


class DamagedRecord(LedgerError):
    """A stored record that was altered from outside and can't be read; the others can."""


def number_of(count: int, one: str, many: str) -> str:
    """Return such as ``1 record was`` and ``2 records were``."""
    return f"1 {one} was" if count == 1 else f"{count} {many} were"


def kind_of(message: str, state: str | None = None) -> FaultKind:
    """Return what kind of fault a database's message and, if it has one, its SQL state mean."""
    if state is not None:
        return next((kind for start, kind in _STATES if state.startswith(start)), "other")
    lower = message.lower()
    return next((kind for part, kind in _SQLITE if part in lower), "other")


def sentence(name: str, kind: FaultKind, message: str) -> str:
    """Return the one sentence that a person reads.

    Parameters
    ----------
    name : str
        The ledger, as it may be shown.
    kind : FaultKind
        Of `kind_of`.
    message : str
        The database's own words, passwords struck out; only the first line is used.
    """
    reason = " ".join(message.split("\n", 1)[0].split()).rstrip(".") or "no reason given"
    return f"The ledger {name} {_ADVICE[kind].format(reason=reason)}."
