"""The meters as a program calls them: one call before a stretch of work, one after it, and what is said then.

Each is used as its own documentation shows and left at its defaults, apart from being kept quiet, off the
network and (Zeus) from needing PyTorch. Only the GPU's joules are asked for: what a meter assumes of
processor, memory or cooling is left out, CarbonTracker's cooling factor divided out. This module runs in
the process of the meter, so a library is imported only by the gauge that needs it.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

KWH = 3.6e6


@dataclass(frozen=True)
class Said:
    """What a meter says of a window: joules, the half-width of its 95 % interval, and its remark."""

    joules: float | None
    half_width: float | None = None
    remark: str | None = None


class Gauge:
    """A meter that knows nothing: the control, and what the others have in common."""

    def prepare(self) -> None:
        """Do what is the benchmark's own part of a window, before anything is timed."""

    def begin(self) -> None:
        """Start metering."""

    def end(self) -> Any:
        """Stop metering and return what `said` needs."""
        return None

    def at_once(self, ended: Any) -> Said | None:
        """What the meter says right after the end, where that is not its last word."""
        return None

    def settled(self, ended: Any, patience: float) -> float | None:
        """Wait for the last word; return its moment, None where there is nothing to wait for."""
        return None

    def said(self, ended: Any) -> Said:
        """The last word."""
        return Said(None)

    def close(self) -> None:
        """Release the meter."""


class Green(Gauge):
    """jupyter_green: a silently metered block; nobody waits for its record."""

    def __init__(self) -> None:
        import jupyter_green

        self._meter: Callable[[str], Any] = jupyter_green.metering
        self._window: Any = None
        self._final: dict[str, float] = {}
        self._arrived = threading.Event()

    def prepare(self) -> None:
        self._arrived.clear()

    def begin(self) -> None:
        self._window = self._meter("cell")
        self._window.when_final.append(self._note)
        self._window.__enter__()

    def _note(self, record: Any) -> None:
        self._final[record.id] = time.perf_counter()
        self._arrived.set()

    def end(self) -> Any:
        self._window.__exit__(None, None, None)
        return self._window

    def at_once(self, ended: Any) -> Said:
        return _of_record(ended.so_far())

    def settled(self, ended: Any, patience: float) -> float | None:
        limit = time.perf_counter() + patience
        while ended.id not in self._final and time.perf_counter() < limit:
            self._arrived.wait(limit - time.perf_counter())
            self._arrived.clear()
        return self._final.get(ended.id)

    def said(self, ended: Any) -> Said:
        return _of_record(ended.record)

    def close(self) -> None:
        from jupyter_green.session import end

        end()


def _of_record(record: Any) -> Said:
    """The GPU's part of a record; the sensor's gain, which no simulated board here gets wrong, is left out of ±."""
    part = next((part for part in record.components if part.kind == "gpu"), None)
    if part is None:
        return Said(None, None, "it saw no GPU")
    if part.joules is None:
        return Said(None, None, part.note)
    whole, gain = part.uncertainty or 0.0, part.gain_uncertainty or 0.0
    random = math.inf if math.isinf(whole) else math.sqrt(max(0.0, whole**2 - gain**2))
    return Said(part.joules, random, part.note)


class Difference(Gauge):
    """The counter read before and after, with NVIDIA's own binding."""

    def __init__(self) -> None:
        import pynvml

        pynvml.nvmlInit()
        board = pynvml.nvmlDeviceGetHandleByIndex(0)
        self._read: Callable[[], int] = lambda: pynvml.nvmlDeviceGetTotalEnergyConsumption(board)
        self._first = 0

    def begin(self) -> None:
        self._first = self._read()

    def end(self) -> Any:
        return (self._read() - self._first) / 1000

    def said(self, ended: Any) -> Said:
        return Said(ended)


