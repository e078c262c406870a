"""Checks on a real GPU: the meter compared with counter, power and nvidia-smi, and `%shrink`.

``python -m benchmarks.gpu`` writes one JSON of figures, each with its unit and quality. What the driver or the machine
does not report is listed as absent, with one sentence why. The parts are independent: one that fails loses only its
own figures, and so does one that hangs, since the file is written before and after each. What depends on a simulated
driver is called simulated, its own speed included.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import jupyter_green as green
from jupyter_green.magics.energy.known_load import NoLoadError, known_load
from jupyter_green.metering.calibration.fit import calibration_of
from jupyter_green.metering.calibration.model import UnclearError
from jupyter_green.records import Component, EnergyRecord
from jupyter_green.sensors import Sensor, SensorFault
from jupyter_green.sensors.nvidia.nvml import NvmlError, connection
from jupyter_green.session import Session, current
from jupyter_green.session.calibration_runner import observe, seconds_of
from jupyter_green.storage.atomic_file import write_whole

from .machine import commit, installed

OUT = Path(__file__).resolve().parent / "out" / "gpu.json"
STEADY, IDLE, SQUARES = 8.0, 8.0, 12
STRETCHES = 12
EDGES = 200
POWER_SECONDS, SMI_MILLISECONDS = 0.02, 100
MEAN_SECONDS = 1.5
"""Seconds to wait before power is read, so that a mean over 1 s covers only the load."""


class AbsentError(Exception):
    """A figure is not available here; the message is one sentence."""


class Figures:
    """The figures, and the reasons for absent ones.

    Parameters
    ----------
    out : Path
        The file that they are written to.
    """

    def __init__(self, out: Path) -> None:
        self.figures: list[dict[str, Any]] = []
        self.absent: list[dict[str, str]] = []
        self.machine: dict[str, Any] = {}
        self._out, self._began = out, time.monotonic()

    @property
    def seconds(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self._began

    def write(self, running: str | None = None) -> None:
        """Write the file as a whole; `running` is the part that has begun and may never end."""
        unfinished = [{"name": running, "why": "It had not ended when everything was stopped."}] if running else []
        report = {
            "machine": self.machine,
            "figures": self.figures,
            "absent": [*self.absent, *unfinished],
            "seconds": round(self.seconds, 1),
        }
        self._out.parent.mkdir(parents=True, exist_ok=True)
        write_whole(self._out, json.dumps(report, indent=1, ensure_ascii=False) + "\n")

    def add(
        self, name: str, value: float | None, unit: str, quality: str, uncertainty: float | None = None, **more: Any
    ) -> None:
        """Add a figure; without a value it is absent."""
        if value is None:
            self.absent.append({"name": name, "why": str(more.get("note") or "The driver does not tell it.")})
            return
        self.figures.append(
            {"name": name, "value": value, "uncertainty": uncertainty, "unit": unit, "quality": quality, **more}
        )

    def part(self, name: str, work: Callable[[], None], end: float) -> None:
        """Run one part; if it fails or the time is up, record the reason."""
        if time.monotonic() > end:
            self.absent.append({"name": name, "why": "The time was up; give more with --seconds."})
            return
        print(f"{name} …", flush=True)
        self.write(name)
        try:
            work()
        except Exception as error:  # noqa: BLE001 - the other parts go on
            text = " ".join(str(error).split())[:300] or type(error).__name__
            expected = isinstance(error, (AbsentError, NoLoadError, UnclearError, SensorFault))
            self.absent.append({"name": name, "why": text if expected else f"{type(error).__name__}: {text}"})


class Board:
    """One GPU, with direct NVML access for comparison and a load."""

    def __init__(self, session: Session) -> None:
        gpus = [sensor for sensor in session.meter.sensors if sensor.traits.kind == "gpu"]
        if not gpus:
            why = [f.detail for f in session.discovery.findings if f.source == "nvidia" and not f.works]
            raise AbsentError(f"No GPU is metered here. {' '.join(why)}".strip())
        self.sensor: Sensor = gpus[0]
        self.traits = self.sensor.traits
        self.quality = self.traits.quality
        self.uuid = self.traits.key.partition(":")[2]

    def load(self) -> Callable[[float], tuple[float, float]]:
        """Return a load; a CPU load for a simulated GPU, whose power follows the CPU."""
        try:
            return known_load(self.traits)
        except NoLoadError:
            if self.quality != "simulated":
                raise
            return spin

    def ask(self, call: str) -> float | None:
        """Return the result of an NVML call in its own unit (mW, mJ); None if the driver does not support it."""
        try:
            return float(connection.ask(call, connection.handle(self.uuid)))
        except NvmlError:
            return None

    def part(self, record: EnergyRecord) -> Component:
        """Return the GPU's component of a record."""
        return next(part for part in record.components if part.key == self.traits.key)


def spin(seconds: float) -> tuple[float, float]:
    """Keep one core busy."""
    began = time.perf_counter()
    while time.perf_counter() - began < seconds:
        pass
    return began, time.perf_counter()


