"""Discovery of RAPL counters, the CPU's own energy counters, in Linux' powercap tree.

Packages and memory are counted. Core and uncore are parts of a package and never added to it; the platform
(psys) is used only if no package can be read. `powercap` reads the tree, `domain` undoes counter wraps,
`permission` explains why counters can't be read.

Systematic error. No maker states one. Khan et al. ("RAPL in Action", ACM TOMPECS 2018) find package readings
strongly correlated with plug power but give no bound for all chips, so ±10 % is our own cautious figure.
AMD's counters and Intel's before Haswell come from a model inside the chip (Schöne et al., "Energy Efficiency
Aspects of the AMD Zen 2 Architecture", 2021; AMD's uProf manual calls them estimated from activity): their quality
is "estimated", ±20 %. The same holds for memory, except Intel's servers since Haswell, which measure it (Desrochers
et al., "A Validation of DRAM RAPL Power Measurements", MEMSYS 2016); ±20 % too, for the constant offset found there.
"""

from __future__ import annotations

import os

from jupyter_green.records import Quality
from jupyter_green.sensors.base import Diagnostic, Discovery, Sensor, SensorInfo
from jupyter_green.sensors.cpu_model import KEY as MODEL_KEY
from jupyter_green.sensors.cpu_model import BusyShare
from jupyter_green.sensors.host import Chip, Host, here

from . import permission, powercap
from .counter import LIMIT_FACTOR, RaplDomain, RaplPackage, same
from .permission import SOURCE
from .powercap import Zone

BOUND_WATTS = {"package": 1000.0, "dram": 400.0, "psys": 4000.0}
"""Upper bound of a domain's power if it states none: twice that of the largest sockets (500 W) and memory today."""

SMALLEST_SPAN_JOULES = 65_532.0
"""Range of the smallest counters (2^32 steps of 15.3 µJ), assumed if a zone's own can't be read."""

_MODELLED_INTEL = {42, 45, 58, 62}  # Sandy Bridge and Ivy Bridge
_MEASURED_MEMORY = {63, 79, 85, 86, 106, 108, 143, 173, 174, 207}  # Xeons from Haswell on


def discover(host: Host | None = None) -> Discovery:
    """Find this machine's counters that may be added up, and explain why others are left out or can't be read."""
    host = here() if host is None else host
    tree, simulated = powercap.root()
    if not hasattr(os, "pread") or (host.system != "Linux" and not simulated):
        return Discovery(
            findings=(permission.finding(f"{host.system} offers programs no energy counter of this kind."),)
        )
    zones = powercap.zones(tree)
    if not zones:
        return Discovery(findings=(permission.absent(tree, simulated, host),))
    return _Search(zones, simulated, host).result()


