"""The host: its processor, and whether this is a physical machine, a virtual machine or a container.

Only cheap sources are read: no program is started except `sysctl` on macOS, and there are no network requests.
Unknown fields stay empty.
"""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

Place = Literal["machine", "virtual machine", "container", "WSL"]

_X86 = {"GenuineIntel": "intel", "AuthenticAMD": "amd", "HygonGenuine": "hygon"}
_ARM = {"0x41": "arm", "0x61": "apple", "0xc0": "ampere"}


@dataclass(frozen=True)
class Chip:
    """A processor; fields it does not report are empty."""

    vendor: str = ""
    """``"intel"``, ``"amd"``, ``"hygon"``, ``"arm"``, ``"ampere"``, ``"apple"`` or empty."""
    family: int | None = None
    model: int | None = None
    stepping: int | None = None
    """x86 signature in decimal."""
    part: str = ""
    """ARM part number such as ``"0xd0c"``, else empty."""
    name: str = ""
    """Display name, else empty."""


@dataclass(frozen=True)
class Host:
    """The machine this process runs on."""

    system: str
    """``"Linux"``, ``"Darwin"`` or ``"Windows"``."""
    place: Place
    """Environment of this process; ``"machine"`` if nothing else is detected."""
    chip: Chip
    """The processor."""


@lru_cache(maxsize=1)
def here() -> Host:
    """Return the host of this process; cached."""
    if sys.platform == "win32":
        return Host("Windows", "machine", chip_of_identifier(os.environ.get("PROCESSOR_IDENTIFIER", "")))
    if sys.platform == "darwin":
        return Host("Darwin", "machine", chip_of_brand(_brand()))
    cpuinfo = _text("/proc/cpuinfo")
    return Host(platform.system(), place_of(cpuinfo, platform.release()), chip_of_cpuinfo(cpuinfo))


def chip_of_cpuinfo(text: str) -> Chip:
    """Read the first processor of a Linux ``/proc/cpuinfo``."""
    fields: dict[str, str] = {}
    for line in text.splitlines():
        name, colon, value = line.partition(":")
        if colon:
            fields.setdefault(name.strip(), value.strip())
    if "vendor_id" in fields:
        vendor = _X86.get(fields["vendor_id"], "")
        numbers = [_number(fields.get(key)) for key in ("cpu family", "model", "stepping")]
        return Chip(vendor, numbers[0], numbers[1], numbers[2], name=fields.get("model name", ""))
    # On ARM boards the last lines contain the board's name ("Model : Raspberry Pi 4 Model B").
    name = fields.get("Model", fields.get("model name", fields.get("Hardware", "")))
    return Chip(_ARM.get(fields.get("CPU implementer", ""), ""), part=fields.get("CPU part", ""), name=name)


def chip_of_identifier(text: str) -> Chip:
    """Read Windows' ``PROCESSOR_IDENTIFIER``, such as ``Intel64 Family 6 Model 85 Stepping 7, GenuineIntel``."""
    match = re.search(r"Family (\d+) Model (\d+) Stepping (\d+)", text)
    vendor = next((short for long, short in _X86.items() if long in text), "")
    if text.startswith("ARM"):
        return Chip("arm", name=text)
    if not match:
        return Chip(vendor, name=text)
    return Chip(vendor, int(match[1]), int(match[2]), int(match[3]), name=text)


def chip_of_brand(text: str) -> Chip:
    """Read macOS' brand string, such as ``Apple M2 Pro`` or ``Intel(R) Core(TM) i7-9750H CPU @ 2.60GHz``."""
    vendor = "apple" if text.startswith("Apple") else "intel" if "Intel" in text else ""
    return Chip(vendor, name=text)


def place_of(
    cpuinfo: str, release: str, environment: Mapping[str, str] | None = None, root: str | os.PathLike[str] = "/"
) -> Place:
    """Return the environment of a Linux process; for a container on a virtual machine, the container."""
    variables = os.environ if environment is None else environment
    base = Path(root)
    if "microsoft" in release.lower():
        return "WSL"
    has_marker_file = any((base / mark).exists() for mark in (".dockerenv", "run/.containerenv"))
    in_variables = "KUBERNETES_SERVICE_HOST" in variables or bool(variables.get("container"))
    cgroup = _text(base / "proc/1/cgroup")
    if has_marker_file or in_variables or any(word in cgroup for word in ("docker", "kubepods", "containerd", "/lxc")):
        return "container"
    flags = re.search(r"^flags\s*:(.*)$", cpuinfo, re.MULTILINE)
    return "virtual machine" if flags and "hypervisor" in flags[1].split() else "machine"


def _brand() -> str:
    try:
        result = subprocess.run(
            ["/usr/sbin/sysctl", "-n", "machdep.cpu.brand_string"],
            capture_output=True,
            text=True,
            timeout=2,
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return platform.processor()
    return result.stdout.strip() or platform.processor()


def _text(path: str | os.PathLike[str]) -> str:
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and text.isdigit() else None
