"""What was used over a time, added up by the database: what a budget asks again and again.

Whole totals read every row; a budget per month would do that at every cell. Here the database adds up, and the way it
is added is the same: no joule twice, random errors in quadrature, the errors of one source linearly, simulated figures
never together with real ones. The time between cells is nobody's work and is not in it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from sqlalchemy import ColumnElement, Connection, func, select

from jupyter_green.records import Purpose

from . import schema
from .fault import LedgerError
from .privacy import plain
from .register import Register
from .sum import Outlay

_MANY = 400


class Outlays(Register):
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
    ) -> Outlay:
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
            Identities of records, of which those in the ledger are told.
        ended_since : float
            What ended from then on is told by its identity too.

        Raises
        ------
        LedgerError
            If the ledger can't be read, or does not tell whose records are whose.
        """
        table = schema.records.c
        where = [table.parent.is_(None), table.span != "gap", table.started_at >= since]
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
        return self._database.read(lambda connection: _added(connection, where, wanted, ended_since))

    def require_present(self) -> None:
        """Raise LedgerError where nothing is there, and an empty ledger in memory stands in for reading."""
        self._open()
        if self._database.absent:
            raise LedgerError(f"The ledger {self._database.name} is not there, and can't be made.")


def _added(connection: Connection, where: list[ColumnElement[bool]], asked: list[str], ended_since: float) -> Outlay:
    record, part = schema.records.c, schema.components.c
    found = Outlay()
    sums = (
        select(
            record.currency,
            func.count(),
            func.count(record.joules),
            func.sum(record.co2e_grams),
            func.count(record.co2e_grams),
            func.sum(record.cost),
            func.count(record.cost),
        )
        .where(*where)
        .group_by(record.currency)
    )
    for currency, count, read, grams, weighed, cost, priced in map(tuple, connection.execute(sums)):
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
        .where(*where, part.joules.is_not(None))
        .group_by(part.source, part.quality)
    )
    for source, quality, joules, square, gains, boundless in map(tuple, connection.execute(parts)):
        found.joules[quality] = found.joules.get(quality, 0.0) + joules
        found.square += math.inf if boundless else max(0.0, square or 0.0)
        found.gains[source] = found.gains.get(source, 0.0) + gains
    if math.isfinite(ended_since):
        late = select(record.id).where(*where, record.started_at + record.seconds >= ended_since)
        found.known.update(str(one) for one in connection.execute(late).scalars())
    for start in range(0, len(asked), _MANY):
        some = select(record.id).where(record.id.in_(asked[start : start + _MANY]))
        found.known.update(str(one) for one in connection.execute(some).scalars())
    return found
