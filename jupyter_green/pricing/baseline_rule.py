"""Four rules for the baseline β per unit of work, each with a sentence that is printed with every figure.

- *Reference*: a published figure for the task, used only if its boundary covers what was read here.
- *Benchmark*: the mean of the best tenth of a group, or 90 % of the group's mean.
- *History*: the median of the user's own first runs. This grants past waste ("grandfathering"); the sentence says so.
- *Fixed*: a figure set by the user.

Sources: benchmarking and grandfathering as in emissions trading; arXiv 2601.19886 for the best tenth and the 90 %. Each
reference has its own source.
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
"""Share of a group's runs in the benchmark."""


@dataclass(frozen=True)
class Rule:
    """A baseline per unit of work.

    Parameters
    ----------
    kind : {"reference", "benchmark", "history", "fixed"}
        The rule.
    per_unit : Joules
        β, joules per unit.
    sentence : str
        Printed with every figure.
    """

    kind: Literal["reference", "benchmark", "history", "fixed"]
    per_unit: Joules
    sentence: str


def reference(task: str, record: EnergyRecord) -> tuple[Rule, Joules]:
    """Return the published figure for a task, and the part of a record's energy within its boundary.

    Raises
    ------
    ValueError
        If there is no reference for the task, or none whose boundary matches the record.
    """
    wanted = task.strip().casefold()
    candidates = [found for found in references() if found.task.casefold() == wanted]
    if not candidates:
        raise ValueError(f"There is no reference for {task!r}; there are: {', '.join(tasks())}.")
    candidates.sort(key=lambda found: found.boundary != BOARD)  # comparable boundaries come first
    reasons = []
    for found in candidates:
        energy, reason = _covered(found, record)
        reasons.append(reason)
        if energy is not None:
            source = ", ".join(word for word in (found.source, found.model) if word)
            sentence = f"Baseline: reference, {found.wh_per_1000:g} Wh per 1,000 ({source}; {found.boundary})."
            return Rule("reference", Joules(found.wh_per_1000 * 3.6), sentence), energy
    raise ValueError(f"No reference for {candidates[0].task} can be compared with this record: {reasons[0]}.")


def _covered(found: Reference, record: EnergyRecord) -> tuple[Joules | None, str]:
    """Return the record's energy within a reference's boundary, or None with the reason."""
    if found.boundary != BOARD:
        return None, f"this figure covers {found.boundary}, which is not what is read here"
    gpus = [part for part in record.components if part.kind == "gpu" and part.joules is not None]
    if len(gpus) != 1 or "H100" not in gpus[0].device:
        return None, f"this figure covers {found.boundary}; no single H100 was read here"
    if record.batch_size != 1:
        return None, f"this figure covers {found.boundary}; this record is not known to have batch size 1"
    gpu = gpus[0]
    return Joules(gpu.joules or 0.0, math.inf if gpu.uncertainty is None else gpu.uncertainty), ""


def fixed(per_unit: float | Joules) -> Rule:
    """Return the rule of a fixed figure, in joules per unit."""
    value = _amounts([per_unit])[0]
    return Rule("fixed", value, f"Baseline: fixed at {value.value:g} J per unit.")


def benchmark(group: Iterable[float | Joules], *, of_mean: bool = False) -> Rule:
    """Return the benchmark of a group: the mean of its best tenth, or 90 % of its mean.

    Parameters
    ----------
    group : iterable of float or Joules
        Joules per unit, one value for each run in the group's ledger.
    of_mean : bool
        Whether to use 90 % of the mean instead of the best tenth.

    Raises
    ------
    ValueError
        If the group is empty, or a value is not valid.
    """
    ranked = sorted(_amounts(group), key=lambda one: one.value)
    if not ranked:
        raise ValueError("The group has no run yet whose units were counted, so it has no benchmark.")
    if of_mean:
        mean = _mean(ranked)
        sentence = f"Baseline: benchmark, 90 % of the mean of {len(ranked)} runs."
        return Rule("benchmark", Joules(0.9 * mean.value, 0.9 * mean.uncertainty), sentence)
    best = ranked[: max(1, math.floor(len(ranked) * BEST))]
    sentence = f"Baseline: benchmark, the mean of the best {len(best)} of {len(ranked)} runs."
    return Rule("benchmark", _mean(best), sentence)


def history(runs: Sequence[float | Joules], *, first: int = RUNS) -> Rule:
    """Return the median of the first runs; its sentence says that past waste is granted.

    Parameters
    ----------
    runs : sequence of float or Joules
        Joules per unit of the user's own runs, oldest first.
    first : int
        Number of runs that count, 1 to 5.

    Raises
    ------
    ValueError
        If there is no run, or a value is not valid.
    """
    if not 1 <= first <= RUNS:
        raise ValueError(f"first is {first}; 1 to {RUNS} runs make a history.")
    amounts = _amounts(runs)[:first]
    if not amounts:
        raise ValueError("There is no run yet whose units were counted, so there is no history.")
    values = [amount.value for amount in amounts]
    uncertainty = max(spread(values), *(amount.uncertainty for amount in amounts))
    described = "run" if len(values) == 1 else f"{len(values)} runs"
    sentence = f"Baseline: history, the median of the first {described} (grandfathered: their waste is accepted)."
    return Rule("history", Joules(median(values), uncertainty), sentence)


def _amounts(values: Iterable[float | Joules]) -> list[Joules]:
    amounts = [exact(value) for value in values]
    for amount in amounts:
        if not math.isfinite(amount.value) or amount.value < 0:
            raise ValueError(
                f"A baseline of {amount.value} J per unit is invalid; it must be a finite number from 0 up."
            )
    return amounts


def _mean(values: Sequence[Joules]) -> Joules:
    # Sensor errors are assumed fully correlated between runs, so the uncertainties are averaged too.
    count = len(values)
    return Joules(math.fsum(v.value for v in values) / count, math.fsum(v.uncertainty for v in values) / count)
