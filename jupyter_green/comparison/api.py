"""Comparing candidates on the person's own task: how well each does, what each costs, and which to take.

Utility is counted first, on the same examples for all; then the candidates run in turn, as in every trial of this room,
with the best as the reference. The time bounds all of that, from reading the data on; where it ends, or where a person
interrupts, the report says what is known. Whoever looks at several intervals sees the wished one more often than one
time in twenty, so the intervals of losses are wide enough for all of them together (Bonferroni). The best is itself the
highest of several noisy figures, which makes the losses against it look larger, never smaller.
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
from jupyter_green.compression.quality.metric_selection import VOID, VOID_NOTE
from jupyter_green.compression.quality.skill import constant_of, knows_more
from jupyter_green.compression.report.shrink_report import classes_in_words, no_better
from jupyter_green.session import Session, Window, current

from .adapter_factory import adapters_of
from .advice import advise
from .benchmark_candidates import STOPPED, UP, InterleavedCosts, elsewhere, row_of, run_all
from .correlation import Spearman
from .decision import CandidateStanding, decide
from .examples import Examples, examples_of
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
"""Of the time that is left when the data was read, for asking; most of the rest is for running in turn."""
HELD_SHARE = 0.4
"""Of the time that is left then, for asking the best one again and for losses."""
AGAIN_SHARE = 0.5
"""Of that, for asking again."""
INTERRUPTED = "The comparison was interrupted: it says what was known by then."


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
    """Compare candidates by how well they do and what they cost, and pick the least energy that is good enough.

    Parameters
    ----------
    models : mapping of str to object
        PyTorch modules, transformers pipelines, estimators with ``predict``, `ShrinkResult`, or functions of one
        example; two or more.
    data : (X, y), dataset, table or DataLoader
        Examples with labels, which nobody was trained on.
    metric : str or callable, optional
        "accuracy", "f1", "mse", "perplexity", "spearman" (for scored pairs of texts), or
        ``function(answers, labels)``, higher is better.
    max_loss : float or str, optional
        Accepted loss of a bounded metric in points: 0.01 or "1pt" is one point.
    max_relative_loss : float or str, optional
        Δ: accepted loss as a share of the best one's utility, 0.01 or "1%" (the default).
    time : float or str
        How long all of it may take, from reading the data on: seconds, or "1min". It may be exceeded by one call of a
        candidate. Where it doesn't suffice, fewer examples are asked for, the same for all.
    group : str or sequence, optional
        Column by whose values utility is told apart, or a value for each example.
    batch : int, optional
        Examples at a time; functions get one at a time whatever it is.
    repeats : int
        How often each example is asked, with a seed each, where answers vary.
    remote : sequence of str
        Candidates that run on somebody else's machine: their energy is called unmetered.
    origin : str, optional
        Where the data comes from.
    task : str, optional
        What is done, such as "text classification": what was published to cost that stands below, with what it covers.
        Pipelines of one task say so themselves.
    tokenizer : object, optional
        For modules that are given texts and bring none.
    seed : int
        First seed.
    say, progress, session
        As for `shrink`.

    Returns
    -------
    Comparison
        A row each, the pick and the reason; after an interrupt with what was known by then.

    Raises
    ------
    ShrinkError
        If candidates, data or an option make no sense; one sentence.
    """
    seconds = seconds_of(time)
    if repeats < 1:
        raise ShrinkError(f"The option repeats is {repeats}; give a whole number from 1 on.")
    beside, wish = _named_task(task, models)
    found = adapters_of(models, tokenizer=tokenizer, remote=tuple(remote))
    session = current() if session is None else session
    began, order = deadline.now(), random.Random(0)  # noqa: S311 - an order, not a secret
    try:
        with thinned(), deadline.until(began + seconds):
            examples = examples_of(data, group=group, batch=batch, origin=origin, rng=order)
    except deadline.TimeIsUp:
        raise ShrinkError(TOO_EARLY) from None
    examples = labelled(examples, found)
    between = task_between(found, examples, wish)
    measure = metric_for(metric, examples.labels, pairs=examples.form == "pairs", task=between)
    numbers = isinstance(measure, (SquaredError, Spearman))
    for item in found:
        if isinstance(item, ModuleAdapter):
            item.asked = {"task": wish if between is None else between.name, "metric": "mse" if numbers else metric}
    _accepted(measure, 1.0, max_loss, max_relative_loss)  # what makes no sense is said before anything is asked
    notes = [*_others(found, seconds), *examples.notes, *_void(between)]
    known: Known | None = None
    window = session.window("trial", label="compare")
    try:
        with window, thinned(), deadline.until(began + seconds):
            bar = Progress(window, seconds, shown=wanted() if progress is None else progress, say=say)

            def tell(what: str) -> None:
                bar(what, min(1.0, (deadline.now() - began) / seconds))

            try:
                here = sum(not item.remote for item in found)
                with deadline.part(ASKED_SHARE if here > 1 else 1 - HELD_SHARE):
                    told = predict_all(found, examples, measure, session, tell, repeats=repeats, seed=seed)
                known = _known(told, measure, len(examples), (max_loss, max_relative_loss))
                with deadline.part(HELD_SHARE):
                    _hold(known, session, repeats=repeats, seed=seed)
                if not known.interrupted:
                    items = [one.item for one in told.asked.values()]
                    known.ran = run_all(items, known.best, told.examples, session, tell)
                    known.interrupted = known.ran.interrupted
            finally:
                bar.close()
            with deadline.until(None):
                pick = _rows(known, session)[1]
            window.facts["label"] = f"compare: {', '.join(item.name for item in found)} → {pick}"
        window.wait(None)
    except KeyboardInterrupt:
        if known is None:  # nothing is known of anybody
            raise
        known.interrupted = True
    return _comparison(known, window, session, repeats=repeats, group=group, notes=(*notes, *beside))


# ---- what is known --------------------------------------------------------------------------------------------------


@dataclass
class Known:
    """What is known of the candidates, from when the first is judged; an interrupt leaves it as it is.

    Parameters
    ----------
    told : Predictor
        Who answered what, and who can't be judged.
    metric : Metric
        What is counted.
    found : dict of str to Utility
        How well each does.
    read : int
        How many examples there are.
    best : str
        Name of the one of highest utility.
    accepted, share : float, float or None
        The accepted loss in the metric's unit, and Δ where it was given as a share.
    ran : InterleavedCosts
        What running them in turn told.
    own : Loss or None
        Of the best one in its own repeat, where it varies.
    losses : dict of str to Loss
        Of the others against it.
    groups : dict of str to dict
        Utility of each group.
    unjudged : str
        Why losses are missing.
    interrupted : bool
        Whether a person ended it.
    """

    told: Predictor
    metric: Metric
    found: dict[str, Utility]
    read: int
    best: str
    accepted: float
    share: float | None
    ran: InterleavedCosts
    own: Loss | None = None
    losses: dict[str, Loss] = field(default_factory=dict)
    groups: dict[str, dict[Any, float]] = field(default_factory=dict)
    unjudged: str = STOPPED
    interrupted: bool = False

    @property
    def level(self) -> float:
        """Of the interval of each loss, so that all hold together."""
        return 1 - 0.05 / max(1, len(self.found) - 1)


def _known(told: Predictor, metric: Metric, read: int, most: tuple[float | str | None, float | str | None]) -> Known:
    """Return what answers tell by themselves."""
    with deadline.until(None):  # what was answered is counted, however long the last call took
        found = judge_all(told, metric)
    best = _best(found, told.dropped, metric)
    accepted, share = _accepted(metric, found[best].value, *most)
    ran = InterleavedCosts(apart=elsewhere([one.item for one in told.asked.values()]), untold=STOPPED)
    return Known(told, metric, found, read, best, accepted, share, ran, interrupted=told.interrupted)


def _hold(known: Known, session: Session, *, repeats: int, seed: int) -> None:
    """Hold everybody against the best, and the best against its own repeat, as far as the time allows."""
    metric, told, best = known.metric, known.told, known.best
    try:
        if known.found[best].varies:
            one = told.asked[best]
            if not known.interrupted and not one.item.remote and len(one.answers.rounds) == 1:
                with deadline.part(AGAIN_SHARE):
                    told.asked[best] = one = predict_again(one, told.examples, metric, session, seed=seed + 1)
                known.interrupted = one.answers.interrupted
            known.own = own_repeat(one.answers, told.examples, metric)
        for name, utility in known.found.items():
            if name != best:
                known.losses[name] = loss_against(
                    metric, known.found[best], utility, known.level, told.examples, own=known.own, repeats=repeats
                )
        for name, utility in known.found.items():
            known.groups[name] = _by_group(utility, told.asked[name].item, told.examples, metric)
    except KeyboardInterrupt:
        known.interrupted = True
    except deadline.TimeIsUp:
        known.unjudged = UP


def _by_group(told: Utility, item: ModelAdapter, examples: Examples, metric: Metric) -> dict[Any, float]:
    import numpy as np

    if examples.groups is None:
        return {}
    groups = np.array([str(value) for value in examples.groups])
    found: dict[Any, float] = {}
    for key in dict.fromkeys(groups.tolist()):
        try:
            found[str(key)] = metric.value(told.parts[groups == key])
        except ShrinkError as error:  # the person's own metric may have no value for a few examples
            item.notes.append(f"{key}: {error}")
    return found


def _rows(known: Known, session: Session) -> tuple[list[Row], str, str, dict[str, dict[Any, ClassScore]]]:
    """Return everybody's row, the pick, why, and how well each class is told."""
    import torch

    told, metric, best, found = known.told, known.metric, known.best, known.found
    rows = [
        row_of(
            one,
            found[name],
            best=best,
            examples=told.examples,
            metric=metric,
            session=session,
            loss=known.losses.get(name),
            own=known.own if name == best else None,
            groups=known.groups.get(name, {}),
            trial=known.ran.trial,
        )
        for name, one in told.asked.items()
    ]
    ran, constants = known.ran, _unskilled(known)
    stand = CandidateStanding(
        best,
        known.accepted,
        ran.trial,
        ran.apart,
        torch.get_num_threads(),
        untold=ran.untold,
        unjudged=known.unjudged,
        unskilled=f"{best} is {constants[best]}, so no loss against it proves anything" if best in constants else "",
        varies=known.own is not None and varying_share(known.own) > 0,
    )
    rows, pick, reason = decide(rows, stand)
    kinds = dict(enumerate(kinds_of(told.examples.labels))) if metric.name == "accuracy" else {}
    together = told.examples.together
    classes = {
        name: {
            kinds[n]: score
            for n, score in classes_by_group(metric, found[best].parts, found[name].parts, together).items()
        }
        for name in found
        if kinds and name != best
    }
    rows = [_with_classes(row, classes.get(row.name, {})) for row in rows]
    rows = [_with_skill(row, constants.get(row.name, "")) for row in rows]
    return [*rows, *told.dropped], pick, reason, classes


