"""The session: the only opener of windows. One per process.

On a cell's path happen two clock reads, a journal line and a wake-up, nothing else; the sampler thread
does the rest (see `settlement`).
"""

from __future__ import annotations

import atexit
import os
import weakref
from collections.abc import Callable
from functools import partial
from typing import Any

from jupyter_green.baselines.service import BaselineService
from jupyter_green.metering import Meter
from jupyter_green.records import EnergyRecord, Span, Status, clock
from jupyter_green.reporting.run.totals import Alike
from jupyter_green.sensors import Discovery
from jupyter_green.sensors.cpu_model import cpu_seconds_fast
from jupyter_green.sensors.discovery import discover

from .calibration_storage import known_calibrations
from .interrupts import uninterrupted
from .owner import Owner
from .record_writer import RecordWriter
from .recorder import AGAIN_SECONDS, PATIENCE_SECONDS, Listener, Recorder, Watcher
from .sampler import Sampler
from .settings import Settings
from .timestamp import Timestamp
from .window import Window

NO_SENSOR = "No energy sensor was found, and nothing to estimate by; %energy doctor says why."

ABANDONED = "Its work ended without closing it; this is what it used up to where it was last seen at work."
STILL_OPEN = "It was still open when metering ended; it is counted up to there."

HANG_SECONDS = 5.0
"""How long a sensor may hang before a waiting reader gets the provisional figure."""

MARK_SECONDS = 0.1
"""Marks closer than this to the one before wake nobody: the sampler looks at every tick then."""


