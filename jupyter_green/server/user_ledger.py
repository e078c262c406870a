"""The ledger as a server reads it: this person's records, as `access` says whose they are, for several questions."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from sqlalchemy import ColumnElement, Connection, func, select

from jupyter_green.storage import record_filter, schema
from jupyter_green.storage.access import AccessScope
from jupyter_green.storage.integrity import is_whole
from jupyter_green.storage.ledger import Ledger
from jupyter_green.storage.privacy import plain
from jupyter_green.storage.record_filter import Filters

from .record_counts import RecordCounts

if TYPE_CHECKING:
    from typing_extensions import Unpack

T = TypeVar("T")


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
        super().__init__(url, everyone=whole, timeout=timeout)

    @property
    def absent(self) -> bool:
        """Whether an empty ledger in memory stands in for a file that can't be made."""
        self._open()
        return self._database.absent

    def make_none(self) -> None:
        """Read as empty where there is no file, and make none."""
        self._database.make_none()

    @property
    def scope(self) -> AccessScope:
        """Whose records can be read."""
        return self._scope

    def touch(self) -> tuple[float | None, tuple[int, float | None]]:
        """Return when a journal was last emptied into it, in seconds since 1970, and what tells a change of baselines.

        There is nothing cheaper to ask.
        """
        scope = self._scope
        newest = select(func.max(schema.journals.c.drained_at)).where(*scope.readable(schema.journals))
        return self._database.read(
            lambda connection: (connection.execute(newest).scalar_one_or_none(), _shelf(connection, scope))
        )

    def look(self, work: Callable[[Connection, list[ColumnElement[bool]]], T], **filters: Unpack[Filters]) -> T:
        """Run `work` with the conditions that say which records are meant; filters as for `records`.

        Records of a notebook are those under the names that it had, too.
        """
        notebook = filters.get("notebook")
        if notebook is None or not self.keeps_baselines:
            where = record_filter.conditions(filters, self._privacy, self._scope)
        else:
            where = record_filter.conditions({**filters, "notebook": None}, self._privacy, self._scope)
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
        mine = record_filter.conditions({"run": run}, self._privacy, self._scope)
        named = select(table.notebook).where(*mine).distinct()
        self._fresh()
        found = self._database.read(lambda connection: set(connection.execute(named).scalars()))
        names = [notebook, *(former.notebook for former in self.former(notebook))]
        forms = {plain(form) for name in names for form in self._privacy.notebooks(name)}
        return bool(found & {None, *forms}) if found else None

    @property
    def keeps_baselines(self) -> bool:
        """Whether baselines can be told to be this person's."""
        return self._scope.whole or self._scope.writes is not None

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
        where = record_filter.conditions(filters, self._privacy, self._scope, simulated)
        cells = select(func.count(cell.distinct())).where(*where, table.span == "cell")
        runs = select(func.count(table.run_id.distinct())).where(*where)

        def work(connection: Connection) -> tuple[int, int]:
            return int(connection.execute(cells).scalar_one()), int(connection.execute(runs).scalar_one())

        self._fresh()
        return self._database.read(work)

    def census(self, since: float) -> RecordCounts:
        """Return how many records there are.

        Parameters
        ----------
        since : float
            Runs are told apart among records that began at or after this time, in seconds since 1970.
        """
        table = schema.records.c
        scope = self._scope
        readable = scope.readable(schema.records)
        by_run = (
            select(table.run_id, table.notebook, func.count())
            .where(table.started_at >= since, is_whole(), *readable)
            .group_by(table.run_id, table.notebook)
        )
        everything = select(func.count()).select_from(schema.records).where(*readable)

        def work(connection: Connection) -> RecordCounts:
            runs = {(str(row[0]), row[1]): int(row[2]) for row in connection.execute(by_run)}
            return RecordCounts(int(connection.execute(everything).scalar_one()), runs, _shelf(connection, scope))

        return self._database.read(work)


def _shelf(connection: Connection, scope: AccessScope) -> tuple[int, float | None]:
    """Return how many baselines there are, and when the newest one was kept, in seconds since 1970."""
    wanted = select(func.count(), func.max(schema.baselines.c.kept_at)).select_from(schema.baselines)
    wanted = wanted.where(scope.own(schema.baselines))
    count, newest = connection.execute(wanted).one()
    return int(count), newest
