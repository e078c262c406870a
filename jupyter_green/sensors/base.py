"""What a sensor is: the one interface that the meter knows and that third parties implement.

A counter sensor answers with joules since an arbitrary origin, a power sensor with watts. Wraps are
undone inside `read`, because only the sensor knows its range; anything that breaks the count (a reset,
a lost device, a silence too long to tell how often the counter wrapped) raises the reading's ``epoch``,
and the meter never subtracts across epochs. Every call may be slow or fail: sensors are read by the
sampler thread only, never on a cell's path.

A package offers sensors by an entry point in the group ``jupyter_green.sensors``: a callable without
arguments that returns a `Discovery`. It must be quick, open no network connection and raise nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from jupyter_green.errors import GreenError
from jupyter_green.records import Kind, Method, Quality, Throttle

OFFSET_WATTS = 5.0
"""By how many watts a GPU's own power sensor may be off at any load (nvidia-smi's manual: "within +/- 5 watts").

An A100 that was recorded beside a meter at its inputs showed 4.9 W (8 %) too little when idle, 6 % under load.
"""


class SensorFault(GreenError):
    """A reading failed. The message is one sentence fit for a record's note."""


@dataclass(frozen=True)
class Reading:
    """One reading.

    Parameters
    ----------
    time : float
        `time.perf_counter()` in seconds, taken between call and return (their middle).
    value : float
        Joules since an arbitrary origin (``method="counter"``) or watts (``method="power"``).
    epoch : int
        Raised whenever the count was broken; values of two epochs are not comparable.
    doubt : float
        Seconds by which the value may be older or newer than `time`: half of the call's duration.
        The meter fills it in.
    """

    time: float
    value: float
    epoch: int = 0
    doubt: float = 0.0


@dataclass(frozen=True)
class SensorInfo:
    """What a sensor says about itself, once.

    Parameters
    ----------
    key : str
        Stable identity, ``"source:device"``.
    kind, device, method, quality, scope, source
        As in `jupyter_green.records.Component`.
    gain : float
        Relative half-width of the systematic error at 95 % (0.05 = ±5 %).
    offset : float or None
        Watts by which power may be off at any load, beside the gain; None is `OFFSET_WATTS` for a GPU whose gain is
        not exact, and 0 for all else.
    resolution : float
        Smallest step of the value, in joules or watts.
    period : tuple of float
        Shortest and longest update period to expect, in seconds.
    latency, latency_low : float
        Upper and lower bound in seconds of how late the value is shown.
    averaging : float
        Seconds over which a power value is averaged; 0 for an instantaneous one.
    duty : float
        Least share of the time that the sensor may look at its device (1: always). A part-time sensor
        takes the rest to be like what it saw.
    power_limit : float or None
        Upper bound of the device's power in watts, if known.
    span : float or None
        Longest silence in seconds between two reads after which the count can still be told.
    covers : tuple of str
        Keys of sensors whose energy is part of this one's and must not be added to it.
    driver : str
        Version of the driver that answers, where one does; what was found out of a sensor holds for it alone.
    divided : bool
        Whether it is cut into slices that others may use unseen: its energy is never one process's own.
    scale : float
        What the meter multiplies readings by; other than 1 only where a calibration set it.
    """

    key: str
    kind: Kind
    device: str
    method: Method
    quality: Quality
    scope: str
    source: str
    gain: float = 0.05
    resolution: float = 1e-3
    period: tuple[float, float] = (0.02, 0.1)
    latency: float = 0.03
    latency_low: float = 0.0
    averaging: float = 0.0
    duty: float = 1.0
    power_limit: float | None = None
    span: float | None = None
    covers: tuple[str, ...] = ()
    driver: str = ""
    divided: bool = False
    scale: float = 1.0
    note: str | None = None
    offset: float | None = None

    def systematic(self, joules: float, seconds: float) -> float:
        """Half-width in joules of the systematic error of an energy that was used in some seconds."""
        offset = self.offset
        if offset is None:
            offset = OFFSET_WATTS if self.kind == "gpu" and self.gain > 0 else 0.0
        return self.gain * abs(joules) + offset * max(0.0, seconds)

    @property
    def late(self) -> float:
        """How late the value is taken to be shown, in seconds: the middle of what it may be."""
        return (self.latency_low + self.latency) / 2

    @property
    def late_doubt(self) -> float:
        """Half-width in seconds of what is known of `late`."""
        return (self.latency - self.latency_low) / 2


