"""Runs and cells as pages see them, counted and added up in the database.

A row is what a notebook's run is made of: anything but the time between cells, and nothing that lies inside another
record. A cell is one row, by its last execution, however that ended; earlier ones are counted apart. The sum of a run
is everything that it used, as the kernel's own total: all executions and the time between them, of one sort: where
there are real readings, simulated ones are left out.

On a shared ledger only plain queries may be put (see `own`), so there is no query inside a query: what one finds goes
into the next. A page costs what lies on it; no course of power is read, and no document but those of the cells shown.
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

_MANY = 400  # values in one list; an old SQLite takes 999 in a query
_WIDEST = 1e100  # joules; PostgreSQL squares nothing that leaves the range of its numbers
_LONGEST_ID = 256
_LONGEST_NAME = 500

_table = schema.records.c
_part = schema.components.c
_row: ColumnElement[bool] = and_(OUTER, _table.span != "gap", is_whole())
_gap: ColumnElement[bool] = and_(OUTER, _table.span == "gap", is_whole())


def _of_sort(simulated: bool) -> ColumnElement[bool]:
    """Return the condition for records of a sort; one without a reading may be of either."""
    return or_(_table.simulated.is_(simulated), _table.joules.is_(None))


def _inline(value: Any) -> ColumnElement[Any]:
    """Return a constant that is part of the query's text; PostgreSQL groups by no parameter."""
    return literal(value, literal_execute=True)


# What tells a row from the others of its run; an id that no front end makes is as good as none.
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
    """Which sort of its rows counts; None where none has a reading."""
    cells: int


# ---- runs -------------------------------------------------------------------------------------


def runs(connection: Connection, where: Where, offset: int, limit: int) -> Shape:
    """Return a page of the runs that have a row, those that began last first.

    Parameters
    ----------
    connection : Connection
        Of one reading.
    where : list
        Which records are meant.
    offset, limit : int
        Which of the runs.
    """
    total, page = _page(connection, where, offset, limit)
    heads = [head for some in _chunks(page) for head in _heads(connection, [*where, _table.run_id.in_(some)], 0, limit)]
    places = _places(connection, where, heads)
    figures: dict[str, Shape] = {}
    idle: dict[str, Shape] = {}
    for simulated in (True, False):  # the time between cells that were not read is real where it can be
        sort: Where = [*where, _of_sort(simulated)]
        for some in _chunks([head.run for head in heads if head.simulated in (simulated, None)]):
            whole: Where = [OUTER, is_whole(), *sort, _table.run_id.in_(some)]
            figures.update(_figures(_parts(connection, whole)))
            idle.update(_figures(_parts(connection, [_gap, *sort, _table.run_id.in_(some)])))
    nothing = serializers.figure(EnergyRecord((), 0.0, 0.0))
    items = [
        {
            "run": head.run,
            "notebook": places.get(head.run, (None, None))[0],
            "project": places.get(head.run, (None, None))[1],
            "started_at": head.began,
            "ended_at": head.ended,
            "cells": head.cells,
            "figure": figures.get(head.run, nothing),
            "idle": idle.get(head.run),
        }
        for head in heads
    ]
    return {"items": items, "total": total}


def _page(connection: Connection, where: Where, offset: int, limit: int) -> tuple[int, list[str]]:
    """Return how many runs have a row, and which are on a page."""
    kept = _of_sums(where)
    source: FromClause
    if kept is None:
        began, row, source = func.min(_table.started_at), [_row, *where], schema.records
        run = _table.run_id
    else:
        began, run = func.min(schema.rollup_lines.c.began), schema.rollups.c.run_id
        source = schema.rollups.join(schema.rollup_lines, schema.rollup_lines.c.rollup_id == schema.rollups.c.id)
        row = [*kept, schema.rollups.c.hour.is_(None), schema.rollup_lines.c.line == "all"]
        row += [schema.rollups.c.nested.is_(False), schema.rollups.c.span != "gap"]
    total = int(connection.execute(select(func.count(run.distinct())).select_from(source).where(*row)).scalar_one())
    order = (began.desc(), run.desc())
    page = select(run).select_from(source).where(*row).group_by(run).order_by(*order).offset(offset).limit(limit)
    return total, [str(one) for one in connection.execute(page).scalars()] if total else []


def _of_sums(where: Where) -> Where | None:
    """Return the conditions on records as conditions on their sums; None where those don't tell."""
    told = {column.name for column in schema.rollups.columns} - {"id"}
    for condition in where:
        for part in visitors.iterate(condition):
            if isinstance(part, Column) and part.table is schema.records and part.name not in told:
                return None

    def replaced(element: Any, **_: Any) -> Any:
        known = isinstance(element, Column) and element.table is schema.records
        return schema.rollups.c[element.name] if known else None

    return [visitors.replacement_traverse(condition, {}, replaced) for condition in where]


def newest_run(connection: Connection, where: Where) -> str | None:
    """Return the first of `runs`; None where there is none."""
    found = _heads(connection, where, 0, 1)
    return found[0].run if found else None


