"""A moment on the three clocks that metering needs."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Timestamp:
    """A moment on three clocks, in seconds."""

    time: float
    """`time.perf_counter()`."""
    cpu: float
    """Processor time of this process and its reaped children."""
    wall: float
    """Unix time."""
