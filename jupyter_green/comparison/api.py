"""Compares models on the user's own task: quality and cost of each, and which one to take.

Utility is measured first, on the same examples for all; then the candidates run in turn, with the best as the
reference. The time limit covers everything from reading the data on; at its end, or after an interrupt, the report
states what is known. Intervals of losses hold jointly for all candidates (Bonferroni). The best is the maximum of
several noisy scores, which makes losses against it look larger, never smaller.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from jupyter_green.compression.cost.trial import Trial
from jupyter_green.compression.data.batch import Batch
from jupyter_green.compression.data.groups import classes_by_group
from jupyter_green.compression.errors import ShrinkError
from jupyter_green.compression.model.task import Task
from jupyter_green.compression.model.task_names import NAMED
from jupyter_green.compression.options import POINT, seconds_of, share_of
from jupyter_green.compression.process import deadline
from jupyter_green.compression.process.gpu_idle_wait import PATIENCE_SECONDS, used_by_others, wait_for_idle_gpu
from jupyter_green.compression.process.output_capture import thinned
from jupyter_green.compression.progress import Progress, wanted
from jupyter_green.compression.quality.class_scores import ClassScore
from jupyter_green.compression.quality.loss import Loss
from jupyter_green.compression.quality.metric import Metric, SquaredError
from jupyter_green.compression.quality.metric_selection import VOID, VOID_LABEL_NOTE
from jupyter_green.compression.quality.skill import Constant, beats_constant, constant_of, without_share
from jupyter_green.compression.report.shrink_report import no_better, rare_classes
from jupyter_green.session import Session, Window, current

from .adapter_factory import adapters_of
from .advice import advise
from .benchmark_candidates import INTERRUPTED, TIME_UP, InterleavedCosts, elsewhere, row_of, run_all
from .correlation import Spearman
from .decision import CandidateStanding, decide
from .examples import Examples, examples_of
from .messages import DecisionReason
from .model_adapter import ModelAdapter, ModuleAdapter, numbered
from .normalize_predictions import kinds_of
from .predict import Predictor, judge_all, labelled, predict_again, predict_all
from .published import published, task_of
from .result import Comparison, Row
from .utility import (
    ScoredPredictions,
    Utility,
    loss_against,
    metric_for,
    of_one_class,
    own_repeat,
    task_between,
    varying_share,
)

TOO_EARLY = "The time was up before the data was read; allow more with time=."
ASKED_SHARE = 0.5
"""Share of the time left after reading the data that is for predictions; most of the rest is for running in turn."""
HELD_SHARE = 0.4
"""Share of the time left after that for repeating the best and computing losses."""
AGAIN_SHARE = 0.5
"""Share of that for repeating the best."""
INTERRUPTED_NOTE = "The comparison was interrupted: it says what was known by then."


def compare(  # noqa: PLR0917 - the order is public
    models: Mapping[str, Any] | Sequence[Any],
    data: Any,
    metric: str | Callable[[Any, Any], float] | None = None,
    max_loss: float | str | None = None,
    max_relative_loss: float | str | None = None,
    time: float | str = "1min",
    *,
    group: str | Sequence[Any] | None = None,
    batch: int | None = None,
    repeats: int = 1,
    remote: Sequence[str] = (),
    origin: str | None = None,
    task: str | None = None,
    tokenizer: Any = None,
    seed: int = 0,
    say: Callable[[str, float], None] | None = None,
    progress: bool | None = None,
    session: Session | None = None,
) -> Comparison:
    """Compare candidates by quality and cost, and pick the one with the least energy that is good enough.

    Parameters
    ----------
    models : mapping of str to object
        PyTorch modules, transformers pipelines, estimators with ``predict``, `ShrinkResult`, or functions of one
        example; two or more.
    data : (X, y), dataset, table or DataLoader
        Examples with labels that no candidate was trained on.
    metric : str or callable, optional
        "accuracy", "f1", "mse", "perplexity", "spearman" (for scored pairs of texts), or
        ``function(answers, labels)``, higher is better.
    max_loss : float or str, optional
        Accepted loss of a bounded metric in points: 0.01 or "1pt" is one point.
    max_relative_loss : float or str, optional
        Δ: accepted loss as a share of the best one's utility, 0.01 or "1%" (the default).
    time : float or str
        Time limit from reading the data on: seconds, or "1min". It may be exceeded by one call of a candidate. If it is
        too short for all examples, fewer are used, the same for all.
    group : str or sequence, optional
        Column of groups for which utility is reported, or a value for each example.
    batch : int, optional
        Batch size; functions always get single examples.
    repeats : int
        Number of runs over the examples with different seeds, for answers that vary.
    remote : sequence of str
        Candidates that run on another machine: their energy is reported as unmetered.
    origin : str, optional
        Source of the data.
    task : str, optional
        The task, such as "text classification": its published energy is shown below, with its boundary. Pipelines of
        one task name it themselves.
    tokenizer : object, optional
        For modules that take texts and have none.
    seed : int
        First seed.
    say, progress, session
        As for `shrink`.

    Returns
    -------
    Comparison
        One row per candidate, the pick and the reason; after an interrupt, with what was known by then.

    Raises
    ------
    ShrinkError
        If candidates, data or an option are invalid.
    """
    seconds = seconds_of(time)
    if repeats < 1:
        raise ShrinkError(f"The option repeats is {repeats}; give a whole number from 1 on.")
    published_notes, named_task = _named_task(task, models)
    adapters = adapters_of(models, tokenizer=tokenizer, remote=tuple(remote))
    session = current() if session is None else session
    began, order = deadline.now(), random.Random(0)  # noqa: S311 - not cryptographic
    try:
        with thinned(), deadline.until(began + seconds):
            examples = examples_of(data, group=group, batch=batch, origin=origin, rng=order)
    except deadline.TimeIsUp:
        raise ShrinkError(TOO_EARLY) from None
    examples = labelled(examples, adapters)
    element_task = task_between(adapters, examples, named_task)
    measure = metric_for(metric, examples.labels, pairs=examples.form == "pairs", task=element_task)
    numeric = isinstance(measure, (SquaredError, Spearman))
    for item in adapters:
        if isinstance(item, ModuleAdapter):
            item.asked = {
                "task": named_task if element_task is None else element_task.name,
                "metric": "mse" if numeric else metric,
            }
    _accepted(measure, 1.0, max_loss, max_relative_loss)  # report invalid options before running anything
    notes = [*_others(adapters, seconds), *examples.notes, *_void(element_task)]
    results: Known | None = None
    window = session.window("trial", label="compare")
    try:
        with window, thinned(), deadline.until(began + seconds):
            bar = Progress(window, seconds, shown=wanted() if progress is None else progress, say=say)

            def tell(what: str) -> None:
                bar(what, min(1.0, (deadline.now() - began) / seconds))

            try:
                local = sum(not item.remote for item in adapters)
                with deadline.part(ASKED_SHARE if local > 1 else 1 - HELD_SHARE):
                    predictor = predict_all(adapters, examples, measure, session, tell, repeats=repeats, seed=seed)
                results = _known(predictor, measure, len(examples), (max_loss, max_relative_loss))
                with deadline.part(HELD_SHARE):
                    _hold(results, session, repeats=repeats, seed=seed)
                if not results.interrupted:
                    items = [run.item for run in predictor.asked.values()]
                    results.ran = run_all(items, results.best, predictor.examples, session, tell)
                    results.interrupted = results.ran.interrupted
            finally:
                bar.close()
            with deadline.until(None):
                pick = _rows(results, session)[1]
            window.facts["label"] = f"compare: {', '.join(item.name for item in adapters)} → {pick}"
        window.wait(None)
    except KeyboardInterrupt:
        if results is None:  # there are no results yet
            raise
        results.interrupted = True
    return _comparison(results, window, session, repeats=repeats, group=group, notes=(*notes, *published_notes))


# ---- results so far -------------------------------------------------------------------------------------------------


@dataclass
class Known:
    """What is known about the candidates; an interrupt leaves it as it is."""

    told: Predictor
    """Predictions, and candidates that can't be evaluated."""
    metric: Metric
    found: dict[str, Utility]
    """Utility of each candidate."""
    read: int
    """Number of examples read."""
    best: str
    """Name of the candidate with the highest utility."""
    accepted: float
    share: float | None
    """Accepted loss in the metric's unit, and Δ if it was given as a share."""
    ran: InterleavedCosts
    """Result of running in turn."""
    own: Loss | None = None
    """Loss of the best in its own repeat, if it varies."""
    losses: dict[str, Loss] = field(default_factory=dict)
    """Losses of the others against it."""
    groups: dict[str, dict[Any, float]] = field(default_factory=dict)
    """Utility of each group."""
    unjudged: DecisionReason = INTERRUPTED
    """Why losses are missing."""
    interrupted: bool = False
    """Whether the user interrupted it."""

    @property
    def level(self) -> float:
        """Confidence level of each loss, so that all intervals hold jointly."""
        return 1 - 0.05 / max(1, len(self.found) - 1)


