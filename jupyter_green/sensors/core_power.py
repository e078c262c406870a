"""Watts per busy core: the cited table behind the CPU model.

Each row is a range. A second of CPU time needs least energy when every hardware thread of the chip is busy and
idle power is left out, and most when one core works alone at its highest clock. CPU time does not show where
between the two a program lies, so a row's `watts` is the middle of its range and its `band` covers both ends.

Server rows come from the SPECpower_ssj2008 results that SPEC publishes (spec.org/power_ssj2008), as collected
on 2026-03-09 in the data of Cloud Carbon Footprint's ccf-coefficients (Apache-2.0; figures only). Low end: the
tenth percentile of (watts at full load - watts at active idle) per hardware thread, times 0.7, our allowance
for memory, fans and supply losses that the plug sees and the processor does not use. High end: the ninetieth
percentile of watts at full load per physical core. Cloud Carbon Footprint's own "max watts" per thread (Skylake
4.10, Cascade Lake 4.06, EPYC 2nd generation 1.69, 3rd generation 1.96) lie inside the rows.
The other rows are wider and state their basis.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from .host import Chip

LEAST_BAND = 0.40
"""Smallest relative half-width of a CPU estimate: ±40 %."""

_SPEC = "SPECpower_ssj2008 results of {} servers"


@dataclass(frozen=True)
class CoreWatts:
    """Power of one busy core."""

    name: str
    """Kind of processor, for display."""
    low: float
    high: float
    """Ends of the range in watts."""
    basis: str
    """Source of the range."""

    @property
    def watts(self) -> float:
        """Middle of the range: watts of one busy core."""
        return (self.low + self.high) / 2

    @property
    def band(self) -> float:
        """Relative half-width at 95 %, at least `LEAST_BAND`."""
        return max(LEAST_BAND, (self.high - self.low) / (self.high + self.low))


def _spec(name: str, low: float, high: float, servers: int) -> CoreWatts:
    return CoreWatts(name, low, high, _SPEC.format(servers))


EPYC = {
    1: _spec("AMD EPYC, 1st generation", 1.1, 8.7, 10),
    2: _spec("AMD EPYC, 2nd generation", 0.71, 3.8, 36),
    3: _spec("AMD EPYC, 3rd generation", 0.86, 4.5, 28),
    4: _spec("AMD EPYC, 4th generation", 0.88, 7.0, 41),
    5: _spec("AMD EPYC, 5th generation", 0.63, 4.0, 41),
}

XEON = {
    "Sandy Bridge": _spec("Intel Xeon, Sandy Bridge", 1.6, 22.0, 161),
    "Ivy Bridge": _spec("Intel Xeon, Ivy Bridge", 2.4, 12.0, 3),
    "Haswell": _spec("Intel Xeon, Haswell", 2.1, 8.7, 17),
    "Broadwell": _spec("Intel Xeon, Broadwell", 1.6, 14.0, 17),
    "Skylake": _spec("Intel Xeon, Skylake", 1.8, 9.0, 79),
    "Cascade Lake": _spec("Intel Xeon, Cascade Lake", 1.9, 8.9, 76),
    "Ice Lake": _spec("Intel Xeon, Ice Lake", 1.9, 9.5, 38),
    "Sapphire Rapids": _spec("Intel Xeon, Sapphire Rapids", 1.5, 9.7, 62),
    "Emerald Rapids": _spec("Intel Xeon, Emerald Rapids", 1.1, 9.1, 30),
    "Granite Rapids": _spec("Intel Xeon, Granite Rapids", 0.98, 5.7, 47),
}

SERVER = CoreWatts(
    "x86 server of unknown generation", 0.63, 9.7, "the span of the SPECpower_ssj2008 rows since EPYC 2 and Skylake"
)
ARM_SERVER = CoreWatts(
    "ARM server",
    0.38,
    5.0,
    "SPECpower_ssj2008 results of 7 Neoverse N1 servers (0.38 to 2.1 W), widened upwards for larger cores",
)
# Base power divided by cores: 28 W / 16 (Core Ultra 7 155H) to 28 W / 4 (Core i7-1165G7).
LAPTOP = CoreWatts(
    "laptop processor", 1.75, 18.0, "makers' base power per core, up to our allowance for one core at its highest clock"
)
# 125 W / 24 (Core i9-13900K) to 65 W / 4 (Core i3-8100).
DESKTOP = CoreWatts(
    "desktop processor",
    5.0,
    30.0,
    "makers' base power per core, up to our allowance for one core at its highest clock",
)
# 280 W / 128 threads (Threadripper 3990X), up to the desktop's allowance for one core.
WORKSTATION = CoreWatts(
    "workstation processor",
    2.2,
    30.0,
    "makers' base power per hardware thread, up to our allowance for one core at its highest clock",
)
# AnandTech, "Apple's M1 Pro, M1 Max SoCs Investigated" (2021): 11 W package for one thread; low end: our allowance.
APPLE = CoreWatts(
    "Apple silicon", 1.5, 11.0, "AnandTech's 11 W for one thread on an M1 Max, down to our allowance for a full chip"
)
# Raspberry Pi 4 B at the supply: 2.7 W idle, 6.4 W with four cores busy, so 0.93 W a core above idle and 1.6 W in all.
BOARD = CoreWatts("small ARM board", 0.7, 2.5, "readings of a Raspberry Pi 4, 0.93 W per core above idle, widened")
UNKNOWN = CoreWatts(
    "unknown processor", 0.6, 18.0, "the span from server threads to a laptop's lone core, as nothing else is known"
)

_ZEN = {(23, 0): 1, (23, 3): 2, (25, 0): 3, (25, 1): 4, (25, 10): 4, (26, 0): 5, (26, 1): 5}
"""Generation of EPYC by family and the upper half of the model number."""

_CORE_SERVERS = {
    45: "Sandy Bridge",
    62: "Ivy Bridge",
    63: "Haswell",
    79: "Broadwell",
    86: "Broadwell",
    106: "Ice Lake",
    108: "Ice Lake",
    143: "Sapphire Rapids",
    207: "Emerald Rapids",
    173: "Granite Rapids",
    174: "Granite Rapids",
}
"""Server chips of Intel's family 6 by model number; for 85 the stepping decides (see `_intel`)."""

