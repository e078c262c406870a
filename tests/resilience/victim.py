"""A process that forks metering processes and kills them at random moments.

Each of them writes down what it is about to do and what it has been told, beside the library, in a file of its own
by plain system calls: that is the truth the journals and the ledger are held against. The process that forks never
opens a session itself, so a life costs milliseconds. It reads how many lives to begin from its input, and answers
when they have ended; run as ``python victim.py FOLDER SEED``.
"""

from __future__ import annotations

import os
import random
import select
import signal
import sys
import time
import traceback
from pathlib import Path

import alembic.command  # noqa: F401 - heavy, and loaded once, before anything is forked

from jupyter_green.records import EnergyRecord
from jupyter_green.sensors import Discovery, Reading, SensorFault, SensorInfo, discover
from jupyter_green.sensors.cpu_model import ProcessorModel
from jupyter_green.session import Session, Settings, record_writer, recorder
from jupyter_green.storage import Ledger  # noqa: F401 - likewise

WATTS = 100.0
TICK = 0.005


class Clock:
    """A counter that ticks quickly, so that figures settle within a short life; some never answer."""

    def __init__(self, fails: bool) -> None:
        self._fails = fails
        self.traits = SensorInfo(
            key="clock:0",
            kind="other",
            device="Clock",
            method="counter",
            quality="simulated",
            scope="nothing",
            source="clock",
            gain=0.0,
            period=(TICK, 2 * TICK),
            latency=0.001,
            power_limit=2 * WATTS,
        )

    def read(self) -> Reading:
        """Return the energy up to the last tick."""
        if self._fails:
            raise SensorFault("The clock has stopped.")
        now = time.perf_counter()
        return Reading(now, now // TICK * TICK * WATTS)

    def close(self) -> None:
        """Nothing is held."""


class Life:
    """One metering process, from its session to its kill.

    Parameters
    ----------
    folder : Path
        Where it writes down what happens to it.
    number : int
        Names its labels.
    draw : random.Random
        Decides what it does.
    """

    def __init__(self, folder: Path, number: int, draw: random.Random) -> None:
        self._number, self._draw, self._count = number, draw, 0
        self._side = os.open(folder / f"{number}.side", os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def note(self, what: str, label: str, *more: object) -> None:
        """Write one line, in one call."""
        os.write(self._side, (" ".join([what, label, *map(str, more)]) + "\n").encode())

    def run(self, ready: int) -> None:
        """Meter windows for ever."""
        recorder.HEARTBEAT_SECONDS = 0.02
        if self._draw.random() < 0.3:  # drains from the background, and begins new journals, all the time
            (
                record_writer.QUIET_SECONDS,
                record_writer.DRAIN_EVERY_SECONDS,
                record_writer.ASK_SECONDS,
                record_writer.ROTATE_BYTES,
            ) = (
                0.0,
                0.0,
                0.005,
                2000,
            )
        real = self._number % 4 == 0
        made = Discovery((Clock(self._draw.random() < 0.1), ProcessorModel()))
        session = Session(Settings.from_environment(), discover() if real else made)
        session.listen(self._heard)
        os.write(ready, b"!")
        while True:
            self._window(session, 0)
            if self._draw.random() < 0.05:
                self.note("draining", "-")
                session.store.drain()
                self.note("drained", "-")

    def _heard(self, event: str, record: EnergyRecord) -> None:
        if event == "final" and record.label is not None:
            self.note("settled", record.label, record.status, repr(record.joules))

    def _window(self, session: Session, depth: int) -> None:
        draw = self._draw
        label = f"{self._number}/{self._count}"
        self._count += 1
        self.note("asked", label)
        window = session.window("cell" if depth == 0 else "window", label=label)
        session.open(window)
        self.note("opened", label)
        kind = draw.random()
        if kind < 0.2 and depth < 2:
            self._window(session, depth + 1)
        elif kind < 0.6:
            time.sleep(draw.uniform(0.0, 0.03))
        elif kind < 0.8:
            sum(range(draw.randrange(50_000)))
        status = "error" if draw.random() < 0.2 else "ok"
        session.close(window, status)
        self.note("closed", label, status)
        if draw.random() < 0.3:
            window.wait(0.1)


def begin(folder: Path, number: int, seed: str) -> tuple[int, int]:
    """Fork one life; return its process id and the pipe on which it says that it has begun."""
    readable, writable = os.pipe()
    pid = os.fork()
    if pid:
        os.close(writable)
        return pid, readable
    try:
        Life(folder, number, random.Random(seed)).run(writable)
    except BaseException:  # noqa: BLE001 - whatever ends a life before its kill is a finding
        (folder / f"{number}.fault").write_text(traceback.format_exc())
    finally:
        os._exit(1)


def lives(folder: Path, first: int, count: int, draw: random.Random) -> None:
    """Begin lives two by two, and kill each at a moment of its own."""
    for number in range(first, first + count, 2):
        pair = [begin(folder, each, f"{draw.random()}") for each in range(number, min(number + 2, first + count))]
        doomed = []
        for pid, ready in pair:
            if draw.random() < 0.9:  # else it may be killed before its session has begun
                select.select([ready], [], [], 30.0)
            doomed.append((time.perf_counter() + draw.uniform(0.0, 0.2 if draw.random() < 0.8 else 0.4), pid, ready))
        for moment, pid, ready in sorted(doomed):
            time.sleep(max(0.0, moment - time.perf_counter()))
            os.kill(pid, signal.SIGKILL)
            _, status = os.waitpid(pid, 0)
            os.close(ready)
            if os.waitstatus_to_exitcode(status) != -signal.SIGKILL:
                (folder / "early.fault").write_text(f"{pid} ended by itself: {status}\n")


def main() -> None:
    """Answer requests until the input ends."""
    folder, draw, first = Path(sys.argv[1]), random.Random(sys.argv[2]), 0
    print("ready", flush=True)
    for line in sys.stdin:
        lives(folder, first, int(line), draw)
        first += int(line)
        print("done", flush=True)


if __name__ == "__main__":
    main()
