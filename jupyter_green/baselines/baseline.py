"""A baseline: what each cell of a notebook used in an earlier run, or usually uses.

A cell counts by its last execution that finished well. Of several runs each cell's baseline is the median of its
readings (of an even number the mean of the two in the middle), and how far readings lie apart from run to run is kept
beside it: the half-width of the 95 % prediction interval for one more run, t(n-1)·s·√(1 + c/n), with s the standard
deviation of the n readings, and c/n the variance of the median of n normal values in units of theirs (1, 1.35, 1.19 and
1.43 for 2 to 5: order statistics of the normal distribution; the mean would have 1).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from operator import attrgetter
from typing import Any, Literal

from jupyter_green.records import EnergyRecord, cell_key
from jupyter_green.reporting.numbers import finite
from jupyter_green.storage.privacy import comparable, is_same_code

from .comparable_energy import ComparableEnergy, Execution
from .throttle import throttled

BaselineKind = Literal["named", "last", "median", "file"]
FORMAT = "jupyter_green.baseline"
VERSION = 1
MOST_REPEATS = 20
"""Executions of a cell in one run that its scatter is taken from."""
RUNS = 5
"""Runs that a median is made of."""
_T = {1: 12.706, 2: 4.303, 3: 3.182, 4: 2.776}
"""Student's t, 97.5 %, by degrees of freedom."""
_C = {2: 1.0, 3: 1.346, 4: 1.193, 5: 1.434}
"""Variance of the median of n normal values, in units of that of their mean."""


@dataclass(frozen=True)
class BaselineCell:
    """A cell of a baseline.

    Parameters
    ----------
    cell_id, code_hash : str or None
        What it is found by.
    reading : ComparableEnergy
        What it uses.
    values : tuple of float or None
        Joules in each run, for as much work as `reading` stands for; None where it did not finish in that run.
    first : ComparableEnergy or None
        What its first execution in the run used, where `reading` is a later one's.
    repeats : tuple of float
        Joules of the later executions of the same code in the newest run that had any.
    """

    cell_id: str | None
    code_hash: str | None
    reading: ComparableEnergy
    values: tuple[float | None, ...] = ()
    first: ComparableEnergy | None = None
    repeats: tuple[float, ...] = ()

    def executed_again(self, record: EnergyRecord | Execution, reading: ComparableEnergy) -> BaselineCell:
        """Return the cell once it was run again in the same run."""
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
    """Return how far one more value lies from the median of these, 95 % of the time; 0 where there is only one.

    Parameters
    ----------
    values : sequence of float
        At most `RUNS` of them.
    """
    count = len(values)
    if count < 2:
        return 0.0
    mean = math.fsum(values) / count
    deviation = math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (count - 1))
    return _T[count - 1] * deviation * math.sqrt(1 + _C[count] / count)


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
        The name it was kept under, or its file's.
    runs : tuple of str
        The runs it was made of, newest first.
    made_at : float or None
        When its newest run began, in seconds since 1970.
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
        """Return the baseline that one run makes; None where no cell finished with a reading.

        Parameters
        ----------
        records : iterable of EnergyRecord or Execution
            Of one run, in any order.
        kind, name
            As for the class.
        """
        found: dict[str, BaselineCell] = {}
        began: list[float] = []
        run = ""
        for record in throttled(sorted(throttled(records), key=lambda record: record.started_at)):
            reading = usable(record)
            if reading is None:
                continue
            key = cell_key(record.cell_id, record.id)
            before = found.pop(key, None)
            found[key] = (
                BaselineCell(record.cell_id, record.code_hash, reading, (reading.joules,))
                if before is None
                else before.executed_again(record, reading)
            )
            began.append(record.started_at)
            run = record.run_id or run
        if not found:
            return None
        return cls(kind, tuple(found.values()), name, (run,) if run else (), min(began))

    @classmethod
    def median(cls, runs: Sequence[Baseline]) -> Baseline | None:
        """Return the median of runs, newest first; None where there is none.

        A reading that does not cover what the newest one covers is left out.
        """
        if not runs:
            return None
        found = [Matching(run) for run in runs]
        order: list[tuple[BaselineCell, list[BaselineCell | None]]] = []
        known: set[int] = set()
        for place, run in enumerate(runs):
            for number, cell in enumerate(throttled(run.cells)):
                if id(cell) in known:
                    continue
                key = f"{place}/{number}"
                column: list[BaselineCell | None] = [None] * len(runs)
                for other, matching in enumerate(found):
                    if other < place:
                        continue  # it was looked for there already
                    match = cell if other == place else matching.find(key, cell.cell_id, cell.code_hash)
                    if match is not None and id(match) not in known:
                        known.add(id(match))
                        column[other] = match
                order.append((cell, column))
        cells = tuple(_median_cell(cell, column) for cell, column in throttled(order))
        return cls("median", cells, None, tuple(run for base in runs for run in base.runs), runs[0].made_at)

    def steadied(self, usual: Baseline) -> Baseline:
        """Return the baseline of one run with how far runs of the same cells lie apart, as other runs tell.

        Parameters
        ----------
        usual : Baseline
            The median of other runs; their readings are brought to this one's.
        """
        matching = Matching(usual)
        cells = []
        for number, cell in enumerate(self.cells):
            found = matching.find(str(number), cell.cell_id, cell.code_hash)
            if (
                found is None
                or not is_same_code(found.code_hash, cell.code_hash)
                or found.reading.boundary != cell.reading.boundary
            ):
                cells.append(cell)
                continue
            factor = cell.reading.joules / found.reading.joules if found.reading.joules else 0.0
            values = tuple(None if value is None else value * factor for value in found.values)
            cells.append(replace(cell, values=values))
        return replace(self, cells=tuple(cells))

    @property
    def reading(self) -> ComparableEnergy:
        """The sum of its cells."""
        return ComparableEnergy.sum(cell.reading for cell in self.cells)

    def head(self) -> dict[str, Any]:
        """Return the shape that pages are told: the baseline without its cells."""
        return {
            "kind": self.kind,
            "name": self.name,
            "runs": max(1, len(self.runs)),
            "figure": self.reading.figure(),
            "cells": len(self.cells),
            "made_at": finite(self.made_at),
        }

    # ---- carrying -----------------------------------------------------------------------------

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
        """Rebuild a baseline from `to_dict`; it bears the kind and the name given here.

        Raises
        ------
        ValueError
            If the data is none, or of a newer version.
        """
        if not isinstance(data, dict) or data.get("format") != FORMAT:
            raise ValueError("it holds no baseline")
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
    """Return what a record adds to a baseline: a cell that finished well and was read; else None."""
    if record.span != "cell" or record.parent is not None or record.status != "ok" or not record.final:
        return None
    return ComparableEnergy.of(record)


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def _median_cell(newest: BaselineCell, column: Sequence[BaselineCell | None]) -> BaselineCell:
    like = [None if cell is None else _brought(cell.reading, newest.reading) for cell in column]
    middle = _middle([reading for reading in like if reading is not None])
    values = tuple(None if reading is None else reading.joules for reading in like)
    first = None
    if any(cell is not None and cell.first is not None for cell in column):
        # A first execution is held against first ones: of a cell that was run once that is its only one.
        firsts = (None if cell is None else _brought(cell.first or cell.reading, newest.reading) for cell in column)
        alike = [reading for reading in firsts if reading is not None]
        first = _middle(alike) if alike else newest.first  # no first execution was read by the same devices
    repeats = next((cell.repeats for cell in column if cell is not None and cell.repeats), ())
    return BaselineCell(newest.cell_id, newest.code_hash, middle, values, first, repeats)


