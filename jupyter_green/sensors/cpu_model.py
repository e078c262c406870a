"""The processor model: energy by CPU time, for machines whose counters can't be read.

Joules are CPU seconds of this process tree times the watts of a busy core (`cores`). That is an estimate
and is called one: clock, voltage and kind of work are unseen, so the interval is never under ±40 %. It
counts this kernel and its children alone, leaves out the idle power of the machine, and says nothing about
memory, for which there is no model: absent is absent.

The same CPU time tells which share of the machine's work is ours (`BusyShare`), for counters that see a
whole package and every process on it.
"""

from __future__ import annotations

import math
import os
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psutil

from jupyter_green.records import clock

from .base import Condition, Diagnostic, Discovery, Reading, SensorInfo, Usage
from .core_power import CoreWatts, look_up
from .cpu_throttling import ThrottleCounts
from .host import Host, here
from .process_tree import ProcessTree, cpu_seconds_fast

__all__ = ["KEY", "OTHERS", "BusyShare", "ProcessorModel", "cpu_seconds_fast", "discover"]

SOURCE = "processor"
KEY = "processor:model"
"""Key of the model's traits; a counter of the same energy names it in its `covers`."""

EXCLUSIONS = 4096
"""Moments at which what metering spent is remembered: those of half a minute, far longer than an edge waits."""

LOAD_SECONDS = 0.25
"""The least time over which the load of others is told: the system counts busy time in steps of 10 ms."""

MOST_THREADS = 8
"""Threads of ours whose spending is remembered moment by moment after they have ended."""

OTHERS = 0
"""Stands for all other processes together where shares are told; no process has this id."""


def discover() -> Discovery:
    """Offer the model; it works on every machine."""
    model = ProcessorModel()
    row, traits = model.row, model.traits
    # How far off it may be is told where sensors are described, rounded as in the records.
    detail = (
        f"Estimated as CPU time of this kernel and its children × {row.watts:.2g} W per busy core "
        f"({row.name}: {row.basis})."
    )
    advice = "A readable energy counter of the processor takes its place."
    return Discovery((model,), (Diagnostic(SOURCE, traits.device, True, detail, advice=advice),))


