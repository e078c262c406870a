"""The session: opens and closes the windows of one process.

Opening and closing a window read the clocks, write a journal line and wake the sampler thread. The sampler does the
rest (see `recorder`).
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

ABANDONED = "Its work ended without closing it; this is what it used until its work was last seen running."
STILL_OPEN = "It was still open when metering ended; it is counted up to there."

HANG_SECONDS = 5.0
"""Extra time for a hanging sensor before a waiting reader gets the provisional record."""

MARK_SECONDS = 0.1
"""Marks closer together than this do not wake the sampler again; it already reads every counter update then."""


class Session:
    """Meters the windows of one process.

    Parameters
    ----------
    settings : Settings, optional
        Defaults to the environment variables.
    discovery : Discovery, optional
        Defaults to the sensors found on this machine.
    """

    def __init__(self, settings: Settings | None = None, discovery: Discovery | None = None) -> None:
        self.discovery = discovery if discovery is not None else discover()
        calibrations, problem = known_calibrations(self.discovery.sensors)
        self.meter = Meter(self.discovery.sensors, calibrations)
        settings = settings if settings is not None else Settings.from_environment()
        self.store = RecordWriter(settings)
        self.book = BaselineService(
            settings.ledger, run=settings.run_id, notebook=settings.notebook, project=settings.project
        )
        self._pid = os.getpid()
        self._open: dict[str, Window] = {}
        self._recorder = Recorder(self.meter, self.store, settings, self.open_windows, self.close_abandoned)
        self._recorder.problem = problem
        self._sampler = Sampler(self._recorder.step, self._recorder.fault)
        self.meter.read()
        self._idle_since: Timestamp | None = self.edge()
        self._marked = 0.0
        _sessions.add(self)
        atexit.register(self.close_at_exit)

    # ---- opening and closing: on the user's thread -----------------------------------------------

    def edge(self) -> Timestamp:
        """Read the clocks."""
        return Timestamp(clock.perf_counter(), cpu_seconds_fast(), clock.wall())

    @property
    def alive(self) -> bool:
        """Whether this session still meters; False after `end` and in a forked child."""
        return self._pid == os.getpid()

    @property
    def forked(self) -> bool:
        """Whether this is a forked child's copy of its parent's session."""
        return self._pid == 0

    def window(self, span: Span = "window", **facts: Any) -> Window:
        """Return a window that is not open yet; `facts` are fields of its record."""
        window = Window(session=self, span=span, facts=facts)
        if not self.meter.sensors:
            window.notes.append(NO_SENSOR)
        return window

    def open(self, window: Window) -> Window:
        """Open a window now; does nothing in a forked child.

        A KeyboardInterrupt during the call is raised after the window is open and registered. The caller then closes
        it.
        """
        if self.alive:
            uninterrupted(lambda: self._open_window(window))
        return window

    def _open_window(self, window: Window) -> None:
        """Open and register a window; safe to restart at any point."""
        if window.booked or window.closed is not None:
            return
        cpu_start = clock.thread_time()
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
            elif self._idle_since is not None:
                window.gap = self._idle_since, window.opened
                self._idle_since = None
            self._recorder.crowd.mark(window.opened.time, len(others) + 1)
        self._recorder.opened(window)
        self._note("open", window.id, {**self._recorder.facts(window), "seconds": 0.0, "components": ()})
        self._sampler.wake()
        window.overhead += clock.thread_time() - cpu_start
        window.booked = True

    def mark(self) -> Timestamp:
        """Mark a moment inside a window, so that the energy up to it and from it on can be read."""
        edge, last_mark = self.edge(), self._marked
        if self.alive:
            self._recorder.marked(edge)
            self._marked = edge.time
            if edge.time - last_mark > MARK_SECONDS:  # otherwise the sampler already reads at its highest rate
                self._sampler.wake()
        return edge

    def restart(self, window: Window) -> None:
        """Move the start of an open window to now; the time before belongs to the preceding gap."""
        if window.opened is None or window.overlapped or not self.alive:
            return
        previous_start, window.opened = window.opened, self.edge()
        if window.parent is None:
            self._recorder.passed(previous_start, window.opened)

    def close(self, window: Window, status: Status = "ok", *, at: Timestamp | None = None) -> Window:
        """Close a window now, or at an earlier timestamp `at`; its record is finished in the background.

        If `status` is not "ok", open windows inside it with the same owner are closed too. Windows whose owner is gone
        end where the owner was last seen alive.

        A KeyboardInterrupt during the call is raised after the window is closed and registered.
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
        """Close windows whose owner is gone, at the time the owner was last seen alive."""
        for window in self.open_windows():
            if window.owner is None or window.closed is not None:
                continue
            if window.owner.alive():
                window.seen = self.edge()
                continue
            window.notes.append(ABANDONED)
            last_alive = window.seen or window.opened
            uninterrupted(partial(self._close_window, window, "error", last_alive))

    def _close_window(self, window: Window, status: Status, at: Timestamp | None = None) -> None:
        """Close a window and register that; safe to restart at any point."""
        if window.opened is None or window.ended:
            return
        cpu_start = clock.thread_time()
        if window.closed is None:
            closed_at = at if at is not None else self.edge()
            window.status = status
            window.closed = closed_at
        closed_at = window.closed
        if window.unit_counter is not None:
            window.unit_counter.end(window)
        self._open.pop(window.id, None)
        if window.parent is None:
            still_open = sum(other.parent is None for other in self.open_windows())
            self._recorder.crowd.mark(closed_at.time, still_open)
            if not still_open:
                self._idle_since = closed_at
        self._recorder.closed(window)
        self._note(
            "close", window.id, {**window.facts, "status": status, "seconds": closed_at.time - window.bounds()[0]}
        )
        self._sampler.wake()
        window.overhead += clock.thread_time() - cpu_start
        window.ended = True

    def _note(self, event: str, record_id: str, known: dict[str, Any]) -> None:
        """Write an event to the journal; an error is reported in `problem` and not raised."""
        try:
            self.store.note(event, record_id, known)
        except Exception as error:  # noqa: BLE001 - user code may have broken any library
            self._recorder.fault(error)

    # ---- reading --------------------------------------------------------------------------------

    @property
    def settings(self) -> Settings:
        """Run, project, notebook, ledger and valuation."""
        return self._recorder.settings

    @settings.setter
    def settings(self, settings: Settings) -> None:
        self._recorder.settings = settings

    @property
    def finished(self) -> tuple[EnergyRecord, ...]:
        """The final records still in memory, oldest first, as one consistent copy."""
        return tuple(self._recorder.finished)  # one atomic copy: another thread may append a record

    @property
    def keeps_all(self) -> bool:
        """Whether every final record of the session is still in `finished`."""
        finished = self._recorder.finished
        return finished.maxlen is None or len(finished) < finished.maxlen

    def so_far(self) -> tuple[list[EnergyRecord], tuple[Alike, ...]]:
        """Return the final records in memory and the sums of older ones, as one consistent copy."""
        return self._recorder.so_far()

    @property
    def problem(self) -> str | None:
        """What went wrong in metering; None if nothing did."""
        settings_problem = self.settings.problem
        problems = (
            settings_problem,
            self._recorder.problem,
            self.store.problem,
            self.store.drain_problem,
            *self.store.notices,
        )
        return " ".join(text for text in problems if text) or None

    def open_windows(self) -> tuple[Window, ...]:
        """The open windows, oldest first."""
        return tuple(self._open.values())

    def provisional(self, window: Window) -> EnergyRecord:
        """Return the record of a window from the readings so far, marked as not final."""
        return self._recorder.provisional(window)

    def hurry(self) -> None:
        """Wake the sampler: a caller waits for a record."""
        self._sampler.wake()

    def patience_seconds(self) -> float:
        """Longest time from a window's end to its final record, in seconds."""
        return self.meter.settle_seconds() + PATIENCE_SECONDS + AGAIN_SECONDS + HANG_SECONDS

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Call ``listener(event, record)`` for "open", "beat" and "final" events.

        Returns a function that removes it. Listeners run on the sampler thread. A listener that raises is removed and
        reported in `problem`.
        """
        listeners = self._recorder.listeners
        listeners.append(listener)
        return lambda: listeners.remove(listener) if listener in listeners else None

    def watch(self, watcher: Watcher) -> Callable[[], None]:
        """Call ``watcher()`` at the end of each sampler step.

        A watcher runs on the sampler thread. It returns the seconds until it must be called again, or None. `hurry`
        triggers an early call. A watcher that raises is removed and reported in `problem`. Returns a function that
        removes it.
        """
        watchers = self._recorder.watchers
        watchers.append(watcher)
        return lambda: watchers.remove(watcher) if watcher in watchers else None

    def settle(self, patience: float | None = None) -> None:
        """Wait until all closed windows have their final records, at most `patience` seconds."""
        deadline = clock.perf_counter() + (self.patience_seconds() if patience is None else patience)
        while self._recorder.busy and clock.perf_counter() < deadline:
            self._sampler.wake()
            clock.sleep(0.01)

    # ---- ending -------------------------------------------------------------------------------

    def end(self) -> None:
        """Stop metering: close open windows, wait for final records, write them and release the sensors."""
        if not self.alive:
            return
        self._close_all()
        self.settle()
        self.close_at_exit()
        atexit.unregister(self.close_at_exit)
        self.meter.close()

    def close_at_exit(self) -> None:
        """Finish all records from the present readings, without waiting for sensors."""
        if not self.alive:
            return
        self._close_all()
        self._sampler.stop(patience=0.5)
        self._recorder.conclude()
        self.store.close()
        self._pid = -1

    def _close_all(self) -> None:
        """Close the open windows, newest first, and note on blocks that they were still open."""
        for window in reversed(self.open_windows()):
            if window.span == "window":
                window.notes.append(STILL_OPEN)
            self.close(window)

    def forget_after_fork(self) -> None:
        """Stop writing the journal and reading the sensors; called in a forked child."""
        self._pid = 0
        self.store.abandon()


_sessions: weakref.WeakSet[Session] = weakref.WeakSet()


def _after_fork_in_child() -> None:
    for session in list(_sessions):
        session.forget_after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
