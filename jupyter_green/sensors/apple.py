"""Apple silicon through ``zeus-apple-silicon``: processor, memory, graphics, neural engine. Untested on hardware.

Written after the sources of zeus-apple-silicon 1.1. The counters come from macOS' IOReport. They count like
counters, but what they count is believed to be a model of the chip's own (that package's own words; the manual of
``powermetrics`` calls its figures estimated): so they are called estimated here. Nothing is imported, and nothing
said, on other machines.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import Any

from jupyter_green.records import Kind, clock

from .base import Diagnostic, Discovery, Reading, SensorFault, SensorInfo
from .cpu_model import KEY as MODEL_KEY
from .host import Host, here

SOURCE = "apple"
SUBJECT = "Apple silicon"
UNTESTED = "Untested on hardware."


@dataclass(frozen=True)
class Part:
    """A part of the chip and the fields that hold its millijoules."""

    name: str
    kind: Kind
    device: str
    fields: tuple[str, ...]


PARTS = (
    Part("cpu", "cpu", "CPU", ("cpu_total_mj",)),
    Part("dram", "dram", "DRAM", ("dram_mj",)),
    Part("gpu", "gpu", "GPU", ("gpu_mj", "gpu_sram_mj")),
    Part("ane", "other", "Neural engine", ("ane_mj",)),
)


def discover(host: Host | None = None) -> Discovery:
    """Offer a counter for each part that answers; nothing on machines without Apple silicon.

    Parameters
    ----------
    host : Host, optional
        Defaults to the machine we run on.
    """
    host = here() if host is None else host
    if host.system != "Darwin" or host.chip.vendor != "apple":
        return Discovery()
    try:
        monitor = importlib.import_module("zeus_apple_silicon").AppleEnergyMonitor()
        seen = monitor.get_cumulative_energy()
    except ModuleNotFoundError:
        detail = "The package that reads the chip's counters is not installed."
        return Discovery(findings=(_finding(SUBJECT, False, detail, ("pip install 'jupyter_green[apple]'",)),))
    except Exception as error:  # noqa: BLE001 - a compiled library's errors are not documented; each is told
        return Discovery(findings=(_finding(SUBJECT, False, f"The chip's counters do not answer ({_told(error)})."),))
    found = [PartCounter(monitor, part, host) for part in PARTS if _joules(seen, part) is not None]
    detail = "Energy counters of the chip's own model, all processes, ±20 %."
    findings = [_finding(sensor.traits.device, True, detail) for sensor in found]
    return Discovery(tuple(found), tuple(findings))


class PartCounter:
    """Energy of one part of the chip. Untested on hardware.

    Parameters
    ----------
    monitor : AppleEnergyMonitor
        Shared by all parts.
    part : Part
        Which one this is.
    host : Host
        The machine, for the chip's name.
    """

    def __init__(self, monitor: Any, part: Part, host: Host) -> None:
        self._monitor = monitor
        self._part = part
        self._epoch = 0
        self._last = 0.0
        self._traits = SensorInfo(
            key=f"{SOURCE}:{part.name}",
            kind=part.kind,
            device=f"{part.device}, {host.chip.name}" if host.chip.name else part.device,
            method="counter",
            quality="estimated",
            scope="part of the chip, all processes",
            source=SOURCE,
            gain=0.20,  # no figure was found; as for other counters that are a chip's own model
            resolution=1e-3,
            period=(0.001, 0.1),
            latency=0.03,
            covers=(MODEL_KEY,) if part.kind == "cpu" else (),
            note=f"The chip computes this counter by a model of its own. {UNTESTED}",
        )

    @property
    def traits(self) -> SensorInfo:
        """What the sensor says about itself."""
        return self._traits

    def read(self) -> Reading:
        """Return joules since an arbitrary moment; raise `SensorFault` where there is no reading."""
        before = clock.perf_counter()
        try:
            joules = _joules(self._monitor.get_cumulative_energy(), self._part)
        except Exception as error:  # a compiled library's errors are not documented
            raise SensorFault(f"{self._traits.device} does not answer ({_told(error)}).") from error
        if joules is None:
            raise SensorFault(f"{self._traits.device} gives no reading now.")
        moment = (before + clock.perf_counter()) / 2
        if joules < self._last:
            self._epoch += 1
        self._last = joules
        return Reading(moment, joules, self._epoch)

    def close(self) -> None:
        """Nothing is held; the monitor goes with its last user."""


def _joules(metrics: Any, part: Part) -> float | None:
    """Return a part's joules; None where its first field is absent."""
    said = [getattr(metrics, name, None) for name in part.fields]
    return None if said[0] is None else sum(value for value in said if value is not None) / 1e3


def _finding(subject: str, works: bool, detail: str, fix: tuple[str, ...] = ()) -> Diagnostic:
    return Diagnostic(SOURCE, subject, works, f"{detail} {UNTESTED}", fix)


def _told(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}".rstrip(": ")
