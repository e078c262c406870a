"""Pages of runs and of cells for the server's API, counted and summed in the database.

A *row* is a record of a run that is neither idle time between cells nor a child of another record. A *cell* is the
last execution of a cell, whatever its status; earlier executions are counted separately. The total of a run covers all
executions and the idle time, as in the kernel. It is of one sort: simulated records are excluded if there are real
readings.

There are no subqueries: the result of one query is used in the next. Power traces are never read, and documents only
for the cells on the page.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, FromClause, and_, case, func, literal, not_, or_, select
from sqlalchemy.sql import visitors

from jupyter_green.baselines import serializers
from jupyter_green.records import Component, EnergyRecord, Quality
from jupyter_green.storage import schema
from jupyter_green.storage.errors import DamagedRecord, LedgerError
from jupyter_green.storage.integrity import is_altered_row, is_whole
from jupyter_green.storage.record_filter import OUTER
from jupyter_green.storage.record_rows import record_of

Where = list[ColumnElement[bool]]
Shape = dict[str, Any]

_MANY = 400  # values in one IN list; old SQLite allows 999 per query
_WIDEST = 1e100  # joules; in PostgreSQL a square out of range is an error
_LONGEST_ID = 256
_LONGEST_NAME = 500

_table = schema.records.c
_part = schema.components.c
_row: ColumnElement[bool] = and_(OUTER, _table.span != "gap", is_whole())
_gap: ColumnElement[bool] = and_(OUTER, _table.span == "gap", is_whole())


def _of_sort(simulated: bool) -> ColumnElement[bool]:
    """Return the condition for real or simulated records. Records without a reading match both."""
    return or_(_table.simulated.is_(simulated), _table.joules.is_(None))


def _inline(value: Any) -> ColumnElement[Any]:
    """Return a constant rendered into the SQL text; PostgreSQL can't group by a parameter."""
    return literal(value, literal_execute=True)


# Key of a cell within its run. Ids of a length that no front end produces are ignored.
_key: ColumnElement[str] = case(
    (func.length(_table.cell_id).between(_inline(1), _inline(_LONGEST_ID)), _table.cell_id), else_=_table.id
)


@dataclass(frozen=True)
class _Head:
    """A run without its figures."""

    run: str
    began: float
    ended: float
    simulated: bool | None
    """Whether simulated or real rows count; None if no row has a reading."""
    cells: int


# ---- runs -------------------------------------------------------------------------------------


def runs(connection: Connection, where: Where, offset: int, limit: int) -> Shape:
    """Return a page of the runs that have rows, newest first; `where` selects the records."""
    total, page = _page(connection, where, offset, limit)
    heads = [
        head for run_ids in _chunks(page) for head in _heads(connection, [*where, _table.run_id.in_(run_ids)], 0, limit)
    ]
    places = _places(connection, where, heads)
    figures: dict[str, Shape] = {}
    idle: dict[str, Shape] = {}
    for simulated in (True, False):  # idle time of a run without readings counts as real if possible
        of_sort: Where = [*where, _of_sort(simulated)]
        for run_ids in _chunks([head.run for head in heads if head.simulated in (simulated, None)]):
            all_records: Where = [OUTER, is_whole(), *of_sort, _table.run_id.in_(run_ids)]
            figures.update(_figures(_parts(connection, all_records)))
            idle.update(_figures(_parts(connection, [_gap, *of_sort, _table.run_id.in_(run_ids)])))
    no_figure = serializers.figure(EnergyRecord((), 0.0, 0.0))
    items = [
        {
            "run": head.run,
            "notebook": places.get(head.run, (None, None))[0],
            "project": places.get(head.run, (None, None))[1],
            "started_at": head.began,
            "ended_at": head.ended,
            "cells": head.cells,
            "figure": figures.get(head.run, no_figure),
            "idle": idle.get(head.run),
        }
        for head in heads
    ]
    return {"items": items, "total": total}


