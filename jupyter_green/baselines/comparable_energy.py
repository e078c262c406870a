"""A record's energy as a comparison needs it: joules per source, with the random error and the sensor's own error.

A record has one component per device. Here they are summed by kind, source, method and quality, because gain errors
within such a group have the same sign. Two readings are comparable only if these groups are the same in both.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from typing import Any, Generic, NamedTuple, TypeVar, cast, get_args

from jupyter_green.records import (
    Component,
    Conditions,
    EnergyRecord,
    Kind,
    Method,
    Quality,
    Span,
    Status,
    Unfair,
    unfair,
    weakest,
)
from jupyter_green.records.conditions import UNKNOWN
from jupyter_green.records.flat import FlatPart, FlatRecord
from jupyter_green.records.statistics import random_half_width
from jupyter_green.records.upper_bound import is_upper_bound


class Part(NamedTuple):
    """The energy of one kind of device from one source."""

    kind: Kind
    source: str
    method: Method
    quality: Quality
    """As in `Component`."""
    joules: float
    """Energy."""
    random: float
    """Half-width of the 95 % interval without the sensor's own error, in joules; infinite if unknown."""
    gain: float
    """The sensor's own error, in joules."""
    device: str = ""
    """For a model, the machine it describes; empty if unknown."""
    cpu_seconds: float | None = None
    """For a model, the CPU time it was computed from."""
    others_busy: float | None = None
    """For a model, the share of the machine's cores that other processes kept busy."""
    conditions: Conditions = UNKNOWN
    """Temperature, clocks and throttling of the devices."""

    @property
    def identity(self) -> tuple[str, str, str, str]:
        """What must be equal in both readings of a comparison."""
        return self[:4]


@lru_cache(maxsize=256)
def _boundary(identities: tuple[tuple[str, str, str, str], ...]) -> frozenset[tuple[str, str, str, str]]:
    """Return the identities as a set, cached so that thousands of readings share one object."""
    return frozenset(identities)


def _part(part: Component | FlatPart) -> Part:
    conditions = (
        _known_conditions(part.celsius, part.clock_mhz, part.clock_spread_mhz, part.throttle)
        if isinstance(part, FlatPart)
        else part.conditions
    )
    return Part(
        part.kind,
        part.source or part.key,
        part.method,
        part.quality,
        part.joules or 0.0,
        random_half_width(part.uncertainty, part.gain_uncertainty),
        part.gain_uncertainty or 0.0,
        part.device if part.method == "model" else "",
        part.cpu_seconds,
        part.others_busy,
        conditions,
    )


@lru_cache(maxsize=256)
def _known_conditions(
    celsius: float | None, clock_mhz: float | None, clock_spread_mhz: float | None, throttle: str | None
) -> Conditions:
    if throttle is None and celsius is clock_mhz is clock_spread_mhz is None:
        return UNKNOWN
    codes = None if throttle is None else tuple(code for code in throttle.split(",") if code)
    return Conditions(celsius, clock_mhz, clock_spread_mhz, codes)


T = TypeVar("T")


class _Figure(Generic[T]):
    """A derived figure of a reading; the first access computes all figures of the reading at once."""

    def __init__(self, what: str) -> None:
        self.__doc__ = what

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, reading: Any, owner: type | None = None) -> T:
        if reading is None:  # asked of the class, as IPython's autoreload does
            return cast("T", self)
        figures = vars(reading)  # a reading is frozen; entries of its __dict__ take precedence from now on
        reading._figures(figures)
        value: T = figures[self._name]
        return value


def _total(values: Iterable[float | None]) -> float | None:
    items = [*values]
    return None if None in items else math.fsum(value for value in items if value is not None)


def mean_load(parts: Sequence[Part]) -> float | None:
    """Return the mean of `others_busy`; None where that of a part is not known."""
    loads = [part.others_busy for part in parts]
    return None if None in loads or not loads else math.fsum(cast("list[float]", loads)) / len(loads)


def _summed(given: Iterable[Part]) -> tuple[Part, ...]:
    parts = (*given,)
    if len(parts) == 1:
        return parts
    groups: dict[tuple[str, str, str, str], list[Part]] = {}
    for part in parts:
        groups.setdefault(part[:4], []).append(part)
    return tuple(
        group[0]
        if len(group) == 1
        else Part(
            group[0].kind,
            group[0].source,
            group[0].method,
            group[0].quality,
            math.fsum(part.joules for part in group),
            math.hypot(*(part.random for part in group)),
            math.fsum(part.gain for part in group),
            group[0].device if len({part.device for part in group}) == 1 else "",
            _total(part.cpu_seconds for part in group),
            mean_load(group),
            Conditions.over(part.conditions for part in group),
        )
        for _, group in sorted(groups.items())
    )


