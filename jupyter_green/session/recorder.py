"""From edges to settled records: everything the sampler thread does.

In this order: edges are booked, sensors read, gaps and ended windows settled once no later reading can
change them, a heartbeat written. A record is written down before a listener hears of it, so that
listeners only speak of what is safe. A fault of ours costs a sentence in `problem`, never a cell.
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
from .idle import IdleAccumulator
from .record_writer import RecordWriter
from .settings import Settings
from .timestamp import Timestamp
from .window import Window

HEARTBEAT_SECONDS = 1.0
OWNER_SECONDS = 0.1
"""How often the owners of open windows are looked for."""
TRACE_SECONDS = 1.0
YIELD_SECONDS = 0.02
"""After a cell nobody waits for, the kernel first says that it is idle; then its record is made."""

HELD_SECONDS = 30.0
"""How long a record that is held back waits at most, whoever forgot it."""

KEPT_RECORDS = 2_000
"""So many settled records stay in memory; of those before them their sum does, and the ledger has them all."""

PATIENCE_SECONDS = 0.25
"""How long beyond the slowest sensor's settling a figure is waited for before it is taken as it is."""
LOOKS, AGAIN_SECONDS = 3, 0.5
"""How often, and for how long at most, it is looked for again before that: a process which stood still reads first."""

Listener = Callable[[str, EnergyRecord], None]
Watcher = Callable[[], "float | None"]
"""Called at the end of each step; returns the seconds until it wants to be called again, or None."""


