"""CPU time of this process and everything it started, each second counted once.

A child's time lives in two places: while it runs, in its own account; once it was waited for, in the
account of whoever waited. This module follows it across, so that the sum never falls and never counts a
second twice. Linux shows what a process inherited from its reaped children, macOS shows it only at the end,
Windows never hands anything over: what vanishes there is kept at its last known value.

`cpu_seconds_fast` costs about a microsecond and belongs on a cell's path; everything else here looks at
other processes and belongs to the sampler thread.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import psutil

from jupyter_green.records import clock

if sys.platform == "win32":

    def _reaped_seconds() -> float:
        """Windows hands no child's time to its parent."""
        return 0.0

else:
    import resource

    def _reaped_seconds() -> float:
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        return used.ru_utime + used.ru_stime


INHERITS = sys.platform != "win32"
"""Whether a process takes over the time of the children it waits for."""

SHOWS_INHERITED = sys.platform == "linux"
"""Whether a living process shows what it took over."""


def cpu_seconds_fast() -> float:
    """Return processor seconds of this process and of the children it has waited for."""
    return clock.process_time() + _reaped_seconds()


@dataclass(frozen=True)
class Relative:
    """A descendant as one look found it.

    Parameters
    ----------
    pid, parent : int
        Process ids.
    born : float
        Start time, which tells apart two processes with one id.
    seconds : float
        Processor seconds, with those of its reaped children where the system shows them.
    """

    pid: int
    parent: int
    born: float
    seconds: float


class ProcessTree:
    """Processor time of this process' descendants that is not yet in its own account.

    Children are found again at each `look`; one that was seen stays known when its parent dies and it is
    adopted elsewhere, as daemons do.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pid = os.getpid()
        self._known: dict[tuple[int, float], Relative] = {}
        self._held: dict[int, float] = {}
        self._lost = 0.0
        self._total = 0.0
        self._ceded = 0.0
        self._cpu = 0.0
        self.look()

    def look(self) -> tuple[float, float]:
        """Look at all descendants.

        Returns
        -------
        tuple of float
            Processor seconds as `cpu_seconds_fast` gives them, and those of descendants beside them,
            both of the same moment.
        """
        with self._lock:
            # A child that is reaped while we look could be in both accounts or in none: look again.
            for _ in range(3):
                reaped = _reaped_seconds()
                living = {(found.pid, found.born): found for found in self._living()}
                after = _reaped_seconds()
                if reaped == after:
                    break
            self._bury(living, after - self._ceded)
            beside = self._lost + sum(found.seconds + self._held.get(found.pid, 0.0) for found in living.values())
            self._known = living
            # Clock ticks are coarser than the account a child ends in, so the sum may seem to fall a little.
            self._total = max(self._total, reaped + beside)
            self._ceded = reaped
            self._cpu = clock.process_time() + reaped
            return self._cpu, self._total - reaped

    def beside(self, cpu: float) -> float:
        """Return the descendants' seconds that belong to an earlier value of `cpu_seconds_fast`.

        The value was taken a moment ago on another thread. Whether a child that was reaped since the last
        look is in it shows in its size.
        """
        with self._lock:
            before_cpu, before_ceded, before = self._cpu, self._ceded, self._total - self._ceded
        _, now = self.look()
        handed_over = self._ceded - before_ceded
        return now if cpu - before_cpu >= handed_over - 1e-9 else before

    def _bury(self, living: dict[tuple[int, float], Relative], handed: float) -> None:
        """Settle what vanished since the last look; `handed` is what came into our own account meanwhile.

        Time goes to whoever waits. Where nobody of ours did (an orphan, a process that ignores its children), it
        never arrives: then it is kept at its last known value.
        """
        gone = {known.pid: known for key, known in self._known.items() if key not in living}
        kept = {found.pid for found in living.values()}
        due = 0.0
        for relative in gone.values():
            seconds = relative.seconds + self._held.pop(relative.pid, 0.0)
            heir = relative.parent
            for _ in gone:
                heir = gone[heir].parent if heir in gone else heir
            if INHERITS and heir == self._pid:
                due += seconds
            elif not INHERITS or heir not in kept:
                self._lost += seconds
            elif not SHOWS_INHERITED:
                self._held[heir] = self._held.get(heir, 0.0) + seconds
        self._lost += max(0.0, due - handed)

    def _living(self) -> Iterable[Relative]:
        found: dict[int, Relative] = {}
        for known in self._known.values():
            told = _account(known.pid, known)
            if told is not None and told.born == known.born:  # else the id has gone to another process
                found[told.pid] = told
        orphans = [pid for pid, told in found.items() if told.parent != self._pid and told.parent not in found]
        for pid in _descendants([self._pid, *orphans]):
            if pid not in found:
                told = _account(pid)
                if told is not None:
                    found[pid] = told
        return found.values()


_TICK = 1.0 / os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 0.01


def _account(pid: int, known: Relative | None = None) -> Relative | None:
    """Return what a process says about itself; None where it has gone or is not to be seen.

    One that has ended but was not waited for yet is what it was when it was `known` last.
    """
    if SHOWS_INHERITED:
        try:
            line = Path(f"/proc/{pid}/stat").read_bytes()
        except OSError:
            return None
        # The name in brackets may hold spaces and brackets; fields count from the last bracket.
        fields = line[line.rindex(b")") + 2 :].split()
        return Relative(pid, int(fields[1]), float(fields[19]), sum(int(field) for field in fields[11:15]) * _TICK)
    try:
        process = psutil.Process(pid)
        with process.oneshot():
            times = process.cpu_times()
            return Relative(pid, process.ppid(), process.create_time(), times.user + times.system)
    except psutil.ZombieProcess:
        return known
    except psutil.Error:
        return None


def _descendants(roots: list[int]) -> Iterable[int]:
    """Return the ids of what some processes started, directly or not; empty where it can't be seen."""
    if SHOWS_INHERITED and _lists_children():
        ahead = list(roots)
        for pid in ahead:
            listed = _children(pid)
            yield from listed
            ahead += listed
        return
    for pid in roots:
        try:
            yield from [child.pid for child in psutil.Process(pid).children(recursive=True)]
        except psutil.Error:
            continue


def _lists_children() -> bool:
    """Whether the kernel lists each thread's children, which is far cheaper than looking at every process."""
    return Path(f"/proc/self/task/{os.getpid()}/children").exists()


def _children(pid: int) -> list[int]:
    listed: list[int] = []
    try:
        for task in os.listdir(f"/proc/{pid}/task"):  # noqa: PTH208 - a path object for each thread costs more than the read
            with open(f"/proc/{pid}/task/{task}/children", "rb") as lines:  # noqa: PTH123 - likewise
                listed += [int(child) for child in lines.read().split()]
    except OSError:
        return listed
    return listed