def _page(connection: Connection, where: Where, offset: int, limit: int) -> tuple[int, list[str]]:
    """Return the number of runs that have rows, and the run ids of a page."""
    sum_conditions = _of_sums(where)
    source: FromClause
    if sum_conditions is None:
        began, conditions, source = func.min(_table.started_at), [_row, *where], schema.records
        run = _table.run_id
    else:
        began, run = func.min(schema.rollup_lines.c.began), schema.rollups.c.run_id
        source = schema.rollups.join(schema.rollup_lines, schema.rollup_lines.c.rollup_id == schema.rollups.c.id)
        conditions = [*sum_conditions, schema.rollups.c.hour.is_(None), schema.rollup_lines.c.line == "all"]
        conditions += [schema.rollups.c.nested.is_(False), schema.rollups.c.span != "gap"]
    total = int(
        connection.execute(select(func.count(run.distinct())).select_from(source).where(*conditions)).scalar_one()
    )
    order = (began.desc(), run.desc())
    page = select(run).select_from(source).where(*conditions).group_by(run).order_by(*order).offset(offset).limit(limit)
    return total, [str(run_id) for run_id in connection.execute(page).scalars()] if total else []


def _of_sums(where: Where) -> Where | None:
    """Return conditions on records as conditions on their stored sums; None if a column is missing there."""
    sum_columns = {column.name for column in schema.rollups.columns} - {"id"}
    for condition in where:
        for part in visitors.iterate(condition):
            if isinstance(part, Column) and part.table is schema.records and part.name not in sum_columns:
                return None

    def replaced(element: Any, **_: Any) -> Any:
        is_record_column = isinstance(element, Column) and element.table is schema.records
        return schema.rollups.c[element.name] if is_record_column else None

    return [visitors.replacement_traverse(condition, {}, replaced) for condition in where]


def newest_run(connection: Connection, where: Where) -> str | None:
    """Return the run id of the newest run; None without any."""
    heads = _heads(connection, where, 0, 1)
    return heads[0].run if heads else None


def _heads(connection: Connection, where: Where, offset: int, limit: int) -> list[_Head]:
    began = func.min(_table.started_at)
    real, has_reading = _of_sort(False), _table.joules.is_not(None)
    query = (
        select(
            _table.run_id,
            began,
            func.max(_table.started_at + _table.seconds),
            func.count(case((and_(has_reading, _table.simulated), _inline(1)))),
            func.count(case((and_(has_reading, not_(_table.simulated)), _inline(1)))),
            func.count(_key.distinct()),
            func.count(case((real, _key)).distinct()),
        )
        .where(_row, *where)
        .group_by(_table.run_id)
        .order_by(began.desc(), _table.run_id.desc())
        .offset(offset)
        .limit(limit)
    )
    heads = []
    for run, first, last, simulated, real_readings, cells, real_cells in connection.execute(query):
        if real_readings:
            heads.append(_Head(run, first, last, False, real_cells))
        else:
            heads.append(_Head(run, first, last, True if simulated else None, cells))
    return heads


def _places(connection: Connection, where: Where, heads: list[_Head]) -> dict[str, tuple[str | None, str | None]]:
    """Return notebook and project of each run, taken from its first row."""
    first = {head.run: head.began for head in heads}
    places = {}
    for run_ids in _chunks([*first]):
        query = select(_table.run_id, _table.started_at, _table.notebook, _table.project).where(
            _row, *where, _table.run_id.in_(run_ids), _table.started_at.in_([first[run] for run in run_ids])
        )
        for run, began, notebook, project in connection.execute(query):
            if first[run] == began:
                places[run] = _shortened(notebook), _shortened(project)
    return places


def _parts(connection: Connection, where: Where) -> Iterator[tuple[str, Component]]:
    """Yield pairs of a run and the sum over its records, one component for each source and quality."""
    width = _part.uncertainty
    gain = func.coalesce(case((_part.gain_uncertainty <= _inline(_WIDEST), _part.gain_uncertainty)), _inline(0.0))
    square = case(
        (and_(width > gain, width.between(_inline(1 / _WIDEST), _inline(_WIDEST))), (width - gain) * (width + gain)),
        else_=_inline(0.0),
    )
    query = (
        select(
            _table.run_id,
            _part.source,
            _part.quality,
            func.sum(_part.joules),
            func.sum(square),
            func.sum(gain),
            func.count() - func.count(case((width <= _inline(_WIDEST), _inline(1)))),
        )
        .select_from(schema.records.join(schema.components, _part.record_id == _table.id))
        .where(*where, _part.joules.is_not(None), not_(is_altered_row()))
        .group_by(_table.run_id, _part.source, _part.quality)
    )
    for run, source, quality, joules, squares, gains, boundless in connection.execute(query):
        uncertainty = math.inf if boundless else math.hypot(math.sqrt(squares), gains)
        yield run, _sum_of(source, quality, joules, uncertainty, 0.0 if boundless else gains)


