"""Storage of what runs are compared with: earlier runs of a notebook, and named baselines.

Baselines are stored as opaque JSON keyed by owner, notebook and name. In a shared ledger nothing is read or stored
until each user's rows can be identified.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, delete, func, insert, select

from jupyter_green.records import EnergyRecord

from . import record_filter, schema
from .errors import LedgerError, number_of
from .event import LedgerEvent, enter
from .notebook_aliases import NotebookAliases
from .privacy import plain
from .record_rows import object_of

MOST_CELLS = 10_000
"""Maximum number of cell executions read from one run for a comparison, the newest ones."""
LONGEST_NAME = 200


def is_name(name: str) -> bool:
    """Whether a baseline may have this name. Names of dots alone would be path segments in a URL."""
    return bool(name.strip(" .")) and len(name) <= LONGEST_NAME and plain(name) == name


class StoredBaseline(NamedTuple):
    """A stored baseline without its cells; times in seconds since 1970."""

    name: str
    notebook: str
    made_at: float
    kept_at: float
    head: dict[str, Any]


class BaselineStore(NotebookAliases):
    """The part of a ledger that stores baselines.

    Methods raise LedgerError if the ledger can't be read or written, or this user's rows can't be identified.
    """

    # ---- earlier runs -------------------------------------------------------------------------

    def latest_runs(self, notebook: str | None, project: str | None, *, but: str | None, most: int) -> list[str]:
        """Return the ids of at most `most` latest runs of a notebook in a project, newest first, without the run `but`.

        Runs without a successfully finished cell are skipped.
        """
        table = schema.records.c
        where = self._finished()
        where.append(table.notebook.is_(None) if notebook is None else self.of_notebook(notebook))
        if project is not None:
            where.append(table.project.in_([plain(form) for form in self._privacy.projects(project)]))
        if but is not None:
            where.append(table.run_id != plain(but))
        began = func.min(table.started_at)
        query = (
            select(table.run_id)
            .where(*where)
            .group_by(table.run_id)
            .order_by(began.desc(), table.run_id.desc())
            .limit(most)
        )
        self._fresh()
        return self._database.read(lambda connection: [str(run) for run in connection.execute(query).scalars()])

    def finished_cells(self, run: str) -> Iterator[EnergyRecord]:
        """Return a run's successfully finished cells with a reading, oldest first, without power traces.

        One query reads all of them; each document is parsed when the iterator reaches it.
        """
        table = schema.records.c
        query = (
            select(table.document)
            .where(table.run_id == plain(run), *self._finished())
            .order_by(table.started_at.desc(), table.id.desc())
            .limit(MOST_CELLS)
        )
        self._fresh()
        documents = self._database.read(lambda connection: list(connection.execute(query).scalars()))
        return self._whole_of((document, None) for document in reversed(documents))

    def _finished(self) -> list[ColumnElement[bool]]:
        table = schema.records.c
        where = [table.span == "cell", table.status == "ok", record_filter.OUTER, table.joules.is_not(None)]
        self._whose()
        return [*where, *self._scope.readable(schema.records)]

    # ---- named baselines ----------------------------------------------------------------------

    def baselines(self, notebook: str | None = None, most: int | None = None) -> list[StoredBaseline]:
        """Return the baselines of a notebook, or all, newest first; at most `most`."""
        table = schema.baselines.c
        where = [self._own(schema.baselines)]
        keys = [] if notebook is None else self._places(notebook)
        if keys:
            where.append(table.notebook.in_(keys))
        query = (
            select(table.name, table.notebook, table.made_at, table.kept_at, table.head)
            .where(*where)
            .order_by(table.kept_at.desc(), table.name)
            .limit(most)
        )
        self._open()
        rows = self._database.read(lambda connection: [tuple(row) for row in connection.execute(query)])
        readable = [
            StoredBaseline(row[0], row[1], row[2], row[3], head)
            for row in rows
            if all(isinstance(text, str) for text in row[:2])
            and all(isinstance(moment, (int, float)) for moment in row[2:4])
            and (head := object_of(row[4])) is not None
        ]
        if len(readable) < len(rows):
            unreadable = number_of(len(rows) - len(readable), "baseline", "baselines")
            self._notice(f"{unreadable} altered from outside and can't be read; all others are there.", "altered")
        if len(keys) < 2:
            return readable
        # Of two baselines of one name, keep the one stored under the notebook's newer name.
        newest: dict[str, int] = {}
        for kept in readable:
            newest[kept.name] = min(newest.get(kept.name, len(keys)), keys.index(kept.notebook))
        return [kept for kept in readable if keys.index(kept.notebook) == newest[kept.name]]

    def baseline(self, notebook: str, name: str) -> dict[str, Any] | None:
        """Return the document of a baseline; None if there is none of that name."""
        if not is_name(name):
            return None
        for key in self._places(notebook):
            query = select(schema.baselines.c.document).where(*self._named(key, name))
            text = self._one(query.order_by(schema.baselines.c.kept_at.desc()))
            if text is not None:
                document = object_of(text)
                if document is None:
                    raise LedgerError(
                        f"The baseline {name!r} was altered from outside and can't be read; delete it and set it again."
                    )
                return document
        return None

    def keep_baseline(
        self, notebook: str, name: str, *, head: dict[str, Any], document: dict[str, Any], made_at: float
    ) -> bool:
        """Store a baseline; return whether it replaced one of the same name.

        Raises ValueError if the name is empty or too long.
        """
        if not is_name(name):
            raise ValueError(f"{name[:80]!r} is not a valid name for a baseline.")
        content = {"name": name, "made_at": made_at, "head": head, "baseline": document}
        event = LedgerEvent("baseline", content, notebook=self.place(notebook), owner=self._whose())
        self._open()

        def work(connection: Connection) -> bool:
            enter(connection, [event])
            return self._put(connection, event)

        return self._database.write(work)

    def forget_baseline(self, notebook: str, name: str) -> bool:
        """Delete a baseline; return whether there was one. The records of its run are kept."""
        if not is_name(name):
            return False
        owner, keys = self._whose(), self._places(notebook)
        self._open()

        def work(connection: Connection) -> bool:
            for key in keys:
                deletion = delete(schema.baselines).where(*self._named(key, name))
                if connection.execute(deletion).rowcount:
                    content = {"name": name, "baseline": None}
                    enter(connection, [LedgerEvent("baseline", content, notebook=self.place(key), owner=owner)])
                    return True
            return False

        return self._database.write(work)

    # ---- internal -----------------------------------------------------------------------------

    def _put(self, connection: Connection, posting: LedgerEvent) -> bool:
        """Apply a baseline event to the table; return whether it replaced a baseline."""
        table, content = schema.baselines.c, posting.document
        same = (table.notebook == posting.notebook, table.name == content["name"], table.owner == posting.owner)
        replaced = bool(connection.execute(delete(schema.baselines).where(*same)).rowcount)
        if content["baseline"] is not None:
            row = {
                "notebook": posting.notebook,
                "name": content["name"],
                "owner": posting.owner,
                "made_at": content["made_at"],
                "kept_at": posting.made_at,
                "head": json.dumps(content["head"], separators=(",", ":"), allow_nan=False),
                "document": json.dumps(content["baseline"], separators=(",", ":"), allow_nan=False),
            }
            connection.execute(insert(schema.baselines), [row])
        return replaced

    def _store_imported_baselines(self, connection: Connection, postings: Iterable[LedgerEvent]) -> None:
        """Store the baselines of an imported file, unless there is a newer one of the same name."""
        table = schema.baselines.c
        for posting in sorted(postings, key=lambda one: one.made_at):
            name = posting.document.get("name")
            if not isinstance(name, str) or not is_name(name) or posting.notebook is None:
                continue  # stored as an event only, since no query could name it
            same = (table.notebook == posting.notebook, table.name == name, table.owner == posting.owner)
            kept_at = connection.execute(select(table.kept_at).where(*same)).scalar_one_or_none()
            if kept_at is None or kept_at < posting.made_at:
                self._put(connection, posting)

    def _named(self, notebook: str, name: str) -> list[ColumnElement[bool]]:
        table = schema.baselines.c
        return [table.notebook == self.place(notebook), table.name == name, self._own(schema.baselines)]
