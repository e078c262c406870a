"""A record as the flat tuple that a ledger reads of it."""

from __future__ import annotations

from jupyter_green.records import EnergyRecord
from jupyter_green.records.component import Component
from jupyter_green.records.flat import RECORD_FIELDS, FlatPart, FlatRecord
from jupyter_green.records.record import is_simulated


def flat_of(record: EnergyRecord, inside: bool) -> FlatRecord:
    values = [getattr(record, name) for name in RECORD_FIELDS if name != "simulated"]
    values.insert(RECORD_FIELDS.index("simulated"), is_simulated(record))
    return FlatRecord._make((*values, inside, record.shrinks, tuple(_flat_part(part) for part in record.components)))


def _flat_part(part: Component) -> FlatPart:
    values = [getattr(part, name) for name in FlatPart._fields[:-1]]
    return FlatPart._make((*values, None if part.throttle is None else ",".join(part.throttle)))
