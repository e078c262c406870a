"""Adapters of the meters: one call before a piece of work, one after it, and the energy they report.

Each is used as its own documentation shows, with its defaults, except that output and network access are disabled and
Zeus is kept from needing PyTorch. Only the GPU's energy is compared: what a meter assumes for CPU, memory or cooling is
left out, and CarbonTracker's cooling factor is divided out. This module runs in the meter's process, so each library
is imported only by its own adapter.
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
    """Result of a window: joules, half-width of the 95 % interval, and a remark."""

    joules: float | None
    half_width: float | None = None
    remark: str | None = None


class Gauge:
    """Base class of the adapters, and the control: a meter that measures nothing."""

    def prepare(self) -> None:
        """Do the benchmark's own preparation of a window, before timing begins."""

    def begin(self) -> None:
        """Start metering."""

    def end(self) -> Any:
        """Stop metering and return the argument of `said`."""
        return None

    def at_once(self, ended: Any) -> Said | None:
        """Return the provisional figure right after the end, if it is not final."""
        return None

    def settled(self, ended: Any, patience: float) -> float | None:
        """Wait for the final figure; return its time, None if there is nothing to wait for."""
        return None

    def said(self, ended: Any) -> Said:
        """Return the final figure."""
        return Said(None)

    def close(self) -> None:
        """Release the meter."""


class Green(Gauge):
    """jupyter_green: a silently metered block, without waiting for its record."""

    def __init__(self) -> None:
        import jupyter_green

        self._meter: Callable[[str], Any] = jupyter_green.meter
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
    """Return the GPU's part of a record; ± is without the gain error, which simulated GPUs do not have."""
    part = next((part for part in record.components if part.kind == "gpu"), None)
    if part is None:
        return Said(None, None, "it saw no GPU")
    if part.joules is None:
        return Said(None, None, part.note)
    whole, gain = part.uncertainty or 0.0, part.gain_uncertainty or 0.0
    random = math.inf if math.isinf(whole) else math.sqrt(max(0.0, whole**2 - gain**2))
    return Said(part.joules, random, part.note)


class Difference(Gauge):
    """Difference of the counter before and after, read with NVIDIA's own binding."""

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
        # restart: allows the next window after one that raised an error.
        self._monitor.begin_window("cell", sync_execution=False, restart=True)

    def end(self) -> Any:
        return self._monitor.end_window("cell", sync_execution=False)

    def said(self, ended: Any) -> Said:
        return Said(float(sum(ended.gpu_energy.values())))


class ZeusApproximate(Zeus):
    """Zeus with power × time instead of a reading of exactly 0."""

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
    """CarbonTracker: an epoch for each window, GPU only."""

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
    """EcoML: the calls of its cell hook before and after a cell, without its output."""

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
    """A row of the tables: its name, its distribution and its adapter."""

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
