"""Floor 2: readings become the joules of a window and their interval."""

from .counter.timeline import Energy, Timeline
from .cpu_time import CpuTimeline
from .meter import Meter
from .power.timeline import PowerTimeline

__all__ = ["CpuTimeline", "Energy", "Meter", "PowerTimeline", "Timeline"]