def _known(told: Predictor, metric: Metric, read: int, most: tuple[float | str | None, float | str | None]) -> Known:
    """Return what is known from the predictions."""
    with deadline.until(None):  # answers count, however long the last call took
        utilities = judge_all(told, metric)
    best = _best(utilities, told.dropped, metric)
    accepted, share = _accepted(metric, utilities[best].value, *most)
    ran = InterleavedCosts(apart=elsewhere([run.item for run in told.asked.values()]), untold=INTERRUPTED)
    return Known(told, metric, utilities, read, best, accepted, share, ran, interrupted=told.interrupted)


def _hold(known: Known, session: Session, *, repeats: int, seed: int) -> None:
    """Compute losses against the best, and of the best against its own repeat, as far as time allows."""
    import numpy as np

    metric, predictor, best = known.metric, known.told, known.best
    try:
        if known.found[best].varies:
            run = predictor.asked[best]
            if not known.interrupted and not run.item.remote and len(run.answers.rounds) == 1:
                with deadline.part(AGAIN_SHARE):
                    predictor.asked[best] = run = predict_again(run, predictor.examples, metric, session, seed=seed + 1)
                known.interrupted = run.answers.interrupted
            known.own = own_repeat(run.answers, predictor.examples, metric)
        refusal = without_share(metric, known.found[best].value, _constant(known, best), best)
        for name, utility in known.found.items():
            if name != best and refusal is not None and not np.array_equal(utility.parts, known.found[best].parts):
                known.unjudged = DecisionReason("metric is 0", detail=refusal)
            elif name != best:
                known.losses[name] = loss_against(
                    metric, known.found[best], utility, known.level, predictor.examples, own=known.own, repeats=repeats
                )
        for name, utility in known.found.items():
            known.groups[name] = _by_group(utility, predictor.asked[name].item, predictor.examples, metric)
    except KeyboardInterrupt:
        known.interrupted = True
    except deadline.TimeIsUp:
        known.unjudged = TIME_UP


