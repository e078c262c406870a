"""A simulated NVIDIA driver: the state file that `nvml.c` reads, written by a test or by a demonstration.

The course of power is written before it happens, because a counter whose past is rewritten runs backwards.
The truth is the integral of that course, computed here and in C from the same integers. Times are
`time.perf_counter()` seconds, which on Linux is the clock the library uses. Standard library only, so that
it also runs as a program::

    eval "$(python tests/support/driver.py --follow --folder DIR)"
"""

from __future__ import annotations

import argparse
import ctypes
import hashlib
import itertools
import math
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

SOURCE = Path(__file__).with_name("nvml.c")
LIBRARY = "libnvidia-ml.so.1"
VARIABLE = "SIMULATED_NVML_STATE"
FOREVER = 2**62

# Architecture number, compute capability, counter tick, power update, window of the plain power reading, window of the
# instantaneous one (the published table of Yang et al., arXiv 2312.02741, data file; Blackwell is assumed).
CHIPS: Mapping[str, tuple[int, int, int, float, float, float, float]] = {
    "pascal": (4, 6, 1, 0.02, 0.02, 0.01, 0.01),
    "volta": (5, 7, 0, 0.02, 0.02, 0.01, 0.01),
    "turing": (6, 7, 5, 0.1, 0.1, 0.1, 0.1),
    "ga100": (7, 8, 0, 0.1, 0.1, 0.025, 0.025),
    "ampere": (7, 8, 6, 0.1, 0.1, 1.0, 0.1),
    "ada": (8, 8, 9, 0.1, 0.1, 1.0, 0.1),
    "hopper": (9, 9, 0, 0.1, 0.1, 1.0, 0.025),
    "blackwell": (10, 10, 0, 0.1, 0.1, 1.0, 0.1),
}
WITHOUT_AVERAGE = ("pascal", "volta", "turing", "ga100")
WITH_SLICES = ("ga100", "hopper", "blackwell")

# What a fault or a missing feature concerns; the same numbers stand in nvml.c.
CONCERNS: Mapping[str, int] = {
    "all": 524287,
    "energy": 1 | 2,
    "energy call": 1,
    "energy field": 2,
    "power": 4 | 8 | 16,
    "power call": 4,
    "average": 8,
    "instant": 16,
    "module": 32,
    "limit": 64,
    "processes": 128,
    "utilisation": 256,
    "rates": 512,
    "mig": 1024,
    "identity": 2048,
    "fields": 4096,
    "init": 8192,
    "temperature": 32768,
    "clock": 65536,
    "reasons": 131072 | 262144,
    "event reasons": 131072,
}
# Why a clock is lowered, as bits of nvml.h's clocks event reasons.
REASONS: Mapping[str, int] = {
    "idle": 0x1,
    "applications clocks": 0x2,
    "power cap": 0x4,
    "hardware": 0x8,
    "sync boost": 0x10,
    "software thermal": 0x20,
    "hardware thermal": 0x8 | 0x40,
    "power brake": 0x8 | 0x80,
}
# Kind of the fault in nvml.c and the code that calls then return.
FAULTS: Mapping[str, tuple[int, int]] = {
    "unsupported": (0, 3),
    "permission": (0, 4),
    "not found": (0, 6),
    "not loaded": (0, 9),
    "timeout": (0, 10),
    "needs reset": (0, 16),
    "mismatch": (0, 18),
    "unknown": (0, 999),
    "reset": (1, 0),
    "missing": (0, 13),
    "lost": (2, 15),
    "slow": (3, 0),
    "hang": (4, 10),
}


class SimulationError(Exception):
    """The simulation can't be set up as asked; one sentence that says what to do."""


class PastError(SimulationError):
    """Power was planned for a moment that is over."""


@dataclass(frozen=True)
class Step:
    """From `time` on the board draws `watts`, reached exponentially (`tau`) or on a line (`ramp`), in seconds."""

    time: float
    watts: float
    tau: float = 0.0
    ramp: float = 0.0


@dataclass
class _Fault:
    kind: int
    start: int
    end: int
    code: int
    concerns: int
    seconds: float

    def __str__(self) -> str:
        return f"{self.kind} {self.start} {self.end} {self.code} {self.concerns} {_ns(self.seconds)}"


