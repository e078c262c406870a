"""Waits for queued work on an accelerator, so that a window's edges match its work.

Used only for windows that the user requests (`%%energy`, `%energyit`, trials); automatically metered cells are never
slowed. Touches only libraries that are already imported and devices that are in use.
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
