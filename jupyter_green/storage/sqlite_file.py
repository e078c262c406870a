"""The SQLite file of a ledger: creation, access mode, and recovery from damage.

Write-ahead logging is used on local disks only, because its shared memory does not work across machines. Every commit
is synced, because a journal is deleted once its records are committed. A damaged file is moved aside together with its
log; otherwise SQLite would replay the log into the new file. A file that is clearly not a database is not moved: the
path was probably a mistake.
"""

from __future__ import annotations

import contextlib
import errno
import os
import sqlite3
import time
from pathlib import Path
from typing import BinaryIO

from .errors import LedgerError, Notice, kind_of
from .location import data_folder, folder_fault, on_network_filesystem, write_fault

try:
    import fcntl
except ImportError:  # Windows has no such advisory locks
    fcntl = None  # type: ignore[assignment]  # mypy can't type an optional module

_MAGIC = b"SQLite format 3\x00"
_SUFFIXES = (".sqlite", ".sqlite3", ".db")
_COMPANIONS = ("-wal", "-shm", "-journal")


class LedgerFile:
    """One SQLite file and its access mode.

    `timeout`: seconds to wait for another writer. `notice` is called with a one-sentence message for the user.
    """

    errors: tuple[type[BaseException], ...] = (sqlite3.Error,)

    def __init__(self, path: Path, timeout: float, notice: Notice) -> None:
        self.path = path
        self.read_only = False
        self.absent = False
        self.reason = ""
        """Why the file can't be written; else empty."""
        self.makes = True
        """Whether to create a missing file; otherwise an empty in-memory ledger is used."""
        self._timeout = timeout
        self._notice = notice
        self._options = "mode=rw"
        self._mode = ""

    @property
    def size(self) -> int:
        """Size of the file and its write-ahead log in bytes."""
        total = 0
        for name in (self.path, self.path.with_name(self.path.name + "-wal")):
            try:
                total += name.stat().st_size
            except OSError:
                continue  # does not exist yet
        return total

    @property
    def storage(self) -> str:
        """Description of how the file is stored."""
        if self.absent:
            return "no file yet"
        if self.read_only:
            return "SQLite, read only"
        if self._mode == "wal":
            return "SQLite with a write-ahead log"
        reason = "on a network file system, so " if on_network_filesystem(self.path.parent) else ""
        return f"SQLite, {reason}with a rollback journal"

    # ---- opening ------------------------------------------------------------------------------

    def prepare(self) -> None:
        """Create the file if it does not exist, and determine its access mode.

        Raises LedgerError if the file can't be read, or the disk is full.
        """
        self.read_only = self.absent = False
        self._options = "mode=rw"
        if (fault := folder_fault(self.path)) is not None:
            raise LedgerError(fault)
        try:
            if not self.path.exists():
                if self.makes:
                    self._make()
                else:
                    self.read_only = self.absent = True
                return
        except OSError as error:
            if error.errno in (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)):
                raise LedgerError.of(str(self.path), "full", error.strerror or "disk full") from None
            self._no_file(write_fault(self.path) or error.strerror or str(error))
            return
        if not os.access(self.path, os.R_OK):
            raise LedgerError(f"The ledger {self.path} can't be read: it belongs to someone else.")
        if not (os.access(self.path, os.W_OK) and os.access(self.path.parent, os.W_OK)):
            self._only_read(write_fault(self.path) or "no permission to write there")

    def _make(self) -> None:
        folder = self.path.parent
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        is_data_folder = folder == Path(os.path.realpath(data_folder()))
        if (
            is_data_folder
            and os.name == "posix"
            and folder.stat().st_mode & 0o077
            and folder.stat().st_uid == os.getuid()
        ):
            folder.chmod(0o700)  # the journal may have created it with wider permissions
        try:
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
        except FileExistsError:
            return  # created by another process

    def _no_file(self, reason: str) -> None:
        self.read_only = self.absent = True
        self.reason = reason
        message = f"There is no ledger at {self.path} and none can be made there ({reason}); it reads as empty."
        self._notice(message, "read-only")

    def _only_read(self, reason: str) -> None:
        self.read_only = True
        self.reason = reason
        self._notice(f"The ledger {self.path} can only be read ({reason}); nothing is added to it.", "read-only")
        self._options = "mode=ro"
        try:
            self._ask("SELECT count(*) FROM sqlite_master")
        except sqlite3.OperationalError:
            # WAL mode needs a shared-memory file even for reading. If it can't be created, read the file as immutable;
            # that misses entries only if there is a log.
            self._options = "mode=ro&immutable=1"
            log = self.path.with_name(self.path.name + "-wal")
            if log.exists() and log.stat().st_size:
                self._notice(
                    f"The newest entries of {self.path} may be missing: its log can't be read without writing."
                )

    def connect(self) -> sqlite3.Connection:
        """Open a connection in autocommit mode; SQLAlchemy starts transactions explicitly."""
        if self.absent:
            return sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        connection = sqlite3.connect(
            f"{self.path.as_uri()}?{self._options}",
            uri=True,
            timeout=self._timeout,
            isolation_level=None,
            check_same_thread=False,
        )
        try:
            connection.execute("PRAGMA foreign_keys = ON")
            connection.execute("PRAGMA synchronous = FULL")
        except sqlite3.Error:
            connection.close()
            raise
        return connection

    def _ask(self, statement: str) -> str:
        connection = self.connect()
        try:
            row = connection.execute(statement).fetchone()
            return "" if row is None else str(row[0])
        finally:
            connection.close()

    def choose_mode(self) -> None:
        """Use write-ahead logging on a local disk and a rollback journal elsewhere."""
        mode = "delete" if on_network_filesystem(self.path.parent) else "wal"
        self._mode = self._ask("PRAGMA journal_mode")
        if self._mode == mode:
            return
        try:
            self._mode = self._ask(f"PRAGMA journal_mode = {mode}")
        except sqlite3.OperationalError as error:
            if kind_of(str(error)) != "locked":
                raise
            # Another process is reading. Either mode is safe on one machine; retried at the next opening.

    def compact(self) -> None:
        """Vacuum the file, so that deleted records are removed from the disk."""
        self._ask("VACUUM")
        self._ask("PRAGMA wal_checkpoint(TRUNCATE)")

    # ---- damage -------------------------------------------------------------------------------

    def set_aside(self, reason: str) -> None:
        """Move a damaged file and its companion files aside, and notify the user.

        Raises LedgerError if the file is clearly not a ledger, or can't be moved.
        """
        try:
            handle = self.path.open("rb")
        except FileNotFoundError:
            return  # moved by another process
        with handle:
            if fcntl is not None:
                with contextlib.suppress(OSError):  # no locks on this file system
                    fcntl.flock(handle, fcntl.LOCK_EX)
            if not self._is_there(handle) or not self._damaged():
                return  # already replaced by another process
            self._move_aside(reason, handle.read(len(_MAGIC)) == _MAGIC)

    def _is_there(self, held: BinaryIO) -> bool:
        """Whether the open file is still the one at the ledger's path."""
        try:
            return os.path.samestat(os.fstat(held.fileno()), self.path.stat())
        except OSError:
            return False

    def _move_aside(self, reason: str, ours: bool) -> None:
        if not ours and self.path.suffix not in _SUFFIXES:
            raise LedgerError(f"The file {self.path} is not a ledger; name another one (a ledger ends in .sqlite).")
        stamp = time.strftime("%Y%m%d-%H%M%S")
        aside, count = self.path.with_name(f"{self.path.stem}.corrupt-{stamp}{self.path.suffix}"), 1
        while aside.exists():
            count += 1
            aside = self.path.with_name(f"{self.path.stem}.corrupt-{stamp}-{count}{self.path.suffix}")
        try:
            # Move the log first: beside a new file, SQLite would take it for that file's log.
            for end in _COMPANIONS:
                companion = self.path.with_name(self.path.name + end)
                if companion.exists():
                    companion.rename(aside.with_name(aside.name + end))
            self.path.rename(aside)
        except OSError:
            raise LedgerError.of(str(self.path), "corrupt", reason) from None
        self._notice(
            f"The ledger {self.path} was damaged ({reason}); it was moved to {aside}, and a new one was begun."
        )

    def _damaged(self) -> bool:
        try:
            return self._ask("PRAGMA integrity_check(1)") != "ok"
        except sqlite3.DatabaseError as error:
            return kind_of(str(error)) == "corrupt"
