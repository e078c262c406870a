"""Energy records and their parts: plain data with units and intervals, without input or output."""

from .component import Component, Kind, Method, Quality, weakest
from .conditions import Conditions, Throttle, Unfair, unfair
from .record import SCHEMA_VERSION, EnergyRecord, Purpose, Span, Status, cell_key, is_simulated, new_id
from .trace import Trace

__all__ = [
    "SCHEMA_VERSION",
    "Component",
    "Conditions",
    "EnergyRecord",
    "Kind",
    "Method",
    "Purpose",
    "Quality",
    "Span",
    "Status",
    "Throttle",
    "Trace",
    "Unfair",
    "cell_key",
    "is_simulated",
    "new_id",
    "unfair",
    "weakest",
]
