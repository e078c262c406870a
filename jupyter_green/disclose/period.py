"""The report of a period: what a person hands to whoever leads the work, from the ledger's records of many runs.

Nothing is said without its ±, its standing and what is missing. Whether a run used more or less is asked as the side
panel asks it: against the median of the notebook's runs before it, cell by cell; only proven differences are summed.
The first run of a notebook in the period is held against nothing.
"""

from __future__ import annotations

import csv
import io
import math
import re
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

from jupyter_green.impact import Valuation
from jupyter_green.ledger.moment import HOW, moment
from jupyter_green.ledger.privacy import comparable
from jupyter_green.records import SHRUNK, EnergyRecord
from jupyter_green.report.totals import Totals, is_simulated, total, within

from .against import Against, compared
from .fault import DiscloseError

DEAREST = 5
_PROVEN = re.compile(r", proven(,|$)")
_ENDED = re.compile(r" → |, nothing gained$|, can't be told$|, interrupted$").search
"""Tells a search's line from that of one of its laps."""


def since_of(text: str, now: datetime | None = None) -> datetime:
    """Return the beginning of a period: ``30d``, ``12h``, ``2w`` back from now, or a day such as 2026-01-31.

    Raises
    ------
    DiscloseError
        If it is neither.
    """
    now = datetime.now().astimezone() if now is None else now
    given, begin = now, None
    try:
        begin = moment(text, now.timestamp())
        given = datetime.fromtimestamp(begin).astimezone()
    except (ValueError, OverflowError, OSError):
        begin = None
    if begin is None or re.fullmatch(r"[+-]?\d{1,8}", text.strip()):  # a number without its unit
        raise DiscloseError(f"{text!r} is no beginning; {HOW}.")
    if given > now:
        raise DiscloseError(f"{text.strip()} has not come yet; write 30d, 12h, 2w or a day that has.")
    return given


@dataclass(frozen=True, repr=False)
class Period:
    """A report of a period, which shows itself.

    Parameters
    ----------
    records : sequence of EnergyRecord
        Everything metered in it.
    since, until : float
        Seconds since 1970.
    project : str
        Whose records; empty for all.
    valuation : Valuation
        Region, PUE and tariff.
    problem : str
        What is wrong with the settings, one sentence.
    equivalents : bool
        Whether everyday comparisons are shown.
    versions : tuple of str
        Of what made it.
    """

    records: Sequence[EnergyRecord]
    since: float
    until: float
    project: str = ""
    valuation: Valuation = field(default_factory=Valuation)
    problem: str = ""
    equivalents: bool = False
    versions: tuple[str, ...] = ()

    @cached_property
    def counted(self) -> list[EnergyRecord]:
        """The records of the sum: real ones, or simulated ones where there are no others; no part of another one."""
        real = [record for record in self.records if not is_simulated(record)] or list(self.records)
        inner = within(real)
        return [record for record in real if record.id not in inner]

    @cached_property
    def sum(self) -> EnergyRecord:
        """All of it as one record, with its CO2e and cost."""
        return Totals(self.counted, self.valuation).sum

    @property
    def work(self) -> list[EnergyRecord]:
        """What is no time between cells."""
        return [record for record in self.counted if record.span != "gap"]

    @cached_property
    def unmetered_share(self) -> float | None:
        """Part of the time of all work for which nothing was read: unmetered seconds / all; None without work."""
        whole = math.fsum(record.seconds for record in self.work)
        if whole <= 0:
            return None
        return math.fsum(record.seconds for record in self.work if record.joules is None) / whole

    @cached_property
    def dearest(self) -> list[tuple[str, EnergyRecord, int]]:
        """The dearest cells: name, the sum of their executions, and how many these were."""
        cells: dict[tuple[str, str], list[EnergyRecord]] = {}
        for record in self.work:
            key = record.cell_id or comparable(record.code_hash) or record.label or record.id
            cells.setdefault((record.notebook or "", key), []).append(record)
        summed = [(_name(items), total(items), len(items)) for items in cells.values()]
        summed = [item for item in summed if item[1].joules is not None]
        return sorted(summed, key=lambda item: -(item[1].joules or 0.0))[:DEAREST]

    @cached_property
    def shrinks(self) -> list[EnergyRecord]:
        """The searches for something cheaper, whose labels tell what came of them."""
        labels = (record.label or "" for record in self.records)
        return [r for r, label in zip(self.records, labels, strict=True) if label.startswith(SHRUNK) and _ENDED(label)]

    @property
    def cheaper(self) -> list[EnergyRecord]:
        """The searches whose find is proven to be cheaper within the accepted loss."""
        return [record for record in self.shrinks if _PROVEN.search(record.label or "")]

    @cached_property
    def against(self) -> Against:
        """How the runs stand against those before them."""
        return compared(self.counted)

    def days(self) -> dict[str, list[EnergyRecord]]:
        """Return the records of each day, in local time."""
        found: dict[str, list[EnergyRecord]] = {}
        for record in sorted(self.counted, key=lambda one: one.started_at):
            day = datetime.fromtimestamp(record.started_at).astimezone().date().isoformat()
            found.setdefault(day, []).append(record)
        return found

    def projects(self) -> dict[str, list[EnergyRecord]]:
        """Return the records of each project."""
        found: dict[str, list[EnergyRecord]] = {}
        for record in self.counted:
            found.setdefault(record.project or "no project", []).append(record)
        return found

    def csv(self) -> str:
        """Return a row for each day and project; what is not known is an empty cell."""
        held = io.StringIO(newline="")
        writer = csv.writer(held, lineterminator="\n")
        writer.writerow(CSV_COLUMNS)
        for day, records in self.days().items():
            for project, items in _by(records, lambda record: record.project or "").items():
                writer.writerow([day, project, *_cells(items, self.valuation)])
        return held.getvalue()

    def text(self) -> str:
        """Return it as plain text."""
        from .page import text

        return text(self)

    def markdown(self) -> str:
        """Return it as Markdown."""
        from .page import markdown

        return markdown(self)

    def page(self) -> str:
        """Return it as an HTML page that runs nothing and loads nothing."""
        from .page import page

        return page(self)

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        from .page import html, text

        return {"text/plain": text(self), "text/html": html(self)}

    def __repr__(self) -> str:
        return self.text()


