"""The run's baseline and the comparison with it.

A background thread reads and changes the baseline; the sampler thread compares. The baseline is first read when a page
or view shows figures, and only after the session has loaded the database library or after idle time, so that no cell
waits for either. Requests from pages are done in order. Comparisons are redone only when the baseline changes.
"""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from functools import cached_property
from typing import Any

from jupyter_green.background import BackgroundThread
from jupyter_green.baselines.baseline import Matching
from jupyter_green.baselines.comparison import BaselineDifference, Comparison
from jupyter_green.baselines.messages import cleared, kept, used
from jupyter_green.baselines.selection import ActiveBaseline, BaselineError
from jupyter_green.baselines.service import BaselineService
from jupyter_green.budgets.limit import InvalidLimit
from jupyter_green.records import EnergyRecord, clock
from jupyter_green.storage.errors import LedgerError

from . import request
from .reply_queue import Answer
from .today import LIBRARY

OwnThread = Callable[[], AbstractContextManager[object]]
QUIET_SECONDS = 1.0
AGAIN_SECONDS = 60.0


class BaselineDifferences:
    """Differences of a run's cells from one baseline."""

    def __init__(self, standing: ActiveBaseline) -> None:
        self.standing = standing
        self._comparison = (
            None if standing.baseline is None else Comparison(standing.baseline, standing.choice.tolerance)
        )
        self._last = None if standing.last is None else Matching(standing.last)

    @cached_property
    def head(self) -> dict[str, Any] | None:
        """The baseline without its cells."""
        return None if self.standing.baseline is None else self.standing.baseline.head()

    def take(self, key: str, record: EnergyRecord, *, again: bool = False) -> None:
        """Compare a cell's last execution; `again` if it is not the first in this run."""
        if self._comparison is not None:
            self._comparison.take(key, record, again=again)

    def against(self, key: str) -> BaselineDifference | None:
        """Return a cell's difference; None without a baseline or if the cell was not compared."""
        return None if self._comparison is None else self._comparison.against(key)

    def last_run(self, key: str, record: EnergyRecord) -> dict[str, Any] | None:
        """Return the same cell's energy in the previous run as a figure; None if unknown."""
        cell = None if self._last is None else self._last.find(key, record.cell_id, record.code_hash)
        return None if cell is None else cell.reading.figure()

    def total(self) -> tuple[BaselineDifference | None, int]:
        """Return the difference over all compared cells, and their number."""
        if self._comparison is None:
            return None, 0
        return self._comparison.total(), self._comparison.compared


class BaselineWorker:
    """Reads and changes the baseline of one run on a background thread.

    `wake` wakes the sampler thread; it is called on the background thread, whose energy `own_thread` excludes (see
    `RecordWriter.own_thread`).
    """

    def __init__(self, book: BaselineService, wake: Callable[[], None], own_thread: OwnThread = nullcontext) -> None:
        self._book, self._wake, self._own_thread = book, wake, own_thread
        self._wanted: deque[Callable[[], None]] = deque()
        self._thread: BackgroundThread | None = None
        self._asked = -AGAIN_SECONDS
        self._seen: ActiveBaseline | None = None
        self.answers: deque[Answer] = deque()
        self.verdicts = BaselineDifferences(ActiveBaseline())

    # ---- called on the sampler thread ---------------------------------------------------------

    @property
    def changed(self) -> bool:
        """Whether the baseline changed since the last comparison."""
        return self._book.standing is not self._seen

    def adopt(self, rows: Iterable[tuple[str, EnergyRecord, bool]]) -> bool:
        """Compare all rows (key, record, rerun) with the new baseline; return whether anything may have changed."""
        before, self._seen = self.verdicts.standing, self._book.standing
        after = self._seen if self._seen is not None else ActiveBaseline()
        self.verdicts = BaselineDifferences(after)
        for key, record, rerun in rows:
            self.verdicts.take(key, record, again=rerun)
        return any((before.baseline, before.last, after.baseline, after.last))

    def work(self, quiet: float) -> None:
        """Start the background thread if there is work; `quiet` is the idle time in seconds."""
        now = clock.monotonic()
        unread = self._book.standing is None and not self._wanted and now - self._asked >= AGAIN_SECONDS
        if unread and (LIBRARY in sys.modules or quiet >= QUIET_SECONDS):
            self._asked = now
            self._wanted.append(self._read)
        if self._wanted and (self._thread is None or not self._thread.is_alive()):
            self._thread = BackgroundThread(self._empty, "baseline")
            self._thread.start()

    @property
    def wait(self) -> float | None:
        """Seconds until `work` should be called again; None if only an event requires it."""
        return QUIET_SECONDS if self._book.standing is None and self._asked < 0 else None

    def ask(self, asked: request.Baseline) -> None:
        """Queue a baseline request from a page."""
        self.run_later(asked.id, lambda: self._do(asked))

    def run_later(self, to: str, do: Callable[[], str]) -> None:
        """Queue another request from a page that may be slow; `do` returns the sentence of the answer."""
        self._wanted.append(lambda: self.answers.append(self._answer(to, do)))

    def rename(self, asked: request.Notebook) -> None:
        """Queue a change of the notebook's name; its baselines are kept."""

        def follow() -> str:
            self._book.rename(asked.name, asked.formerly)
            return f"This run now belongs to {asked.name!r}."

        self.run_later(asked.id, follow)

    # ---- called on the background thread ------------------------------------------------------

    def _empty(self) -> None:
        with self._own_thread():
            while self._wanted:
                self._wanted.popleft()()
        self._wake()

    def _read(self) -> None:
        try:
            self._book.refresh()
        except LedgerError:
            return  # the session reports it
        except Exception:  # noqa: BLE001 - an exception here would be printed into a user's cell; tried again later
            return

    def _answer(self, to: str, do: Callable[[], str]) -> Answer:
        try:
            return Answer(to, ok=True, message=do())
        except (BaselineError, InvalidLimit, LedgerError) as error:
            return Answer(to, ok=False, message=str(error))
        except Exception as error:  # noqa: BLE001 - any error is reported to the page
            reason = " ".join(f"{type(error).__name__}: {error}".split())
            return Answer(to, ok=False, message=f"That did not work ({reason}).")

    def _do(self, asked: request.Baseline) -> str:
        if asked.action == "set":
            return kept(*self._book.keep(asked.name))
        if asked.action == "clear":
            self._book.clear(asked.name)
            return cleared(asked.name)
        if asked.name is None:
            raise BaselineError("Name the baseline to use: a name, last, median or a file.")
        return used(self._book.use(asked.name))