class Power:
    """Power read independently of the meter, as pairs of time and watts."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self._over = threading.Event()
        self.plain: list[tuple[float, float]] = []
        self.smi: list[tuple[float, float]] = []

    @contextmanager
    def watched(self) -> Iterator[Power]:
        """Read power while the block runs."""
        threads = [threading.Thread(target=self._poll, daemon=True)]
        program = shutil.which("nvidia-smi")
        process = None
        if program is not None:
            query = ["--query-gpu=power.draw", "--format=csv,noheader,nounits", f"--loop-ms={SMI_MILLISECONDS}"]
            command = [program, f"--id={self._board.uuid}", *query]
            process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
            threads.append(threading.Thread(target=self._follow, args=(process,), daemon=True))
        for thread in threads:
            thread.start()
        time.sleep(MEAN_SECONDS)
        try:
            yield self
        finally:
            time.sleep(0.3)
            self._over.set()
            if process is not None:
                process.terminate()
                process.wait(timeout=10)

    def _poll(self) -> None:
        while not self._over.wait(POWER_SECONDS):
            watts = self._board.ask("nvmlDeviceGetPowerUsage")
            if watts is not None:
                self.plain.append((time.perf_counter(), watts / 1000))

    def _follow(self, process: subprocess.Popen[str]) -> None:
        for line in process.stdout or ():
            try:
                self.smi.append((time.perf_counter(), float(line)))
            except ValueError:
                continue  # "[N/A]"


def integral(samples: list[tuple[float, float]], start: float, end: float) -> float | None:
    """Return the energy of power readings, each held until the next; None if there are too few in the interval."""
    inside = [(moment, watts) for moment, watts in samples if start <= moment <= end]
    before = [watts for moment, watts in samples if moment < start]
    if len(inside) < 3:
        return None
    points = [(start, before[-1] if before else inside[0][1]), *inside, (end, inside[-1][1])]
    return sum(a[1] * (b[0] - a[0]) for a, b in pairwise(points))


def agreement(figures: Figures, board: Board, name: str, work: Callable[[], None]) -> None:
    """Meter a load, and compare with the GPU's own counter, its power and nvidia-smi."""
    with Power(board).watched() as power:
        before = board.ask("nvmlDeviceGetTotalEnergyConsumption")
        with green.meter(f"gpu: {name}") as window:
            work()
        after = board.ask("nvmlDeviceGetTotalEnergyConsumption")
    part, (start, end) = board.part(window.record), window.bounds()
    quality = part.quality
    counted = None if before is None or after is None else (after - before) / 1000
    seconds = end - start
    figures.add(f"{name}: meter", part.joules, "J", quality, part.uncertainty, seconds=seconds, method=part.method)
    figures.add(f"{name}: counter, difference of two readings", counted, "J", quality)
    figures.add(f"{name}: power, integrated", integral(power.plain, start, end), "J", quality)
    figures.add(
        f"{name}: nvidia-smi, integrated",
        integral(power.smi, start, end),
        "J",
        quality,
        note="There is no nvidia-smi, or it shows no power.",
    )
    figures.add(f"{name}: mean power", None if part.joules is None else part.joules / seconds, "W", quality)
    figures.add(f"{name}: temperature", part.celsius, "°C", quality)
    figures.add(f"{name}: clock while busy", part.clock_mhz, "MHz", quality, part.clock_spread_mhz)
    if part.throttle is not None:
        causes = ", ".join(part.throttle)
        figures.add(f"{name}: causes of a lowered clock", len(part.throttle), "causes", quality, note=causes)


def calibrated(figures: Figures, board: Board) -> None:
    """Calibrate the counter: its latency, and whether it samples all of the time."""
    if board.traits.method != "counter":
        raise AbsentError(f"{board.traits.device} shows its power only; there is no counter to calibrate.")
    samples = observe(board.sensor, board.load(), STRETCHES)
    steps = [b.time - a.time for a, b in pairwise(samples.ticks)]
    figures.add("counter: ticks seen", len(samples.ticks), "ticks", board.quality)
    figures.add("counter: period", statistics.median(steps) if steps else None, "s", board.quality)
    calibration = calibration_of(samples.ticks, samples.loads)
    for name, value in vars(calibration).items():
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            figures.add(f"calibrate: {name}", float(value), "s" if "latency" in name else "", board.quality)