def _halved(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else (one + other) / 2


def _known(value: Any) -> float | None:
    return None if value is None else float(value)


def _conditions(data: dict[str, Any]) -> Conditions:
    codes = data.get("throttle")
    return Conditions(
        _known(data.get("celsius")),
        _known(data.get("clock_mhz")),
        _known(data.get("clock_spread_mhz")),
        None if codes is None else tuple(str(code) for code in codes),
    )


@dataclass(frozen=True)
class ComparableEnergy:
    """The energy of a window, one part per kind of device and source.

    Parameters
    ----------
    parts : tuple of Part
        Each identity at most once.
    units, unit : float, str or None
        Number of units of work, and their name.
    shared : bool
        Whether it contains the energy of a GPU that other processes used too.
    """

    parts: tuple[Part, ...]
    units: float | None = None
    unit: str | None = None
    shared: bool = False

    @classmethod
    def of(cls, record: EnergyRecord | Execution) -> ComparableEnergy | None:
        """Return the energy that a record's devices read; None if nothing was read."""
        if isinstance(record, Execution):
            return record.reading
        read = [component for component in record.components if component.joules is not None]
        if not read:
            return None
        # A CPU is always shared; requiring an unshared one would rule out every comparison.
        shared = any(component.kind == "gpu" and component.shared for component in read)
        return cls(_summed(_part(component) for component in read), record.units, record.unit, shared)

    @classmethod
    def of_flat(cls, record: FlatRecord) -> ComparableEnergy | None:
        """Return the energy of a flat record of the ledger; None if nothing was read."""
        read = [part for part in record.parts if part.joules is not None]
        if not read:
            return None
        shared = any(part.shared and part.kind == "gpu" for part in read)
        return cls(_summed(map(_part, read)), record.units, record.unit, shared)

    joules = _Figure[float]("Sum of the parts in joules.")
    random = _Figure[float]("Half-width of the 95 % interval without the sensors' own errors, in joules.")
    gains = _Figure[dict[str, float]]("The sensors' own errors by source, in joules.")
    uncertainty = _Figure[float]("Half-width of the 95 % interval in joules.")
    others_busy = _Figure["float | None"]("The share of the cores that others kept busy; None where that is not known.")
    boundary = _Figure[frozenset[tuple[str, str, str, str]]]("What it covers and how that came about.")
    timed = _Figure[bool]("Whether all parts are only estimated from CPU time, on a known machine.")

    def _figures(self, figures: dict[str, Any]) -> None:
        parts = self.parts
        gains: dict[str, float] = {}
        for part in parts:
            gains[part.source] = gains.get(part.source, 0.0) + part.gain
        figures["joules"] = math.fsum([part.joules for part in parts])
        random = figures["random"] = math.hypot(*[part.random for part in parts])
        figures["gains"] = gains
        figures["uncertainty"] = math.hypot(random, *gains.values())
        figures["others_busy"] = mean_load(parts)
        figures["boundary"] = _boundary(tuple([part[:4] for part in parts]))
        figures["timed"] = bool(parts)
        for part in parts:
            if part.method != "model" or not part.device:
                figures["timed"] = False

    @property
    def below_resolution(self) -> bool:
        """Whether the 95 % interval includes 0."""
        return is_upper_bound(self.joules, self.uncertainty)

    @property
    def quality(self) -> Quality:
        """The weakest quality among the parts."""
        return weakest(part.quality for part in self.parts) or "estimated"

    @property
    def measured_share(self) -> float | None:
        """Share of the joules that was measured, 0 to 1."""
        total = self.joules
        return math.fsum(part.joules for part in self.parts if part.quality == "measured") / total if total else None

    @property
    def machines(self) -> frozenset[str]:
        """The machines that the models describe."""
        return frozenset(part.device for part in self.parts)

    @property
    def cpu_seconds(self) -> float | None:
        """CPU time in seconds; None if a part has none."""
        return _total(part.cpu_seconds for part in self.parts)

    def with_others_busy(self, load: float | None) -> ComparableEnergy:
        """Return the reading with another `others_busy`."""
        for part in self.parts:
            if part.others_busy != load:
                break
        else:
            return self
        return replace(self, parts=tuple(part._replace(others_busy=load) for part in self.parts))

    def unfair_beside(self, other: ComparableEnergy) -> Unfair | None:
        """Return why conditions differ from those of `other`, of the same boundary; None if alike or unknown."""
        if {part.conditions.throttle for part in self.parts} == {None}:
            return None  # as `conditions.unfair` says
        theirs = {part.identity: part.conditions for part in other.parts}
        reasons = (unfair(part.conditions, theirs.get(part.identity, UNKNOWN)) for part in self.parts)
        return next((reason for reason in reasons if reason is not None), None)

    def scaled(self, factor: float) -> ComparableEnergy:
        """Return the reading scaled by a factor, units included."""
        units = None if self.units is None else self.units * factor
        parts = (
            p._replace(
                joules=p.joules * factor,
                random=p.random * factor,
                gain=p.gain * factor,
                cpu_seconds=None if p.cpu_seconds is None else p.cpu_seconds * factor,
            )
            for p in self.parts
        )
        return ComparableEnergy(tuple(parts), units, self.unit, self.shared)

    def for_units_of(self, other: ComparableEnergy) -> ComparableEnergy:
        """Return the reading scaled to the other one's units; unchanged if units are unknown or of another kind."""
        if not self.units or not other.units or self.unit != other.unit:
            return self
        return self.scaled(other.units / self.units)

    @staticmethod
    def sum(readings: Iterable[ComparableEnergy]) -> ComparableEnergy:
        """Return the sum of readings."""
        return ComparableEnergy(_summed(part for reading in readings for part in reading.parts))

    @staticmethod
    def between(one: ComparableEnergy, other: ComparableEnergy) -> ComparableEnergy:
        """Return the mean of two readings with the same boundary; errors are averaged too."""
        theirs = {part.identity: part for part in other.parts}
        parts = [
            part._replace(
                joules=(part.joules + theirs[part.identity].joules) / 2,
                random=(part.random + theirs[part.identity].random) / 2,
                gain=(part.gain + theirs[part.identity].gain) / 2,
                device=part.device if part.device == theirs[part.identity].device else "",
                cpu_seconds=_halved(part.cpu_seconds, theirs[part.identity].cpu_seconds),
                others_busy=mean_load((part, theirs[part.identity])),
                conditions=Conditions.over((part.conditions, theirs[part.identity].conditions)),
            )
            for part in one.parts
        ]
        return ComparableEnergy(tuple(parts), one.units, one.unit, one.shared or other.shared)

    def figure(self) -> dict[str, Any]:
        """Return the figure for the side panel; see `serializers.figure`."""
        spread = self.uncertainty
        return {
            "joules": self.joules,
            "uncertainty": spread if math.isfinite(spread) else None,
            "quality": self.quality,
            "measured_share": self.measured_share,
            "below_resolution": self.below_resolution,
        }

    # ---- serialization ------------------------------------------------------------------------

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON; an unknown half-width is null."""
        parts = [{**part._asdict(), "conditions": asdict(part.conditions)} for part in self.parts]
        for part in parts:
            part["random"] = part["random"] if math.isfinite(part["random"]) else None
        return {"parts": parts, "units": self.units, "unit": self.unit, "shared": self.shared}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> ComparableEnergy:
        """Rebuild a reading.

        Raises
        ------
        ValueError, KeyError, TypeError
            If the data is not a valid reading.
        """
        parts = []
        for item in data["parts"]:
            random = math.inf if item["random"] is None else float(item["random"])
            part = Part(
                item["kind"],
                str(item["source"]),
                item["method"],
                item["quality"],
                float(item["joules"]),
                random,
                float(item["gain"]),
                str(item.get("device", "")),
                _known(item.get("cpu_seconds")),
                _known(item.get("others_busy")),
                _conditions(item.get("conditions") or {}),
            )
            if (
                part.quality not in get_args(Quality)
                or not math.isfinite(part.joules)
                or part.random < 0
                or part.gain < 0
            ):
                raise ValueError("a component has an impossible value")
            parts.append(part)
        units = data.get("units")
        return cls(
            tuple(parts), None if units is None else float(units), data.get("unit"), bool(data.get("shared", False))
        )


class Execution(NamedTuple):
    """The fields of a record that a comparison needs, with the reading computed once; fields as in `EnergyRecord`."""

    id: str
    parent: str | None
    run_id: str
    notebook: str | None
    started_at: float
    span: Span
    status: Status
    cell_id: str | None
    code_hash: str | None
    final: bool
    reading: ComparableEnergy | None

    @classmethod
    def of(cls, record: FlatRecord) -> Execution:
        """Return the execution of a flat record of the ledger."""
        return cls(
            record.id,
            record.parent,
            record.run_id,
            record.notebook,
            record.started_at,
            record.span,
            record.status,
            record.cell_id,
            record.code_hash,
            record.final,
            ComparableEnergy.of_flat(record),
        )
