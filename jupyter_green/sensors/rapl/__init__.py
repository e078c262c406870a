"""Energy counters (RAPL) of Intel and AMD CPUs, read from Linux' powercap tree."""

from __future__ import annotations

from .discovery import discover

__all__ = ["discover"]
