"""Floor 1: what the hardware says. One module per source, all behind the interface in `sensor`."""

from .discovery import discover
from .sensor import (
    Attributing,
    Checked,
    Condition,
    Conditioned,
    Discovery,
    Finding,
    Limited,
    Reading,
    Sensor,
    SensorFault,
    Traits,
    Usage,
)

__all__ = [
    "Attributing",
    "Checked",
    "Condition",
    "Conditioned",
    "Discovery",
    "Finding",
    "Limited",
    "Reading",
    "Sensor",
    "SensorFault",
    "Traits",
    "Usage",
    "discover",
]
