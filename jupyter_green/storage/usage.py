"""What was used over a time, added up by the database: what a budget asks again and again.

Whole totals read every row; a budget per month would do that at every cell. Here the database adds up, and the way it
is added is the same: no joule twice, random errors in quadrature, the errors of one source linearly, simulated figures
never together with real ones. The time between cells is nobody's work and is not in it.
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
    """The part of a ledger that says what was used over a time."""

    def outlay(
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
        """Add up one's own records without the time between cells.

        Parameters
        ----------
        since, until : float
            Began at or after, and before, in seconds since 1970; `until` may be infinite.
        project, notebook, purpose : str, optional
            Only these; a label that names a purpose counts as one.
        simulated : bool
            Which sort.
        asked : iterable of str
            Identities of records, of which one's own in the ledger are told.
        ended_since : float
            What ended from then on is told by its identity too.

        Raises
        ------
        LedgerError
            If the ledger can't be read, or does not tell whose records are whose.
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
        wanted = list(asked)
        self._fresh()
        self.require_present()
        altered, readable = [0], self._scope.readable(schema.records)
        found = self._database.read(
            lambda connection: _added(connection, where, (wanted, readable), ended_since, altered)
        )
        if altered[0]:
            count = number_of(altered[0], "record", "records")
            self._notice(f"{count} altered from outside and can't be added up; all others are in the sum.", "altered")
        return found

    def require_present(self) -> None:
        """Raise LedgerError where nothing is there, and an empty ledger in memory stands in for reading."""
        self._open()
        if self._database.absent:
            why = f" ({self._database.reason})" if self._database.reason else ""
            raise LedgerError(f"The ledger {self._database.name} is not there, and can't be made{why}.", "missing")


def _added(
    connection: Connection, where: Where, asked: tuple[list[str], Where], ended_since: float, altered: list[int]
) -> UsageSum:
    record, part = schema.records.c, schema.components.c
    found = UsageSum()
    whole = not_(is_altered_row())
    sums = (
        select(
            whole,
            record.currency,
            func.count(),
            func.count(record.joules),
            func.sum(record.co2e_grams),
            func.count(record.co2e_grams),
            func.sum(record.cost),
            func.count(record.cost),
        )
        .where(*where)
        .group_by(whole, record.currency)
    )
    for is_whole, currency, count, read, grams, weighed, cost, priced in map(tuple, connection.execute(sums)):
        if not is_whole:
            altered[0] += count
            continue
        found.count += count
        found.unread += count - read
        found.grams += grams or 0.0
        found.unweighed += read - weighed
        found.unpriced += read - priced
        if currency is not None and cost is not None:
            found.costs[currency] = found.costs.get(currency, 0.0) + cost
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
        .where(*where, whole, part.joules.is_not(None))
        .group_by(part.source, part.quality)
    )
    for source, quality, joules, square, gains, boundless in map(tuple, connection.execute(parts)):
        found.joules[quality] = found.joules.get(quality, 0.0) + joules
        found.square += math.inf if boundless else max(0.0, square or 0.0)
        found.gains[source] = found.gains.get(source, 0.0) + gains
    if math.isfinite(ended_since):
        late = select(record.id).where(*where, whole, record.started_at + record.seconds >= ended_since)
        found.known.update(str(one) for one in connection.execute(late).scalars())
    ids, readable = asked
    for start in range(0, len(ids), _MANY):
        some = select(record.id).where(record.id.in_(ids[start : start + _MANY]), *readable)
        found.known.update(str(one) for one in connection.execute(some).scalars())
    return found