@runtime_checkable
class Sensor(Protocol):
    """A device that says how much energy or power it uses."""

    @property
    def traits(self) -> SensorInfo:
        """What the sensor says about itself."""

    def read(self) -> Reading:
        """Return one reading; raise `SensorFault` with one sentence where there is none."""

    def close(self) -> None:
        """Release what the sensor holds; calling it twice is harmless."""


@dataclass(frozen=True)
class Usage:
    """Who used a shared device since a moment: busy shares by process, where the driver tells.

    Parameters
    ----------
    shares : mapping of int to float
        Busy share (0 to 1) by process id.
    method : str
        Name of the way the shares came about, for the record.
    """

    shares: Mapping[int, float]
    method: str


@runtime_checkable
class Attributing(Protocol):
    """A sensor that also knows which processes used its device."""

    def processes(self) -> frozenset[int] | None:
        """Return ids of the processes on the device now; None where they are invisible."""

    def usage(self, since: float) -> Usage | None:
        """Return busy shares since a `time.perf_counter()` moment; None where they can't be told."""


@runtime_checkable
class Checked(Protocol):
    """A counter whose device also shows its power, for holding one against the other."""

    def shown_watts(self) -> float | None:
        """Return the device's mean power over the last second in watts; None where it shows none."""


@runtime_checkable
class Limited(Protocol):
    """A device whose power limit is a setting that others may change at any time."""

    def power_limit_now(self) -> float | None:
        """Return an upper bound of the device's power as it is set now, in watts; None where it can't be read."""


@dataclass(frozen=True)
class Condition:
    """What a device says of itself at a moment; each None where it does not tell.

    Parameters
    ----------
    celsius : float or None
        Temperature in °C.
    clock_mhz : float or None
        Its clock in MHz; None while it idles.
    throttle : frozenset of Throttle or None
        Why the clock is lowered now.
    throttlings : int or None
        How often it has been throttled by heat since some moment.
    """

    celsius: float | None = None
    clock_mhz: float | None = None
    throttle: frozenset[Throttle] | None = None
    throttlings: int | None = None


@runtime_checkable
class Conditioned(Protocol):
    """A sensor that also knows how its device does: temperature, clock, throttling."""

    def condition(self) -> Condition | None:
        """Return how the device does now; None where nothing is told."""


@dataclass(frozen=True)
class Diagnostic:
    """One line of the doctor: whether a source works here, and if not, why and what to do.

    Parameters
    ----------
    source : str
        Name of the source, such as ``"nvidia"``.
    subject : str
        What was looked at, for people: ``"NVIDIA GPUs"``, ``"package 0"``.
    works : bool
        Whether readings come.
    detail : str
        One sentence: what works, or why it does not.
    fix : tuple of str
        Shell commands, in order, that mend it for good; empty where nothing can be done here.
    advice : str or None
        One sentence for a fix that is no command (ask the administrator, use another machine).
    """

    source: str
    subject: str
    works: bool
    detail: str
    fix: tuple[str, ...] = ()
    advice: str | None = None


@dataclass(frozen=True)
class Discovery:
    """What one source found: its sensors, and a finding for each thing it looked at."""

    sensors: Sequence[Sensor] = field(default_factory=tuple)
    findings: Sequence[Diagnostic] = field(default_factory=tuple)
