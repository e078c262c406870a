"""The work of the sampler thread: from window edges to final records.

One step books window edges, reads the sensors, finishes gaps and windows that later readings cannot change, and writes
a heartbeat. A record is written before listeners receive it. Our own errors are reported in `problem` and never raised
into user code.
"""

from __future__ import annotations

import math
import threading
from collections import deque
from collections.abc import Callable
from typing import Any

from jupyter_green.metering import Meter
from jupyter_green.records import EnergyRecord, clock
from jupyter_green.reporting.run.totals import Alike, Earlier
from jupyter_green.sensors import Reading
from jupyter_green.sensors.cpu_model import ProcessorModel

from .attribution import Attribution
from .concurrent_windows import ConcurrentWindows
from .gaps import IdleAccumulator
from .record_writer import RecordWriter
from .settings import Settings
from .timestamp import Timestamp
from .window import Window

HEARTBEAT_SECONDS = 1.0
OWNER_SECONDS = 0.1
"""Interval between checks for windows whose owner is gone."""
TRACE_SECONDS = 1.0
YIELD_SECONDS = 0.02
"""Delay after a cell's end, so that the kernel can report idle before its record is made."""

HELD_SECONDS = 30.0
"""Longest delay of a record whose window sets `held`."""

KEPT_RECORDS = 2_000
"""Final records kept in memory. Of older ones only sums are kept; the ledger has them all."""

PATIENCE_SECONDS = 0.25
"""Time beyond the slowest sensor's settling time after which a record is finished from the present readings."""
LOOKS, AGAIN_SECONDS = 3, 0.5
"""Further attempts to settle an overdue window, and their total time in seconds. A process that was suspended reads
its sensors first."""

Listener = Callable[[str, EnergyRecord], None]
Watcher = Callable[[], "float | None"]
"""Called at the end of each step; returns the seconds until it must be called again, or None."""


