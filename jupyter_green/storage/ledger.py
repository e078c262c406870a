"""The ledger: the database of all final records, and the import of the journals into it.

It opens on first use. Journals are imported then and before every read, so that results are up to date. Conditions that
do not stop the caller (a damaged file that was moved aside, a read-only file) are kept in `Ledger.notices`; errors are
raised as `LedgerError` with a one-sentence message. Neither contains passwords.
"""

from __future__ import annotations

import os
import platform
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from jupyter_green.records import EnergyRecord

from . import export_import, rollups, schema
from .access import AccessScope, access, owner_forms, user_name
from .database import Database
from .errors import LedgerError, NoticeKind, number_of
from .export_import import Imported
from .integrity import is_altered_row
from .journal_import import Drain, Drained
from .location import hidden, is_local, is_private, journal_folder, ledger_url, mask
from .privacy import Privacy
from .record_rows import RecordRow, store
from .time_range import Moment, ago, moment
from .usage import UsageQueries

if TYPE_CHECKING:
    from typing_extensions import Self

_TIMEOUT = 5.0


class Ledger(UsageQueries):
    """Durable storage of energy records.

    Parameters
    ----------
    url : str, path or None
        A database URL or the path of an SQLite file; see `ledger_url`.
    share : iterable of str, optional
        What a remote ledger may store besides figures: any of ``notebook``, ``label``, ``cell_id``, ``host``,
        ``owner``, ``project`` (its full path). By default the environment variable ``JUPYTER_GREEN_SHARE``.
    everyone : bool
        Whether to read, export and purge the records of all users of a shared ledger instead of only one's own; see
        `access`. Budgets, baselines and credits are always one's own.
    timeout : float
        Seconds to wait for another writer.

    Raises
    ------
    ValueError
        If the URL is not valid for a ledger, or `share` has an unknown name.
    """

    _url: str = ""  # until it is known to be valid: a traceback may show the ledger before
    _closed = False

    def __init__(
        self,
        url: str | os.PathLike[str] | None = None,
        *,
        share: Iterable[str] | None = None,
        everyone: bool = False,
        timeout: float = _TIMEOUT,
    ) -> None:
        url = hidden(url)
        self._url = ledger_url(url)
        self._notices: dict[str, NoticeKind] = {}
        privacy = Privacy.choose(is_local(self._url), share)
        super().__init__(Database(self._url, timeout, self._notice), privacy)
        self._everyone = everyone
        self._host = platform.node() or None
        self._drain = Drain(
            journal_folder(self._url),
            self._database,
            privacy,
            owner=self._stored_owner,
            host=self._host,
            notice=self._notice,
        )
        self._draining = threading.Lock()

    # ---- state --------------------------------------------------------------------------------

    @property
    def url(self) -> str:
        """The ledger's URL, without passwords."""
        return mask(self._url)

    @property
    def notices(self) -> list[str]:
        """Messages for the user, oldest first."""
        return list(self._notices)

    def notice_of(self, *kinds: NoticeKind) -> str | None:
        """Return the first notice of one of these categories; None without any."""
        return next((text for text, kind in self._notices.items() if kind in kinds), None)

    @property
    def read_only(self) -> bool:
        """Whether the ledger can't be written."""
        self._open()
        return self._database.read_only

    @property
    def size(self) -> int | None:
        """Size in bytes, including the write-ahead log; None for a remote database."""
        return self._database.size

    def describe(self) -> str:
        """Return a few lines about the ledger's location, storage and content."""
        self._fresh()
        scope = self._scope
        query = select(func.count()).select_from(schema.records).where(*scope.readable(schema.records))
        count = self._database.read(lambda c: c.execute(query).scalar_one())
        owner = ", everyone's" if scope.everyone else "" if scope.whole else " of yours"
        size = "" if self.size is None else f", {self.size / 1e6:.1f} MB"
        return "\n".join(
            [
                f"ledger   {self.url}",
                f"kept in  {self._database.storage}{size}",
                f"holds    {count} records{owner}",
                f"waiting  {self._drain.waiting} journals, those of running kernels included",
                f"privacy  {self._privacy}",
                *(f"notice   {notice}" for notice in self.notices),
            ]
        )

    def __repr__(self) -> str:
        return f"<Ledger {self.url}{', closed' if self._closed else ''}>"

    def close(self) -> None:
        """Close the database; the ledger can't be used any more."""
        self._database.close()
        self._closed = True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    # ---- writing ------------------------------------------------------------------------------

    def add(self, records: Iterable[EnergyRecord]) -> int:
        """Store new final records; return how many were new.

        Raises
        ------
        ValueError
            If a record is not final or has an invalid value.
        LedgerError
            If the ledger can't be written.
        """
        entries = []
        for record in records:
            if not record.final:
                raise ValueError(f"The record {record.id} is not final yet; add it when it is.")
            entries.append(self._entry(record))
        self._open()
        return self._database.write(lambda connection: store(connection, entries))

    def drain(self, between: Callable[[], None] | None = None) -> Drained:
        """Import the journals into the ledger, and delete those that are complete.

        Parameters
        ----------
        between : callable, optional
            Called after each journal.

        Raises
        ------
        LedgerError
            If the ledger can't be written; the journals are kept then.
        """
        self._open()
        self._database.require_writable()
        with self._draining:
            return self._drain.run(between)

    def purge(self, *, older_than_seconds: float | None = None, before: Moment | None = None) -> int:
        """Delete records that began before a time, with their power traces; return how many.

        Pending journals are imported first, so that deleted records do not reappear.

        Raises
        ------
        ValueError
            If not exactly one of the two arguments is given, or it is no age or no time.
        LedgerError
            If the ledger can't be written.
        """
        if (older_than_seconds is None) == (before is None):
            raise ValueError("Give either older_than_seconds or before; records that began earlier are deleted.")
        limit = moment(before) if before is not None else ago(older_than_seconds)
        self.drain()
        conditions = [schema.records.c.started_at < limit, *self._scope.readable(schema.records)]
        count = self._database.write(lambda connection: rollups.delete_records(connection, conditions))
        if count:
            try:
                self._database.compact()
            except LedgerError as error:
                self._notice(f"The records are deleted, but their space is not free yet: {error}")
        return count

    def check(self) -> list[str]:
        """Return one's runs whose stored sums differ from those of their records; empty if all are correct.

        The number of altered records is added to `notices`.
        """
        scope = self._scope
        query = (
            select(func.count()).select_from(schema.records).where(is_altered_row(), *scope.readable(schema.records))
        )
        self._open()
        count = self._database.read(lambda connection: int(connection.execute(query).scalar_one()))
        if count:
            records = number_of(count, "record", "records")
            self._notice(f"{records} altered from outside and can't be added up; all others are.", "altered")
        return self._database.read(lambda connection: rollups.differences(connection, scope))

    def mend(self) -> None:
        """Recompute all stored sums from the records."""
        self._open()
        self._database.write(rollups.build)

    def import_(self, path: str | os.PathLike[str]) -> Imported:
        """Import the records of a file that `export` wrote as JSON lines. Ids are kept; existing records are skipped.

        Raises
        ------
        ValueError
            If the file has another format.
        LedgerError
            If it can't be read or the ledger can't be written; nothing is stored then.
        """
        source = Path(path).expanduser()
        if not source.is_file():
            raise LedgerError(f"There is no file {source}.")
        if source.suffix.lower() != ".jsonl":
            raise ValueError(f"{source.name} can't be imported; only a .jsonl file holds whole records. Export to one.")
        self._open()
        return self._database.write(
            lambda connection: export_import.read(connection, source, self._foreign_entry, self._taken)
        )

    # ---- internal -----------------------------------------------------------------------------

    def _notice(self, text: str, kind: NoticeKind = "other") -> None:
        self._notices.setdefault(text, kind)

    def _open(self) -> None:
        if self._closed:
            raise LedgerError("This ledger was closed; open another one with green.ledger().")
        self._database.open()

    def _fresh(self) -> None:
        """Open the ledger and import journals. A failed import is noted and does not prevent reading."""
        self._open()
        scope = self._scope
        if scope.everyone:
            self._notice("This covers all users' records of this shared ledger, not only yours.")
        if scope.sentence is not None:
            self._notice(scope.sentence)
        if self._database.read_only:
            return
        try:
            with self._draining:
                self._drain.run()
        except LedgerError as error:
            self._notice(f"New records are not in yet. {error}", "waiting")

    def _entry(self, record: EnergyRecord) -> RecordRow:
        host = self._host if self._privacy.keeps("host") else None
        return RecordRow.of(self._privacy.apply(record), self._scope.writes, host)

    def _foreign_entry(self, record: EnergyRecord) -> RecordRow:
        """Return the rows of an imported record: owned by the importer, without a host."""
        return RecordRow.of(self._privacy.apply(record), self._scope.writes)

    @property
    def _scope(self) -> AccessScope:
        return access(self._url, self._privacy, self._everyone)

    def _stored_owner(self, name: str | None) -> str | None:
        """Return the value of the owner column, for the user name in a journal."""
        named, token = owner_forms(name or user_name(), self._privacy, is_private(self._url))
        return named if named and self._privacy.keeps("owner") else token