def _heads(connection: Connection, where: Where, offset: int, limit: int) -> list[_Head]:
    began = func.min(_table.started_at)
    real, read = _of_sort(False), _table.joules.is_not(None)
    wanted = (
        select(
            _table.run_id,
            began,
            func.max(_table.started_at + _table.seconds),
            func.count(case((and_(read, _table.simulated), _inline(1)))),
            func.count(case((and_(read, not_(_table.simulated)), _inline(1)))),
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
    for run, first, last, simulated, known, cells, real_cells in connection.execute(wanted):
        if known:
            heads.append(_Head(run, first, last, False, real_cells))
        else:
            heads.append(_Head(run, first, last, True if simulated else None, cells))
    return heads


def _places(connection: Connection, where: Where, heads: list[_Head]) -> dict[str, tuple[str | None, str | None]]:
    """Return notebook and project of each run, those of its first row."""
    first = {head.run: head.began for head in heads}
    found = {}
    for some in _chunks([*first]):
        wanted = select(_table.run_id, _table.started_at, _table.notebook, _table.project).where(
            _row, *where, _table.run_id.in_(some), _table.started_at.in_([first[run] for run in some])
        )
        for run, began, notebook, project in connection.execute(wanted):
            if first[run] == began:
                found[run] = _shortened(notebook), _shortened(project)
    return found


def _parts(connection: Connection, where: Where) -> Iterator[tuple[str, Component]]:
    """Yield runs with what records add up to in them, one part for each source and standing."""
    width = _part.uncertainty
    gain = func.coalesce(case((_part.gain_uncertainty <= _inline(_WIDEST), _part.gain_uncertainty)), _inline(0.0))
    square = case(
        (and_(width > gain, width.between(_inline(1 / _WIDEST), _inline(_WIDEST))), (width - gain) * (width + gain)),
        else_=_inline(0.0),
    )
    wanted = (
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
    for run, source, quality, joules, squares, gains, boundless in connection.execute(wanted):
        whole = math.inf if boundless else math.hypot(math.sqrt(squares), gains)
        yield run, _sum_of(source, quality, joules, whole, 0.0 if boundless else gains)


def _sum_of(source: str, quality: Quality, joules: float, width: float, gain: float) -> Component:
    return Component("other", "all", source, joules, width, gain, "model", quality, "a run", source)


def _figures(parts: Iterable[tuple[str, Component]]) -> dict[str, Shape]:
    found: dict[str, list[Component]] = {}
    for run, part in parts:
        found.setdefault(run, []).append(part)
    return {run: serializers.figure(EnergyRecord(tuple(of_run), 0.0, 0.0)) for run, of_run in found.items()}


def _chunks(values: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(values), _MANY):
        yield values[start : start + _MANY]


def holds(connection: Connection, where: Where) -> bool:
    """Return whether there is any record, rows or not."""
    return connection.execute(select(_table.id).where(*where).limit(1)).first() is not None


# ---- cells ------------------------------------------------------------------------------------


def cells(connection: Connection, where: Where, offset: int, limit: int) -> Shape:
    """Return a page of the cells of one run, in the order in which they were first run.

    What is run later comes on later pages, and a cell that is run again stays where it is.

    Parameters
    ----------
    connection, offset, limit
        As for `runs`.
    where : list
        Which records are meant; all of one run.
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
    for some in _chunks([*heads]):
        found = _newest(connection, where, {key: heads[key][0] for key in some})
        earlier = _earlier(connection, where, {key: found[key][0].id for key in found if heads[key][1] > 1})
        for key in some:
            if key in found:  # else it was deleted between two queries
                record, simulated = found[key]
                sort = simulated if record.joules is not None else (key, False) not in earlier
                again = heads[key][1] - 1
                items.append(serializers.cell(record, reruns=again, rerun_joules=earlier.get((key, sort))))
    return {"items": items, "total": total}


def _newest(connection: Connection, where: Where, last: dict[str, float]) -> dict[str, tuple[EnergyRecord, bool]]:
    """Return the last execution of each cell, and whether it is simulated.

    Raises
    ------
    LedgerError
        If none can be read, and a newer version wrote one of them.
    """
    wanted = (
        select(_key, _table.started_at, _table.simulated, _table.document)
        .where(_row, *where, _table.started_at.in_([*last.values()]), _key.in_([*last]))
        .order_by(_table.id)
    )
    found = {}
    newer: LedgerError | None = None
    for key, began, simulated, document in connection.execute(wanted):
        if last[key] == began:
            try:
                record = record_of(document, None)
            except DamagedRecord:
                continue  # altered from outside; the other cells can be read
            except LedgerError as error:
                newer = error
                continue
            known = record.cell_id is not None and 1 <= len(record.cell_id) <= _LONGEST_ID
            found[key] = record if known else record.with_(cell_id=None), bool(simulated)
    if newer is not None and not found:
        raise newer
    return found


def _earlier(connection: Connection, where: Where, last: dict[str, str]) -> dict[tuple[str, bool], float | None]:
    """Return the joules of the executions before the last one, by cell and whether they are simulated.

    What can't be told from nothing is None.
    """
    doubt = case((_table.uncertainty <= _inline(_WIDEST), _table.uncertainty), else_=_inline(0.0))
    wanted = (
        select(_key, _table.simulated, func.sum(_table.joules), func.sum(doubt))
        .where(_row, *where, _key.in_([*last]), _table.id.not_in([*last.values()]), _table.joules.is_not(None))
        .group_by(_key, _table.simulated)
    )
    found = connection.execute(wanted) if last else ()
    return {(key, bool(simulated)): joules if joules > doubt else None for key, simulated, joules, doubt in found}


def _shortened(name: str | None) -> str | None:
    """Return a name that a page reads; of a very long path the end says which one it is."""
    return name if name is None or len(name) <= _LONGEST_NAME else "…" + name[1 - _LONGEST_NAME :]
