"""Cache of a ledger's budgets: a small JSON file next to the journals.

A new kernel reads it without opening the ledger, which is slow to import. A running kernel sees from its modification
time that a budget or override was set elsewhere. It also holds the last sums, so that budgets stay in force while the
ledger is unavailable. It is only a cache: the ledger has everything, and a lost or damaged file is written again.
Entries that the ledger has not received yet exist only here; the next kernel that reaches the ledger writes them.
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
"""An entry that the ledger has not received yet: kind, document, and place with time and identity."""


@dataclass
class CachedBudgets:
    """Contents of the cache."""

    budgets: list[Budget] = field(default_factory=list)
    overrides: list[Override] = field(default_factory=list)
    """All that were set and may still be in force."""
    bases: dict[str, LedgerSnapshot] = field(default_factory=dict)
    """The ledger's sums, by identity of the budget."""
    owed: list[Owed] = field(default_factory=list)
    """Entries that the ledger has not received yet."""


class BudgetCache:
    """The cache file of one ledger, given by its URL."""

    def __init__(self, ledger: str) -> None:
        self.path: Path = board(ledger)
        self._seen: tuple[int, int] | None = None

    def changed(self) -> bool:
        """Whether the file was written by someone else since it was last read; one `stat` call."""
        return self._stamp() != self._seen

    def read(self) -> CachedBudgets:
        """Return the contents; empty if the file is missing or can't be read."""
        self._seen = self._stamp()
        try:
            data = json.loads(self.path.read_text(encoding="utf-8"))
            if data["version"] != VERSION:
                return CachedBudgets()
            budgets = [Budget.from_dict(item) for item in data["budgets"]]
            overrides = [Override.from_dict(item) for item in data["overrides"]]
            bases = {key: LedgerSnapshot.from_dict(item) for key, item in data["bases"].items()} if budgets else {}
            owed = [_pending_entry(item) for item in data.get("owed", ())]
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return CachedBudgets()
        return CachedBudgets(budgets, overrides, bases, owed)

    def write(self, known: CachedBudgets) -> None:
        """Write the file atomically; raises OSError if that fails."""
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
            status = self.path.stat()
        except OSError:
            return None
        return status.st_mtime_ns, status.st_ino


def _pending_entry(item: Any) -> Owed:
    """Return a validated pending entry; raises ValueError, KeyError or TypeError if it is not one."""
    kind, document, place = item
    if kind == "budget":
        Budget.from_dict({**document, "project": None, "notebook": None, "id": place["id"]})
    else:
        Override.from_dict(document)
    return "budget" if kind == "budget" else "override", dict(document), dict(place)
