"""What the run is compared with, and how it stands: read and changed by a thread of its own, told by the sampler's.

The baseline is read once something shows figures, and then only after the session's drain has loaded the database
library or nothing has run for a moment, so that no cell waits for either. What pages ask for is done in the order in
which they asked. The verdicts live on the sampler's thread and are made anew only where the baseline is another one.
"""

from __future__ import annotations

import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from functools import cached_property
from typing import Any

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
    """How the cells of a run stand beside one baseline.

    Parameters
    ----------
    standing : ActiveBaseline
        What they are compared with.
    """

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
        """Judge a cell's last execution; `again` if it is not the first in this run."""
        if self._comparison is not None:
            self._comparison.take(key, record, again=again)

    def against(self, key: str) -> BaselineDifference | None:
        """Return how a cell stands."""
        return None if self._comparison is None else self._comparison.against(key)

    def last_run(self, key: str, record: EnergyRecord) -> dict[str, Any] | None:
        """Return what the same cell used in the run before."""
        found = None if self._last is None else self._last.find(key, record.cell_id, record.code_hash)
        return None if found is None else found.reading.figure()

    def total(self) -> tuple[BaselineDifference | None, int]:
        """Return how the run stands, and over how many cells it is compared."""
        if self._comparison is None:
            return None, 0
        return self._comparison.total(), self._comparison.compared


class BaselineWorker:
    """The baseline of one run.

    Parameters
    ----------
    book : BaselineService
        The notebook's baselines.
    wake : callable
        Has the sampler look; called on the thread that reads.
    own_thread : callable, optional
        Leaves what that thread spends out of the figures; see `Store.own_thread`.
    """

    def __init__(self, book: BaselineService, wake: Callable[[], None], own_thread: OwnThread = nullcontext) -> None:
        self._book, self._wake, self._own_thread = book, wake, own_thread
        self._wanted: deque[Callable[[], None]] = deque()
        self._thread: threading.Thread | None = None
        self._asked = -AGAIN_SECONDS
        self._seen: ActiveBaseline | None = None
        self.answers: deque[Answer] = deque()
        self.verdicts = BaselineDifferences(ActiveBaseline())

    # ---- the sampler's side -------------------------------------------------------------------

    @property
    def changed(self) -> bool:
        """Whether the baseline is another one than the verdicts are about."""
        return self._book.standing is not self._seen

    def adopt(self, rows: Iterable[tuple[str, EnergyRecord, bool]]) -> bool:
        """Judge all rows anew, of which each was run once or again; return whether that may have changed anything."""
        before, self._seen = self.verdicts.standing, self._book.standing
        after = self._seen if self._seen is not None else ActiveBaseline()
        self.verdicts = BaselineDifferences(after)
        for key, record, again in rows:
            self.verdicts.take(key, record, again=again)
        return any((before.baseline, before.last, after.baseline, after.last))

    def work(self, quiet: float) -> None:
        """Start what is to be done; nothing has run for so many seconds."""
        now = clock.monotonic()
        unread = self._book.standing is None and not self._wanted and now - self._asked >= AGAIN_SECONDS
        if unread and (LIBRARY in sys.modules or quiet >= QUIET_SECONDS):
            self._asked = now
            self._wanted.append(self._read)
        if self._wanted and (self._thread is None or not self._thread.is_alive()):
            self._thread = threading.Thread(target=self._empty, name="jupyter_green baseline", daemon=True)
            self._thread.start()

    @property
    def wait(self) -> float | None:
        """Seconds after which `work` wants to be called again; None where it doesn't."""
        return QUIET_SECONDS if self._book.standing is None and self._asked < 0 else None

    def ask(self, asked: request.Baseline) -> None:
        """Do what a page asks for."""
        self.errand(asked.id, lambda: self._do(asked))

    def errand(self, to: str, do: Callable[[], str]) -> None:
        """Do something else that a page asked for and that may take its time, in its turn."""
        self._wanted.append(lambda: self.answers.append(self._answer(to, do)))

    def rename(self, asked: request.Notebook) -> None:
        """Look for what the notebook has under another name, and keep what it had."""

        def follow() -> str:
            self._book.rename(asked.name, asked.formerly)
            return f"From here on this run is one of {asked.name!r}."

        self.errand(asked.id, follow)

    # ---- the thread's side --------------------------------------------------------------------

    def _empty(self) -> None:
        with self._own_thread():
            while self._wanted:
                self._wanted.popleft()()
        self._wake()

    def _read(self) -> None:
        try:
            self._book.refresh()
        except LedgerError:
            return  # the session's own drain says what is wrong
        except Exception:  # noqa: BLE001 - a thread that raised would write into a person's cell; a later look tries again
            return

    def _answer(self, to: str, do: Callable[[], str]) -> Answer:
        try:
            return Answer(to, ok=True, message=do())
        except (BaselineError, InvalidLimit, LedgerError) as error:
            return Answer(to, ok=False, message=str(error))
        except Exception as error:  # noqa: BLE001 - whatever it is, the page is told and the kernel goes on
            why = " ".join(f"{type(error).__name__}: {error}".split())
            return Answer(to, ok=False, message=f"That did not work ({why}).")

    def _do(self, asked: request.Baseline) -> str:
        if asked.action == "set":
            return kept(*self._book.keep(asked.name))
        if asked.action == "clear":
            self._book.clear(asked.name)
            return cleared(asked.name)
        if asked.name is None:
            raise BaselineError("Say which baseline to use: a name, last, median or a file.")
        return used(self._book.use(asked.name))
