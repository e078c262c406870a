"""From the journals into the ledger, exactly once.

How many settled records of a journal are in the ledger is written in the same transaction as the records
themselves; the record's identity is the second guard. Whether the owner lives is asked before the file is
read: a dead owner's file is complete by then, so nothing can be missed when it is deleted. A living owner's
file is read on from where no window was open, because the journal of a long session is long.
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
from .errors import LedgerError
from .journal import STALE_SECONDS, Replay, journals, owner_lives, replay
from .privacy import Privacy
from .record_rows import RecordRow, store

_REMEMBERED_SECONDS = 30 * 86_400.0


@dataclass(frozen=True)
class Drained:
    """What a drain brought.

    Parameters
    ----------
    records : int
        Records that are new in the ledger.
    closed : int
        Journals of dead kernels that were closed and deleted.
    skipped : int
        Lines of closed journals that could not be read (cut by a crash or a full disk).
    """

    records: int = 0
    closed: int = 0
    skipped: int = 0


@dataclass(frozen=True)
class _Place:
    """How far a living owner's journal was read."""

    size: int
    resume: int
    resume_settled: int
    settled: int


_START = _Place(-1, 0, 0, 0)


class Drain:
    """Moves what journals hold into one database.

    Parameters
    ----------
    folder : Path
        Where this ledger's journals lie.
    database : Database
        Where their records go.
    privacy : Privacy
        What of them is stored.
    owner : callable
        Returns what rows say of their owner, given the name in a journal; None: the journal has none.
    host : str or None
        Where, if a journal doesn't say.
    notice : callable
        Called with one sentence for what a person should know.
    """

    def __init__(
        self,
        folder: Path,
        database: Database,
        privacy: Privacy,
        *,
        owner: Callable[[str | None], str | None],
        host: str | None,
        notice: Callable[[str], None],
    ) -> None:
        self._folder = folder
        self._database = database
        self._privacy = privacy
        self._owner, self._host = owner, host
        self._notice = notice
        self._places: dict[str, _Place] = {}
        self._generation = database.generation

    @property
    def waiting(self) -> int:
        """How many journals lie in the folder, those of living kernels included; 0 where it can't be read."""
        try:
            return sum(1 for _ in journals(self._folder))
        except OSError:
            return 0

    def run(self, between: Callable[[], None] | None = None) -> Drained:
        """Drain all journals once, each in a transaction of its own.

        Parameters
        ----------
        between : callable, optional
            Called after each of them.

        Raises
        ------
        LedgerError
            If the database can't take the records; the journals keep them then.
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
            try:
                try:
                    found = self._journal(path)
                except _Behind:
                    self._places.clear()
                    found = self._journal(path)
            except FileNotFoundError:
                self._places.pop(path.name, None)  # another process has closed it meanwhile
                continue
            except OSError as error:
                self._notice(f"The journal {path} can't be read or removed ({error.strerror}); its records wait there.")
                continue
            except LedgerError as error:
                if error.kind != "other":
                    raise
                self._notice(f"The journal {path} holds what the ledger does not take; it is left there. {error}")
                continue
            records, closed, skipped = records + found.records, closed + found.closed, skipped + found.skipped
            if between is not None:
                between()
        self._sweep()
        return Drained(records, closed, skipped)

    def _journal(self, path: Path) -> Drained:
        alive = owner_lives(path)
        place = self._places.get(path.name, _START) if alive else _START
        size = path.stat().st_size
        if place.size == size:
            return Drained()
        replayed = replay(path, place.resume, place.resume_settled)
        if replayed.newer:
            self._notice(f"The journal {path} was written by a newer jupyter_green; upgrade to add its records.")
            return Drained()
        alive = alive and not replayed.complete
        settled = place.resume_settled + len(replayed.settled)
        stored, wrong = 0, list[str]()
        if not alive or settled != place.settled:
            stored = self._store(path.name, replayed, place.resume_settled, alive, wrong)
        if wrong:
            self._notice(f"The journal {path} holds what is no record ({wrong[0]}); it is left where it is.")
        if alive:
            self._places[path.name] = _Place(size, replayed.resume, replayed.resume_settled, settled)
        if alive or wrong:
            return Drained(stored)
        return Drained(stored, *self._remove(path, replayed))

    def _remove(self, path: Path, replayed: Replay) -> tuple[int, int]:
        self._places.pop(path.name, None)
        try:
            path.unlink()
        except FileNotFoundError:
            return 0, 0  # another process was first; it counts the journal
        return 1, replayed.skipped

    def _store(self, name: str, replayed: Replay, before: int, alive: bool, wrong: list[str]) -> int:
        """Store what is new of a journal and return how many that were; what is no record is said in `wrong`."""
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
        left = [] if alive else [entry(record) for record in replayed.orphans()]
        table = schema.journals

        def work(connection: Connection) -> int:
            row = connection.execute(
                select(table.c.settled, table.c.closed).where(table.c.name == name).with_for_update()
            ).one_or_none()
            done, was_closed = (0, False) if row is None else (row.settled, bool(row.closed))
            if was_closed:
                return 0
            if not isinstance(done, int) or done < 0:
                done = 0  # altered from outside; a record that is there already is not stored twice
            if done < before:
                raise _Behind
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
        """Remove what a kernel left that was killed before its journal had its name."""
        for path in self._folder.glob("*.new"):
            try:
                if clock.wall() - path.stat().st_mtime > STALE_SECONDS:
                    path.unlink()
            except OSError:
                continue  # its owner has just renamed it, or it is not ours


class _Behind(GreenError):
    """The database knows less of a journal than was already read past; it is another database now."""


def _word(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
