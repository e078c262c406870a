"""The bench: a known load is switched on and off while one counter is watched.

Stretches of load, and the pauses between them, have lengths drawn at random, so that their edges fall anywhere
between two ticks. Each is long enough for the power before and after it to be seen. The counter is read by a
thread of its own as often as it answers, beside the sampler's reads, which it does not disturb.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations
from types import TracebackType
from typing import Protocol

from jupyter_green.metering.calibration.fit import LATEST_SECONDS, CounterSample
from jupyter_green.metering.validation import ValidatedSensor
from jupyter_green.records import clock
from jupyter_green.sensors import Sensor, SensorFault

from .interrupts import Signal

READ_SECONDS = 0.001
SETTLE_SECONDS = 1.5
"""How long a board's power may take to become steady; what came before is left out of a held mean."""


class Load(Protocol):
    """Work that keeps a device busy."""

    def __call__(self, seconds: float) -> tuple[float, float]:
        """Keep the device busy for about so long; return when that began and ended on `time.perf_counter()`."""


@dataclass(frozen=True)
class Observation:
    """What was seen of a counter under a known load.

    Parameters
    ----------
    ticks : list of CounterSample
        The counter's ticks.
    loads : list of (float, float)
        When the load was on.
    idle_watts, busy_watts : float or None
        Mean power while the load was held off, and on, for long; None where it wasn't.
    """

    ticks: list[CounterSample]
    loads: list[tuple[float, float]]
    idle_watts: float | None = None
    busy_watts: float | None = None


class UpdateObserver:
    """Reads one counter as often as it answers and keeps its ticks; a context manager.

    Parameters
    ----------
    sensor : Sensor
        The counter.
    """

    def __init__(self, sensor: Sensor) -> None:
        self.ticks: list[CounterSample] = []
        self.fault: str | None = None
        self._gate = ValidatedSensor(sensor)
        self._over = Signal()
        self._thread = threading.Thread(target=self._run, name="jupyter_green calibration", daemon=True)

    def __enter__(self) -> UpdateObserver:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        last = None
        while not self._over.wait(READ_SECONDS):
            try:
                reading = self._gate.read()
            except SensorFault as fault:
                self.fault = str(fault)
                return
            if last is not None and reading.epoch != last.epoch:
                self.fault = "Its count was broken meanwhile."
                return
            if last is not None and reading.value != last.value:
                low, high = last.time - last.doubt, reading.time + reading.doubt
                self.ticks.append(CounterSample((low + high) / 2, reading.value, (high - low) / 2))
            last = reading


def seconds_of(stretches: int, longest_period: float) -> float:
    """How long a bench of so many stretches of load takes, in seconds."""
    return (2 * stretches + 1) * sum(_lengths(longest_period)) / 2


def observe(
    sensor: Sensor, load: Load, stretches: int, *, hold: float = 0.0, say: Callable[[str], None] = print
) -> Observation:
    """Watch a counter while a load is switched on and off.

    Parameters
    ----------
    sensor : Sensor
        The counter.
    load : Load
        Keeps its device busy.
    stretches : int
        How often the load is switched on.
    hold : float
        Seconds for which the load is held off, then on, before that, for reading a wall meter.
    say : callable
        Tells the person when to read it.

    Raises
    ------
    SensorFault
        If the counter could not be read all the while; one sentence.
    """
    drawn = random.SystemRandom()
    shortest, longest = _lengths(sensor.traits.period[1])
    loads: list[tuple[float, float]] = []
    idle = busy = None
    with UpdateObserver(sensor) as watch:
        if hold:
            say(f"The load is off for {hold:.0f} s: read the wall meter.")
            began = clock.perf_counter()
            clock.sleep(hold)
            idle = (began, clock.perf_counter())
            say(f"The load is on for {hold:.0f} s: read it again.")
            busy = load(hold)
            clock.sleep(SETTLE_SECONDS)
        for _ in range(stretches):
            clock.sleep(drawn.uniform(shortest, longest))
            loads.append(load(drawn.uniform(shortest, longest)))
        clock.sleep(longest)
    if watch.fault is not None:
        raise SensorFault(watch.fault)
    return Observation(watch.ticks, loads, _mean(watch.ticks, idle), _mean(watch.ticks, busy))


def _lengths(longest_period: float) -> tuple[float, float]:
    """Shortest and longest stretch: room for the latency and two ticks on each side, and a period to fall in."""
    shortest = LATEST_SECONDS + 3.5 * longest_period
    return shortest, shortest + 1.5 * longest_period


def _mean(ticks: list[CounterSample], stretch: tuple[float, float] | None) -> float | None:
    """Mean power in the steady part of a stretch, in watts: between the two ticks that tell it best."""
    if stretch is None:
        return None
    inside = [tick for tick in ticks if stretch[0] + SETTLE_SECONDS <= tick.time <= stretch[1]]
    if len(inside) < 3:
        return None
    first, last = min(combinations(inside, 2), key=lambda two: (two[0].doubt + two[1].doubt) / _seconds(*two))
    return (last.value - first.value) / _seconds(first, last)


def _seconds(first: CounterSample, last: CounterSample) -> float:
    return last.time - first.time
