"""The CPU model: energy from CPU time, for machines whose counters can't be read.

Energy is the CPU time of this process tree times the watts of a busy core (`core_power`). The result is an
estimate of at best ±40 %, because clock, voltage and kind of work are unknown. It covers this kernel and its
children only, without the machine's idle power and without memory, for which there is no model.

CPU time also gives this process tree's share of the machine's work (`BusyShare`), for counters that cover a whole
package and every process on it.
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
"""Key of the model; a counter of the same energy names it in its `covers`."""

EXCLUSIONS = 4096
"""Number of samples kept of metering's own CPU time: half a minute, far longer than a window's end waits."""

LOAD_SECONDS = 0.25
"""Shortest time over which the load of others is stated: the system counts busy time in steps of 10 ms."""

MOST_THREADS = 8
"""Number of ended metering threads whose CPU time is kept over time; of older ones only the sum is."""

OTHERS = 0
"""Pseudo process id for all other processes together in shares."""


def discover() -> Discovery:
    """Return the model; it works on every machine."""
    model = ProcessorModel()
    row, traits = model.row, model.traits
    # The error is not repeated here: it is shown with the sensor's description.
    detail = (
        f"Estimated as CPU time of this kernel and its children × {row.watts:.2g} W per busy core "
        f"({row.name}: {row.basis})."
    )
    advice = "Used only while no CPU energy counter is readable."
    return Discovery((model,), (Diagnostic(SOURCE, traits.device, True, detail, advice=advice),))


class ProcessorModel:
    """Energy in joules from the CPU time of this process and its descendants.

    By default for this machine and the row of its chip.
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
        self.traits = SensorInfo(
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
    def watts_per_busy_core(self) -> float:
        """Power of one busy core in watts."""
        return self.row.watts

    def read(self) -> Reading:
        """Return joules of the process tree since its start; reads other processes, so only for the sampler thread."""
        before, own_seconds = clock.perf_counter(), clock.thread_time()
        cpu, children = self._tree.look()
        self._note_load(cpu + children)
        own_seconds = (
            clock.thread_time() - own_seconds
        )  # reading is metering and will be excluded: do not show it until then
        with self._lock:
            # Excluded time was counted before it is excluded; the reading then stands still rather than fall.
            self._shown = max(self._shown, self._joules(cpu + children - own_seconds, self._excluded_at(math.inf)))
            return Reading((before + clock.perf_counter()) / 2, self._shown)

    def condition(self) -> Condition | None:
        """Return the number of throttling events; None if it is not reported."""
        return self._counts.condition()

    def joules_at(self, cpu_seconds: float, moment: float) -> float:
        """Return the reading for an earlier value of `cpu_seconds_fast`.

        Parameters
        ----------
        cpu_seconds : float
            Value of `cpu_seconds_fast` at the start or end of a window.
        moment : float
            Its time on `time.perf_counter()`. Metering's own CPU time is excluded up to this time.

        Returns
        -------
        float
            Joules on the scale of `read`; less than the result of a `read` that was called after `moment`.
        """
        children = self._tree.beside(cpu_seconds)
        self._note_load(cpu_seconds_fast() + children)
        with self._lock:
            return self._joules(cpu_seconds + children, self._excluded_at(moment))

    def others_busy(self, start: float, end: float) -> float | None:
        """Return the mean share of the machine's cores that other processes kept busy between two times.

        Parameters
        ----------
        start, end : float
            Times of `time.perf_counter()`. An interval shorter than `LOAD_SECONDS` is extended into the past.

        Returns
        -------
        float or None
            0 to 1; None if there are too few samples.
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
        """Sample the CPU time of this process tree and of all processes."""
        self._busy.append((clock.perf_counter(), own, busy_seconds()))

    def live_children_seconds(self) -> float:
        """Return CPU seconds of descendants not yet in `cpu_seconds_fast`; for the sampler thread."""
        return self._tree.look()[1]

    def exclude(self, seconds: float) -> None:
        """Exclude CPU seconds that metering itself spent. Raises ValueError if `seconds` is negative or not finite."""
        if not math.isfinite(seconds) or seconds < 0:
            raise ValueError(f"CPU seconds to leave out must be a number from 0 up, not {seconds!r}.")
        with self._lock:
            self._sampler.grow(self._sampler.total + seconds)

    @contextmanager
    def own_thread(self) -> Iterator[Callable[[], None]]:
        """Exclude this thread's CPU time inside the block, as it is spent: a cell may run at the same time.

        Yields a function that records the CPU time up to now; call it regularly where other threads can't read this
        thread's clock.
        """
        exclusions, began, thread_seconds = Exclusions(), clock.thread_time(), clock.thread_clock()
        exclusions.look = None if thread_seconds is None else lambda: thread_seconds() - began

        def note() -> None:
            with self._lock:
                exclusions.grow(clock.thread_time() - began)

        with self._lock:
            self._threads.append(exclusions)
        try:
            yield note
        finally:
            with self._lock:
                exclusions.grow(clock.thread_time() - began)
                exclusions.look = None  # the thread's clock ends with the thread
                while len(self._threads) > MOST_THREADS and self._threads[0].look is None:
                    self._sampler.before += self._threads.pop(0).total

    def update_thread_times(self) -> None:
        """Record the CPU time up to now of the threads in `own_thread`."""
        with self._lock:
            for thread in self._threads:
                if thread.look is not None:
                    thread.grow(thread.look())

    def close(self) -> None:
        """Do nothing: there is nothing to release."""

    def _joules(self, seconds: float, excluded: float) -> float:
        return max(0.0, self.row.watts * (seconds - excluded))

    def _excluded_at(self, moment: float) -> float:
        """Return the CPU seconds excluded up to a time, interpolated linearly between samples."""
        return self._sampler.at(moment) + sum(thread.at(moment) for thread in self._threads)


class Exclusions:
    """CPU seconds of one metering thread over time.

    Attributes
    ----------
    look : callable or None
        Returns the thread's CPU seconds now; can be called from other threads.
    before : float
        CPU seconds of threads that ended long ago.
    """

    def __init__(self) -> None:
        self.look: Callable[[], float] | None = None
        self.before = 0.0
        self._seen: deque[tuple[float, float]] = deque([(-math.inf, 0.0), (clock.perf_counter(), 0.0)], EXCLUSIONS)

    @property
    def total(self) -> float:
        """CPU seconds at the last sample."""
        return self._seen[-1][1]

    def grow(self, total: float) -> None:
        """Add a sample: the CPU seconds up to now."""
        self._seen.append((clock.perf_counter(), max(total, self.total)))

    def at(self, moment: float) -> float:
        """Return the CPU seconds up to a time, interpolated linearly between samples."""
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
    """This process tree's share of the machine's busy CPU time.

    It keeps a history, so that it can answer for windows in the past. Older samples are thinned out. Sampling is
    less frequent where it is slow, so that it takes less than 0.5 % of a core.
    """

    LEAST_BUSY_SECONDS = 0.05
    """The system counts busy time in steps of 10 ms; below five steps no share is stated."""

    def __init__(self) -> None:
        self._tree = ProcessTree()
        self._lock = threading.Lock()
        self._history: deque[tuple[float, float, float]] = deque()
        self._pause = 0.0
        self.note()

    def note(self, now: bool = False) -> None:
        """Take a sample, unless the last one is recent; `now` forces it."""
        with self._lock:
            moment = clock.perf_counter()
            if not now and self._history and moment - self._history[-1][0] < self._pause:
                return
            began = clock.thread_time()
            busy = busy_seconds()
            cpu, children = self._tree.look()
            self._history.append((moment, cpu + children, busy))
            if len(self._history) > 4096:
                older = list(self._history)
                self._history = deque([*older[:2048:2], *older[2048:]])
            self._pause = max(0.1, 200 * (clock.thread_time() - began))

    def usage(self, since: float) -> Usage | None:
        """Return the shares of the busy CPU time since a `time.perf_counter()`, for this process' id and for `OTHERS`.

        None if there was too little CPU time.
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
    """Return CPU seconds of all processes together since the machine started.

    Time that a hypervisor gave to other guests is not included.
    """
    times = psutil.cpu_times()
    # Linux includes "guest" in "user"; irq, softirq and the like exist on some systems only.
    return float(
        sum(getattr(times, name, 0.0) for name in ("user", "nice", "system", "irq", "softirq", "interrupt", "dpc"))
    )
