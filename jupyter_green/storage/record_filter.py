"""Filters on records, shared by reading, totals, runs and export."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any, TypedDict, get_args

from sqlalchemy import ColumnElement, Connection, Executable, and_, not_, or_, select

from jupyter_green.records import Span, Status

from . import schema
from .integrity import is_whole, is_whole_part
from .privacy import plain
from .time_range import Moment, period
from .totals import Line, Part

if TYPE_CHECKING:
    from .access import AccessScope
    from .privacy import Privacy

_CHUNK = 500
_PART = 8  # index of a component's first column in a row of `lines`


OUTER: ColumnElement[bool] = (schema.records.c.parent + "").is_(None)
"""Condition for records without a parent.

Nearly all records match, so the expression keeps the database from using the index.
"""


class Filters(TypedDict, total=False):
    """Filters of the reading methods. Missing or None means no filter."""

    run: str | None
    notebook: str | None
    project: str | None
    since: Moment | None
    until: Moment | None
    span: str | tuple[str, ...] | None
    cell_id: str | None
    code_hash: str | None
    status: str | None
    without: str | None


def conditions(
    filters: Filters, privacy: Privacy, scope: AccessScope, simulated: bool | None = None, source: Any = schema.records
) -> list[ColumnElement[bool]]:
    """Return the filters as SQL conditions, including those for readable rows.

    `source` may be another table with columns of the same names. Raises ValueError if a filter has an invalid value.
    """
    table = source.c
    where = scope.readable(source)
    for name, column in (("run", "run_id"), ("project", "project"), ("without", "run_id")):
        value = filters.get(name)
        if value is not None:
            same = getattr(table, column) == plain(str(value))
            where.append(not_(same) if name == "without" else same)
    cell_id, notebook, code = filters.get("cell_id"), filters.get("notebook"), filters.get("code_hash")
    if code is not None:
        where.append(table.code_hash.in_([plain(form) for form in privacy.codes(str(code))]))
    if cell_id is not None:
        where.append(table.cell_id == plain(cell_id))
    if notebook is not None:
        where.append(table.notebook.in_([plain(form) for form in privacy.notebooks(str(notebook))]))
    for name, column, allowed in (("span", table.span, get_args(Span)), ("status", table.status, get_args(Status))):
        value = filters.get(name)
        if value is not None:
            values = value if isinstance(value, tuple) else (value,)
            for choice in values:
                if choice not in allowed:
                    raise ValueError(f"There is no {name} {choice!r}; use one of {', '.join(allowed)}.")
            where.append(column.in_(values))
    since, until = period(filters.get("since"), filters.get("until"))
    if since is not None:
        where.append(table.started_at >= since)
    if until is not None:
        where.append(table.started_at < until)
    if simulated is not None:
        where.append(table.simulated.is_(simulated))
    return where


def documents(
    where: list[ColumnElement[bool]], limit: int | None = None, newest_first: bool = False, offset: int = 0
) -> Executable:
    """Return the query for document and trace of records, in order of their start."""
    table = schema.records.c
    order = (table.started_at.desc(), table.id.desc()) if newest_first else (table.started_at, table.id)
    query = select(table.document, table.trace).where(*where).order_by(*order)
    query = query if limit is None else query.limit(limit)
    return query.offset(offset) if offset else query


def lines(connection: Connection, where: list[ColumnElement[bool]], altered: set[str]) -> Iterator[Line]:
    """Yield what totals need of the records, in order of their start.

    Ids of altered records are added to `altered`.
    """
    record, part = schema.records.c, schema.components.c
    query = (
        select(
            record.id,
            record.parent,
            record.run_id,
            record.started_at,
            record.seconds,
            record.simulated,
            record.project,
            record.notebook,
            part.kind,
            part.device,
            part.source,
            part.joules,
            part.uncertainty,
            part.gain_uncertainty,
            part.quality,
            and_(is_whole(), or_(part.record_id.is_(None), is_whole_part())),
        )
        .select_from(schema.records.outerjoin(schema.components, part.record_id == record.id))
        .where(*where)
        .order_by(record.started_at, record.id, part.position)
    )
    rows = connection.execution_options(yield_per=_CHUNK).execute(query)
    for _, of_record in groupby(map(tuple, rows), key=itemgetter(0)):
        record_rows: list[tuple[Any, ...]] = list(of_record)
        if all(row[-1] for row in record_rows):
            parts = [Part(*row[_PART:-1]) for row in record_rows if row[_PART] is not None]
            yield Line._make((*record_rows[0][:_PART], parts))
        else:
            altered.add(str(record_rows[0][0]))