class ProcessorModel:
    """Counts joules by CPU time of this process and its descendants.

    Parameters
    ----------
    host : Host, optional
        Defaults to the machine we run on.
    row : CoreWatts, optional
        Defaults to the table's row for the host's chip.
    """

    def __init__(self, host: Host | None = None, row: CoreWatts | None = None) -> None:
        host = here() if host is None else host
        self.row = look_up(host.chip) if row is None else row
        self._tree = ProcessTree()
        self._lock = threading.Lock()
        self._counts = ThrottleCounts()
        self._sampler = Exclusions()
        self._threads: list[Exclusions] = []
        self._shown = 0.0
        self._cores = cores = os.cpu_count() or 1
        self._busy: deque[tuple[float, float, float]] = deque(maxlen=EXCLUSIONS)
        name = host.chip.name or self.row.name
        self._traits = SensorInfo(
            key=KEY,
            kind="cpu",
            device=f"CPU, {name}",
            method="model",
            quality="estimated",
            scope="this kernel and its children",
            source=SOURCE,
            gain=self.row.band,
            resolution=self.row.watts * (0.0156 if sys.platform == "win32" else 1e-6),
            period=(0.0, 0.0),
            latency=0.0,
            power_limit=cores * self.row.watts,
            note=f"Estimated from CPU time × {self.row.watts:.2g} W per busy core ({self.row.name}).",
        )

    @property
    def traits(self) -> SensorInfo:
        """What the sensor says about itself."""
        return self._traits

    @property
    def watts_per_busy_core(self) -> float:
        """Watts that one CPU second per second is taken for."""
        return self.row.watts

    def read(self) -> Reading:
        """Return joules of the tree since its start; looks at other processes, so not for a cell's path."""
        before, own = clock.perf_counter(), clock.thread_time()
        cpu, beside = self._tree.look()
        self._note_load(cpu + beside)
        own = clock.thread_time() - own  # looking is metering: it will be left out, and must not be shown until then
        with self._lock:
            # What is left out was counted a moment before; the count waits there, it never falls.
            self._shown = max(self._shown, self._joules(cpu + beside - own, self._excluded_at(math.inf)))
            return Reading((before + clock.perf_counter()) / 2, self._shown)

    def condition(self) -> Condition | None:
        """Return how often the processor was throttled; None where it does not tell."""
        return self._counts.condition()

    def joules_at(self, cpu_seconds: float, moment: float) -> float:
        """Return the reading that belongs to a value of `cpu_seconds_fast` taken a moment ago.

        Parameters
        ----------
        cpu_seconds : float
            What `cpu_seconds_fast` gave at a window's edge.
        moment : float
            When that was, on `time.perf_counter()`: what metering spent since then is no part of it.

        Returns
        -------
        float
            Joules on the scale of `read`. They may be less than a later `read` has shown meanwhile: a moment
            that lies before it had less.
        """
        beside = self._tree.beside(cpu_seconds)
        self._note_load(cpu_seconds_fast() + beside)
        with self._lock:
            return self._joules(cpu_seconds + beside, self._excluded_at(moment))

    def others_busy(self, start: float, end: float) -> float | None:
        """Return the mean share of the machine's cores that other processes kept busy between two moments.

        Parameters
        ----------
        start, end : float
            Moments of `time.perf_counter()`. Of less than `LOAD_SECONDS` the time before is looked at as well.

        Returns
        -------
        float or None
            0 to 1; None where too little was noted to tell.
        """
        history = list(self._busy)
        last = next((entry for entry in history if entry[0] >= end), history[-1] if history else None)
        if last is None:
            return None
        since = min(start, last[0] - LOAD_SECONDS)
        first = next((entry for entry in reversed(history) if entry[0] <= since), history[0])
        seconds = last[0] - first[0]
        if seconds < LOAD_SECONDS or first[0] > start:
            return None
        others = (last[2] - first[2]) - (last[1] - first[1])
        return min(1.0, max(0.0, others / (seconds * self._cores)))

    def _note_load(self, own: float) -> None:
        """Note how long all processes together, and this tree, were busy up to now."""
        self._busy.append((clock.perf_counter(), own, busy_seconds()))

    def live_children_seconds(self) -> float:
        """Return CPU seconds of the tree that are not in `cpu_seconds_fast` yet; for the sampler thread."""
        return self._tree.look()[1]

    def exclude(self, seconds: float) -> None:
        """Leave CPU seconds out that metering itself spent.

        Raises
        ------
        ValueError
            If `seconds` is negative or no finite number.
        """
        if not math.isfinite(seconds) or seconds < 0:
            raise ValueError(f"CPU seconds to leave out must be a number from 0 up, not {seconds!r}.")
        with self._lock:
            self._sampler.grow(self._sampler.total + seconds)

    @contextmanager
    def own_thread(self) -> Iterator[Callable[[], None]]:
        """Leave out what this thread spends in here, as it spends it: a cell may run meanwhile.

        Yields
        ------
        callable
            Notes what was spent up to now; to be called now and then where no other thread can see it.
        """
        mine, began, seen = Exclusions(), clock.thread_time(), clock.thread_clock()
        mine.look = None if seen is None else lambda: seen() - began

        def note() -> None:
            with self._lock:
                mine.grow(clock.thread_time() - began)

        with self._lock:
            self._threads.append(mine)
        try:
            yield note
        finally:
            with self._lock:
                mine.grow(clock.thread_time() - began)
                mine.look = None  # before the thread ends, and its clock with it
                while len(self._threads) > MOST_THREADS and self._threads[0].look is None:
                    self._sampler.before += self._threads.pop(0).total

    def look_at_threads(self) -> None:
        """Note what the threads in `own_thread` have spent up to now."""
        with self._lock:
            for thread in self._threads:
                if thread.look is not None:
                    thread.grow(thread.look())

    def close(self) -> None:
        """Nothing is held."""

    def _joules(self, seconds: float, excluded: float) -> float:
        return max(0.0, self.row.watts * (seconds - excluded))

    def _excluded_at(self, moment: float) -> float:
        """What was left out up to a moment; between two calls of `exclude` it is taken to have grown evenly."""
        return self._sampler.at(moment) + sum(thread.at(moment) for thread in self._threads)


