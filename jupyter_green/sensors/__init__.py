"""Energy and power sensors: one module or folder per source, all with the interface in `base`."""

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
