"""Import of journals into the ledger, exactly once.

The number of imported records of a journal is stored in the same transaction as the records; unique record ids are the
second safeguard. Whether the owner lives is checked before the file is read, so a dead owner's file is complete and can
be deleted. For a live owner, reading resumes at the first open window, because journals of long sessions are long.
A file with a line that is no record is left where it is, and not read again until it changes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, delete, insert, select, update

from jupyter_green.errors import GreenError
from jupyter_green.records import EnergyRecord, clock

from . import schema
from .database import Database
from .errors import LedgerError, Notice
from .journal import STALE_SECONDS, Replay, journals, owner_lives, replay
from .privacy import Privacy
from .record_rows import RecordRow, store

_REMEMBERED_SECONDS = 30 * 86_400.0


@dataclass(frozen=True)
class Drained:
    """Result of an import."""

    records: int = 0
    """Number of records new in the ledger."""
    closed: int = 0
    """Number of journals of dead kernels that were finished and deleted."""
    skipped: int = 0
    """Number of unreadable lines in those journals (truncated by a crash or a full disk)."""


@dataclass(frozen=True)
class _Place:
    """How far the journal of a live owner has been read."""

    size: int
    resume: int
    resume_settled: int
    settled: int


_START = _Place(-1, 0, 0, 0)


class Drain:
    """Imports journals into one database.

    `owner` returns the value of the owner column for the user name in a journal, or for None if it has none. `host` is
    the name for journals without one. `notice` is called with a one-sentence message for the user.
    """

    def __init__(
        self,
        folder: Path,
        database: Database,
        privacy: Privacy,
        *,
        owner: Callable[[str | None], str | None],
        host: str | None,
        notice: Notice,
    ) -> None:
        self._folder = folder
        self._database = database
        self._privacy = privacy
        self._owner, self._host = owner, host
        self._notice = notice
        self._places: dict[str, _Place] = {}
        self._left: dict[str, tuple[bool, int, int]] = {}
        """Files left where they are, as they were when they were read: alive, bytes, time of the last change in ns."""
        self._generation = database.generation

    @property
    def waiting(self) -> int:
        """Number of journals in the folder, those of live kernels included; 0 if it can't be read."""
        try:
            return sum(1 for _ in journals(self._folder))
        except OSError:
            return 0

    def run(self, between: Callable[[], None] | None = None) -> Drained:
        """Import all journals once, each in its own transaction, and call `between` after each.

        Raises LedgerError if the database can't be written; the journals are kept then.
        """
        records = closed = skipped = 0
        try:
            paths = list(journals(self._folder))
        except OSError as error:
            self._notice(f"The journals in {self._folder} can't be read ({error.strerror}); their records wait there.")
            return Drained()
        for path in paths:
            if self._database.generation != self._generation:
                self._generation = self._database.generation
                self._places.clear()
                self._left.clear()
            try:
                try:
                    imported = self._journal(path)
                except _OtherDatabase:
                    self._places.clear()
                    imported = self._journal(path)
            except FileNotFoundError:
                self._places.pop(path.name, None)  # removed by another process
                continue
            except OSError as error:
                self._notice(f"The journal {path} can't be read or removed ({error.strerror}); its records wait there.")
                continue
            except LedgerError as error:
                if error.kind != "other":
                    raise
                self._notice(f"The journal {path} holds records that the ledger rejects; it is left there. {error}")
                continue
            records, closed, skipped = records + imported.records, closed + imported.closed, skipped + imported.skipped
            if between is not None:
                between()
        self._sweep()
        return Drained(records, closed, skipped)

    def _journal(self, path: Path) -> Drained:
        alive = owner_lives(path)
        status = path.stat()
        form = (alive, status.st_size, status.st_mtime_ns)
        if self._left.get(path.name) == form:
            return Drained()
        progress = self._places.get(path.name, _START) if alive else _START
        size = status.st_size
        if progress.size == size:
            return Drained()
        replayed = replay(path, progress.resume, progress.resume_settled)
        if replayed.newer:
            self._notice(f"The journal {path} was written by a newer jupyter_green; upgrade to add its records.")
            self._left[path.name] = form
            return Drained()
        alive = alive and not replayed.complete
        settled = progress.resume_settled + len(replayed.settled)
        stored, errors = 0, list[str]()
        if not alive or settled != progress.settled:
            stored = self._store(path.name, replayed, progress.resume_settled, alive, errors)
        if errors:
            self._notice(f"The journal {path} holds lines that are not records ({errors[0]}); it is left where it is.")
        if alive:
            self._places[path.name] = _Place(size, replayed.resume, replayed.resume_settled, settled)
        if errors and not alive:
            self._left[path.name] = form
        if alive or errors:
            return Drained(stored)
        return Drained(stored, *self._remove(path, replayed))

    def _remove(self, path: Path, replayed: Replay) -> tuple[int, int]:
        self._places.pop(path.name, None)
        try:
            path.unlink()
        except FileNotFoundError:
            return 0, 0  # removed by another process, which counts it
        return 1, replayed.skipped

    def _store(self, name: str, replayed: Replay, before: int, alive: bool, wrong: list[str]) -> int:
        """Store the new records of a journal and return their number. Invalid records are reported in `wrong`."""
        head = replayed.head
        owner = self._owner(_word(head.get("owner")))
        host = _word(head.get("host")) or self._host
        host = host if self._privacy.keeps("host") else None
        apply = self._privacy.apply

        def entry(record: EnergyRecord) -> RecordRow | None:
            try:
                return RecordRow.of(apply(record), owner, host)
            except ValueError as error:
                wrong.append(str(error))
                return None

        settled = [entry(record) for record in replayed.settled]
        left = [] if alive else [entry(record) for record in replayed.close_interrupted()]
        table = schema.journals

        def work(connection: Connection) -> int:
            row = connection.execute(
                select(table.c.settled, table.c.closed).where(table.c.name == name).with_for_update()
            ).one_or_none()
            done, was_closed = (0, False) if row is None else (row.settled, bool(row.closed))
            if was_closed:
                return 0
            if not isinstance(done, int) or done < 0:
                done = 0  # corrupted; existing records are not stored twice
            if done < before:
                raise _OtherDatabase
            stored = store(connection, [one for one in (*settled[done - before :], *left) if one is not None])
            values = {
                "settled": max(done, before + len(settled)),
                "closed": not alive and not wrong,
                "drained_at": clock.wall(),
                "owner": owner,
            }
            if row is None:
                connection.execute(insert(table).values(name=name, **values))
            else:
                connection.execute(update(table).where(table.c.name == name).values(**values))
            old = clock.wall() - _REMEMBERED_SECONDS
            connection.execute(delete(table).where(table.c.closed.is_(True), table.c.drained_at < old))
            return stored

        return self._database.write(work)

    def _sweep(self) -> None:
        """Remove files of kernels that were killed before their journal got its name."""
        for path in self._folder.glob("*.new"):
            try:
                if clock.wall() - path.stat().st_mtime > STALE_SECONDS:
                    path.unlink()
            except OSError:
                continue  # just renamed by its owner, or of another user


class _OtherDatabase(GreenError):
    """The database has fewer records of a journal than were already read: it is another database now."""


def _word(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
