"""Candidates in turn, and a row for each: what was told of it beside what it costs.

Those that run elsewhere, or on a device that no sensor of this trial measures, are left out of it and say so; a board
that idles must not stand for the work of a processor, nor processor time for what a board draws.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any

from jupyter_green.session import Session, Window

from .asking import Asked, first_fault
from .comparison import Row
from .contestant import Contestant
from .examples import Examples
from .gauge import SessionGauge
from .loss import Loss
from .metric import Metric
from .progress import Progress
from .ratio import Ratio
from .surroundings import Surroundings
from .trial import Runner, Trial, run_trial, share_of_others
from .utility import Utility
from .waiting import ALONE, SOON
from .waiting import told as told_by
from .workload import in_threads

LOOK_SECONDS = 0.5
"""How long it is looked whether others use the machine."""
WAITING = 0.2
"""Below this share of its time on the processor a candidate mostly waits: for a board, or for another machine."""


def run_all(
    found: Sequence[Contestant], best: str, examples: Examples, session: Session, *, seconds: float, bar: Progress
) -> tuple[Trial | None, dict[str, str]]:
    """Run those that run here in turn; return the trial, and why some were left out of it."""
    import torch

    here = [item for item in found if not item.remote]
    apart = {item.name: "It runs elsewhere, so its energy can't be metered here." for item in found if item.remote}
    kind: Any = "gpu" if any(item.device == "gpu" for item in here) else "cpu"
    gauge = SessionGauge(session, kind, "compare")
    mixed = {item.device for item in here} == {"cpu", "gpu"}
    if mixed and gauge.measures and not SessionGauge(session, "cpu").measures:
        # A board that idles would stand for the work of the processor.
        why = "It runs on the processor, which no sensor measures here, beside others on a GPU, which is measured."
        apart |= {item.name: why for item in here if item.device == "cpu"}
    elif mixed and not gauge.measures:
        # Processor time says nothing of what a board draws.
        why = "It runs on a GPU that no sensor measures here; processor time says nothing of it."
        apart |= {item.name: why for item in here if item.device == "gpu"}
    here = [item for item in here if item.name not in apart]
    if not here:
        return None, apart
    reference = best if any(item.name == best for item in here) else here[0].name
    count = len(examples.batches)
    runners = {item.name: _runner(item, count, examples.sizes) for item in here}
    if (
        not gauge.measures
        and torch.get_num_threads() > 1
        and (used := _used_by_others(gauge)) is not None
        and used > SOON
    ):
        # Threads that wait for one another beside others burn processor time, which is nobody's gain.
        runners[ALONE] = _in_one_thread(runners[reference])
    spent = [0]

    def tick() -> None:
        spent[0] += 1
        bar("in turn", min(1.0, spent[0] / 30))

    before = Surroundings()
    try:
        with ExitStack() as held:
            for item in here:
                held.enter_context(item.quiet())
            return run_trial(runners, gauge, seconds=seconds, reference=reference, keep=True, tick=tick), apart
    finally:
        before.put_back()


def _used_by_others(gauge: SessionGauge) -> float | None:
    before = gauge.others()
    time.sleep(LOOK_SECONDS)
    return share_of_others(before, gauge.others(), LOOK_SECONDS)


def _in_one_thread(runner: Runner) -> Runner:
    def run(turn: int) -> None:
        with in_threads(1):
            runner.run(turn)

    return Runner(run, runner.inferences, runner.model)


def _runner(item: Contestant, count: int, sizes: Sequence[int]) -> Runner:
    def run(turn: int) -> None:
        item.run(turn % count, sizes[turn % count])

    return Runner(run, lambda turn: sizes[turn % count], item.module)


def row_of(
    asked: Asked,
    best: str,
    examples: Examples,
    metric: Metric,
    session: Session,
    *,
    loss: Loss | None,
    trial: Trial | None,
) -> Row:
    """Return the row of a candidate; how it stands is judged later.

    Parameters
    ----------
    asked : Asked
        What it told.
    best : str
        Name of the one of highest utility.
    examples, metric, session
        What it was asked with.
    loss : Loss or None
        Against the best.
    trial : Trial or None
        Its laps, where it was in one.
    """
    import torch

    item, told, asking = asked.item, asked.told, asked.window
    outcome = None
    if trial is not None and item.name in trial.laps and item.name != trial.reference:
        outcome = told_by(trial, item.name, ALONE, torch.get_num_threads()).outcome
    joules, doubt, quality = _energy(item, asking, trial)
    cost = None if trial is None or item.name not in trial.laps else trial.cost(item.name)
    took = asking.record.seconds / max(1.0, asking.record.units or 1.0)
    valuation = session.settings.valuation
    ratio = None if outcome is None or outcome.verdict == "can't tell" else outcome.ratio
    if trial is not None and trial.reference != best:
        ratio = None
    if trial is not None and item.name == best == trial.reference:
        ratio = Ratio(1.0, 1.0, 1.0, 0)
    notes = list(item.notes)
    if told.failures:
        notes.append(
            f"{told.failures} of {len(examples)} examples have no answer ({first_fault(item)}); they count as wrong."
        )
    if told.varies:
        notes.append(f"{100 * told.varies:.0f} % of the answers differ when asked again; repeats= gives a mean.")
    if cost is not None and item.device == "cpu" and not item.remote and cost.cpu_seconds < WAITING * cost.seconds:
        notes.append("It mostly waits: if that is for somebody else's machine, name it with remote=.")
    return Row(
        item.name,
        item.kind,
        "best" if item.name == best else "good enough",
        "" if outcome is None else outcome.reason,
        told.value,
        loss,
        told.value if metric.name == "accuracy" else None,
        joules,
        doubt,
        quality,
        None if cost is None else cost.cpu_seconds,
        took if cost is None else cost.seconds,
        ratio,
        None if joules is None else valuation.grams(joules),
        None if joules is None else valuation.cost(joules),
        None if valuation.tariff is None else valuation.tariff.currency,
        told.failures,
        len(examples),
        told.varies,
        _by_group(told, examples, metric),
        item.size_bytes,
        item.parameters,
        item.device,
        item.generates,
        item.remote,
        tuple(notes),
    )


def _energy(item: Contestant, asking: Window, trial: Trial | None) -> tuple[float | None, float | None, str | None]:
    """Return joules of one example: as measured in the trial, else by the watts that asking was estimated at."""
    if item.remote:
        return None, None, None
    ran = trial is not None and item.name in trial.laps
    if trial is not None and ran and trial.basis == "joules":
        cost = trial.cost(item.name)
        return cost.joules, cost.uncertainty, trial.quality
    record = asking.record
    if record.joules is None or not record.units or record.joules <= 0:
        return None, None, None
    each = record.joules / record.units
    if trial is not None and ran and asking.opened is not None and asking.closed is not None:
        # Counting answers is work too, and none of the candidate's: its own processor time is the trial's.
        cpu = asking.closed.cpu - asking.opened.cpu
        each = trial.cost(item.name).cpu_seconds * record.joules / cpu if cpu > 0 else each
    doubt = None if record.uncertainty is None else record.uncertainty / record.joules * each
    return each, doubt, record.quality


def _by_group(told: Utility, examples: Examples, metric: Metric) -> dict[Any, float]:
    import numpy as np

    if examples.groups is None:
        return {}
    groups = np.array([str(value) for value in examples.groups])
    return {str(key): metric.value(told.parts[groups == key]) for key in dict.fromkeys(groups.tolist())}
