"""Which records a period report covers: those of a ledger's period and project."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime

from jupyter_green.impact import Valuation
from jupyter_green.reporting.sanitize import one_line
from jupyter_green.storage import Ledger
from jupyter_green.storage.time_range import period

from . import usage_report  # noqa: F401 - registers how a period is shown
from .errors import DiscloseError
from .period import Period, PeriodSums, since_of

NAMED = 8
"""Most projects named in an error message."""


def period_in(
    ledger: Ledger,
    since: str | datetime,
    *,
    project: str | None = None,
    valuation: Valuation | None = None,
    problem: str | None = None,
    equivalents: bool = False,
    versions: Sequence[str] = (),
    everyone: bool = False,
) -> Period:
    """Return the report of a period of a ledger.

    Parameters
    ----------
    ledger : Ledger
        Source of the records.
    since : str or datetime
        Start of the period; ``today`` ends with the day, see `jupyter_green.storage.time_range`.
    project, valuation, problem, equivalents, versions, everyone
        As for `Period`.

    Raises
    ------
    DiscloseError
        If the start is not valid, or there is no project of that name in the ledger.
    """
    begin = since_of(since) if isinstance(since, str) else since
    _, end = period(since, None)
    sums = ledger.flat(PeriodSums, since=begin, until=end, project=project)
    if project is not None and not sums.parts:
        _check_project(ledger, project)
    return Period(
        sums,
        begin.timestamp(),
        time.time(),
        project or "",
        valuation or Valuation(),
        problem or "",
        equivalents,
        tuple(versions),
        everyone,
    )


def _check_project(ledger: Ledger, project: str) -> None:
    """Raise DiscloseError with the existing projects if the ledger has none of this name."""
    if ledger.records(project=project, limit=1):
        return
    names = sorted(name for name in ledger.totals(by="project").groups if name)
    if not names:
        return
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    listed = ", ".join(one_line(name, 60) for name in names[:NAMED])
    raise DiscloseError(f"No record has the project {one_line(project, 60)!r}; there are: {listed}{more}.")