class Exclusions:
    """What one thread of ours has spent, over time.

    Attributes
    ----------
    look : callable or None
        Returns what it has spent now, for other threads.
    before : float
        What threads that ended long ago have spent.
    """

    def __init__(self) -> None:
        self.look: Callable[[], float] | None = None
        self.before = 0.0
        self._seen: deque[tuple[float, float]] = deque([(-math.inf, 0.0), (clock.perf_counter(), 0.0)], EXCLUSIONS)

    @property
    def total(self) -> float:
        """Seconds up to the last look."""
        return self._seen[-1][1]

    def grow(self, total: float) -> None:
        """Note the seconds up to now."""
        self._seen.append((clock.perf_counter(), max(total, self.total)))

    def at(self, moment: float) -> float:
        """Return the seconds up to a moment; between two looks they are taken to have grown evenly."""
        later = self._seen[-1]
        if moment >= later[0]:
            return self.before + later[1]
        for earlier in reversed(self._seen):
            if earlier[0] <= moment:
                part = (moment - earlier[0]) / (later[0] - earlier[0]) if math.isfinite(earlier[0]) else 0.0
                return self.before + earlier[1] + part * (later[1] - earlier[1])
            later = earlier
        return self.before + later[1]


class BusyShare:
    """Which share of the machine's busy CPU time is this process tree's.

    It keeps a history, so that it can answer for a window that began a while ago. The history thins out
    with age; its cost is held under half a percent of a core by looking less often where looking is dear.
    """

    LEAST_BUSY_SECONDS = 0.05
    """The system counts busy time in steps of 10 ms; below five steps no share is told."""

    def __init__(self) -> None:
        self._tree = ProcessTree()
        self._lock = threading.Lock()
        self._history: deque[tuple[float, float, float]] = deque()
        self._pause = 0.0
        self.note()

    def note(self, now: bool = False) -> None:
        """Note how things stand, unless that was done a moment ago or `now` insists."""
        with self._lock:
            moment = clock.perf_counter()
            if not now and self._history and moment - self._history[-1][0] < self._pause:
                return
            began = clock.thread_time()
            busy = busy_seconds()
            cpu, beside = self._tree.look()
            self._history.append((moment, cpu + beside, busy))
            if len(self._history) > 4096:
                older = list(self._history)
                self._history = deque([*older[:2048:2], *older[2048:]])
            self._pause = max(0.1, 200 * (clock.thread_time() - began))

    def usage(self, since: float) -> Usage | None:
        """Return our share and the others' since a moment; None where too little happened to tell.

        Parameters
        ----------
        since : float
            A moment of `time.perf_counter()`.

        Returns
        -------
        Usage or None
            Shares of the busy CPU time under this process' id and under `OTHERS`.
        """
        self.note(now=True)
        history = list(self._history)
        start = next((entry for entry in reversed(history) if entry[0] <= since), history[0])
        own = history[-1][1] - start[1]
        busy = history[-1][2] - start[2]
        if start[0] > since + 1.0 or busy < self.LEAST_BUSY_SECONDS:
            return None
        share = min(1.0, max(0.0, own / busy))
        return Usage({os.getpid(): share, OTHERS: 1.0 - share}, "share of the machine's busy CPU time")


def busy_seconds() -> float:
    """Return CPU seconds that all processes together have used since the machine started.

    Time that a hypervisor gave to other guests is not in it.
    """
    times = psutil.cpu_times()
    # Linux counts guests in user as well; irq, softirq and the like exist where the system tells them.
    return float(
        sum(getattr(times, name, 0.0) for name in ("user", "nice", "system", "irq", "softirq", "interrupt", "dpc"))
    )
