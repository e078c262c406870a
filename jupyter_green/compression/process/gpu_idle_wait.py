"""Wait briefly until a shared GPU is idle, and report it if it isn't.

Benchmarks on a GPU that others use can't prove anything, so a wait of seconds is cheaper than a failed search. The wait
is short, since a busy GPU may stay busy for days.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

PATIENCE_SECONDS, LOOK_SECONDS = 10.0, 0.5
BUSY_PERCENT = 10


def wait_for_idle_gpu(
    busy: Callable[[], bool], seconds: float, pause: Callable[[float], None] = time.sleep
) -> str | None:
    """Wait until a device is idle, some seconds at most; return a sentence if it isn't, None if it is.

    `busy` returns whether the device is in use.
    """
    for _ in range(max(1, int(seconds / LOOK_SECONDS))):
        if not busy():
            return None
        pause(LOOK_SECONDS)
    if not busy():
        return None
    return "Others use the GPU; their share is unknown, so nothing is proven. Try again when it is quiet."


def used_by_others(device: Any) -> Callable[[], bool]:
    """Return a function that tests whether others use a GPU, for calls while this process is idle.

    Untested on hardware.
    """
    import torch

    def busy() -> bool:
        torch.cuda.synchronize(device)
        try:
            return int(torch.cuda.utilization(device)) > BUSY_PERCENT
        except (ModuleNotFoundError, RuntimeError, AttributeError):
            return False  # the driver doesn't report utilization; the benchmark will show it

    return busy