class _Search:
    """Selects the counters that may be added up, in one pass over the zones."""

    def __init__(self, zones: list[Zone], simulated: bool, host: Host) -> None:
        self._simulated = simulated
        self._host = host
        self._share: BusyShare | None = None
        self._counters: dict[str, RaplDomain] = {}
        self._findings: list[Diagnostic] = []
        self._denied: list[str] = []
        self._parts: list[str] = []
        for zone in zones:
            if zone.name.startswith("package") or zone.name == "dram":
                self._try(zone)
            elif zone.name != "psys" and zone.identity not in self._parts:
                self._parts.append(zone.identity)
        for zone in zones:
            if zone.name == "psys":
                self._platform(zone)

    def result(self) -> Discovery:
        """Return the selected sensors and the diagnostics."""
        if self._parts and self._counters:
            self._say(", ".join(self._parts), True, "Left out: parts of a package that is counted as a whole.")
        if self._denied:
            self._findings.append(permission.closed(self._denied, self._host))
        sensors: tuple[Sensor, ...] = tuple(self._counters.values())
        return Discovery(sensors, tuple(self._findings))

    def _try(self, zone: Zone) -> None:
        if zone.identity in self._counters:
            first = self._counters[zone.identity].traits.device
            self._say(
                f"{first} ({zone.interface})", True, "Left out: a second interface to a counter that is read already."
            )
            return
        try:
            counter = self._counter(zone)
        except PermissionError:
            if zone.identity not in self._denied:
                self._denied.append(zone.identity)
            return
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or str(error)
            self._say(_title(zone), False, f"The counter can't be read ({why}).")
            return
        if zone.identity in self._denied:
            self._denied.remove(zone.identity)  # not readable through one interface, but through the other
        twin = next((other for other in self._counters.values() if same(other, counter)), None)
        if twin is not None:
            counter.close()
            detail = f"Left out: shows the very counter of {twin.traits.device} (several dies, one package)."
            self._say(_title(zone), True, detail)
            return
        self._counters[zone.identity] = counter
        self._say(counter.traits.device, True, _description(counter.traits))

    def _platform(self, zone: Zone) -> None:
        if any(counter.traits.kind == "cpu" for counter in self._counters.values()):
            self._say(_title(zone), True, "Left out: it contains the packages, which are counted themselves.")
            return
        self._try(zone)
        if zone.identity in self._counters:
            for identity in [name for name in self._counters if name != zone.identity]:
                self._counters.pop(identity).close()
                self._say(identity, True, "Left out: it is part of the platform, which is counted as a whole.")

    def _counter(self, zone: Zone) -> RaplDomain:
        traits = _traits(zone, self._simulated, self._host.chip)
        if traits.kind == "dram":
            return RaplDomain(zone, traits)
        if self._share is None:
            self._share = BusyShare()
        return RaplPackage(zone, traits, self._share)

    def _say(self, subject: str, works: bool, detail: str) -> None:
        finding = Diagnostic(SOURCE, subject, works, detail)
        if finding not in self._findings:
            self._findings.append(finding)


def _traits(zone: Zone, simulated: bool, chip: Chip) -> SensorInfo:
    kind = "package" if zone.name.startswith("package") else zone.name
    bound = BOUND_WATTS[kind] if zone.limit_watts is None else LIMIT_FACTOR * zone.limit_watts
    joules = SMALLEST_SPAN_JOULES if zone.span_joules is None else zone.span_joules
    modelled = not simulated and _modelled(kind, chip)
    quality: Quality = "simulated" if simulated else "estimated" if modelled else "measured"
    return SensorInfo(
        key=f"{SOURCE}:{zone.identity}",
        kind="dram" if kind == "dram" else "cpu" if kind == "package" else "other",
        device=_title(zone),
        method="counter",
        quality=quality,
        scope={
            "package": "whole package, all processes",
            "dram": "memory of the package, all processes",
            "psys": "platform, all processes",
        }[kind],
        source=SOURCE,
        gain=0.10 if kind == "package" and not modelled else 0.20,
        resolution=joules / 2**32,
        # Hardware updates about every millisecond; a simulated tree when the process that writes it is scheduled.
        period=(0.001, 0.05) if simulated else (0.001, 0.005),
        latency=0.01 if simulated else 0.002,
        power_limit=bound,
        span=joules / bound,
        covers=() if kind == "dram" else (MODEL_KEY,),
        covers_memory=kind == "psys",
        note=_note(kind, modelled),
    )


def _note(kind: str, modelled: bool) -> str | None:
    if kind == "psys":
        return "Covers the whole platform; a graphics card with its own counter may be in it too."
    return "The chip computes this counter by a model of its own." if modelled else None


def _modelled(kind: str, chip: Chip) -> bool:
    """Whether the figure comes from a model inside the chip, not from a measurement."""
    if chip.vendor != "intel" or chip.model in _MODELLED_INTEL:
        return True
    return kind == "dram" and chip.model not in _MEASURED_MEMORY


def _title(zone: Zone) -> str:
    if zone.name == "psys":
        return "Platform (psys)"
    number = zone.package.removeprefix("package-").replace("-", " ") or zone.package
    title = f"DRAM of package {number}" if zone.name == "dram" else f"CPU package {number}"
    return title if zone.ordinal == 1 else f"{title} ({zone.ordinal})"


def _description(traits: SensorInfo) -> str:
    how = {"measured": "measured", "estimated": "a model inside the chip", "simulated": "simulated, not this machine"}
    return f"Energy counter, {traits.scope}: {how[traits.quality]}, ±{traits.gain:.0%}."
