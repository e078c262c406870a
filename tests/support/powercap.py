"""A powercap tree whose truth is known: real files, written the way the kernel shows its counters.

`PowercapTree` builds zones in a folder and moves their counters on demand: by joules, or along a schedule of
watts with `set(t)`. The counters count in steps of the hardware's unit and wrap after 2^32 of them. `live` runs a
writer as its own process, at constant watts or after the machine's CPU load. Run by itself,

    python tests/support/powercap.py FOLDER --watts 50

builds a small machine in FOLDER and keeps it running; point JUPYTER_GREEN_POWERCAP there.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import subprocess
import sys
import time
from bisect import insort
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

UNIT_61 = 61_035
"""2^-14 J in nanojoules, cut as the kernel cuts it; range 262 143 J."""

UNIT_15 = 15_258
"""2^-16 J in nanojoules; range 65 532 J."""

STEPS = 2**32


class Domain:
    """One counter; several zones may show it.

    Parameters
    ----------
    folder : Path
        The zone's folder.
    unit : int
        Step of the counter in nanojoules.
    joules : float
        What it shows at first.
    """

    def __init__(self, folder: Path, unit: int, joules: float) -> None:
        self.folder = folder
        self.unit = unit
        self.joules = joules
        self.start = joules
        self.shown_in = [folder]
        self._schedule: list[tuple[float, float]] = []
        self._moment = 0.0
        self.show()

    @property
    def range_joules(self) -> float:
        """Joules after which it starts again, as its file says."""
        return (STEPS - 1) * self.unit // 1000 / 1e6

    @property
    def true_joules(self) -> float:
        """What was really used since the start; resets don't touch it."""
        return self.joules - self.start

    def add(self, joules: float) -> None:
        """Use some energy."""
        self.joules += joules
        self.show()

    def power(self, watts: float, at: float) -> None:
        """Draw so many watts from a moment of the schedule on."""
        insort(self._schedule, (at, watts))

    def set(self, moment: float) -> None:
        """Move to a moment of the schedule, forwards only."""
        assert moment >= self._moment
        marks = [*self._schedule, (float("inf"), 0.0)]
        for (begin, watts), (end, _) in pairwise(marks):
            self.joules += watts * max(0.0, min(end, moment) - max(begin, self._moment))
        self._moment = moment
        self.show()

    def reset(self, joules: float = 0.0) -> None:
        """Let the counter start again, as a reloaded driver or a woken machine does."""
        used = self.true_joules
        self.joules = joules
        self.start = joules - used
        self.show()

    def show(self) -> None:
        """Write the counter where it is shown, in place and in one write, so that no reader sees half of it."""
        steps = int(round(self.joules * 1e9) // self.unit) % STEPS
        text = f"{steps * self.unit // 1000:<20d}\n".encode()
        for folder in self.shown_in:
            descriptor = os.open(folder / "energy_uj", os.O_WRONLY | os.O_CREAT, 0o644)
            try:
                os.pwrite(descriptor, text, 0)
            finally:
                os.close(descriptor)

    def spoil(self, text: str = "") -> None:
        """Let the file hold something that is no number."""
        (self.folder / "energy_uj").write_text(text)

    def vanish(self) -> None:
        """Take the file away, as an unloaded module does."""
        (self.folder / "energy_uj").unlink()

    def close_to_others(self) -> None:
        """Let only the owner read it, as kernels do since CVE-2020-8694; bites all but the tree's owner and root."""
        for folder in self.shown_in:
            for name in ("energy_uj", "max_energy_range_uj"):
                (folder / name).chmod(0o400)


class PowercapTree:
    """A folder that looks like ``/sys/class/powercap``.

    Parameters
    ----------
    root : Path
        Made if it is not there.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.domains: dict[str, Domain] = {}
        root.mkdir(parents=True, exist_ok=True)

    def package(self, number: int = 0, *, unit: int = UNIT_61, joules: float | None = None, name: str = "") -> Domain:
        """Add a package; each begins at its own count, as real ones do."""
        begins = 1000.0 + 777.0 * number if joules is None else joules
        return self._zone(f"intel-rapl:{number}", name or f"package-{number}", unit, begins)

    def part(self, number: int, name: str, *, unit: int = UNIT_61, joules: float | None = None) -> Domain:
        """Add ``core``, ``uncore`` or ``dram`` to a package."""
        place = sum(1 for zone in self.root.glob(f"intel-rapl:{number}:*"))
        begins = 300.0 + 111.0 * place + 55.0 * number if joules is None else joules
        return self._zone(f"intel-rapl:{number}:{place}", name, unit, begins)

    def platform(self, *, unit: int = UNIT_61, joules: float = 5000.0) -> Domain:
        """Add ``psys``, which stands beside the packages and contains them."""
        place = sum(1 for zone in self.root.glob("intel-rapl:*") if zone.name.count(":") == 1)
        return self._zone(f"intel-rapl:{place}", "psys", unit, joules)

    def twin(self, domain: Domain, interface: str = "intel-rapl-mmio") -> Path:
        """Show a domain a second time, under another interface and the same name."""
        numbers = domain.folder.name.partition(":")[2]
        return self._again(domain, f"{interface}:{numbers}", (domain.folder / "name").read_text().strip())

    def die(self, domain: Domain, number: int) -> Path:
        """Show a package's counter under another package's name, as AMD's multi-die parts do."""
        return self._again(domain, f"intel-rapl:{number}", f"package-{number}")

    def limit(self, domain: Domain, watts: float, number: int = 0) -> None:
        """State a power limit of a domain."""
        (domain.folder / f"constraint_{number}_power_limit_uw").write_text(f"{round(watts * 1e6)}\n")

    def set(self, moment: float) -> None:
        """Move every domain to a moment of its schedule."""
        for domain in self.domains.values():
            domain.set(moment)

    @contextlib.contextmanager
    def live(self, *options: str) -> Iterator[subprocess.Popen[bytes]]:
        """Let a process of its own move the counters while the block runs; options as on the command line."""
        writer = subprocess.Popen([sys.executable, __file__, str(self.root), *options], stdout=subprocess.PIPE)
        try:
            assert writer.stdout is not None
            assert writer.stdout.readline() == b"running\n", "the writer did not start"
            yield writer
        finally:
            writer.terminate()
            writer.communicate()

    def _zone(self, folder: str, name: str, unit: int, joules: float) -> Domain:
        zone = self._folder(folder, name, unit)
        self.domains[folder] = Domain(zone, unit, joules)
        return self.domains[folder]

    def _again(self, domain: Domain, folder: str, name: str) -> Path:
        zone = self._folder(folder, name, domain.unit)
        domain.shown_in.append(zone)
        domain.show()
        return zone

    def _folder(self, folder: str, name: str, unit: int) -> Path:
        interface = self.root / folder.partition(":")[0]
        interface.mkdir(exist_ok=True)
        zone = self.root / folder
        zone.mkdir()
        (zone / "name").write_text(f"{name}\n")
        (zone / "max_energy_range_uj").write_text(f"{(STEPS - 1) * unit // 1000}\n")
        return zone


def open_tree(root: Path) -> PowercapTree:
    """Take over a tree that lies there, its counters where they stand."""
    tree = PowercapTree(root)
    for folder in sorted(zone for zone in root.iterdir() if (zone / "energy_uj").exists()):
        reach = int((folder / "max_energy_range_uj").read_text())
        unit = UNIT_61 if reach > 10**11 else UNIT_15
        joules = int((folder / "energy_uj").read_text()) / 1e6
        tree.domains[folder.name] = Domain(folder, unit, joules)
    return tree


def busy_seconds() -> float:
    """Return the CPU seconds all processes have used, by ``/proc/stat``."""
    user, nice, system, _, _, irq, softirq = (int(field) for field in Path("/proc/stat").read_text().split()[1:8])
    return (user + nice + system + irq + softirq) / os.sysconf("SC_CLK_TCK")


def run(tree: PowercapTree, *, watts: float | None, idle: float, per_core: float, memory: float, tick: float) -> None:
    """Move the counters until the process that started this one has gone.

    Package energy is constant `watts`, or `idle` watts and `per_core` joules for each CPU second that anybody uses.
    """
    parent, began, busy = os.getppid(), time.monotonic(), busy_seconds() if watts is None else 0.0
    names = {zone: (domain.folder / "name").read_text().strip() for zone, domain in tree.domains.items()}
    packages = max(1, sum(name.startswith("package") for name in names.values()))
    print("running", flush=True)
    while os.getppid() == parent:
        passed = time.monotonic() - began
        used = watts * passed if watts is not None else idle * passed + per_core * (busy_seconds() - busy)
        shares = {"dram": memory * passed, "core": 0.7 * used / packages, "psys": 1.5 * used + memory * passed}
        for zone, domain in tree.domains.items():
            domain.joules = domain.start + shares.get(names[zone], used / packages)
            domain.show()
        time.sleep(tick)


def main() -> None:
    """Build a small machine where there is none, and run it."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--watts", type=float, help="constant power of all packages; else it follows the CPU load")
    parser.add_argument("--idle", type=float, default=10.0, help="watts without load")
    parser.add_argument("--per-core", type=float, default=8.0, help="joules for each CPU second used")
    parser.add_argument("--memory", type=float, default=3.0, help="watts of memory")
    parser.add_argument("--tick", type=float, default=0.01, help="seconds between two writes")
    given = parser.parse_args()
    if not any(given.folder.glob("intel-rapl:*")):
        fresh = PowercapTree(given.folder)
        fresh.package(0)
        fresh.part(0, "core")
        fresh.part(0, "dram")
    with contextlib.suppress(KeyboardInterrupt):
        run(
            open_tree(given.folder),
            watts=given.watts,
            idle=given.idle,
            per_core=given.per_core,
            memory=given.memory,
            tick=given.tick,
        )


if __name__ == "__main__":
    main()
