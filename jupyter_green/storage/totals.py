"""Totals over records, computed by one function for records from the database and for records in a list.

- A record whose parent is part of the same total adds nothing, because the parent includes its energy (a
  `green.meter()` window inside a cell).
- Random errors of readings are independent and add in quadrature. Gain errors of one source are fully correlated and
  add linearly.
- Simulated and real records are never added together.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import chain
from typing import Literal, NamedTuple, get_args

from jupyter_green.records import Component, EnergyRecord, Quality, is_simulated, weakest
from jupyter_green.records.statistics import random_half_width

By = Literal["project", "notebook", "day", "kind", "run"]


class Part(NamedTuple):
    """The fields of a component that a total needs. `source` is never empty."""

    kind: str
    device: str
    source: str
    joules: float | None
    uncertainty: float | None
    gain_uncertainty: float | None
    quality: str


class Line(NamedTuple):
    """The fields of a record that a total needs."""

    id: str
    parent: str | None
    run_id: str
    started_at: float
    seconds: float
    simulated: bool
    project: str | None
    notebook: str | None
    parts: Sequence[Part]


OF_ALL, OF_KINDS = ("all", "sum", "absent"), ("kind", "sum", "absent kind")
"""Values of `Sums.line` used for totals over everything, and for totals by kind of device."""


class Sums(NamedTuple):
    """The sums over a group of similar records, as stored by `rollups`."""

    group: str | None
    """Key of the group in `Totals.groups`. For `by="kind"` the field `kind` is used instead."""
    simulated: bool
    inside: bool
    """Whether the energy is already included in a parent record that is counted."""
    line: str
    """What the figures describe: "all", "kind", "sum", "absent", "absent kind", or "altered" (excluded)."""
    kind: str
    device: str
    source: str
    quality: str
    records: int
    unread: int | None
    seconds: float | None
    began: float | None
    ended: float | None
    joules: float | None
    squares: float | None
    gains: float | None
    boundless: int | None


def part_of(component: Component) -> Part:
    """Return the fields of a component that a total needs."""
    return Part(
        component.kind,
        component.device,
        component.source or component.key,
        component.joules,
        component.uncertainty,
        component.gain_uncertainty,
        component.quality,
    )


def line_of(record: EnergyRecord) -> Line:
    """Return the fields of a record that a total needs."""
    return Line(
        record.id,
        record.parent,
        record.run_id,
        record.started_at,
        record.seconds,
        is_simulated(record),
        record.project,
        record.notebook,
        tuple(part_of(component) for component in record.components),
    )


@dataclass(frozen=True)
class Totals:
    """Energy of many records.

    Parameters
    ----------
    joules, uncertainty : float or None
        Sum of all readings and the half-width of its 95 % interval; None without a reading. The half-width is
        infinite if any reading has no uncertainty.
    measured_joules, estimated_joules, simulated_joules : float
        The sum split by quality.
    quality : {"measured", "estimated", "simulated"} or None
        The weakest quality among the readings.
    seconds : float
        Sum of the records' durations.
    count, unread : int
        Number of records counted, and number of those without any reading.
    unmetered : mapping of str to int
        Devices that could not be read, with the number of records affected.
    inside : int
        Records excluded because a counted parent includes their energy.
    simulated_left_out, real_left_out : int
        Simulated (real) records excluded from a total of real (simulated) ones.
    started_at, ended_at : float or None
        Earliest start and latest end, in seconds since 1970.
    groups : mapping
        Totals by project, notebook, day, kind of device or run, if requested.
    """

    joules: float | None = None
    uncertainty: float | None = None
    measured_joules: float = 0.0
    estimated_joules: float = 0.0
    simulated_joules: float = 0.0
    quality: Quality | None = None
    seconds: float = 0.0
    count: int = 0
    unread: int = 0
    unmetered: Mapping[str, int] = field(default_factory=dict)
    inside: int = 0
    simulated_left_out: int = 0
    real_left_out: int = 0
    started_at: float | None = None
    ended_at: float | None = None
    groups: Mapping[str | None, Totals] = field(default_factory=dict)

    @property
    def interval(self) -> tuple[float, float] | None:
        """95 % interval of `joules`, with its lower end clipped at 0; None without a reading."""
        if self.joules is None or self.uncertainty is None:
            return None
        return max(0.0, self.joules - self.uncertainty), self.joules + self.uncertainty

    @property
    def measured_share(self) -> float | None:
        """Share of `joules` that was measured (0 to 1)."""
        return self.measured_joules / self.joules if self.joules else None

    @property
    def estimated_share(self) -> float | None:
        """Share of `joules` that was estimated (0 to 1)."""
        return self.estimated_joules / self.joules if self.joules else None

    @property
    def simulated_share(self) -> float | None:
        """Share of `joules` that was simulated (0 to 1)."""
        return self.simulated_joules / self.joules if self.joules else None

    @property
    def absent_share(self) -> float | None:
        """Share of counted records without any reading (0 to 1). Their energy is unknown, not 0."""
        return self.unread / self.count if self.count else None

    def __repr__(self) -> str:
        from .plain_energy import amount

        parts = [amount(self.joules, self.uncertainty)]
        if self.quality is not None:
            share = self.measured_share
            mixed = self.quality == "estimated" and share is not None and share > 0
            parts[0] += f" {self.quality}" if not mixed else f" estimated ({share:.0%} of it measured)"
        parts.append(f"{self.count} record{'' if self.count == 1 else 's'}, {self.seconds:.3g} s")
        if self.unread:
            parts.append(f"{self.unread} without a reading")
        if self.unmetered:
            parts.append("not read: " + ", ".join(f"{name} ({count})" for name, count in self.unmetered.items()))
        if self.simulated_left_out:
            parts.append(f"{self.simulated_left_out} simulated left out")
        if self.real_left_out:
            parts.append(f"{self.real_left_out} real left out")
        lines = [f"<Totals {'; '.join(parts)}>"]
        lines += [f"  {'(none)' if name is None else name}: {group!r}" for name, group in self.groups.items()]
        return "\n".join(lines)


class SumBuilder:
    """Accumulates records and stored sums into one `Totals`."""

    def __init__(self) -> None:
        self.count = self.unread = self.inside = 0
        self._joules: dict[str, list[float]] = {"measured": [], "estimated": [], "simulated": []}
        self._squares: list[float] = []
        self._gains: dict[str, list[float]] = {}
        self._seconds: list[float] = []
        self._unmetered: dict[str, int] = {}
        self._first = math.inf
        self._last = -math.inf

    def add(self, line: Line, parts: Sequence[Part]) -> None:
        """Add a record, restricted to these of its components."""
        self.count += 1
        self._seconds.append(line.seconds)
        self._first = min(self._first, line.started_at)
        self._last = max(self._last, line.started_at + line.seconds)
        absent = {part.device for part in parts if part.joules is None}
        for device in absent:
            self._unmetered[device] = self._unmetered.get(device, 0) + 1
        has_reading = False
        for part in parts:
            if part.joules is None:
                continue
            has_reading = True
            self._joules[part.quality].append(part.joules)
            random = random_half_width(part.uncertainty, part.gain_uncertainty)
            self._squares.append(random * random)
            self._gains.setdefault(part.source, []).append(part.gain_uncertainty or 0.0)
        self.unread += not has_reading

    def add_sums(self, sums: Sums) -> None:
        """Add stored sums."""
        if sums.line in ("absent", "absent kind"):
            self._unmetered[sums.device] = self._unmetered.get(sums.device, 0) + sums.records
        elif sums.line == "sum":
            self._joules[sums.quality].append(sums.joules or 0.0)
            self._squares.append(math.inf if sums.boundless else sums.squares or 0.0)
            gains = self._gains.get(sums.source)
            if gains is None:
                gains = self._gains[sums.source] = []
            gains.append(sums.gains or 0.0)
        else:
            self.count += sums.records
            self.unread += sums.unread or 0
            self._seconds.append(sums.seconds or 0.0)
            if sums.began is not None:
                self._first = min(self._first, sums.began)
            if sums.ended is not None:
                self._last = max(self._last, sums.ended)

    def totals(self, other: SumBuilder | None = None, *, simulated: bool = False) -> Totals:
        """Return the totals. Records in `other` are only counted, as left out."""
        joules_by_quality: dict[str, float] = {name: math.fsum(values) for name, values in self._joules.items()}
        readings = [*chain.from_iterable(self._joules.values())]
        random = math.fsum(self._squares)
        gains = [*map(math.fsum, self._gains.values())]
        left_out = other.count if other is not None else 0
        return Totals(
            joules=math.fsum(readings) if readings else None,
            uncertainty=math.sqrt(random + math.fsum(gain * gain for gain in gains)) if readings else None,
            measured_joules=joules_by_quality["measured"],
            estimated_joules=joules_by_quality["estimated"],
            simulated_joules=joules_by_quality["simulated"],
            quality=weakest(name for name, values in self._joules.items() if values),
            seconds=math.fsum(self._seconds),
            count=self.count,
            unread=self.unread,
            unmetered=dict(sorted(self._unmetered.items())),
            inside=self.inside,
            simulated_left_out=0 if simulated else left_out,
            real_left_out=left_out if simulated else 0,
            started_at=self._first if self.count else None,
            ended_at=self._last if self.count else None,
        )


def known_split(by: str | None) -> None:
    """Raise ValueError if `by` is not a supported grouping."""
    if by is not None and by not in get_args(By):
        raise ValueError(f"Totals can't be split by {by!r}; use one of {', '.join(get_args(By))}.")


def total(
    lines: Iterable[Line],
    by: By | None = None,
    simulated: bool | None = None,
    sums: Iterable[Sums] = (),
    around: Iterable[str] = (),
) -> Totals:
    """Add up records, or stored sums of further records.

    `by` groups by a field too; days are those of the local time zone. `simulated`: whether to add up simulated or real
    records; by default the real ones, or the simulated ones if no real record has a reading. `around` are the ids of
    records that are counted in `sums`. Raises ValueError if `by` is not one of its values.
    """
    known_split(by)
    overall = {False: SumBuilder(), True: SumBuilder()}
    groups = defaultdict[str | None, defaultdict[bool, SumBuilder]](lambda: defaultdict(SumBuilder))

    def count(line: Line) -> None:
        overall[line.simulated].add(line, line.parts)
        for key, parts in _split(line, by):
            groups[key][line.simulated].add(line, parts)

    for group_sums in sums:
        if group_sums.inside:
            overall[group_sums.simulated].inside += group_sums.records if group_sums.line == "all" else 0
            continue
        if group_sums.line in OF_ALL:
            overall[group_sums.simulated].add_sums(group_sums)
        if by is not None and group_sums.line in (
            ("kind", "sum", "absent kind") if by == "kind" else ("all", "sum", "absent")
        ):
            key = group_sums.kind if by == "kind" else group_sums.group
            groups[key][group_sums.simulated].add_sums(group_sums)
    counted_ids: set[str] = set(around)
    children: list[Line] = []
    for line in lines:
        counted_ids.add(line.id)
        if line.parent is None:
            count(line)
        else:
            children.append(line)
    for line in children:
        if line.parent in counted_ids:
            overall[line.simulated].inside += 1
        else:
            count(line)
    real, other = overall[False], overall[True]
    # Real records without any reading must not hide simulated ones that have readings.
    only_simulated = not real.count or (real.unread == real.count and other.unread < other.count)
    use_simulated = bool(other.count and only_simulated) if simulated is None else simulated
    result = overall[use_simulated].totals(overall[not use_simulated], simulated=use_simulated)
    totals_by_key = {
        key: group[use_simulated].totals(group.get(not use_simulated), simulated=use_simulated)
        for key, group in groups.items()
    }
    ordered = sorted(totals_by_key.items(), key=lambda item: (item[0] is None, str(item[0])))
    return replace(result, groups=dict(ordered))


def _split(line: Line, by: By | None) -> list[tuple[str | None, Sequence[Part]]]:
    if by is None:
        return []
    if by == "kind":
        kinds = dict.fromkeys(part.kind for part in line.parts)
        return [(kind, [part for part in line.parts if part.kind == kind]) for kind in kinds]
    if by == "day":
        return [(datetime.fromtimestamp(line.started_at).astimezone().date().isoformat(), line.parts)]
    return [(line.run_id if by == "run" else getattr(line, by), line.parts)]
