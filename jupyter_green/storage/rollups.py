"""Sums of records by run and hour (rollups), updated in the transaction that changes the records.

Sums are never incremented. For every hour of a run that a transaction touches, they are recomputed from the records,
so that they stay correct after inserts, imports and deletes. The sums of a run are computed from those of its hours.

Whether a record is included in its parent depends on the query: a `green.meter()` window inside a cell is counted if
only windows are requested. So sums are grouped by the attributes of the parent record as well, if the ledger has it
(columns ``around_*``).
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
_WIDEST = 1e100  # joules; in PostgreSQL a square out of range is an error

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
    truncated = f"CAST({hours} AS INTEGER)"
    return f"(({truncated} - ({hours} < {truncated})) * 3600.0)"


def hour_of(moment: float) -> float:
    """Return the start of the hour of a time, both in seconds since 1970."""
    return math.floor(moment / HOUR) * HOUR


Touched = set[tuple[str, float]]
"""Pairs (run, hour) whose records have changed."""


def touched_by(connection: Connection, rows: Sequence[dict[str, Any]]) -> Touched:
    """Return the run hours affected by newly inserted records: their own, and those of their child records."""
    touched = {(str(row["run_id"]), hour_of(row["started_at"])) for row in rows}
    ids = [row["id"] for row in rows]
    for start in range(0, len(ids), _MANY):
        inside = select(_record.run_id, _record.started_at).where(_record.parent.in_(ids[start : start + _MANY]))
        touched.update((str(run), hour_of(began)) for run, began in connection.execute(inside))
    return touched


def delete_records(connection: Connection, where: Iterable[ColumnElement[bool]]) -> int:
    """Delete records and update the sums; return how many. The caller must be the only writer."""
    conditions = list(where)
    hours = select(_record.run_id, func.green_hour_of(_record.started_at)).where(*conditions).distinct()
    touched: Touched = {(str(run), float(hour)) for run, hour in connection.execute(hours)}
    ids = select(_around.c.id).where(*(_on(condition) for condition in conditions))
    inside = select(_record.run_id, func.green_hour_of(_record.started_at)).where(_record.parent.in_(ids)).distinct()
    touched.update((str(run), float(hour)) for run, hour in connection.execute(inside))
    count = int(connection.execute(delete(schema.records).where(*conditions)).rowcount)
    refresh(connection, touched)
    return count


def _on(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    """Return a condition on records as one on the alias `_around`."""
    from sqlalchemy.sql.util import ClauseAdapter

    adapted: ColumnElement[bool] = ClauseAdapter(_around).traverse(condition)
    return adapted


def refresh(connection: Connection, touched: Touched) -> None:
    """Recompute the sums of some run hours and of their runs."""
    for run, hour in sorted(touched):
        _forget(connection, and_(_sum.run_id == run, _sum.hour == hour))
        of_hour = (_record.run_id == run, _record.started_at >= hour, _record.started_at < hour + HOUR)
        if connection.execute(select(_record.id).where(*of_hour).limit(1)).first() is not None:
            _keep(connection, _of_records(connection, of_hour))
    for run in sorted({run for run, _ in touched}):
        _refresh_run(connection, run)


def build(connection: Connection) -> None:
    """Recompute all sums. The caller must be the only writer."""
    connection.execute(delete(schema.rollup_lines))
    connection.execute(delete(schema.rollups))
    if connection.dialect.name == "postgresql":  # without statistics it scans whole tables
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


# ---- computing --------------------------------------------------------------------------------

FIGURES = ("records", "unread", "seconds", "began", "ended", "joules", "squares", "gains", "boundless")
_LINE = ("line", "kind", "device", "source", "quality", *FIGURES)


Row = tuple[Any, ...]
"""A group key followed by the figures of one line; columns as in `_NAMES` and `_LINE`."""


def _rows(connection: Connection, queries: Iterable[Executable]) -> Iterator[Row]:
    for query in queries:
        yield from map(tuple, connection.execute(query))


def _of_records(connection: Connection, own: Iterable[ColumnElement[bool]]) -> Iterator[Row]:
    """Yield the lines for records: all, by kind of device, by source, unread devices, altered records."""
    where = list(own)
    altered = Counter[Row]()
    ids: list[str] = []
    key = (_record.id, func.green_hour_of(_record.started_at), *(_record[name] for name in KEY if name != "nested"))
    for record_id, hour, *values in connection.execute(select(*key).where(*where, is_altered_row())):
        ids.append(str(record_id))
        key_values: dict[str, Any] = dict(zip((name for name in KEY if name != "nested"), values, strict=True))
        key_values = {name: value if isinstance(value, str) else None for name, value in key_values.items()}
        key_values |= {name: key_values[name] or "" for name in ("run_id", "span", "status")}
        hour_start = hour if isinstance(hour, float) and math.isfinite(hour) else 0.0
        key_values |= {"nested": False, "simulated": False}
        row_key: Row = (hour_start, *(key_values[name] for name in KEY))
        altered[row_key] += 1
    no_parent = [None] * (len(AROUND) + 1)
    for row_key, count in altered.items():
        yield (*row_key, *no_parent, "altered", "", "", "", "", count, *[None] * (len(FIGURES) - 1))
    valid = [*where, *(_record.id.not_in(ids[start : start + _MANY]) for start in range(0, len(ids), _MANY))]
    yield from _rows(connection, _adding(valid))


def _adding(where: list[ColumnElement[bool]]) -> list[Executable]:
    """Return the queries that compute the sums."""
    key: list[ColumnElement[Any]] = [
        func.green_hour_of(_record.started_at),
        *(_record.parent.is_not(None) if name == "nested" else _record[name] for name in KEY),
        *(_around.c[name] for name in AROUND),
        func.green_hour_of(_around.c.started_at),
    ]
    tables = schema.records.outerjoin(_around, and_(_around.c.id == _record.parent, not_(is_altered_row(_around))))
    with_parts = tables.join(schema.components, _part.record_id == _record.id)
    no_value: Any = null()
    empty = literal("", literal_execute=True)
    stats = [func.sum(_record.seconds), func.min(_record.started_at), func.max(_record.started_at + _record.seconds)]
    unread = func.sum(case((_record.joules.is_(None), 1), else_=0))
    overall = select(*key, _word("all"), empty, empty, empty, empty, func.count(), unread, *stats, *[no_value] * 4)
    read = func.max(case((_part.joules.is_not(None), 1), else_=0))
    by_kind = (
        select(_part.record_id, _part.kind, read.label("read"))
        .select_from(schema.components.join(schema.records, _part.record_id == _record.id))
        .where(*where)
        .group_by(_part.record_id, _part.kind)
        .subquery("by_kind")
    )
    kinds = select(
        *(*key, _word("kind"), by_kind.c.kind, empty, empty, empty, func.count(), func.sum(1 - by_kind.c.read)),
        *(*stats, *[no_value] * 4),
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
        *(*key, _word("sum"), _part.kind, empty, _part.source, _part.quality, func.count()),
        *(*[no_value] * 4, *sums),
    )
    absent = func.count(_record.id.distinct())
    missing = select(*key, _word("absent"), empty, _part.device, empty, empty, absent, *[no_value] * 8)
    missing_of_kind = select(
        *key, _word("absent kind"), _part.kind, _part.device, empty, empty, absent, *[no_value] * 8
    )
    unread_parts = (*where, _part.joules.is_(None))
    return [
        overall.select_from(tables).where(*where).group_by(*key),
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
    """Return the query that adds up the hours of a run."""
    no_value: Any = null()
    key = [*(_sum[name] for name in KEY), *(_sum[f"around_{name}"] for name in AROUND)]
    what = [_line[name] for name in _LINE[:5]]
    return (
        select(cast(no_value, Double), *key, cast(no_value, Double), *what, *added())
        .select_from(schema.rollups.join(schema.rollup_lines, _line.rollup_id == _sum.id))
        .where(_sum.run_id == run, _sum.hour.is_not(None))
        .group_by(*key, *what)
    )


def added() -> list[ColumnElement[Any]]:
    """Return the aggregate expressions over the figures of lines."""
    ends: dict[str, ColumnElement[Any]] = {"began": func.min(_line.began), "ended": func.max(_line.ended)}
    return [ends[name] if name in ends else func.sum(_line[name]) for name in FIGURES]


def _word(name: str) -> ColumnElement[str]:
    return literal_column(f"'{name}'")


def _keep(connection: Connection, rows: Iterable[Row]) -> None:
    """Store computed lines."""
    width = len(_NAMES)
    lines: dict[Row, list[Row]] = {}
    for row in rows:
        lines.setdefault(row[:width], []).append(row[width:])
    if not lines:
        return
    first = int(connection.execute(select(func.coalesce(func.max(_sum.id), 0))).scalar_one()) + 1
    keys = [dict(zip(_NAMES, key, strict=True), id=first + index) for index, key in enumerate(lines)]
    for key in keys:
        key["nested"], key["simulated"] = bool(key["nested"]), bool(key["simulated"])
    connection.execute(insert(schema.rollups), keys)
    connection.execute(
        insert(schema.rollup_lines),
        [
            dict(zip(_LINE, line, strict=True), rollup_id=first + index)
            for index, group_lines in enumerate(lines.values())
            for line in group_lines
        ],
    )


# ---- checking ---------------------------------------------------------------------------------


def differences(connection: Connection, scope: AccessScope | None = None) -> list[str]:
    """Return the runs whose sums differ from those of their records; empty if all are correct.

    With a scope, only runs with readable rows are checked.
    """
    wrong: set[str] = set()
    tables = (schema.rollups, schema.records)
    summed, recorded = (
        select(table.c.run_id).where(*([] if scope is None else scope.readable(table))).distinct() for table in tables
    )
    run_ids = summed.union(recorded)
    for run in [str(run) for run in connection.execute(run_ids).scalars()]:
        for computed, hour in (
            (_of_records(connection, (_record.run_id == run,)), _sum.hour.is_not(None)),
            (_rows(connection, [_of_hours(run)]), _sum.hour.is_(None)),
        ):
            expected = {row[: -len(FIGURES)]: row[-len(FIGURES) :] for row in computed}
            stored = (
                select(*(_sum[name] for name in _NAMES), *(_line[name] for name in _LINE))
                .select_from(schema.rollups.join(schema.rollup_lines, _line.rollup_id == _sum.id))
                .where(_sum.run_id == run, hour)
            )
            actual = {row[: -len(FIGURES)]: row[-len(FIGURES) :] for row in map(tuple, connection.execute(stored))}
            if expected.keys() != actual.keys() or not all(_same(expected[key], actual[key]) for key in expected):
                wrong.add(run)
    return sorted(wrong)


def _same(one: Sequence[float | None], other: Sequence[float | None]) -> bool:
    return all(
        (a or 0.0) == (b or 0.0) or math.isclose(a or 0.0, b or 0.0, rel_tol=1e-9)
        for a, b in zip(one, other, strict=True)
    )