class Recorder:
    """Turns the windows of a session into records.

    Parameters
    ----------
    meter : Meter
        What reads the sensors.
    store : RecordWriter
        Where records are written down.
    settings : Settings
        Run, project, notebook and valuation; may be replaced while running.
    open_windows : callable
        Returns the windows that are open now.
    close_abandoned : callable
        Closes those of them whose owners are gone.
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
        self._ending: list[Window] = []
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

    # ---- from the cell's path -----------------------------------------------------------------

    def opened(self, window: Window) -> None:
        """A window was opened."""
        self._events.append(window)

    def closed(self, window: Window) -> None:
        """A window was closed."""
        self._events.append(window)

    def marked(self, edge: Timestamp) -> None:
        """Energy may be asked for up to a moment inside a window, and from it on."""
        self._events.append(edge)

    def passed(self, start: Timestamp, end: Timestamp) -> None:
        """No window was open between two edges."""
        self._events.append((start, end))

    @property
    def busy(self) -> bool:
        """Whether a closed window or a gap still waits for its figures."""
        return bool(self._events or self._ending or self._gaps)

    # ---- records ------------------------------------------------------------------------------

    def facts(self, window: Window) -> dict[str, Any]:
        """What is known of a window's record when it opens, as plain data."""
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
        """The record of a window without its figures."""
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
        """The record of a window as far as it is known, marked as not final."""
        start, end = window.bounds()
        return self.bare(window).with_(components=self.meter.components(start, end), seconds=end - start, final=False)

    def so_far(self) -> tuple[list[EnergyRecord], tuple[Alike, ...]]:
        """The records that are kept and the sums of those before them, at one moment."""
        with self._keeping:
            return self._earlier.outer(self.finished), self._earlier.alike()

    # ---- the sampler's thread -----------------------------------------------------------------

    def step(self) -> float | None:
        """Do what is due; return the seconds until there is more, or None to be left alone."""
        thread = threading.get_ident()
        if thread != self._stepping or clock.thread_time() < self._billed:  # identities are given again
            self._stepping, self._billed = thread, 0.0  # another thread has the sampler's place; its clock begins at 0
        try:
            self._bill_own_time()
            wait = self._advance()
            self._bill_own_time()  # what follows is waiting: an edge that falls into it stands after all of this
            return wait
        except Exception as error:  # noqa: BLE001 - a fault of ours must cost the user a note, not a cell
            self.fault(error)
            return 0.5 if self._open_windows() else None

    def _advance(self) -> float | None:
        urgent = bool(self._events)
        self._book_events()
        self._write_again()
        self.meter.read(only_due=True, at_edge=urgent)
        if urgent or self._open_windows():
            self.meter.look(at_edge=urgent)
        self._bill_own_time()
        now = clock.perf_counter()
        self._book_edges(now)
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
        drain = self.store.write_when_due()
        if self._open_windows() or self.busy:
            wait = self.meter.wait_seconds()
            return self._show(min(wait, YIELD_SECONDS) if self._edges or self._ending else wait)
        return self._show(drain)

    def conclude(self) -> None:
        """Settle everything that waits with the figures as they are; for the end of the process."""
        self._book_events()
        self._book_edges(math.inf)
        self._settle_gaps(math.inf)
        self._settle_windows(math.inf)
        self._keep_gap(self._account.take(all_of_it=True))

    def _book_events(self) -> None:
        while self._events:
            # Taken off when it is booked, not before: `busy` must never be false in between.
            try:
                self._book(self._events[0])
            except Exception as error:  # noqa: BLE001 - one that can't be booked must not keep those behind it waiting
                self.fault(error)
            self._events.popleft()

    def _book(self, event: Window | Timestamp | tuple[Timestamp, Timestamp]) -> None:
        if isinstance(event, Timestamp):
            self._mark(event)
            return
        if isinstance(event, tuple):
            self._book_gap(event)
            return
        gap, event.gap = event.gap, None
        if gap is not None:
            self._book_gap(gap)
        if event.closed is not None:
            # A short window is closed before its opening is looked at: it comes twice, and counts once.
            if event.latest is None and event not in self._ending:
                self._mark(event.opened)
                self._mark(event.closed, quiet=event.parent is None and not event.overlapped)
                self._ending.append(event)
        elif event.id not in self._told:  # what was interrupted while it was opened comes twice
            self._told = {window.id for window in self._open_windows()}
            self._mark(event.opened)
            self.tell("open", self.bare(event))

    def _book_gap(self, gap: tuple[Timestamp, Timestamp]) -> None:
        self._gaps.append(gap)
        self.meter.mark(gap[0].time, quiet=True)
        self._mark(gap[1])

    def _mark(self, edge: Timestamp | None, *, quiet: bool = False) -> None:
        if edge is not None:
            self.meter.mark(edge.time, quiet=quiet)
            self._edges.append(edge)

    def _book_edges(self, now: float) -> None:
        """Book the processor time of edges, which looks at child processes: not while the kernel answers."""
        hurry = any(window.awaited for window in self._ending)  # somebody waits: the kernel does not answer yet
        while self._edges and (hurry or now - self._edges[0].time >= YIELD_SECONDS):
            edge = self._edges.popleft()
            if self._processor is not None:
                reading = Reading(edge.time, self._processor.joules_at(edge.cpu, edge.time))
                self.meter.book(self._processor.traits.key, reading)

    def _bill_own_time(self) -> None:
        if threading.get_ident() != self._stepping:
            return  # the end of the process is settled by its main thread, whose time is the person's
        spent = clock.thread_time()
        if self._processor is not None:
            self._processor.exclude(spent - self._billed)
            self._processor.look_at_threads()
        self._billed = spent

    def _due(self, closed: Timestamp, now: float, *, soon: bool = False) -> bool:
        settle = self.meter.settle_seconds()
        due = self.meter.settled(closed.time, soon=soon) or now == math.inf
        if not due and now - max(closed.time, self.meter.resumed) > settle + PATIENCE_SECONDS:
            # A process that stood still finds a window overdue before it has read anything: it looks again first.
            since, looks = self._overdue.setdefault(closed.time, (now, 0))
            self._overdue[closed.time] = since, looks + 1
            due = looks >= LOOKS and now - since > min(settle, AGAIN_SECONDS)
        if due:
            self._overdue.pop(closed.time, None)
        return due

    def _beat(self, window: Window) -> None:
        record = self.provisional(window)
        changed = {"seconds": record.seconds, "components": [part.to_dict() for part in record.components]}
        self.store.note("beat", window.id, changed)
        for phase in window.phases:
            phase.gather(self.meter)
        self.tell("beat", record)

    def _settle_windows(self, now: float) -> None:
        for window in [*self._ending]:
            if window.closed is None:
                continue
            pause = HELD_SECONDS if window.held else YIELD_SECONDS
            if not window.awaited and now - window.closed.time < pause:
                continue
            if self._due(window.closed, now, soon=window.hurried):
                try:
                    self._finish(window)
                except Exception as error:  # noqa: BLE001 - it is tried again; the others must not wait for it
                    self.fault(error)
                    if now < math.inf and not window.given_up:
                        window.given_up = True
                        continue
                self._ending.remove(window)

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
            part = phase.record(record)
            if part is not None:
                self._keep(part)
        window.settle(record)
        for call in window.when_final:
            self._safely(call, record)

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
            place = {"run_id": settings.run_id, "notebook": settings.notebook, "project": settings.project}
            self._keep(record.with_(**place))

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
        except Exception as error:  # noqa: BLE001 - a cell may have taken any library from under us: kept until it can
            self._unwritten.append(record)
            self.fault(error)

    def _write_again(self) -> None:
        waiting, self._unwritten = self._unwritten, []
        for record in waiting:
            self._write(record)

    def _tidy(self, now: float) -> None:
        if self._open_windows() or self.busy:
            edges = [moment for w in (*self._open_windows(), *self._ending) for moment in w.bounds()]
            edges += [edge.time for gap in self._gaps for edge in gap]
            self.meter.thin(now, edges)
            return
        self.meter.forget(now - self.meter.settle_seconds() - 5.0)
        self.crowd.forget()

    # ---- listeners ----------------------------------------------------------------------------

    def _show(self, wait: float | None) -> float | None:
        """Have the watchers look; return when to go on: when there is more to do, or one of them wants to look."""
        for watcher in [*self.watchers]:
            try:
                wanted = watcher()
            except Exception as error:  # noqa: BLE001 - a watcher's fault must not stop the metering
                self._drop(error)
                if watcher in self.watchers:  # it may just have been taken out from another thread
                    self.watchers.remove(watcher)
                continue
            if wanted is not None:
                wait = wanted if wait is None else min(wait, wanted)
        return wait

    def tell(self, event: str, record: EnergyRecord) -> None:
        """Tell the listeners; one that raises is dropped."""
        for listener in [*self.listeners]:
            if not self._safely(listener, event, record):
                self.listeners.remove(listener)

    def _safely(self, call: Callable[..., Any], *arguments: Any) -> bool:
        try:
            call(*arguments)
        except Exception as error:  # noqa: BLE001 - a listener's fault must not stop the metering
            self._drop(error)
            return False
        return True

    def fault(self, error: Exception) -> None:
        """A fault of ours, or of what we stand on, costs a sentence: `problem` says it to whoever asks."""
        self.problem = " ".join(f"{type(error).__name__}: {error}".split())

    def _drop(self, error: Exception) -> None:
        self.problem = f"A listener failed and was dropped: {type(error).__name__}: {error}"
