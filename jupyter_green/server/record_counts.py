"""How many records and baselines a ledger holds, and what has changed between two such counts.

Records are added and deleted, never altered, so that counts tell every change. A baseline that takes the place of
another is the newest one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypedDict

_MOST = 20


class Change(TypedDict):
    """The data of one event: what came, of which run.

    `records` is 0 where something went, where a baseline came or went, or where what has changed is not known.
    """

    notebook: str | None
    run: str | None
    records: int


@dataclass(frozen=True)
class RecordCounts:
    """Records of a ledger at one time.

    Parameters
    ----------
    total : int
        All of them.
    runs : mapping
        Of the newest ones, how many belong to each run and notebook.
    shelf : tuple
        How many baselines there are, and when the newest was kept.
    """

    total: int = 0
    runs: Mapping[tuple[str, str | None], int] = field(default_factory=dict)
    shelf: tuple[int, float | None] = (0, None)

    def since(self, before: RecordCounts) -> list[Change]:
        """Return what has changed, one run at a time, or all in one where it is much."""
        keys = sorted(self.runs.keys() | before.runs.keys(), key=lambda key: (key[0], key[1] or ""))
        grown = {key: self.runs.get(key, 0) - before.runs.get(key, 0) for key in keys}
        grown = {key: count for key, count in grown.items() if count}
        rest = self.total - before.total - sum(grown.values())
        if len(grown) > _MOST:
            return [Change(notebook=None, run=None, records=max(0, self.total - before.total))]
        changes = [
            Change(notebook=notebook, run=run, records=max(0, count)) for (run, notebook), count in grown.items()
        ]
        if rest:
            changes.append(Change(notebook=None, run=None, records=max(0, rest)))
        elif self.shelf != before.shelf:
            changes.append(UNKNOWN)
        return changes


UNKNOWN = Change(notebook=None, run=None, records=0)
"""Something else has changed, or may have while the ledger could not be looked at."""
