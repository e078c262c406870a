"""A powercap zone whose counter follows a planned course of power, read through the preloaded `planned_powercap.c`."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import time
from itertools import pairwise
from pathlib import Path

from tests.support.powercap import PowercapTree

SOURCE = Path(__file__).with_suffix(".c")
TICK = 0.001


def build(folder: Path) -> Path:
    """Compile the library into a folder and return its path; None of it is kept."""
    target = folder / "powercap.so"
    compiler = shutil.which("gcc") or shutil.which("cc")
    assert compiler is not None
    subprocess.run([compiler, "-O2", "-fPIC", "-shared", "-o", str(target), str(SOURCE), "-ldl"], check=True)
    return target


class Counter:
    """One package of a tree, its counter moved by a plan.

    Parameters
    ----------
    tree : PowercapTree
        Where the package is added.
    span : float
        Joules after which the counter starts again.
    limit : float
        Power limit that the zone states, in watts.
    start : float
        What it shows at first, in joules.
    watts : float
        What it draws until a plan says otherwise.
    """

    def __init__(
        self,
        tree: PowercapTree,
        *,
        number: int = 0,
        span: float = 262_143.328850,
        limit: float = 500.0,
        start: float = 1000.0,
        watts: float = 20.0,
    ) -> None:
        domain = tree.package(number)
        tree.limit(domain, limit)
        self._folder = domain.folder
        (self._folder / "max_energy_range_uj").write_text(f"{round(span * 1e6)}\n")
        self._span, self._start = span, start
        self._steps = [(time.perf_counter() - 60.0, watts)]
        self._rest: list[str] = []
        self._write()

    def plan(self, steps: list[tuple[float, float]], lead: float = 0.3) -> float:
        """Plan watts at seconds from a moment that lies ahead, and return that moment."""
        begin = time.perf_counter() + lead
        self._steps += [(begin + after, watts) for after, watts in steps]
        self._write()
        return begin

    def truth(self, start: float, end: float) -> float:
        """Joules truly used between two moments."""
        marks = [*self._steps, (float("inf"), 0.0)]
        return sum(
            watts * max(0.0, min(end, until) - max(start, since)) for (since, watts), (until, _) in pairwise(marks)
        )

    def reset(self, at: float) -> None:
        """The counter starts again from 0."""
        self._rest.append(f"reset {round(at * 1e9)} 0 0 0")
        self._write()

    def slow(self, since: float, until: float, *, before: float = 0.0, after: float = 0.0) -> None:
        """Reads take longer: so many seconds before the counter is looked at, and so many after."""
        self._rest.append(f"wait {round(since * 1e9)} {round(until * 1e9)} {round(before * 1e9)} {round(after * 1e9)}")
        self._write()

    def refuse(self, since: float, until: float, code: int = errno.EACCES) -> None:
        """Reads are refused."""
        self._rest.append(f"refuse {round(since * 1e9)} {round(until * 1e9)} {code} 0")
        self._write()

    def _write(self) -> None:
        lines = [f"counter {round(self._span * 1e6)} {round(self._start * 1e6)} {round(TICK * 1e9)} 0"]
        lines += [f"step {round(at * 1e9)} {round(watts * 1e6)} 0 0" for at, watts in self._steps]
        fresh = self._folder / f"course.{os.getpid()}"
        fresh.write_text("\n".join([*lines, *self._rest]) + "\n", encoding="ascii")
        fresh.replace(self._folder / "course")
