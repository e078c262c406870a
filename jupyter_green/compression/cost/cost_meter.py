"""What one lap of a model cost: read through the session's own windows, as every other figure of this project.

Where a sensor measures, a lap's cost is joules. Elsewhere it is processor seconds of this process at a fixed number of
threads, which is measured too but is no energy: two programs may draw different power in the same second. That doubt
is named and put on top of the interval.
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
"""By how much the watts of a busy core may differ between two models, as a share. That is what the processor model
itself claims at best (±40 %), for what no one sees without a sensor: clock, voltage and kind of work. The two run on
one machine, so part of it is common to both; nobody can tell which part, so none is taken off."""


@dataclass(frozen=True)
class CostSample:
    """One lap.

    Parameters
    ----------
    cpu_seconds : float
        Processor seconds of this process.
    seconds : float
        On the monotonic clock.
    joules, uncertainty : float or None
        Energy measured; None where no sensor measures.
    quality : str
        "measured", "estimated" or "simulated".
    shared : bool or None
        Whether others used the device too and their part can't be told.
    conditions : Conditions
        What the device was like that the model ran on.
    """

    cpu_seconds: float
    seconds: float
    joules: float | None = None
    uncertainty: float | None = None
    quality: str = "estimated"
    shared: bool | None = None
    conditions: Conditions = UNKNOWN


class Passes:
    """The passes of one lap: called once, it runs as many as were planned, or fewer where they take too long.

    Parameters
    ----------
    run : callable
        ``run(turn)`` does one pass.
    turn : int
        The round.
    planned : int
        How many passes.
    each : int
        Inferences of a pass.
    longest : float
        Seconds after which no further pass begins.
    """

    def __init__(self, run: Callable[[int], None], turn: int, planned: int, each: int, longest: float) -> None:
        self._run, self._turn, self._each, self._longest = run, turn, each, longest
        self.done = planned

    @property
    def inferences(self) -> int:
        """Of all passes: as planned before they are run, as they were afterwards."""
        return self.done * self._each

    def __call__(self) -> None:
        """Run them."""
        planned, began = self.done, deadline.now()
        for done in range(1, planned + 1):
            deadline.look()
            self._run(self._turn)
            if deadline.now() - began >= self._longest:
                self.done = done
                return


class CostMeter(Protocol):
    """Reads what running something cost."""

    @property
    def measures(self) -> bool:
        """Whether laps come with measured joules."""

    def lap(self, name: str, inferences: int, run: Callable[[], None]) -> Callable[[], CostSample]:
        """Run it now; the figures are asked for later, when sensors have settled."""

    def others(self) -> float | None:
        """Processor seconds that other programs have used; None where it can't be told."""


class SessionCostMeter:
    """Reads laps through windows of a session.

    Parameters
    ----------
    session : Session
        Who meters.
    on : {"cpu", "gpu"}
        Where the model runs: a board that only idles beside it says nothing of the model.
    what : str
        What the laps are for; stands before their name in the ledger.
    """

    def __init__(self, session: Session, on: Literal["cpu", "gpu"] = "cpu", what: str = "shrink") -> None:
        self._session = session
        self._on = on
        self._what = what

    @property
    def measures(self) -> bool:
        """Whether a sensor measures the device that the model runs on."""
        traits = [sensor.traits for sensor in self._session.meter.sensors]
        return any(item.quality != "estimated" and item.kind == self._on for item in traits)

    def lap(self, name: str, inferences: int, run: Callable[[], None]) -> Callable[[], CostSample]:
        """Run it in a window of its own."""
        synchronize()
        window = self._session.window("trial", label=f"{self._what}: {name}", units=float(inferences), unit="inference")
        with window:
            # Joules and seconds need the work done inside the window.
            began, cpu = time.perf_counter(), time.process_time()
            run()
            synchronize()
            cpu, took = time.process_time() - cpu, time.perf_counter() - began
            if isinstance(run, Passes):
                window.facts["units"] = float(run.inferences)

        def read() -> CostSample:
            return cost_sample_of(window.record, cpu, took, self._on)

        def timed() -> CostSample:
            return CostSample(cpu, took, conditions=self._session.meter.conditions("cpu", *window.bounds()))

        return read if self.measures else timed

    def others(self) -> float | None:
        """Processor seconds of everybody but this process."""
        from jupyter_green.sensors.cpu_model import busy_seconds

        return busy_seconds() - time.process_time()


def estimated_watts(session: Session) -> tuple[float, float] | None:
    """Return the watts that the session takes a processor second for, and how far off that may be, as a share.

    None where it estimates no processor.
    """
    for sensor in session.meter.sensors:
        watts = getattr(sensor, "watts_per_busy_core", None)
        if watts is not None:
            return float(watts), sensor.traits.gain
    return None


def cost_sample_of(record: EnergyRecord, cpu_seconds: float, seconds: float, on: str) -> CostSample:
    """Return a lap from a window's record: what sensors measured, this process' own part where others used them too."""
    read = [part for part in record.components if part.joules is not None and part.quality != "estimated"]
    read = [part for part in read if part.kind != "gpu" or on == "gpu"]
    if not any(part.kind == on for part in read):
        return CostSample(cpu_seconds, seconds)
    mine = [part.own_joules if part.shared and part.own_joules is not None else part.joules for part in read]
    unknown = any(part.shared and part.own_joules is None for part in read)
    return CostSample(
        cpu_seconds,
        seconds,
        joules=sum(value for value in mine if value is not None),
        uncertainty=sum(part.uncertainty or 0.0 for part in read),
        quality="simulated" if any(part.quality == "simulated" for part in read) else "measured",
        shared=unknown,
        conditions=Conditions.over(part.conditions for part in read if part.kind == on),
    )
