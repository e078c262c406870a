"""Known loads: work that keeps a device busy between two moments, for calibrating its counter.

On an NVIDIA GPU that is the product of two large matrices, again and again, by PyTorch if it is installed. The
device is synchronised at both ends, so the moments are those at which it began and ended its work, as near
as the host can see. Untested on hardware so far.
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
"""Rows of the matrices: two of them and their product take 200 MB of the device's memory."""

AHEAD = 4
"""Products that are given to the device before it is waited for, so that it never waits for the host."""


class NoLoadError(GreenError, ValueError):
    """No known load can run here; the message is one sentence."""


class MatrixLoad:
    """Products of matrices on one CUDA device.

    Parameters
    ----------
    torch : module
        PyTorch.
    index : int
        The device's number with PyTorch.
    """

    def __init__(self, torch: Any, index: int) -> None:
        self._torch = torch
        self._device = torch.device("cuda", index)
        try:
            self._left = torch.rand(SIDE, SIDE, device=self._device)
            self._product = torch.empty_like(self._left)
            self(0.2)  # the first products load what is lazy
        except RuntimeError as error:
            text = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise NoLoadError(f"The GPU could not be given a load: {text}") from error

    def __call__(self, seconds: float) -> tuple[float, float]:
        """Keep the device busy for about so long; return when that began and ended."""
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
    found = [n for n, name in enumerate(names) if name and uuid.removeprefix("GPU-") == name.removeprefix("GPU-")]
    if not found and len(names) == 1:
        found = [0]
    return MatrixLoad(torch, found[0]) if found else None


loads: list[Callable[[SensorInfo], Load | None]] = [_with_torch]
"""Ways to get a load for a device, tried in turn; each returns None where it has none for it."""


def known_load(traits: SensorInfo) -> Load:
    """Return a load for a sensor's device.

    Raises
    ------
    NoLoadError
        If there is none; one sentence.
    """
    for way in loads:
        load = way(traits)
        if load is not None:
            return load
    raise NoLoadError(
        f"There is no known load for {traits.device} here: it takes an NVIDIA GPU and a PyTorch that can use it."
    )
