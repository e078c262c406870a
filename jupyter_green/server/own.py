"""A ledger out of which only this person's records come.

A file that nobody else can write holds one person's records, and all of them may be read. A database elsewhere, or
a file that others write too, may hold anybody's: there each query for records is narrowed to this person's name
before it is run, in the one place that all reading goes through, so that no answer can forget it. A query that can't
be narrowed is refused. Where names tell nobody apart nothing is read, and a sentence says why.

This keeps a server from showing one person another's figures. It is no wall against somebody who may open the
database itself; that one is the database's to build.
"""

from __future__ import annotations

import getpass
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import ColumnElement, Connection, Select, TableClause, TextClause, event, false, func, select
from sqlalchemy.sql import visitors
from sqlalchemy.sql.selectable import AliasedReturnsRows, SelectBase

from jupyter_green.ledger import query, schema
from jupyter_green.ledger.database import Database
from jupyter_green.ledger.drain import Drain
from jupyter_green.ledger.entry import plain
from jupyter_green.ledger.fault import LedgerError
from jupyter_green.ledger.ledger import Ledger
from jupyter_green.ledger.location import is_local, is_private, journal_folder
from jupyter_green.ledger.privacy import SHARE_VARIABLE, Privacy
from jupyter_green.ledger.query import Filters

from .census import Census

if TYPE_CHECKING:
    from typing_extensions import Unpack

T = TypeVar("T")

# A table under another name, a query inside a query, text: where its rows come from isn't plain to see.
_NESTED = (AliasedReturnsRows, SelectBase, TextClause)

HUB_VARIABLE = "JUPYTERHUB_USER"
_WHOLE = "JupyterGreen.whole_ledger = True shows all of it, if nobody else uses it"


@dataclass(frozen=True)
class Reach:
    """Whose records may be read.

    Parameters
    ----------
    whole : bool
        Everybody's.
    owner : str or None
        Otherwise this person's; None: nobody's.
    sentence : str or None
        What a person should know about it.
    """

    whole: bool
    owner: str | None = None
    sentence: str | None = None


def reach(url: str, whole: bool = False) -> Reach:
    """Return whose records of a ledger this process may show.

    Parameters
    ----------
    url : str
        In the form of `ledger_url`.
    whole : bool
        Whether the server's configuration says that the ledger is one person's.
    """
    if whole or is_private(url):
        return Reach(whole=True)
    owner = _user()
    hub = os.environ.get(HUB_VARIABLE)
    if owner is None or (hub and hub.casefold() != owner.casefold()):
        return Reach(
            whole=False,
            sentence="Records of this shared ledger are not shown, because everybody here is called "
            f"{owner!r}; have the hub set LOGNAME to each person's name.",
        )
    if not Privacy.choose(is_local(url)).keeps("owner"):
        return Reach(
            whole=False,
            owner=owner,
            sentence="This shared ledger is not told whose records are whose, so none are shown; set "
            f"{SHARE_VARIABLE}=owner before kernels and server start ({_WHOLE}).",
        )
    return Reach(whole=False, owner=owner)


def _user() -> str | None:
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):
        return None  # a container without an entry for its user


class OwnDatabase(Database):
    """A database whose readers see the records that `reach` gives them.

    Parameters
    ----------
    url, timeout, notice
        As for `Database`.
    reach : callable
        Asked anew for each reading.
    """

    def __init__(self, url: str, timeout: float, notice: Callable[[str], None], reach: Callable[[], Reach]) -> None:
        super().__init__(url, timeout, notice)
        self._reach = reach

    def read(self, work: Callable[[Connection], T]) -> T:
        """Run `work` on a consistent view of this person's records."""
        reach = self._reach()
        if reach.whole:
            return super().read(work)

        def narrow(_connection: Connection, statement: Any, many: Any, parameters: Any, _options: Any) -> Any:
            return narrowed(statement, reach.owner), many, parameters

        def narrowly(connection: Connection) -> T:
            event.listen(connection, "before_execute", narrow, retval=True)
            return work(connection)

        return super().read(narrowly)


def narrowed(statement: Any, owner: str | None) -> Select[Any]:
    """Return a query that finds only this person's rows.

    Raises
    ------
    PermissionError
        If it is no plain query of tables that say whose their rows are.
    """
    if not isinstance(statement, Select):
        raise PermissionError("Only plain queries may be put to a shared ledger.")
    plain: Select[Any] = statement
    tables: set[Any] = set()
    for part in visitors.iterate(plain):
        if isinstance(part, _NESTED) and part is not plain:
            raise PermissionError("Only plain queries may be put to a shared ledger.")
        if isinstance(part, TableClause):
            tables.add(part)
    known = tables & {schema.records, schema.journals, schema.baselines, schema.choices}
    if not known or tables - known - {schema.components}:
        raise PermissionError("Only records may be asked of a shared ledger.")
    for table in known:
        plain = plain.where(false() if owner is None else table.c.owner == owner)
    return plain


