"""Measurement protocol of a label: 1,000 units in equal thirds from three data sets, ten runs, batch size 1.

This follows AI Energy Score. Fewer units, runs or data sets are allowed and are stated on the label. A unit that raises
counts as not completed; it stays in the run, because its energy was used.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jupyter_green.records import EnergyRecord
from jupyter_green.reporting.sanitize import one_line
from jupyter_green.session import Session, current
from jupyter_green.session.accelerator import synchronize

from .errors import DiscloseError

UNITS, RUNS, BATCH, SETS = 1000, 10, 1, 3
"""As prescribed by AI Energy Score."""


@dataclass(frozen=True)
class Runs:
    """The result of a measurement.

    Parameters
    ----------
    records : tuple of EnergyRecord
        One per run, with the number of completed units.
    asked : int
        Units requested per run.
    completed : tuple of int
        Units completed in each run.
    answers : tuple
        Answers of the last run; None where a unit failed.
    faults : tuple of str
        The first failure of each exception type, one line.
    """

    records: tuple[EnergyRecord, ...]
    asked: int
    completed: tuple[int, ...]
    answers: tuple[Any, ...]
    faults: tuple[str, ...] = ()


def thirds(sets: Mapping[str, Sequence[Any]], units: int = UNITS, seed: int = 0) -> list[tuple[str, int]]:
    """Draw units from data sets in equal parts.

    Parameters
    ----------
    sets : mapping of str to sequence
        The data sets; three for AI Energy Score.
    units : int
        Number of units in total.
    seed : int
        Seed of the draw.

    Returns
    -------
    list of (str, int)
        Data set and index of each unit, in shuffled order.

    Raises
    ------
    DiscloseError
        If a data set has too few examples.
    """
    if not sets or units < 1:
        raise DiscloseError("A label needs data and a number of units from 1 up.")
    rng = random.Random(seed)  # noqa: S311 - a reproducible draw, not a secret
    drawn: list[tuple[str, int]] = []
    for number, (name, items) in enumerate(sets.items()):
        # 1,000 in three parts: 334, 333, 333.
        part = units // len(sets) + (number < units % len(sets))
        if len(items) < part:
            largest = min(map(len, sets.values())) * len(sets)
            advice = f"use at most {largest:,} (--units {largest})" if largest else "give one with examples"
            raise DiscloseError(
                f"The data set {name!r} has {len(items):,} examples; {part:,} are needed for {units:,} units: {advice}."
            )
        drawn += [(name, index) for index in rng.sample(range(len(items)), part)]
    rng.shuffle(drawn)
    return drawn


def measure(
    answer: Callable[[Any], Any],
    examples: Sequence[Any],
    *,
    runs: int = RUNS,
    name: str = "model",
    session: Session | None = None,
) -> Runs:
    """Answer every example once per run, one at a time; each run is a window of its own.

    Parameters
    ----------
    answer : callable
        ``answer(example)`` maps a raw example to an answer; preprocessing, prefill and decoding are all included.
    examples : sequence
        The units.
    runs : int
        Number of runs; a warm-up over some examples comes first and is not counted.
    name : str
        Name in the ledger.
    session : Session, optional
        The session that meters; by default the current one.

    Raises
    ------
    DiscloseError
        If there is nothing to run.
    """
    if not examples or runs < 1:
        raise DiscloseError("A label needs examples and a number of runs from 1 up.")
    session = current() if session is None else session
    faults: dict[str, str] = {}

    def one(example: Any) -> tuple[Any, bool]:
        try:
            return answer(example), True
        except Exception as error:  # noqa: BLE001 - the model is user code; a failed unit is counted, not hidden
            faults.setdefault(type(error).__name__, f"{type(error).__name__}: {one_line(error, 160)}")
            return None, False

    for example in examples[: min(len(examples), 20)]:
        one(example)
    records, completed, answers = [], [], list[Any]()
    for _ in range(runs):
        synchronize()
        window = session.window("trial", label=f"label: {name}", unit="query")
        with window:
            pairs = [one(example) for example in examples]
            synchronize()
            count = sum(ok for _, ok in pairs)
            window.facts.update(units=float(count) or None, batch_size=BATCH)
        answers = [result for result, _ in pairs]
        records.append(window)
        completed.append(count)
    final_records, failures = tuple(window.record for window in records), tuple(faults.values())
    return Runs(final_records, len(examples), tuple(completed), tuple(answers), failures)
