"""The ledger: every record that was ever settled, and the one who empties the journals into it.

It opens on first use and drains then and before every read, so that what is read is what was metered. What
a person should know without being stopped (a damaged file moved aside, a file that can only be read) is
kept in `Ledger.notices`; what stops them is a `LedgerError` of one sentence. Passwords are in neither.
"""

from __future__ import annotations

import os
import platform
import threading
import time
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
from .location import is_local, is_private, journal_folder, ledger_url, mask
from .privacy import Privacy
from .record_rows import RecordRow, store
from .time_range import Moment, moment
from .usage import UsageQueries

if TYPE_CHECKING:
    from typing_extensions import Self

_TIMEOUT = 5.0


class Ledger(UsageQueries):
    """The durable store of energy records.

    Parameters
    ----------
    url : str, path or None
        A database URL or the path of an SQLite file; see `ledger_url`.
    share : iterable of str, optional
        What a ledger elsewhere may hold besides figures: any of ``notebook``, ``label``, ``cell_id``, ``host``,
        ``owner``, ``project`` (its whole path); by default the environment variable ``JUPYTER_GREEN_SHARE``.
    everyone : bool
        Whether everyone's records of a shared ledger are read, exported and purged, and not this person's alone; see
        `access`. Budgets, baselines and credits stay this person's.
    timeout : float
        Seconds to wait for another writer.

    Raises
    ------
    ValueError
        If the URL is not one of a ledger, or `share` names something else.
    """

    def __init__(
        self,
        url: str | os.PathLike[str] | None = None,
        *,
        share: Iterable[str] | None = None,
        everyone: bool = False,
        timeout: float = _TIMEOUT,
    ) -> None:
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
        self._closed = False

    # ---- state --------------------------------------------------------------------------------

    @property
    def url(self) -> str:
        """Where the ledger is, without passwords."""
        return mask(self._url)

    @property
    def notices(self) -> list[str]:
        """Sentences a person should read, the oldest first."""
        return list(self._notices)

    def notice_of(self, *kinds: NoticeKind) -> str | None:
        """Return the first notice about one of these; None without any."""
        return next((text for text, kind in self._notices.items() if kind in kinds), None)

    @property
    def read_only(self) -> bool:
        """Whether nothing can be added."""
        self._open()
        return self._database.read_only

    @property
    def size(self) -> int | None:
        """Bytes on disk, the write-ahead log included; None for a database elsewhere."""
        return self._database.size

    def describe(self) -> str:
        """Return a few lines on where the ledger is, how it is kept and what it holds."""
        self._fresh()
        scope = self._scope
        wanted = select(func.count()).select_from(schema.records).where(*scope.readable(schema.records))
        count = self._database.read(lambda c: c.execute(wanted).scalar_one())
        whose = ", everyone's" if scope.everyone else "" if scope.whole else " of yours"
        size = "" if self.size is None else f", {self.size / 1e6:.1f} MB"
        return "\n".join(
            [
                f"ledger   {self.url}",
                f"kept in  {self._database.storage}{size}",
                f"holds    {count} records{whose}",
                f"waiting  {self._drain.waiting} journals, those of running kernels included",
                f"privacy  {self._privacy}",
                *(f"notice   {notice}" for notice in self.notices),
            ]
        )

    def __repr__(self) -> str:
        return f"<Ledger {self.url}{', closed' if self._closed else ''}>"

    def close(self) -> None:
        """Let go of the database; the ledger can't be used any more."""
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
        """Store settled records that are not there yet; return how many were new.

        Raises
        ------
        ValueError
            If a record is still settling or holds a value of the wrong kind.
        LedgerError
            If the ledger can't be written.
        """
        entries = []
        for record in records:
            if not record.final:
                raise ValueError(f"The record {record.id} is still settling; add it when it is final.")
            entries.append(self._entry(record))
        self._open()
        return self._database.write(lambda connection: store(connection, entries))

    def drain(self, between: Callable[[], None] | None = None) -> Drained:
        """Move what the journals hold into the ledger, and remove those that are complete.

        Parameters
        ----------
        between : callable, optional
            Called after each journal.

        Raises
        ------
        LedgerError
            If the ledger can't take it; the journals keep it then.
        """
        self._open()
        self._database.require_writable()
        with self._draining:
            return self._drain.run(between)

    def purge(self, *, older_than_seconds: float | None = None, before: Moment | None = None) -> int:
        """Delete records that began before a time, with their courses of power; return how many.

        They don't come back: what the journals still hold of that time is drained first.

        Raises
        ------
        ValueError
            If not exactly one of the two is given.
        LedgerError
            If the ledger can't be written.
        """
        if (older_than_seconds is None) == (before is None):
            raise ValueError("Say either older_than_seconds or before: what began earlier is deleted.")
        limit = moment(before) if before is not None else time.time() - float(older_than_seconds or 0.0)
        self.drain()
        doomed = [schema.records.c.started_at < limit, *self._scope.readable(schema.records)]
        count = self._database.write(lambda connection: rollups.delete_records(connection, doomed))
        if count:
            try:
                self._database.compact()
            except LedgerError as error:
                self._notice(f"The records are deleted, but their space is not free yet: {error}")
        return count

    def check(self) -> list[str]:
        """Return one's runs whose kept sums are not those of their records; empty where all is right.

        How many records were altered from outside is in `notices`.
        """
        scope = self._scope
        bad = select(func.count()).select_from(schema.records).where(is_altered_row(), *scope.readable(schema.records))
        self._open()
        count = self._database.read(lambda connection: int(connection.execute(bad).scalar_one()))
        if count:
            records = number_of(count, "record", "records")
            self._notice(f"{records} altered from outside and can't be added up; all others are.", "altered")
        return self._database.read(lambda connection: rollups.differences(connection, scope))

    def mend(self) -> None:
        """Make all kept sums anew from the records."""
        self._open()
        self._database.write(rollups.build)

    def import_(self, path: str | os.PathLike[str]) -> Imported:
        """Store the records of a file that `export` wrote as JSON lines; identities are kept, known ones skipped.

        Raises
        ------
        ValueError
            If the file is of another format.
        LedgerError
            If it can't be read or the ledger can't be written; nothing is stored then.
        """
        source = Path(path).expanduser()
        if not source.is_file():
            raise LedgerError(f"There is no file {source}.")
        if source.suffix.lower() != ".jsonl":
            raise ValueError(f"{source.name} can't be taken in; only a .jsonl file holds whole records. Export to one.")
        self._open()
        return self._database.write(
            lambda connection: export_import.read(connection, source, self._foreign_entry, self._taken)
        )

    # ---- inside -------------------------------------------------------------------------------

    def _notice(self, text: str, kind: NoticeKind = "other") -> None:
        self._notices.setdefault(text, kind)

    def _open(self) -> None:
        if self._closed:
            raise LedgerError("This ledger was closed; open another one with green.ledger().")
        self._database.open()

    def _fresh(self) -> None:
        """Open, and drain as far as that works; what can't be drained must not keep a person from reading."""
        self._open()
        scope = self._scope
        if scope.everyone:
            self._notice("Everyone's records of this shared ledger are meant, not yours alone.")
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
        """Rows of a record from a file, which becomes the importer's and doesn't say where it was made."""
        return RecordRow.of(self._privacy.apply(record), self._scope.writes)

    @property
    def _scope(self) -> AccessScope:
        return access(self._url, self._privacy, self._everyone)

    def _stored_owner(self, name: str | None) -> str | None:
        """Return what rows say of their owner, given the name in their journal."""
        named, token = owner_forms(name or user_name(), self._privacy, is_private(self._url))
        return named if named and self._privacy.keeps("owner") else token
