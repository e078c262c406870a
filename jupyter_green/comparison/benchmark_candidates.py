"""Runs the candidates in turn, and makes a row with quality and cost for each.

Candidates that run elsewhere, or on a device that no sensor measures, are left out and the row says so: an idle GPU's
energy must not stand for work of the CPU, nor processor time for work of a GPU.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

from jupyter_green.compression.cost.cost_meter import SessionCostMeter
from jupyter_green.compression.cost.ratio import Ratio
from jupyter_green.compression.cost.thread_spin_guard import ALONE, SOON
from jupyter_green.compression.cost.thread_spin_guard import told as told_by
from jupyter_green.compression.cost.trial import FEWEST_ROUNDS, MOST_ROUNDS, Runner, Trial, run_trial, share_of_others
from jupyter_green.compression.model.workload import in_threads
from jupyter_green.compression.process import deadline
from jupyter_green.compression.process.state import ProcessState
from jupyter_green.compression.quality.loss import Loss
from jupyter_green.compression.quality.metric import Metric
from jupyter_green.compression.report.shrink_report import loss_in_words
from jupyter_green.session import Session, Window

from .examples import Examples
from .messages import Code, DecisionReason
from .model_adapter import FunctionAdapter, ModelAdapter
from .predict import PredictionRun, first_fault
from .result import Row
from .utility import Utility, varying_share

LOOK_SECONDS = 0.5
"""Seconds for which the machine's use by other programs is measured."""
WAITING = 0.2
"""A candidate below this share of CPU time mostly waits: for a GPU, or for another machine."""
ROUNDS = MOST_ROUNDS
CALLED_TWICE = 2
"""Passes before the first round, which measure their duration."""
TIME_UP, INTERRUPTED = DecisionReason("time up"), DecisionReason("interrupted")


@dataclass
class InterleavedCosts:
    """The result of running candidates in turn."""

    trial: Trial | None = None
    """Their cost samples; None without a complete round."""
    apart: dict[str, Code] = field(default_factory=dict)
    """Codes of the reasons why candidates were left out."""
    interrupted: bool = False
    """Whether the user interrupted it."""
    untold: DecisionReason | None = None
    """Why there is no trial."""


def elsewhere(found: Sequence[ModelAdapter]) -> dict[str, Code]:
    """Return the reasons why candidates on other machines can't be metered."""
    return {item.name: "runs elsewhere" for item in found if item.remote}


def run_all(
    found: Sequence[ModelAdapter], best: str, examples: Examples, session: Session, tell: Callable[[str], None]
) -> InterleavedCosts:
    """Run the local candidates in turn, as long as time allows."""
    local = [item for item in found if not item.remote]
    excluded = elsewhere(found)
    device: Any = "gpu" if any(item.device == "gpu" for item in local) else "cpu"
    gauge = SessionCostMeter(session, device, "compare")
    mixed = {item.device for item in local} == {"cpu", "gpu"}
    if mixed and gauge.measures and not SessionCostMeter(session, "cpu").measures:
        # An idle GPU's energy would stand for work of the CPU.
        excluded |= {item.name: "CPU not measured" for item in local if item.device == "cpu"}
    elif mixed and not gauge.measures:
        # CPU time does not include the work of a GPU.
        excluded |= {item.name: "GPU not measured" for item in local if item.device == "gpu"}
    local = [item for item in local if item.name not in excluded]
    costs = InterleavedCosts(apart=excluded)
    if not local:
        return costs
    try:
        costs.trial = _in_turn(local, best, examples, gauge, tell)
        costs.interrupted = costs.trial.interrupted
    except KeyboardInterrupt:  # no round is complete
        costs.interrupted, costs.untold = True, INTERRUPTED
    except deadline.TimeIsUp:
        costs.untold = TIME_UP
    return costs


def _in_turn(
    here: Sequence[ModelAdapter], best: str, examples: Examples, gauge: SessionCostMeter, tell: Callable[[str], None]
) -> Trial:
    import torch

    reference = best if any(item.name == best for item in here) else here[0].name
    deadline.look()
    # Samples of single-example candidates are short enough for the required rounds.
    lap = deadline.left() / (FEWEST_ROUNDS + CALLED_TWICE) / len(here)
    runners = {item.name: _runner(item, examples.sizes, lap) for item in here}
    if (
        not gauge.measures
        and torch.get_num_threads() > 1
        and (used := _used_by_others(gauge)) is not None
        and used > SOON
    ):
        # On a busy machine, waiting threads consume CPU time; see `thread_spin_guard`.
        runners[ALONE] = _in_one_thread(runners[reference])
    before = ProcessState()
    try:
        with ExitStack() as stack:
            for item in here:
                stack.enter_context(item.quiet())
            return run_trial(
                runners,
                gauge,
                seconds=deadline.left(),
                reference=reference,
                rounds=ROUNDS,
                keep=True,
                tick=lambda: tell("in turn"),
            )
    finally:
        before.put_back()


