"""The budgets as this machine last knew them: a small file beside the journals.

A new kernel reads it without opening the ledger, whose library is heavy, and a kernel that runs sees by the file's time
that somebody set a budget or an override elsewhere. With the last sums in it a budget holds while the ledger is away.
It is no store: the ledger has it all, and a file that is lost or damaged is written anew. Only what could not be
entered yet because the ledger was away stands here alone, for whichever kernel finds the ledger again.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from jupyter_green.storage.atomic_file import write_whole
from jupyter_green.storage.location import board

from .budget import Budget, Override
from .usage import LedgerSnapshot

VERSION = 1
Owed = tuple[Literal["budget", "override"], dict[str, Any], dict[str, Any]]
"""A line that the ledger has not taken yet: its kind, its document, and its place with time and identity."""


@dataclass
class CachedBudgets:
    """What is on the board.

    Parameters
    ----------
    budgets, overrides : list
        All that were set, and may still hold.
    bases : dict of str to Base
        What the ledger said of each budget.
    owed : list of Owed
        What is to be entered once the ledger is back.
    """

    budgets: list[Budget] = field(default_factory=list)
    overrides: list[Override] = field(default_factory=list)
    bases: dict[str, LedgerSnapshot] = field(default_factory=dict)
    owed: list[Owed] = field(default_factory=list)


class BudgetCache:
    """The board of one ledger.

    Parameters
    ----------
    ledger : str
        Its URL.
    """

    def __init__(self, ledger: str) -> None:
        self.path: Path = board(ledger)
        self._seen: tuple[int, int] | None = None

    def changed(self) -> bool:
        """Whether somebody has written it since it was read; one look at the file's time."""
        return self._stamp() != self._seen

    def read(self) -> CachedBudgets:
        """Return what is on it; nothing where there is none or it can't be read."""
        self._seen = self._stamp()
        try:
            data = json.loads(self.path.read_text(encoding="utf-8"))
            if data["version"] != VERSION:
                return CachedBudgets()
            budgets = [Budget.from_dict(item) for item in data["budgets"]]
            overrides = [Override.from_dict(item) for item in data["overrides"]]
            bases = {key: LedgerSnapshot.from_dict(item) for key, item in data["bases"].items()} if budgets else {}
            owed = [_owed(item) for item in data.get("owed", ())]
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return CachedBudgets()
        return CachedBudgets(budgets, overrides, bases, owed)

    def write(self, known: CachedBudgets) -> None:
        """Write it anew; raises OSError where the disk refuses."""
        data: dict[str, Any] = {
            "version": VERSION,
            "budgets": [budget.to_dict() for budget in known.budgets],
            "overrides": [override.to_dict() for override in known.overrides],
            "bases": {key: base.to_dict() for key, base in known.bases.items()},
            "owed": known.owed,
        }
        write_whole(self.path, json.dumps(data, separators=(",", ":")), mode=0o600)  # reasons of overrides are private
        self._seen = self._stamp()

    def _stamp(self) -> tuple[int, int] | None:
        try:
            found = self.path.stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_ino


def _owed(item: Any) -> Owed:
    """Return a line that is owed; raises ValueError, KeyError or TypeError where it is none."""
    kind, document, place = item
    if kind == "budget":
        Budget.from_dict({**document, "project": None, "notebook": None, "id": place["id"]})
    else:
        Override.from_dict(document)
    return "budget" if kind == "budget" else "override", dict(document), dict(place)