CSV_COLUMNS = (
    *("day", "project", "kwh", "uncertainty_kwh", "quality", "measured_share", "seconds", "records", "without_reading"),
    *("co2e_grams", "cost", "currency"),
)


def period_of(
    records: Iterable[EnergyRecord],
    since: datetime,
    *,
    project: str | None = None,
    valuation: Valuation | None = None,
    problem: str | None = None,
    equivalents: bool = False,
    versions: Sequence[str] = (),
) -> Period:
    """Return the report of what began since a moment.

    Parameters
    ----------
    records : iterable of EnergyRecord
        The ledger's, of the period.
    since : datetime
        When it begins.
    project, valuation, problem, equivalents, versions
        As of `Period`.
    """
    return Period(
        tuple(records),
        since.timestamp(),
        time.time(),
        project or "",
        valuation or Valuation(),
        problem or "",
        equivalents,
        tuple(versions),
    )


def _cells(records: Sequence[EnergyRecord], valuation: Valuation) -> list[object]:
    summed = valuation.value(total(records))
    unsure = summed.uncertainty
    unread = sum(record.joules is None for record in records)
    return [
        None if summed.joules is None else summed.joules / 3.6e6,
        None if unsure is None or not math.isfinite(unsure) else unsure / 3.6e6,
        None if summed.joules is None else summed.quality,
        summed.measured_share,
        summed.seconds,
        len(records),
        unread,
        summed.co2e_grams,
        summed.cost,
        summed.currency,
    ]


def _by(records: Iterable[EnergyRecord], key: object) -> Mapping[str, list[EnergyRecord]]:
    assert callable(key)
    found: dict[str, list[EnergyRecord]] = {}
    for record in records:
        found.setdefault(key(record), []).append(record)
    return found


def _name(records: Sequence[EnergyRecord]) -> str:
    last = records[-1]
    place = (last.notebook or "").replace("\\", "/").rpartition("/")[2]
    count = f"[{last.execution_count}]" if last.execution_count else ""
    if count and not place:
        # Two of these are told apart by when they ran.
        when = datetime.fromtimestamp(last.started_at).astimezone().strftime("%Y-%m-%d %H:%M")
        place = f"a notebook without a name{f' of {last.project}' if last.project else ''}, {when}"
    return " ".join(part for part in (place, count, last.label or "") if part) or "outside notebooks"
