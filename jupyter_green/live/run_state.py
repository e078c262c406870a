"""What this run did so far: one row for each cell of the notebook, and the sums that its figures show.

The total is everything that was used since the run began, so that it never falls. A row shows a cell's last execution;
the ones before it, and the time between cells, are in the total too and have lines of their own. While an execution
runs it stands in the place of the one before. What lies inside a cell is a part of it already.
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
"""Longer ids of cells are no front end's; such a cell is a row of its own."""


LONGEST_LINE = 120
MOST_ROWS = 20_000


def cell_of(record: EnergyRecord) -> str | None:
    """Return the id of a record's cell where a front end may have made it, else None."""
    cell = record.cell_id
    return cell if cell and len(cell) <= LONGEST_ID and encodable(cell) == cell else None


def key_of(record: EnergyRecord) -> str:
    """Return what tells a row from the others: the cell, or where there is none the execution."""
    return cell_key(cell_of(record), record.id)


@dataclass(frozen=True)
class Row:
    """A cell of the notebook.

    Parameters
    ----------
    record : EnergyRecord
        Its last execution, or the one that runs.
    line : str
        First line of its source, empty where it is not known.
    reruns : int
        Earlier executions in this run.
    rerun_joules : float or None
        What those used; None where there is no reading of any.
    rerun_doubt : float
        The half-widths of their 95 % intervals added up, in joules.
    """

    record: EnergyRecord
    line: str = ""
    reruns: int = 0
    rerun_joules: float | None = None
    rerun_doubt: float = 0.0

    @property
    def rerun_known(self) -> float | None:
        """What earlier executions used, in joules; None where that can't be told from nothing."""
        return self.rerun_joules if self.rerun_joules is not None and self.rerun_joules > self.rerun_doubt else None

    def followed_by(self, record: EnergyRecord, line: str) -> Row:
        """Return the row once it was run again."""
        earlier = [joules for joules in (self.rerun_joules, self.record.joules) if joules is not None]
        doubt = self.record.uncertainty
        more = doubt if doubt is not None and math.isfinite(doubt) else 0.0
        return Row(record, line, self.reruns + 1, sum(earlier) if earlier else None, self.rerun_doubt + more)


@dataclass(frozen=True)
class Sums:
    """The sums of a run, each as one record; None where nothing is in it.

    Parameters
    ----------
    whole : EnergyRecord
        Everything since the run began: all executions and the time between them.
    cells : EnergyRecord
        All rows.
    count : int
        Number of rows.
    idle, reruns : EnergyRecord or None
        The time between cells, and earlier executions.
    today : EnergyRecord
        Everything of this run that began today.
    began_at : float or None
        When its first execution began, in seconds since 1970.
    """

    whole: EnergyRecord
    cells: EnergyRecord
    count: int
    idle: EnergyRecord | None
    reruns: EnergyRecord | None
    today: EnergyRecord
    began_at: float | None


class RunState:
    """The rows and sums of one run.

    Parameters
    ----------
    run : str
        Its identity.
    line_of : callable
        Returns the first line of the source of an execution, or an empty text.
    """

    def __init__(self, run: str, line_of: Callable[[EnergyRecord], str]) -> None:
        self.run = run
        self._line_of = line_of
        self._rows: dict[str, Row] = {}
        self._changed: dict[str, None] = {}
        self._cells, self._idle, self._reruns, self._today = RunningSum(), RunningSum(), RunningSum(), RunningSum()
        self._whole = RunningSum()
        self._day = date.today()
        self._began_at: float | None = None

    # ---- keeping ------------------------------------------------------------------------------

    def keep(self, record: EnergyRecord) -> None:
        """Take in a settled record."""
        if record.parent is not None:
            return
        self._whole.add(record)
        if self._began_today(record):
            self._today.add(record)
        if record.span == "gap":
            self._idle.add(record)
            return
        if self._began_at is None:
            self._began_at = record.started_at
        key = key_of(record)
        before = self._rows.pop(key, None)  # and in again as the newest
        if before is None:
            self._rows[key] = Row(record, self._line(record))
            self._cells.add(record)
        else:
            self._rows[key] = before.followed_by(record, self._line(record))
            self._cells.add(record)
            self._cells.remove(before.record)
            self._reruns.add(before.record)
        if len(self._rows) > MOST_ROWS:  # the oldest stays in the sums, but is no row any more
            self._rows.pop(next(iter(self._rows)))
        self._changed[key] = None

    def _began_today(self, record: EnergyRecord) -> bool:
        today = date.today()
        if today != self._day:
            self._day, self._today = today, RunningSum()
        return date.fromtimestamp(record.started_at) == today

    # ---- telling ------------------------------------------------------------------------------

    def __len__(self) -> int:
        return len(self._rows)

    def keys(self) -> list[str]:
        """The keys of all rows; what settled last comes last."""
        return [*self._rows]

    def newest(self, count: int) -> list[str]:
        """Return the keys of the rows that settled last."""
        return [*islice(reversed(self._rows), count)][::-1]

    def rows(self, keys: Iterable[str]) -> list[Row]:
        """Return the rows of these keys."""
        return [self._rows[key] for key in keys if key in self._rows]

    def records(self) -> list[tuple[str, EnergyRecord, bool]]:
        """Return key, last execution and whether there were others of all rows; what settled last comes last."""
        return [(key, row.record, row.reruns > 0) for key, row in self._rows.items()]

    def live(self, records: Iterable[EnergyRecord]) -> dict[str, Row]:
        """Return the rows of executions that are not settled, by key; they are given oldest first."""
        found: dict[str, Row] = {}
        for record in records:
            key = key_of(record)
            before = found.get(key) or self._rows.get(key)
            line = self._line(record)
            found[key] = Row(record, line) if before is None else before.followed_by(record, line)
        return found

    def take_changed(self, most: int) -> list[str]:
        """Return the keys of rows that changed and were not yet taken, oldest first, and take them."""
        keys = [*islice(self._changed, most)]
        for key in keys:
            del self._changed[key]
        return keys

    def touch(self) -> None:
        """All rows are to be told anew."""
        self._changed = dict.fromkeys(self._rows)

    def forget_changed(self) -> None:
        """All rows are told in another way."""
        self._changed.clear()

    @property
    def changed(self) -> bool:
        """Whether rows changed that were not yet taken."""
        return bool(self._changed)

    def sums(self, records: Sequence[EnergyRecord] = ()) -> Sums:
        """Return the sums with executions that are not settled, oldest first."""
        rows = self.live(records)
        shown = [row.record for row in rows.values()]
        again = [record for record in records if record not in shown]
        before = [self._rows[key].record for key in rows if key in self._rows]
        for record in before:
            self._cells.remove(record)
            self._reruns.add(record)
        found = Sums(
            whole=self._whole.record(*records),
            cells=self._cells.record(*shown),
            count=self._cells.count + len(shown),
            idle=self._idle.record() if self._idle.count else None,
            reruns=self._reruns.record(*again) if self._reruns.count or again else None,
            today=self._today.record(*filter(self._began_today, records)),
            began_at=self._began_at if self._began_at is not None else records[0].started_at if records else None,
        )
        for record in before:
            self._reruns.remove(record)
            self._cells.add(record)
        return found

    def _line(self, record: EnergyRecord) -> str:
        return one_line(self._line_of(record), LONGEST_LINE)