def _brought(reading: ComparableEnergy, newest: ComparableEnergy) -> ComparableEnergy | None:
    """Return a reading for as much work as the newest one did; None where it covers something else."""
    return reading.for_units_of(newest) if reading.boundary == newest.boundary else None


def _middle(readings: Sequence[ComparableEnergy]) -> ComparableEnergy:
    """Return the median of readings, beside the mean load of all."""
    ranked = sorted(readings, key=attrgetter("joules"))
    half = len(ranked) // 2
    middle = ranked[half] if len(ranked) % 2 else ComparableEnergy.between(ranked[half - 1], ranked[half])
    loads = [reading.others_busy for reading in ranked]
    known = [load for load in loads if load is not None]
    middle = middle.beside_load(math.fsum(known) / len(known) if len(known) == len(loads) else None)
    shared = True in {reading.shared for reading in ranked}
    return middle if middle.shared == shared else replace(middle, shared=shared)


class Matching:
    """Finds the cell of a baseline that stands for a cell of a run, and stays with what it once found.

    By the cell's identity; where that is not in the baseline, by the hash of its code: of several such cells the first
    that stands for no other yet, and where all do (a copy in the same notebook) the first.

    Parameters
    ----------
    baseline : Baseline
        Where to look.
    """

    def __init__(self, baseline: Baseline) -> None:
        self._cells = baseline.cells
        self._by_id = {cell.cell_id: cell for cell in baseline.cells if cell.cell_id is not None}
        self._taken: dict[int, str] = {}

    @cached_property
    def _by_hash(self) -> dict[str | None, list[BaselineCell]]:
        """The cells by their code, which is asked for only where an identity is not found."""
        found: dict[str | None, list[BaselineCell]] = {}
        for cell in self._cells:
            if cell.code_hash is not None:
                found.setdefault(comparable(cell.code_hash), []).append(cell)
        return found

    def find(self, key: str, cell_id: str | None, code_hash: str | None) -> BaselineCell | None:
        """Return the cell of the baseline; None where it has none.

        Parameters
        ----------
        key : str
            What tells the cell of the run from its others.
        cell_id, code_hash : str or None
            Its identity and its code.
        """
        found = self._by_id.get(cell_id) if cell_id is not None else None
        if found is None and code_hash is not None:
            same = self._by_hash.get(comparable(code_hash), [])
            found = next((cell for cell in same if self._taken.get(id(cell), key) == key), same[0] if same else None)
        if found is not None:
            self._taken.setdefault(id(found), key)
        return found
