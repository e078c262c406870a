"""Sums over records, without counting any energy twice.

A `green.meter()` block or a trial inside a cell is part of that cell, so it is listed but not added. The components
of all records are summed as one record, so that ± follows one rule: random errors add in quadrature, a sensor's
systematic error adds linearly. Simulated records are never added to real ones.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from jupyter_green.impact import Valuation
from jupyter_green.records import EnergyRecord, Span, is_simulated
from jupyter_green.records.sums import plus
from jupyter_green.reporting import numbers
from jupyter_green.reporting.numbers import THIN
from jupyter_green.reporting.record.html import definitions, summary_markup
from jupyter_green.reporting.record.sentence import DOCTOR, DOT, Clause, Piece, nothing_sensed, quality_word, read
from jupyter_green.reporting.record.style import STYLE
from jupyter_green.reporting.sanitize import markup


def within(records: Sequence[EnergyRecord]) -> frozenset[str]:
    """Return the ids of records whose energy is included in another of the records."""
    present = {record.id for record in records}
    return frozenset(record.id for record in records if record.parent in present and record.parent != record.id)


def incomplete(records: Sequence[EnergyRecord], earlier: Sequence[Alike] = ()) -> str:
    """Return how many records of a sum have a device that is not in it: "2 with a device not counted"."""
    parts = within(records)
    count = sum(bool(record.incomplete) for record in records if record.id not in parts)
    count += sum(group.count for group in earlier if group.incomplete)
    return f"{count} with a device not counted" if count else ""


def total(records: Sequence[EnergyRecord]) -> EnergyRecord:
    """Return the sum of the records as one record; records inside others are not counted again."""
    parts = within(records)
    counted = [record for record in records if record.id not in parts]
    return EnergyRecord(
        components=tuple(component for record in counted for component in record.components),
        seconds=math.fsum(record.seconds for record in counted),
        started_at=min((record.started_at for record in counted), default=0.0),
        id="total",
        span="window",
        final=all(record.final for record in counted),
    )


@dataclass(frozen=True)
class Alike:
    """A sum of records that totals treat alike."""

    span: Span
    """Kind of the records."""
    simulated: bool
    unread: bool
    incomplete: bool
    killed: bool
    """Whether the energy is simulated, no device was read, some devices were not read, and the kernel was killed."""
    count: int
    """Number of records."""
    sum: EnergyRecord
    """Their sum, without records inside others."""


class Earlier:
    """Sums of the records that a session no longer keeps individually."""

    def __init__(self) -> None:
        self._alike: dict[tuple[object, ...], Alike] = {}
        self._last: deque[str] = deque(maxlen=1000)

    def add(self, record: EnergyRecord) -> None:
        """Add a record."""
        inside = record.parent is not None  # the session has the enclosing record too
        reduced = record.with_(id="earlier", parent=None, trace=None, notes=())
        if inside:
            reduced = reduced.with_(components=(), seconds=0.0)
        flags = (is_simulated(record), not read(record), bool(record.incomplete) and not inside)
        key = (record.span, *flags, record.status == "killed")
        group = self._alike.get(key)
        self._last.append(record.id)
        if group is None:
            self._alike[key] = Alike(record.span, *flags, record.status == "killed", 1, reduced)
        else:
            self._alike[key] = replace(group, count=group.count + 1, sum=plus(group.sum, reduced))

    def alike(self) -> tuple[Alike, ...]:
        """Return the sums."""
        return tuple(self._alike.values())

    def outer(self, records: Iterable[EnergyRecord]) -> list[EnergyRecord]:
        """Return the records without those inside a recently added one."""
        lately = set(self._last)
        return [record for record in records if record.parent not in lately]


@dataclass(frozen=True, repr=False)
class Totals:
    """The sum of a session so far.

    Parameters
    ----------
    records : sequence of EnergyRecord
        Cells, blocks, and idle times between cells.
    valuation : Valuation, optional
        Conversion of the sum to CO2e and money.
    earlier : sequence of Alike
        Sums of the records before them.
    """

    records: Sequence[EnergyRecord]
    valuation: Valuation = field(default_factory=Valuation)
    earlier: Sequence[Alike] = ()

    @cached_property
    def _all_simulated(self) -> bool:
        return all(map(is_simulated, self.records)) and all(group.simulated for group in self.earlier)

    @cached_property
    def counted(self) -> list[EnergyRecord]:
        """The records of the sum: the real ones, or all if all are simulated."""
        return [record for record in self.records if self._all_simulated or not is_simulated(record)]

    @cached_property
    def before(self) -> list[Alike]:
        """The sums of earlier records that are included."""
        return [group for group in self.earlier if self._all_simulated or not group.simulated]

    @cached_property
    def sum(self) -> EnergyRecord:
        """The sum as one record."""
        return self.valuation.value(total([*self.counted, *(group.sum for group in self.before)]))

    @property
    def cells(self) -> int:
        """Number of cells in the sum."""
        cells = sum(record.span == "cell" for record in self.counted)
        return cells + sum(group.count for group in self.before if group.span == "cell")

    @property
    def unread(self) -> int:
        """Number of records without any reading; they are in no sum."""
        unread = sum(not read(record) for record in self.counted)
        return unread + sum(group.count for group in self.before if group.unread)

    @property
    def left_out(self) -> int:
        """Number of simulated records that are not in the sum."""
        records = len(self.records) - len(self.counted)
        return records + sum(group.count for group in self.earlier) - sum(group.count for group in self.before)

    @property
    def gaps(self) -> EnergyRecord:
        """The idle times between cells as one record."""
        gaps = [record for record in self.counted if record.span == "gap"]
        return total([*gaps, *(group.sum for group in self.before if group.span == "gap")])

    @property
    def _cut(self) -> bool:
        return any(record.status == "killed" for record in self.counted) or any(group.killed for group in self.before)

    def clauses(self) -> list[Clause]:
        """Return the clauses of the summary."""
        joules, counted = self.sum.joules, f"{self.cells} {'cell' if self.cells == 1 else 'cells'}"
        if joules is None or not math.isfinite(joules):
            return [(Piece("no reading yet", "strong"),), (Piece(counted),), (Piece(DOCTOR, "code"),)]
        summary: list[Clause] = [_head(self.sum, joules, self._cut)]
        summary.append((Piece(quality_word(self.sum)),))
        summary.append((Piece(f"{counted}, {numbers.seconds(self.sum.seconds)}"),))
        between = self.gaps.joules
        if between is not None and self.cells:
            summary.append((Piece(f"{_beside(between, self.gaps)} of it between cells"),))
        if self.left_out:
            summary.append((Piece(f"{self.left_out} simulated left out"),))
        if self.unread:
            summary.append((Piece(f"{self.unread} without a reading, not in the sum"),))
        if partial := incomplete(self.counted, self.before):
            summary.append((Piece(partial),))
        return summary

    def text(self) -> str:
        """Return the summary as one line of plain text."""
        return numbers.plain(DOT.join("".join(piece.text for piece in clause) for clause in self.clauses()))

    def html(self) -> str:
        """Return the summary as HTML."""
        idle = self.sum.idle_joules
        facts = [
            ("Also", markup(numbers.watt_hours(self.sum.joules)) if self.sum.joules else ""),
            ("Idle", "" if idle is None else markup(f"{numbers.energy(idle).head} the devices would have drawn idle")),
        ]
        why = ""
        if self.sum.quality == "estimated" and self.sum.joules is not None:
            why = f"<code>{DOCTOR}</code> lists what can be done"
        body = definitions([*facts, ("Why estimated", why)])
        return f'{STYLE}<div class="jg"><div>{summary_markup(self.clauses())}</div>{body}</div>'

    def __repr__(self) -> str:
        return self.text()


def _head(summed: EnergyRecord, joules: float, cut: bool) -> Clause:
    interval = summed.interval
    if summed.below_resolution and interval is not None and math.isfinite(interval[1]):
        return (Piece(numbers.at_most(interval[1]), "strong"), Piece(" so far"))
    amount = numbers.energy(joules, summed.uncertainty)
    spread = " ± not known" if amount.uncertainty is None else f" ±{THIN}{amount.uncertainty}"
    sign = f"≥{THIN}" if cut else "~" if nothing_sensed(summed) else ""
    return (Piece(sign + amount.head, "strong"), Piece(f"{spread} so far"))


def _beside(joules: float, record: EnergyRecord) -> str:
    interval = record.interval
    if record.below_resolution and interval is not None and math.isfinite(interval[1]):
        return numbers.at_most(interval[1])
    return numbers.energy(joules, record.uncertainty).head
