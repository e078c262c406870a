"""The ledger as the server asks it: off the event loop, and every fault in one sentence.

Work waits for disks and databases, so it runs on threads of its own; the event loop that moves the kernels' messages
never waits for it. Questions about all records have threads of their own, so that they keep nobody waiting who asks for
one run or a baseline; so have the ledger's health, and the look for changes.
The ledger is opened at the first question and kept. Asking makes no file: where there is no ledger and no journal to
make one from, every question finds an empty one.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from jupyter_green.storage.errors import LedgerError
from jupyter_green.storage.journal import journals
from jupyter_green.storage.location import journal_folder, ledger_url, sqlite_path

from .record_counts import RecordCounts
from .refusal import Unavailable

if TYPE_CHECKING:
    from .user_ledger import OwnLedger

T = TypeVar("T")

_TIMEOUT = 2.0
_PATIENCE = 60.0
Lane = Literal["all records", "one run", "health", "changes"]
"""What a question is about; one of another lane never waits for it."""
_THREADS: dict[Lane, int] = {"all records": 4, "one run": 4, "health": 1, "changes": 1}


class Nothing(Unavailable):
    """Nothing was metered yet."""

    def __init__(self, url: str, sentence: str) -> None:
        super().__init__("missing", sentence)
        self.url = url


class LedgerClient:
    """One ledger to ask.

    Parameters
    ----------
    url : str
        As a person wrote it; empty: the environment's, else the local file.
    whole : bool
        Whether all of the ledger is this person's.
    """

    def __init__(self, url: str = "", whole: bool = False) -> None:
        self._given, self._whole = url, whole
        self._ledger: OwnLedger | None = None
        self._opening = threading.Lock()
        self._threads = {
            name: ThreadPoolExecutor(count, thread_name_prefix=f"jupyter_green ledger, {name}")
            for name, count in _THREADS.items()
        }

    # ---- asking -------------------------------------------------------------------------------

    async def ask(self, plan: Callable[[], Callable[[OwnLedger], T]], lane: Lane = "one run") -> T:
        """Run work on the ledger in a thread and return what it found.

        Parameters
        ----------
        plan : callable
            Called first, also in the thread; returns the work. What is wrong with a question shows here, before
            the ledger is touched.
        lane : Lane
            What it is about. For the ledger's health one that is not there is no empty one.

        Raises
        ------
        Refusal
            What `plan` or the work raises; Unavailable where the ledger can't be read.
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
                    raise nothing from None  # what writes

    def _opened(self) -> OwnLedger:
        with self._opening:
            try:
                url = ledger_url(self._given or None)
                self._require(url)
                if self._ledger is None:
                    from .user_ledger import OwnLedger

                    self._ledger = OwnLedger(url, whole=self._whole, timeout=_TIMEOUT)
                if self._ledger.absent:
                    said, self._ledger = self._ledger.notices[-1], None
                    raise Unavailable("missing", said)
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
            there = path.exists() or any(True for _ in journals(journal_folder(url)))
        except OSError as error:
            raise Unavailable("missing", f"The ledger {path} can't be looked for ({error.strerror}).") from None
        if not there:
            raise Nothing(
                url, f"Nothing was metered yet: there is no ledger at {path}; load jupyter_green in a notebook."
            )

    # ---- watching -----------------------------------------------------------------------------

    @property
    def elsewhere(self) -> bool:
        """Whether a look at the ledger means a connection to a database."""
        try:
            return sqlite_path(ledger_url(self._given or None)) is None
        except ValueError:
            return False

    def stamp(self) -> Any:
        """Return something that differs once the ledger has changed; for a file it takes three looks at the disk.

        Raises
        ------
        Unavailable
            If the ledger can't be looked at.
        """
        try:
            path = sqlite_path(ledger_url(self._given or None))
        except ValueError as error:
            raise Unavailable("unreachable", str(error)) from None
        if path is None:
            return self._answer(lambda: lambda ledger: ledger.touch())
        return tuple(_look(Path(f"{path}{end}")) for end in ("", "-wal", "-journal"))

    def census(self, since: float) -> RecordCounts:
        """Return how many records there are; a ledger that is not there holds none.

        Raises
        ------
        Unavailable
            If the ledger can't be read.
        """
        try:
            return self._answer(lambda: lambda ledger: ledger.census(since))
        except Unavailable as fault:
            if fault.state == "missing":
                return RecordCounts()
            raise

    async def run(self, work: Callable[[], T]) -> T:
        """Run a look for changes on the thread for that."""
        return await asyncio.get_running_loop().run_in_executor(self._threads["changes"], work)

    def close(self) -> None:
        """Let go of the ledger; what still waits is given up."""
        for threads in self._threads.values():
            threads.shutdown(wait=False, cancel_futures=True)
        if self._ledger is not None:
            self._ledger.close()
            self._ledger = None


def _look(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns
