"""Usage report of a period: the data, summed from the ledger's records of many runs.

Every figure has its uncertainty and quality, and unmetered work is listed. Each run is compared with the median of the
notebook's earlier runs, cell by cell, as in the side panel; only significant differences are summed. The first run of
a notebook in the period is not compared.
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
from jupyter_green.reporting import renderers
from jupyter_green.reporting.run.totals import total
from jupyter_green.storage.privacy import comparable
from jupyter_green.storage.time_range import HOW, beginning

from .errors import DiscloseError
from .period_comparison import PeriodDifference, RunComparison

TOP_CELLS = 5
"""Number of cells listed as using the most energy."""


def since_of(text: str, now: datetime | None = None) -> datetime:
    """Return the start of a period: ``30d``, ``12h`` or ``2w`` before now, or a day such as 2026-01-31.

    Raises DiscloseError if the text is neither.
    """
    now = datetime.now().astimezone() if now is None else now
    try:
        return datetime.fromtimestamp(beginning(text, now.timestamp())).astimezone()
    except ValueError as error:
        raise DiscloseError(str(error)) from None
    except (OverflowError, OSError):
        raise DiscloseError(f"{text[:80]!r} is not a date; {HOW}.") from None


class _Cell:
    """Sum of one cell's executions, and the last of them."""

    def __init__(self) -> None:
        self.sum = EnergySum()
        self.last: FlatRecord | None = None

    def add(self, record: FlatRecord, figures: list[Figures]) -> None:
        self.sum.add_figures(record, figures)
        if self.last is None or record.started_at >= self.last.started_at:
            self.last = record


class _Sums:
    """Running sums over the real or over the simulated records of a period."""

    def __init__(self) -> None:
        self.parts: dict[tuple[str, str, bool], EnergySum] = {}
        """By day, project, and whether it is idle time between cells."""
        self.unread_seconds = 0.0
        self.dearest: list[tuple[float, str, EnergySum]] = []
        self._day = (0.0, 0.0, "")
        self._notebook = ""
        self._cells: dict[str, _Cell] = {}
        """Cells of the current notebook."""
        self._run: list[Execution] = []
        self._runs = RunComparison()

    def add(self, record: FlatRecord) -> None:
        idle = record.span == "gap"
        if not self._day[0] <= record.started_at < self._day[1]:
            self._day = _day(record.started_at)
        key = (self._day[2], record.project or "", idle)
        energy = self.parts.get(key)
        if energy is None:
            energy = self.parts[key] = EnergySum()
        figures = figures_of(record)
        energy.add_figures(record, figures)
        if idle:
            return
        if (record.notebook or "") != self._notebook:
            self.end_notebook()
            self._notebook = record.notebook or ""
        identity = record.cell_id or comparable(record.code_hash) or record.label
        if not identity:  # a record without an identity is a cell of its own
            cell = _Cell()
            cell.add(record, figures)
            self._offer(cell)
        else:
            cell_sum = self._cells.get(identity)
            if cell_sum is None:
                cell_sum = self._cells[identity] = _Cell()
            cell_sum.add(record, figures)
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
        if len(self.dearest) < TOP_CELLS or joules > self.dearest[-1][0]:
            self.dearest.append((joules, _name(last), cell.sum))
            self.dearest.sort(key=lambda item: (-item[0], item[1]))
            del self.dearest[TOP_CELLS:]

    def _end_run(self) -> None:
        if self._run:
            self._runs.take(self._run)
        self._run = []

    def end_notebook(self) -> None:
        """Finish the current notebook and release its cells."""
        self._end_run()
        self._runs.forget()
        for cell in self._cells.values():
            self._offer(cell)
        self._cells = {}

    def against(self) -> PeriodDifference:
        return self._runs.against()


