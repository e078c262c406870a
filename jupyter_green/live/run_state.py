"""The state of a run: one row per cell of the notebook, and the sums.

The total covers everything since the run began, so it never decreases. A row shows the last or running execution of a
cell; earlier executions and the time between cells are also in the total and have sums of their own. Windows inside a
cell are ignored, because the cell's record contains them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import islice

from jupyter_green.records import EnergyRecord, cell_key
from jupyter_green.reporting.sanitize import encodable, one_line

from .running_sum import RunningSum

LONGEST_ID = 256
"""Longest cell id in characters; an execution with a longer one gets its own row."""

LONGEST_LINE = 120
MOST_ROWS = 20_000


def cell_of(record: EnergyRecord) -> str | None:
    """Return the id of a record's cell; None if there is none or it can't come from a front end."""
    cell = record.cell_id
    return cell if cell and len(cell) <= LONGEST_ID and encodable(cell) == cell else None


def key_of(record: EnergyRecord) -> str:
    """Return the key of a record's row: the cell id, else the record's id."""
    return cell_key(cell_of(record), record.id)


@dataclass(frozen=True)
class Row:
    """A cell of the notebook."""

    record: EnergyRecord
    """Its last or running execution."""
    line: str = ""
    """First line of its source; empty if unknown."""
    reruns: int = 0
    """Earlier executions in this run."""
    rerun_joules: float | None = None
    """Their energy in joules; None if none was read."""
    rerun_uncertainty: float = 0.0
    """Sum of the half-widths of their 95 % intervals, in joules."""

    @property
    def rerun_known(self) -> float | None:
        """Energy of earlier executions in joules; None if its interval includes 0."""
        return (
            self.rerun_joules if self.rerun_joules is not None and self.rerun_joules > self.rerun_uncertainty else None
        )

    def followed_by(self, record: EnergyRecord, line: str) -> Row:
        """Return the row after a further execution."""
        earlier = [joules for joules in (self.rerun_joules, self.record.joules) if joules is not None]
        uncertainty = self.record.uncertainty
        more = uncertainty if uncertainty is not None and math.isfinite(uncertainty) else 0.0
        return Row(record, line, self.reruns + 1, sum(earlier) if earlier else None, self.rerun_uncertainty + more)


@dataclass(frozen=True)
class Sums:
    """The sums of a run, each as one record; None if a sum is empty."""

    whole: EnergyRecord
    """Everything since the run began: all executions and the time between cells."""
    cells: EnergyRecord
    """The last execution of each cell."""
    count: int
    """Number of rows."""
    idle: EnergyRecord | None
    reruns: EnergyRecord | None
    """Time between cells, and earlier executions."""
    today: EnergyRecord
    """The records of this run that began today."""
    began_at: float | None
    """Start of the first execution, in seconds since 1970."""


class RunState:
    """The rows and sums of one run; `line_of` returns the first line of an execution's source, or an empty string."""

    def __init__(self, run: str, line_of: Callable[[EnergyRecord], str]) -> None:
        self.run = run
        self._line_of = line_of
        self._rows: dict[str, Row] = {}
        self._changed: dict[str, None] = {}
        self._cells, self._idle, self._reruns, self._today = RunningSum(), RunningSum(), RunningSum(), RunningSum()
        self._whole = RunningSum()
        self._day = date.today()
        self._began_at: float | None = None

    # ---- updates ------------------------------------------------------------------------------

    def keep(self, record: EnergyRecord) -> None:
        """Add a final record."""
        if record.parent is not None:
            return
        self._whole.add(record)
        if self._began_today(record):
            self._sum_of_today().add(record)
        if record.span == "gap":
            self._idle.add(record)
            return
        if self._began_at is None:
            self._began_at = record.started_at
        key = key_of(record)
        before = self._rows.pop(key, None)  # re-inserted as the newest
        if before is None:
            self._rows[key] = Row(record, self._line(record))
            self._cells.add(record)
        else:
            self._rows[key] = before.followed_by(record, self._line(record))
            self._cells.add(record)
            self._cells.remove(before.record)
            self._reruns.add(before.record)
        if len(self._rows) > MOST_ROWS:  # the oldest stays in the sums only
            self._rows.pop(next(iter(self._rows)))
        self._changed[key] = None

    def _sum_of_today(self) -> RunningSum:
        """Return the sum of what began today; at midnight it begins anew."""
        today = date.today()
        if today != self._day:
            self._day, self._today = today, RunningSum()
        return self._today

    def _began_today(self, record: EnergyRecord) -> bool:
        return date.fromtimestamp(record.started_at) == date.today()

    # ---- queries ------------------------------------------------------------------------------

    def __len__(self) -> int:
        return len(self._rows)

    def keys(self) -> list[str]:
        """Return the keys of all rows, newest last."""
        return [*self._rows]

    def newest(self, count: int) -> list[str]:
        """Return the keys of the newest rows, newest last."""
        return [*islice(reversed(self._rows), count)][::-1]

    def rows(self, keys: Iterable[str]) -> list[Row]:
        """Return the rows with these keys; unknown keys are skipped."""
        return [self._rows[key] for key in keys if key in self._rows]

    def records(self) -> list[tuple[str, EnergyRecord, bool]]:
        """Return key, last execution and whether it was a rerun, of all rows, newest last."""
        return [(key, row.record, row.reruns > 0) for key, row in self._rows.items()]

    def live(self, records: Iterable[EnergyRecord]) -> dict[str, Row]:
        """Return rows by key for executions without a final record, given oldest first."""
        rows: dict[str, Row] = {}
        for record in records:
            key = key_of(record)
            before = rows.get(key) or self._rows.get(key)
            line = self._line(record)
            rows[key] = Row(record, line) if before is None else before.followed_by(record, line)
        return rows

    def take_changed(self, most: int) -> list[str]:
        """Return the keys of up to `most` changed rows, oldest first, and clear their mark."""
        keys = [*islice(self._changed, most)]
        for key in keys:
            del self._changed[key]
        return keys

    def touch(self) -> None:
        """Mark all rows as changed."""
        self._changed = dict.fromkeys(self._rows)

    def forget_changed(self) -> None:
        """Clear the marks of all rows; the caller sends them otherwise."""
        self._changed.clear()

    @property
    def changed(self) -> bool:
        """Whether rows are marked as changed."""
        return bool(self._changed)

    def sums(self, records: Sequence[EnergyRecord] = ()) -> Sums:
        """Return the sums including executions without a final record, given oldest first."""
        rows = self.live(records)
        shown = [row.record for row in rows.values()]
        rerun = [record for record in records if record not in shown]
        replaced = [self._rows[key].record for key in rows if key in self._rows]
        for record in replaced:
            self._cells.remove(record)
            self._reruns.add(record)
        sums = Sums(
            whole=self._whole.record(*records),
            cells=self._cells.record(*shown),
            count=self._cells.count + len(shown),
            idle=self._idle.record() if self._idle.count else None,
            reruns=self._reruns.record(*rerun) if self._reruns.count or rerun else None,
            today=self._sum_of_today().record(*filter(self._began_today, records)),
            began_at=self._began_at if self._began_at is not None else records[0].started_at if records else None,
        )
        for record in replaced:
            self._reruns.remove(record)
            self._cells.add(record)
        return sums

    def _line(self, record: EnergyRecord) -> str:
        return one_line(self._line_of(record), LONGEST_LINE)
