"""A meter in a separate process: the process itself (`serve`) and its handle (`Station`).

Requests and results are lines of JSON on separate pipes, because meters print. Times are `time.perf_counter()`, which
is one clock for all processes on Linux. A window is opened shortly before the work begins and closed after it; the
result has the times between which the meter was active, and the true energy is that between these times.
"""

from __future__ import annotations

import ctypes
import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any

from .gauge import METERS, Gauge
from .guard import GUARD, processor_seconds

ROOT = Path(__file__).resolve().parents[1]
EARLY = 0.0015
"""Seconds by which a window is opened before its work."""

LONG = 1.0
"""Windows of at least this length in seconds give a meter's background load."""

PATIENCE = 15.0


class StationFault(Exception):
    """The meter can't be used here; the message can be shown below a table."""


class Station:
    """The handle of a meter's process.

    Parameters
    ----------
    key : str
        Key of the meter in `METERS`.
    folder : Path
        Home and working folder of the process.
    environment : dict of str to str
        All environment variables of the process.
    """

    def __init__(self, key: str, folder: Path, environment: dict[str, str]) -> None:
        self.key = key
        self.refused: tuple[str, ...] = ()
        orders, self._orders = os.pipe()
        self._answers, answers = os.pipe()
        path = os.pathsep.join(part for part in (str(ROOT), environment.get("PYTHONPATH", "")) if part)
        with (folder / "printed.txt").open("wb") as printed:
            self._process = subprocess.Popen(
                [sys.executable, "-W", "ignore", "-m", "benchmarks.station", key, str(orders), str(answers)],
                env={**environment, "PYTHONPATH": path},
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=printed,
                stderr=printed,
                pass_fds=(orders, answers),
            )
        os.close(orders)
        os.close(answers)
        self._rest = b""

    def order(self, windows: Sequence[tuple[float, float]]) -> None:
        """Request windows to be metered one after the other, at given times."""
        try:
            os.write(self._orders, json.dumps(windows).encode() + b"\n")
        except BrokenPipeError:
            raise StationFault(f"its process ended ({self._process.wait(timeout=5)})") from None

    def answer(self, patience: float) -> Any:
        """Return the next result.

        Raises
        ------
        StationFault
            If the meter raised, its process ended, or nothing came in time.
        """
        limit = time.perf_counter() + patience
        while b"\n" not in self._rest:
            ready, _, _ = select.select([self._answers], [], [], max(0.0, limit - time.perf_counter()))
            if not ready:
                raise StationFault(f"did not answer within {patience:.0f} s")
            data = os.read(self._answers, 1 << 16)
            if not data:
                raise StationFault(f"its process ended ({self._process.wait(timeout=5)})")
            self._rest += data
        line, _, self._rest = self._rest.partition(b"\n")
        message = json.loads(line)
        if "fault" in message:
            raise StationFault(message["fault"])
        self.refused = tuple(message.get("refused", self.refused))
        return message.get("windows")

    def close(self) -> None:
        """End the process and its child processes."""
        import psutil

        try:
            started = psutil.Process(self._process.pid).children(recursive=True)
        except psutil.NoSuchProcess:
            started = []
        os.close(self._orders)
        try:
            self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        os.close(self._answers)
        for child in started:  # some meters leave helper processes behind
            if child.is_running():
                child.kill()


# ---- the process ------------------------------------------------------------------------------------------


def serve(key: str, orders: IO[str], answers: IO[str]) -> None:
    """Meter requested windows until the requests end."""
    scope: dict[str, Any] = {}
    exec(GUARD, scope)

    def tell(**told: Any) -> None:
        answers.write(json.dumps(told) + "\n")
        answers.flush()

    try:
        gauge = METERS[key].gauge()
        look = _look_at_the_driver()
    except Exception as fault:  # noqa: BLE001 - any error is this meter's reason
        tell(fault=_sentence(fault))
        return
    tell(refused=scope["_refused"])
    for line in orders:
        try:
            # Load the new power steps now, so that no meter is charged for the simulation.
            look()
            tell(windows=_meter(gauge, json.loads(line)), refused=scope["_refused"])
        except Exception as fault:  # noqa: BLE001 - the meter failed, the benchmark goes on
            tell(fault=_sentence(fault))
    gauge.close()


def _meter(gauge: Gauge, windows: list[list[float]]) -> list[dict[str, Any]]:
    children = _children()
    ended: list[Any] = []
    results: list[dict[str, Any]] = []
    alone = len(windows) == 1
    for start, end in windows:
        gauge.prepare()
        _wait_until(start - EARLY)
        before, began = _spent(children), time.perf_counter()
        gauge.begin()
        opened = time.perf_counter()
        background = _spent(children)
        _wait_until(end)
        background = _spent(children) - background
        closed = time.perf_counter()
        ended.append(gauge.end())
        done = time.perf_counter()
        before_provisional = time.thread_time()
        at_once = gauge.at_once(ended[-1]) if alone else None
        results.append(
            {
                "opened": opened,
                "lag": opened - start,
                "closed": closed,
                "starting": opened - began,
                "stopping": done - closed,
                "at_once": asdict(at_once) if at_once else None,
                "background": background / (closed - opened) if end - start >= LONG else None,
                # Requesting a provisional figure is not part of metering.
                "spent": before + time.thread_time() - before_provisional,
            }
        )
    for token, window in zip(ended, results, strict=True):
        final = gauge.settled(token, PATIENCE)
        window["settled"] = final - window["closed"] if final is not None else None
    spent = _spent(children)
    for token, window in zip(ended, results, strict=True):
        window["spent"] = spent - window["spent"] if alone else None
        window["said"] = asdict(gauge.said(token))
    return results


def _wait_until(moment: float) -> None:
    while (rest := moment - time.perf_counter()) > 0:
        time.sleep(rest)


def _children() -> list[int]:
    files = Path("/proc/self/task").glob("*/children")
    return [int(pid) for file in files for pid in file.read_text().split()]


def _spent(children: list[int]) -> float:
    return time.process_time() + sum(processor_seconds(pid) for pid in children)


def _sentence(fault: BaseException) -> str:
    text = (str(fault).strip().splitlines() or [""])[0][:160]
    return f"{type(fault).__name__}: {text}" if text else type(fault).__name__


def _look_at_the_driver() -> Callable[[], None]:
    """Return a function that makes the simulated library reload its state file."""
    library = ctypes.CDLL("libnvidia-ml.so.1")
    library.nvmlInit_v2()
    board, mode = ctypes.c_void_p(), ctypes.c_int()
    library.nvmlDeviceGetHandleByIndex_v2(0, ctypes.byref(board))
    return lambda: library.nvmlDeviceGetPersistenceMode(board, ctypes.byref(mode))


if __name__ == "__main__":
    with os.fdopen(int(sys.argv[2]), encoding="utf-8") as given, os.fdopen(int(sys.argv[3]), "w") as told_back:
        serve(sys.argv[1], given, told_back)
