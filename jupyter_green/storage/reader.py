"""The reading half of the ledger: records, totals, runs, and files made of them.

Every method takes the same filters, and every one reads a consistent view of the database, after what lies
in the journals was brought in.
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
        Its identity.
    started_at : float
        Start of its first record in seconds since 1970.
    notebook, project : str or None
        Where its first record came from.
    totals : Totals
        What it used.
    """

    run_id: str
    started_at: float
    notebook: str | None
    project: str | None
    totals: Totals

    @property
    def joules(self) -> float | None:
        """Sum of its readings in joules; None where nothing was read."""
        return self.totals.joules


class Reader:
    """Reads one ledger; `Ledger` adds the writing."""

    def __init__(self, database: Database, privacy: Privacy) -> None:
        self._database = database
        self._privacy = privacy

    @property
    def _scope(self) -> AccessScope:
        """Whose rows may be read, asked anew each time, because a file's permissions may change."""
        raise NotImplementedError

    def _fresh(self) -> None:
        """Make the database ready and bring in what the journals hold."""
        raise NotImplementedError

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
        """Return settled records in order of their start.

        Parameters
        ----------
        run, notebook, project, cell_id, code_hash : str, optional
            Only records with exactly this value.
        since, until : float, str, date or datetime, optional
            Only records that began at or after, and before, this time; numbers are seconds since 1970.
        span, status : str, optional
            Only records of this kind, or one of these, and this end.
        limit : int, optional
            At most so many.
        offset : int
            So many are left out first.
        newest_first : bool
            The other order; with `limit` the newest ones.

        Raises
        ------
        ValueError
            If a filter has a value that no record can have.
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
        wanted = record_filter.documents(
            record_filter.conditions(filters, self._privacy, self._scope), limit, newest_first, offset
        )
        self._fresh()
        rows = self._database.read(lambda connection: [tuple(row) for row in connection.execute(wanted)])
        return Records(self._whole_of(rows))

    def flat(self, use: Callable[[Iterator[FlatRecord]], T], **filters: Unpack[Filters]) -> T:
        """Give records to a function one by one, without documents and courses of power; return what it returns.

        They come notebook by notebook, of each the run that began first first, in order of their start. Filters are
        those of `records`. Where the database was damaged and another one took its place, the function is called again.
        """
        where = record_filter.conditions(filters, self._privacy, self._scope)
        self._fresh()
        return self._added(lambda connection, altered: use(flat_records(connection, where, altered.records)))

    def _whole_of(self, rows: Iterable[tuple[Any, ...]]) -> Iterator[EnergyRecord]:
        """Yield the records that can be read; how many were altered from outside is said."""
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
        """Keep a sentence that a person should read, and what it is about."""
        raise NotImplementedError

    def count(self, **filters: Unpack[Filters]) -> int:
        """Return how many records there are; filters as for `records`."""
        wanted = (
            select(func.count())
            .select_from(schema.records)
            .where(*record_filter.conditions(filters, self._privacy, self._scope))
        )
        self._fresh()
        return self._database.read(lambda connection: int(connection.execute(wanted).scalar_one()))

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
        """Add up the energy of records; no joule counts twice, and simulated ones never join real ones.

        Parameters
        ----------
        by : {"project", "notebook", "day", "kind", "run"}, optional
            Also give the parts, in ``groups``.
        simulated : bool, optional
            Which sort to add up; by default the real ones, or the simulated ones if no real one has a reading.
        run, notebook, project, since, until, span, cell_id, code_hash, status
            As for `records`.
        without : str, optional
            A run that is left out.

        Raises
        ------
        ValueError
            If a filter or `by` has a value that it can't have.
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
        record_filter.conditions(
            filters, privacy, scope
        )  # what is wrong with a filter is said before the ledger is opened
        self._fresh()
        return self._added(
            lambda connection, altered: period_totals.totals(
                connection, filters, (privacy, scope), altered, by=by, simulated=simulated
            )
        )

    def _added(self, work: Callable[[Connection, period_totals.Altered], T]) -> T:
        """Run a question that adds records up; what of them was altered from outside is said."""

        def once(connection: Connection) -> tuple[T, period_totals.Altered]:
            altered = period_totals.Altered()
            return work(connection, altered), altered

        result, altered = self._database.read(once)
        count = len(altered.records) + altered.others
        if count:
            records = number_of(count, "record", "records")
            said = f"{records} altered from outside and can't be added up; all others are in the sum."
            self._notice(said, "altered")
        if altered.sums:
            said = "The ledger's sums were altered from outside; green.ledger().mend() makes them anew."
            self._notice(said, "altered")
        return result

    def runs(self, **filters: Unpack[Filters]) -> list[Run]:
        """Return the runs that records belong to, oldest first; filters as for `records`."""
        privacy, scope = self._privacy, self._scope
        record_filter.conditions(filters, privacy, scope)
        self._fresh()

        def work(connection: Connection, altered: period_totals.Altered) -> list[Run]:
            firsts, found = period_totals.runs(connection, filters, (privacy, scope), altered)
            return [Run(run, *first, found.groups[run]) for run, first in firsts.items() if run in found.groups]

        return self._added(work)

    def export(self, path: str | os.PathLike[str], format: str | None = None, **filters: Unpack[Filters]) -> int:
        """Write records to a file; return how many. JSON lines hold budgets and what else was posted too.

        Parameters
        ----------
        path : str or path
            A file; an existing one is replaced once the new one is complete.
        format : {"csv", "jsonl", "parquet"}, optional
            By default what the file's suffix says. Only JSON lines hold whole records.
        **filters
            As for `records`.

        Raises
        ------
        ValueError
            If the format is none of these.
        LedgerError
            If the file can't be written or the ledger can't be read.
        """
        target = Path(path).expanduser()
        form = export_import.format_of(target, format)
        wanted = record_filter.documents(record_filter.conditions(filters, self._privacy, self._scope))
        self._fresh()

        def work(connection: Connection) -> int:
            posted = self._exported(connection, filters) if form == "jsonl" else ()
            return export_import.write(self._whole_of(export_import.rows(connection, wanted)), target, form, posted)

        return self._database.read(work)

    def _exported(self, connection: Connection, filters: Filters) -> Sequence[LedgerEvent]:
        """Return the postings that belong into a file with these filters."""
        raise NotImplementedError
