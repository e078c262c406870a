"""Floor 1: what the hardware says. One module per source, all behind the interface in `sensor`."""

from .base import (
    Attributing,
    Checked,
    Condition,
    Conditioned,
    Diagnostic,
    Discovery,
    Limited,
    Reading,
    Sensor,
    SensorFault,
    SensorInfo,
    Usage,
)
from .discovery import discover

__all__ = [
    "Attributing",
    "Checked",
    "Condition",
    "Conditioned",
    "Diagnostic",
    "Discovery",
    "Limited",
    "Reading",
    "Sensor",
    "SensorFault",
    "SensorInfo",
    "Usage",
    "discover",
]
