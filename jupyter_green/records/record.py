"""The energy of one window: the noun everything else in the package speaks about.

Sums are computed from the components, never stored beside them, so that a record cannot contradict
itself. Random errors of components are independent and add in quadrature; gain errors are shared by
the sensors of one source (two boards read by one driver lean the same way) and add linearly within it.
"""

from __future__ import annotations

import math
import uuid
from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal

from .component import Component, Quality, weakest
from .shrink_outcome import ShrinkOutcome, old_outcomes
from .trace import Trace

SCHEMA_VERSION = 1
"""Version of `EnergyRecord.to_dict`; raised when a field changes its meaning."""

Status = Literal["ok", "error", "interrupted", "killed"]
Span = Literal["cell", "window", "gap", "trial"]
Purpose = Literal["inference", "training", "other"]


def new_id() -> str:
    """Return a fresh record identity."""
    return uuid.uuid4().hex


def cell_key(cell_id: str | None, record_id: str) -> str:
    """Return by what executions are held to be of the same cell: its id, or where it has none the execution's own."""
    return cell_id or f"#{record_id}"


@dataclass(frozen=True)
class EnergyRecord:
    """Energy used in one window of time, with its interval and its provenance.

    Parameters
    ----------
    components : tuple of Component
        One per device.
    seconds : float
        Length of the window on the monotonic clock, in seconds.
    started_at : float
        Start in seconds since 1970 (UTC); for display and for reports, never for durations.
    status : {"ok", "error", "interrupted", "killed"}
        How the window ended.
    final : bool
        False while the figure may still settle.
    span : {"cell", "window", "gap", "trial"}
        A notebook cell, a `green.meter()` block, the time between cells, or a trial of a candidate.
    parent : str or None
        Identity of the record whose window encloses this one; its joules are part of that one's, so
        totals count only records without a parent.
    units, unit : float, str or None
        Number and name of the things done (tokens, images), for `joules_per_unit`.
    batch_size : int or None
        How many things were done at a time, which joules per unit depend on; None where it is not known or
        was not always the same.
    overhead_seconds : float
        Processor time that metering itself took on the cell's path.
    purpose : {"inference", "training", "other"} or None
        What was done with a model, for budgets and for display; no excess and no price looks at it. None where
        nobody looked.
    co2e_grams, cost, currency : float, float, str or None
        Filled in when a region or a tariff is set.
    tariff : str or None
        Version of the tariff that `cost` was priced by.
    notes : tuple of str
        Sentences a reader must know; for people alone.
    shrinks : tuple of ShrinkOutcome
        Of a search for a cheaper model its outcome; of a cell or block those of the searches that ran in it.
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
        """Sum of the readings in joules; None where no device could be read."""
        read = [part.joules for part in self.components if part.joules is not None]
        return math.fsum(read) if read else None

    @property
    def incomplete(self) -> str:
        """Which part of the devices is missing in `joules`, "1 of 2 devices not counted"; empty where none is."""
        missing = sum(part.joules is None for part in self.components)
        return f"{missing} of {len(self.components)} devices not counted" if 0 < missing < len(self.components) else ""

    @property
    def uncertainty(self) -> float | None:
        """Half-width of the 95 % interval of `joules`, sensor gain included."""
        if self.joules is None:
            return None
        randoms, gains = list[float](), dict[str, float]()
        for part in self.components:
            if part.joules is None:
                continue
            gain = part.gain_uncertainty or 0.0
            whole = math.inf if part.uncertainty is None else part.uncertainty
            randoms.append(math.sqrt(max(0.0, whole - gain)) * math.sqrt(whole + gain))
            source = part.source or part.key
            gains[source] = gains.get(source, 0.0) + gain
        return math.hypot(*randoms, *gains.values())

    @property
    def interval(self) -> tuple[float, float] | None:
        """95 % interval of `joules`, cut at 0; None where there is no reading."""
        joules, uncertainty = self.joules, self.uncertainty
        if joules is None or uncertainty is None:
            return None
        return max(0.0, joules - uncertainty), joules + uncertainty

    @property
    def below_resolution(self) -> bool:
        """Whether the interval reaches 0, so that only an upper bound can be stated."""
        joules, uncertainty = self.joules, self.uncertainty
        return joules is not None and uncertainty is not None and uncertainty >= joules

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
        """The weakest standing among the readings: simulated, then estimated, then measured."""
        return weakest(part.quality for part in self.components if part.joules is not None) or "estimated"

    @property
    def measured_share(self) -> float | None:
        """Share of `joules` that was measured (0 to 1); simulated figures are not."""
        total = self.joules
        if not total:
            return None
        return math.fsum(p.joules or 0.0 for p in self.components if p.quality == "measured") / total

    @property
    def shared(self) -> bool | None:
        """Whether a device was shared with other processes; None where it can't be told."""
        told = [part.shared for part in self.components if part.joules is not None]
        return True if True in told else (None if None in told else False)

    @property
    def idle_joules(self) -> float | None:
        """Sum of what the idle devices would have drawn; None where no device can tell."""
        return _sum_known(part.idle_joules for part in self.components)

    @property
    def own_joules(self) -> float | None:
        """Joules attributed to this process tree; None unless every read device can tell."""
        own = [part.own_joules for part in self.components if part.joules is not None]
        return None if not own or None in own else math.fsum(value for value in own if value is not None)

    @property
    def search(self) -> ShrinkOutcome | None:
        """What the search came to whose own record this is; None for any other record."""
        return self.shrinks[-1] if self.span == "trial" and self.shrinks else None

    # ---- carrying -----------------------------------------------------------------------------

    def with_(self, **changes: Any) -> EnergyRecord:
        """Return a copy with some fields replaced."""
        return replace(self, **changes)

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON-ready data, sums included, with the schema's version."""
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
        """Rebuild a record from `to_dict` output; sums are computed anew.

        Raises
        ------
        ValueError
            If the data was written by a newer schema than this version reads.
        """
        version = data.get("schema", 0)
        if not isinstance(version, int) or version > SCHEMA_VERSION:
            shown = repr(version)[:80]
            raise ValueError(
                f"This record has schema {shown}; this jupyter_green reads up to {SCHEMA_VERSION}. Upgrade it."
            )
        kept = {name: value for name, value in data.items() if name in _FIELDS}
        kept["components"] = tuple(Component.from_dict(part) for part in data.get("components", ()))
        kept["notes"] = notes = tuple(data.get("notes", ()))
        outcomes = data.get("shrinks")
        kept["shrinks"] = (
            old_outcomes(data.get("label"), notes)
            if outcomes is None
            else tuple(ShrinkOutcome.from_dict(outcome) for outcome in outcomes)
        )
        trace = data.get("trace")
        kept["trace"] = None if trace is None else Trace.from_dict(trace)
        return cls(**kept)

    def plot(self) -> Trace:
        """Return the power of this window over time, an object that draws itself in a notebook.

        Raises
        ------
        ValueError
            If there is none; one sentence that says what it takes.
        """
        if self.trace is None or not self.trace.series:
            raise ValueError(
                "This record has no course of power: one takes three readings of a device in a window of a second or "
                f"more{self._courseless()}."
            )
        return self.trace

    def _courseless(self) -> str:
        """Why there is no course of power whatever the window's length, as the end of a sentence."""
        ways = {part.method for part in self.components if part.joules is not None}
        if self.span == "gap":
            return ", and none is kept of the time between cells"
        if not ways:
            return ", and no device was read here"
        return ", and no sensor was read here, only an estimate made twice a second" if ways == {"model"} else ""

    def __repr__(self) -> str:
        joules, uncertainty = self.joules, self.uncertainty
        amount = "no reading" if joules is None else f"{joules:.3g} J ± {uncertainty:.2g}, {self.quality}"
        missing = f", {self.incomplete}" if self.incomplete else ""
        ended = f"{self.status}{'' if self.final else ', so far'}"
        return f"<EnergyRecord {amount}{missing}, {self.seconds:.3g} s, {ended}>"


def is_simulated(record: EnergyRecord) -> bool:
    """Return whether a record's figure is simulated, so that it joins no real one.

    It is if any device that joules were read of is simulated. Joules of measured and estimated devices stay real beside
    a simulated device without a reading, which adds nothing to them. Where nothing was read there is no figure, and any
    simulated device makes the record one of the simulated.
    """
    if record.joules is None:
        return any(part.quality == "simulated" for part in record.components)
    return record.quality == "simulated"


_FIELDS = frozenset(item.name for item in fields(EnergyRecord))


def _sum_known(values: Any) -> float | None:
    known = [value for value in values if value is not None]
    # Forged records hold anything: a sum beyond what a float holds is no figure.
    return math.fsum(known) if known and math.isfinite(sum(map(abs, known))) else None
