"""Totals over records: added up in one place, whether the records come from the database or from a list.

No joule is counted twice: a record whose parent is among those added up (a `green.meter()` window inside a
cell) adds nothing, because the parent holds its energy already. Random errors of readings
are independent and add in quadrature; gain errors of one source lean the same way in every record and add
linearly. Simulated records are never added to real ones.
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

By = Literal["project", "notebook", "day", "kind", "run"]


class Part(NamedTuple):
    """What a total needs of a component; `source` is never empty."""

    kind: str
    device: str
    source: str
    joules: float | None
    uncertainty: float | None
    gain_uncertainty: float | None
    quality: str


class Line(NamedTuple):
    """What a total needs of a record."""

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
"""Lines of `Sums` that totals of everything are made of, and those of totals by kind of device."""


class Sums(NamedTuple):
    """What some records that are alike add up to, as `rollup` keeps it."""

    group: str | None
    """The part of the total they belong to; with `by` "kind" it is `kind` that tells."""
    simulated: bool
    inside: bool
    """Whether a record that is counted holds their energy."""
    line: str
    """What the figures are of: "all", "kind", "sum", "absent", "absent kind", or "altered": in none of them."""
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
    """Return what a total needs of a component."""
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
    """Return what a total needs of a record."""
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
        Sum of all readings and the half-width of its 95 % interval; None where nothing was read. The
        half-width is infinite where a reading has none.
    measured_joules, estimated_joules, simulated_joules : float
        What of the sum may be called what.
    quality : {"measured", "estimated", "simulated"} or None
        The weakest standing among the readings.
    seconds : float
        Sum of the records' lengths.
    count, unread : int
        Records counted, and how many of them have no reading at all.
    unmetered : mapping of str to int
        Devices that could not be read, with the number of records where that was so.
    inside : int
        Records left out because their parent, which is counted, holds their energy.
    simulated_left_out, real_left_out : int
        Records of the other sort, which were not added.
    started_at, ended_at : float or None
        From when to when, in seconds since 1970.
    groups : mapping
        The same by project, notebook, day, kind of device or run, if that was asked for.
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
        """95 % interval of `joules`, cut at 0; None where there is no reading."""
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
        """Share of the counted records without any reading (0 to 1); their energy is not known, not 0."""
        return self.unread / self.count if self.count else None

    def __repr__(self) -> str:
        from .plain_energy import amount

        said = [amount(self.joules, self.uncertainty)]
        if self.quality is not None:
            share = self.measured_share
            mixed = self.quality == "estimated" and share is not None and share > 0
            said[0] += f" {self.quality}" if not mixed else f" estimated ({share:.0%} of it measured)"
        said.append(f"{self.count} record{'' if self.count == 1 else 's'}, {self.seconds:.3g} s")
        if self.unread:
            said.append(f"{self.unread} without a reading")
        if self.unmetered:
            said.append("not read: " + ", ".join(f"{name} ({count})" for name, count in self.unmetered.items()))
        if self.simulated_left_out:
            said.append(f"{self.simulated_left_out} simulated left out")
        if self.real_left_out:
            said.append(f"{self.real_left_out} real left out")
        lines = [f"<Totals {'; '.join(said)}>"]
        lines += [f"  {'(none)' if name is None else name}: {group!r}" for name, group in self.groups.items()]
        return "\n".join(lines)


class SumBuilder:
    """Adds up records that belong together."""

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
        """Count a record with these of its parts."""
        self.count += 1
        self._seconds.append(line.seconds)
        self._first = min(self._first, line.started_at)
        self._last = max(self._last, line.started_at + line.seconds)
        absent = {part.device for part in parts if part.joules is None}
        for device in absent:
            self._unmetered[device] = self._unmetered.get(device, 0) + 1
        read = False
        for part in parts:
            if part.joules is None:
                continue
            read = True
            self._joules[part.quality].append(part.joules)
            gain = part.gain_uncertainty or 0.0
            whole = math.inf if part.uncertainty is None else part.uncertainty
            self._squares.append(math.inf if math.isinf(whole) else max(0.0, (whole - gain) * (whole + gain)))
            self._gains.setdefault(part.source, []).append(gain)
        self.unread += not read

    def add_sums(self, sums: Sums) -> None:
        """Count records that were added up already."""
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
        """Return what was added up, naming how many records of the `other` sort were left out."""
        found: dict[str, float] = {name: math.fsum(values) for name, values in self._joules.items()}
        read = [*chain.from_iterable(self._joules.values())]
        random = math.fsum(self._squares)
        gains = [*map(math.fsum, self._gains.values())]
        left_out = other.count if other is not None else 0
        return Totals(
            joules=math.fsum(read) if read else None,
            uncertainty=math.sqrt(random + math.fsum(gain * gain for gain in gains)) if read else None,
            measured_joules=found["measured"],
            estimated_joules=found["estimated"],
            simulated_joules=found["simulated"],
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
    """Raise ValueError if totals can't be split so."""
    if by is not None and by not in get_args(By):
        raise ValueError(f"Totals can't be split by {by!r}; use one of {', '.join(get_args(By))}.")


def total(
    lines: Iterable[Line],
    by: By | None = None,
    simulated: bool | None = None,
    sums: Iterable[Sums] = (),
    around: Iterable[str] = (),
) -> Totals:
    """Add up records.

    Parameters
    ----------
    lines : iterable of Line
        In any order.
    by : {"project", "notebook", "day", "kind", "run"}, optional
        Also give the parts; a day is one of this machine's time zone.
    simulated : bool, optional
        Which sort to add up; by default the real ones, or the simulated ones if no real one has a reading.
    sums : iterable of Sums
        Records that were added up already.
    around : iterable of str
        Identities of records that are counted in `sums`.

    Raises
    ------
    ValueError
        If `by` is none of these.
    """
    known_split(by)
    whole = {False: SumBuilder(), True: SumBuilder()}
    groups = defaultdict[str | None, defaultdict[bool, SumBuilder]](lambda: defaultdict(SumBuilder))

    def count(line: Line) -> None:
        whole[line.simulated].add(line, line.parts)
        for key, parts in _split(line, by):
            groups[key][line.simulated].add(line, parts)

    for some in sums:
        if some.inside:
            whole[some.simulated].inside += some.records if some.line == "all" else 0
            continue
        if some.line in OF_ALL:
            whole[some.simulated].add_sums(some)
        if by is not None and some.line in (
            ("kind", "sum", "absent kind") if by == "kind" else ("all", "sum", "absent")
        ):
            key = some.kind if by == "kind" else some.group
            groups[key][some.simulated].add_sums(some)
    seen: set[str] = set(around)
    inner: list[Line] = []
    for line in lines:
        seen.add(line.id)
        if line.parent is None:
            count(line)
        else:
            inner.append(line)
    for line in inner:
        if line.parent in seen:
            whole[line.simulated].inside += 1
        else:
            count(line)
    real, other = whole[False], whole[True]
    # A real record without any reading must not stand for simulated ones that have theirs: what is left out is said.
    alone = not real.count or (real.unread == real.count and other.unread < other.count)
    sort = bool(other.count and alone) if simulated is None else simulated
    result = whole[sort].totals(whole[not sort], simulated=sort)
    found = {key: group[sort].totals(group.get(not sort), simulated=sort) for key, group in groups.items()}
    ordered = sorted(found.items(), key=lambda item: (item[0] is None, str(item[0])))
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
