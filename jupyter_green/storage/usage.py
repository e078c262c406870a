"""Usage over a period, added up by the database, for budgets.

`Reader.totals` reads every row, which is too slow for a monthly budget checked at every cell. The rules are the same:
no energy is counted twice, random errors add in quadrature, gain errors of one source linearly, simulated and real
records are never mixed. Idle time between cells is excluded.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from sqlalchemy import ColumnElement, Connection, func, not_, select

from jupyter_green.records import Purpose

from . import record_filter, schema
from .errors import LedgerError, number_of
from .events import EventStore
from .integrity import is_altered_row
from .privacy import plain
from .usage_sum import UsageSum

_MANY = 400
Where = list[ColumnElement[bool]]


class UsageQueries(EventStore):
    """The part of a ledger that reports usage over a period."""

    def usage_sum(
        self,
        *,
        since: float,
        until: float,
        project: str | None = None,
        notebook: str | None = None,
        purpose: Purpose | None = None,
        simulated: bool = False,
        asked: Iterable[str] = (),
        ended_since: float = math.inf,
    ) -> UsageSum:
        """Add up one's own records, except the idle time between cells.

        Times are in seconds since 1970; `until` is exclusive and may be infinite. A label that is the name of a purpose
        overrides the detected purpose. Simulated and real records are not added up together. `UsageSum.known` gets
        those of the ids `asked` that are in the ledger, and the ids of records that ended at or after `ended_since`.
        Raises LedgerError if the ledger can't be read, or this user's rows can't be identified.
        """
        table = schema.records.c
        where = [record_filter.OUTER, table.span != "gap", table.started_at >= since]
        where.append(table.simulated.is_(simulated))
        if math.isfinite(until):
            where.append(table.started_at < until)
        if project is not None:
            where.append(table.project.in_([plain(form) for form in self._privacy.projects(project)]))
        if notebook is not None:
            where.append(self.of_notebook(notebook))
        self._whose()
        where += self._scope.readable(schema.records)
        if purpose is not None:
            label = func.lower(func.trim(func.coalesce(table.label, "")))
            named = label.in_(("inference", "training", "other"))
            where.append((label == purpose) | (~named & (table.purpose == purpose)))
        ids = list(asked)
        self._fresh()
        self.require_present()
        altered, readable = [0], self._scope.readable(schema.records)
        usage = self._database.read(lambda connection: _added(connection, where, (ids, readable), ended_since, altered))
        if altered[0]:
            count = number_of(altered[0], "record", "records")
            self._notice(f"{count} altered from outside and can't be added up; all others are in the sum.", "altered")
        return usage

    def require_present(self) -> None:
        """Raise LedgerError if there is no ledger and an empty in-memory database is used instead."""
        self._open()
        if self._database.absent:
            reason = f" ({self._database.reason})" if self._database.reason else ""
            raise LedgerError(f"The ledger {self._database.name} is not there, and can't be made{reason}.", "missing")


def _added(
    connection: Connection, where: Where, asked: tuple[list[str], Where], ended_since: float, altered: list[int]
) -> UsageSum:
    record, part = schema.records.c, schema.components.c
    usage = UsageSum()
    valid = not_(is_altered_row())
    sums = (
        select(
            valid,
            record.currency,
            func.count(),
            func.count(record.joules),
            func.sum(record.co2e_grams),
            func.count(record.co2e_grams),
            func.sum(record.cost),
            func.count(record.cost),
        )
        .where(*where)
        .group_by(valid, record.currency)
    )
    for is_valid, currency, count, with_reading, grams, with_co2e, cost, with_cost in map(
        tuple, connection.execute(sums)
    ):
        if not is_valid:
            altered[0] += count
            continue
        usage.count += count
        usage.unread += count - with_reading
        usage.grams += grams or 0.0
        usage.without_co2e += with_reading - with_co2e
        usage.unpriced += with_reading - with_cost
        if currency is not None and cost is not None:
            usage.costs[currency] = usage.costs.get(currency, 0.0) + cost
    gain = func.coalesce(part.gain_uncertainty, 0.0)
    parts = (
        select(
            part.source,
            part.quality,
            func.sum(part.joules),
            func.sum(part.uncertainty * part.uncertainty - gain * gain),
            func.sum(gain),
            func.count(part.joules) - func.count(part.uncertainty),
        )
        .select_from(schema.records.join(schema.components, part.record_id == record.id))
        .where(*where, valid, part.joules.is_not(None))
        .group_by(part.source, part.quality)
    )
    for source, quality, joules, square, gains, boundless in map(tuple, connection.execute(parts)):
        usage.joules[quality] = usage.joules.get(quality, 0.0) + joules
        usage.square += math.inf if boundless else max(0.0, square or 0.0)
        usage.gains[source] = usage.gains.get(source, 0.0) + gains
    if math.isfinite(ended_since):
        recent = select(record.id).where(*where, valid, record.started_at + record.seconds >= ended_since)
        usage.known.update(str(record_id) for record_id in connection.execute(recent).scalars())
    ids, readable = asked
    for start in range(0, len(ids), _MANY):
        query = select(record.id).where(record.id.in_(ids[start : start + _MANY]), *readable)
        usage.known.update(str(record_id) for record_id in connection.execute(query).scalars())
    return usage
