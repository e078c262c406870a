"""Energy of all the user's notebooks today: other runs from the ledger, plus this run.

The ledger is read on its own thread, and only after the session has loaded the database library, so that no cell waits
for either: at most every ten seconds while no cell runs, once a minute during a long cell. A ledger file that others
may write to holds other people's records too, and is not read.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from datetime import date
from typing import TYPE_CHECKING, Any

from jupyter_green.background import BackgroundThread
from jupyter_green.baselines import serializers as shape
from jupyter_green.records import Component, EnergyRecord, clock
from jupyter_green.storage.location import is_local, sqlite_path

if TYPE_CHECKING:
    from jupyter_green.impact import Valuation
    from jupyter_green.storage import Totals

EVERY_SECONDS, EVERY_SECONDS_BUSY = 10.0, 60.0
QUIET_SECONDS = 3.0
"""Idle time before the ledger is read, so that reading does not compete with cells run in sequence."""
LIBRARY = "jupyter_green.storage.ledger"
_OTHERS_WRITE = 0o022


class Today:
    """Today's energy of all runs but this one.

    `own_thread` excludes the reading thread's energy (see `RecordWriter.own_thread`); `tell` is called on that thread
    when the totals have changed.
    """

    def __init__(
        self,
        ledger: str,
        run: str,
        own_thread: Callable[[], AbstractContextManager[object]] = nullcontext,
        tell: Callable[[], None] = lambda: None,
    ) -> None:
        self._ledger, self._run, self._own_thread, self._tell = ledger, run, own_thread, tell
        self._thread: BackgroundThread | None = None
        self._asked = -EVERY_SECONDS
        self._found: tuple[date, Totals] | None = None

    @property
    def known(self) -> bool:
        """Whether the ledger was read today."""
        return self._found is not None and self._found[0] == date.today()

    @property
    def others(self) -> Totals | None:
        """Totals of the other runs; None if the ledger was not read today."""
        return self._found[1] if self._found is not None and self.known else None

    def figure(self, own: EnergyRecord, valuation: Valuation) -> dict[str, Any] | None:
        """Return the other runs plus this one as a figure; None until the ledger was read, or if nothing was metered.

        Simulated energy is never added to real energy; if there are both, the real one is returned.
        """
        if not self.known:
            return None
        others = self.others
        if others is None or others.joules is None:
            return None if own.joules is None else shape.figure(valuation.value(own))
        joules, spread, quality = others.joules, others.uncertainty, others.quality
        measured = others.measured_joules
        if own.joules is not None and (own.quality == "simulated") == (quality == "simulated"):
            joules += own.joules
            measured += own.joules * (own.measured_share or 0.0)
            # The runs' gain errors are correlated, so half-widths add.
            spread = None if spread is None or own.uncertainty is None else spread + own.uncertainty
            quality = quality if own.quality == "measured" else own.quality
        elif own.joules is not None and quality == "simulated":
            return shape.figure(valuation.value(own))
        sum_of_all = Component("other", "all", "today", joules, spread, 0.0, "model", quality or "estimated", "today")
        record = EnergyRecord((sum_of_all,), 0.0, clock.wall(), span="window")
        return {**shape.figure(valuation.value(record)), "measured_share": measured / joules if joules else None}

    def ask(self, quiet: float) -> float | None:
        """Read the ledger if due, after `quiet` idle seconds; return the seconds until the next call, or None."""
        now = clock.monotonic()
        since = now - self._asked
        if not self._may_ask():
            return None
        if since < EVERY_SECONDS:
            return EVERY_SECONDS - since if quiet < since else None  # a cell has run since the last read
        if quiet < QUIET_SECONDS:
            return QUIET_SECONDS - quiet
        self._start()
        return None

    def ask_during_cell(self, seconds: float) -> float:
        """Read the ledger if due, in a cell that has run for so long; return the seconds until the next call."""
        wait = EVERY_SECONDS_BUSY - min(clock.monotonic() - self._asked, seconds)
        if wait > 0:
            return wait
        if self._may_ask():
            self._start()
        return EVERY_SECONDS_BUSY

    def _start(self) -> None:
        self._asked = clock.monotonic()
        self._thread = BackgroundThread(self._read, "today")
        self._thread.start()

    def _may_ask(self) -> bool:
        if LIBRARY not in sys.modules or (self._thread is not None and self._thread.is_alive()):
            return False
        path = sqlite_path(self._ledger) if is_local(self._ledger) else None
        if path is None:
            return False
        try:
            status = path.stat()
        except OSError:
            return False  # no ledger file yet
        return os.name != "posix" or (status.st_uid == os.geteuid() and not status.st_mode & _OTHERS_WRITE)

    def _read(self) -> None:
        from jupyter_green.storage import Ledger

        today = date.today()
        try:
            with self._own_thread(), Ledger(self._ledger) as ledger:
                others = ledger.totals(since=today, without=self._run)
        except Exception:  # noqa: BLE001 - e.g. locked: the session reports it, and the next read tries
            return  # again; an exception here would be printed into a user's cell
        before, self._found = self._found, (today, others)
        if before != self._found:
            self._tell()
