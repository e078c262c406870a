"""Apple silicon through ``zeus-apple-silicon``: processor, memory, graphics, neural engine. Untested on hardware.

Written from the sources of zeus-apple-silicon 1.1. The counters come from macOS' IOReport. Their figures are
believed to come from a model inside the chip (according to that package; the manual of ``powermetrics`` calls its
figures estimated), so their quality is "estimated". On other machines nothing is imported and there is no diagnostic.
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
    """A part of the chip, and the fields with its energy in millijoules."""

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
    """Return a counter for each part of this machine that can be read; nothing without Apple silicon."""
    host = here() if host is None else host
    if host.system != "Darwin" or host.chip.vendor != "apple":
        return Discovery()
    try:
        monitor = importlib.import_module("zeus_apple_silicon").AppleEnergyMonitor()
        metrics = monitor.get_cumulative_energy()
    except ModuleNotFoundError:
        detail = "The package that reads the chip's counters is not installed."
        return Discovery(findings=(_finding(SUBJECT, False, detail, ("pip install 'jupyter_green[apple]'",)),))
    except Exception as error:  # noqa: BLE001 - the compiled library's errors are undocumented; each becomes a diagnostic
        return Discovery(findings=(_finding(SUBJECT, False, f"The chip's counters do not answer ({_told(error)})."),))
    sensors = [PartCounter(monitor, part, host) for part in PARTS if _joules(metrics, part) is not None]
    detail = "Energy counters of the chip's own model, all processes, ±20 %."
    findings = [_finding(sensor.traits.device, True, detail) for sensor in sensors]
    return Discovery(tuple(sensors), tuple(findings))


class PartCounter:
    """Energy of one part of the chip, read by a monitor that all parts share. Untested on hardware."""

    def __init__(self, monitor: Any, part: Part, host: Host) -> None:
        self._monitor = monitor
        self._part = part
        self._epoch = 0
        self._last = 0.0
        self.traits = SensorInfo(
            key=f"{SOURCE}:{part.name}",
            kind=part.kind,
            device=f"{part.device}, {host.chip.name}" if host.chip.name else part.device,
            method="counter",
            quality="estimated",
            scope="part of the chip, all processes",
            source=SOURCE,
            gain=0.20,  # the maker states none; as for other counters from a model inside the chip
            resolution=1e-3,
            period=(0.001, 0.1),
            latency=0.03,
            covers=(MODEL_KEY,) if part.kind == "cpu" else (),
            note=f"The chip computes this counter by a model of its own. {UNTESTED}",
        )

    def read(self) -> Reading:
        """Return joules since an arbitrary origin; raise `SensorFault` if there is no reading."""
        before = clock.perf_counter()
        try:
            joules = _joules(self._monitor.get_cumulative_energy(), self._part)
        except Exception as error:  # the compiled library's errors are undocumented
            raise SensorFault(f"It does not answer ({_told(error)}).") from error
        if joules is None:
            raise SensorFault("It gives no reading now.")
        moment = (before + clock.perf_counter()) / 2
        if joules < self._last:
            self._epoch += 1
        self._last = joules
        return Reading(moment, joules, self._epoch)

    def close(self) -> None:
        """Do nothing: the monitor is freed with its last user."""


def _joules(metrics: Any, part: Part) -> float | None:
    """Return a part's energy in joules; None if its first field is missing."""
    millijoules = [getattr(metrics, name, None) for name in part.fields]
    return None if millijoules[0] is None else sum(value for value in millijoules if value is not None) / 1e3


def _finding(subject: str, works: bool, detail: str, fix: tuple[str, ...] = ()) -> Diagnostic:
    return Diagnostic(SOURCE, subject, works, f"{detail} {UNTESTED}", fix)


def _told(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}".rstrip(": ")