class PeriodSums:
    """Sums over the records of a period, updated record by record, so that long periods need little memory.

    The records are grouped by notebook and, within it, by run in order of the runs' start; those of a run are in order
    of start.
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
        use_simulated = not counts[False]
        chosen = sorts[use_simulated]
        chosen.end_notebook()
        self.simulated_left_out = 0 if use_simulated else counts[True]
        self.parts = dict(sorted(chosen.parts.items()))
        self.unread_seconds = chosen.unread_seconds
        self.against = chosen.against()
        self.dearest = [(name, energy.record(), energy.count) for _, name, energy in chosen.dearest]
        self.shrinks = sorted(shrinks, key=lambda one: one.started_at)


@dataclass(frozen=True, repr=False)
class Period:
    """Usage report of a period; its text and HTML are in `usage_report`."""

    sums: PeriodSums
    """Sums over everything metered in the period."""
    since: float
    until: float
    """Seconds since 1970."""
    project: str = ""
    """Project of the records; empty for all."""
    valuation: Valuation = field(default_factory=Valuation)
    """Region, PUE and tariff."""
    problem: str = ""
    """What is wrong with the settings, one sentence; empty if nothing."""
    equivalents: bool = False
    """Whether everyday comparisons are shown."""
    versions: tuple[str, ...] = ()
    """Software that made the report, with versions."""
    everyone: bool = False
    """Whether it includes the records of all users of a shared ledger."""

    def _total(self, gap: bool | None = None) -> EnergyRecord:
        return total([part.record() for key, part in self.sums.parts.items() if gap is None or key[2] == gap])

    @cached_property
    def sum(self) -> EnergyRecord:
        """All records as one, with CO2e and cost: the real ones, or the simulated ones if there are no real ones."""
        return self.valuation.value(self._total())

    @cached_property
    def gaps(self) -> EnergyRecord | None:
        """Idle time between cells as one record; None if there is none."""
        return self._total(True) if any(gap for _, _, gap in self.sums.parts) else None

    @property
    def _work(self) -> list[EnergySum]:
        return [part for (_, _, gap), part in self.sums.parts.items() if not gap]

    @property
    def stretches(self) -> int:
        """Number of records, without idle time."""
        return sum(part.count for part in self._work)

    @property
    def unread(self) -> int:
        """Number of these records without a reading."""
        return sum(part.unread for part in self._work)

    @cached_property
    def unmetered_share(self) -> float | None:
        """Unmetered share of the work time: seconds without a reading / all seconds; None if there was no work."""
        seconds = math.fsum(part.seconds for part in self._work)
        return self.sums.unread_seconds / seconds if seconds > 0 else None

    @property
    def dearest(self) -> list[tuple[str, EnergyRecord, int]]:
        """Cells with the most energy: name, sum of executions, number of executions."""
        return self.sums.dearest

    @property
    def shrinks(self) -> list[EnergyRecord]:
        """Records of searches for a cheaper model; the labels contain their outcome."""
        return self.sums.shrinks

    @property
    def cheaper(self) -> list[EnergyRecord]:
        """Searches that found a model proven to be cheaper with a loss within the accepted one."""
        return [record for record in self.shrinks if record.search is not None and record.search.proven]

    @property
    def against(self) -> PeriodDifference:
        """Comparison of the runs with earlier ones."""
        return self.sums.against

    def days(self) -> dict[str, EnergyRecord]:
        """Return the sum of each day, in local time."""
        return {day: total(records) for day, records in sorted(self._by(0).items())}

    def projects(self) -> dict[str, EnergyRecord]:
        """Return the sum of each project."""
        return {name or "no project": total(records) for name, records in self._by(1).items()}

    def _by(self, place: int) -> dict[str, list[EnergyRecord]]:
        groups: dict[str, list[EnergyRecord]] = {}
        for key, part in self.sums.parts.items():
            groups.setdefault(str(key[place]), []).append(part.record())
        return groups

    def csv(self) -> str:
        """Return a CSV table with a row for each day and project; unknown values are empty cells."""
        buffer = io.StringIO(newline="")
        writer = csv.writer(buffer, lineterminator="\n")
        writer.writerow(CSV_COLUMNS)
        rows: dict[tuple[str, str], list[EnergySum]] = {}
        for (day, project, _), part in self.sums.parts.items():
            rows.setdefault((day, project), []).append(part)
        for (day, project), parts in sorted(rows.items()):
            writer.writerow([day, project, *_cells(parts, self.valuation)])
        return buffer.getvalue()

    def text(self) -> str:
        """Return the report as plain text."""
        return renderers.text_of(self)

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        return renderers.bundle_of(self)

    def __repr__(self) -> str:
        return self.text()


CSV_COLUMNS = (
    *("day", "project", "kwh", "uncertainty_kwh", "quality", "measured_share", "seconds", "records", "without_reading"),
    *("co2e_grams", "cost", "currency"),
)


def _cells(parts: Sequence[EnergySum], valuation: Valuation) -> list[object]:
    summed = valuation.value(total([part.record() for part in parts]))
    uncertainty = summed.uncertainty
    return [
        None if summed.joules is None else summed.joules / 3.6e6,
        None if uncertainty is None or not math.isfinite(uncertainty) else uncertainty / 3.6e6,
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
    """Return the start and the end of a local day in seconds since 1970, and its ISO date."""
    day = datetime.fromtimestamp(seconds).date()
    first, end = (datetime(date.year, date.month, date.day).timestamp() for date in (day, day + timedelta(days=1)))
    return first, end, day.isoformat()


def _name(last: FlatRecord) -> str:
    notebook = (last.notebook or "").replace("\\", "/").rpartition("/")[2]
    count = f"[{last.execution_count}]" if last.execution_count else ""
    if count and not notebook:
        # The time distinguishes cells of several unnamed notebooks.
        started = datetime.fromtimestamp(last.started_at).astimezone().strftime("%Y-%m-%d %H:%M")
        notebook = f"unnamed notebook{f' (project {last.project})' if last.project else ''}, {started}"
    return " ".join(part for part in (notebook, count, last.label or "") if part) or "outside notebooks"
