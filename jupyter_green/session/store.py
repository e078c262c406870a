"""Where a session's records go: the journal at once, the ledger when nothing runs.

A journal that can't be written (full disk, read-only home) costs no record: settled ones wait in memory
and are written as soon as the disk takes them again; what is wrong is said once, in `problem`. The
ledger's database library is heavy and is loaded only for draining, a few seconds after the last window, on
a thread of its own: a ledger that is locked or far away must not keep the sampler from the next window.
"""

from __future__ import annotations

import getpass
import platform
import threading
import time
from typing import Any

from jupyter_green.ledger.journal import Journal
from jupyter_green.ledger.location import journal_folder
from jupyter_green.records import EnergyRecord

from .settings import Settings

QUIET_SECONDS = 3.0
DRAIN_EVERY_SECONDS = 30.0
RETRY_SECONDS = 10.0
ASK_SECONDS = 1.0
ROTATE_BYTES = 1_000_000
WAITING_LIMIT = 10_000


class Store:
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
        self._open: set[str] = set()
        self._last_write = 0.0
        self._last_drain = time.monotonic() - DRAIN_EVERY_SECONDS
        self._next_try = 0.0
        self._ended = False
        self.problem: str | None = None
        self.drain_problem: str | None = None
        self.notices: tuple[str, ...] = ()
        self._start_journal()

    def note(self, event: str, record_id: str, known: dict[str, Any]) -> None:
        """Write what is newly known of a window that is not settled: an open, close or beat line."""
        if event == "open":
            self._open.add(record_id)
        self._last_write = time.monotonic()
        self._put(event, record_id, known)

    def keep(self, record: EnergyRecord) -> None:
        """Write a settled record; it is never dropped."""
        self._open.discard(record.id)
        self._kept += 1
        self._last_write = time.monotonic()
        if not self._put("final", record.id, record.to_dict()):
            self._waiting.append(record)
            del self._waiting[:-WAITING_LIMIT]

    @property
    def waiting(self) -> int:
        """Number of settled records that are in memory only."""
        return len(self._waiting)

    def drain_when_due(self) -> float | None:
        """Have settled records moved to the ledger if it is time; return when to ask again, or None."""
        if self._drainer is not None:
            if self._drainer.is_alive():
                return ASK_SECONDS
            self._drainer = None
            if self.drain_problem is None:
                self._rotate()
        if self._kept == self._tried or self._ended:
            return None
        now = time.monotonic()
        due = max(self._last_write + QUIET_SECONDS, self._last_drain + DRAIN_EVERY_SECONDS)
        if now < due:
            return due - now
        self._drainer = threading.Thread(target=self.drain, name="jupyter_green drain", daemon=True)
        self._drainer.start()
        return ASK_SECONDS

    def drain(self) -> None:
        """Move settled records to the ledger now; a fault is kept in `drain_problem`."""
        self._tried, self._last_drain = self._kept, time.monotonic()
        try:
            from jupyter_green.ledger import Ledger, LedgerError

            try:
                with Ledger(self._settings.ledger) as ledger:
                    ledger.drain()
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
        """Begin a new journal where the drained one has grown long and no window is open in it."""
        if self._journal is not None and self._journal.size > ROTATE_BYTES and not self._open:
            self._journal.close()
            self._start_journal()

    def abandon(self) -> None:
        """In a forked child: leave the parent's journal alone."""
        self._ended = True
        if self._journal is not None:
            self._journal.abandon()
            self._journal = None

    def close(self) -> None:
        """Write what waits and close the journal; the next one who opens the ledger reads it."""
        self._next_try = 0.0
        self._flush()
        self._ended = True
        if self._journal is not None:
            self._journal.close()
            self._journal = None

    # ---- inside -------------------------------------------------------------------------------

    def _start_journal(self) -> None:
        try:
            self._journal = Journal(journal_folder(self._settings.ledger), self._head())
            self.problem = None
        except OSError as error:
            self._fail(error)

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
            self._journal.close()
            self._journal = None
            self._start_journal()
        if self.problem is not None:
            self._flush()
        if self._journal is None:
            return False
        try:
            self._journal.write(event, record_id, time.time(), data)
        except OSError as error:
            self._fail(error)
            return False
        return True

    def _fail(self, error: OSError) -> None:
        self._next_try = time.monotonic() + RETRY_SECONDS
        self.problem = (
            f"Records can't be written to disk ({error.strerror or error}); they are kept in memory until they can. "
            "Free some space, or set JUPYTER_GREEN_LEDGER to a place that can be written."
        )

    def _flush(self) -> None:
        """Write the records that wait in memory, if it is time to try again."""
        if time.monotonic() < self._next_try or (self.problem is None and not self._waiting):
            return
        if self._journal is None:
            self._start_journal()
        while self._waiting and self._journal is not None:
            record = self._waiting[0]
            try:
                self._journal.write("final", record.id, time.time(), record.to_dict())
            except OSError as error:
                self._fail(error)
                return
            self._waiting.pop(0)
        if self._journal is not None:
            self.problem = None