class Zeus(Gauge):
    """Zeus: `ZeusMonitor`, `begin_window` and `end_window`."""

    approximate = False

    def __init__(self) -> None:
        from zeus.monitor import ZeusMonitor

        self._monitor = ZeusMonitor(approx_instant_energy=self.approximate)

    def begin(self) -> None:
        # restart: after a window that raised, the next one can begin.
        self._monitor.begin_window("cell", sync_execution=False, restart=True)

    def end(self) -> Any:
        return self._monitor.end_window("cell", sync_execution=False)

    def said(self, ended: Any) -> Said:
        return Said(float(sum(ended.gpu_energy.values())))


class ZeusApproximate(Zeus):
    """Zeus with power × time in place of a reading of exactly 0."""

    approximate = True


class CodeCarbon(Gauge):
    """CodeCarbon: one tracker, a task for each window."""

    def __init__(self) -> None:
        from codecarbon import OfflineEmissionsTracker

        self._tracker = OfflineEmissionsTracker(country_iso_code="FRA", save_to_file=False, log_level="critical")
        self._count = 0

    def prepare(self) -> None:
        self._count += 1

    def begin(self) -> None:
        self._tracker.start_task(f"cell {self._count}")

    def end(self) -> Any:
        return self._tracker.stop_task(f"cell {self._count}")

    def said(self, ended: Any) -> Said:
        return Said(ended.gpu_energy * KWH)

    def close(self) -> None:
        self._tracker.stop()


class CarbonTracker(Gauge):
    """CarbonTracker: an epoch for each window, of the GPU alone."""

    def __init__(self) -> None:
        from carbontracker import constants
        from carbontracker.tracker import CarbonTracker

        self._cooling = float(constants.PUE_2023)
        self._tracker = CarbonTracker(epochs=1_000_000, epochs_before_pred=0, components="gpu", verbose=0)
        self._count = 0

    def begin(self) -> None:
        self._tracker.epoch_start()

    def end(self) -> Any:
        self._tracker.epoch_end()
        self._count += 1
        return self._count - 1

    def said(self, ended: Any) -> Said:
        return Said(float(self._tracker.tracker.total_energy_per_epoch()[ended]) * KWH / self._cooling)

    def close(self) -> None:
        self._tracker.stop()


class PyJoules(Gauge):
    """pyJoules: `EnergyMeter` on the devices it finds."""

    def __init__(self) -> None:
        from pyJoules.device.device_factory import DeviceFactory
        from pyJoules.energy_meter import EnergyMeter

        self._meter = EnergyMeter(DeviceFactory.create_devices())

    def begin(self) -> None:
        self._meter.start()

    def end(self) -> Any:
        self._meter.stop()
        return self._meter.get_trace()

    def said(self, ended: Any) -> Said:
        return Said(sum(value for name, value in ended[0].energy.items() if name.startswith("nvidia_gpu")) / 1000)


class EcoML(Gauge):
    """EcoML: what its cell hook calls before and after a cell, without the card it draws."""

    def __init__(self) -> None:
        from ecoml import EcoTracker

        self._tracker = EcoTracker("emissions_log.csv")

    def begin(self) -> None:
        self._tracker.start_cell()

    def end(self) -> Any:
        return self._tracker.end_cell()

    def said(self, ended: Any) -> Said:
        return Said(ended["gpu_power_w"] * ended["runtime_sec"])


@dataclass(frozen=True)
class Meter:
    """A line of the tables: its name, the distribution it comes from and its gauge."""

    name: str
    package: str
    gauge: type[Gauge]


METERS = {
    "green": Meter("jupyter_green", "jupyter_green", Green),
    "difference": Meter("counter difference (pynvml)", "nvidia-ml-py", Difference),
    "zeus": Meter("Zeus", "zeus", Zeus),
    "zeus-approx": Meter("Zeus, approx_instant_energy", "zeus", ZeusApproximate),
    "codecarbon": Meter("CodeCarbon, tasks", "codecarbon", CodeCarbon),
    "carbontracker": Meter("CarbonTracker, epochs", "carbontracker", CarbonTracker),
    "pyjoules": Meter("pyJoules", "pyJoules", PyJoules),
    "ecoml": Meter("EcoML", "ecoml", EcoML),
    "control": Meter("no meter (control)", "", Gauge),
}
