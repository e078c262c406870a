"""CPU time of this process and its descendants, each second counted once.

While a child runs, its CPU time is its own; once it was waited for (reaped), the time is added to the process that
waited. This module follows that transfer, so that the sum never falls and counts nothing twice. Linux shows the time
of reaped children for living processes, macOS only once the parent was reaped too, and Windows never transfers it:
there the last known value is kept.

`cpu_seconds_fast` takes about a microsecond and may be called while a cell waits. Everything else reads other
processes and is for the sampler thread.
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
        """Return 0: Windows adds no child's time to its parent."""
        return 0.0

else:
    import resource

    def _reaped_seconds() -> float:
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        return used.ru_utime + used.ru_stime


INHERITS = sys.platform != "win32"
"""Whether the time of reaped children is added to their parent."""

SHOWS_INHERITED = sys.platform == "linux"
"""Whether a living process shows the time of its reaped children."""


def cpu_seconds_fast() -> float:
    """Return CPU seconds of this process and of its reaped children."""
    return clock.process_time() + _reaped_seconds()


@dataclass(frozen=True)
class Relative:
    """A descendant process at one time."""

    pid: int
    parent: int
    """Process ids."""
    born: float
    """Start time; distinguishes processes that reuse an id."""
    seconds: float
    """CPU seconds, including reaped children where the system shows them."""


class ProcessTree:
    """CPU time of descendants that is not yet included in this process' own.

    Each `look` searches for children again. A descendant that was seen once is followed even if its parent exits and
    another process adopts it, as with daemons.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pid = os.getpid()
        self._known: dict[tuple[int, float], Relative] = {}
        self._held: dict[int, float] = {}
        self._lost = 0.0
        self._total = 0.0
        self._handed_to_others = 0.0
        self._cpu = 0.0
        self.look()

    def look(self) -> tuple[float, float]:
        """Read all descendants; return CPU seconds as `cpu_seconds_fast` does, and those not in them, at once."""
        with self._lock:
            # A child reaped meanwhile could be counted twice or not at all: read again.
            for _ in range(3):
                reaped = _reaped_seconds()
                living = {(process.pid, process.born): process for process in self._living()}
                after = _reaped_seconds()
                if reaped == after:
                    break
            self._account_for_ended(living, after - self._handed_to_others)
            unreaped = self._lost + sum(
                process.seconds + self._held.get(process.pid, 0.0) for process in living.values()
            )
            self._known = living
            # A process is read in clock ticks, its time after reaping is finer: the sum could fall slightly.
            self._total = max(self._total, reaped + unreaped)
            self._handed_to_others = reaped
            self._cpu = clock.process_time() + reaped
            return self._cpu, self._total - reaped

    def beside(self, cpu: float) -> float:
        """Return the descendants' CPU seconds for an earlier value of `cpu_seconds_fast`.

        The value was taken shortly before on another thread. Its size shows whether it includes a child that was
        reaped since the last `look`.
        """
        with self._lock:
            before_cpu, before_ceded, before = self._cpu, self._handed_to_others, self._total - self._handed_to_others
        _, now = self.look()
        handed_over = self._handed_to_others - before_ceded
        return now if cpu - before_cpu >= handed_over - 1e-9 else before

    def _account_for_ended(self, living: dict[tuple[int, float], Relative], handed: float) -> None:
        """Account for processes that ended since the last look.

        `handed` is the CPU time of reaped children that was added to this process meanwhile. Time goes to the process
        that waits. If none of ours waited (an orphan, or a process that ignores its children), the last known value
        is kept.
        """
        gone = {known.pid: known for key, known in self._known.items() if key not in living}
        living_pids = {found.pid for found in living.values()}
        due = 0.0
        for process in gone.values():
            seconds = process.seconds + self._held.pop(process.pid, 0.0)
            heir = process.parent
            for _ in gone:
                heir = gone[heir].parent if heir in gone else heir
            if INHERITS and heir == self._pid:
                due += seconds
            elif not INHERITS or heir not in living_pids:
                self._lost += seconds
            elif not SHOWS_INHERITED:
                self._held[heir] = self._held.get(heir, 0.0) + seconds
        self._lost += max(0.0, due - handed)

    def _living(self) -> Iterable[Relative]:
        processes: dict[int, Relative] = {}
        for known in self._known.values():
            entry = _account(known.pid, known)
            if entry is not None and entry.born == known.born:  # else the id was reused
                processes[entry.pid] = entry
        orphans = [
            pid for pid, entry in processes.items() if entry.parent != self._pid and entry.parent not in processes
        ]
        for pid in _descendants([self._pid, *orphans]):
            if pid not in processes:
                entry = _account(pid)
                if entry is not None:
                    processes[pid] = entry
        return processes.values()


_TICK = 1.0 / os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 0.01


def _account(pid: int, known: Relative | None = None) -> Relative | None:
    """Return a process' id, parent, start time and CPU time; None if it has ended or is not visible.

    For a zombie without readable times the last `known` value is returned.
    """
    if SHOWS_INHERITED:
        try:
            line = Path(f"/proc/{pid}/stat").read_bytes()
        except OSError:
            return None
        # The name in brackets may contain spaces and brackets: count fields from the last bracket.
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
    """Return the ids of all descendants of some processes; empty if they are not visible."""
    if SHOWS_INHERITED and _lists_children():
        pending = list(roots)
        for pid in pending:
            children = _children(pid)
            yield from children
            pending += children
        return
    for pid in roots:
        try:
            yield from [child.pid for child in psutil.Process(pid).children(recursive=True)]
        except psutil.Error:
            continue


def _lists_children() -> bool:
    """Whether the kernel lists each thread's children, which is much faster than scanning all processes."""
    return Path(f"/proc/self/task/{os.getpid()}/children").exists()


def _children(pid: int) -> list[int]:
    children: list[int] = []
    try:
        for task in os.listdir(f"/proc/{pid}/task"):  # noqa: PTH208 - a path object for each thread costs more than the read
            with open(f"/proc/{pid}/task/{task}/children", "rb") as lines:  # noqa: PTH123 - likewise
                children += [int(child) for child in lines.read().split()]
    except OSError:
        return children
    return children
