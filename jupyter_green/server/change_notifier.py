"""Tells pages that the ledger has changed, while there are pages that want to know.

It begins with a request and ends by itself a minute after the last one: nothing runs, and nothing is looked at, where
nobody asks. A look is a look at the file's size and time; only where these differ are the records counted, and only
where the counts differ is something said, because SQLite moves its log about without any record coming or going.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from logging import Logger

from .ledger_client import LedgerClient
from .record_counts import UNKNOWN, Change, RecordCounts
from .refusal import Unavailable

SCHEMA_ID = "https://events.jupyter.org/jupyter_green/ledger/v1"

_EVERY = 2.0
_EVERY_ELSEWHERE = 5.0
_LINGER = 60.0
_BACK = 7 * 86_400.0
_PATIENCE = 5.0


class ChangeNotifier:
    """Looks at a ledger while pages ask.

    Parameters
    ----------
    source : LedgerClient
        The ledger.
    tell : callable
        Called on the event loop with the data of one event.
    log : Logger
        Where a fault is noted.
    """

    def __init__(self, source: LedgerClient, tell: Callable[[Change], None], log: Logger) -> None:
        self._source, self._tell, self._log = source, tell, log
        self._task: asyncio.Task[None] | None = None
        self._asked = 0.0
        self._since = 0.0
        self._stamp: object = None
        self._census: RecordCounts | None = None
        self._ready = asyncio.Event()
        self._late = False
        """Whether a page was answered before the first look was over."""

    async def asked(self, wait: bool = True) -> None:
        """Note that a page asks; returns once every later change will be told.

        Where the first look takes long nobody waits for it: after it is told that something may have changed.

        Parameters
        ----------
        wait : bool
            Whether to wait for the first look at all.
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
        """End the watch."""
        if self._task is not None:
            self._task.cancel()

    # ---- inside -------------------------------------------------------------------------------

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self._log.error("jupyter_green | changes of the ledger are not told any more", exc_info=error)

    async def _keep_looking(self, ready: asyncio.Event) -> None:
        every = _EVERY_ELSEWHERE if self._source.elsewhere else _EVERY
        self._since = time.time() - _BACK
        self._stamp = self._census = None
        try:
            await self._look()
        finally:
            ready.set()
        blind, self._late = self._census is None or self._late, False
        while time.monotonic() - self._asked < _LINGER:
            await asyncio.sleep(every)
            for change in await self._look():
                self._tell(change)
            if blind and self._census is not None:
                blind = False
                self._tell(UNKNOWN)

    async def _look(self) -> list[Change]:
        try:
            found = await self._source.run(self._counted)
        except Unavailable as fault:
            self._log.debug("jupyter_green | not watched now: %s", fault)
            return []
        if found is None:
            return []
        before, self._census = self._census, found
        return [] if before is None else found.since(before)

    def _counted(self) -> RecordCounts | None:
        """Return the counts where the ledger may have changed; in a thread."""
        # Before the count, so that what comes during it is found by the next look.
        stamp = (self._source.stamp(),)
        if stamp == self._stamp:
            return None
        census = self._source.census(self._since)
        self._stamp = stamp
        return census
