"""The SQLite file of a ledger: made for one person, never trusted to be whole, never thrown away.

The write-ahead log is used on local disks only; its shared memory does not work between machines. Every
commit is synced, because a journal is deleted once its records are committed. A damaged file is moved
aside together with its log (a log left behind would be replayed into the new file and damage that too).
A file that is plainly something else is not moved: the person named it by mistake.
"""

from __future__ import annotations

import contextlib
import errno
import os
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from .errors import LedgerError, kind_of
from .location import data_folder, folder_fault, on_network_filesystem, write_fault

try:
    import fcntl
except ImportError:  # Windows has no advisory locks of this kind
    fcntl = None  # type: ignore[assignment]  # a name is a module or nothing, which mypy has no word for

_MAGIC = b"SQLite format 3\x00"
_SUFFIXES = (".sqlite", ".sqlite3", ".db")
_COMPANIONS = ("-wal", "-shm", "-journal")


class LedgerFile:
    """One SQLite file and how it may be used.

    Parameters
    ----------
    path : Path
        The file, absolute.
    timeout : float
        Seconds to wait for another writer.
    notice : callable
        Called with one sentence for what a person should know.
    """

    errors: tuple[type[BaseException], ...] = (sqlite3.Error,)

    def __init__(self, path: Path, timeout: float, notice: Callable[[str], None]) -> None:
        self.path = path
        self.read_only = False
        self.absent = False
        self.reason = ""
        """Why it can't be written, where that is so."""
        self.makes = True
        """Whether a file that is not there is made; else an empty ledger stands in."""
        self._timeout = timeout
        self._notice = notice
        self._options = "mode=rw"
        self._mode = ""

    @property
    def size(self) -> int:
        """Bytes of the file and its write-ahead log."""
        total = 0
        for name in (self.path, self.path.with_name(self.path.name + "-wal")):
            try:
                total += name.stat().st_size
            except OSError:
                continue  # not made yet
        return total

    @property
    def storage(self) -> str:
        """How the file is kept, in words."""
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
        """Make the file if there is none and find out how it may be used.

        Raises
        ------
        LedgerError
            If the file can't be read, or the disk is full.
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
        own = folder == Path(os.path.realpath(data_folder()))
        if own and os.name == "posix" and folder.stat().st_mode & 0o077 and folder.stat().st_uid == os.getuid():
            folder.chmod(0o700)  # the journal may have made it first, with wider permissions
        try:
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
        except FileExistsError:
            return  # another process was first

    def _no_file(self, reason: str) -> None:
        self.read_only = self.absent = True
        self.reason = reason
        self._notice(f"There is no ledger at {self.path} and none can be made there ({reason}); it reads as empty.")

    def _only_read(self, reason: str) -> None:
        self.read_only = True
        self.reason = reason
        self._notice(f"The ledger {self.path} can only be read ({reason}); nothing is added to it.")
        self._options = "mode=ro"
        try:
            self._ask("SELECT count(*) FROM sqlite_master")
        except sqlite3.OperationalError:
            # A write-ahead log needs a file beside it even for reading; where none can be made, the file is read as
            # it stands. Without a log nothing is missed by that.
            self._options = "mode=ro&immutable=1"
            log = self.path.with_name(self.path.name + "-wal")
            if log.exists() and log.stat().st_size:
                self._notice(
                    f"The newest entries of {self.path} may be missing: its log can't be read without writing."
                )

    def connect(self) -> sqlite3.Connection:
        """Open a connection; the library above it starts its transactions itself."""
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
            found = connection.execute(statement).fetchone()
            return "" if found is None else str(found[0])
        finally:
            connection.close()

    def choose_mode(self) -> None:
        """Use the write-ahead log on a local disk and a rollback journal elsewhere."""
        wanted = "delete" if on_network_filesystem(self.path.parent) else "wal"
        self._mode = self._ask("PRAGMA journal_mode")
        if self._mode == wanted:
            return
        try:
            self._mode = self._ask(f"PRAGMA journal_mode = {wanted}")
        except sqlite3.OperationalError as error:
            if kind_of(str(error)) != "locked":
                raise
            # Someone reads just now; either mode is safe for one machine, and the next opener tries again.

    def compact(self) -> None:
        """Rewrite the file without the space of deleted records, so that these are gone from the disk."""
        self._ask("VACUUM")
        self._ask("PRAGMA wal_checkpoint(TRUNCATE)")

    # ---- damage -------------------------------------------------------------------------------

    def set_aside(self, reason: str) -> None:
        """Move a damaged file and its companions aside, and say so.

        Raises
        ------
        LedgerError
            If the file is plainly no ledger, or can't be moved.
        """
        try:
            held = self.path.open("rb")
        except FileNotFoundError:
            return  # another process has just moved it
        with held:
            if fcntl is not None:
                with contextlib.suppress(OSError):  # a file system without locks
                    fcntl.flock(held, fcntl.LOCK_EX)
            if not self._is_there(held) or not self._damaged():
                return  # another process has replaced it meanwhile
            self._move_aside(reason, held.read(len(_MAGIC)) == _MAGIC)

    def _is_there(self, held: BinaryIO) -> bool:
        """Whether the file that is open is still the one under the ledger's name."""
        try:
            return os.path.samestat(os.fstat(held.fileno()), self.path.stat())
        except OSError:
            return False

    def _move_aside(self, reason: str, ours: bool) -> None:
        if not ours and self.path.suffix not in _SUFFIXES:
            raise LedgerError(f"The file {self.path} is no ledger; name another one (a ledger ends in .sqlite).")
        stamp = time.strftime("%Y%m%d-%H%M%S")
        aside, count = self.path.with_name(f"{self.path.stem}.corrupt-{stamp}{self.path.suffix}"), 1
        while aside.exists():
            count += 1
            aside = self.path.with_name(f"{self.path.stem}.corrupt-{stamp}-{count}{self.path.suffix}")
        try:
            # The log goes first: left alone beside a new file it would be taken for that file's.
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
