"""Reading from the ledger: records, totals, runs and exports.

All methods accept the same filters. Each imports pending journals first, then reads one consistent snapshot of the
database.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import Connection, func, select

from jupyter_green.records import EnergyRecord
from jupyter_green.records.flat import FlatRecord

from . import export_import, period_totals, record_filter, schema
from .database import Database
from .errors import DamagedRecord, LedgerError, NoticeKind, number_of
from .flat import flat_records
from .privacy import Privacy
from .record_filter import Filters
from .record_list import Records
from .record_rows import record_of
from .time_range import Moment
from .totals import By, Totals, known_split

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from .access import AccessScope
    from .event import LedgerEvent

T = TypeVar("T")


@dataclass(frozen=True)
class Run:
    """One run of a kernel or a program.

    Parameters
    ----------
    run_id : str
        Its id.
    started_at : float
        Start of its first record, in seconds since 1970.
    notebook, project : str or None
        Notebook and project of its first record.
    totals : Totals
        Its energy.
    """

    run_id: str
    started_at: float
    notebook: str | None
    project: str | None
    totals: Totals

    @property
    def joules(self) -> float | None:
        """Sum of its readings in joules; None without a reading."""
        return self.totals.joules


class Reader:
    """Reads one ledger; `Ledger` adds writing."""

    def __init__(self, database: Database, privacy: Privacy) -> None:
        self._database = database
        self._privacy = privacy

    @property
    def _scope(self) -> AccessScope:
        """Rows that may be read. Evaluated on each access, because a file's permissions may change."""
        raise NotImplementedError  # a subclass defines it, at the latest `Ledger`

    def _fresh(self) -> None:
        """Open the database and import pending journals."""
        raise NotImplementedError  # a subclass defines it, at the latest `Ledger`

    def records(
        self,
        *,
        run: str | None = None,
        notebook: str | None = None,
        project: str | None = None,
        since: Moment | None = None,
        until: Moment | None = None,
        span: str | tuple[str, ...] | None = None,
        cell_id: str | None = None,
        code_hash: str | None = None,
        status: str | None = None,
        limit: int | None = None,
        offset: int = 0,
        newest_first: bool = False,
    ) -> Records:
        """Return final records in order of their start.

        Parameters
        ----------
        run, notebook, project, cell_id, code_hash : str, optional
            Only records with exactly this value.
        since, until : float, str, date or datetime, optional
            Only records that began at or after `since` and before `until`. Numbers are seconds since 1970.
        span, status : str, optional
            Only records with this span (or one of these) and this status.
        limit : int, optional
            Maximum number of records.
        offset : int
            Number of records to skip first.
        newest_first : bool
            Reverse the order; with `limit`, return the newest records.

        Raises
        ------
        ValueError
            If a filter has an invalid value.
        LedgerError
            If the ledger can't be read.
        """
        filters = Filters(
            run=run,
            notebook=notebook,
            project=project,
            since=since,
            until=until,
            span=span,
            cell_id=cell_id,
            code_hash=code_hash,
            status=status,
        )
        if limit is not None and limit < 0:
            raise ValueError("The limit is a number of records, 0 or more.")
        if offset < 0:
            raise ValueError("The offset is a number of records, 0 or more.")
        query = record_filter.documents(
            record_filter.conditions(filters, self._privacy, self._scope), limit, newest_first, offset
        )
        self._fresh()
        rows = self._database.read(lambda connection: [tuple(row) for row in connection.execute(query)])
        return Records(self._whole_of(rows))

    def flat(self, use: Callable[[Iterator[FlatRecord]], T], **filters: Unpack[Filters]) -> T:
        """Pass an iterator over flat records, without documents and power traces, to `use`; return its result.

        Records are ordered by notebook, then run (oldest first), then start. Filters are those of `records`. If the
        database is damaged and gets replaced, `use` is called again.
        """
        where = record_filter.conditions(filters, self._privacy, self._scope)
        self._fresh()
        return self._added(lambda connection, altered: use(flat_records(connection, where, altered.records)))

    def _whole_of(self, rows: Iterable[tuple[Any, ...]]) -> Iterator[EnergyRecord]:
        """Yield the readable records. Unreadable ones are counted in a notice."""
        damaged = newer = 0
        for document, trace in rows:
            try:
                yield record_of(document, trace)
            except DamagedRecord:
                damaged += 1
            except LedgerError:
                newer += 1
        if damaged:
            count = number_of(damaged, "record", "records")
            self._notice(f"{count} altered from outside and can't be read; all others are there.", "altered")
        if newer:
            count = number_of(newer, "record", "records")
            self._notice(f"{count} written by a newer jupyter_green and can't be read; upgrade, all others are there.")

    def _notice(self, text: str, kind: NoticeKind = "other") -> None:
        """Store a message for the user, and its category."""
        raise NotImplementedError  # a subclass defines it, at the latest `Ledger`

    def count(self, **filters: Unpack[Filters]) -> int:
        """Return the number of records; filters as for `records`."""
        query = (
            select(func.count())
            .select_from(schema.records)
            .where(*record_filter.conditions(filters, self._privacy, self._scope))
        )
        self._fresh()
        return self._database.read(lambda connection: int(connection.execute(query).scalar_one()))

    def totals(
        self,
        *,
        by: By | None = None,
        simulated: bool | None = None,
        run: str | None = None,
        notebook: str | None = None,
        project: str | None = None,
        since: Moment | None = None,
        until: Moment | None = None,
        span: str | tuple[str, ...] | None = None,
        cell_id: str | None = None,
        code_hash: str | None = None,
        status: str | None = None,
        without: str | None = None,
    ) -> Totals:
        """Add up the energy of records. No energy is counted twice; simulated and real records are never mixed.

        Parameters
        ----------
        by : {"project", "notebook", "day", "kind", "run"}, optional
            Also return totals by this field, in ``groups``.
        simulated : bool, optional
            Whether to add up simulated or real records. By default the real ones, or the simulated ones if no real
            record has a reading.
        run, notebook, project, since, until, span, cell_id, code_hash, status
            As for `records`.
        without : str, optional
            A run to exclude.

        Raises
        ------
        ValueError
            If a filter or `by` has an invalid value.
        LedgerError
            If the ledger can't be read.
        """
        filters = Filters(
            run=run,
            notebook=notebook,
            project=project,
            since=since,
            until=until,
            span=span,
            cell_id=cell_id,
            code_hash=code_hash,
            status=status,
            without=without,
        )
        known_split(by)
        privacy, scope = self._privacy, self._scope
        record_filter.conditions(filters, privacy, scope)  # validate before opening the ledger
        self._fresh()
        return self._added(
            lambda connection, altered: period_totals.totals(
                connection, filters, (privacy, scope), altered, by=by, simulated=simulated
            )
        )

    def _added(self, work: Callable[[Connection, period_totals.Altered], T]) -> T:
        """Run a query that adds up records. Altered rows are counted in a notice."""

        def once(connection: Connection) -> tuple[T, period_totals.Altered]:
            altered = period_totals.Altered()
            return work(connection, altered), altered

        result, altered = self._database.read(once)
        count = len(altered.records) + altered.others
        if count:
            records = number_of(count, "record", "records")
            message = f"{records} altered from outside and can't be added up; all others are in the sum."
            self._notice(message, "altered")
        if altered.sums:
            message = "The ledger's sums were altered from outside; green.ledger().mend() recomputes them."
            self._notice(message, "altered")
        return result

    def runs(self, **filters: Unpack[Filters]) -> list[Run]:
        """Return the runs of the selected records, oldest first; filters as for `records`."""
        privacy, scope = self._privacy, self._scope
        record_filter.conditions(filters, privacy, scope)
        self._fresh()

        def work(connection: Connection, altered: period_totals.Altered) -> list[Run]:
            firsts, totals = period_totals.runs(connection, filters, (privacy, scope), altered)
            return [Run(run, *first, totals.groups[run]) for run, first in firsts.items() if run in totals.groups]

        return self._added(work)

    def export(self, path: str | os.PathLike[str], format: str | None = None, **filters: Unpack[Filters]) -> int:
        """Write records to a file and return their number. JSON lines also contain events (budgets, baselines, ...).

        Parameters
        ----------
        path : str or path
            The file. An existing one is replaced atomically.
        format : {"csv", "jsonl", "parquet"}, optional
            By default derived from the file's suffix. Only JSON lines contain complete records.
        **filters
            As for `records`.

        Raises
        ------
        ValueError
            If the format is unknown.
        LedgerError
            If the file can't be written or the ledger can't be read.
        """
        target = Path(path).expanduser()
        form = export_import.format_of(target, format)
        query = record_filter.documents(record_filter.conditions(filters, self._privacy, self._scope))
        self._fresh()

        def work(connection: Connection) -> int:
            events = self._exported(connection, filters) if form == "jsonl" else ()
            return export_import.write(self._whole_of(export_import.rows(connection, query)), target, form, events)

        return self._database.read(work)

    def _exported(self, connection: Connection, filters: Filters) -> Sequence[LedgerEvent]:
        """Return the events to export with these filters."""
        raise NotImplementedError  # a subclass defines it, at the latest `Ledger`
