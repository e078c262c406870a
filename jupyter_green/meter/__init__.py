"""Floor 2: readings become the joules of a window and their interval."""

from .exact import ExactTimeline
from .meter import Meter
from .power import PowerTimeline
from .timeline import Energy, Timeline

__all__ = ["Energy", "ExactTimeline", "Meter", "PowerTimeline", "Timeline"]
