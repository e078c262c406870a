"""Known loads: work that keeps a device busy between two known times, to calibrate its counter.

On an NVIDIA GPU this is a repeated product of large matrices with PyTorch. The device is synchronised before and after,
so both times are accurate as seen from the host. Untested on real hardware so far.
"""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Callable
from typing import Any

from jupyter_green.errors import GreenError
from jupyter_green.sensors import SensorInfo
from jupyter_green.session.calibration_runner import Load

SIDE = 4096
"""Rows and columns of the matrices; together they take under 200 MB of device memory."""

AHEAD = 4
"""Products queued before each synchronisation, so that the device does not wait for the host."""


class NoLoadError(GreenError, ValueError):
    """No known load can run here; the message is one sentence."""


class MatrixLoad:
    """Repeated matrix products on one CUDA device, by PyTorch's index of it."""

    def __init__(self, torch: Any, index: int) -> None:
        self._torch = torch
        self._device = torch.device("cuda", index)
        try:
            self._left = torch.rand(SIDE, SIDE, device=self._device)
            self._product = torch.empty_like(self._left)
            self(0.2)  # warm up: the first products load libraries
        except RuntimeError as error:
            text = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise NoLoadError(f"The GPU could not be given a load: {text}") from error

    def __call__(self, seconds: float) -> tuple[float, float]:
        """Keep the device busy for about `seconds`; return start and end (`time.perf_counter`)."""
        torch = self._torch
        torch.cuda.synchronize(self._device)
        began = time.perf_counter()
        while time.perf_counter() - began < seconds:
            for _ in range(AHEAD):
                torch.mm(self._left, self._left, out=self._product)
            torch.cuda.synchronize(self._device)
        return began, time.perf_counter()


def _with_torch(traits: SensorInfo) -> Load | None:
    if traits.source != "nvidia" or importlib.util.find_spec("torch") is None:
        return None
    import torch

    if not torch.cuda.is_available():
        return None
    uuid = traits.key.partition(":")[2]
    names = [str(getattr(torch.cuda.get_device_properties(n), "uuid", "")) for n in range(torch.cuda.device_count())]
    matches = [n for n, name in enumerate(names) if name and uuid.removeprefix("GPU-") == name.removeprefix("GPU-")]
    if not matches and len(names) == 1:
        matches = [0]
    return MatrixLoad(torch, matches[0]) if matches else None


loads: list[Callable[[SensorInfo], Load | None]] = [_with_torch]
"""Factories of loads, tried in order; each returns None for a device that it does not support."""


def known_load(traits: SensorInfo) -> Load:
    """Return a load for a sensor's device. Raises NoLoadError if there is none (one sentence)."""
    for factory in loads:
        load = factory(traits)
        if load is not None:
            return load
    raise NoLoadError(
        f"There is no known load for {traits.device} here: it takes an NVIDIA GPU and a PyTorch that can use it."
    )