def _comparison(
    known: Known, window: Window, session: Session, *, repeats: int, group: Any, notes: Sequence[str]
) -> Comparison:
    told, metric, examples, trial = known.told, known.metric, known.told.examples, known.ran.trial
    rows, pick, reason, classes = _rows(known, session)
    record = window.wait(None)
    alike = [said] if (said := of_one_class(metric, examples.labels)) else []
    return Comparison(
        rows=sorted(rows, key=lambda row: _order(row, metric)),
        pick=pick,
        reason=reason,
        best=known.best,
        basis="joules" if trial is not None and trial.basis == "joules" else "cpu_seconds",
        metric=metric.name,
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
            (one.item.subject.task for one in told.asked.values() if isinstance(one.item, ModuleAdapter)), None
        ),
        cost_joules=record.joules,
        cost_uncertainty=record.uncertainty,
        cost_quality=record.quality,
        cost_seconds=record.seconds,
        advice=advise(rows, examples.labels, "cpu_seconds" if trial is None else trial.basis),
        notes=(
            *([INTERRUPTED] if known.interrupted else []),
            *_fewer(known),
            *_notes(trial, known.level, len(known.found)),
            *alike,
            *notes,
        ),
    )


def _fewer(known: Known) -> list[str]:
    """Return in one sentence that not all examples were asked for."""
    asked, read = len(known.told.examples), known.read
    if asked == read:
        return []
    why = (
        "the comparison was interrupted" if known.told.interrupted else "the time allows no more; give more with time="
    )
    return [f"All candidates are judged on the same {asked:,} of the {read:,} examples: {why}."]


