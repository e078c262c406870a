"""A baseline: the energy of each cell of a notebook in an earlier run, or its median over several runs.

Of each cell, the last execution that finished without error counts. Over several runs, a cell's baseline is the median
of its readings (for an even number, the mean of the middle two). Stored with it are the values per run, from which
`spread` gives the half-width of the 95 % prediction interval for one more run: t(n-1)·s·√(1 + c/n). Here s is the
standard deviation of the n readings, and c the variance of the median of n normal values relative to that of their
mean: 1, 1.35, 1.19 and 1.43 for n = 2 to 5, from the order statistics of the normal distribution.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from operator import attrgetter
from typing import Any, Literal

from jupyter_green.records import EnergyRecord, cell_key
from jupyter_green.records.statistics import MEDIAN_VARIANCE, t_quantile
from jupyter_green.reporting.numbers import finite
from jupyter_green.storage.privacy import comparable, is_same_code

from .comparable_energy import ComparableEnergy, Execution
from .throttle import throttled

BaselineKind = Literal["named", "last", "median", "file"]
FORMAT = "jupyter_green.baseline"
VERSION = 1
MOST_REPEATS = 20
"""Most executions of a cell in one run that are kept to estimate its scatter."""
RUNS = 5
"""Most runs in a median."""


@dataclass(frozen=True)
class BaselineCell:
    """A cell of a baseline.

    Parameters
    ----------
    cell_id, code_hash : str or None
        Identity of the cell and hash of its code; see `Matching`.
    reading : ComparableEnergy
        Its energy.
    values : tuple of float or None
        Joules in each run, scaled to the units of `reading`; None where the cell did not finish in that run.
    first : ComparableEnergy or None
        Energy of its first execution in the run, if `reading` is of a later one.
    repeats : tuple of float
        Joules of the later executions of the same code, in the newest run that had any.
    """

    cell_id: str | None
    code_hash: str | None
    reading: ComparableEnergy
    values: tuple[float | None, ...] = ()
    first: ComparableEnergy | None = None
    repeats: tuple[float, ...] = ()

    def executed_again(self, record: EnergyRecord | Execution, reading: ComparableEnergy) -> BaselineCell:
        """Return the cell after another execution in the same run."""
        again = self.repeats if is_same_code(record.code_hash, self.code_hash) else ()
        return BaselineCell(
            record.cell_id,
            record.code_hash,
            reading,
            (reading.joules,),
            self.first or self.reading,
            (*again, reading.joules)[-MOST_REPEATS:],
        )


def spread(values: Sequence[float]) -> float:
    """Return the half-width of the 95 % prediction interval for one more value around the median, in the values' unit.

    Parameters
    ----------
    values : sequence of float
        At most `RUNS` values; a single one has spread 0.
    """
    count = len(values)
    if count < 2:
        return 0.0
    mean = math.fsum(values) / count
    deviation = math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (count - 1))
    return t_quantile(count - 1) * deviation * math.sqrt(1 + MEDIAN_VARIANCE[count - 1] / count)


@dataclass(frozen=True)
class Baseline:
    """What a run is compared with.

    Parameters
    ----------
    kind : {"named", "last", "median", "file"}
        Where it comes from.
    cells : tuple of BaselineCell
        In the order of their last execution.
    name : str or None
        Name under which it was kept, or that of its file.
    runs : tuple of str
        The runs it was made from, newest first.
    made_at : float or None
        Start of its newest run, in seconds since 1970.
    """

    kind: BaselineKind
    cells: tuple[BaselineCell, ...]
    name: str | None = None
    runs: tuple[str, ...] = ()
    made_at: float | None = None

    @classmethod
    def of_run(
        cls, records: Iterable[EnergyRecord | Execution], kind: BaselineKind, name: str | None = None
    ) -> Baseline | None:
        """Return the baseline of one run; None if no cell finished with a reading.

        Parameters
        ----------
        records : iterable of EnergyRecord or Execution
            Records of one run, in any order.
        kind, name
            As for the class.
        """
        cells: dict[str, BaselineCell] = {}
        began: list[float] = []
        run = ""
        for record in throttled(sorted(throttled(records), key=lambda record: record.started_at)):
            reading = usable(record)
            if reading is None:
                continue
            key = cell_key(record.cell_id, record.id)
            earlier = cells.pop(key, None)
            cells[key] = (
                BaselineCell(record.cell_id, record.code_hash, reading, (reading.joules,))
                if earlier is None
                else earlier.executed_again(record, reading)
            )
            began.append(record.started_at)
            run = record.run_id or run
        if not cells:
            return None
        return cls(kind, tuple(cells.values()), name, (run,) if run else (), min(began))

    @classmethod
    def median(cls, runs: Sequence[Baseline]) -> Baseline | None:
        """Return the median of runs, newest first; None if there are none.

        Readings whose devices and sources differ from the newest reading's are left out.
        """
        if not runs:
            return None
        matchings = [Matching(run) for run in runs]
        order: list[tuple[BaselineCell, list[BaselineCell | None]]] = []
        matched: set[int] = set()
        for run_index, run in enumerate(runs):
            for number, cell in enumerate(throttled(run.cells)):
                if id(cell) in matched:
                    continue
                key = f"{run_index}/{number}"
                column: list[BaselineCell | None] = [None] * len(runs)
                for other_index, matching in enumerate(matchings):
                    if other_index < run_index:
                        continue  # newer runs were searched already
                    match = cell if other_index == run_index else matching.find(key, cell.cell_id, cell.code_hash)
                    if match is not None and id(match) not in matched:
                        matched.add(id(match))
                        column[other_index] = match
                order.append((cell, column))
        cells = tuple(_median_cell(cell, column) for cell, column in throttled(order))
        return cls("median", cells, None, tuple(run for base in runs for run in base.runs), runs[0].made_at)

    def steadied(self, usual: Baseline) -> Baseline:
        """Return this baseline with the run-to-run spread of the same cells in other runs.

        Parameters
        ----------
        usual : Baseline
            The median of other runs; its values are scaled to this baseline's readings.
        """
        matching = Matching(usual)
        cells = []
        for number, cell in enumerate(self.cells):
            match = matching.find(str(number), cell.cell_id, cell.code_hash)
            if (
                match is None
                or not is_same_code(match.code_hash, cell.code_hash)
                or match.reading.boundary != cell.reading.boundary
            ):
                cells.append(cell)
                continue
            factor = cell.reading.joules / match.reading.joules if match.reading.joules else 0.0
            values = tuple(None if value is None else value * factor for value in match.values)
            cells.append(replace(cell, values=values))
        return replace(self, cells=tuple(cells))

    @property
    def reading(self) -> ComparableEnergy:
        """The sum of its cells."""
        return ComparableEnergy.sum(cell.reading for cell in self.cells)

    def head(self) -> dict[str, Any]:
        """Return the summary for the side panel: the baseline without its cells."""
        return {
            "kind": self.kind,
            "name": self.name,
            "runs": max(1, len(self.runs)),
            "figure": self.reading.figure(),
            "cells": len(self.cells),
            "made_at": finite(self.made_at),
        }

    # ---- serialization ------------------------------------------------------------------------

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        cells = [
            {
                "cell_id": cell.cell_id,
                "code_hash": cell.code_hash,
                "reading": cell.reading.to_dict(),
                "values": list(cell.values),
                "first": None if cell.first is None else cell.first.to_dict(),
                "repeats": list(cell.repeats),
            }
            for cell in self.cells
        ]
        return {
            "format": FORMAT,
            "version": VERSION,
            "kind": self.kind,
            "name": self.name,
            "runs": list(self.runs),
            "made_at": self.made_at,
            "cells": cells,
        }

    @classmethod
    def from_dict(cls, data: Any, kind: BaselineKind, name: str | None) -> Baseline:
        """Rebuild a baseline from `to_dict`, with the given kind and name.

        Raises
        ------
        ValueError
            If the data is not a baseline, is damaged, or has a newer version.
        """
        if not isinstance(data, dict) or data.get("format") != FORMAT:
            raise ValueError("it contains no baseline")
        if data.get("version") != VERSION:
            raise ValueError(f"its version is {data.get('version')!r}, this jupyter_green reads {VERSION}")
        try:
            cells = tuple(
                BaselineCell(
                    _text(item["cell_id"]),
                    _text(item["code_hash"]),
                    ComparableEnergy.from_dict(item["reading"]),
                    tuple(None if value is None else float(value) for value in item["values"]),
                    None if item.get("first") is None else ComparableEnergy.from_dict(item["first"]),
                    tuple(float(value) for value in item.get("repeats", ())),
                )
                for item in data["cells"]
            )
            made_at = data.get("made_at")
            runs = tuple(str(run) for run in data.get("runs", ()))
            return cls(kind, cells, name, runs, None if made_at is None else float(made_at))
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"it is damaged ({error})") from None


def usable(record: EnergyRecord | Execution) -> ComparableEnergy | None:
    """Return the reading of a cell that finished without error; None for any other record."""
    if record.span != "cell" or record.parent is not None or record.status != "ok" or not record.final:
        return None
    return ComparableEnergy.of(record)


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def _median_cell(newest: BaselineCell, column: Sequence[BaselineCell | None]) -> BaselineCell:
    readings = [None if cell is None else _brought(cell.reading, newest.reading) for cell in column]
    median = _middle([reading for reading in readings if reading is not None])
    values = tuple(None if reading is None else reading.joules for reading in readings)
    first = None
    if any(cell is not None and cell.first is not None for cell in column):
        # First executions are compared with first ones; of a cell that ran once, that is its only execution.
        firsts = (None if cell is None else _brought(cell.first or cell.reading, newest.reading) for cell in column)
        comparable_firsts = [reading for reading in firsts if reading is not None]
        # If no first execution has the same devices and sources, the newest run's stays.
        first = _middle(comparable_firsts) if comparable_firsts else newest.first
    repeats = next((cell.repeats for cell in column if cell is not None and cell.repeats), ())
    return BaselineCell(newest.cell_id, newest.code_hash, median, values, first, repeats)


def _brought(reading: ComparableEnergy, newest: ComparableEnergy) -> ComparableEnergy | None:
    """Return a reading scaled to the units of the newest one; None if its devices or sources differ."""
    return reading.for_units_of(newest) if reading.boundary == newest.boundary else None


def _middle(readings: Sequence[ComparableEnergy]) -> ComparableEnergy:
    """Return the median reading, with the mean load over all readings."""
    ranked = sorted(readings, key=attrgetter("joules"))
    mid = len(ranked) // 2
    middle = ranked[mid] if len(ranked) % 2 else ComparableEnergy.between(ranked[mid - 1], ranked[mid])
    loads = [reading.others_busy for reading in ranked]
    known_loads = [load for load in loads if load is not None]
    middle = middle.with_others_busy(
        math.fsum(known_loads) / len(known_loads) if len(known_loads) == len(loads) else None
    )
    shared = True in {reading.shared for reading in ranked}
    return middle if middle.shared == shared else replace(middle, shared=shared)


class Matching:
    """Finds the baseline's cell for a cell of a run; a match, once made, is kept.

    Cells match by identity, else by the hash of their code: of several cells with the same code, the first one that is
    not matched yet; if all are (the notebook holds copies of the cell), the first.

    Parameters
    ----------
    baseline : Baseline
        The baseline to search.
    """

    def __init__(self, baseline: Baseline) -> None:
        self._cells = baseline.cells
        self._by_id = {cell.cell_id: cell for cell in baseline.cells if cell.cell_id is not None}
        self._taken: dict[int, str] = {}

    @cached_property
    def _by_hash(self) -> dict[str | None, list[BaselineCell]]:
        """Cells by hash of their code; built only when an identity is not found."""
        cells: dict[str | None, list[BaselineCell]] = {}
        for cell in self._cells:
            if cell.code_hash is not None:
                cells.setdefault(comparable(cell.code_hash), []).append(cell)
        return cells

    def find(self, key: str, cell_id: str | None, code_hash: str | None) -> BaselineCell | None:
        """Return the cell of the baseline; None if it has none.

        Parameters
        ----------
        key : str
            Identity of the cell within the run.
        cell_id, code_hash : str or None
            The cell's identity and the hash of its code.
        """
        match = self._by_id.get(cell_id) if cell_id is not None else None
        if match is None and code_hash is not None:
            cells = self._by_hash.get(comparable(code_hash), [])
            match = next((cell for cell in cells if self._taken.get(id(cell), key) == key), cells[0] if cells else None)
        if match is not None:
            self._taken.setdefault(id(match), key)
        return match
