"""A posting: one thing that was decided or granted, written once and never changed.

What it says is another room's: here it is a kind, a place, a time and a document. What holds now is the newest of its
kind, so that whoever reads all of them sees what held when. In a file a posting is a JSON line of its own, beside those
of the records.
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
"""Free text in a document, which leaves the machine only where labels do."""
_BATCH = 400


@dataclass(frozen=True)
class LedgerEvent:
    """One row.

    Parameters
    ----------
    kind : {"budget", "tariff", "override", "baseline", "credit"}
        What it is.
    document : dict
        What it says, as plain data for JSON.
    project, notebook : str or None
        Where it belongs.
    made_at : float
        When it was made, in seconds since 1970.
    id : str
        Its identity.
    owner : str
        Whose it is; empty where nobody has a name.
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
            raise ValueError(f"There is no posting of the kind {repr(self.kind)[:80]}.")
        if not isinstance(self.id, str) or not self.id or plain(self.id) != self.id:
            raise ValueError("the posting has no identity")
        if not isinstance(self.made_at, (int, float)) or not abs(self.made_at) <= LAST:
            raise ValueError("the posting has no time")
        if not isinstance(self.document, dict):
            raise ValueError("the posting says nothing")

    def withheld(self, privacy: Privacy) -> LedgerEvent:
        """Return the posting as it may be stored."""
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
        """Return plain data for a line of a file."""
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
        """Rebuild a posting.

        Raises
        ------
        ValueError
            If the data is none, or of a newer version.
        """
        version = data.get("posting")
        if version != VERSION:
            raise ValueError(
                f"this posting has version {repr(version)[:80]}; this jupyter_green reads {VERSION}: upgrade it"
            )
        texts = {name: data.get(name) for name in ("project", "notebook")}
        owner = data.get("owner", "")
        if any(not isinstance(value, (str, type(None))) for value in texts.values()) or not isinstance(owner, str):
            raise ValueError("the posting holds a value of the wrong kind")
        try:
            json.dumps(data["document"], allow_nan=False)
        except (ValueError, RecursionError, KeyError):
            raise ValueError("the posting says nothing that can be kept") from None
        try:
            return cls(data["kind"], data["document"], **texts, made_at=data["made_at"], id=data["id"], owner=owner)
        except KeyError as error:
            raise ValueError(f"the posting has no {error.args[0]}") from None

    def row(self) -> dict[str, Any]:
        """Return the row of the table."""
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
    """Insert what is not there yet, as the only writer; return those."""
    entered: list[LedgerEvent] = []
    for start in range(0, len(postings), _BATCH):
        batch = {posting.id: posting for posting in postings[start : start + _BATCH]}
        known = select(schema.postings.c.id).where(schema.postings.c.id.in_(list(batch)))
        for posting_id in connection.execute(known).scalars():
            del batch[posting_id]
        if batch:
            connection.execute(insert(schema.postings), [posting.row() for posting in batch.values()])
        entered += batch.values()
    return entered


def found(connection: Connection, where: Iterable[ColumnElement[bool]], altered: list[str]) -> list[LedgerEvent]:
    """Return postings, oldest first; the identities of those that were altered from outside go into the list."""
    table = schema.postings.c
    wanted: Executable = (
        select(table.kind, table.document, table.project, table.notebook, table.made_at, table.id, table.owner)
        .where(*where)
        .order_by(table.made_at, table.id)
    )
    whole = []
    for kind, document, project, notebook, made_at, posting_id, owner in map(tuple, connection.execute(wanted)):
        try:
            texts = {"project": project, "notebook": notebook, "owner": owner}
            data = {"posting": VERSION, "id": posting_id, "kind": kind, "made_at": made_at, **texts}
            whole.append(LedgerEvent.from_dict({**data, "document": object_of(document)}))
        except ValueError:
            altered.append(str(posting_id))
    return whole
