"""Which baseline a notebook is compared with, and what it was called before.

A notebook is known by its name alone. One that was renamed keeps what it had: beside its choice stand the names that it
had, each with the time until which records of that name are its own. So no record is ever written anew, and another
notebook that is given the old name later begins with what is its own from then on.
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
"""Earlier names of one notebook that are remembered, the newest ones."""
_FORMER = "formerly"


class Former(NamedTuple):
    """A name that a notebook had, in the form of `NotebookAliases.place`, and until when, in seconds since 1970."""

    notebook: str
    until: float


def _formers(choice: dict[str, Any]) -> list[tuple[str, float]]:
    """Return the names in a choice that can be names."""
    items = choice.get(_FORMER)
    return [
        (item[0], float(item[1]))
        for item in (items if isinstance(items, list) else ())
        if isinstance(item, list) and len(item) == 2 and isinstance(item[0], str) and isinstance(item[1], (int, float))
    ]


class NotebookAliases(Reader):
    """The part of a ledger that knows a notebook by its names."""

    @abstractmethod
    def _open(self) -> None:
        """Make sure that the database can be read and written, as the whole ledger does."""

    def place(self, notebook: str) -> str:
        """Return the form under which a notebook is named here; what a record of it says leads to the same.

        Raises
        ------
        LedgerError
            If the name is to be hidden, and no key can be kept.
        """
        form = self._privacy.notebook(notebook)
        if form is None:
            raise LedgerError(NO_KEY)
        return str(plain(form))

    # ---- the one in use -----------------------------------------------------------------------

    def choice(self, notebook: str) -> dict[str, Any] | None:
        """Return which baseline a notebook is compared with, as `choose` was told; None where nobody chose."""
        found = self._chosen_for(notebook)
        found.pop(_FORMER, None)
        return found or None

    def choose(self, notebook: str, choice: dict[str, Any] | None) -> None:
        """Remember which baseline a notebook is compared with; None: the usual one.

        Raises
        ------
        LedgerError
            If the ledger can't be written, or does not tell whose it is.
        """
        place = self.place(notebook)
        former = self._chosen_for(notebook).get(_FORMER)
        self._choose(place, {**(choice or {}), **({_FORMER: former} if former else {})})

    # ---- names --------------------------------------------------------------------------------

    def renamed(self, old: str, new: str, at: float) -> None:
        """Remember that a notebook has another name; what it had under the old one until then stays its own.

        Parameters
        ----------
        old, new : str
            The names.
        at : float
            When, in seconds since 1970.

        Raises
        ------
        LedgerError
            If the ledger can't be written, or does not tell whose it is.
        """
        before, now = self.place(old), self.place(new)
        if before == now:
            return
        theirs, ours = self._chosen_for(old), self._chosen_for(new)
        names = [[before, at], *_formers(theirs), *_formers(ours)]
        first = {name: [name, until] for name, until in reversed(names) if name != now}
        chosen = {**(theirs if set(ours) <= {_FORMER} else ours), _FORMER: [*reversed(first.values())][:MOST_FORMER]}
        self._choose(now, chosen)

    def former(self, notebook: str) -> list[Former]:
        """Return the names that a notebook had, newest first.

        Raises
        ------
        LedgerError
            If the ledger can't be read, or does not tell whose it is.
        """
        return [Former(*item) for item in _formers(self._chosen_for(notebook))]

    def of_notebook(self, notebook: str) -> ColumnElement[bool]:
        """Return the condition for records of a notebook, those under the names that it had included.

        Raises
        ------
        LedgerError
            If the ledger can't be read, or does not tell whose it is.
        """
        table = schema.records.c

        def named(name: str) -> ColumnElement[bool]:
            return table.notebook.in_([plain(form) for form in self._privacy.notebooks(name)])

        earlier = [and_(named(name), table.started_at < until) for name, until in self.former(notebook)]
        return or_(named(notebook), *earlier)

    def _places(self, notebook: str) -> list[str]:
        """Return what baselines of a notebook may be kept for, the newest name first."""
        place = self.place(notebook)
        older = [] if place == notebook else [hashed(notebook)]
        return [place, *(former.notebook for former in self.former(notebook)), *older]

    def _chosen_for(self, notebook: str) -> dict[str, Any]:
        """Return what was chosen for a notebook, also where an older version wrote it under a hash without a key."""
        place = self.place(notebook)
        return self._chosen(place) or ({} if place == notebook else self._chosen(hashed(notebook)))

    def _chosen(self, place: str) -> dict[str, Any]:
        table = schema.choices.c
        wanted = select(table.choice).where(table.notebook == place, self._own(schema.choices))
        found = self._one(wanted.order_by((table.owner == self._whose()).desc()))
        chosen = {} if found is None else object_of(found)
        if chosen is None:
            said = "What a notebook is compared with was altered from outside; the usual baseline counts."
            self._notice(said, "altered")
        return chosen or {}

    def _choose(self, place: str, choice: dict[str, Any]) -> None:
        table, owner = schema.choices.c, self._whose()
        before = delete(schema.choices).where(table.notebook == place, self._own(schema.choices))
        self._open()

        def work(connection: Any) -> None:
            connection.execute(before)
            if choice:
                row = {"notebook": place, "owner": owner, "choice": json.dumps(choice, allow_nan=False)}
                connection.execute(insert(schema.choices), [row])

        self._database.write(work)

    # ---- whose -------------------------------------------------------------------------------

    def _own(self, table: Table) -> ColumnElement[bool]:
        """Return the condition for this person's rows; raises LedgerError where none can be told to be."""
        self._whose()
        return self._scope.own(table)

    def _whose(self) -> str:
        """Return what new rows say of their owner; empty where a private ledger's person has no name.

        Raises
        ------
        LedgerError
            If rows of a shared ledger can't be told to be this person's.
        """
        scope = self._scope
        if scope.writes is None and not scope.whole:
            raise LedgerError(scope.sentence or "The rows of this shared ledger don't say whose they are.")
        return scope.writes or ""

    def _one(self, wanted: Select[Any]) -> str | None:
        self._open()
        return self._database.read(lambda connection: connection.execute(wanted.limit(1)).scalar_one_or_none())
