"""A ledger event: one decision or grant (budget, tariff, override, baseline, credit), stored once and never changed.

The content is an opaque JSON document here. The newest event of a kind is in effect; all events together are the
history. In an exported file an event is a JSON line of its own, with the key ``posting``.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, get_args

from sqlalchemy import ColumnElement, Connection, Executable, insert, select

from jupyter_green.records import new_id

from . import schema
from .errors import LedgerError
from .integrity import LAST
from .privacy import NO_KEY, Privacy, plain
from .record_rows import object_of

PostingKind = Literal["budget", "tariff", "override", "baseline", "credit"]
VERSION = 1
WITHHELD = ("reason", "label")
"""Free-text fields of a document, stored in a remote ledger only if labels are."""
_BATCH = 400


@dataclass(frozen=True)
class LedgerEvent:
    """One row of the table.

    Parameters
    ----------
    kind : {"budget", "tariff", "override", "baseline", "credit"}
        Kind of event.
    document : dict
        Its content, JSON-ready.
    project, notebook : str or None
        What it applies to.
    made_at : float
        Creation time in seconds since 1970.
    id : str
        Unique id.
    owner : str
        Its owner; empty if unknown.

    Raises
    ------
    ValueError
        If a value is invalid.
    """

    kind: PostingKind
    document: dict[str, Any]
    project: str | None = None
    notebook: str | None = None
    made_at: float = field(default_factory=time.time)
    id: str = field(default_factory=new_id)
    owner: str = ""

    def __post_init__(self) -> None:
        if self.kind not in get_args(PostingKind):
            raise ValueError(f"There is no event of the kind {repr(self.kind)[:80]}.")
        if not isinstance(self.id, str) or not self.id or plain(self.id) != self.id:
            raise ValueError("the event has no id")
        if not isinstance(self.made_at, (int, float)) or not abs(self.made_at) <= LAST:
            raise ValueError("the event has no time")
        if not isinstance(self.document, dict):
            raise ValueError("the event is empty")

    def withheld(self, privacy: Privacy) -> LedgerEvent:
        """Return the event in the form in which it may be stored.

        Raises
        ------
        LedgerError
            If the notebook's name must be hidden and no key can be created.
        """
        document, notebook, project = dict(self.document), self.notebook, self.project
        if not privacy.keeps("label"):
            for name in WITHHELD:
                if document.get(name) is not None:
                    document[name] = None
        if notebook is not None:
            notebook = plain(privacy.notebook(notebook))
            if notebook is None:
                raise LedgerError(NO_KEY)
        if project is not None:
            project = privacy.projects(project)[-1] if not privacy.keeps("project") else project
        return replace(self, document=document, notebook=notebook, project=project)

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready data for a line of a file."""
        return {
            "posting": VERSION,
            "id": self.id,
            "kind": self.kind,
            "owner": self.owner,
            "project": self.project,
            "notebook": self.notebook,
            "made_at": self.made_at,
            "document": self.document,
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> LedgerEvent:
        """Rebuild an event from the output of `to_dict`.

        Raises
        ------
        ValueError
            If the data is invalid or of another version.
        """
        version = data.get("posting")
        if version != VERSION:
            raise ValueError(
                f"this event has version {repr(version)[:80]}; this jupyter_green reads {VERSION}: upgrade it"
            )
        texts = {name: data.get(name) for name in ("project", "notebook")}
        owner = data.get("owner", "")
        if any(not isinstance(value, (str, type(None))) for value in texts.values()) or not isinstance(owner, str):
            raise ValueError("the event holds a value of the wrong type")
        try:
            json.dumps(data["document"], allow_nan=False)
        except (ValueError, RecursionError, KeyError):
            raise ValueError("the event holds nothing that can be stored") from None
        try:
            return cls(data["kind"], data["document"], **texts, made_at=data["made_at"], id=data["id"], owner=owner)
        except KeyError as error:
            raise ValueError(f"the event has no {error.args[0]}") from None

    def row(self) -> dict[str, Any]:
        """Return the row for the table."""
        return {
            "id": self.id,
            "kind": self.kind,
            "owner": plain(self.owner),
            "project": plain(self.project),
            "notebook": plain(self.notebook),
            "made_at": float(self.made_at),
            "document": json.dumps(self.document, separators=(",", ":"), allow_nan=False),
        }


def enter(connection: Connection, postings: Sequence[LedgerEvent]) -> list[LedgerEvent]:
    """Insert new events and return them. The caller must be the only writer."""
    entered: list[LedgerEvent] = []
    for start in range(0, len(postings), _BATCH):
        batch = {posting.id: posting for posting in postings[start : start + _BATCH]}
        existing = select(schema.postings.c.id).where(schema.postings.c.id.in_(list(batch)))
        for posting_id in connection.execute(existing).scalars():
            del batch[posting_id]
        if batch:
            connection.execute(insert(schema.postings), [posting.row() for posting in batch.values()])
        entered += batch.values()
    return entered


def found(connection: Connection, where: Iterable[ColumnElement[bool]], altered: list[str]) -> list[LedgerEvent]:
    """Return the matching events, oldest first. Ids of unreadable ones are appended to `altered`."""
    table = schema.postings.c
    query: Executable = (
        select(table.kind, table.document, table.project, table.notebook, table.made_at, table.id, table.owner)
        .where(*where)
        .order_by(table.made_at, table.id)
    )
    events = []
    for kind, document, project, notebook, made_at, posting_id, owner in map(tuple, connection.execute(query)):
        try:
            texts = {"project": project, "notebook": notebook, "owner": owner}
            data = {"posting": VERSION, "id": posting_id, "kind": kind, "made_at": made_at, **texts}
            events.append(LedgerEvent.from_dict({**data, "document": object_of(document)}))
        except ValueError:
            altered.append(str(posting_id))
    return events
