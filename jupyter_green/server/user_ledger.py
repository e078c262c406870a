"""The ledger as the server reads it: the user's own records (see `access`), with the queries of the API."""

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
    """The ledger as the server reads it; `whole`: all records of a shared one."""

    def __init__(self, url: str, *, whole: bool = False, timeout: float) -> None:
        super().__init__(url, everyone=whole, timeout=timeout)

    @property
    def absent(self) -> bool:
        """Whether an empty in-memory ledger replaces a file that can't be created."""
        self._open()
        return self._database.absent

    def make_none(self) -> None:
        """Never create a file; a missing one reads as empty."""
        self._database.make_none()

    @property
    def scope(self) -> AccessScope:
        """Rows that may be read."""
        return self._scope

    def touch(self) -> tuple[float | None, tuple[int, float | None]]:
        """Return the cheapest indicators of changes.

        They are the time of the last import of a journal, in seconds since 1970 or None, and number and newest time of
        the baselines.
        """
        scope = self._scope
        newest = select(func.max(schema.journals.c.drained_at)).where(*scope.readable(schema.journals))
        return self._database.read(
            lambda connection: (connection.execute(newest).scalar_one_or_none(), _baseline_counts(connection, scope))
        )

    def look(self, work: Callable[[Connection, list[ColumnElement[bool]]], T], **filters: Unpack[Filters]) -> T:
        """Run `work` with the conditions that select the records; filters as for `records`.

        Records under a notebook's earlier names are included.
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
        """Return whether a run belongs to a notebook, or to no named one; None if there is no such run.

        Raises LedgerError if the ledger can't be read, or this user's rows can't be identified.
        """
        self._whose()
        table = schema.records.c
        of_run = record_filter.conditions({"run": run}, self._privacy, self._scope)
        query = select(table.notebook).where(*of_run).distinct()
        self._fresh()
        stored_names = self._database.read(lambda connection: set(connection.execute(query).scalars()))
        names = [notebook, *(former.notebook for former in self.former(notebook))]
        forms = {plain(form) for name in names for form in self._privacy.notebooks(name)}
        return bool(stored_names & {None, *forms}) if stored_names else None

    @property
    def keeps_baselines(self) -> bool:
        """Whether this user's baselines can be identified."""
        return self._scope.whole or self._scope.writes is not None

    def numbers(self, simulated: bool, **filters: Unpack[Filters]) -> tuple[int, int]:
        """Return the number of cells and of runs with matching records, simulated or real ones."""
        table = schema.records.c
        # Executions of one cell in one run count once. Without a cell id each execution counts.
        cell = func.coalesce(table.run_id + "/" + table.cell_id, table.id)
        where = record_filter.conditions(filters, self._privacy, self._scope, simulated)
        cells = select(func.count(cell.distinct())).where(*where, table.span == "cell")
        runs = select(func.count(table.run_id.distinct())).where(*where)

        def work(connection: Connection) -> tuple[int, int]:
            return int(connection.execute(cells).scalar_one()), int(connection.execute(runs).scalar_one())

        self._fresh()
        return self._database.read(work)

    def census(self, since: float) -> RecordCounts:
        """Return the number of records, those of killed kernels included.

        Counts by run cover records that began at or after `since`, in seconds since 1970.
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
            return RecordCounts(
                int(connection.execute(everything).scalar_one()), runs, _baseline_counts(connection, scope)
            )

        self._fresh()
        return self._database.read(work)


def _baseline_counts(connection: Connection, scope: AccessScope) -> tuple[int, float | None]:
    """Return the number of baselines, and when the newest was stored, in seconds since 1970."""
    query = select(func.count(), func.max(schema.baselines.c.kept_at)).select_from(schema.baselines)
    query = query.where(scope.own(schema.baselines))
    count, newest = connection.execute(query).one()
    return int(count), newest
