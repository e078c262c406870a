"""Whose records a report of a period is of: a project that nobody has is a slip of the pen, not an empty report."""

from __future__ import annotations

from datetime import datetime

from jupyter_green.ledger import Ledger
from jupyter_green.records import EnergyRecord
from jupyter_green.report.quotation import one_line

from .fault import DiscloseError

NAMED = 8
"""So many projects are named at most."""


def records_of(ledger: Ledger, since: datetime, project: str | None = None) -> tuple[EnergyRecord, ...]:
    """Return the records of a period.

    Parameters
    ----------
    ledger : Ledger
        Where they are.
    since : datetime
        When the period begins.
    project : str, optional
        Whose; everybody's otherwise.

    Raises
    ------
    DiscloseError
        If no record at all is of that project; one sentence that names those there are.
    """
    found = tuple(ledger.records(since=since.timestamp(), project=project))
    if found or project is None or ledger.records(project=project, limit=1):
        return found
    names = sorted(name for name in ledger.totals(by="project").groups if name)
    if not names:
        return found
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    there = ", ".join(one_line(name, 60) for name in names[:NAMED])
    raise DiscloseError(f"No record is of a project {one_line(project, 60)!r}; there are: {there}{more}.")
