"""Waiting for an accelerator to finish what it was given, so that a window's edge means what it says.

Only for windows somebody asked for (`%%energy`, `%energyit`, trials); a silently metered cell is never
slowed. Only libraries that the user has loaded, and devices they have used, are touched.
"""

from __future__ import annotations

import sys


def synchronize() -> None:
    """Wait for queued work on devices in use by libraries that are already imported."""
    torch = sys.modules.get("torch")
    if torch is None or not hasattr(torch, "cuda"):
        return
    if torch.cuda.is_available() and torch.cuda.is_initialized():
        for device in range(torch.cuda.device_count()):
            torch.cuda.synchronize(device)
    mps = getattr(torch, "mps", None)
    if mps is not None and sys.platform == "darwin" and torch.backends.mps.is_available():
        mps.synchronize()
