"""Sums of records by run and hour, written in the transaction that changes the records.

Nothing is added to a sum or taken from it: the sums of each hour of a run that a transaction touches are made anew from
its records, so that they hold what the records hold, whatever was inserted, imported or deleted. The sums of a whole
run are made of those of its hours.

Whether a record is part of another one that is counted depends on the question: a window inside a cell is counted where
only windows are asked for. So sums are kept apart by what is known of the record around, where the ledger has it.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Double,
    Executable,
    and_,
    case,
    cast,
    delete,
    func,
    insert,
    literal,
    literal_column,
    not_,
    null,
    select,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import GenericFunction

from . import schema
from .integrity import is_altered_row

if TYPE_CHECKING:
    from .access import AccessScope

HOUR = 3600.0
_MANY = 400
_WIDEST = 1e100  # joules; PostgreSQL squares nothing that leaves the range of its numbers

_record, _part = schema.records.c, schema.components.c
_around = schema.records.alias("around")
_sum, _line = schema.rollups.c, schema.rollup_lines.c

KEY = ("run_id", "nested", "owner", "project", "notebook", "span", "status", "simulated")
AROUND = ("run_id", "owner", "project", "notebook", "span", "status")
_NAMES = ("hour", *KEY, *(f"around_{name}" for name in AROUND), "around_hour")


class _HourOf(GenericFunction[float]):
    """Start of the hour of a time, both in seconds since 1970."""

    type = Double()
    name = "green_hour_of"
    inherit_cache = True


@compiles(_HourOf)
def _floor(element: Any, compiler: Any, **given: Any) -> str:
    return f"(floor(({compiler.process(element.clauses, **given)}) / 3600.0) * 3600.0)"


@compiles(_HourOf, "sqlite")  # some builds have no floor()
def _floor_sqlite(element: Any, compiler: Any, **given: Any) -> str:
    hours = f"(({compiler.process(element.clauses, **given)}) / 3600.0)"
    whole = f"CAST({hours} AS INTEGER)"
    return f"(({whole} - ({hours} < {whole})) * 3600.0)"


def hour_of(moment: float) -> float:
    """Return the start of the hour of a time, both in seconds since 1970."""
    return math.floor(moment / HOUR) * HOUR


Touched = set[tuple[str, float]]
"""Hours of runs whose records have changed."""


def touched_by(connection: Connection, rows: Sequence[dict[str, Any]]) -> Touched:
    """Return the hours that records just inserted change: their own, and those of the records inside them."""
    touched = {(str(row["run_id"]), hour_of(row["started_at"])) for row in rows}
    ids = [row["id"] for row in rows]
    for start in range(0, len(ids), _MANY):
        inside = select(_record.run_id, _record.started_at).where(_record.parent.in_(ids[start : start + _MANY]))
        touched.update((str(run), hour_of(began)) for run, began in connection.execute(inside))
    return touched


def delete_records(connection: Connection, where: Iterable[ColumnElement[bool]]) -> int:
    """Delete records with their sums; return how many. As the only writer."""
    doomed = list(where)
    hours = select(_record.run_id, func.green_hour_of(_record.started_at)).where(*doomed).distinct()
    touched: Touched = {(str(run), float(hour)) for run, hour in connection.execute(hours)}
    ids = select(_around.c.id).where(*(_on(condition) for condition in doomed))
    inside = select(_record.run_id, func.green_hour_of(_record.started_at)).where(_record.parent.in_(ids)).distinct()
    touched.update((str(run), float(hour)) for run, hour in connection.execute(inside))
    count = int(connection.execute(delete(schema.records).where(*doomed)).rowcount)
    refresh(connection, touched)
    return count


def _on(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    from sqlalchemy.sql.util import ClauseAdapter

    adapted: ColumnElement[bool] = ClauseAdapter(_around).traverse(condition)
    return adapted


def refresh(connection: Connection, touched: Touched) -> None:
    """Make the sums of some hours anew, and those of their runs."""
    for run, hour in sorted(touched):
        _forget(connection, and_(_sum.run_id == run, _sum.hour == hour))
        own = (_record.run_id == run, _record.started_at >= hour, _record.started_at < hour + HOUR)
        if connection.execute(select(_record.id).where(*own).limit(1)).first() is not None:
            _keep(connection, _of_records(connection, own))
    for run in sorted({run for run, _ in touched}):
        _refresh_run(connection, run)


def build(connection: Connection) -> None:
    """Make all sums anew, as the only writer."""
    connection.execute(delete(schema.rollup_lines))
    connection.execute(delete(schema.rollups))
    if connection.dialect.name == "postgresql":  # without figures of its tables it looks through all of them each time
        connection.exec_driver_sql("ANALYZE green_records, green_components")
    runs = [str(run) for run in connection.execute(select(_record.run_id).distinct()).scalars()]
    for run in runs:
        _keep(connection, _of_records(connection, (_record.run_id == run,)))
        _refresh_run(connection, run)


def _refresh_run(connection: Connection, run: str) -> None:
    _forget(connection, and_(_sum.run_id == run, _sum.hour.is_(None)))
    _keep(connection, _rows(connection, [_of_hours(run)]))


def _forget(connection: Connection, which: ColumnElement[bool]) -> None:
    ids = select(_sum.id).where(which)
    connection.execute(delete(schema.rollup_lines).where(_line.rollup_id.in_(ids)))
    connection.execute(delete(schema.rollups).where(which))


# ---- making -----------------------------------------------------------------------------------

FIGURES = ("records", "unread", "seconds", "began", "ended", "joules", "squares", "gains", "boundless")
_LINE = ("line", "kind", "device", "source", "quality", *FIGURES)


Row = tuple[Any, ...]
"""A key and the figures of one line, as `_NAMES` and `_LINE` name them."""


def _rows(connection: Connection, queries: Iterable[Executable]) -> Iterator[Row]:
    for query in queries:
        yield from map(tuple, connection.execute(query))


def _of_records(connection: Connection, own: Iterable[ColumnElement[bool]]) -> Iterator[Row]:
    """Yield the lines of records: all, by kind of device, by source, what was not read, and what was altered."""
    where = list(own)
    altered = Counter[Row]()
    ids: list[str] = []
    key = (_record.id, func.green_hour_of(_record.started_at), *(_record[name] for name in KEY if name != "nested"))
    for record_id, hour, *values in connection.execute(select(*key).where(*where, is_altered_row())):
        ids.append(str(record_id))
        said: dict[str, Any] = dict(zip((name for name in KEY if name != "nested"), values, strict=True))
        said = {name: value if isinstance(value, str) else None for name, value in said.items()}
        said |= {name: said[name] or "" for name in ("run_id", "span", "status")}
        begun = hour if isinstance(hour, float) and math.isfinite(hour) else 0.0
        said |= {"nested": False, "simulated": False}
        one: Row = (begun, *(said[name] for name in KEY))
        altered[one] += 1
    nothing = [None] * (len(AROUND) + 1)
    for one, count in altered.items():
        yield (*one, *nothing, "altered", "", "", "", "", count, *[None] * (len(FIGURES) - 1))
    wholes = [*where, *(_record.id.not_in(ids[start : start + _MANY]) for start in range(0, len(ids), _MANY))]
    yield from _rows(connection, _adding(wholes))


def _adding(where: list[ColumnElement[bool]]) -> list[Executable]:
    """Return the queries that add records up."""
    key: list[ColumnElement[Any]] = [
        func.green_hour_of(_record.started_at),
        *(_record.parent.is_not(None) if name == "nested" else _record[name] for name in KEY),
        *(_around.c[name] for name in AROUND),
        func.green_hour_of(_around.c.started_at),
    ]
    tables = schema.records.outerjoin(_around, and_(_around.c.id == _record.parent, not_(is_altered_row(_around))))
    with_parts = tables.join(schema.components, _part.record_id == _record.id)
    nothing: Any = null()
    text = literal("", literal_execute=True)
    stats = [func.sum(_record.seconds), func.min(_record.started_at), func.max(_record.started_at + _record.seconds)]
    unread = func.sum(case((_record.joules.is_(None), 1), else_=0))
    whole = select(*key, _word("all"), text, text, text, text, func.count(), unread, *stats, *[nothing] * 4)
    read = func.max(case((_part.joules.is_not(None), 1), else_=0))
    by_kind = (
        select(_part.record_id, _part.kind, read.label("read"))
        .select_from(schema.components.join(schema.records, _part.record_id == _record.id))
        .where(*where)
        .group_by(_part.record_id, _part.kind)
        .subquery("by_kind")
    )
    kinds = select(
        *(*key, _word("kind"), by_kind.c.kind, text, text, text, func.count(), func.sum(1 - by_kind.c.read)),
        *(*stats, *[nothing] * 4),
    )
    gain = func.coalesce(case((_part.gain_uncertainty <= _WIDEST, _part.gain_uncertainty)), 0.0)
    width = _part.uncertainty
    bounded = and_(width.is_not(None), width <= _WIDEST)
    square = case(
        (and_(bounded, width > gain, width >= 1 / _WIDEST), (width - gain) * (width + gain)),
        else_=0.0,
    )
    sums = [func.sum(_part.joules), func.sum(square), func.sum(gain), func.sum(case((bounded, 0), else_=1))]
    sources = select(
        *(*key, _word("sum"), _part.kind, text, _part.source, _part.quality, func.count()),
        *(*[nothing] * 4, *sums),
    )
    absent = func.count(_record.id.distinct())
    missing = select(*key, _word("absent"), text, _part.device, text, text, absent, *[nothing] * 8)
    missing_of_kind = select(*key, _word("absent kind"), _part.kind, _part.device, text, text, absent, *[nothing] * 8)
    unread_parts = (*where, _part.joules.is_(None))
    return [
        whole.select_from(tables).where(*where).group_by(*key),
        kinds.select_from(tables.join(by_kind, by_kind.c.record_id == _record.id))
        .where(*where)
        .group_by(*key, by_kind.c.kind),
        sources.select_from(with_parts)
        .where(*where, _part.joules.is_not(None))
        .group_by(*key, _part.kind, _part.source, _part.quality),
        missing.select_from(with_parts).where(*unread_parts).group_by(*key, _part.device),
        missing_of_kind.select_from(with_parts).where(*unread_parts).group_by(*key, _part.kind, _part.device),
    ]


def _of_hours(run: str) -> Executable:
    """Return the query that adds the hours of a run up."""
    nothing: Any = null()
    key = [*(_sum[name] for name in KEY), *(_sum[f"around_{name}"] for name in AROUND)]
    what = [_line[name] for name in _LINE[:5]]
    return (
        select(cast(nothing, Double), *key, cast(nothing, Double), *what, *added())
        .select_from(schema.rollups.join(schema.rollup_lines, _line.rollup_id == _sum.id))
        .where(_sum.run_id == run, _sum.hour.is_not(None))
        .group_by(*key, *what)
    )


def added() -> list[ColumnElement[Any]]:
    """Return the figures of lines added up."""
    ends: dict[str, ColumnElement[Any]] = {"began": func.min(_line.began), "ended": func.max(_line.ended)}
    return [ends[name] if name in ends else func.sum(_line[name]) for name in FIGURES]


def _word(name: str) -> ColumnElement[str]:
    return literal_column(f"'{name}'")


def _keep(connection: Connection, rows: Iterable[Row]) -> None:
    """Store what was added up."""
    width = len(_NAMES)
    lines: dict[Row, list[Row]] = {}
    for row in rows:
        lines.setdefault(row[:width], []).append(row[width:])
    if not lines:
        return
    first = int(connection.execute(select(func.coalesce(func.max(_sum.id), 0))).scalar_one()) + 1
    keys = [dict(zip(_NAMES, key, strict=True), id=first + place) for place, key in enumerate(lines)]
    for key in keys:
        key["nested"], key["simulated"] = bool(key["nested"]), bool(key["simulated"])
    connection.execute(insert(schema.rollups), keys)
    connection.execute(
        insert(schema.rollup_lines),
        [
            dict(zip(_LINE, line, strict=True), rollup_id=first + place)
            for place, found in enumerate(lines.values())
            for line in found
        ],
    )


# ---- checking ---------------------------------------------------------------------------------


def differences(connection: Connection, scope: AccessScope | None = None) -> list[str]:
    """Return the runs whose sums are not those of their records; empty where all is right.

    With a scope only runs of which something may be read.
    """
    wrong: set[str] = set()
    tables = (schema.rollups, schema.records)
    summed, kept = (
        select(table.c.run_id).where(*([] if scope is None else scope.readable(table))).distinct() for table in tables
    )
    known = summed.union(kept)
    for run in [str(run) for run in connection.execute(known).scalars()]:
        for wanted, hour in (
            (_of_records(connection, (_record.run_id == run,)), _sum.hour.is_not(None)),
            (_rows(connection, [_of_hours(run)]), _sum.hour.is_(None)),
        ):
            right = {row[: -len(FIGURES)]: row[-len(FIGURES) :] for row in wanted}
            stored = (
                select(*(_sum[name] for name in _NAMES), *(_line[name] for name in _LINE))
                .select_from(schema.rollups.join(schema.rollup_lines, _line.rollup_id == _sum.id))
                .where(_sum.run_id == run, hour)
            )
            found = {row[: -len(FIGURES)]: row[-len(FIGURES) :] for row in map(tuple, connection.execute(stored))}
            if right.keys() != found.keys() or not all(_same(right[key], found[key]) for key in right):
                wrong.add(run)
    return sorted(wrong)


def _same(one: Sequence[float | None], other: Sequence[float | None]) -> bool:
    return all(
        (a or 0.0) == (b or 0.0) or math.isclose(a or 0.0, b or 0.0, rel_tol=1e-9)
        for a, b in zip(one, other, strict=True)
    )