@dataclass
class _Board:
    lines: list[str]
    idle: float
    ripple: float
    hertz: float
    tick: float
    jitter: float
    phase: float
    steps: list[Step]
    faults: list[_Fault] = field(default_factory=list)
    pids: list[str] = field(default_factory=list)
    conditions: list[str] = field(default_factory=list)
    follows: bool = False


def _ns(seconds: float) -> int:
    return round(seconds * 1e9)


def _micro(value: float) -> int:
    return round(value * 1e6)


def _chance(a: int, b: int) -> float:
    """Return the number in [0, 1) that nvml.c draws for these two."""
    every = 2**64 - 1
    z = ((a + 1) * 0x9E3779B97F4A7C15 + b * 0xD1B54A32D192ED03) & every
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & every
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & every
    return ((z ^ (z >> 31)) >> 11) / 2**53


def build(folder: Path | None = None) -> Path:
    """Compile the library, once for each version of its source, and return its path.

    Parameters
    ----------
    folder : Path, optional
        Where to put it; the user's own folder under the temporary one if left out.

    Raises
    ------
    SimulationError
        If there is no C compiler, the system is not Linux, or the compiler fails.
    """
    if not sys.platform.startswith("linux"):
        raise SimulationError("The simulated NVIDIA driver runs on Linux only; use a Linux machine or container.")
    root = folder or Path(tempfile.gettempdir()) / f"simulated-nvml-{os.getuid()}"
    target = root / hashlib.sha256(SOURCE.read_bytes()).hexdigest()[:16] / LIBRARY
    root.mkdir(parents=True, exist_ok=True, mode=0o700)
    if root.stat().st_uid != os.getuid():
        raise SimulationError(f"{root} belongs to someone else; name another folder to build the simulated driver in.")
    if target.exists():
        return target
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        raise SimulationError("The simulated NVIDIA driver needs a C compiler; install one (sudo apt install gcc).")
    target.parent.mkdir(exist_ok=True)
    # Built aside and moved into place: test processes that start together never load half a library.
    with tempfile.TemporaryDirectory(dir=target.parent) as aside:
        made = Path(aside) / LIBRARY
        options = ["-std=gnu11", "-O2", "-fPIC", "-shared", "-fvisibility=hidden", f"-Wl,-soname,{LIBRARY}"]
        command = [compiler, *options, "-o", str(made), str(SOURCE), "-lm", "-lpthread"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SimulationError(f"The C compiler could not build the simulated NVIDIA driver: {done.stderr.strip()}")
        made.replace(target)
    return target


class SimulatedDriver:
    """A driver with no board until `board` is called; every change is in force when the call returns.

    Parameters
    ----------
    folder : Path
        Where the state file lies.
    build_folder : Path, optional
        Where the library is built; see `build`.
    version : str
        What the driver calls itself; it must say that it is simulated.
    """

    def __init__(self, folder: Path, build_folder: Path | None = None, version: str = "999.0.simulated") -> None:
        self.library = build(build_folder)
        folder.mkdir(parents=True, exist_ok=True)
        self.state = folder.resolve() / "nvml.state"
        # The driver has run for a minute already, so that averages and ticks have a past.
        self.origin = time.perf_counter() - 60.0
        self._version = version
        self._loaded = True
        self._faults: list[_Fault] = []
        self._boards: list[_Board] = []
        self._write()

    # ---- boards -----------------------------------------------------------------------------------------------

    def board(
        self,
        name: str = "A10",
        *,
        chip: str = "ampere",
        uuid: str | None = None,
        idle: float = 70.0,
        limit: float = 700.0,
        tick: float | None = None,
        jitter: float = 0.0,
        phase: float = 0.0,
        latency: float = 0.0,
        duty: float = 0.0,
        gain: float = 1.0,
        power_tick: float | None = None,
        averaging: float | None = None,
        instant: float | None = None,
        noise: float = 0.2,
        ripple: float = 0.5,
        ripple_hertz: float = 0.7,
        call_seconds: float = 0.0,
        start_joules: float = 12_345.678,
        unsupported: Sequence[str] = (),
        grace: Literal["", "module", "both"] = "",
        processor: float = 0.0,
        slices: Sequence[str] = (),
    ) -> int:
        """Add a board and return its number.

        Parameters
        ----------
        name, chip, uuid : str
            Model after "Simulated GPU", generation (a key of `CHIPS`), identity.
        idle, limit, noise, ripple : float
            Watts: before the first step, the enforced limit, the spread of a power reading about its true
            value, and the amplitude of a slow swing (at `ripple_hertz`) that the board truly draws.
        tick, jitter, phase, latency : float
            Seconds between updates of the counter, by how much each comes early or late at most (less than
            half a tick), when the first comes, and how old the value is that an update shows.
        duty : float
            Seconds of each tick that the counter looks at (a part-time counter); 0 for all.
        gain : float
            What counter and power readings are multiplied by: the sensor's own error.
        power_tick, averaging, instant : float
            Seconds between power readings and the windows of the plain and the instantaneous one.
        call_seconds : float
            How long each call takes.
        unsupported : sequence of str
            Keys of `CONCERNS` that answer NOT_SUPPORTED.
        grace : str
            "module": only the whole module (processor and GPU) has readings in the fields; "both": the GPU too.
        processor : float
            Watts that a module's readings, the energy call among them, show more than the GPU's.
        slices : sequence of str
            Identities of MIG slices; MIG is on where there is one.
        """
        architecture, major, minor, *times = CHIPS[chip]
        tick, power_tick, averaging, instant = (
            standard if given is None else given
            for given, standard in zip((tick, power_tick, averaging, instant), times, strict=True)
        )
        if not 0 <= jitter < tick / 2:
            raise SimulationError("A tick's jitter must be less than half of the tick; lower it.")
        number = len(self._boards)
        lines = [
            f"name Simulated GPU {name}",
            f"uuid {uuid or f'GPU-51000000-0000-4000-8000-{number:012x}'}",
            f"chip {architecture} {major} {minor}",
            f"grace {('', 'module', 'both').index(grace)} {_micro(processor)}",
            f"mig {int(chip in WITH_SLICES or bool(slices))}",
            f"tick {_ns(tick)} {_ns(jitter)} {_ns(phase)}",
            f"latency {_ns(latency)}",
            f"duty {_ns(duty)}",
            f"gain {_micro(gain)}",
            f"call {_ns(call_seconds)}",
            f"start {round(start_joules * 1000)}",
            f"limit {_micro(limit)}",
            f"power {_ns(power_tick)} {_ns(averaging)} {_ns(instant)} {_micro(noise)}",
            f"ripple {_micro(ripple)} {_micro(ripple_hertz)}",
            *(f"slice {slice_uuid}" for slice_uuid in slices),
        ]
        self._boards.append(_Board(lines, idle, ripple, ripple_hertz, tick, jitter, phase, [Step(self.origin, idle)]))
        missing = {*unsupported, *(["average"] if chip in WITHOUT_AVERAGE else [])}
        missing |= {"energy"} if chip == "pascal" else set()
        self._boards[number].lines += [f"fault 0 0 {FOREVER} 3 {CONCERNS[what]} 0" for what in sorted(missing)]
        self._write()
        return number

    # ---- power ------------------------------------------------------------------------------------------------

    def power(self, steps: Iterable[Step | tuple[float, ...]], board: int = 0) -> None:
        """Write the course of power from the first step's time on; what was planned from there is dropped.

        Raises
        ------
        PastError
            If the first step lies in the past: the counter would run backwards.
        """
        planned = [step if isinstance(step, Step) else Step(*step) for step in steps]
        if not planned or any(a.time >= b.time for a, b in itertools.pairwise(planned)):
            raise SimulationError("Give at least one power step, in order of time.")
        target = self._boards[board]
        before = target.steps
        target.steps = [step for step in before if step.time < planned[0].time] + planned
        try:
            self._write(before=planned[0].time)
        except PastError:
            target.steps = before
            raise

    def plan(self, steps: Sequence[Step | tuple[float, ...]], board: int = 0, lead: float = 0.05) -> float:
        """Write a course whose times count from its start, and return that start.

        It lies `lead` seconds ahead, or as far as a slow machine needs.
        """
        relative = [step if isinstance(step, Step) else Step(*step) for step in steps]
        while True:
            start = time.perf_counter() + lead
            try:
                self.power([replace(step, time=start + step.time) for step in relative], board)
            except PastError:
                lead *= 2
            else:
                return start

    def busy(
        self, watts: float, seconds: float, board: int = 0, lead: float = 0.05, tau: float = 0.0
    ) -> tuple[float, float]:
        """Plan one busy stretch and the idle power after it, and return its start and end."""
        start = self.plan([Step(0.0, watts, tau), Step(seconds, self._boards[board].idle, tau)], board, lead)
        return start, start + seconds

    def follow(self, board: int = 0, idle: float = 20.0, busy: float = 180.0, cores: float | None = None) -> None:
        """Let the board draw `idle` watts and `busy` more times the share of `cores` that the caller's process uses."""
        count = float(cores or len(os.sched_getaffinity(0)))
        target = self._boards[board]
        target.follows = True
        target.lines.append(f"follow {_micro(idle)} {_micro(busy)} {_micro(count)}")
        self._write()

    def truth(self, board: int, start: float, end: float) -> float:
        """Return the joules that the board truly drew between two moments, whatever its sensors show."""
        if self._boards[board].follows:
            raise SimulationError("A board that follows the processor has no course known in advance.")
        return self._energy(board, end) - self._energy(board, start)

    def ticks(self, board: int, start: float, end: float) -> list[float]:
        """Return the moments of a window at which the counter is updated."""
        b = self._boards[board]
        numbers = range(
            math.floor((start - self.origin - b.phase) / b.tick) - 1,
            math.ceil((end - self.origin - b.phase) / b.tick) + 2,
        )
        times = [self.origin + b.phase + k * b.tick + b.jitter * (2 * _chance(board, k) - 1) for k in numbers]
        return [moment for moment in times if start <= moment <= end]

    def _energy(self, board: int, moment: float) -> float:
        b, joules, watts = self._boards[board], 0.0, self._boards[board].idle
        for step, following in zip(b.steps, [*b.steps[1:], None], strict=True):
            end = moment if following is None else min(moment, following.time)
            length = end - step.time
            if length < 0:
                break
            rise = watts - step.watts
            if step.tau > 0:
                joules += step.watts * length + rise * step.tau * -math.expm1(-length / step.tau)
                watts = step.watts + rise * math.exp(-length / step.tau)
            elif length < step.ramp:
                joules += watts * length - rise * length**2 / (2 * step.ramp)
                watts -= rise * length / step.ramp
            else:
                joules += step.watts * length + rise * step.ramp / 2
                watts = step.watts
        if b.ripple > 0 and b.hertz > 0:
            w = 2 * math.pi * b.hertz
            joules += b.ripple / w * (1 - math.cos(w * (moment - self.origin)))
        return joules

    # ---- faults and processes ---------------------------------------------------------------------------------

    def fault(
        self,
        kind: str,
        at: float | None = None,
        until: float | None = None,
        *,
        board: int | None = 0,
        what: str = "all",
        seconds: float = 0.0,
    ) -> None:
        """Plan a fault.

        Parameters
        ----------
        kind : str
            A key of `FAULTS`. A "reset" puts the counter to 0; a board that was "lost" answers again only to those
            who open the library after `until`; "slow" makes calls take `seconds` more; a "hang" makes them return
            at `until`, timed out; the others are answers.
        at, until : float, optional
            From when and until when; always, where left out.
        board : int or None
            Its number; None for the driver as a whole.
        what : str
            What is concerned, a key of `CONCERNS`.
        """
        if kind == "hang" and until is None:
            raise SimulationError("A hang needs an end; give until=.")
        self._add_fault(kind, board, what, at, until, seconds=seconds)
        self._write()

    def _add_fault(
        self,
        kind: str,
        board: int | None,
        what: str,
        at: float | None = None,
        until: float | None = None,
        *,
        seconds: float = 0.0,
    ) -> None:
        number, code = FAULTS[kind]
        start, end = 0 if at is None else _ns(at), FOREVER if until is None else _ns(until)
        faults = self._faults if board is None else self._boards[board].faults
        faults.append(_Fault(number, start, end, code, CONCERNS[what], seconds))

    def mend(self) -> None:
        """End, now, every fault that goes on; a counter that was reset stays so."""
        moment = _ns(time.perf_counter())
        for fault in itertools.chain(self._faults, *(board.faults for board in self._boards)):
            if fault.start <= moment < fault.end and fault.kind != FAULTS["reset"][0]:
                fault.end = moment
        self._write()

    def condition(
        self,
        at: float | None = None,
        *,
        board: int = 0,
        celsius: int | None = None,
        clock: int | None = None,
        reasons: Sequence[str] | None = None,
    ) -> None:
        """From a moment on (now, where left out), let the board show another temperature, clock or reasons.

        Parameters
        ----------
        celsius, clock : int
            Temperature in °C and clock in MHz; as its power tells, where none was ever given.
        reasons : sequence of str
            Why its clock is lowered while it is busy, keys of `REASONS`. An idle board shows an idle clock.
        """
        moment = _ns(time.perf_counter() if at is None else at)
        bits = -1 if reasons is None else sum({REASONS[reason] & ~0x8 for reason in reasons})
        if reasons is not None and any(REASONS[reason] & 0x8 for reason in reasons):
            bits |= 0x8
        values = (-1 if value is None else value for value in (celsius, clock, bits))
        self._boards[board].conditions.append(" ".join(("condition", str(moment), *map(str, values))))
        self._write()

    def unload(self) -> None:
        """Take the driver away, as if its module were not loaded."""
        self._loaded = False
        self._write()

    def load(self) -> None:
        """Bring the driver back: counters begin at 0, and whoever used it must open it again."""
        moment = time.perf_counter()
        self._loaded = True
        for number in range(len(self._boards)):
            self._add_fault("lost", number, "all", moment - 1e-3, moment)
            self._add_fault("reset", number, "all", moment)
        self._write()

    def processes(
        self, shares: Mapping[int, float], board: int = 0, visible: bool = True, graphics: bool = False
    ) -> None:
        """Set which processes use the board and each one's busy share; `visible=False` hides them as containers do."""
        target = self._boards[board]
        target.pids = [f"pid {pid} {int(graphics)} {_micro(share)} {256 << 20}" for pid, share in shares.items()]
        target.pids.append(f"hidden {int(not visible)}")
        self._write()

    # ---- reaching it ------------------------------------------------------------------------------------------

    def environment(self) -> dict[str, str]:
        """Return the variables that make a new process see this driver."""
        paths = [str(self.library.parent), os.environ.get("LD_LIBRARY_PATH", "")]
        return {VARIABLE: str(self.state), "LD_LIBRARY_PATH": os.pathsep.join(path for path in paths if path)}

    def preload(self) -> None:
        """Make this process see this driver; before anything else loads the real library."""
        os.environ[VARIABLE] = str(self.state)
        ctypes.CDLL(str(self.library), mode=ctypes.RTLD_GLOBAL)

    def _write(self, before: float | None = None) -> None:
        lines = [f"origin {_ns(self.origin)}", f"loaded {int(self._loaded)}", f"version {self._version}"]
        lines += [f"driver_fault {fault}" for fault in self._faults]
        for board in self._boards:
            steps = [f"step {_ns(s.time)} {_micro(s.watts)} {_ns(s.tau)} {_ns(s.ramp)}" for s in board.steps]
            faults = [f"fault {fault}" for fault in board.faults]
            lines += ["board", *board.lines, *steps, *faults, *board.pids, *board.conditions]
        new = self.state.with_suffix(f".{os.getpid()}")
        new.write_text("\n".join(lines) + "\n", encoding="ascii")
        # Set by hand: the file system's own stamp is too coarse to tell two changes a millisecond apart.
        stamp = time.time_ns()
        os.utime(new, ns=(stamp, stamp))
        if before is not None and time.perf_counter() > before - 0.002:
            new.unlink()
            raise PastError("Power can only be planned ahead, or the counter would run backwards; start later.")
        new.replace(self.state)


def main(arguments: Sequence[str] | None = None) -> int:
    """Set up a simulated driver and print the shell lines that make programs see it."""
    parser = argparse.ArgumentParser(description="Set up a simulated NVIDIA driver; its figures are never measured.")
    parser.add_argument("--folder", type=Path, required=True, help="where the state file and the library go")
    parser.add_argument("--follow", action="store_true", help="draw power as the calling process uses its processor")
    parser.add_argument("--boards", type=int, default=1, help="number of boards")
    parser.add_argument("--idle", type=float, default=20.0, help="watts of an idle board")
    parser.add_argument("--busy", type=float, default=180.0, help="watts more of a busy one, with --follow")
    parser.add_argument("--cores", type=float, default=None, help="cores that count as fully busy, with --follow")
    given = parser.parse_args(arguments)
    try:
        folder = given.folder.resolve()  # the lines are read by programs in other folders too
        driver = SimulatedDriver(folder, build_folder=folder / "library")
        for _ in range(given.boards):
            number = driver.board(idle=given.idle)
            if given.follow:
                driver.follow(number, idle=given.idle, busy=given.busy, cores=given.cores)
    except (SimulationError, OSError) as fault:
        print(fault, file=sys.stderr)
        return 1
    for name, value in driver.environment().items():
        print(f"export {name}={shlex.quote(value)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
