"""Floor 0: the nouns. Plain data with units and intervals; no input or output happens here."""

from .component import Component, Kind, Method, Quality
from .energy import SCHEMA_VERSION, SHRUNK, EnergyRecord, Purpose, Span, Status, new_id
from .trace import Trace

__all__ = [
    "SCHEMA_VERSION",
    "SHRUNK",
    "Component",
    "EnergyRecord",
    "Kind",
    "Method",
    "Purpose",
    "Quality",
    "Span",
    "Status",
    "Trace",
    "new_id",
]