def _named_task(task: str | None, models: Any) -> tuple[list[str], str | None]:
    """Return what a task was published to cost, and the task by which answers are read; either may be said alone."""
    asked = None if task is None else NAMED.get(task.strip().lower().replace(" ", "-").replace("_", "-"))
    try:
        beside = published(task if task is not None else task_of(models))
    except ShrinkError:
        if asked is None:
            raise
        beside = []  # a task of which nothing was published
    return beside, None if asked == "classification" else asked


def _void(task: Task | None) -> list[str]:
    return [VOID_NOTE] if task is not None and task.ignored == VOID else []


def _unskilled(known: Known) -> dict[str, str]:
    """Return who is no better than a constant answer, and than which."""
    examples, metric, found = known.told.examples, known.metric, dict[str, str]()
    kinds = kinds_of(examples.labels) if metric.name == "accuracy" else {}
    labels = None if isinstance(metric, ScoredPredictions) or len(kinds) == 1 else numbered(examples.labels)
    if labels is None:
        return {}
    for name, utility in known.found.items():
        constant = constant_of(metric, utility.parts, [Batch(None, labels)])
        if constant is not None and not knows_more(metric, utility.parts, constant):
            called = "" if constant.answer is None or not kinds else f"{[*kinds][constant.answer]!r:.60}"
            found[name] = no_better(metric.name, constant, called)
    return found


