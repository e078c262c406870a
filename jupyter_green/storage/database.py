"""One database, opened on first use: an SQLite file or a PostgreSQL database behind one interface.

Work is passed as a function and runs in one transaction, so that it can be repeated after a damaged file was moved
aside or a deleted one recreated. Each transaction has its own connection: none is shared with a forked child, and none
becomes stale in an idle kernel. There is one writer at a time, by `BEGIN IMMEDIATE` on SQLite and an advisory lock on
PostgreSQL, so that callers can check before they insert without a race.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event, insert, make_url, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool, StaticPool

from . import schema
from .errors import FaultKind, LedgerError, Notice, kind_of
from .location import HIDDEN, is_secret, mask, secrets, sqlite_path
from .sqlite_file import LedgerFile

T = TypeVar("T")

_WRITER = 0x67726565  # id of our advisory lock; an arbitrary constant
_LONG_SECONDS = 5.0
_RETRIED = ("corrupt", "missing")


class Database:
    """Opens, upgrades and guards the database of one ledger.

    `url` is normalized by `location.ledger_url`. `timeout`: seconds to wait for another writer. `notice` is called with
    a one-sentence message for the user.
    """

    def __init__(self, url: str, timeout: float, notice: Notice) -> None:
        path = sqlite_path(url)
        self.name = str(path) if path is not None else mask(url)
        self.generation = 0
        self._url = url
        self._timeout = timeout
        self._notice = notice
        self._file = None if path is None else LedgerFile(path, timeout, notice)
        self._engine: Engine | None = None
        self._opening = threading.RLock()

    @property
    def read_only(self) -> bool:
        """Whether the database is read-only; valid once it is open."""
        return self._file is not None and self._file.read_only

    @property
    def absent(self) -> bool:
        """Whether there is no file, and an empty in-memory database replaces it; valid once it is open."""
        return self._file is not None and self._file.absent

    @property
    def reason(self) -> str:
        """Why the database can't be written; empty if it can. Valid once it is open."""
        return "" if self._file is None else self._file.reason

    @property
    def size(self) -> int | None:
        """Size in bytes, including the write-ahead log; None for a remote database."""
        return None if self._file is None else self._file.size

    @property
    def storage(self) -> str:
        """Description of the storage; valid once the database is open."""
        return "PostgreSQL" if self._file is None else self._file.storage

    def make_none(self) -> None:
        """Never create a file; if there is none, an empty in-memory database is read instead."""
        if self._file is not None:
            self._file.makes = False

    def open(self) -> None:
        """Open and upgrade the database.

        Raises LedgerError if it can't be opened, was written by a newer version, or belongs to another program.
        """
        self._run(lambda connection: None, writing=False)

    def read(self, work: Callable[[Connection], T]) -> T:
        """Run `work` on a consistent snapshot. Raises LedgerError if the database fails."""
        return self._run(work, writing=False)

    def write(self, work: Callable[[Connection], T]) -> T:
        """Run `work` atomically, as the only writer. Raises LedgerError if the database fails."""
        return self._run(work, writing=True)

    def require_writable(self) -> None:
        """Raise LedgerError if the open database is read-only."""
        if self.read_only:
            raise LedgerError.of(self.name, "read-only", self.reason or "it is read only")

    def compact(self) -> None:
        """Release freed space, if the database supports that on request."""
        if self._file is not None:
            self._guarded(self._file.compact)

    def close(self) -> None:
        """Close the database; the next use opens it again."""
        with self._opening:
            if self._engine is not None:
                self._engine.dispose()
            self._engine = None

    # ---- running ------------------------------------------------------------------------------

    def _run(self, work: Callable[[Connection], T], *, writing: bool) -> T:
        def once() -> T:
            engine = self._opened()
            if writing:
                self.require_writable()
            return self._transaction(engine, work, writing=writing)

        return self._guarded(once)

    def _guarded(self, attempt: Callable[[], T]) -> T:
        for last in (False, True):
            try:
                return attempt()
            except DBAPIError as error:
                kind, message = self._told(error.orig or error)
                if last or kind not in _RETRIED:
                    raise LedgerError.of(self.name, kind, message) from None
                self._replace(kind, message)
            except self._driver_errors() as error:
                kind, message = self._told(error)
                raise LedgerError.of(self.name, kind, message) from None
            except KeyboardInterrupt:
                raise KeyboardInterrupt from None  # without the driver's frames, whose variables hold the password
        raise AssertionError("the second attempt returns or raises")

    def _driver_errors(self) -> tuple[type[BaseException], ...]:
        """Errors of the driver that SQLAlchemy does not wrap (raised while a file is opened)."""
        return () if self._file is None else self._file.errors

    def _transaction(self, engine: Engine, work: Callable[[Connection], T], *, writing: bool) -> T:
        with engine.connect().execution_options(green_writing=writing) as connection, connection.begin():
            if writing and self._file is None:
                connection.execute(text(f"SET LOCAL lock_timeout = {int(self._timeout * 1000)}"))
                connection.execute(text(f"SELECT pg_advisory_xact_lock({_WRITER})"))
            elif self._file is None:  # all queries see one snapshot
                connection.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"))
            return work(connection)

    def _told(self, error: BaseException) -> tuple[FaultKind, str]:
        message = str(error)
        for word in secrets(self._url):
            message = message.replace(word, HIDDEN)
        state = getattr(error, "sqlstate", None)
        if self._file is None and state is None:
            # The driver sets sqlstate only after a server has responded.
            return ("unreachable" if "connect" in message.lower() else "other"), message
        return kind_of(message, state), message

    def _replace(self, kind: FaultKind, message: str) -> None:
        with self._opening:
            self.close()
            self.generation += 1
            if kind == "corrupt" and self._file is not None:
                self._file.set_aside(message)

    # ---- opening ------------------------------------------------------------------------------

    def _opened(self) -> Engine:
        with self._opening:
            if self._engine is None:
                self._engine = self._postgresql() if self._file is None else self._sqlite(self._file)
                try:
                    self._bring_up(self._engine)
                except BaseException:  # also on an interrupt: never keep a half-opened engine
                    self.close()
                    raise
            return self._engine

    def _sqlite(self, file: LedgerFile) -> Engine:
        file.prepare()
        if file.absent:
            return self._memory(file)
        engine = create_engine("sqlite://", creator=file.connect, poolclass=NullPool, hide_parameters=True)

        @event.listens_for(engine, "begin")
        def _begin(connection: Connection) -> None:
            writing = connection.get_execution_options().get("green_writing")
            connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")

        return engine

    def _memory(self, file: LedgerFile) -> Engine:
        engine = create_engine("sqlite://", creator=file.connect, poolclass=StaticPool)
        with engine.begin() as connection:
            schema.metadata.create_all(connection)
            schema.version.create(connection)
            connection.execute(insert(schema.version).values(version_num=schema.REVISIONS[-1]))
        return engine

    def _postgresql(self) -> Engine:
        # Nothing is prepared: the sums are built in one transaction, and a plan that the server keeps from the time
        # when their tables were empty reads them whole for each run.
        options: dict[str, Any] = {"application_name": "jupyter_green", "prepare_threshold": None}
        if "connect_timeout=" not in self._url:
            options["connect_timeout"] = max(2, round(self._timeout))
        # An engine's repr masks the password of a login, not those of options.
        url = make_url(self._url)
        hidden = {key: value for key, value in url.query.items() if isinstance(value, str) and is_secret(key, value)}
        options |= hidden
        try:
            return create_engine(
                url.difference_update_query(hidden), poolclass=NullPool, connect_args=options, hide_parameters=True
            )
        except ImportError:
            raise LedgerError(
                "A ledger in PostgreSQL needs its driver: pip install 'psycopg[binary]', then try again."
            ) from None

    def _bring_up(self, engine: Engine) -> None:
        current = self._transaction(engine, self._known_revision, writing=False)
        newest = schema.REVISIONS[-1]
        if self._file is not None and self._file.read_only:
            if current is None:
                # The file is empty: read an empty in-memory database instead.
                self._file.absent = True
                self._engine = self._memory(self._file)
            elif current != newest:
                raise LedgerError(
                    f"The ledger {self.name} was written by an older jupyter_green and can't be upgraded, because it "
                    "can only be read; make it writable once."
                )
            return
        if self._file is not None:
            self._file.choose_mode()
        if current != newest:

            def to_newest(connection: Connection) -> None:
                if self._known_revision(connection) != newest:  # unless another process has upgraded it
                    schema.upgrade(connection)

            started = time.monotonic()
            self._transaction(engine, to_newest, writing=True)
            elapsed = time.monotonic() - started
            if elapsed > _LONG_SECONDS:
                self._notice(f"The ledger {self.name} was brought up to this version, once; that took {elapsed:.0f} s.")

    def _known_revision(self, connection: Connection) -> str | None:
        current = schema.revision(connection)
        if current is not None and current not in schema.REVISIONS:
            reason = f"its tables are at {current}, this version knows {schema.REVISIONS[-1]}"
            raise LedgerError.of(self.name, "newer", reason)
        if current is None and self._file is not None:
            tables = connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'table'").scalars().all()
            if tables:
                raise LedgerError(
                    f"The file {self.name} is a database of another program (it has a table {tables[0]!r}); "
                    "name another file for the ledger."
                )
        return current
