"""Writes a session's records: at once to the journal, within ten seconds to the ledger.

If the journal can't be written (full disk, read-only home), final records stay in memory until it can; the problem is
reported once, in `problem`. The ledger's database library is slow to import, and a ledger may be locked or remote. So
draining the journal into the ledger runs on a separate thread. Journal files have a bounded size, which bounds the
memory of a drain and the disk space of records that are not yet in the ledger.
"""

from __future__ import annotations

import contextlib
import getpass
import platform
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from jupyter_green.background import BackgroundThread
from jupyter_green.records import EnergyRecord, clock
from jupyter_green.storage.journal import Journal
from jupyter_green.storage.location import first_fault, journal_folder

from .settings import Settings

QUIET_SECONDS = 3.0
"""The ledger is written after this time without a new record."""
LATEST_SECONDS = 6.0
"""The ledger is written at the latest this long after the first new record."""
DRAIN_EVERY_SECONDS = 5.0
"""Shortest time between two writes to the ledger."""
RETRY_SECONDS = 10.0
DRAIN_AGAIN_SECONDS = 30.0
"""Time until the next attempt after the ledger could not be written."""
ASK_SECONDS = 1.0
ROTATE_BYTES = 500_000
WAITING_LIMIT = 10_000


def _nothing() -> None:
    pass


