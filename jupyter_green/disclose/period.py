"""The report of a period: what a person hands to whoever leads the work, from the ledger's records of many runs.

Nothing is said without its ±, its standing and what is missing. Whether a run used more or less is asked as the side
panel asks it: against the median of the notebook's runs before it, cell by cell; only proven differences are summed.
The first run of a notebook in the period is held against nothing.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property

from jupyter_green.baselines.comparable_energy import Execution
from jupyter_green.impact import Valuation
from jupyter_green.records import EnergyRecord
from jupyter_green.records.flat import FlatRecord
from jupyter_green.records.sums import EnergySum, Figures, figures_of
from jupyter_green.reporting import drawing
from jupyter_green.reporting.run.totals import total
from jupyter_green.storage.privacy import comparable
from jupyter_green.storage.time_range import HOW, beginning

from .errors import DiscloseError
from .period_comparison import PeriodDifference, RunComparison

DEAREST = 5


def since_of(text: str, now: datetime | None = None) -> datetime:
    """Return the beginning of a period: ``30d``, ``12h``, ``2w`` back from now, or a day such as 2026-01-31.

    Raises
    ------
    DiscloseError
        If it is neither.
    """
    now = datetime.now().astimezone() if now is None else now
    try:
        return datetime.fromtimestamp(beginning(text, now.timestamp())).astimezone()
    except ValueError as error:
        raise DiscloseError(str(error)) from None
    except (OverflowError, OSError):
        raise DiscloseError(f"{text[:80]!r} is no date; {HOW}.") from None


class _Cell:
    """The executions of one cell."""

    def __init__(self) -> None:
        self.sum = EnergySum()
        self.last: FlatRecord | None = None

    def add(self, record: FlatRecord, figures: list[Figures]) -> None:
        self.sum.add_figures(record, figures)
        if self.last is None or record.started_at >= self.last.started_at:
            self.last = record


class _Sums:
    """What a report needs of the records of one sort, real or simulated."""

    def __init__(self) -> None:
        self.parts: dict[tuple[str, str, bool], EnergySum] = {}
        """By day, project, and whether it is time between cells."""
        self.unread_seconds = 0.0
        self.dearest: list[tuple[float, str, EnergySum]] = []
        self._day = (0.0, 0.0, "")
        self._notebook = ""
        self._cells: dict[str, _Cell] = {}
        """Those of the notebook that records come of."""
        self._run: list[Execution] = []
        self._runs = RunComparison()

    def add(self, record: FlatRecord) -> None:
        gap = record.span == "gap"
        if not self._day[0] <= record.started_at < self._day[1]:
            self._day = _day(record.started_at)
        key = (self._day[2], record.project or "", gap)
        part = self.parts.get(key)
        if part is None:
            part = self.parts[key] = EnergySum()
        figures = figures_of(record)
        part.add_figures(record, figures)
        if gap:
            return
        if (record.notebook or "") != self._notebook:
            self.end_notebook()
            self._notebook = record.notebook or ""
        named = record.cell_id or comparable(record.code_hash) or record.label
        if not named:  # it is a cell of its own
            cell = _Cell()
            cell.add(record, figures)
            self._offer(cell)
        else:
            known = self._cells.get(named)
            if known is None:
                known = self._cells[named] = _Cell()
            known.add(record, figures)
        execution = Execution.of(record)
        if execution.reading is None:
            self.unread_seconds += record.seconds
        if self._run and self._run[0].run_id != record.run_id:
            self._end_run()
        self._run.append(execution)

    def _offer(self, cell: _Cell) -> None:
        joules, last = cell.sum.joules, cell.last
        if joules is None or last is None:
            return
        if len(self.dearest) < DEAREST or joules > self.dearest[-1][0]:
            self.dearest.append((joules, _name(last), cell.sum))
            self.dearest.sort(key=lambda item: (-item[0], item[1]))
            del self.dearest[DEAREST:]

    def _end_run(self) -> None:
        if self._run:
            self._runs.take(self._run)
        self._run = []

    def end_notebook(self) -> None:
        """Close the notebook whose records came; none of it is held any more."""
        self._end_run()
        self._runs.forget()
        for cell in self._cells.values():
            self._offer(cell)
        self._cells = {}

    def against(self) -> PeriodDifference:
        return self._runs.against()


class PeriodSums:
    """The records of a period added up as they come, so that any number of them takes little room.

    Parameters
    ----------
    records : iterable of FlatRecord
        Notebook by notebook, of each run by run, the one that began first first, each in order of its records' start.
    """

    def __init__(self, records: Iterable[FlatRecord]) -> None:
        sorts = {False: _Sums(), True: _Sums()}
        counts = {False: 0, True: 0}
        shrinks: list[EnergyRecord] = []
        for record in records:
            simulated = bool(record.simulated)
            counts[simulated] += 1
            if record.search is not None:
                shrinks.append(record.record())
            if not record.inside:
                sorts[simulated].add(record)
        only_simulated = not counts[False]
        chosen = sorts[only_simulated]
        chosen.end_notebook()
        self.simulated_left_out = 0 if only_simulated else counts[True]
        self.parts = dict(sorted(chosen.parts.items()))
        self.unread_seconds = chosen.unread_seconds
        self.against = chosen.against()
        self.dearest = [(name, found.record(), found.count) for _, name, found in chosen.dearest]
        self.shrinks = sorted(shrinks, key=lambda one: one.started_at)


@dataclass(frozen=True, repr=False)
class Period:
    """A report of a period, which shows itself.

    Parameters
    ----------
    sums : PeriodSums
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
    everyone : bool
        Whether the records of everyone who writes to a shared ledger are in it.
    """

    sums: PeriodSums
    since: float
    until: float
    project: str = ""
    valuation: Valuation = field(default_factory=Valuation)
    problem: str = ""
    equivalents: bool = False
    versions: tuple[str, ...] = ()
    everyone: bool = False

    def _total(self, gap: bool | None = None) -> EnergyRecord:
        return total([part.record() for key, part in self.sums.parts.items() if gap is None or key[2] == gap])

    @cached_property
    def sum(self) -> EnergyRecord:
        """Real records, or simulated ones where there are no others, as one, with CO2e and cost."""
        return self.valuation.value(self._total())

    @cached_property
    def gaps(self) -> EnergyRecord | None:
        """The time between cells as one record; None where there is none."""
        return self._total(True) if any(gap for _, _, gap in self.sums.parts) else None

    @property
    def _work(self) -> list[EnergySum]:
        return [part for (_, _, gap), part in self.sums.parts.items() if not gap]

    @property
    def stretches(self) -> int:
        """How many records are no time between cells."""
        return sum(part.count for part in self._work)

    @property
    def unread(self) -> int:
        """How many of these have no reading."""
        return sum(part.unread for part in self._work)

    @cached_property
    def unmetered_share(self) -> float | None:
        """Part of the time of all work for which nothing was read: unmetered seconds / all; None without work."""
        whole = math.fsum(part.seconds for part in self._work)
        return self.sums.unread_seconds / whole if whole > 0 else None

    @property
    def dearest(self) -> list[tuple[str, EnergyRecord, int]]:
        """The dearest cells: name, the sum of their executions, and how many these were."""
        return self.sums.dearest

    @property
    def shrinks(self) -> list[EnergyRecord]:
        """The searches for something cheaper, whose labels tell what came of them."""
        return self.sums.shrinks

    @property
    def cheaper(self) -> list[EnergyRecord]:
        """The searches whose find is proven to be cheaper within the accepted loss."""
        return [record for record in self.shrinks if record.search is not None and record.search.proven]

    @property
    def against(self) -> PeriodDifference:
        """How the runs stand against those before them."""
        return self.sums.against

    def days(self) -> dict[str, EnergyRecord]:
        """Return the sum of each day, in local time."""
        return {day: total(found) for day, found in sorted(self._by(0).items())}

    def projects(self) -> dict[str, EnergyRecord]:
        """Return the sum of each project."""
        return {name or "no project": total(found) for name, found in self._by(1).items()}

    def _by(self, place: int) -> dict[str, list[EnergyRecord]]:
        found: dict[str, list[EnergyRecord]] = {}
        for key, part in self.sums.parts.items():
            found.setdefault(str(key[place]), []).append(part.record())
        return found

    def csv(self) -> str:
        """Return a row for each day and project; what is not known is an empty cell."""
        held = io.StringIO(newline="")
        writer = csv.writer(held, lineterminator="\n")
        writer.writerow(CSV_COLUMNS)
        rows: dict[tuple[str, str], list[EnergySum]] = {}
        for (day, project, _), part in self.sums.parts.items():
            rows.setdefault((day, project), []).append(part)
        for (day, project), parts in sorted(rows.items()):
            writer.writerow([day, project, *_cells(parts, self.valuation)])
        return held.getvalue()

    def text(self) -> str:
        """Return the report as plain text."""
        return drawing.text_of(self)

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        return drawing.bundle_of(self)

    def __repr__(self) -> str:
        return self.text()


CSV_COLUMNS = (
    *("day", "project", "kwh", "uncertainty_kwh", "quality", "measured_share", "seconds", "records", "without_reading"),
    *("co2e_grams", "cost", "currency"),
)


def _cells(parts: Sequence[EnergySum], valuation: Valuation) -> list[object]:
    summed = valuation.value(total([part.record() for part in parts]))
    unsure = summed.uncertainty
    return [
        None if summed.joules is None else summed.joules / 3.6e6,
        None if unsure is None or not math.isfinite(unsure) else unsure / 3.6e6,
        None if summed.joules is None else summed.quality,
        summed.measured_share,
        summed.seconds,
        sum(part.count for part in parts),
        sum(part.unread for part in parts),
        summed.co2e_grams,
        summed.cost,
        summed.currency,
    ]


def _day(seconds: float) -> tuple[float, float, str]:
    """Return the first moment of a day of local time, the one after its last, and its name."""
    day = datetime.fromtimestamp(seconds).date()
    first, end = (datetime(one.year, one.month, one.day).timestamp() for one in (day, day + timedelta(days=1)))
    return first, end, day.isoformat()


def _name(last: FlatRecord) -> str:
    place = (last.notebook or "").replace("\\", "/").rpartition("/")[2]
    count = f"[{last.execution_count}]" if last.execution_count else ""
    if count and not place:
        # Two of these are told apart by when they ran.
        when = datetime.fromtimestamp(last.started_at).astimezone().strftime("%Y-%m-%d %H:%M")
        place = f"unnamed notebook{f' (project {last.project})' if last.project else ''}, {when}"
    return " ".join(part for part in (place, count, last.label or "") if part) or "outside notebooks"
