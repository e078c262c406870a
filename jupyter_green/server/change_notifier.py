"""Notifies pages when the ledger changes, while there are pages that ask.

A request starts it; it stops by itself a minute after the last one, so an unused extension costs nothing. It polls the
file's size and modification time, and whether a kernel was killed whose records nobody has imported. Only if these
differ, the records are counted, and only if the counts differ, an event is emitted: SQLite also rewrites its log when
no record has changed.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from logging import Logger

from .errors import Unavailable
from .ledger_client import LedgerClient
from .record_counts import UNKNOWN, Change, RecordCounts

SCHEMA_ID = "https://events.jupyter.org/jupyter_green/ledger/v1"

_EVERY = 2.0
_EVERY_ELSEWHERE = 5.0
_LINGER = 60.0
_BACK = 7 * 86_400.0
_PATIENCE = 5.0


class ChangeNotifier:
    """Polls a ledger while pages send requests.

    `tell` is called on the event loop with the data of one event.
    """

    def __init__(self, source: LedgerClient, tell: Callable[[Change], None], log: Logger) -> None:
        self._source, self._tell, self._log = source, tell, log
        self._task: asyncio.Task[None] | None = None
        self._asked = 0.0
        self._since = 0.0
        self._stamp: object = None
        self._record_counts: RecordCounts | None = None
        self._ready = asyncio.Event()
        self._late = False
        """Whether a page was answered before the first check finished."""

    async def asked(self, wait: bool = True) -> None:
        """Register a request; returns once every later change will be notified.

        If the first check takes long (or without `wait`), it is not awaited; an event for a possible change is emitted
        after it.
        """
        self._asked = time.monotonic()
        if self._task is None or self._task.done():
            self._ready = asyncio.Event()
            self._task = asyncio.get_running_loop().create_task(
                self._keep_looking(self._ready), name="jupyter_green watch"
            )
            self._task.add_done_callback(self._ended)
        if wait and not self._ready.is_set():
            try:
                await asyncio.wait_for(self._ready.wait(), _PATIENCE)
            except asyncio.TimeoutError:
                self._late = True

    def stop(self) -> None:
        """Stop polling."""
        if self._task is not None:
            self._task.cancel()

    # ---- internal -----------------------------------------------------------------------------

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self._log.error("jupyter_green | changes of the ledger are no longer announced", exc_info=error)

    async def _keep_looking(self, ready: asyncio.Event) -> None:
        interval = _EVERY_ELSEWHERE if self._source.elsewhere else _EVERY
        self._since = time.time() - _BACK
        self._stamp = self._record_counts = None
        try:
            await self._look()
        finally:
            ready.set()
        may_have_missed, self._late = self._record_counts is None or self._late, False
        while time.monotonic() - self._asked < _LINGER:
            await asyncio.sleep(interval)
            for change in await self._look():
                self._tell(change)
            if may_have_missed and self._record_counts is not None:
                may_have_missed = False
                self._tell(UNKNOWN)

    async def _look(self) -> list[Change]:
        try:
            counts = await self._source.run(self._counted)
        except Unavailable as error:
            self._log.debug("jupyter_green | not watched now: %s", error)
            return []
        if counts is None:
            return []
        previous, self._record_counts = self._record_counts, counts
        return [] if previous is None else counts.since(previous)

    def _counted(self) -> RecordCounts | None:
        """Return the counts if the ledger may have changed, else None. Runs in a thread."""
        # Taken before counting, so that the next check detects changes made meanwhile.
        stamp = (self._source.stamp(),)
        if stamp == self._stamp:
            return None
        counts = self._source.census(self._since)
        self._stamp = stamp
        return counts
