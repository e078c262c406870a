"""Counts of a ledger's records and baselines, and the changes between two counts.

Records are added and deleted, never modified, so that counts reveal every change. A baseline that replaces another one
is detected by its later time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypedDict

_MOST = 20


class Change(TypedDict):
    """The data of one event: new records of one run.

    `records` is 0 if records were deleted, a baseline was added or removed, or the change is unknown.
    """

    notebook: str | None
    run: str | None
    records: int


@dataclass(frozen=True)
class RecordCounts:
    """Counts at one time."""

    total: int = 0
    """Number of all records."""
    runs: Mapping[tuple[str, str | None], int] = field(default_factory=dict)
    """Number of recent records by run and notebook."""
    shelf: tuple[int, float | None] = (0, None)
    """Number of baselines, and when the newest was stored."""

    def since(self, before: RecordCounts) -> list[Change]:
        """Return the changes since an earlier count: one for each run, or a single one if there are many."""
        keys = sorted(self.runs.keys() | before.runs.keys(), key=lambda key: (key[0], key[1] or ""))
        differences = {key: self.runs.get(key, 0) - before.runs.get(key, 0) for key in keys}
        differences = {key: count for key, count in differences.items() if count}
        other = self.total - before.total - sum(differences.values())
        if len(differences) > _MOST:
            return [Change(notebook=None, run=None, records=max(0, self.total - before.total))]
        changes = [
            Change(notebook=notebook, run=run, records=max(0, count)) for (run, notebook), count in differences.items()
        ]
        if other:
            changes.append(Change(notebook=None, run=None, records=max(0, other)))
        elif self.shelf != before.shelf:
            changes.append(UNKNOWN)
        return changes


UNKNOWN = Change(notebook=None, run=None, records=0)
"""An unspecified change, or a possible one while the ledger could not be read."""