class Session:
    """Meters windows of one process.

    Parameters
    ----------
    settings : Settings, optional
        Defaults to what the environment says.
    discovery : Discovery, optional
        Defaults to the sensors found on this machine.
    """

    def __init__(self, settings: Settings | None = None, discovery: Discovery | None = None) -> None:
        self.discovery = discovery if discovery is not None else discover()
        found, problem = known_calibrations(self.discovery.sensors)
        self.meter = Meter(self.discovery.sensors, found)
        settings = settings if settings is not None else Settings.from_environment()
        self.store = RecordWriter(settings)
        self.book = BaselineService(
            settings.ledger, run=settings.run_id, notebook=settings.notebook, project=settings.project
        )
        self._pid = os.getpid()
        self._open: dict[str, Window] = {}
        self._settlement = Recorder(self.meter, self.store, settings, self.open_windows, self.close_abandoned)
        self._settlement.problem = problem
        self._sampler = Sampler(self._settlement.step)
        self.meter.read()
        self._quiet_since: Timestamp | None = self.edge()
        self._marked = 0.0
        _sessions.add(self)
        atexit.register(self.close_at_exit)

    # ---- the cell's path ----------------------------------------------------------------------

    def edge(self) -> Timestamp:
        """Read the clocks."""
        return Timestamp(clock.perf_counter(), cpu_seconds_fast(), clock.wall())

    @property
    def alive(self) -> bool:
        """Whether this session still meters; False in a forked child and after `end`."""
        return self._pid == os.getpid()

    @property
    def forked(self) -> bool:
        """Whether this is a forked child's copy of its parent's session."""
        return self._pid == 0

    def window(self, span: Span = "window", **facts: Any) -> Window:
        """Return a window that is not open yet; facts are fields of its record."""
        window = Window(session=self, span=span, facts=facts)
        if not self.meter.sensors:
            window.notes.append(NO_SENSOR)
        return window

    def open(self, window: Window) -> Window:
        """Open a window now. In a forked child nothing is metered and nothing happens.

        An interrupt meanwhile is raised once the window is open and booked; whoever opens it closes it then.
        """
        if self.alive:
            uninterrupted(lambda: self._open_window(window))
        return window

    def _open_window(self, window: Window) -> None:
        """Open a window and book it; may be begun again at any point."""
        if window.booked or window.closed is not None:
            return
        began = clock.thread_time()
        others = [other for other in self.open_windows() if other.parent is None and other is not window]
        if window.opened is None:
            if others and window.span != "cell":
                window.parent = self.open_windows()[-1]
            window.opened = self.edge()
            window.owner = window.owner or Owner.here()
        self._open[window.id] = window
        if window.parent is None:
            if others:
                for other in (window, *others):
                    other.overlapped = True
            elif self._quiet_since is not None:
                window.gap = self._quiet_since, window.opened
                self._quiet_since = None
            self._settlement.crowd.mark(window.opened.time, len(others) + 1)
        self._settlement.opened(window)
        self._note("open", window.id, {**self._settlement.facts(window), "seconds": 0.0, "components": ()})
        self._sampler.wake()
        window.overhead += clock.thread_time() - began
        window.booked = True

    def mark(self) -> Timestamp:
        """Note a moment inside a window, up to which and from which its energy may be asked for."""
        edge, last = self.edge(), self._marked
        if self.alive:
            self._settlement.marked(edge)
            self._marked = edge.time
            if edge.time - last > MARK_SECONDS:  # else the sampler is at its closest anyway
                self._sampler.wake()
        return edge

    def restart(self, window: Window) -> None:
        """Move an open window's start to now; what went before belongs to the gap before it."""
        if window.opened is None or window.overlapped or not self.alive:
            return
        began, window.opened = window.opened, self.edge()
        if window.parent is None:
            self._settlement.passed(began, window.opened)

    def close(self, window: Window, status: Status = "ok", *, at: Timestamp | None = None) -> Window:
        """Close a window now, or `at` an edge that has passed; its record settles in the background.

        A window inside it whose owner is gone ends where that was last seen. One that the same thread opened in work
        which raised, and did not close, ends with it.

        An interrupt meanwhile is raised once the window is closed and booked.
        """
        if self.alive:
            self.close_abandoned()
            uninterrupted(lambda: self._close_window(window, status, at))
            if status != "ok":
                for other in self.open_windows():
                    if other.parent is window and other.owner == window.owner:
                        self.close(other, status, at=window.closed)
        return window

    def close_abandoned(self) -> None:
        """Close the windows whose owners are gone, where these were last seen alive; note the others' as alive."""
        for window in self.open_windows():
            if window.owner is None or window.closed is not None:
                continue
            if window.owner.alive():
                window.seen = self.edge()
                continue
            window.notes.append(ABANDONED)
            last = window.seen or window.opened
            uninterrupted(partial(self._close_window, window, "error", last))

    def _close_window(self, window: Window, status: Status, at: Timestamp | None = None) -> None:
        """Close a window and book it; may be begun again at any point."""
        if window.opened is None or window.ended:
            return
        began = clock.thread_time()
        if window.closed is None:
            edge = at if at is not None else self.edge()
            window.status = status
            window.closed = edge
        edge = window.closed
        if window.tally is not None:
            window.tally.end(window)
        self._open.pop(window.id, None)
        if window.parent is None:
            left = sum(other.parent is None for other in self.open_windows())
            self._settlement.crowd.mark(edge.time, left)
            if not left:
                self._quiet_since = edge
        self._settlement.closed(window)
        self._note("close", window.id, {**window.facts, "status": status, "seconds": edge.time - window.bounds()[0]})
        self._sampler.wake()
        window.overhead += clock.thread_time() - began
        window.ended = True

    def _note(self, event: str, record_id: str, known: dict[str, Any]) -> None:
        """Write what is newly known of a window; what keeps it from being written costs a sentence."""
        try:
            self.store.note(event, record_id, known)
        except Exception as error:  # noqa: BLE001 - a cell may have taken any library from under us
            self._settlement.fault(error)

    # ---- asking -------------------------------------------------------------------------------

    @property
    def settings(self) -> Settings:
        """Run, project, notebook, ledger and valuation."""
        return self._settlement.settings

    @settings.setter
    def settings(self, settings: Settings) -> None:
        self._settlement.settings = settings

    @property
    def finished(self) -> tuple[EnergyRecord, ...]:
        """Settled records of this session at one moment, oldest first; the newest two thousand."""
        return tuple(self._settlement.finished)  # in one step of Python's: another thread may settle the next meanwhile

    @property
    def keeps_all(self) -> bool:
        """Whether all settled records are still among the finished ones."""
        kept = self._settlement.finished
        return kept.maxlen is None or len(kept) < kept.maxlen

    def so_far(self) -> tuple[list[EnergyRecord], tuple[Alike, ...]]:
        """Settled records that are kept, and the sums of those before them: all that was metered, at one moment."""
        return self._settlement.so_far()

    @property
    def problem(self) -> str | None:
        """What went wrong in metering, in one sentence; None where nothing did."""
        told = self.settings.problem
        said = (told, self._settlement.problem, self.store.problem, self.store.drain_problem, *self.store.notices)
        return " ".join(sentence for sentence in said if sentence) or None

    def open_windows(self) -> tuple[Window, ...]:
        """Windows that are open now, oldest first."""
        return tuple(self._open.values())

    def provisional(self, window: Window) -> EnergyRecord:
        """The record of a window as far as it is known, marked as not final."""
        return self._settlement.provisional(window)

    def hurry(self) -> None:
        """Have the sampler look now: somebody waits for a record."""
        self._sampler.wake()

    def patience_seconds(self) -> float:
        """Longest time after a window's end until its record is final, in seconds."""
        return self.meter.settle_seconds() + PATIENCE_SECONDS + AGAIN_SECONDS + HANG_SECONDS

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Call ``listener(event, record)`` for "open", "beat" and "final"; returns how to stop it.

        Listeners run on the sampler thread. One that raises is dropped, and `problem` says why.
        """
        listeners = self._settlement.listeners
        listeners.append(listener)
        return lambda: listeners.remove(listener) if listener in listeners else None

    def watch(self, watcher: Watcher) -> Callable[[], None]:
        """Call ``watcher()`` at the end of each look at the sensors; returns how to stop it.

        It runs on the sampler thread and returns the seconds until it wants to be called again whatever else
        happens, or None. `hurry` has it called soon. One that raises is dropped, and `problem` says why.
        """
        watchers = self._settlement.watchers
        watchers.append(watcher)
        return lambda: watchers.remove(watcher) if watcher in watchers else None

    def settle(self, patience: float | None = None) -> None:
        """Wait until all closed windows have their final records."""
        limit = clock.perf_counter() + (self.patience_seconds() if patience is None else patience)
        while self._settlement.busy and clock.perf_counter() < limit:
            self._sampler.wake()
            clock.sleep(0.01)

    # ---- ending -------------------------------------------------------------------------------

    def end(self) -> None:
        """Stop metering: close what is open, settle, write down, release the sensors."""
        if not self.alive:
            return
        self._close_all()
        self.settle()
        self.close_at_exit()
        atexit.unregister(self.close_at_exit)
        self.meter.close()

    def close_at_exit(self) -> None:
        """At the end of the process: take the figures as they are, wait for no sensor."""
        if not self.alive:
            return
        self._close_all()
        self._sampler.stop(patience=0.5)
        self._settlement.conclude()
        self.store.close()
        self._pid = -1

    def _close_all(self) -> None:
        """Close what is open, the newest first; of a block that nobody left it is said."""
        for window in reversed(self.open_windows()):
            if window.span == "window":
                window.notes.append(STILL_OPEN)
            self.close(window)

    def forget_after_fork(self) -> None:
        """In a forked child: never write to the parent's journal, never read its sensors."""
        self._pid = 0
        self.store.abandon()


_sessions: weakref.WeakSet[Session] = weakref.WeakSet()


def _after_fork_in_child() -> None:
    for session in list(_sessions):
        session.forget_after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
