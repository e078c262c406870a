"""The baseline chosen for a notebook, and the notebook's earlier names.

A notebook is identified by its name. When it is renamed, its earlier names are stored with its choice, each with the
time until which records of that name belong to it. So no record is rewritten, and another notebook that later gets the
old name starts afresh.
"""

from __future__ import annotations

import json
from abc import abstractmethod
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, Table, and_, delete, insert, or_, select

from . import schema
from .errors import LedgerError
from .privacy import NO_KEY, hashed, plain
from .reader import Reader
from .record_rows import object_of

MOST_FORMER = 20
"""Maximum number of earlier names stored for one notebook, the newest ones."""
_FORMER = "formerly"


class FormerName(NamedTuple):
    """An earlier name of a notebook, as stored (see `NotebookAliases.place`), and the time of its end."""

    notebook: str
    until: float


def _formers(choice: dict[str, Any]) -> list[tuple[str, float]]:
    """Return the valid earlier names in a choice."""
    items = choice.get(_FORMER)
    return [
        (item[0], float(item[1]))
        for item in (items if isinstance(items, list) else ())
        if isinstance(item, list) and len(item) == 2 and isinstance(item[0], str) and isinstance(item[1], (int, float))
    ]


class NotebookAliases(Reader):
    """The part of a ledger that resolves names of notebooks.

    Methods raise LedgerError if the ledger can't be read or written, or this user's rows can't be identified.
    """

    @abstractmethod
    def _open(self) -> None:
        """Make sure that the database is open."""

    def place(self, notebook: str) -> str:
        """Return the stored form of a notebook's name. Applying it to a stored form changes nothing.

        Raises LedgerError if the name must be hidden and no key can be created.
        """
        form = self._privacy.notebook(notebook)
        if form is None:
            raise LedgerError(NO_KEY)
        return str(plain(form))

    # ---- choice of a baseline -----------------------------------------------------------------

    def choice(self, notebook: str) -> dict[str, Any] | None:
        """Return the choice of baseline for a notebook, as passed to `choose`; None without one."""
        choice = self._chosen_for(notebook)
        choice.pop(_FORMER, None)
        return choice or None

    def choose(self, notebook: str, choice: dict[str, Any] | None) -> None:
        """Store the choice of baseline for a notebook; None restores the default."""
        key = self.place(notebook)
        former = self._chosen_for(notebook).get(_FORMER)
        self._choose(key, {**(choice or {}), **({_FORMER: former} if former else {})})

    # ---- names --------------------------------------------------------------------------------

    def renamed(self, old: str, new: str, at: float) -> None:
        """Store that a notebook was renamed at a time, in seconds since 1970.

        Its records, choice and baselines under the old name stay its own.
        """
        old_place, new_place = self.place(old), self.place(new)
        if old_place == new_place:
            return
        old_choice, new_choice = self._chosen_for(old), self._chosen_for(new)
        names = [[old_place, at], *_formers(old_choice), *_formers(new_choice)]
        newest = {name: [name, until] for name, until in reversed(names) if name != new_place}
        merged = {
            **(old_choice if set(new_choice) <= {_FORMER} else new_choice),
            _FORMER: [*reversed(newest.values())][:MOST_FORMER],
        }
        self._choose(new_place, merged)

    def former(self, notebook: str) -> list[FormerName]:
        """Return the earlier names of a notebook, newest first."""
        return [FormerName(*item) for item in _formers(self._chosen_for(notebook))]

    def of_notebook(self, notebook: str) -> ColumnElement[bool]:
        """Return the condition for records of a notebook, including those under its earlier names."""
        table = schema.records.c

        def named(name: str) -> ColumnElement[bool]:
            return table.notebook.in_([plain(form) for form in self._privacy.notebooks(name)])

        earlier = [and_(named(name), table.started_at < until) for name, until in self.former(notebook)]
        return or_(named(notebook), *earlier)

    def _places(self, notebook: str) -> list[str]:
        """Return the stored names under which a notebook may have baselines, newest first."""
        key = self.place(notebook)
        older = [] if key == notebook else [hashed(notebook)]
        return [key, *(former.notebook for former in self.former(notebook)), *older]

    def _chosen_for(self, notebook: str) -> dict[str, Any]:
        """Return a notebook's choice, also if an older version stored it under an unkeyed hash."""
        key = self.place(notebook)
        return self._chosen(key) or ({} if key == notebook else self._chosen(hashed(notebook)))

    def _chosen(self, place: str) -> dict[str, Any]:
        table = schema.choices.c
        query = select(table.choice).where(table.notebook == place, self._own(schema.choices))
        text = self._one(query.order_by((table.owner == self._whose()).desc()))
        chosen = {} if text is None else object_of(text)
        if chosen is None:
            message = "A notebook's choice of baseline was altered from outside; the default is used."
            self._notice(message, "altered")
        return chosen or {}

    def _choose(self, place: str, choice: dict[str, Any]) -> None:
        table, owner = schema.choices.c, self._whose()
        deletion = delete(schema.choices).where(table.notebook == place, self._own(schema.choices))
        self._open()

        def work(connection: Any) -> None:
            connection.execute(deletion)
            if choice:
                row = {"notebook": place, "owner": owner, "choice": json.dumps(choice, allow_nan=False)}
                connection.execute(insert(schema.choices), [row])

        self._database.write(work)

    # ---- ownership ---------------------------------------------------------------------------

    def _own(self, table: Table) -> ColumnElement[bool]:
        """Return the condition for this user's rows. Raises LedgerError if they can't be identified."""
        self._whose()
        return self._scope.own(table)

    def _whose(self) -> str:
        """Return the owner value of new rows; empty in a private ledger of a user without a name.

        Raises LedgerError if this user's rows of a shared ledger can't be identified.
        """
        scope = self._scope
        if scope.writes is None and not scope.whole:
            raise LedgerError(scope.sentence or "The rows of this shared ledger have no owner.")
        return scope.writes or ""

    def _one(self, wanted: Select[Any]) -> str | None:
        self._open()
        return self._database.read(lambda connection: connection.execute(wanted.limit(1)).scalar_one_or_none())
