"""Thermal throttling events of the CPU, as Linux counts them per core and package (Intel only)."""

from __future__ import annotations

from pathlib import Path

from .base import Condition

ROOT = Path("/sys/devices/system/cpu")


class ThrottleCounts:
    """Sum of the counts of all cores and packages; their files are located once."""

    def __init__(self) -> None:
        self._files = sorted(ROOT.glob("cpu[0-9]*/thermal_throttle/*_throttle_count"))

    def condition(self) -> Condition | None:
        """Return the sum of the counts; None if there are none or one can't be read."""
        if not self._files:
            return None
        try:
            return Condition(throttlings=sum(int(file.read_bytes()) for file in self._files))
        except (OSError, ValueError):  # a core was taken offline
            self._files = [file for file in self._files if file.exists()]
            return None
