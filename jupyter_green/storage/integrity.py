"""SQL conditions that detect rows altered from outside; shared by totals, stored sums and the server's pages.

SQLite stores any type in any column: text in a numeric column is added up as 0 and compares greater than every number.
PostgreSQL enforces types, but not ranges. A record with such a row is excluded from all figures.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, get_args

from sqlalchemy import Boolean, ColumnElement, FromClause, and_, exists, false, func, literal_column, not_, or_, true
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import GenericFunction

from jupyter_green.records import Kind, Quality, Span, Status

from . import schema

MOST_JOULES = 1e20  # more than 1 GW for 100 years
MOST_SECONDS = 1e11
LAST = 253_402_214_400.0
"""The last day that a date can represent, in seconds since 1970."""
_LARGEST = 1e100
_LARGEST_SUM = 1e200
_CONDITIONS = ("cpu_seconds", "others_busy", "celsius", "clock_mhz", "clock_spread_mhz")
_TEXTS = ("project", "notebook", "cell_id", "code_hash", "label", "owner", "purpose", "currency")


class _IsNumber(GenericFunction[bool]):
    """SQL function: whether a value is a number."""

    type = Boolean()
    name = "green_is_number"
    inherit_cache = True


class _IsText(GenericFunction[bool]):
    """SQL function: whether a value is text."""

    type = Boolean()
    name = "green_is_text"
    inherit_cache = True


@compiles(_IsNumber)
@compiles(_IsText)
def _typed(element: Any, compiler: Any, **given: Any) -> str:
    return f"(({compiler.process(element.clauses, **given)}) IS NOT NULL)"


@compiles(_IsNumber, "sqlite")
def _number_sqlite(element: Any, compiler: Any, **given: Any) -> str:
    return f"(typeof({compiler.process(element.clauses, **given)}) IN ('integer', 'real'))"


@compiles(_IsText, "sqlite")
def _text_sqlite(element: Any, compiler: Any, **given: Any) -> str:
    return f"(typeof({compiler.process(element.clauses, **given)}) = 'text')"


def _between(column: Any, high: float) -> ColumnElement[bool]:
    value = _unindexed(column)
    return and_(func.green_is_number(column), value >= 0, value <= high)


def _is_finite(column: Any) -> ColumnElement[bool]:
    value = _unindexed(column)
    return and_(func.green_is_number(column), value >= -_LARGEST, value <= _LARGEST)


def _unindexed(column: Any) -> Any:
    """Return an expression that keeps the database from using an index: nearly all rows match."""
    return column + literal_column("0")


def _text_or_nothing(column: Any) -> ColumnElement[bool]:
    return or_(column.is_(None), func.green_is_text(column))


def is_whole(source: FromClause = schema.records) -> ColumnElement[bool]:
    """Return the condition for rows of `records` with valid values."""
    table: Any = source.c
    return and_(
        _between(table.started_at, LAST),
        _between(table.seconds, MOST_SECONDS),
        or_(table.joules.is_(None), _between(table.joules, MOST_JOULES)),
        func.green_is_text(table.run_id),
        *(_text_or_nothing(table[name]) for name in _TEXTS),
        *(or_(table[name].is_(None), _is_finite(table[name])) for name in ("uncertainty", "co2e_grams", "cost")),
        table.span.in_(get_args(Span)),
        table.status.in_(get_args(Status)),
        or_(table.simulated == true(), table.simulated == false()),
    )


def is_whole_part(source: FromClause = schema.components) -> ColumnElement[bool]:
    """Return the condition for rows of `components` with valid values."""
    part: Any = source.c
    widths = (or_(width.is_(None), _between(width, _LARGEST)) for width in (part.uncertainty, part.gain_uncertainty))
    return and_(
        or_(part.joules.is_(None), _between(part.joules, MOST_JOULES)),
        *widths,
        part.kind.in_(get_args(Kind)),
        part.quality.in_(get_args(Quality)),
        func.green_is_text(part.device),
        func.green_is_text(part.source),
        *(or_(part[name].is_(None), _is_finite(part[name])) for name in _CONDITIONS),
        or_(part.shared.is_(None), part.shared == true(), part.shared == false()),
        _text_or_nothing(part.throttle),
    )


def is_whole_sum(figures: Iterable[str]) -> ColumnElement[bool]:
    """Return the condition for rows of `rollup_lines` whose figures are in range, or NULL."""
    line = schema.rollup_lines.c
    return and_(*(or_(line[name].is_(None), _between(line[name], _LARGEST_SUM)) for name in figures))


def is_altered_row(source: FromClause = schema.records) -> ColumnElement[bool]:
    """Return the condition for records with an invalid value, in the record or in a component."""
    part = schema.components.alias("altered_part")
    return or_(not_(is_whole(source)), exists().where(part.c.record_id == source.c.id, not_(is_whole_part(part))))
