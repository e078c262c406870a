"""The energy record of one window, the central data type of the package.

Sums are computed from the components and never stored beside them, so that a record cannot contradict itself. Random
errors of components are independent and add in quadrature. Gain errors are fully correlated within one source (two GPUs
read by one driver) and add linearly there.
"""

from __future__ import annotations

import math
import uuid
from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal

from .component import Component, Quality, weakest
from .shrink_outcome import ShrinkOutcome, old_outcomes
from .statistics import random_half_width
from .trace import Trace
from .upper_bound import is_upper_bound

SCHEMA_VERSION = 1
"""Version of `EnergyRecord.to_dict`; incremented when the meaning of a field changes."""

Status = Literal["ok", "error", "interrupted", "killed"]
Span = Literal["cell", "window", "gap", "trial"]
Purpose = Literal["inference", "training", "other"]


def new_id() -> str:
    """Return a new record id."""
    return uuid.uuid4().hex


def cell_key(cell_id: str | None, record_id: str) -> str:
    """Return the key that executions of one cell share: its id, or without one the record's own id."""
    return cell_id or f"#{record_id}"


@dataclass(frozen=True)
class EnergyRecord:
    """Energy of one window of time, with its interval and provenance.

    Parameters
    ----------
    components : tuple of Component
        One per device.
    seconds : float
        Length of the window on the monotonic clock, in seconds.
    started_at : float
        Start in seconds since 1970 (UTC). For display and reports, never for durations.
    status : {"ok", "error", "interrupted", "killed"}
        How the window ended.
    final : bool
        False while the figures may still change.
    span : {"cell", "window", "gap", "trial"}
        A notebook cell, a `green.meter()` block, the idle time between cells, or a trial of a candidate.
    parent : str or None
        Id of the record whose window encloses this one and includes its energy. Totals count only records whose
        parent is not counted.
    units, unit : float, str or None
        Number and name of the units of work (tokens, images), for `joules_per_unit`.
    batch_size : int or None
        Units processed at a time, which affects joules per unit. None if unknown or not constant.
    overhead_seconds : float
        CPU time of the metering itself, in seconds.
    purpose : {"inference", "training", "other"} or None
        What a model was used for; for budgets and display only, not for prices. None if not detected.
    co2e_grams, cost, currency : float, float, str or None
        Set if a region or a tariff is configured.
    tariff : str or None
        Version of the tariff used for `cost`.
    notes : tuple of str
        Notes for the reader; never parsed by code.
    shrinks : tuple of ShrinkOutcome
        For the record of a model search, its outcome; for a cell or block, those of the searches that ran in it.
    """

    components: tuple[Component, ...]
    seconds: float
    started_at: float
    id: str = field(default_factory=new_id)
    run_id: str = ""
    parent: str | None = None
    span: Span = "cell"
    status: Status = "ok"
    final: bool = True
    label: str | None = None
    cell_id: str | None = None
    execution_count: int | None = None
    code_hash: str | None = None
    notebook: str | None = None
    project: str | None = None
    units: float | None = None
    unit: str | None = None
    batch_size: int | None = None
    purpose: Purpose | None = None
    overhead_seconds: float = 0.0
    co2e_grams: float | None = None
    co2e_source: str | None = None
    cost: float | None = None
    currency: str | None = None
    tariff: str | None = None
    notes: tuple[str, ...] = ()
    shrinks: tuple[ShrinkOutcome, ...] = ()
    trace: Trace | None = field(default=None, repr=False, compare=False)

    # ---- sums ---------------------------------------------------------------------------------

    @property
    def joules(self) -> float | None:
        """Sum of the readings in joules; None if no device could be read."""
        readings = [part.joules for part in self.components if part.joules is not None]
        return math.fsum(readings) if readings else None

    @property
    def incomplete(self) -> str:
        """How many devices are missing in `joules`: "1 of 2 devices not counted"; empty if none."""
        missing = sum(part.joules is None for part in self.components)
        return f"{missing} of {len(self.components)} devices not counted" if 0 < missing < len(self.components) else ""

    @property
    def uncertainty(self) -> float | None:
        """Half-width of the 95 % interval of `joules`, gain errors included."""
        if self.joules is None:
            return None
        randoms, gains = list[float](), dict[str, float]()
        for part in self.components:
            if part.joules is None:
                continue
            randoms.append(random_half_width(part.uncertainty, part.gain_uncertainty))
            source = part.source or part.key
            gains[source] = gains.get(source, 0.0) + (part.gain_uncertainty or 0.0)
        return math.hypot(*randoms, *gains.values())

    @property
    def interval(self) -> tuple[float, float] | None:
        """95 % interval of `joules`, clipped at 0; None without a reading."""
        joules, uncertainty = self.joules, self.uncertainty
        if joules is None or uncertainty is None:
            return None
        return max(0.0, joules - uncertainty), joules + uncertainty

    @property
    def below_resolution(self) -> bool:
        """Whether the interval includes 0, so that only an upper bound can be stated."""
        return is_upper_bound(self.joules, self.uncertainty)

    @property
    def joules_per_unit(self) -> float | None:
        """Joules per unit of work; None without units or without a reading."""
        if self.joules is None or not self.units:
            return None
        return self.joules / self.units

    @property
    def watts(self) -> float | None:
        """Mean power over the window in watts."""
        if self.joules is None or self.seconds <= 0:
            return None
        return self.joules / self.seconds

    @property
    def quality(self) -> Quality:
        """The weakest quality among the readings: simulated, then estimated, then measured."""
        return weakest(part.quality for part in self.components if part.joules is not None) or "estimated"

    @property
    def measured_share(self) -> float | None:
        """Measured share of `joules` (0 to 1); simulated figures do not count as measured."""
        total = self.joules
        if not total:
            return None
        return math.fsum(p.joules or 0.0 for p in self.components if p.quality == "measured") / total

    @property
    def shared(self) -> bool | None:
        """Whether a device was shared with other processes; None if unknown."""
        flags = [part.shared for part in self.components if part.joules is not None]
        return True if True in flags else (None if None in flags else False)

    @property
    def idle_joules(self) -> float | None:
        """Sum of the idle energy of the devices; None if unknown for all."""
        return _sum_known(part.idle_joules for part in self.components)

    @property
    def own_joules(self) -> float | None:
        """Energy attributed to this process tree; None unless known for every read device."""
        own_joules = [part.own_joules for part in self.components if part.joules is not None]
        return (
            None
            if not own_joules or None in own_joules
            else math.fsum(value for value in own_joules if value is not None)
        )

    @property
    def search(self) -> ShrinkOutcome | None:
        """Outcome of the search that this record describes; None for other records."""
        return self.shrinks[-1] if self.span == "trial" and self.shrinks else None

    # ---- conversion ---------------------------------------------------------------------------

    def with_(self, **changes: Any) -> EnergyRecord:
        """Return a copy with some fields replaced."""
        return replace(self, **changes)

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready data, including the sums and the schema version."""
        data: dict[str, Any] = {"schema": SCHEMA_VERSION}
        for item in fields(self):
            data[item.name] = getattr(self, item.name)
        data["components"] = [part.to_dict() for part in self.components]
        data["notes"] = list(self.notes)
        data["shrinks"] = [outcome.to_dict() for outcome in self.shrinks]
        data["trace"] = None if self.trace is None else self.trace.to_dict()
        for name in (
            "joules",
            "uncertainty",
            "quality",
            "measured_share",
            "below_resolution",
            "joules_per_unit",
            "idle_joules",
            "own_joules",
            "shared",
        ):
            value = getattr(self, name)
            data[name] = None if isinstance(value, float) and not math.isfinite(value) else value
        return data

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> EnergyRecord:
        """Rebuild a record from the output of `to_dict`; sums are recomputed.

        Raises
        ------
        ValueError
            If the data has a newer schema than this version reads.
        """
        version = data.get("schema", 0)
        if not isinstance(version, int) or version > SCHEMA_VERSION:
            shown = repr(version)[:80]
            raise ValueError(
                f"This record has schema {shown}; this jupyter_green reads up to {SCHEMA_VERSION}. Upgrade it."
            )
        values = {name: value for name, value in data.items() if name in _FIELDS}
        values["components"] = tuple(Component.from_dict(part) for part in data.get("components", ()))
        values["notes"] = notes = tuple(data.get("notes", ()))
        outcomes = data.get("shrinks")
        values["shrinks"] = (
            old_outcomes(data.get("label"), notes)
            if outcomes is None
            else tuple(ShrinkOutcome.from_dict(outcome) for outcome in outcomes)
        )
        trace = data.get("trace")
        values["trace"] = None if trace is None else Trace.from_dict(trace)
        return cls(**values)

    def plot(self) -> Trace:
        """Return the power trace of this window, an object that displays itself in a notebook.

        Raises
        ------
        ValueError
            If there is none; the message says what it takes.
        """
        if self.trace is None or not self.trace.series:
            raise ValueError(
                "No power curve was recorded: it takes three readings of a device in a window of a second or "
                f"more{self._why_no_curve()}."
            )
        return self.trace

    def _why_no_curve(self) -> str:
        """Return why no window here could have a trace, as the end of a sentence; else empty."""
        methods = {part.method for part in self.components if part.joules is not None}
        if self.span == "gap":
            return ", and none is kept of the time between cells"
        if not methods:
            return ", and no device was read here"
        return ", and no sensor was read here, only an estimate made twice a second" if methods == {"model"} else ""

    def __repr__(self) -> str:
        joules, uncertainty = self.joules, self.uncertainty
        amount = "no reading" if joules is None else f"{joules:.3g} J ± {uncertainty:.2g}, {self.quality}"
        missing = f", {self.incomplete}" if self.incomplete else ""
        state = f"{self.status}{'' if self.final else ', so far'}"
        return f"<EnergyRecord {amount}{missing}, {self.seconds:.3g} s, {state}>"


def is_simulated(record: EnergyRecord) -> bool:
    """Return whether a record counts as simulated, so that it is not added to real ones.

    It does if any device with a reading is simulated. A simulated device without a reading does not affect the readings
    of others. Without any reading, any simulated device makes the record simulated.
    """
    if record.joules is None:
        return any(part.quality == "simulated" for part in record.components)
    return record.quality == "simulated"


_FIELDS = frozenset(item.name for item in fields(EnergyRecord))


def _sum_known(values: Any) -> float | None:
    numbers = [value for value in values if value is not None]
    # Imported values may be arbitrarily large: return None if the sum overflows.
    return math.fsum(numbers) if numbers and math.isfinite(sum(map(abs, numbers))) else None