class Recorder:
    """Turns the windows of a session into records.

    `open_windows` returns the open windows, `close_abandoned` closes those whose owners are gone; `settings` may be
    replaced at any time.
    """

    def __init__(
        self,
        meter: Meter,
        store: RecordWriter,
        settings: Settings,
        open_windows: Callable[[], tuple[Window, ...]],
        close_abandoned: Callable[[], None],
    ) -> None:
        self.meter = meter
        self.store = store
        self.settings = settings
        self.crowd = ConcurrentWindows()
        self.finished: deque[EnergyRecord] = deque(maxlen=KEPT_RECORDS)
        self._earlier = Earlier()
        self._keeping = threading.Lock()
        self.listeners: list[Listener] = []
        self.watchers: list[Watcher] = []
        self.problem: str | None = None
        self._overdue: dict[float, tuple[float, int]] = {}
        self._open_windows = open_windows
        self._close_abandoned = close_abandoned
        self._looked_for_owners = 0.0
        self._events: deque[Window | Timestamp | tuple[Timestamp, Timestamp]] = deque()
        self._edges: deque[Timestamp] = deque()
        self._ending: dict[str, Window] = {}
        self._gaps: list[tuple[Timestamp, Timestamp]] = []
        self._account = IdleAccumulator()
        self._attribution = Attribution(meter)
        self._processor = next((s for s in meter.sensors if isinstance(s, ProcessorModel)), None)
        self._last_beat = 0.0
        self._billed = 0.0
        self._stepping: int | None = None
        self._told: set[str] = set()
        self._unwritten: list[EnergyRecord] = []
        if self._processor is not None:
            store.own_thread = self._processor.own_thread

    # ---- called on the user's thread --------------------------------------------------------------

    def opened(self, window: Window) -> None:
        """Queue an opened window."""
        self._events.append(window)

    def closed(self, window: Window) -> None:
        """Queue a closed window."""
        self._events.append(window)

    def marked(self, edge: Timestamp) -> None:
        """Queue a moment inside a window, so that the energy up to it and from it on can be read."""
        self._events.append(edge)

    def passed(self, start: Timestamp, end: Timestamp) -> None:
        """Queue an interval in which no window was open."""
        self._events.append((start, end))

    @property
    def busy(self) -> bool:
        """Whether a closed window or a gap still waits for its energy."""
        return bool(self._events or self._ending or self._gaps)

    # ---- records ------------------------------------------------------------------------------

    def facts(self, window: Window) -> dict[str, Any]:
        """Return the record fields that are known when a window opens, as plain data."""
        settings = self.settings
        return {
            "id": window.id,
            "run_id": settings.run_id,
            "parent": window.parent.id if window.parent is not None else None,
            "span": window.span,
            "started_at": window.opened.wall if window.opened is not None else clock.wall(),
            "notebook": settings.notebook,
            "project": settings.project,
            **window.facts,
        }

    def bare(self, window: Window) -> EnergyRecord:
        """Return the record of a window without its energy."""
        start, end = window.bounds()
        return EnergyRecord(
            components=(),
            seconds=end - start,
            status=window.status,
            final=False,
            overhead_seconds=window.overhead,
            notes=tuple(dict.fromkeys(window.notes)),
            shrinks=tuple(window.shrinks),
            **self.facts(window),
        )

    def provisional(self, window: Window) -> EnergyRecord:
        """Return the record of a window from the readings so far, marked as not final."""
        start, end = window.bounds()
        return self.bare(window).with_(components=self.meter.components(start, end), seconds=end - start, final=False)

    def so_far(self) -> tuple[list[EnergyRecord], tuple[Alike, ...]]:
        """Return the records in memory and the sums of older ones, as one consistent copy."""
        with self._keeping:
            return self._earlier.outer(self.finished), self._earlier.alike()

    # ---- the sampler's thread -----------------------------------------------------------------

    def step(self) -> float | None:
        """Do the work that is due; return the seconds until there is more, or None to sleep until woken."""
        thread = threading.get_ident()
        if thread != self._stepping or clock.thread_time() < self._billed:  # thread ids are reused
            self._stepping, self._billed = thread, 0.0  # a new sampler thread, whose clock starts at 0
        try:
            self._bill_own_time()
            wait_seconds = self._advance()
            self._bill_own_time()  # edges during the wait that follows are booked after this
            return wait_seconds
        except Exception as error:  # noqa: BLE001 - our errors must not reach user code
            self.fault(error)
            return 0.5 if self._open_windows() else None

    def _advance(self) -> float | None:
        has_events = bool(self._events)
        self._register_events()
        self._write_again()
        self.meter.read(only_due=True, at_edge=has_events)
        if has_events or self._open_windows():
            self.meter.look(at_edge=has_events)
        self._bill_own_time()
        now = clock.perf_counter()
        self._register_edges(now)
        self._settle_gaps(now)
        self._settle_windows(now)
        if self._open_windows() and now - self._looked_for_owners >= OWNER_SECONDS:
            self._looked_for_owners = now
            self._close_abandoned()
        if self._open_windows() and now - self._last_beat >= HEARTBEAT_SECONDS:
            self._last_beat = now
            self.meter.check()
            for window in self._open_windows():
                self._beat(window)
        self._tidy(now)
        drain_wait = self.store.write_when_due()
        if self._open_windows() or self.busy:
            wait = self.meter.wait_seconds()
            return self._show(min(wait, YIELD_SECONDS) if self._edges or self._ending else wait)
        return self._show(drain_wait)

    def conclude(self) -> None:
        """Finish everything that waits from the present readings; called at process exit."""
        self._register_events()
        self._register_edges(math.inf)
        self._settle_gaps(math.inf)
        self._settle_windows(math.inf)
        self._keep_gap(self._account.take(all_of_it=True))

    def _register_events(self) -> None:
        while self._events:
            # Removed only after booking, so that `busy` stays true in between.
            try:
                self._book(self._events[0])
            except Exception as error:  # noqa: BLE001 - one failed event must not block the others
                self.fault(error)
            self._events.popleft()

    def _book(self, event: Window | Timestamp | tuple[Timestamp, Timestamp]) -> None:
        if isinstance(event, Timestamp):
            self._mark(event)
            return
        if isinstance(event, tuple):
            self._register_gap(event)
            return
        gap, event.gap = event.gap, None
        if gap is not None:
            self._register_gap(gap)
        if event.closed is not None:
            # A short window is closed before its opening is processed, so it is queued twice; book it once.
            if event.latest is None and event.id not in self._ending:
                self._mark(event.opened)
                self._mark(event.closed, quiet=event.parent is None and not event.overlapped)
                self._ending[event.id] = event
        elif event.id not in self._told:  # an interrupted opening is queued twice
            self._told = {window.id for window in self._open_windows()}
            self._mark(event.opened)
            self.tell("open", self.bare(event))

    def _register_gap(self, gap: tuple[Timestamp, Timestamp]) -> None:
        self._gaps.append(gap)
        self.meter.mark(gap[0].time, quiet=True)
        self._mark(gap[1])

    def _mark(self, edge: Timestamp | None, *, quiet: bool = False) -> None:
        if edge is not None:
            self.meter.mark(edge.time, quiet=quiet)
            self._edges.append(edge)

    def _register_edges(self, now: float) -> None:
        """Book the CPU time at window edges. This reads child processes, so it waits until the kernel has replied."""
        # A caller is waiting, so the kernel cannot reply yet.
        awaited = any(window.awaited for window in self._ending.values())
        while self._edges and (awaited or now - self._edges[0].time >= YIELD_SECONDS):
            edge = self._edges.popleft()
            if self._processor is not None:
                reading = Reading(edge.time, self._processor.joules_at(edge.cpu, edge.time))
                self.meter.book(self._processor.traits.key, reading)

    def _bill_own_time(self) -> None:
        if threading.get_ident() != self._stepping:
            return  # at exit this runs on the main thread, whose CPU time is the user's
        cpu_now = clock.thread_time()
        if self._processor is not None:
            self._processor.exclude(cpu_now - self._billed)
            self._processor.update_thread_times()
        self._billed = cpu_now

    def _due(self, closed: Timestamp, now: float, *, soon: bool = False) -> bool:
        settle_seconds = self.meter.settle_seconds()
        is_due = self.meter.settled(closed.time, soon=soon) or now == math.inf
        if not is_due and now - max(closed.time, self.meter.resumed) > settle_seconds + PATIENCE_SECONDS:
            # After a suspension a window is overdue before any sensor was read, so try again first.
            first_attempt, attempts = self._overdue.setdefault(closed.time, (now, 0))
            self._overdue[closed.time] = first_attempt, attempts + 1
            is_due = attempts >= LOOKS and now - first_attempt > min(settle_seconds, AGAIN_SECONDS)
        if is_due:
            self._overdue.pop(closed.time, None)
        return is_due

    def _beat(self, window: Window) -> None:
        record = self.provisional(window)
        update = {"seconds": record.seconds, "components": [part.to_dict() for part in record.components]}
        self.store.note("beat", window.id, update)
        for phase in window.phases:
            phase.gather(self.meter)
        self.tell("beat", record)

    def _settle_windows(self, now: float) -> None:
        for window in [*self._ending.values()]:
            if window.closed is None:
                continue
            delay = HELD_SECONDS if window.held else YIELD_SECONDS
            if not window.awaited and now - window.closed.time < delay:
                continue
            if self._due(window.closed, now, soon=window.hurried):
                try:
                    self._finish(window)
                except Exception as error:  # noqa: BLE001 - retried once; other windows must not wait
                    self.fault(error)
                    if now < math.inf and not window.given_up:
                        window.given_up = True
                        continue
                del self._ending[window.id]

    def _finish(self, window: Window) -> None:
        self._bill_own_time()
        start, end = window.bounds()
        if window.overlapped and window.parent is None:
            components = self.crowd.split(self.meter, start, end)
            window.notes.append("Another cell ran at the same time; the energy of that time is split evenly.")
        else:
            components = self._attribution.attribute(self.meter.components(start, end, final=True), start, end - start)
        record = self.bare(window).with_(components=components, seconds=end - start, final=True)
        if end - start >= TRACE_SECONDS:
            record = record.with_(trace=self.meter.trace(start, end))
        record = self._keep(record)
        for phase in window.phases:
            phase.gather(self.meter, all_of_it=True)
            phase_record = phase.record(record)
            if phase_record is not None:
                self._keep(phase_record)
        window.settle(record)
        for callback in window.when_final:
            self._safely(callback, record)

    def _settle_gaps(self, now: float) -> None:
        for gap in [*self._gaps]:
            opened, closed = gap
            if not self._due(closed, now):
                continue
            components = self.meter.components(opened.time, closed.time, final=True)
            seconds = closed.time - opened.time
            self._attribution.observe_gap(components, seconds)
            self._account.add(components, seconds, opened.wall)
            self._gaps.remove(gap)
        self._keep_gap(self._account.take())

    def _keep_gap(self, record: EnergyRecord | None) -> None:
        if record is not None:
            settings = self.settings
            context = {"run_id": settings.run_id, "notebook": settings.notebook, "project": settings.project}
            self._keep(record.with_(**context))

    def _keep(self, record: EnergyRecord) -> EnergyRecord:
        record = self.settings.valuation.value(record)
        self._bill_own_time()
        self._write(record)
        self._bill_own_time()
        with self._keeping:
            if len(self.finished) == self.finished.maxlen:
                self._earlier.add(self.finished[0])
            self.finished.append(record)
        self.tell("final", record)
        self._bill_own_time()
        return record

    def _write(self, record: EnergyRecord) -> None:
        try:
            self.store.keep(record)
        except Exception as error:  # noqa: BLE001 - kept and retried
            self._unwritten.append(record)
            self.fault(error)

    def _write_again(self) -> None:
        unwritten, self._unwritten = self._unwritten, []
        for record in unwritten:
            self._write(record)

    def _tidy(self, now: float) -> None:
        if self._open_windows() or self.busy:
            edges = [moment for w in (*self._open_windows(), *self._ending.values()) for moment in w.bounds()]
            edges += [edge.time for gap in self._gaps for edge in gap]
            self.meter.thin(now, edges)
            return
        self.meter.forget(now - self.meter.settle_seconds() - 5.0)
        self.crowd.forget()

    # ---- listeners ----------------------------------------------------------------------------

    def _show(self, wait: float | None) -> float | None:
        """Call the watchers; return the seconds until the next step."""
        for watcher in [*self.watchers]:
            try:
                requested = watcher()
            except Exception as error:  # noqa: BLE001 - a failing watcher must not stop the metering
                self._drop(error)
                if watcher in self.watchers:  # another thread may have removed it
                    self.watchers.remove(watcher)
                continue
            if requested is not None:
                wait = requested if wait is None else min(wait, requested)
        return wait

    def tell(self, event: str, record: EnergyRecord) -> None:
        """Call the listeners; one that raises is removed."""
        for listener in [*self.listeners]:
            if not self._safely(listener, event, record):
                self.listeners.remove(listener)

    def _safely(self, call: Callable[..., Any], *arguments: Any) -> bool:
        try:
            call(*arguments)
        except Exception as error:  # noqa: BLE001 - a failing listener must not stop the metering
            self._drop(error)
            return False
        return True

    def fault(self, error: Exception) -> None:
        """Report an error in `problem`."""
        self.problem = " ".join(f"{type(error).__name__}: {error}".split())

    def _drop(self, error: Exception) -> None:
        self.problem = f"A listener failed and was dropped: {type(error).__name__}: {error}"