def _used_by_others(gauge: SessionCostMeter) -> float | None:
    before = gauge.others()
    time.sleep(LOOK_SECONDS)
    return share_of_others(before, gauge.others(), LOOK_SECONDS)


def _in_one_thread(runner: Runner) -> Runner:
    def run(turn: int) -> None:
        with in_threads(1):
            runner.run(turn)

    return Runner(run, runner.inferences, runner.model)


def _runner(item: ModelAdapter, sizes: Sequence[int], seconds: float) -> Runner:
    """Return a runner of one batch per round; of a part of it if a function would take longer than `seconds`."""
    count = len(sizes)
    examples_per_round = max(sizes)
    if isinstance(item, FunctionAdapter) and item.pace * examples_per_round > seconds:
        examples_per_round = max(1, int(seconds / item.pace))

    def part(turn: int) -> tuple[int, int]:
        """Return the first example of a round in its batch, and the number of examples."""
        size = sizes[turn % count]
        begin = turn // count * examples_per_round % size
        return (0, size) if size <= examples_per_round else (begin, min(examples_per_round, size - begin))

    def run(turn: int) -> None:
        position, (begin, size) = turn % count, part(turn)
        if isinstance(item, FunctionAdapter):
            item.run(position, size, begin)
        else:
            item.run(position, size)

    return Runner(run, lambda turn: part(turn)[1], item.module)


def row_of(
    asked: PredictionRun,
    told: Utility,
    *,
    best: str,
    examples: Examples,
    metric: Metric,
    session: Session,
    loss: Loss | None,
    own: Loss | None,
    groups: Mapping[Any, float],
    trial: Trial | None,
) -> Row:
    """Return the row of a candidate; its standing is decided later.

    `best` is the candidate with the highest utility, `loss` that against it, `own` that of the best in its own repeat,
    if it varies; `groups` are the utility of each, `trial` is None if there was none.
    """
    import torch

    item, window = asked.item, asked.window
    outcome = None
    if trial is not None and item.name in trial.laps and item.name != trial.reference:
        outcome = told_by(trial, item.name, ALONE, torch.get_num_threads()).outcome
    joules, uncertainty, quality = _energy(item, window, trial)
    cost = None if trial is None or item.name not in trial.laps else trial.cost(item.name)
    asking_seconds = window.record.seconds / max(1.0, window.record.units or 1.0)
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
    if own is not None:
        wider = (
            "more than they explain, so losses against it are wider by that"
            if varying_share(own)
            else "as they explain"
        )
        changed = loss_in_words(own.value, own.unit)
        notes.append(f"In its own repeat it lost {changed} on {own.examples:,} examples, {wider}.")
    if cost is not None and item.device == "cpu" and not item.remote and cost.cpu_seconds < WAITING * cost.seconds:
        notes.append("It mostly waits: if that is for somebody else's machine, name it with remote=.")
    return Row(
        item.name,
        item.kind,
        "best" if item.name == best else "good enough",
        None,
        told.value,
        loss,
        told.value if metric.kind == "accuracy" else None,
        joules,
        uncertainty,
        quality,
        None if cost is None else cost.cpu_seconds,
        asking_seconds if cost is None else cost.seconds,
        ratio,
        None if joules is None else valuation.grams(joules),
        None if joules is None else valuation.cost(joules),
        None if valuation.tariff is None else valuation.tariff.currency,
        told.failures,
        len(examples),
        told.varies,
        groups,
        item.size_bytes,
        item.parameters,
        item.device,
        item.generates,
        item.remote,
        tuple(notes),
    )


def _energy(item: ModelAdapter, asking: Window, trial: Trial | None) -> tuple[float | None, float | None, str | None]:
    """Return joules of one example: as measured in the trial, else estimated from the window of the predictions."""
    if item.remote:
        return None, None, None
    in_trial = trial is not None and item.name in trial.laps
    if trial is not None and in_trial and trial.basis == "joules":
        cost = trial.cost(item.name)
        return cost.joules, cost.uncertainty, trial.quality
    record = asking.record
    if record.joules is None or not record.units or record.joules <= 0:
        return None, None, None
    joules = record.joules / record.units
    if trial is not None and in_trial and asking.opened is not None and asking.closed is not None:
        # The window includes scoring the answers, so scale by the CPU time of the trial.
        cpu = asking.closed.cpu - asking.opened.cpu
        joules = trial.cost(item.name).cpu_seconds * record.joules / cpu if cpu > 0 else joules
    uncertainty = None if record.uncertainty is None else record.uncertainty / record.joules * joules
    return joules, uncertainty, record.quality