def latency(figures: Figures, board: Board) -> None:
    """Measure the time that a window adds to a cell, and the time until its record is final."""
    path, settled = [], []
    for number in range(EDGES):
        began = time.perf_counter()
        with green.meter() as window:
            pass
        path.append(time.perf_counter() - began)
        if number % (EDGES // 10) == 0:
            closed = time.perf_counter()
            _ = window.record
            settled.append(time.perf_counter() - closed)
    figures.add("a window on the cell's path, median", 1e6 * statistics.median(path), "µs", "measured")
    figures.add("a record settles after, median", statistics.median(settled), "s", board.quality)
    calls = []
    for _ in range(EDGES):
        began = time.perf_counter()
        board.sensor.read()
        calls.append(time.perf_counter() - began)
    figures.add("a reading of the board, median", 1e6 * statistics.median(calls), "µs", board.quality)


def shrunk(figures: Figures, board: Board, seconds: float) -> None:
    """Shrink a small model in bf16 and with torchao's int8, and report what is proven."""
    import torch

    from jupyter_green.compression.recipes.precision import BFloat16
    from jupyter_green.compression.recipes.torchao import TorchAO
    from tests.support import models

    on_gpu = torch.cuda.is_available()
    if not on_gpu and board.quality != "simulated":
        raise AbsentError("This PyTorch can't use the GPU; %shrink was not tried.")
    wide = 2048 if on_gpu else 64
    model = small(wide).to("cuda" if on_gpu else "cpu")
    data = models.points(4000, seed=2)
    for recipe, end in ((BFloat16(), seconds / 2), (TorchAO("int8"), seconds / 2)):
        result = green.shrink(
            model, data, time=f"{max(20, int(end))}s", max_loss="5pt", recipes=[recipe], progress=False
        )
        name = f"%shrink, {recipe.name}"
        basis = "energy" if result.basis == "joules" else "processor time"
        row = next((row for row in result.candidates if row.name == recipe.name), None)
        if row is None or row.ratio is None:
            reason = result.reason if row is None or not row.reason else row.reason
            figures.absent.append({"name": name, "why": reason[:500]})
            continue
        figures.add(
            name,
            row.ratio.value,
            f"of the original's {basis} per inference",
            result.quality if result.basis == "joules" else "estimated",
            (row.ratio.high - row.ratio.low) / 2,
            proven=result.proven and result.recipe == recipe.name,
            note=row.reason or result.reason,
        )


def small(width: int) -> Any:
    """Return a trained network of equal layers, wide enough to load a GPU."""
    import torch

    from tests.support import models

    torch.manual_seed(0)
    model = models.Blocks(4, width)
    x, y = models.points()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model, x, y = model.to(device), x.to(device), y.to(device)
    step = torch.optim.Adam(model.parameters(), 1e-3 if width < 512 else 1e-4)
    for _ in range(60):
        step.zero_grad()
        torch.nn.functional.cross_entropy(model(x), y).backward()
        step.step()
    return model.eval()


def place(board: Board | None) -> dict[str, Any]:
    """Return a description of the machine and its software."""
    packages = {name: installed(name) for name in ("jupyter_green", "torch", "transformers", "torchao")}
    machine: dict[str, Any] = {
        "commit": commit().strip(),
        "python": platform.python_version(),
        "system": platform.platform(),
        "cores": os.cpu_count(),
        "packages": packages,
    }
    if board is not None:
        traits = board.traits
        machine["device"] = {
            "name": traits.device,
            "driver": traits.driver,
            "method": traits.method,
            "quality": traits.quality,
            "scope": traits.scope,
            "power_limit_watts": traits.power_limit,
            "duty": traits.duty,
            "note": traits.note,
        }
    return machine


def main(arguments: list[str] | None = None) -> int:
    """Measure and write the figures; return 1 if there is no GPU."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--out", type=Path, default=OUT, help="where the figures go")
    parser.add_argument("--seconds", type=float, default=225.0, help="how long all of it may take, about")
    parser.add_argument("--without-shrink", action="store_true", help="leave out what takes longest")
    options = parser.parse_args(arguments)
    figures, board = Figures(options.out), None
    end = time.monotonic() + options.seconds
    figures.machine = place(None)
    try:
        board = Board(current())
        figures.machine = place(board)
        board_ = board

        def idle() -> None:
            time.sleep(IDLE)

        def steady() -> None:
            load(STEADY)

        def squares() -> None:
            for _ in range(SQUARES):
                load(0.25)
                time.sleep(0.25)

        figures.part("idle", lambda: agreement(figures, board_, "idle", idle), end)
        figures.part("latency", lambda: latency(figures, board_), end)
        try:
            load = board.load()
            figures.part("steady load", lambda: agreement(figures, board_, "steady load", steady), end)
            figures.part("load on and off", lambda: agreement(figures, board_, "load on and off", squares), end)
            takes = seconds_of(STRETCHES, board.traits.period[1])
            figures.part("calibrate", lambda: calibrated(figures, board_), end - takes)
        except NoLoadError as error:
            figures.absent.append({"name": "steady load, load on and off, calibrate", "why": str(error)})
        if not options.without_shrink:
            left = max(40.0, end - time.monotonic() - 20.0)
            figures.part("shrink", lambda: shrunk(figures, board_, left), end)
    except AbsentError as error:
        figures.absent.append({"name": "all", "why": str(error)})
    figures.write()
    for absence in figures.absent:
        print(f"Absent: {absence['name']}: {absence['why']}")
    print(f"{len(figures.figures)} figures in {options.out}, {figures.seconds:.0f} s")
    return 0 if board is not None else 1


if __name__ == "__main__":
    sys.exit(main())
