"""The sensor interface: what the meter uses and what third parties implement.

A counter sensor returns joules since an arbitrary origin, a power sensor watts. `read` undoes counter
wraps, because only the sensor knows its range. Whatever breaks the count (a reset, a lost device, a pause
in which the counter may have wrapped more than once) increments the reading's ``epoch``; the meter never
subtracts values of different epochs. Every call may be slow or fail, so sensors are read only by the
sampler thread, never while a cell waits.

A package registers sensors with an entry point in the group ``jupyter_green.sensors``: a callable without
arguments that returns a `Discovery`. It must be quick, open no network connection and raise nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from jupyter_green.errors import GreenError
from jupyter_green.records import Kind, Method, Quality, Throttle

OFFSET_WATTS = 5.0
"""Offset error of a GPU's own power sensor in watts, at any load (nvidia-smi's manual: "within +/- 5 watts").

An A100 recorded together with an external meter at its inputs read 4.9 W (8 %) too low when idle, and 6 % under load.
"""


class SensorFault(GreenError):
    """A reading failed. The message is one sentence on the device ("It …"), shown after its name."""


@dataclass(frozen=True)
class Reading:
    """One reading.

    Parameters
    ----------
    time : float
        `time.perf_counter()` in seconds, midway between call and return.
    value : float
        Joules since an arbitrary origin (``method="counter"``) or watts (``method="power"``).
    epoch : int
        Incremented when the count was broken; values of different epochs are not comparable.
    doubt : float
        Uncertainty of `time` in seconds: half of the call's duration. Filled in by the meter.
    """

    time: float
    value: float
    epoch: int = 0
    uncertainty: float = 0.0


@dataclass(frozen=True)
class SensorInfo:
    """Static properties of a sensor.

    Parameters
    ----------
    key : str
        Stable identity, ``"source:device"``.
    kind, device, method, quality, scope, source
        As in `jupyter_green.records.Component`.
    gain : float
        Relative half-width of the systematic error at 95 % (0.05 = ±5 %).
    offset : float or None
        Half-width of the offset error in watts, in addition to the gain error. None means `OFFSET_WATTS` for a GPU with
        a gain error, and 0 for other devices.
    resolution : float
        Smallest step of the value, in joules or watts.
    period : tuple of float
        Shortest and longest update period to expect, in seconds.
    latency, latency_low : float
        Upper and lower bound in seconds of the delay until a value is shown.
    averaging : float
        Seconds over which a power value is averaged; 0 for an instantaneous one.
    duty : float
        Smallest share of the time during which the sensor may sample its device (1: always). A part-time
        sensor extrapolates to the rest.
    power_limit : float or None
        Upper bound of the device's power in watts, if known.
    span : float or None
        Longest time in seconds between two reads after which the count is still unambiguous.
    covers : tuple of str
        Keys of sensors whose energy is part of this one's and must not be added to it.
    driver : str
        Driver version, or empty. A calibration is valid for this version only.
    covers_memory : bool
        Whether a sensor of another device includes the main memory, as that of a whole module or platform does.
    divided : bool
        Whether the device is partitioned (MIG) and other users of it are invisible: no process owns its energy.
    scale : float
        Factor by which the meter multiplies readings; differs from 1 only after a calibration.
    note : str or None
        One sentence for the record.
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
    covers_memory: bool = False
    divided: bool = False
    scale: float = 1.0
    note: str | None = None
    offset: float | None = None

    def systematic(self, joules: float, seconds: float) -> float:
        """Half-width in joules (95 %) of the systematic error of an energy used in `seconds`."""
        offset = self.offset
        if offset is None:
            offset = OFFSET_WATTS if self.kind == "gpu" and self.gain > 0 else 0.0
        return self.gain * abs(joules) + offset * max(0.0, seconds)

    @property
    def late(self) -> float:
        """Assumed latency in seconds: the middle of its bounds."""
        return (self.latency_low + self.latency) / 2

    @property
    def latency_uncertainty(self) -> float:
        """Uncertainty of `late`: half-width in seconds."""
        return (self.latency - self.latency_low) / 2


@runtime_checkable
class Sensor(Protocol):
    """A device whose energy or power can be read."""

    @property
    def traits(self) -> SensorInfo:
        """Static properties of the sensor."""

    def read(self) -> Reading:
        """Return one reading; raise `SensorFault` with one sentence if there is none."""

    def close(self) -> None:
        """Release resources; may be called twice."""


@dataclass(frozen=True)
class Usage:
    """Busy shares of a shared device by process.

    Parameters
    ----------
    shares : mapping of int to float
        Busy share (0 to 1) by process id.
    method : str
        How the shares were obtained, for the record.
    """

    shares: Mapping[int, float]
    method: str


@runtime_checkable
class Attributing(Protocol):
    """A sensor that also reports which processes used its device."""

    def processes(self) -> frozenset[int] | None:
        """Return ids of the processes on the device now; None if they are not visible."""

    def usage(self, since: float) -> Usage | None:
        """Return busy shares since a `time.perf_counter()` time; None if they are unknown."""


@runtime_checkable
class Checked(Protocol):
    """A counter whose device also reports power, for cross-checking."""

    def reported_watts(self) -> float | None:
        """Return the device's mean power over the last second in watts; None if it reports none."""


@runtime_checkable
class Limited(Protocol):
    """A device whose power limit may be changed at any time."""

    def power_limit_now(self) -> float | None:
        """Return the current upper bound of the device's power in watts; None if it can't be read."""


@dataclass(frozen=True)
class Condition:
    """Condition of a device at one time; a field is None if the device does not report it.

    Parameters
    ----------
    celsius : float or None
        Temperature in °C.
    clock_mhz : float or None
        Clock in MHz; None while idle.
    throttle : frozenset of Throttle or None
        Why the clock is reduced now.
    throttlings : int or None
        Thermal throttling events, counted from an arbitrary origin.
    """

    celsius: float | None = None
    clock_mhz: float | None = None
    throttle: frozenset[Throttle] | None = None
    throttlings: int | None = None


@runtime_checkable
class Conditioned(Protocol):
    """A sensor that also reports temperature, clock and throttling of its device."""

    def condition(self) -> Condition | None:
        """Return the present condition; None if nothing is reported."""


@dataclass(frozen=True)
class Diagnostic:
    """One line of ``%energy doctor``: whether a source works here, and if not, why and what to do.

    Parameters
    ----------
    source : str
        Name of the source, such as ``"nvidia"``.
    subject : str
        What was checked, for display: ``"NVIDIA GPUs"``, ``"package 0"``.
    works : bool
        Whether it can be read.
    detail : str
        One sentence: what works, or why it does not work.
    fix : tuple of str
        Shell commands, in order, that fix it permanently; empty if there are none.
    advice : str or None
        One sentence for a fix that is not a command (ask the administrator, use another machine).
    """

    source: str
    subject: str
    works: bool
    detail: str
    fix: tuple[str, ...] = ()
    advice: str | None = None


@dataclass(frozen=True)
class Discovery:
    """Result of one source: its sensors, and a diagnostic for each thing it checked."""

    sensors: Sequence[Sensor] = field(default_factory=tuple)
    findings: Sequence[Diagnostic] = field(default_factory=tuple)
