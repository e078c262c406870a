"""What a unit of work may use: four rules for β, each with a sentence that is printed beside every figure.

*Reference*: a published figure for the task, and only where it covers what was read here (its boundary). *Benchmark*:
the mean of the best tenth of a group, or 90 % of its mean. *History*: the median of one's own first runs, which grants
past waste ("grandfathered") and says so. *Fixed*: a figure somebody set. Sources: baselines as in emission trading
(benchmark and grandfathering), arXiv 2601.19886 for the best tenth and the 90 %; each reference carries its own.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Literal

from jupyter_green.baselines.baseline import RUNS, spread
from jupyter_green.baselines.excess import Joules, exact
from jupyter_green.impact.published_figures import BOARD, Reference, references, tasks
from jupyter_green.records import EnergyRecord

BEST = 0.10


@dataclass(frozen=True)
class Rule:
    """What a unit of work is granted.

    Parameters
    ----------
    kind : {"reference", "benchmark", "history", "fixed"}
        How it was found.
    per_unit : Joules
        β, joules per unit.
    sentence : str
        What is printed with every figure.
    """

    kind: Literal["reference", "benchmark", "history", "fixed"]
    per_unit: Joules
    sentence: str


def reference(task: str, record: EnergyRecord) -> tuple[Rule, Joules]:
    """Return the published figure for a task, and what of a record it can be held against.

    Raises
    ------
    ValueError
        If there is none for the task, or none that covers what the record does.
    """
    wanted = task.strip().casefold()
    known = [found for found in references() if found.task.casefold() == wanted]
    if not known:
        raise ValueError(f"There is no reference for {task!r}; there are: {', '.join(tasks())}.")
    known.sort(key=lambda found: found.boundary != BOARD)  # what can be held against a record comes first
    reasons = []
    for found in known:
        energy, why = _covered(found, record)
        reasons.append(why)
        if energy is not None:
            source = ", ".join(word for word in (found.source, found.model) if word)
            said = f"Baseline: reference, {found.wh_per_1000:g} Wh per 1,000 ({source}; {found.boundary})."
            return Rule("reference", Joules(found.wh_per_1000 * 3.6), said), energy
    raise ValueError(f"No reference for {known[0].task} can be held against this record: {reasons[0]}.")


def _covered(found: Reference, record: EnergyRecord) -> tuple[Joules | None, str]:
    """Return what of a record lies within a reference's boundary; None with the reason where nothing can."""
    if found.boundary != BOARD:
        return None, f"this figure covers {found.boundary}, which is not what is read here"
    boards = [part for part in record.components if part.kind == "gpu" and part.joules is not None]
    if len(boards) != 1 or "H100" not in boards[0].device:
        return None, f"this figure covers {found.boundary}; no single H100 was read here"
    if record.batch_size != 1:
        return None, f"this figure covers {found.boundary}; this record is not known to have done one at a time"
    board = boards[0]
    return Joules(board.joules or 0.0, math.inf if board.uncertainty is None else board.uncertainty), ""


def fixed(per_unit: float | Joules) -> Rule:
    """Return the rule of a figure that somebody set, in joules per unit."""
    given = _amounts([per_unit])[0]
    return Rule("fixed", given, f"Baseline: fixed at {given.value:g} J per unit.")


def benchmark(group: Iterable[float | Joules], *, of_mean: bool = False) -> Rule:
    """Return the benchmark of a group: the mean of its best tenth, or 90 % of its mean.

    Parameters
    ----------
    group : iterable of float or Joules
        Joules per unit, one for each run in the group's ledger.
    of_mean : bool
        The other of the two.

    Raises
    ------
    ValueError
        If there is none, or one makes no sense.
    """
    ranked = sorted(_amounts(group), key=lambda one: one.value)
    if not ranked:
        raise ValueError("The group has no run yet whose units were counted, so it has no benchmark.")
    if of_mean:
        mean = _mean(ranked)
        said = f"Baseline: benchmark, 90 % of the mean of {len(ranked)} runs."
        return Rule("benchmark", Joules(0.9 * mean.value, 0.9 * mean.uncertainty), said)
    best = ranked[: max(1, math.floor(len(ranked) * BEST))]
    said = f"Baseline: benchmark, the mean of the best {len(best)} of {len(ranked)} runs."
    return Rule("benchmark", _mean(best), said)


def history(runs: Sequence[float | Joules], *, first: int = RUNS) -> Rule:
    """Return the median of the first runs; what they wasted is granted, and the sentence says so.

    Parameters
    ----------
    runs : sequence of float or Joules
        Joules per unit of one's own runs, oldest first.
    first : int
        How many count, 1 to 5.

    Raises
    ------
    ValueError
        If there is none, or a value makes no sense.
    """
    if not 1 <= first <= RUNS:
        raise ValueError(f"first is {first}; 1 to {RUNS} runs make a history.")
    counted = _amounts(runs)[:first]
    if not counted:
        raise ValueError("There is no run yet whose units were counted, so there is no history.")
    values = [one.value for one in counted]
    doubt = max(spread(values), *(one.uncertainty for one in counted))
    several = "run" if len(values) == 1 else f"{len(values)} runs"
    said = f"Baseline: history, the median of the first {several} (grandfathered: what they wasted is granted)."
    return Rule("history", Joules(median(values), doubt), said)


def _amounts(values: Iterable[float | Joules]) -> list[Joules]:
    found = [exact(value) for value in values]
    for one in found:
        if not math.isfinite(one.value) or one.value < 0:
            raise ValueError(f"A baseline of {one.value} J per unit makes no sense; it is a finite number from 0 up.")
    return found


def _mean(values: Sequence[Joules]) -> Joules:
    # Sensors of one machine lean the same way: their errors are not taken to cancel between runs.
    count = len(values)
    return Joules(math.fsum(v.value for v in values) / count, math.fsum(v.uncertainty for v in values) / count)
