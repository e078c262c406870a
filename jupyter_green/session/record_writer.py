"""Where a session's records go: the journal at once, the ledger within ten seconds, also while cells run.

A journal that can't be written (full disk, read-only home) costs no record: settled ones wait in memory
and are written as soon as the disk takes them again; what is wrong is said once, in `problem`. The
ledger's database library is heavy and is loaded only for draining, on a thread of its own: a ledger that is locked or
far away must not keep the sampler from the next window. A journal is cut into files of a bounded size, so that a drain
holds no more than one of them in memory and the disk holds no more than what is not in the ledger yet.
"""

from __future__ import annotations

import contextlib
import getpass
import platform
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from jupyter_green.records import EnergyRecord, clock
from jupyter_green.storage.journal import Journal
from jupyter_green.storage.location import first_fault, journal_folder

from .settings import Settings

QUIET_SECONDS = 3.0
"""After so long without a record the ledger is written, since nothing runs then."""
LATEST_SECONDS = 6.0
"""So long after a record the ledger is written at the latest, whatever runs."""
DRAIN_EVERY_SECONDS = 5.0
"""The ledger is written at most so often."""
RETRY_SECONDS = 10.0
DRAIN_AGAIN_SECONDS = 30.0
"""A ledger that could not be written is tried again after so long."""
ASK_SECONDS = 1.0
ROTATE_BYTES = 500_000
WAITING_LIMIT = 10_000


def _nothing() -> None:
    pass


class RecordWriter:
    """Writes down what a session meters.

    Parameters
    ----------
    settings : Settings
        Names the ledger, the run and the project.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._journal: Journal | None = None
        self._waiting: list[EnergyRecord] = []
        self._kept = self._tried = 0  # settled records so far, and how many when the ledger was last tried
        self._drainer: threading.Thread | None = None
        self._open: dict[str, dict[str, Any]] = {}  # what the journal says of windows that are not settled
        self._closed: set[str] = set()  # those of them that have ended
        self._writing = threading.Lock()  # cells write from one thread, the sampler from another
        self._last_write = 0.0
        self._first_new = 0.0  # when the oldest record was written that was not drained yet
        self._last_drain = clock.monotonic() - DRAIN_EVERY_SECONDS
        self._next_try = self._next_rotation = 0.0
        self._carried = 0
        """Bytes with which the journal began. Where many windows wait for their figures these are more than a file may
        have: a new one is begun only once as much again was written, else each record would begin one."""
        self._ended = False
        self.problem: str | None = None
        self._first_fault = first_fault(settings.ledger)
        self.drain_problem: str | None = self._first_fault  # what is plainly wrong is said at once
        self.notices: tuple[str, ...] = ()
        self.own_thread: Callable[[], AbstractContextManager[Callable[[], None]]] = lambda: nullcontext(_nothing)
        """Leaves out of the figures what a thread of metering's own spends; see `ProcessorModel.own_thread`."""
        self._start_journal()

    def note(self, event: str, record_id: str, known: dict[str, Any]) -> None:
        """Write what is newly known of a window that is not settled: an open, close or beat line.

        The sampler may have settled it since: nothing is written then, for another file may have begun meanwhile, where
        the line would stand alone.
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
            if event == "beat":  # else a cell waits
                self._rotate()

    def keep(self, record: EnergyRecord) -> None:
        """Write a settled record; it is never dropped."""
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
        """Number of settled records that are in memory only."""
        return len(self._waiting)

    def write_when_due(self) -> float | None:
        """Write settled records down, and move them to the ledger, if it is time; return when to ask again, or None."""
        waits = [wait for wait in (self._flush_when_due(), self._drain_when_due()) if wait is not None]
        return min(waits, default=None)

    def _flush_when_due(self) -> float | None:
        """Write what waits in memory, also where no cell runs any more."""
        if self._ended or not self._waiting:
            return None
        with self._writing:
            self._flush()
            if not self._waiting:
                self._tried = min(self._tried, self._kept - 1)  # the ledger was tried without them
                return None
            return max(0.0, self._next_try - clock.monotonic())

    def _drain_when_due(self) -> float | None:
        if self._drainer is not None:
            if self._drainer.is_alive():
                return ASK_SECONDS
            self._drainer = None
        if self._ended or (self._kept == self._tried and self.drain_problem is None):
            return None
        now = clock.monotonic()
        due = min(self._last_write + QUIET_SECONDS, self._first_new + LATEST_SECONDS)
        pause = DRAIN_EVERY_SECONDS if self.drain_problem is None else DRAIN_AGAIN_SECONDS
        due = max(due, self._last_drain + pause)
        if now < due:
            return due - now
        self._drainer = threading.Thread(target=self.drain, name="jupyter_green drain", daemon=True)
        self._drainer.start()
        return ASK_SECONDS

    def drain(self) -> None:
        """Move settled records to the ledger now; a fault is kept in `drain_problem`."""
        self._tried, self._last_drain = self._kept, clock.monotonic()
        with self.own_thread() as bill:
            self._drain(bill)

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
        except Exception as error:  # noqa: BLE001 - whatever it is, the journals keep the records, and cells go on
            why = " ".join(f"{type(error).__name__}: {error}".split())
            self.drain_problem = f"The ledger can't be opened ({why}); the journals keep the records."
            return
        self.drain_problem = None

    def _rotate(self) -> None:
        """Go on in a new journal where this one has grown long; what is open is carried over."""
        old = self._journal
        now = clock.monotonic()
        if old is None or now < self._next_rotation or old.size - self._carried <= max(ROTATE_BYTES, self._carried):
            return
        try:
            new = self._new_journal()
            try:
                old.end([*self._open])
            except OSError:
                new.discard()
                raise
        except OSError:
            self._next_rotation = now + RETRY_SECONDS  # the disk is full: what fits goes on where it is
            return
        self._journal, self._carried = new, new.size if self._open else 0

    def abandon(self) -> None:
        """In a forked child: leave the parent's journal alone."""
        self._ended = True
        if self._journal is not None:
            self._journal.abandon()
            self._journal = None

    def close(self) -> None:
        """Write what waits and close the journal; the next one who opens the ledger reads it."""
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
            (event, record_id, known if event == "open" else {})
            for record_id, known in self._open.items()
            for event in (("open", "close") if record_id in self._closed else ("open",))
        ]
        return Journal(journal_folder(self._settings.ledger), self._head(), carried)

    def _head(self) -> dict[str, Any]:
        try:
            owner = getpass.getuser()
        except (OSError, KeyError):  # a container's user may have no name
            owner = None
        settings = self._settings
        return {"run_id": settings.run_id, "host": platform.node(), "owner": owner, "project": settings.project}

    def _put(self, event: str, record_id: str, data: dict[str, Any]) -> bool:
        if self._ended:
            return False
        if self._journal is not None and self._journal.removed:
            old, self._journal = self._journal, None
            self._start_journal()
            if self._journal is not None:
                with contextlib.suppress(OSError):  # it is gone, and nobody reads it
                    old.end([*self._open, record_id])
            old.close()
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
        """Write the records that wait in memory, if it is time to try again."""
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
