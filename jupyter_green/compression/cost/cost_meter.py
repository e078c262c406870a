"""Meters the cost of running a model through windows of the session.

If a sensor measures the device, the cost is in joules. Otherwise it is in CPU seconds of this process at a fixed number
of threads: measured, but not energy, since power per CPU second depends on the program. That uncertainty
(`POWER_DIFFERENCE`) widens the interval.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

from jupyter_green.compression.process import deadline
from jupyter_green.records import Conditions, EnergyRecord
from jupyter_green.records.conditions import UNKNOWN
from jupyter_green.sensors.core_power import LEAST_BAND
from jupyter_green.session import Session
from jupyter_green.session.accelerator import synchronize

Basis = Literal["joules", "cpu_seconds"]

POWER_DIFFERENCE = LEAST_BAND
"""How much the power of a busy core may differ between two models, as a share. It is the best accuracy that the
processor model claims (±40 %), for what is unknown without a sensor: clock, voltage and kind of work. Part of it is
common to both models on one machine, but that part is unknown, so none is subtracted.
"""


@dataclass(frozen=True)
class CostSample:
    """The cost of one timed sample."""

    cpu_seconds: float
    """CPU seconds of this process."""
    seconds: float
    """Wall time, on the monotonic clock."""
    joules: float | None = None
    uncertainty: float | None = None
    """Measured energy and half its 95 % interval; None without a sensor."""
    quality: str = "estimated"
    """"measured", "estimated" or "simulated"."""
    shared: bool | None = None
    """Whether others also used the device and their part is unknown."""
    conditions: Conditions = UNKNOWN
    """Conditions of the device that ran the model."""


class Passes:
    """The passes of one sample: runs as many as planned, or fewer if they take too long.

    `run(turn)` does one pass, of `each` inferences; no new pass begins after `longest` seconds.
    """

    def __init__(self, run: Callable[[int], None], turn: int, planned: int, each: int, longest: float) -> None:
        self._run, self._turn, self._each, self._longest = run, turn, each, longest
        self.done = planned

    @property
    def inferences(self) -> int:
        """Inferences of all passes: planned before the run, actual after it."""
        return self.done * self._each

    def __call__(self) -> None:
        """Run the passes."""
        planned, began = self.done, deadline.now()
        for done in range(1, planned + 1):
            deadline.look()
            self._run(self._turn)
            if deadline.now() - began >= self._longest:
                self.done = done
                return


class CostMeter(Protocol):
    """Meters the cost of running something."""

    @property
    def measures(self) -> bool:
        """Whether samples have measured joules."""

    def lap(self, name: str, inferences: int, run: Callable[[], None]) -> Callable[[], CostSample]:
        """Run it now; the returned function gives the figures later, when sensors have settled."""

    def others(self) -> float | None:
        """CPU seconds that other programs have used so far; None if unknown."""


class SessionCostMeter:
    """Meters samples through windows of a session.

    `on` is the device that runs the model; an idle GPU beside it does not count. `what` begins the sample's name in the
    ledger.
    """

    def __init__(self, session: Session, on: Literal["cpu", "gpu"] = "cpu", what: str = "shrink") -> None:
        self._session = session
        self._on = on
        self._what = what

    @property
    def measures(self) -> bool:
        """Whether a sensor measures the device that runs the model."""
        traits = [sensor.traits for sensor in self._session.meter.sensors]
        return any(item.quality != "estimated" and item.kind == self._on for item in traits)

    def lap(self, name: str, inferences: int, run: Callable[[], None]) -> Callable[[], CostSample]:
        """Run it in a window."""
        synchronize()
        window = self._session.window("trial", label=f"{self._what}: {name}", units=float(inferences), unit="inference")
        with window:
            # Synchronize inside the window, so that queued GPU work is included.
            began, cpu = time.perf_counter(), time.process_time()
            run()
            synchronize()
            cpu, elapsed = time.process_time() - cpu, time.perf_counter() - began
            if isinstance(run, Passes):
                window.facts["units"] = float(run.inferences)

        def read() -> CostSample:
            return cost_sample_of(window.record, cpu, elapsed, self._on)

        def timed() -> CostSample:
            return CostSample(cpu, elapsed, conditions=self._session.meter.conditions("cpu", *window.bounds()))

        return read if self.measures else timed

    def others(self) -> float | None:
        """CPU seconds of all other processes so far."""
        from jupyter_green.sensors.cpu_model import busy_seconds

        return busy_seconds() - time.process_time()


def estimated_watts(session: Session) -> tuple[float, float] | None:
    """Return the session's estimated watts of a busy core and their relative uncertainty; None without an estimate."""
    for sensor in session.meter.sensors:
        watts = getattr(sensor, "watts_per_busy_core", None)
        if watts is not None:
            return float(watts), sensor.traits.gain
    return None


def cost_sample_of(record: EnergyRecord, cpu_seconds: float, seconds: float, on: str) -> CostSample:
    """Return a sample from a window's record: measured joules; of shared devices, only this process' own part."""
    parts = [part for part in record.components if part.joules is not None and part.quality != "estimated"]
    parts = [part for part in parts if part.kind != "gpu" or on == "gpu"]
    if not any(part.kind == on for part in parts):
        return CostSample(cpu_seconds, seconds)
    joules = [part.own_joules if part.shared and part.own_joules is not None else part.joules for part in parts]
    shared = any(part.shared and part.own_joules is None for part in parts)
    return CostSample(
        cpu_seconds,
        seconds,
        joules=sum(value for value in joules if value is not None),
        uncertainty=sum(part.uncertainty or 0.0 for part in parts),
        quality="simulated" if any(part.quality == "simulated" for part in parts) else "measured",
        shared=shared,
        conditions=Conditions.over(part.conditions for part in parts if part.kind == on),
    )
