"""Reader of Linux' powercap tree, whose zones hold the RAPL energy counters.

Zones overlap. A package contains its core and uncore, the platform (psys) contains the packages; memory is
separate from its package. A domain may appear twice, through machine registers (``intel-rapl``) and through
memory-mapped ones (``intel-rapl-mmio``, ``intel-rapl-tpmi``), and AMD's multi-die chips may show one package's
counter under several names. `Zone.identity` is the same through all interfaces; `discovery` drops duplicates.
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
"""Environment variable with the path of another tree, for tests and demonstrations; its quality is "simulated"."""

INTERFACES = ("intel-rapl", "intel-rapl-tpmi", "intel-rapl-mmio")
"""Control types in order of preference; AMD's zones are also called intel-rapl."""

SANE_WATTS = 4000.0
"""Power limits above this are placeholders for "none", such as 4095 W."""

_ZONE = re.compile(r"(intel-rapl(?:-[a-z]+)?)((?::\d+)+)")


@dataclass(frozen=True)
class Zone:
    """One zone of the tree."""

    path: Path
    """Its folder."""
    interface: str
    """Control type, one of `INTERFACES` or a newer one."""
    name: str
    """Content of its ``name`` file: ``"package-0"``, ``"dram"``, ``"psys"``."""
    package: str
    """Name of the package that it is or belongs to; empty outside packages."""
    span_joules: float | None
    """Joules after which the counter wraps; None if unknown."""
    limit_watts: float | None
    """Largest power limit that the zone states; None if it states none."""
    ordinal: int = 1
    """Number among the domains of the same name, package and interface, from 1: memory may have several."""

    @property
    def identity(self) -> str:
        """Name of the domain, the same for every interface: ``"package-0/dram"``."""
        name = self.name if self.name == self.package or not self.package else f"{self.package}/{self.name}"
        return name if self.ordinal == 1 else f"{name} ({self.ordinal})"

    @property
    def energy(self) -> Path:
        """File of the counter, in microjoules."""
        return self.path / "energy_uj"


def root() -> tuple[Path, bool]:
    """Return the folder of the tree, and whether it is simulated."""
    named = os.environ.get(VARIABLE)
    if not named or Path(named) == ROOT:
        return ROOT, False
    return Path(named).expanduser(), True


def zones(tree: Path) -> list[Zone]:
    """Return the zones of a tree, preferred interface first, parents before children."""
    folders = _folders(tree.glob("intel-rapl*")) or _folders(tree.glob("*/**/intel-rapl*"))
    names = {key: _line(folder / "name") for key, folder in folders.items()}
    result: list[Zone] = []
    ordinals: Counter[tuple[str, str, str]] = Counter()
    for (interface, numbers), folder in folders.items():
        name = names[(interface, numbers)]
        if name:
            parent = names.get((interface, numbers[:-1]), "")
            package = name if name.startswith("package") else parent if parent.startswith("package") else ""
            ordinals[interface, package, name] += 1
            ordinal = ordinals[interface, package, name]
            result.append(Zone(folder, interface, name, package, span_joules(folder), limit_watts(folder), ordinal))
    return result


def span_joules(folder: Path) -> float | None:
    """Return the joules after which a zone's counter wraps; None if unknown."""
    text = _line(folder / "max_energy_range_uj")
    return int(text) / 1e6 if text.isdigit() and int(text) > 0 else None


def present(tree: Path) -> bool:
    """Whether the tree has any zones, readable or not; containers may hide everything but their names."""
    return any(_ZONE.fullmatch(entry.name) for entry in tree.glob("intel-rapl*"))


def _folders(candidates: Iterable[Path]) -> dict[tuple[str, tuple[int, ...]], Path]:
    folders: dict[tuple[str, tuple[int, ...]], Path] = {}
    for folder in candidates:
        match = _ZONE.fullmatch(folder.name)
        if match and folder.is_dir():
            numbers = tuple(int(number) for number in match[2].strip(":").split(":"))
            folders.setdefault((match[1], numbers), folder)
    rank = {name: position for position, name in enumerate(INTERFACES)}
    return dict(sorted(folders.items(), key=lambda item: (rank.get(item[0][0], len(rank)), item[0])))


def limit_watts(folder: Path) -> float | None:
    """Return the largest power limit that a zone states now in watts; None if it states none."""
    limits = []
    for file in [*folder.glob("constraint_*_power_limit_uw"), *folder.glob("constraint_*_max_power_uw")]:
        text = _line(file)
        if text.isdigit() and 0 < int(text) / 1e6 <= SANE_WATTS:
            limits.append(int(text) / 1e6)
    return max(limits, default=None)


def _line(file: Path) -> str:
    """Return a small file's text; empty if it can't be read."""
    try:
        return file.read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        return ""
