"""Runs a calibration: switches a known load on and off while reading one counter.

Load and pause lengths are random, so that load edges fall anywhere between two counter updates. Each is long enough to
show the power before and after an edge. A separate thread reads the counter as fast as it answers, independently of the
sampler.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations
from types import TracebackType
from typing import Protocol

from jupyter_green.background import BackgroundThread
from jupyter_green.metering.calibration.fit import LATEST_SECONDS, CounterSample
from jupyter_green.metering.validation import ValidatedSensor
from jupyter_green.records import clock
from jupyter_green.sensors import Sensor, SensorFault

from .interrupts import Signal

READ_SECONDS = 0.001
SETTLE_SECONDS = 1.5
"""Time for the power to become steady; excluded from mean powers."""


class Load(Protocol):
    """A workload that keeps a device busy."""

    def __call__(self, seconds: float) -> tuple[float, float]:
        """Keep the device busy for about `seconds`; return start and end on `time.perf_counter()`."""


@dataclass(frozen=True)
class Observation:
    """What was read from a counter under a known load."""

    ticks: list[CounterSample]
    """The counter's updates."""
    loads: list[tuple[float, float]]
    """Start and end of each load, in seconds."""
    idle_watts: float | None = None
    busy_watts: float | None = None
    """Mean power during the initial long pause and the long load; None if there were none."""


class UpdateObserver:
    """Reads one counter as fast as it answers and keeps its updates; a context manager."""

    def __init__(self, sensor: Sensor) -> None:
        self.ticks: list[CounterSample] = []
        self.fault: str | None = None
        self._gate = ValidatedSensor(sensor)
        self._over = Signal()
        self._thread = BackgroundThread(self._run, "calibration")

    def __enter__(self) -> UpdateObserver:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()
        if self._thread.failure is not None and error is None:
            raise self._thread.failure

    def _run(self) -> None:
        previous = None
        while not self._over.wait(READ_SECONDS):
            try:
                reading = self._gate.read()
            except SensorFault as fault:
                self.fault = str(fault)
                return
            if previous is not None and reading.epoch != previous.epoch:
                self.fault = "The counter was reset meanwhile."
                return
            if previous is not None and reading.value != previous.value:
                low, high = previous.time - previous.uncertainty, reading.time + reading.uncertainty
                self.ticks.append(CounterSample((low + high) / 2, reading.value, (high - low) / 2))
            previous = reading


def seconds_of(stretches: int, longest_period: float) -> float:
    """Duration of a calibration with this number of loads, in seconds."""
    return (2 * stretches + 1) * sum(_lengths(longest_period)) / 2


def observe(
    sensor: Sensor, load: Load, stretches: int, *, hold: float = 0.0, say: Callable[[str], None] = print
) -> Observation:
    """Read a counter while its device is kept busy and idle in turn, `stretches` times.

    `hold` is the length in seconds of an initial pause and an initial load, for reading a wall meter; `say` prompts the
    user to. Raises SensorFault if a read of the counter failed.
    """
    rng = random.SystemRandom()
    shortest, longest = _lengths(sensor.traits.period[1])
    loads: list[tuple[float, float]] = []
    idle = busy = None
    with UpdateObserver(sensor) as observer:
        if hold:
            say(f"The load is off for {hold:.0f} s: read the wall meter.")
            idle_start = clock.perf_counter()
            clock.sleep(hold)
            idle = (idle_start, clock.perf_counter())
            say(f"The load is on for {hold:.0f} s: read it again.")
            busy = load(hold)
            clock.sleep(SETTLE_SECONDS)
        for _ in range(stretches):
            clock.sleep(rng.uniform(shortest, longest))
            loads.append(load(rng.uniform(shortest, longest)))
        clock.sleep(longest)
    if observer.fault is not None:
        raise SensorFault(observer.fault)
    return Observation(observer.ticks, loads, _mean(observer.ticks, idle), _mean(observer.ticks, busy))


def _lengths(longest_period: float) -> tuple[float, float]:
    """Shortest and longest load: time for the latency and two updates on each side, plus a random part."""
    shortest = LATEST_SECONDS + 3.5 * longest_period
    return shortest, shortest + 1.5 * longest_period


def _mean(ticks: list[CounterSample], stretch: tuple[float, float] | None) -> float | None:
    """Mean power in the steady part of an interval, in watts, from the two updates with the best-known times."""
    if stretch is None:
        return None
    inside = [update for update in ticks if stretch[0] + SETTLE_SECONDS <= update.time <= stretch[1]]
    if len(inside) < 3:
        return None
    first, last = min(
        combinations(inside, 2), key=lambda two: (two[0].uncertainty + two[1].uncertainty) / _seconds(*two)
    )
    return (last.value - first.value) / _seconds(first, last)


def _seconds(first: CounterSample, last: CounterSample) -> float:
    return last.time - first.time