def _by_group(told: Utility, item: ModelAdapter, examples: Examples, metric: Metric) -> dict[Any, float]:
    import numpy as np

    if examples.groups is None:
        return {}
    groups = np.array([str(value) for value in examples.groups])
    by_group: dict[Any, float] = {}
    for key in dict.fromkeys(groups.tolist()):
        try:
            by_group[str(key)] = metric.value(told.parts[groups == key])
        except ShrinkError as error:  # a user's metric may fail for a few examples
            item.notes.append(f"{key}: {error}")
    return by_group


def _rows(known: Known, session: Session) -> tuple[list[Row], str, DecisionReason, dict[str, dict[Any, ClassScore]]]:
    """Return all rows, the pick, the reason, and the accuracy of each class."""
    import torch

    predictor, metric, best, utilities = known.told, known.metric, known.best, known.found
    rows = [
        row_of(
            run,
            utilities[name],
            best=best,
            examples=predictor.examples,
            metric=metric,
            session=session,
            loss=known.losses.get(name),
            own=known.own if name == best else None,
            groups=known.groups.get(name, {}),
            trial=known.ran.trial,
        )
        for name, run in predictor.asked.items()
    ]
    costs, constants = known.ran, _unskilled(known)
    data = CandidateStanding(
        best,
        known.accepted,
        costs.trial,
        costs.apart,
        torch.get_num_threads(),
        untold=costs.untold,
        unjudged=known.unjudged,
        no_skill_reason=DecisionReason("no skill", name=best, detail=constants[best]) if best in constants else None,
        varies=known.own is not None and varying_share(known.own) > 0,
    )
    rows, pick, reason = decide(rows, data)
    kinds = dict(enumerate(kinds_of(predictor.examples.labels))) if metric.kind == "accuracy" else {}
    together = predictor.examples.together
    classes = {
        name: {
            kinds[n]: score
            for n, score in classes_by_group(metric, utilities[best].parts, utilities[name].parts, together).items()
        }
        for name in utilities
        if kinds and name != best
    }
    rows = [_with_classes(row, classes.get(row.name, {})) for row in rows]
    rows = [_with_skill(row, constants.get(row.name, "")) for row in rows]
    return [*rows, *predictor.dropped], pick, reason, classes


