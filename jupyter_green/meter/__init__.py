"""Floor 2: readings become the joules of a window and their interval."""

from .meter import Meter
from .power import PowerTimeline
from .timeline import Energy, Timeline

__all__ = ["Energy", "Meter", "PowerTimeline", "Timeline"]
