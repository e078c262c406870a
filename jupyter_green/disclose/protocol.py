"""How a label's energy is measured: 1,000 units in equal thirds of three data sets, ten runs, one at a time.

That is AI Energy Score's way. Fewer units, fewer runs or one data set are allowed, and the label then says so. A unit
that raises is counted as not completed; it is never taken out, because its energy was used all the same.
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
"""What AI Energy Score prescribes."""


@dataclass(frozen=True)
class Runs:
    """What was measured.

    Parameters
    ----------
    records : tuple of EnergyRecord
        One per run, with the units that were completed.
    asked : int
        Units asked of each run.
    completed : tuple of int
        Units completed in each.
    answers : tuple
        The last run's answers, None where a unit failed.
    faults : tuple of str
        The first failure of each kind, one line.
    """

    records: tuple[EnergyRecord, ...]
    asked: int
    completed: tuple[int, ...]
    answers: tuple[Any, ...]
    faults: tuple[str, ...] = ()


def thirds(sets: Mapping[str, Sequence[Any]], units: int = UNITS, seed: int = 0) -> list[tuple[str, int]]:
    """Choose units from data sets in equal parts; return each one's set and place, in the order drawn.

    Parameters
    ----------
    sets : mapping of str to sequence
        The data sets; three for AI Energy Score.
    units : int
        How many in all.
    seed : int
        Seed of the draw.

    Raises
    ------
    DiscloseError
        If a set has fewer than its part.
    """
    if not sets or units < 1:
        raise DiscloseError("A label needs data and a number of units from 1 up.")
    rng = random.Random(seed)  # noqa: S311 - a draw that can be made again, not a secret
    found: list[tuple[str, int]] = []
    for place, (name, items) in enumerate(sets.items()):
        # 1,000 in three parts: 334, 333, 333.
        part = units // len(sets) + (place < units % len(sets))
        if len(items) < part:
            fit = min(map(len, sets.values())) * len(sets)
            advice = f"use at most {fit:,} (--units {fit})" if fit else "give one with examples"
            raise DiscloseError(
                f"The data set {name!r} has {len(items):,} examples; {part:,} are needed for {units:,} units: {advice}."
            )
        found += [(name, chosen) for chosen in rng.sample(range(len(items)), part)]
    rng.shuffle(found)
    return found


def measure(
    answer: Callable[[Any], Any],
    examples: Sequence[Any],
    *,
    runs: int = RUNS,
    name: str = "model",
    session: Session | None = None,
) -> Runs:
    """Answer every example once per run, one at a time, each run in a window of its own.

    Parameters
    ----------
    answer : callable
        ``answer(example)``, from the example as a person has it to the answer: preparing, prefill and decode are all
        in it.
    examples : sequence
        The units.
    runs : int
        How often; a first pass over some of them warms up and is not counted.
    name : str
        Name in the ledger.
    session : Session, optional
        Who meters; this process' otherwise.

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
        except Exception as error:  # noqa: BLE001 - somebody else's model; a failed unit is counted, not hidden
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
            done = sum(good for _, good in pairs)
            window.facts.update(units=float(done) or None, batch_size=BATCH)
        answers = [found for found, _ in pairs]
        records.append(window)
        completed.append(done)
    settled, why = tuple(window.record for window in records), tuple(faults.values())
    return Runs(settled, len(examples), tuple(completed), tuple(answers), why)
