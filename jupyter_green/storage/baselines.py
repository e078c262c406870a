"""What is kept to compare runs with: earlier runs of a notebook, and named baselines.

What a baseline says is another room's: here it is a document under a name, one person's and one notebook's. In a ledger
that others write to as well, nothing is found or kept until the ledger is told whose records are whose.
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
"""Executions of one run that are read to compare with, the newest ones."""
LONGEST_NAME = 200


def is_name(name: str) -> bool:
    """Whether a baseline may be called so; dots alone would be a folder in its address."""
    return bool(name.strip(" .")) and len(name) <= LONGEST_NAME and plain(name) == name


class StoredBaseline(NamedTuple):
    """A baseline on the shelf, without its cells; times in seconds since 1970."""

    name: str
    notebook: str
    made_at: float
    kept_at: float
    head: dict[str, Any]


class BaselineStore(NotebookAliases):
    """The part of a ledger that keeps baselines."""

    # ---- earlier runs -------------------------------------------------------------------------

    def latest_runs(self, notebook: str | None, project: str | None, *, but: str | None, most: int) -> list[str]:
        """Return the identities of the runs of a notebook that began last, newest first.

        A run without a cell that finished well is none to compare with.

        Parameters
        ----------
        notebook, project : str or None
            Whose runs: of this notebook, in this project.
        but : str or None
            A run that is left out.
        most : int
            At most so many.

        Raises
        ------
        LedgerError
            If the ledger can't be read, or does not tell whose runs are whose.
        """
        table = schema.records.c
        where = self._finished()
        where.append(table.notebook.is_(None) if notebook is None else self.of_notebook(notebook))
        if project is not None:
            where.append(table.project.in_([plain(form) for form in self._privacy.projects(project)]))
        if but is not None:
            where.append(table.run_id != plain(but))
        began = func.min(table.started_at)
        wanted = (
            select(table.run_id)
            .where(*where)
            .group_by(table.run_id)
            .order_by(began.desc(), table.run_id.desc())
            .limit(most)
        )
        self._fresh()
        return self._database.read(lambda connection: [str(run) for run in connection.execute(wanted).scalars()])

    def finished_cells(self, run: str) -> Iterator[EnergyRecord]:
        """Return a run's cells that finished well with a reading, oldest first, without their courses of power.

        All are found at once; what each says is read when it is taken.

        Raises
        ------
        LedgerError
            If the ledger can't be read, or does not tell whose runs are whose.
        """
        table = schema.records.c
        wanted = (
            select(table.document)
            .where(table.run_id == plain(run), *self._finished())
            .order_by(table.started_at.desc(), table.id.desc())
            .limit(MOST_CELLS)
        )
        self._fresh()
        found = self._database.read(lambda connection: list(connection.execute(wanted).scalars()))
        return self._whole_of((document, None) for document in reversed(found))

    def _finished(self) -> list[ColumnElement[bool]]:
        table = schema.records.c
        where = [table.span == "cell", table.status == "ok", record_filter.OUTER, table.joules.is_not(None)]
        self._whose()
        return [*where, *self._scope.readable(schema.records)]

    # ---- named baselines ----------------------------------------------------------------------

    def baselines(self, notebook: str | None = None, most: int | None = None) -> list[StoredBaseline]:
        """Return the baselines of a notebook, or of all, newest first; with `most` at most so many.

        Raises
        ------
        LedgerError
            If the ledger can't be read, or does not tell whose they are.
        """
        table = schema.baselines.c
        where = [self._own(schema.baselines)]
        places = [] if notebook is None else self._places(notebook)
        if places:
            where.append(table.notebook.in_(places))
        wanted = (
            select(table.name, table.notebook, table.made_at, table.kept_at, table.head)
            .where(*where)
            .order_by(table.kept_at.desc(), table.name)
            .limit(most)
        )
        self._open()
        rows = self._database.read(lambda connection: [tuple(row) for row in connection.execute(wanted)])
        found = [
            StoredBaseline(row[0], row[1], row[2], row[3], head)
            for row in rows
            if all(isinstance(text, str) for text in row[:2])
            and all(isinstance(moment, (int, float)) for moment in row[2:4])
            and (head := object_of(row[4])) is not None
        ]
        if len(found) < len(rows):
            lost = number_of(len(rows) - len(found), "baseline", "baselines")
            self._notice(f"{lost} altered from outside and can't be read; all others are there.", "altered")
        if len(places) < 2:
            return found
        # Of two that bear one name, the one under the notebook's newer name is meant.
        first: dict[str, int] = {}
        for kept in found:
            first[kept.name] = min(first.get(kept.name, len(places)), places.index(kept.notebook))
        return [kept for kept in found if places.index(kept.notebook) == first[kept.name]]

    def baseline(self, notebook: str, name: str) -> dict[str, Any] | None:
        """Return the document of a baseline; None where there is none of that name.

        Raises
        ------
        LedgerError
            If the ledger can't be read, or does not tell whose it is.
        """
        if not is_name(name):
            return None
        for place in self._places(notebook):
            wanted = select(schema.baselines.c.document).where(*self._named(place, name))
            found = self._one(wanted.order_by(schema.baselines.c.kept_at.desc()))
            if found is not None:
                document = object_of(found)
                if document is None:
                    raise LedgerError(
                        f"The baseline {name!r} was altered from outside and can't be read; forget it and keep it anew."
                    )
                return document
        return None

    def keep_baseline(
        self, notebook: str, name: str, *, head: dict[str, Any], document: dict[str, Any], made_at: float
    ) -> bool:
        """Keep a baseline; return whether it took the place of one with the same name.

        Raises
        ------
        ValueError
            If the name is empty or too long.
        LedgerError
            If the ledger can't be written, or does not tell whose it is.
        """
        if not is_name(name):
            raise ValueError(f"{name[:80]!r} is no name for a baseline.")
        said = {"name": name, "made_at": made_at, "head": head, "baseline": document}
        posting = LedgerEvent("baseline", said, notebook=self.place(notebook), owner=self._whose())
        self._open()

        def work(connection: Connection) -> bool:
            enter(connection, [posting])
            return self._put(connection, posting)

        return self._database.write(work)

    def forget_baseline(self, notebook: str, name: str) -> bool:
        """Delete a baseline; return whether there was one. The run's records stay.

        Raises
        ------
        LedgerError
            If the ledger can't be written, or does not tell whose it is.
        """
        if not is_name(name):
            return False
        owner, places = self._whose(), self._places(notebook)
        self._open()

        def work(connection: Connection) -> bool:
            for place in places:
                doomed = delete(schema.baselines).where(*self._named(place, name))
                if connection.execute(doomed).rowcount:
                    gone = {"name": name, "baseline": None}
                    enter(connection, [LedgerEvent("baseline", gone, notebook=self.place(place), owner=owner)])
                    return True
            return False

        return self._database.write(work)

    # ---- inside -------------------------------------------------------------------------------

    def _put(self, connection: Connection, posting: LedgerEvent) -> bool:
        """Put a baseline on the shelf as a posting says; return whether it took another one's place."""
        table, said = schema.baselines.c, posting.document
        same = (table.notebook == posting.notebook, table.name == said["name"], table.owner == posting.owner)
        replaced = bool(connection.execute(delete(schema.baselines).where(*same)).rowcount)
        if said["baseline"] is not None:
            row = {
                "notebook": posting.notebook,
                "name": said["name"],
                "owner": posting.owner,
                "made_at": said["made_at"],
                "kept_at": posting.made_at,
                "head": json.dumps(said["head"], separators=(",", ":"), allow_nan=False),
                "document": json.dumps(said["baseline"], separators=(",", ":"), allow_nan=False),
            }
            connection.execute(insert(schema.baselines), [row])
        return replaced

    def _shelve(self, connection: Connection, postings: Iterable[LedgerEvent]) -> None:
        """Put the baselines of a file on the shelf, where no newer one of the name lies there."""
        table = schema.baselines.c
        for posting in sorted(postings, key=lambda one: one.made_at):
            name = posting.document.get("name")
            if not isinstance(name, str) or not is_name(name) or posting.notebook is None:
                continue  # it is entered as it was; nobody could ask for it by name
            same = (table.notebook == posting.notebook, table.name == name, table.owner == posting.owner)
            there = connection.execute(select(table.kept_at).where(*same)).scalar_one_or_none()
            if there is None or there < posting.made_at:
                self._put(connection, posting)

    def _named(self, notebook: str, name: str) -> list[ColumnElement[bool]]:
        table = schema.baselines.c
        return [table.notebook == self.place(notebook), table.name == name, self._own(schema.baselines)]
