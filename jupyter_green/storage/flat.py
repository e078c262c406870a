"""Records as flat tuples, read from the columns; of the documents only those of searches, for their outcomes.

Altered records are excluded, as in all sums.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, bindparam, case, func, or_, select
from sqlalchemy.sql.util import ClauseAdapter

from jupyter_green.records.flat import RECORD_FIELDS, FlatPart, FlatRecord
from jupyter_green.records.shrink_outcome import ShrinkOutcome

from . import schema
from .errors import LedgerError
from .integrity import is_altered_row
from .record_rows import record_of


def flat_records(connection: Connection, where: list[ColumnElement[bool]], altered: set[str]) -> Iterator[FlatRecord]:
    """Yield records grouped by notebook and run; ids of altered records are added to `altered`.

    Runs of a notebook are ordered by their start, and records by theirs. Only one run is in memory at a time.
    """
    table, part = schema.records.c, schema.components.c
    altered_ids = {
        str(record_id) for record_id in connection.execute(select(table.id).where(*where, is_altered_row())).scalars()
    }
    altered |= altered_ids
    parent = schema.records.alias("around")
    is_parent = [parent.c.id == table.parent, *(ClauseAdapter(parent).traverse(condition) for condition in where)]
    # The document of a trial, if it has an outcome or was stored before outcomes existed.
    has_outcome = or_(table.document.contains('"shrinks":[{'), ~table.document.contains('"shrinks":'))
    outcome = case((and_(table.span == "trial", has_outcome), table.document))
    rows = (
        select(*(table[name] for name in RECORD_FIELDS), outcome, parent.c.id.is_not(None))
        .select_from(schema.records.outerjoin(parent, and_(*is_parent)))
        .order_by(table.started_at, table.id)
    )
    devices = (
        select(part.record_id, *(part[name] for name in FlatPart._fields))
        .select_from(schema.records.join(schema.components, part.record_id == table.id))
        .order_by(table.started_at, table.id, part.position)
    )
    in_run = [*where, table.run_id == bindparam("of_run")]
    # The expression avoids this column's index: the run's is more selective.
    of_named = [*in_run, (table.notebook + "") == bindparam("of_notebook")]
    of_unnamed = [*in_run, func.coalesce(table.notebook, "") == ""]
    queries = {
        is_named: [query.where(*conditions) for query in (rows, devices)]
        for is_named, conditions in ((True, of_named), (False, of_unnamed))
    }
    for run, notebook in _runs(connection, where):
        of_run: dict[str, Any] = {"of_run": run, "of_notebook": notebook} if notebook else {"of_run": run}
        records, parts = queries[bool(notebook)]
        parts_by_record: dict[str, list[FlatPart]] = {}
        for row in connection.execute(parts, of_run).all():
            flat_part = FlatPart._make(row[1:])
            if (record_parts := parts_by_record.get(row[0])) is None:
                parts_by_record[row[0]] = [flat_part]
            else:
                record_parts.append(flat_part)
        for row in connection.execute(records, of_run).all():
            if row[0] not in altered_ids:
                inside = row[-1] and row[1] not in altered_ids
                shrinks = () if row[-2] is None else _shrinks(row[-2])
                yield FlatRecord._make((*row[:-2], inside, shrinks, tuple(parts_by_record.get(row[0], ()))))


def _shrinks(document: str) -> tuple[ShrinkOutcome, ...]:
    try:
        return record_of(document, None).shrinks
    except LedgerError:
        return ()  # corrupted, or written by a newer version


def _runs(connection: Connection, where: list[ColumnElement[bool]]) -> list[tuple[str, str]]:
    """Return pairs (run, notebook), ordered by notebook and start; a run of two notebooks occurs twice."""
    table = schema.records.c
    began = func.min(table.started_at)
    pairs = select(table.run_id, table.notebook, began).where(*where).group_by(table.run_id, table.notebook)
    rows = connection.execute(pairs).all()
    run_notebooks = {(str(run), str(notebook or "")) for run, notebook, _ in rows}
    run_start: dict[str, float] = {}
    for run, _, start in rows:
        run_start[str(run)] = min(start, run_start.get(str(run), start))
    return sorted(run_notebooks, key=lambda place: (place[1], run_start[place[0]], place[0]))