_DESKTOP_MODELS = {42, 58, 60, 94, 151, 158, 165, 167, 183, 191, 198}
_MOBILE_MODELS = {61, 69, 70, 71, 78, 125, 126, 138, 140, 141, 142, 154, 170, 172, 186, 189}
# Atom, Celeron and Pentium chips of 6 to 10 W, sold for small boxes and laptops alike, get the laptop row.
_MOBILE_MODELS |= {55, 76, 92, 122, 150, 156}

_OLD_SERVERS = {23, 26, 29, 30, 37, 44, 46, 47}
"""Server chips older than any row."""

_SERVER_PARTS = {"0xd0c", "0xd40", "0xd49", "0xd4f", "0xd83", "0xd84", "0xd8e", "0xac3", "0xac4"}
# Large cores are also in servers (the first Graviton is 0xd08), so they count as boards only if a board name is known.
_SMALL_PARTS = {"0xd03", "0xd04", "0xd05"}
_SBC_PARTS = _SMALL_PARTS | {"0xd07", "0xd08", "0xd09", "0xd0a", "0xd0b"}
# "i7-1260P", "i5-8250U", "i7-1165G7", "Ryzen 7 5800HS", "Ultra 7 155H"; desktops end in a digit, K, F, S, T or X.
# Xeons on a client die, sold for small servers and desktops alike. All other Xeons are server chips whatever their
# model number: a virtual machine may show a client's number ("Xeon E312xx", model 42).
_CLIENT_XEON = re.compile(r"\bE3-1\d{3}|\bE-[23]\d{3}|\bW-1[0-3]\d{2}")
# Names given by hypervisors ("Intel Core Processor (Haswell, no TSX)", "Common KVM processor"): the chip is unknown.
_GUEST_NAME = re.compile(r"Intel Core Processor \(|Intel Core i7 9xx|Common KVM|Common 32-bit KVM|QEMU Virtual")
_MOBILE_NAME = re.compile(
    r"\d{3,5}(?:U|Y|P|M|MQ|H|HS|HX|HX3D|HK|HQ|V|G[1-7])\b|Ryzen AI|Ryzen Z\d|Embedded|\bN\d{2,4}\b|Atom", re.IGNORECASE
)
_WORKSTATION_NAME = re.compile(r"Threadripper|Xeon\(R\) (?:CPU )?(?:W-[23]\d{3}|w\d+-)")


def look_up(chip: Chip) -> CoreWatts:
    """Return the row of a processor; `UNKNOWN` if none fits."""
    if chip.vendor == "apple" or re.match(r"(?:Virtual)?Apple\b", chip.name):  # "VirtualApple" under Rosetta
        return APPLE
    if chip.vendor in {"arm", "ampere"}:
        return _arm(chip)
    old = chip.vendor == "intel" and chip.family == 6 and "Xeon" in chip.name and chip.model in _OLD_SERVERS
    if old or _GUEST_NAME.search(chip.name):
        return UNKNOWN
    if _WORKSTATION_NAME.search(chip.name):
        return WORKSTATION
    row = _intel(chip) if chip.vendor == "intel" else _amd(chip)
    if row is not None:
        return row
    return SERVER if re.search(r"\bXeon\b|\bEPYC\b", chip.name) else UNKNOWN


def _arm(chip: Chip) -> CoreWatts:
    if chip.part in _SERVER_PARTS or chip.vendor == "ampere":
        return ARM_SERVER
    return BOARD if chip.part in (_SBC_PARTS if chip.name else _SMALL_PARTS) else UNKNOWN


def _intel(chip: Chip) -> CoreWatts | None:
    client = re.search(r"Core\(TM\)|Pentium|Celeron|Intel\(R\) N\d", chip.name)
    if "Xeon" in chip.name and chip.model in _MOBILE_MODELS | _DESKTOP_MODELS:
        if not _CLIENT_XEON.search(chip.name):
            return SERVER
        return LAPTOP if re.search(r"\d{4}M\b", chip.name) else DESKTOP
    if chip.family == 6 and chip.model is not None and not client:
        if chip.model == 85:
            return XEON["Cascade Lake" if chip.stepping is not None and chip.stepping >= 5 else "Skylake"]
        if chip.model in _CORE_SERVERS:
            return XEON[_CORE_SERVERS[chip.model]]
    if client or (chip.family == 6 and chip.model in _MOBILE_MODELS | _DESKTOP_MODELS):
        mobile = chip.model in _MOBILE_MODELS or _MOBILE_NAME.search(chip.name)
        return LAPTOP if mobile else DESKTOP
    return None


def _amd(chip: Chip) -> CoreWatts | None:
    if chip.vendor == "hygon":
        return EPYC[1]
    if re.search(r"Ryzen|Athlon", chip.name, re.IGNORECASE):
        return LAPTOP if _MOBILE_NAME.search(chip.name) else DESKTOP
    if re.search(r"EPYC 4\d{3}P", chip.name):  # a desktop's die
        return DESKTOP
    if chip.vendor == "amd" and chip.family is not None and chip.model is not None:
        generation = _ZEN.get((chip.family, chip.model >> 4))
        return None if generation is None else EPYC[generation]
    return None
