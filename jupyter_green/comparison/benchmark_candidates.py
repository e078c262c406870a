"""Candidates in turn, and a row for each: what was told of it beside what it costs.

Those that run elsewhere, or on a device that no sensor of this trial measures, are left out of it and say so; a board
that idles must not stand for the work of a processor, nor processor time for what a board draws.
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
from .model_adapter import FunctionAdapter, ModelAdapter
from .predict import PredictionRun, first_fault
from .result import Row
from .utility import Utility, varying_share

LOOK_SECONDS = 0.5
"""How long it is looked whether others use the machine."""
WAITING = 0.2
"""Below this share of its time on the processor a candidate mostly waits: for a board, or for another machine."""
ROUNDS = MOST_ROUNDS
CALLED_TWICE = 2
"""Passes before the first round, to see how long one takes."""
UP = "the time was up; allow more with time="
STOPPED = "the comparison was interrupted"


@dataclass
class InterleavedCosts:
    """What came of running candidates in turn.

    Parameters
    ----------
    trial : Trial or None
        Their laps; None where not one round of them was run.
    apart : dict of str to str
        Why some were left out of it.
    interrupted : bool
        Whether a person ended it.
    untold : str
        Why there are no laps.
    """

    trial: Trial | None = None
    apart: dict[str, str] = field(default_factory=dict)
    interrupted: bool = False
    untold: str = ""


def elsewhere(found: Sequence[ModelAdapter]) -> dict[str, str]:
    """Return why candidates that run on somebody else's machine can't be run in turn."""
    return {item.name: "It runs elsewhere, so its energy can't be metered here." for item in found if item.remote}


def run_all(
    found: Sequence[ModelAdapter], best: str, examples: Examples, session: Session, tell: Callable[[str], None]
) -> InterleavedCosts:
    """Run those that run here in turn, as long as the time allows."""
    here = [item for item in found if not item.remote]
    apart = elsewhere(found)
    kind: Any = "gpu" if any(item.device == "gpu" for item in here) else "cpu"
    gauge = SessionCostMeter(session, kind, "compare")
    mixed = {item.device for item in here} == {"cpu", "gpu"}
    if mixed and gauge.measures and not SessionCostMeter(session, "cpu").measures:
        # A board that idles would stand for the work of the processor.
        why = "It runs on the processor, which no sensor measures here, beside others on a GPU, which is measured."
        apart |= {item.name: why for item in here if item.device == "cpu"}
    elif mixed and not gauge.measures:
        # Processor time says nothing of what a board draws.
        why = "It runs on a GPU that no sensor measures here; processor time says nothing of it."
        apart |= {item.name: why for item in here if item.device == "gpu"}
    here = [item for item in here if item.name not in apart]
    done = InterleavedCosts(apart=apart)
    if not here:
        return done
    try:
        done.trial = _in_turn(here, best, examples, gauge, tell)
        done.interrupted = done.trial.interrupted
    except KeyboardInterrupt:  # no round of it is done yet
        done.interrupted, done.untold = True, STOPPED
    except deadline.TimeIsUp:
        done.untold = UP
    return done


def _in_turn(
    here: Sequence[ModelAdapter], best: str, examples: Examples, gauge: SessionCostMeter, tell: Callable[[str], None]
) -> Trial:
    import torch

    reference = best if any(item.name == best for item in here) else here[0].name
    deadline.look()
    # A lap of what is asked one by one is as short as it has to be for enough rounds in the time that is left.
    lap = deadline.left() / (FEWEST_ROUNDS + CALLED_TWICE) / len(here)
    runners = {item.name: _runner(item, examples.sizes, lap) for item in here}
    if (
        not gauge.measures
        and torch.get_num_threads() > 1
        and (used := _used_by_others(gauge)) is not None
        and used > SOON
    ):
        # Threads that wait for one another beside others burn processor time, which is nobody's gain.
        runners[ALONE] = _in_one_thread(runners[reference])
    before = ProcessState()
    try:
        with ExitStack() as held:
            for item in here:
                held.enter_context(item.quiet())
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
    """Return what runs a batch a round; as many examples of it as seconds allow where they are asked one by one."""
    count = len(sizes)
    most = max(sizes)
    if isinstance(item, FunctionAdapter) and item.pace * most > seconds:
        most = max(1, int(seconds / item.pace))

    def part(turn: int) -> tuple[int, int]:
        """Return where a round begins in its batch, and how many examples it has."""
        size = sizes[turn % count]
        begin = turn // count * most % size
        return (0, size) if size <= most else (begin, min(most, size - begin))

    def run(turn: int) -> None:
        place, (begin, size) = turn % count, part(turn)
        if isinstance(item, FunctionAdapter):
            item.run(place, size, begin)
        else:
            item.run(place, size)

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
    """Return the row of a candidate; how it stands is judged later.

    Parameters
    ----------
    asked : PredictionRun
        Who, and what asking it took.
    told : Utility
        How well it does.
    best : str
        Name of the one of highest utility.
    examples, metric, session
        What it was asked with.
    loss : Loss or None
        Against the best.
    own : Loss or None
        Of the best in its own repeat, where it varies.
    groups : mapping
        Utility of each group.
    trial : Trial or None
        Its laps, where it was in one.
    """
    import torch

    item, asking = asked.item, asked.window
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
        groups,
        item.size_bytes,
        item.parameters,
        item.device,
        item.generates,
        item.remote,
        tuple(notes),
    )


def _energy(item: ModelAdapter, asking: Window, trial: Trial | None) -> tuple[float | None, float | None, str | None]:
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