def _sum_of(source: str, quality: Quality, joules: float, width: float, gain: float) -> Component:
    return Component("other", "all", source, joules, width, gain, "model", quality, "a run", source)


def _figures(parts: Iterable[tuple[str, Component]]) -> dict[str, Shape]:
    parts_by_run: dict[str, list[Component]] = {}
    for run, part in parts:
        parts_by_run.setdefault(run, []).append(part)
    return {run: serializers.figure(EnergyRecord(tuple(of_run), 0.0, 0.0)) for run, of_run in parts_by_run.items()}


def _chunks(values: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(values), _MANY):
        yield values[start : start + _MANY]


def holds(connection: Connection, where: Where) -> bool:
    """Return whether there is any matching record."""
    return connection.execute(select(_table.id).where(*where).limit(1)).first() is not None


# ---- cells ------------------------------------------------------------------------------------


def cells(connection: Connection, where: Where, offset: int, limit: int) -> Shape:
    """Return a page of the cells of one run, in the order of their first execution; `where` selects its records.

    Later cells appear on later pages, and a cell that is executed again keeps its position.
    """
    total = int(connection.execute(select(func.count(_key.distinct())).where(_row, *where)).scalar_one())
    first = func.min(_table.started_at)
    page = (
        select(_key, func.max(_table.started_at), func.count())
        .where(_row, *where)
        .group_by(_key)
        .order_by(first, _key)
        .offset(offset)
        .limit(limit)
    )
    heads = {key: (last, count) for key, last, count in (connection.execute(page) if total else ())}
    items = []
    for keys in _chunks([*heads]):
        newest = _newest(connection, where, {key: heads[key][0] for key in keys})
        earlier = _earlier(connection, where, {key: newest[key][0].id for key in newest if heads[key][1] > 1})
        for key in keys:
            if key in newest:  # otherwise deleted between two queries
                record, simulated = newest[key]
                rerun_sort = simulated if record.joules is not None else (key, False) not in earlier
                reruns = heads[key][1] - 1
                items.append(serializers.cell(record, reruns=reruns, rerun_joules=earlier.get((key, rerun_sort))))
    return {"items": items, "total": total}


def _newest(connection: Connection, where: Where, last: dict[str, float]) -> dict[str, tuple[EnergyRecord, bool]]:
    """Return the last execution of each cell, and whether it is simulated.

    Raises LedgerError if no execution can be read, and a newer version wrote one of them.
    """
    query = (
        select(_key, _table.started_at, _table.simulated, _table.document)
        .where(_row, *where, _table.started_at.in_([*last.values()]), _key.in_([*last]))
        .order_by(_table.id)
    )
    records = {}
    newer: LedgerError | None = None
    for key, began, simulated, document in connection.execute(query):
        if last[key] == began:
            try:
                record = record_of(document, None)
            except DamagedRecord:
                continue  # corrupted; the other cells can be read
            except LedgerError as error:
                newer = error
                continue
            has_valid_id = record.cell_id is not None and 1 <= len(record.cell_id) <= _LONGEST_ID
            records[key] = record if has_valid_id else record.with_(cell_id=None), bool(simulated)
    if newer is not None and not records:
        raise newer
    return records


def _earlier(connection: Connection, where: Where, last: dict[str, str]) -> dict[tuple[str, bool], float | None]:
    """Return the joules of the executions before the last one, by cell and by simulated or real.

    None if the sum is not significantly above 0.
    """
    uncertainty = case((_table.uncertainty <= _inline(_WIDEST), _table.uncertainty), else_=_inline(0.0))
    query = (
        select(_key, _table.simulated, func.sum(_table.joules), func.sum(uncertainty))
        .where(_row, *where, _key.in_([*last]), _table.id.not_in([*last.values()]), _table.joules.is_not(None))
        .group_by(_key, _table.simulated)
    )
    rows = connection.execute(query) if last else ()
    return {
        (key, bool(simulated)): joules if joules > uncertainty else None for key, simulated, joules, uncertainty in rows
    }


def _shortened(name: str | None) -> str | None:
    """Return a name of limited length; of a long path the end is kept."""
    return name if name is None or len(name) <= _LONGEST_NAME else "…" + name[1 - _LONGEST_NAME :]
