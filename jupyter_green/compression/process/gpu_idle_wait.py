"""A little patience on a shared GPU: before anything of ours runs, wait until others pause, and say so if they don't.

Trials on a board that others use can prove nothing; seconds of waiting are cheaper than a search in vain. It never
waits long, since a busy board may stay so for days.
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
    """Wait until nobody uses a device; return in one sentence that somebody still does, None where nobody does.

    Parameters
    ----------
    busy : callable
        Whether it is in use now.
    seconds : float
        Longest wait.
    pause : callable
        Lets so many seconds pass.
    """
    for _ in range(max(1, int(seconds / LOOK_SECONDS))):
        if not busy():
            return None
        pause(LOOK_SECONDS)
    if not busy():
        return None
    return "Others use the GPU: while their part can't be told, nothing is proven. Try again when it is quiet."


def used_by_others(device: Any) -> Callable[[], bool]:
    """Return a look at whether a GPU is in use, to be asked while nothing of ours runs; untested on hardware."""
    import torch

    def busy() -> bool:
        torch.cuda.synchronize(device)
        try:
            return int(torch.cuda.utilization(device)) > BUSY_PERCENT
        except (ModuleNotFoundError, RuntimeError, AttributeError):
            return False  # a driver that doesn't tell; the laps will

    return busy
