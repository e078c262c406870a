"""Storage of events (see `event`), append-only: an event is superseded by a later one, never changed or deleted.

In a shared ledger nothing is read or stored until each user's rows can be identified.
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
"""Filters that apply to events. With any other filter, an export contains no events."""


class EventStore(BaselineStore):
    """The part of a ledger that stores events."""

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
        """Store an event of now, or of another time in seconds since 1970; return it as stored.

        An existing event with this id is left unchanged. Raises ValueError if a value is invalid.
        """
        options: dict[str, Any] = {} if made_at is None else {"made_at": made_at}
        if id is not None:
            options["id"] = id
        event = LedgerEvent(kind, document, project, notebook, **options, owner=self._whose())
        stored = event.withheld(self._privacy)
        self._open()
        self._database.write(lambda connection: enter(connection, [stored]))
        return stored

    def postings(
        self, kind: PostingKind | None = None, *, project: str | None = None, notebook: str | None = None
    ) -> list[LedgerEvent]:
        """Return one's own events, oldest first; all, or those of a kind, project or notebook."""
        where = [self._own(schema.postings)]
        if kind is not None:
            where.append(schema.postings.c.kind == kind)
        where += self._of_place(Filters(project=project, notebook=notebook))
        self._open()
        return self._database.read(lambda connection: self._valid_events(connection, where))

    def _valid_events(self, connection: Connection, where: list[ColumnElement[bool]]) -> list[LedgerEvent]:
        """Return the readable events. Unreadable ones are counted in a notice."""
        altered: list[str] = []
        events = found(connection, where, altered)
        if altered:
            self._notice(
                f"{number_of(len(altered), 'budget, tariff or credit', 'budgets, tariffs or credits')} altered from "
                "outside and can't be read; all others are there.",
                "altered",
            )
        return events

    # ---- files --------------------------------------------------------------------------------

    def _exported(self, connection: Connection, filters: Filters) -> list[LedgerEvent]:
        """Return the events to export with these filters, of the same owners as the records."""
        active = {name for name, value in filters.items() if value is not None}
        if active - _PLACED:
            return []
        return self._valid_events(connection, [*self._of_place(filters), *self._scope.readable(schema.postings)])

    def _of_place(self, filters: Filters) -> list[ColumnElement[bool]]:
        """Return the filters that apply to events as conditions."""
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
        """Store imported events, and the baselines among them; return how many were new."""
        owner = self._whose()
        entered = enter(connection, [replace(one, owner=owner).withheld(self._privacy) for one in postings])
        self._store_imported_baselines(connection, [posting for posting in entered if posting.kind == "baseline"])
        return len(entered)
