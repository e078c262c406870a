"""What of a record may leave the machine.

A ledger on this machine keeps everything. One elsewhere gets, unless the person says otherwise, no path,
no label, no cell identity, no host and no user; a notebook is replaced by a hash, so that its records
still belong together. Source text is in no record in the first place.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from jupyter_green.records import SHRUNK, EnergyRecord

SHARE_VARIABLE = "JUPYTER_GREEN_SHARE"
SHAREABLE = ("notebook", "label", "cell_id", "host", "owner", "project")


def hashed(notebook: str) -> str:
    """Return what stands for a notebook's path in a ledger elsewhere."""
    return hashlib.sha256(notebook.encode("utf-8", "surrogatepass")).hexdigest()[:12]


def is_hashed(notebook: str) -> bool:
    """Whether a text is what `hashed` returns."""
    return re.fullmatch(r"[0-9a-f]{12}", notebook) is not None


def _last(project: str) -> str:
    """Return a project's name without the folders it may be named by; it says which one it is."""
    return re.split(r"[/\\]", project.rstrip("/\\"))[-1]


@dataclass(frozen=True)
class Privacy:
    """Decides what of a record is stored.

    Parameters
    ----------
    local : bool
        Whether the ledger is on this machine; then nothing is withheld.
    shared : frozenset of str
        What is stored elsewhere too.
    """

    local: bool
    shared: frozenset[str] = frozenset()

    @classmethod
    def choose(cls, local: bool, share: Iterable[str] | None = None) -> Privacy:
        """Return the rule from the argument or from the environment variable ``JUPYTER_GREEN_SHARE``.

        Raises
        ------
        ValueError
            If something is to be shared that has no such choice.
        """
        if isinstance(share, str):
            share = [share]
        given = os.environ.get(SHARE_VARIABLE, "").replace(",", " ").split() if share is None else list(share)
        unknown = sorted(set(given) - set(SHAREABLE))
        if unknown:
            raise ValueError(f"{unknown[0]!r} can't be shared; choose from {', '.join(SHAREABLE)}.")
        return cls(local, frozenset(given))

    def keeps(self, name: str) -> bool:
        """Whether a field is stored as it is."""
        return self.local or name in self.shared

    def apply(self, record: EnergyRecord) -> EnergyRecord:
        """Return the record as it may be stored."""
        changes: dict[str, Any] = {name: None for name in ("label", "cell_id") if not self.keeps(name)}
        if not self.keeps("label"):
            # A cell's note repeats the label of what ran in it, and is withheld with it.
            changes["notes"] = tuple(note for note in record.notes if not note.startswith(SHRUNK))
        if record.notebook is not None and not self.keeps("notebook"):
            changes["notebook"] = hashed(record.notebook)
        if record.project is not None and not self.keeps("project"):
            changes["project"] = _last(record.project)
        return record.with_(**changes) if changes else record

    def notebooks(self, wanted: str) -> tuple[str, ...]:
        """Return the forms under which a notebook's records may be stored."""
        return (wanted,) if self.local else (wanted, hashed(wanted))

    def projects(self, wanted: str) -> tuple[str, ...]:
        """Return the forms under which a project's records may be stored."""
        return (wanted,) if self.local else (wanted, _last(wanted))

    def __str__(self) -> str:
        if self.local:
            return "everything stays on this machine"
        withheld = [name for name in SHAREABLE if not self.keeps(name)]
        return f"not stored there: {', '.join(withheld)}" if withheld else "everything is stored there"