class RecordWriter:
    """Writes the records of a session."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._journal: Journal | None = None
        self._waiting: list[EnergyRecord] = []
        self._kept = self._tried = 0  # final records so far, and at the last drain
        self._drainer: BackgroundThread | None = None
        self._open: dict[str, dict[str, Any]] = {}  # open windows by id: fields in the journal
        self._closed: set[str] = set()  # of these, the closed ones
        self._writing = threading.Lock()  # written by user threads and by the sampler
        self._last_write = 0.0
        self._first_new = 0.0  # when the oldest record not yet drained was written
        self._last_drain = clock.monotonic() - DRAIN_EVERY_SECONDS
        self._next_try = self._next_rotation = 0.0
        self._carried = 0
        """Bytes carried over into the current journal. With many pending windows they exceed `ROTATE_BYTES`; the next
        rotation waits until as much again is written, so that not every record rotates the journal."""
        self._ended = False
        self.problem: str | None = None
        self._first_fault = first_fault(settings.ledger)
        self.drain_problem: str | None = self._first_fault  # an unusable ledger is reported at once
        self.notices: tuple[str, ...] = ()
        self.own_thread: Callable[[], AbstractContextManager[Callable[[], None]]] = lambda: nullcontext(_nothing)
        """Excludes the CPU time of a metering thread from the user's; see `ProcessorModel.own_thread`."""
        self._start_journal()

    def note(self, event: str, record_id: str, known: dict[str, Any]) -> None:
        """Write new fields of a window that is not final yet: an open, close or beat line.

        Writes nothing if the sampler has made the record final since: a new journal file may have begun, where the line
        would stand alone.
        """
        with self._writing:
            if event == "open":
                self._open[record_id] = dict(known)
            elif record_id not in self._open:
                return
            else:
                self._open[record_id].update(known)
                if event == "close":
                    self._closed.add(record_id)
            self._last_write = clock.monotonic()
            self._put(event, record_id, known)
            if event == "beat":  # other events are on the user's thread
                self._rotate()

    def keep(self, record: EnergyRecord) -> None:
        """Write a final record. If that fails, it is kept in memory and written later."""
        with self._writing:
            self._open.pop(record.id, None)
            self._closed.discard(record.id)
            self._last_write = clock.monotonic()
            if self._kept == self._tried:
                self._first_new = self._last_write
            self._kept += 1
            if not self._put("final", record.id, record.to_dict()):
                self._waiting.append(record)
                del self._waiting[:-WAITING_LIMIT]
            self._rotate()

    @property
    def waiting(self) -> int:
        """Number of final records that are in memory only."""
        return len(self._waiting)

    def write_when_due(self) -> float | None:
        """Write records to the journal and the ledger if due; return the seconds until the next call, or None."""
        waits = [wait for wait in (self._flush_when_due(), self._drain_when_due()) if wait is not None]
        return min(waits, default=None)

    def _flush_when_due(self) -> float | None:
        """Write the records in memory to the journal if due."""
        if self._ended or not self._waiting:
            return None
        with self._writing:
            self._flush()
            if not self._waiting:
                self._tried = min(self._tried, self._kept - 1)  # the last drain did not include them
                return None
            return max(0.0, self._next_try - clock.monotonic())

    def _drain_when_due(self) -> float | None:
        if self._drainer is not None:
            if self._drainer.is_alive():
                return ASK_SECONDS
            if self._drainer.failure is not None:
                self._drain_failed(self._drainer.failure)
            self._drainer = None
        if self._ended or (self._kept == self._tried and self.drain_problem is None):
            return None
        now = clock.monotonic()
        due = min(self._last_write + QUIET_SECONDS, self._first_new + LATEST_SECONDS)
        pause = DRAIN_EVERY_SECONDS if self.drain_problem is None else DRAIN_AGAIN_SECONDS
        due = max(due, self._last_drain + pause)
        if now < due:
            return due - now
        self._drainer = BackgroundThread(self.drain, "drain")
        self._drainer.start()
        return ASK_SECONDS

    def drain(self) -> None:
        """Move final records to the ledger now; an error is reported in `drain_problem`."""
        self._tried, self._last_drain = self._kept, clock.monotonic()
        with self.own_thread() as exclude_time:
            self._drain(exclude_time)

    def _drain(self, bill: Callable[[], None]) -> None:
        try:
            from jupyter_green.storage import Ledger, LedgerError

            try:
                with Ledger(self._settings.ledger) as ledger:
                    ledger.drain(bill)
                    self.notices = tuple(ledger.notices)
            except LedgerError as error:
                self.drain_problem = str(error)
                return
        except Exception as error:  # noqa: BLE001 - the journals keep the records, and user code must go on
            self._drain_failed(error)
            return
        self.drain_problem = None

    def _drain_failed(self, error: Exception) -> None:
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        self.drain_problem = f"The ledger can't be opened ({reason}); the journals keep the records."

    def _rotate(self) -> None:
        """Continue in a new journal file if this one is too long; open windows are carried over."""
        old_journal = self._journal
        now = clock.monotonic()
        if old_journal is None or now < self._next_rotation:
            return
        if old_journal.size - self._carried <= max(ROTATE_BYTES, self._carried):
            return
        try:
            new_journal = self._new_journal()
            try:
                old_journal.end([*self._open])
            except OSError:
                new_journal.discard()
                raise
        except OSError:
            self._next_rotation = now + RETRY_SECONDS  # disk full: continue in the old file
            return
        self._journal, self._carried = new_journal, new_journal.size if self._open else 0

    def abandon(self) -> None:
        """Stop writing the parent's journal; called in a forked child."""
        self._ended = True
        if self._journal is not None:
            self._journal.abandon()
            self._journal = None

    def close(self) -> None:
        """Write the records in memory and close the journal; the next process that opens the ledger reads it."""
        with self._writing:
            self._next_try = 0.0
            self._flush()
            self._ended = True
            if self._journal is not None:
                self._journal.close()
                self._journal = None

    # ---- inside -------------------------------------------------------------------------------

    def _start_journal(self) -> None:
        try:
            self._journal = self._new_journal()
            self._written_again()
        except OSError as error:
            self._fail(error)

    def _new_journal(self) -> Journal:
        carried = [
            (event, record_id, record_fields if event == "open" else {})
            for record_id, record_fields in self._open.items()
            for event in (("open", "close") if record_id in self._closed else ("open",))
        ]
        return Journal(journal_folder(self._settings.ledger), self._head(), carried)

    def _head(self) -> dict[str, Any]:
        try:
            owner = getpass.getuser()
        except (OSError, KeyError):  # in a container the user may have no name
            owner = None
        settings = self._settings
        return {"run_id": settings.run_id, "host": platform.node(), "owner": owner, "project": settings.project}

    def _put(self, event: str, record_id: str, data: dict[str, Any]) -> bool:
        if self._ended:
            return False
        if self._journal is not None and self._journal.removed:
            old_journal, self._journal = self._journal, None
            self._start_journal()
            if self._journal is not None:
                with contextlib.suppress(OSError):  # the file is deleted, so nobody reads it
                    old_journal.end([*self._open, record_id])
            old_journal.close()
        if self.problem is not None:
            self._flush()
        if self._journal is None:
            return False
        try:
            self._journal.write(event, record_id, clock.wall(), data)
        except OSError as error:
            self._fail(error)
            return False
        return True

    def _written_again(self) -> None:
        """The journal can be written: what kept the ledger from it at first may be mended too."""
        self.problem = None
        if self._first_fault is not None and self.drain_problem == self._first_fault:
            self.drain_problem = self._first_fault = first_fault(self._settings.ledger)

    def _fail(self, error: OSError) -> None:
        self._next_try = clock.monotonic() + RETRY_SECONDS
        self.problem = (
            f"Records can't be written to disk ({error.strerror or error}); they are kept in memory until they can. "
            "Free some space, or set JUPYTER_GREEN_LEDGER to a place that can be written."
        )

    def _flush(self) -> None:
        """Write the records in memory to the journal, if it is time to retry."""
        if clock.monotonic() < self._next_try or (self.problem is None and not self._waiting):
            return
        if self._journal is None:
            self._start_journal()
        while self._waiting and self._journal is not None:
            record = self._waiting[0]
            try:
                self._journal.write("final", record.id, clock.wall(), record.to_dict())
            except OSError as error:
                self._fail(error)
                return
            self._waiting.pop(0)
        if self._journal is not None:
            self._written_again()