def _comparison(
    known: Known, window: Window, session: Session, *, repeats: int, group: Any, notes: Sequence[str]
) -> Comparison:
    predictor, metric, examples, trial = known.told, known.metric, known.told.examples, known.ran.trial
    rows, pick, reason, classes = _rows(known, session)
    record = window.wait(None)
    one_class_notes = [one_class_note] if (one_class_note := of_one_class(metric, examples.labels)) else []
    return Comparison(
        rows=sorted(rows, key=lambda row: _order(row, metric)),
        pick=pick,
        why=reason,
        best=known.best,
        basis="joules" if trial is not None and trial.basis == "joules" else "cpu_seconds",
        metric=metric.name,
        metric_kind=metric.kind,
        unit=metric.unit,
        accepted=known.accepted,
        max_relative_loss=known.share,
        examples=len(examples),
        batch=max(examples.sizes),
        key=_key(examples, repeats),
        origin=examples.origin,
        group=(group if isinstance(group, str) else "group") if examples.groups is not None else "",
        by_class=classes.get(pick, {}),
        judged=next(
            (run.item.subject.task for run in predictor.asked.values() if isinstance(run.item, ModuleAdapter)), None
        ),
        cost_joules=record.joules,
        cost_uncertainty=record.uncertainty,
        cost_quality=record.quality,
        cost_seconds=record.seconds,
        advice=advise(rows, examples.labels, "cpu_seconds" if trial is None else trial.basis),
        notes=(
            *([INTERRUPTED_NOTE] if known.interrupted else []),
            *_fewer(known),
            *_notes(trial, known.level, len(known.found)),
            *one_class_notes,
            *notes,
        ),
    )


def _fewer(known: Known) -> list[str]:
    """Return one sentence if fewer than all examples were used."""
    used, read = len(known.told.examples), known.read
    if used == read:
        return []
    reason = (
        "the comparison was interrupted" if known.told.interrupted else "the time allows no more; give more with time="
    )
    return [f"All candidates are evaluated on the same {used:,} of the {read:,} examples: {reason}."]


def _named_task(task: str | None, models: Any) -> tuple[list[str], str | None]:
    """Return the published energy of a task, and the task by which outputs are read; either may be missing."""
    known_task = None if task is None else NAMED.get(task.strip().lower().replace(" ", "-").replace("_", "-"))
    try:
        notes = published(task if task is not None else task_of(models))
    except ShrinkError:
        if known_task is None:
            raise
        notes = []  # a task without published figures
    return notes, None if known_task == "classification" else known_task


def _void(task: Task | None) -> list[str]:
    return [VOID_LABEL_NOTE] if task is not None and task.ignored == VOID else []


def _constant(known: Known, name: str) -> Constant | None:
    """Return the best constant answer to the examples; None if the metric has none."""
    labels = None if isinstance(known.metric, ScoredPredictions) else numbered(known.told.examples.labels)
    return None if labels is None else constant_of(known.metric, known.found[name].parts, [Batch(None, labels)])


