"""What was decided and granted, as rows that are only added to; see `posting`.

In a ledger that others write to as well nothing is found or entered until it is told whose is whose. There is no way
to change or delete a posting: a later one says what holds instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import ColumnElement, Connection

from . import schema
from .baselines import BaselineStore
from .errors import number_of
from .event import LedgerEvent, PostingKind, enter, found
from .privacy import plain
from .record_filter import Filters
from .time_range import period

_PLACED = frozenset({"project", "notebook", "since", "until"})
"""Filters that mean something for a posting; with any other one, a file holds none."""


class EventStore(BaselineStore):
    """The part of a ledger that keeps postings."""

    def post(
        self,
        kind: PostingKind,
        document: dict[str, Any],
        *,
        project: str | None = None,
        notebook: str | None = None,
        made_at: float | None = None,
        id: str | None = None,
    ) -> LedgerEvent:
        """Enter something once; return it as it is kept.

        Parameters
        ----------
        kind : str
            What it is.
        document : dict
            What it says.
        project, notebook : str, optional
            Where it belongs.
        made_at : float, optional
            When, in seconds since 1970; by default now.
        id : str, optional
            Its identity; one that is there already is left as it is.

        Raises
        ------
        ValueError
            If it can't be kept.
        LedgerError
            If the ledger can't be written, or does not tell whose it is.
        """
        given: dict[str, Any] = {} if made_at is None else {"made_at": made_at}
        if id is not None:
            given["id"] = id
        made = LedgerEvent(kind, document, project, notebook, **given, owner=self._whose())
        kept = made.withheld(self._privacy)
        self._open()
        self._database.write(lambda connection: enter(connection, [kept]))
        return kept

    def postings(
        self, kind: PostingKind | None = None, *, project: str | None = None, notebook: str | None = None
    ) -> list[LedgerEvent]:
        """Return one's own postings, oldest first.

        Parameters
        ----------
        kind : str, optional
            Only of this kind.
        project, notebook : str, optional
            Only of this place.

        Raises
        ------
        LedgerError
            If the ledger can't be read, or does not tell whose they are.
        """
        where = [self._own(schema.postings)]
        if kind is not None:
            where.append(schema.postings.c.kind == kind)
        where += self._of_place(Filters(project=project, notebook=notebook))
        self._open()
        return self._database.read(lambda connection: self._whole_postings(connection, where))

    def _whole_postings(self, connection: Connection, where: list[ColumnElement[bool]]) -> list[LedgerEvent]:
        altered: list[str] = []
        whole = found(connection, where, altered)
        if altered:
            self._notice(
                f"{number_of(len(altered), 'budget, tariff or credit', 'budgets, tariffs or credits')} altered from "
                "outside and can't be read; all others are there.",
                "altered",
            )
        return whole

    # ---- files --------------------------------------------------------------------------------

    def _exported(self, connection: Connection, filters: Filters) -> list[LedgerEvent]:
        """Return the postings that belong into a file with these filters, of whom records are exported."""
        given = {name for name, value in filters.items() if value is not None}
        if given - _PLACED:
            return []
        return self._whole_postings(connection, [*self._of_place(filters), *self._scope.readable(schema.postings)])

    def _of_place(self, filters: Filters) -> list[ColumnElement[bool]]:
        table = schema.postings.c
        where: list[ColumnElement[bool]] = []
        project, notebook = filters.get("project"), filters.get("notebook")
        if project is not None:
            where.append(table.project.in_([plain(form) for form in self._privacy.projects(project)]))
        if notebook is not None:
            where.append(table.notebook.in_([plain(form) for form in self._privacy.notebooks(notebook)]))
        since, until = period(filters.get("since"), filters.get("until"))
        if since is not None:
            where.append(table.made_at >= since)
        if until is not None:
            where.append(table.made_at < until)
        return where

    def _taken(self, connection: Connection, postings: Sequence[LedgerEvent]) -> int:
        """Enter postings of a file, and put its baselines on the shelf; return how many were new."""
        owner = self._whose()
        entered = enter(connection, [replace(one, owner=owner).withheld(self._privacy) for one in postings])
        self._shelve(connection, [posting for posting in entered if posting.kind == "baseline"])
        return len(entered)
