"""The powercap tree: Linux' zones of energy counters, and which of them may be added up.

Zones overlap. A package contains its core and uncore, the platform (psys) contains the packages, memory
stands beside its package. One domain may be offered twice, by machine registers (``intel-rapl``) and by
memory-mapped ones (``intel-rapl-mmio``, ``intel-rapl-tpmi``), and AMD's multi-die parts may show one
package's counter under several names. This module names the zones and drops the doubles; `rapl` reads them.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path("/sys/class/powercap")
VARIABLE = "JUPYTER_GREEN_POWERCAP"
"""Environment variable that names another tree, for tests and demonstrations: all of it is simulated."""

INTERFACES = ("intel-rapl", "intel-rapl-tpmi", "intel-rapl-mmio")
"""Control types in the order in which they are preferred; AMD's zones are called intel-rapl as well."""

SANE_WATTS = 4000.0
"""A power limit above this is a placeholder for "none"; firmware writes 4095 W and the like."""

_ZONE = re.compile(r"(intel-rapl(?:-[a-z]+)?)((?::\d+)+)")


@dataclass(frozen=True)
class Zone:
    """One zone of the tree.

    Parameters
    ----------
    path : Path
        Its folder.
    interface : str
        Control type, one of `INTERFACES` or a newer one.
    name : str
        What its ``name`` file says: ``"package-0"``, ``"dram"``, ``"psys"``.
    package : str
        Name of the package it is or belongs to; empty outside packages.
    span_joules : float or None
        Joules after which the counter starts again; None where that can't be read.
    limit_watts : float or None
        Largest power limit the zone states; None where it states none.
    ordinal : int
        Which of the domains of this name, package and interface it is, from 1: memory may be told in several parts.
    """

    path: Path
    interface: str
    name: str
    package: str
    span_joules: float | None
    limit_watts: float | None
    ordinal: int = 1

    @property
    def identity(self) -> str:
        """Name of the domain, the same through every interface: ``"package-0/dram"``."""
        name = self.name if self.name == self.package or not self.package else f"{self.package}/{self.name}"
        return name if self.ordinal == 1 else f"{name} ({self.ordinal})"

    @property
    def energy(self) -> Path:
        """The counter's file, in microjoules."""
        return self.path / "energy_uj"


def root() -> tuple[Path, bool]:
    """Return the tree's folder and whether it is a simulated one."""
    named = os.environ.get(VARIABLE)
    if not named or Path(named) == ROOT:
        return ROOT, False
    return Path(named).expanduser(), True


def zones(tree: Path) -> list[Zone]:
    """Return the zones of a tree, preferred interface first, parents before children."""
    folders = _folders(tree.glob("intel-rapl*")) or _folders(tree.glob("*/**/intel-rapl*"))
    named = {key: _line(folder / "name") for key, folder in folders.items()}
    found: list[Zone] = []
    ordinals: Counter[tuple[str, str, str]] = Counter()
    for (interface, numbers), folder in folders.items():
        name = named[(interface, numbers)]
        if name:
            parent = named.get((interface, numbers[:-1]), "")
            package = name if name.startswith("package") else parent if parent.startswith("package") else ""
            ordinals[interface, package, name] += 1
            ordinal = ordinals[interface, package, name]
            found.append(Zone(folder, interface, name, package, span_joules(folder), limit_watts(folder), ordinal))
    return found


def span_joules(folder: Path) -> float | None:
    """Return the joules after which a zone's counter starts again."""
    text = _line(folder / "max_energy_range_uj")
    return int(text) / 1e6 if text.isdigit() and int(text) > 0 else None


def present(tree: Path) -> bool:
    """Whether the tree has any zones, readable or not; a container may show their names and hide the rest."""
    return any(_ZONE.fullmatch(entry.name) for entry in tree.glob("intel-rapl*"))


def _folders(candidates: Iterable[Path]) -> dict[tuple[str, tuple[int, ...]], Path]:
    found: dict[tuple[str, tuple[int, ...]], Path] = {}
    for folder in candidates:
        matched = _ZONE.fullmatch(folder.name)
        if matched and folder.is_dir():
            numbers = tuple(int(number) for number in matched[2].strip(":").split(":"))
            found.setdefault((matched[1], numbers), folder)
    rank = {name: position for position, name in enumerate(INTERFACES)}
    return dict(sorted(found.items(), key=lambda item: (rank.get(item[0][0], len(rank)), item[0])))


def limit_watts(folder: Path) -> float | None:
    """Return the largest power limit that a zone states now, in watts; None where it states none."""
    stated = []
    for file in [*folder.glob("constraint_*_power_limit_uw"), *folder.glob("constraint_*_max_power_uw")]:
        text = _line(file)
        if text.isdigit() and 0 < int(text) / 1e6 <= SANE_WATTS:
            stated.append(int(text) / 1e6)
    return max(stated, default=None)


def _line(file: Path) -> str:
    """Return a small file's text; empty where it is absent or closed to us."""
    try:
        return file.read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        return ""