def _unskilled(known: Known) -> dict[str, str]:
    """Return the candidates that are no better than a constant answer, with that constant."""
    metric, no_skill_reason = known.metric, dict[str, str]()
    classes = kinds_of(known.told.examples.labels) if metric.kind == "accuracy" else {}
    if len(classes) == 1:
        return {}
    for name, utility in known.found.items():
        constant = _constant(known, name)
        if constant is not None and not beats_constant(metric, utility.parts, constant):
            class_name = "" if constant.answer is None or not classes else f"{[*classes][constant.answer]!r:.60}"
            no_skill_reason[name] = no_better(metric.kind, constant, class_name)
    return no_skill_reason


def _with_skill(row: Row, no_skill_reason: str) -> Row:
    """Return a row with a note if its candidate is no better than a constant answer."""
    return replace(row, notes=(*row.notes, f"It is {no_skill_reason}.")) if no_skill_reason else row


def _with_classes(row: Row, by_class: Mapping[Any, ClassScore]) -> Row:
    """Return a row with a note on the class that loses most, if one is rare."""
    note = rare_classes(by_class)
    return replace(row, notes=(*row.notes, f"{note[:1].upper()}{note[1:]}.")) if note else row


def _others(found: Sequence[ModelAdapter], seconds: float) -> list[str]:
    """Wait briefly for an idle GPU; return a sentence if others still use it."""
    import torch

    if not any(item.device == "gpu" for item in found):
        return []
    device = torch.device("cuda", torch.cuda.current_device())
    busy = wait_for_idle_gpu(used_by_others(device), min(PATIENCE_SECONDS, 0.05 * seconds))
    return [] if busy is None else [busy]


def _best(found: Mapping[str, Utility], dropped: Sequence[Row], metric: Metric) -> str:
    if not found:
        reasons = "; ".join(f"{row.name}: {row.reason}" for row in dropped)
        raise ShrinkError(f"No candidate can be evaluated. {reasons}")
    sign = 1 if metric.higher_is_better else -1
    return max(found, key=lambda name: sign * found[name].value)


def _accepted(
    metric: Metric, best: float, points: float | str | None, relative: float | str | None
) -> tuple[float, float | None]:
    """Return the accepted loss in the metric's unit, and Δ if it was given as a share."""
    if points is not None and relative is not None:
        raise ShrinkError("Give max_loss (points) or max_relative_loss (a share of the best), not both.")
    if points is not None and str(points).strip().endswith("%"):
        points, relative = None, points
    if points is not None:
        if metric.unit != "points":
            raise ShrinkError(
                f"The metric {metric.name} has no points; give max_relative_loss='1%' (--max-relative-loss 1%)."
            )
        if share_of(points) >= 1:
            raise ShrinkError(f"A loss of {points} accepts any candidate; write 0.01 or 1pt for one point.")
        return share_of(points), None
    share = POINT if relative is None else share_of(relative)
    if share >= 1 and metric.unit == "points":
        raise ShrinkError(f"A loss of {relative} of the best accepts any candidate; write 1% or 0.01.")
    return (share * abs(best) if metric.unit == "points" else share), share


def _order(row: Row, metric: Metric) -> tuple[int, float]:
    sign = -1 if metric.higher_is_better else 1
    return (1, 0.0) if row.utility is None else (0, sign * row.utility)


def _key(examples: Examples, repeats: int) -> str:
    import torch

    repeated = f", asked {repeats} times" if repeats > 1 else ""
    threads = torch.get_num_threads()
    plural = "s" if len(examples) != 1 else ""
    return (
        f"{len(examples):,} example{plural}, {max(examples.sizes)} at a time (functions one by one){repeated}, "
        f"{threads} thread{'s' if threads > 1 else ''}, from the example to the answer"
    )


def _notes(trial: Trial | None, level: float, count: int) -> list[str]:
    notes = []
    if count > 2:
        notes.append(f"Intervals of losses are at {100 * level:.1f} %, so that all {count - 1} hold together at 95 %.")
    if trial is not None and trial.shared:
        notes.append("The device was used by others meanwhile, so less energy is not proven.")
    return notes