def _with_skill(row: Row, unskilled: str) -> Row:
    """Return a row that says whether its candidate is no better than a constant answer."""
    return replace(row, notes=(*row.notes, f"It is {unskilled}.")) if unskilled else row


def _with_classes(row: Row, by_class: Mapping[Any, ClassScore]) -> Row:
    """Return a row that says which class loses most, where one is rare."""
    said = classes_in_words(by_class).strip(" ()")
    return replace(row, notes=(*row.notes, f"{said[:1].upper()}{said[1:]}.")) if said else row


def _others(found: Sequence[ModelAdapter], seconds: float) -> list[str]:
    """Wait a little for a GPU to be quiet; return a sentence where others still use it."""
    import torch

    if not any(item.device == "gpu" for item in found):
        return []
    device = torch.device("cuda", torch.cuda.current_device())
    busy = wait_for_idle_gpu(used_by_others(device), min(PATIENCE_SECONDS, 0.05 * seconds))
    return [] if busy is None else [busy]


def _best(found: Mapping[str, Utility], dropped: Sequence[Row], metric: Metric) -> str:
    if not found:
        why = "; ".join(f"{row.name}: {row.reason}" for row in dropped)
        raise ShrinkError(f"No candidate can be decide. {why}")
    sign = 1 if metric.higher_is_better else -1
    return max(found, key=lambda name: sign * found[name].value)


def _accepted(
    metric: Metric, best: float, points: float | str | None, relative: float | str | None
) -> tuple[float, float | None]:
    """Return the accepted loss in the metric's unit, and Δ where it was given as a share."""
    if points is not None and relative is not None:
        raise ShrinkError("Give max_loss (points) or max_relative_loss (a share of the best), not both.")
    if points is not None and str(points).strip().endswith("%"):
        points, relative = None, points
    if points is not None:
        if metric.unit != "points":
            raise ShrinkError(f"The metric {metric.name} has no points; give max_relative_loss='1%'.")
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

    again = f", asked {repeats} times" if repeats > 1 else ""
    threads = torch.get_num_threads()
    one = "s" if len(examples) != 1 else ""
    return (
        f"{len(examples):,} example{one}, {max(examples.sizes)} at a time (functions one by one){again}, "
        f"{threads} thread{'s' if threads > 1 else ''}, from the example to the answer"
    )


def _notes(trial: Trial | None, level: float, count: int) -> list[str]:
    said = []
    if count > 2:
        said.append(f"Intervals of losses are at {100 * level:.1f} %, so that all {count - 1} hold together at 95 %.")
    if trial is not None and trial.shared:
        said.append("The device was used by others meanwhile, so less energy is not proven.")
    return said
