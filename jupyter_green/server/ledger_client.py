"""Access to the ledger from the event loop.

Disks and databases block, so work runs in threads and never on the event loop, which carries the kernels' messages.
Each lane has its own threads: slow queries over all records do not delay queries for one run, the health check or the
detection of changes. The ledger is opened at the first query and kept open. Reading creates no file: without a ledger
and without a journal to import, all queries see an empty ledger.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from jupyter_green.storage.errors import LedgerError
from jupyter_green.storage.journal import journals, owner_lives
from jupyter_green.storage.location import journal_folder, ledger_url, sqlite_path

from .errors import Unavailable
from .record_counts import RecordCounts

if TYPE_CHECKING:
    from .user_ledger import OwnLedger

T = TypeVar("T")

_TIMEOUT = 2.0
_PATIENCE = 60.0
Lane = Literal["all records", "one run", "health", "changes"]
"""Kind of query; each lane has its own threads."""
_THREADS: dict[Lane, int] = {"all records": 4, "one run": 4, "health": 1, "changes": 1}


class Nothing(Unavailable):
    """Nothing was metered yet: there is neither a ledger nor a journal."""

    def __init__(self, url: str, sentence: str) -> None:
        super().__init__("missing", sentence)
        self.url = url


class LedgerClient:
    """Asynchronous access to one ledger: by default that of the environment variable, or the local file.

    `whole`: whether to read all records of a shared ledger.
    """

    def __init__(self, url: str = "", whole: bool = False) -> None:
        self._given, self._whole = url, whole
        self._ledger: OwnLedger | None = None
        self._opening = threading.Lock()
        self._threads = {
            name: ThreadPoolExecutor(count, thread_name_prefix=f"jupyter_green ledger, {name}")
            for name, count in _THREADS.items()
        }

    # ---- queries ------------------------------------------------------------------------------

    async def ask(self, plan: Callable[[], Callable[[OwnLedger], T]], lane: Lane = "one run") -> T:
        """Run work on the ledger in a thread and return its result.

        `plan` is called first, in the thread; it validates the query and returns the work. For the lane "health" a
        missing ledger is an error; other lanes see an empty ledger. Raises Refusal if `plan` or the work does,
        Unavailable if the ledger can't be read.
        """
        work = self._answer if lane == "health" else self._answer_or_empty
        answer = asyncio.get_running_loop().run_in_executor(self._threads[lane], work, plan)
        try:
            return await asyncio.wait_for(answer, _PATIENCE)
        except asyncio.TimeoutError:
            raise Unavailable(
                "unreachable", f"The ledger did not answer within {_PATIENCE:.0f} s; try again later."
            ) from None

    def _answer(self, plan: Callable[[], Callable[[OwnLedger], T]]) -> T:
        work = plan()
        ledger = self._opened()
        try:
            return work(ledger)
        except LedgerError as error:
            raise Unavailable.of(error) from None

    def _answer_or_empty(self, plan: Callable[[], Callable[[OwnLedger], T]]) -> T:
        try:
            return self._answer(plan)
        except Nothing as nothing:
            from .user_ledger import OwnLedger

            with OwnLedger(nothing.url, whole=self._whole, timeout=_TIMEOUT) as empty:
                empty.make_none()
                try:
                    return plan()(empty)
                except LedgerError:
                    raise nothing from None  # a query that writes

    def _opened(self) -> OwnLedger:
        with self._opening:
            try:
                url = ledger_url(self._given or None)
                self._require(url)
                if self._ledger is None:
                    from .user_ledger import OwnLedger

                    self._ledger = OwnLedger(url, whole=self._whole, timeout=_TIMEOUT)
                fault = self._ledger.notice_of("read-only") if self._ledger.absent else None
                if fault is not None:
                    self._ledger = None
                    raise Unavailable("missing", fault)
            except ValueError as error:
                raise Unavailable("unreachable", str(error)) from None
            except LedgerError as error:
                raise Unavailable.of(error) from None
            return self._ledger

    def _require(self, url: str) -> None:
        path = sqlite_path(url)
        if path is None:
            return
        try:
            exists = path.exists() or any(True for _ in journals(journal_folder(url)))
        except OSError as error:
            raise Unavailable("missing", f"The ledger {path} can't be found ({error.strerror}).") from None
        if not exists:
            raise Nothing(
                url, f"Nothing was metered yet: there is no ledger at {path}; load jupyter_green in a notebook."
            )

    # ---- change detection ---------------------------------------------------------------------

    @property
    def elsewhere(self) -> bool:
        """Whether the ledger is a remote database, so that each check needs a connection."""
        try:
            return sqlite_path(ledger_url(self._given or None)) is None
        except ValueError:
            return False

    def stamp(self) -> Any:
        """Return a value that differs once the ledger has changed, or a kernel was killed whose records are not in it.

        For a file, it is made from three `stat` calls, and one look at the lock of each journal.

        Raises Unavailable if the ledger can't be accessed.
        """
        try:
            path = sqlite_path(ledger_url(self._given or None))
        except ValueError as error:
            raise Unavailable("unreachable", str(error)) from None
        if path is None:
            return self._answer(lambda: lambda ledger: ledger.touch())
        return *(_look(Path(f"{path}{end}")) for end in ("", "-wal", "-journal")), self._unowned()

    def _unowned(self) -> tuple[str, ...]:
        """Return the names of journals of dead kernels, which nobody imports until the ledger is read."""
        try:
            folder = journal_folder(ledger_url(self._given or None))
            return tuple(path.name for path in journals(folder) if not owner_lives(path))
        except OSError:
            return ()  # a reader of the ledger reports it

    def census(self, since: float) -> RecordCounts:
        """Return the counts of records and baselines; zero for a missing ledger.

        Raises Unavailable if the ledger can't be read.
        """
        try:
            return self._answer(lambda: lambda ledger: ledger.census(since))
        except Unavailable as error:
            if error.state == "missing":
                return RecordCounts()
            raise

    async def run(self, work: Callable[[], T]) -> T:
        """Run a check for changes in the thread for that."""
        return await asyncio.get_running_loop().run_in_executor(self._threads["changes"], work)

    def close(self) -> None:
        """Close the ledger; queued queries are cancelled."""
        for threads in self._threads.values():
            threads.shutdown(wait=False, cancel_futures=True)
        if self._ledger is not None:
            self._ledger.close()
            self._ledger = None


def _look(path: Path) -> tuple[int, int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns
