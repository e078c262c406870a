"""Intel and AMD processors: the energy counters (RAPL) that Linux shows in the powercap tree."""

from __future__ import annotations

from .discovery import discover

__all__ = ["discover"]