class OwnLedger(Ledger):
    """The ledger as a server reads it.

    Parameters
    ----------
    url : str
        In the form of `ledger_url`.
    whole : bool
        Whether all of it is this person's.
    timeout : float
        Seconds to wait for another writer.
    """

    def __init__(self, url: str, *, whole: bool = False, timeout: float) -> None:
        super().__init__(url, timeout=timeout)
        self._whole = whole
        self._database: OwnDatabase = OwnDatabase(self._url, timeout, self._notice, self.reach)
        self._drain = Drain(
            journal_folder(self._url),
            self._database,
            self._privacy,
            owner=self._owner,
            host=self._host,
            notice=self._notice,
        )

    @property
    def name(self) -> str:
        """How the ledger calls itself in its sentences."""
        return self._database.name

    @property
    def absent(self) -> bool:
        """Whether an empty ledger in memory stands in for a file that can't be made."""
        self._open()
        return self._database.absent

    def reach(self) -> Reach:
        """Return whose records can be read."""
        return reach(self._url, self._whole)

    def touch(self) -> tuple[float | None, tuple[int, float | None]]:
        """Return when a journal was last emptied into it, in seconds since 1970, and what tells a change of baselines.

        There is nothing cheaper to ask.
        """
        newest = select(func.max(schema.journals.c.drained_at))
        return self._database.read(
            lambda connection: (connection.execute(newest).scalar_one_or_none(), _shelf(connection))
        )

    def look(self, work: Callable[[Connection, list[ColumnElement[bool]]], T], **filters: Unpack[Filters]) -> T:
        """Run `work` with the conditions that say which records are meant; filters as for `records`.

        Records of a notebook are those under the names that it had, too.
        """
        notebook = filters.get("notebook")
        if notebook is None or not self.keeps_baselines:
            where = query.conditions(filters, self._privacy)
        else:
            where = query.conditions({**filters, "notebook": None}, self._privacy)
            where.append(self.of_notebook(notebook))
        self._fresh()
        return self._database.read(lambda connection: work(connection, where))

    def is_of(self, run: str, notebook: str) -> bool | None:
        """Return whether a run is of a notebook, also where it does not say of which; None where there is no run.

        Raises
        ------
        LedgerError
            If the ledger can't be read, or does not tell whose runs are whose.
        """
        self._whose()
        table = schema.records.c
        named = select(table.notebook).where(*query.conditions({"run": run}, self._privacy)).distinct()
        self._fresh()
        found = self._database.read(lambda connection: set(connection.execute(named).scalars()))
        names = [notebook, *(former.notebook for former in self.former(notebook))]
        forms = {plain(form) for name in names for form in self._privacy.notebooks(name)}
        return bool(found & {None, *forms}) if found else None

    @property
    def keeps_baselines(self) -> bool:
        """Whether it is told whose baselines are whose."""
        return self.reach().sentence is None and self._privacy.keeps("owner")

    def _alone(self) -> bool:
        return self.reach().whole

    def _whose(self) -> str:
        """Return whose baselines are meant, for writing too; nobody's where names tell nobody apart."""
        sentence = self.reach().sentence
        if sentence is not None:
            raise LedgerError(sentence)
        return super()._whose()

    def numbers(self, simulated: bool, **filters: Unpack[Filters]) -> tuple[int, int]:
        """Return how many cells and how many runs records belong to.

        Parameters
        ----------
        simulated : bool
            Which sort of records is meant, as `totals` tells real ones from simulated ones.
        **filters
            As for `records`.
        """
        table = schema.records.c
        # A cell that was run again in the same run is the same cell; without an identity each execution is one.
        cell = func.coalesce(table.run_id + "/" + table.cell_id, table.id)
        where = query.conditions(filters, self._privacy, simulated)
        cells = select(func.count(cell.distinct())).where(*where, table.span == "cell")
        runs = select(func.count(table.run_id.distinct())).where(*where)

        def work(connection: Connection) -> tuple[int, int]:
            return int(connection.execute(cells).scalar_one()), int(connection.execute(runs).scalar_one())

        self._fresh()
        return self._database.read(work)

    def census(self, since: float) -> Census:
        """Return how many records there are.

        Parameters
        ----------
        since : float
            Runs are told apart among records that began at or after this time, in seconds since 1970.
        """
        table = schema.records.c
        by_run = (
            select(table.run_id, table.notebook, func.count())
            .where(table.started_at >= since)
            .group_by(table.run_id, table.notebook)
        )
        everything = select(func.count()).select_from(schema.records)

        def work(connection: Connection) -> Census:
            runs = {(str(row[0]), row[1]): int(row[2]) for row in connection.execute(by_run)}
            return Census(int(connection.execute(everything).scalar_one()), runs, _shelf(connection))

        return self._database.read(work)


def _shelf(connection: Connection) -> tuple[int, float | None]:
    """Return how many baselines there are, and when the newest one was kept, in seconds since 1970."""
    wanted = select(func.count(), func.max(schema.baselines.c.kept_at)).select_from(schema.baselines)
    count, newest = connection.execute(wanted).one()
    return int(count), newest
