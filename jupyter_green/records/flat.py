"""Records as flat tuples with the fields needed for sums and comparisons; ten times faster to create."""

from __future__ import annotations

from typing import NamedTuple

from .component import Component, Kind, Method, Quality
from .record import EnergyRecord, Span, Status
from .shrink_outcome import ShrinkOutcome


class FlatPart(NamedTuple):
    """One device's fields of `Component`; the codes of `throttle` are joined by commas."""

    kind: Kind
    device: str
    key: str
    source: str
    quality: Quality
    method: Method
    joules: float | None
    uncertainty: float | None
    gain_uncertainty: float | None
    shared: bool | None
    cpu_seconds: float | None
    others_busy: float | None
    celsius: float | None
    clock_mhz: float | None
    clock_spread_mhz: float | None
    throttle: str | None


class FlatRecord(NamedTuple):
    """The fields of a record. `inside`: whether its energy is included in another selected record.

    From a ledger, only the records of trials have their `shrinks`.
    """

    id: str
    parent: str | None
    run_id: str
    started_at: float
    seconds: float
    span: Span
    status: Status
    simulated: bool
    project: str | None
    notebook: str | None
    cell_id: str | None
    code_hash: str | None
    label: str | None
    execution_count: int | None
    units: float | None
    unit: str | None
    inside: bool
    shrinks: tuple[ShrinkOutcome, ...]
    parts: tuple[FlatPart, ...]

    @property
    def final(self) -> bool:
        """Always True: records in a ledger are final."""
        return True

    @property
    def search(self) -> ShrinkOutcome | None:
        """Outcome of the search that this record describes; None for other records."""
        return self.shrinks[-1] if self.span == "trial" and self.shrinks else None

    def record(self) -> EnergyRecord:
        """Return an `EnergyRecord` with the available fields."""
        parts = (
            Component(
                part.kind,
                part.device,
                part.key,
                part.joules,
                part.uncertainty,
                part.gain_uncertainty,
                part.method,
                part.quality,
                "",
                part.source,
            )
            for part in self.parts
        )
        values = {
            name: getattr(self, name) for name in RECORD_FIELDS if name not in ("simulated", "seconds", "started_at")
        }
        return EnergyRecord(tuple(parts), self.seconds, self.started_at, shrinks=self.shrinks, **values)


RECORD_FIELDS = FlatRecord._fields[:-3]
"""Fields that are also columns of the ledger, in this order."""
