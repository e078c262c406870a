"""Turns sensor readings into the energy of a window and its uncertainty."""

from .counter.timeline import Energy, Timeline
from .cpu_time import CpuTimeline
from .meter import Meter
from .power.timeline import PowerTimeline

__all__ = ["CpuTimeline", "Energy", "Meter", "PowerTimeline", "Timeline"]
