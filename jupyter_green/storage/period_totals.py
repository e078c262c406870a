"""Totals of any number of records: stored sums for the whole hours of a period, single records for its edges.

Queries that the sums can't answer (one cell, one code hash) read the records, for which indexes exist; so do queries
over few records. Both paths end in `totals.total` and give the same result, up to rounding of the last digits.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from types import NoneType, SimpleNamespace
from typing import TYPE_CHECKING, Any, cast, get_args

from sqlalchemy import ColumnElement, Connection, and_, case, func, select

from jupyter_green.errors import GreenError
from jupyter_green.records import Quality

from . import record_filter, schema
from . import rollups as rollup
from .integrity import LAST, is_whole_sum
from .record_filter import Filters
from .rollups import AROUND, HOUR, hour_of
from .time_range import period
from .totals import OF_ALL, By, Line, Sums, Totals, total

if TYPE_CHECKING:
    from .access import AccessScope
    from .privacy import Privacy

FEW = 1000
"""Up to this many records are added up directly: it is as fast, and rounds only once."""
_MANY = 400
_sum, _line = schema.rollups.c, schema.rollup_lines.c
_around: Any = SimpleNamespace(c=SimpleNamespace(**{name: _sum[f"around_{name}"] for name in AROUND}))

_QUALITIES = get_args(Quality)

Where = list[ColumnElement[bool]]
Whose = tuple["Privacy", "AccessScope"]
"""Privacy settings of the ledger, and the rows that may be read."""


@dataclass(frozen=True)
class _Period:
    """The part of a query that stored sums can answer."""

    hourly: bool
    """Whether hourly sums are needed; otherwise those of whole runs are used."""
    first: float = -math.inf
    end: float = math.inf
    """The hours start at or after `first` and before `end`, in seconds since 1970."""
    apart: frozenset[float] = frozenset()
    """Starts of hours whose records are read one by one."""

    def hours(self, column: Any) -> Where:
        """Return the conditions for the hours answered by stored sums."""
        where: Where = [column >= self.first] if math.isfinite(self.first) else []
        if math.isfinite(self.end):
            where.append(column < self.end)
        return where


class AlteredSums(GreenError, ValueError):
    """Stored sums with values that no records add up to."""


class Altered:
    """Rows that were altered from outside and are excluded from a result."""

    def __init__(self) -> None:
        self.records: set[str] = set()
        self.others = 0
        """Number of altered records found when the stored sums were computed."""
        self.sums = False
        """Whether stored sums were altered, so that the records were added up instead."""


def totals(
    connection: Connection,
    filters: Filters,
    whose: Whose,
    altered: Altered,
    *,
    by: By | None,
    simulated: bool | None,
) -> Totals:
    """Return the totals of the records selected by filters; see `Reader.totals`."""
    period = _period(connection, filters, whose, by)
    where = record_filter.conditions(filters, *whose)
    sums = [] if period is None else _whole_sums(connection, filters, whose, period, by=by, altered=altered)
    if period is None or altered.sums:
        return total(record_filter.lines(connection, where, altered.records), by, simulated)
    lines = [*_edges(connection, where, period, altered.records)]
    parent_ids = _around_edges(connection, where, lines)
    return total(lines, by, simulated, sums, parent_ids)


Firsts = dict[str, tuple[float, str | None, str | None]]
"""For each run: start, notebook and project of its first record."""


def runs(connection: Connection, filters: Filters, whose: Whose, altered: Altered) -> tuple[Firsts, Totals]:
    """Return the runs of the selected records, oldest first, and the totals by run."""
    period = _period(connection, filters, whose, "run")
    where = record_filter.conditions(filters, *whose)
    firsts: Firsts = {}
    sums = [] if period is None else _whole_sums(connection, filters, whose, period, by="run", altered=altered)
    if period is None or altered.sums:

        def noted() -> Iterator[Line]:
            for line in record_filter.lines(connection, where, altered.records):
                firsts.setdefault(line.run_id, (line.started_at, line.notebook, line.project))
                yield line

        return firsts, total(noted(), "run")
    lines = [*_edges(connection, where, period, altered.records)]
    run_totals = total(
        lines,
        "run",
        None,
        sums,
        _around_edges(connection, where, lines),
    )
    began = func.min(_line.began)
    query = (
        select(_sum.run_id, began, _sum.notebook, _sum.project)
        .select_from(schema.rollups.join(schema.rollup_lines, _line.rollup_id == _sum.id))
        .where(*_middle(filters, whose, period), _line.line == "all")
        .group_by(_sum.run_id, _sum.notebook, _sum.project)
    )
    ambiguous: set[str] = set()
    candidates = [tuple(row) for row in connection.execute(query)]
    candidates += [(line.run_id, line.started_at, line.notebook, line.project) for line in lines]
    for run, start, *origin in candidates:
        earliest = firsts.get(run)
        if earliest is None or start < earliest[0]:
            firsts[run] = (start, origin[0], origin[1])
            ambiguous.discard(run)
        elif start == earliest[0] and (origin[0], origin[1]) != earliest[1:]:
            ambiguous.add(run)
    record = schema.records.c
    for run in ambiguous:  # several first records: take the one with the smallest id
        start = firsts[run][0]
        first_record = (
            select(record.notebook, record.project)
            .where(*where, record.run_id == run, record.started_at == start)
            .order_by(record.id)
            .limit(1)
        )
        notebook, project = connection.execute(first_record).one()
        firsts[run] = (start, notebook, project)
    return dict(sorted(firsts.items(), key=lambda item: item[1][0])), run_totals


# ---- splitting the period ---------------------------------------------------------------------


def _period(connection: Connection, filters: Filters, whose: Whose, by: By | None) -> _Period | None:
    period = _parted(connection, filters, by)
    if period is None:
        return None
    middle = (
        select(func.coalesce(func.sum(_line.records), 0))
        .select_from(schema.rollups.join(schema.rollup_lines, _line.rollup_id == _sum.id))
        .where(*_middle(filters, whose, period), _line.line == "all")
    )
    return period if connection.execute(middle).scalar_one() > FEW else None


def _parted(connection: Connection, filters: Filters, by: By | None) -> _Period | None:
    """Return how a query is split; None if only the records can answer it."""
    if filters.get("cell_id") is not None or filters.get("code_hash") is not None:
        return None
    start, stop = period(filters.get("since"), filters.get("until"))
    if start is None and stop is None and by != "day":
        return _Period(hourly=False)
    first, end, apart = -math.inf, math.inf, set[float]()
    if start is not None:
        first = hour_of(start)
        if first != start:
            apart.add(first)
            first += HOUR
    if stop is not None:
        end = hour_of(stop)
        if end != stop:
            apart.add(end)
    if not first < end:
        return None
    hourly = _Period(True, first, end, frozenset(apart))
    if by != "day":
        return hourly
    hours = select(_sum.hour).where(func.green_is_number(_sum.hour), *hourly.hours(_sum.hour)).distinct()
    hours = hours.where(_sum.hour.between(0, LAST))
    split_hours = {
        float(hour) for hour in connection.execute(hours).scalars() if _day(hour) != _day(hour + HOUR - 0.001)
    }
    return _Period(True, first, end, frozenset(apart | split_hours))


def _day(seconds: float) -> str:
    """Return the date of a time in the local time zone."""
    when = time.localtime(seconds)
    return f"{when.tm_year:04d}-{when.tm_mon:02d}-{when.tm_mday:02d}"


# ---- the records of the edges -----------------------------------------------------------------


def _edges(connection: Connection, where: Where, period: _Period, altered: set[str]) -> Iterator[Line]:
    """Yield the records of hours outside the stored sums, and child records of a record in such an hour."""
    record = schema.records.c
    for hour in sorted(period.apart):
        yield from record_filter.lines(
            connection, [*where, record.started_at >= hour, record.started_at < hour + HOUR], altered
        )
    if not period.apart:
        return
    crossing = select(_sum.id).where(_sum.around_hour.in_(period.apart), *period.hours(_sum.hour)).limit(1)
    if connection.execute(crossing).first() is None:
        return
    ids: list[str] = []
    for hour in sorted(period.apart):
        query = select(record.id).where(record.started_at >= hour, record.started_at < hour + HOUR)
        ids += [str(record_id) for record_id in connection.execute(query).scalars()]
    for chunk in _chunks(ids):
        for line in record_filter.lines(connection, [*where, record.parent.in_(chunk)], altered):
            if hour_of(line.started_at) not in period.apart:
                yield line


def _around_edges(connection: Connection, where: Where, lines: Iterable[Line]) -> set[str]:
    """Return the ids of the parents of these records that the query selects too."""
    record = schema.records.c
    parent_ids = sorted({line.parent for line in lines if line.parent is not None})
    selected: set[str] = set()
    for chunk in _chunks(parent_ids):
        selected.update(connection.execute(select(record.id).where(*where, record.id.in_(chunk))).scalars())
    return selected


def _chunks(values: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(values), _MANY):
        yield values[start : start + _MANY]


# ---- the sums of the middle -------------------------------------------------------------------


def _timeless(filters: Filters) -> Filters:
    return cast("Filters", {name: value for name, value in filters.items() if name not in ("since", "until")})


def _middle(filters: Filters, whose: Whose, period: _Period) -> Where:
    """Return the conditions that select the stored sums, those of child records included."""
    where = record_filter.conditions(_timeless(filters), *whose, source=schema.rollups)
    if not period.hourly:
        return [*where, _sum.hour.is_(None)]
    where += [_sum.hour.is_not(None), *period.hours(_sum.hour)]
    if period.apart:
        where.append(_sum.hour.not_in(period.apart))
        where.append(_sum.around_hour.is_(None) | _sum.around_hour.not_in(period.apart))
    return where


def _whole_sums(
    connection: Connection, filters: Filters, whose: Whose, period: _Period, *, by: By | None, altered: Altered
) -> list[Sums]:
    """Return the stored sums of the period. Alterations are noted in `altered`."""
    try:
        sums = [*_sums(connection, filters, whose, period, by)]
    except AlteredSums:
        altered.sums = True
        return []
    altered.others += sum(line.records for line in sums if line.line == "altered")
    return sums


def _sums(connection: Connection, filters: Filters, whose: Whose, period: _Period, by: By | None) -> Iterator[Sums]:
    """Yield the stored sums of the period."""
    where = _middle(filters, whose, period)
    parent_conditions: Where = [
        _sum.around_run_id.is_not(None),
        *record_filter.conditions(_timeless(filters), *whose, source=_around),
    ]
    if period.hourly:
        parent_conditions += period.hours(_sum.around_hour)
    inside = case((and_(*parent_conditions), 1), else_=0)
    tables = schema.rollups.join(schema.rollup_lines, _line.rollup_id == _sum.id)
    groups = {"run": _sum.run_id, "project": _sum.project, "notebook": _sum.notebook, "day": _sum.hour}
    group = [groups[by]] if by in groups else []
    if by != "kind":
        where.append(_line.line.in_((*OF_ALL, "altered")))
    keys = [*group, _sum.simulated, inside, _line.line, _line.kind, _line.device, _line.source, _line.quality]
    figures = rollup.added()
    # Check each line: SQLite adds up text as 0, and a sum hides negative values.
    valid = func.min(case((is_whole_sum(rollup.FIGURES), 1), else_=0))
    query = select(*keys, *figures, valid).select_from(tables).where(*where).group_by(*keys)
    for row in map(tuple, connection.execute(query).all()):
        if not row[-1]:
            raise AlteredSums
        key: Any = row[0] if group else None
        is_valid = (
            isinstance(key, (int, float)) and 0 <= key <= LAST if by == "day" else isinstance(key, (str, NoneType))
        )
        if not is_valid or row[len(group)] not in (0, 1):
            raise AlteredSums
        sums = Sums._make((_day(key) if by == "day" else key, *row[len(group) : -1]))
        if {*map(type, (sums.line, sums.kind, sums.device, sums.source))} != {str}:
            raise AlteredSums
        if sums.line == "sum" and sums.quality not in _QUALITIES:
            raise AlteredSums
        yield sums
