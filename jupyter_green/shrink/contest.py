"""Comparing candidates on the person's own task: how well each does, what each costs, and which to take.

Utility is counted first, on the same examples for all; then the candidates run in turn, as in every trial of this room,
with the best as the reference. Whoever looks at several intervals sees the wished one more often than one time in
twenty, so the intervals of losses are wide enough for all of them together (Bonferroni). The best is itself the highest
of several noisy figures, which makes the losses against it look larger, never smaller.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from jupyter_green.session import Session, current

from .advice import advise
from .answers import kinds_of
from .asking import Asked, ask_all, labelled
from .class_scores import ClassScore
from .comparison import Comparison, Row
from .contestant import Contestant, Module
from .correlation import Spearman
from .enrolment import contestants_of
from .examples import Examples, examples_of
from .fault import ShrinkError
from .lineup import row_of, run_all
from .metric import Metric, SquaredError
from .options import POINT, seconds_of, share_of
from .pick import Stand, judged
from .progress import Progress, wanted
from .published import published, task_of
from .quiet import PATIENCE_SECONDS, used_by_others, wait_for_quiet
from .sheet import classes_in_words
from .task_names import NAMED
from .trial import Trial
from .utility import loss_against, metric_for, of_one_class, task_between

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
        How long to run candidates in turn, once all were asked: seconds, or "1min".
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
    import torch

    seconds = seconds_of(time)
    if repeats < 1:
        raise ShrinkError(f"The option repeats is {repeats}; give a whole number from 1 on.")
    beside, asked = _named_task(task, models)
    found = contestants_of(models, tokenizer=tokenizer, remote=tuple(remote))
    examples = labelled(examples_of(data, group=group, batch=batch, origin=origin), found)
    between = task_between(found, examples, asked)
    measure = metric_for(metric, examples.labels, pairs=examples.form == "pairs", task=between)
    numbers = isinstance(measure, (SquaredError, Spearman))
    for item in found:
        if isinstance(item, Module):
            item.asked = {"task": asked if between is None else between.name, "metric": "mse" if numbers else metric}
    alike = [said] if (said := of_one_class(measure, examples.labels)) else []
    _accepted(measure, 1.0, max_loss, max_relative_loss)  # what makes no sense is said before anything is asked
    session = current() if session is None else session
    others = _others(found, seconds)
    with session.window("trial", label="compare") as window:
        bar = Progress(window, seconds, shown=wanted() if progress is None else progress, say=say)
        try:
            answered, dropped, interrupted = _asked(found, examples, measure, session, bar, repeats=repeats, seed=seed)
            best = _best(answered, dropped, measure)
            accepted, share = _accepted(measure, answered[best].told.value, max_loss, max_relative_loss)
            trial, apart = None, dict[str, str]()
            if not interrupted:
                try:
                    items = [one.item for one in answered.values()]
                    trial, apart = run_all(items, best, examples, session, seconds=seconds, bar=bar)
                except KeyboardInterrupt:  # no round of it is done yet
                    interrupted = True
            interrupted = interrupted or (trial is not None and trial.interrupted)
        finally:
            bar.close()
        level = 1 - 0.05 / max(1, len(answered) - 1)
        losses = {
            name: loss_against(measure, answered[best].told, one.told, level, repeats=repeats)
            for name, one in answered.items()
            if name != best
        }
        rows = [
            row_of(one, best, examples, measure, session, loss=losses.get(name), trial=trial)
            for name, one in answered.items()
        ]
        rows, pick, reason = judged(rows, Stand(best, accepted, trial, apart, torch.get_num_threads()))
        kinds = dict(enumerate(kinds_of(examples.labels))) if measure.name == "accuracy" else {}
        classes = {
            name: {kinds[n]: score for n, score in measure.by_class(answered[best].told.parts, one.told.parts).items()}
            for name, one in answered.items()
            if kinds and name != best
        }
        rows = [_with_classes(row, classes.get(row.name, {})) for row in rows]
        rows += dropped
        window.facts["label"] = f"compare: {', '.join(item.name for item in found)} → {pick}"
    record = window.record
    return Comparison(
        rows=sorted(rows, key=lambda row: _order(row, measure)),
        pick=pick,
        reason=reason,
        best=best,
        basis="joules" if trial is not None and trial.basis == "joules" else "cpu_seconds",
        metric=measure.name,
        unit=measure.unit,
        accepted=accepted,
        max_relative_loss=share,
        examples=len(examples),
        batch=max(examples.sizes),
        key=_key(examples, repeats),
        origin=examples.origin,
        group=(group if isinstance(group, str) else "group") if examples.groups is not None else "",
        by_class=classes.get(pick, {}),
        judged=next((one.item.subject.task for one in answered.values() if isinstance(one.item, Module)), None),
        cost_joules=record.joules,
        cost_uncertainty=record.uncertainty,
        cost_quality=record.quality,
        cost_seconds=record.seconds,
        advice=advise(rows, examples.labels, "cpu_seconds" if trial is None else trial.basis),
        notes=(
            *([INTERRUPTED] if interrupted else []),
            *others,
            *_notes(trial, level, len(answered)),
            *alike,
            *beside,
        ),
    )


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


def _with_classes(row: Row, by_class: Mapping[Any, ClassScore]) -> Row:
    """Return a row that says which class loses most, where one is rare."""
    said = classes_in_words(by_class).strip(" ()")
    return replace(row, notes=(*row.notes, f"{said[:1].upper()}{said[1:]}.")) if said else row


def _asked(
    found: Sequence[Contestant], examples: Examples, metric: Metric, session: Session, bar: Progress, **options: Any
) -> tuple[dict[str, Asked], list[Row], bool]:
    """Ask everybody in turn; an interrupt keeps what was told before it, and is raised where nothing was."""
    answered, dropped = dict[str, Asked](), list[Row]()
    for place, item in enumerate(found):
        try:
            one, failed = ask_all([item], examples, metric, session, bar, **options)
        except KeyboardInterrupt:
            if not answered:
                raise
            why = "The comparison was interrupted before this had answered."
            dropped += [Row(left.name, left.kind, "failed", why, examples=len(examples)) for left in found[place:]]
            return answered, dropped, True
        answered |= one
        dropped += failed
    return answered, dropped, False


def _others(found: Sequence[Contestant], seconds: float) -> list[str]:
    """Wait a little for a GPU to be quiet; return a sentence where others still use it."""
    import torch

    if not any(item.device == "gpu" for item in found):
        return []
    device = torch.device("cuda", torch.cuda.current_device())
    busy = wait_for_quiet(used_by_others(device), min(PATIENCE_SECONDS, 0.05 * seconds))
    return [] if busy is None else [busy]


def _best(asked: Mapping[str, Asked], dropped: Sequence[Row], metric: Metric) -> str:
    if not asked:
        why = "; ".join(f"{row.name}: {row.reason}" for row in dropped)
        raise ShrinkError(f"No candidate can be judged. {why}")
    sign = 1 if metric.higher_is_better else -1
    return max(asked, key=lambda name: sign * asked[name].told.value)


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
    return (
        f"{len(examples):,} examples, {max(examples.sizes)} at a time (functions one by one){again}, "
        f"{threads} thread{'s' if threads > 1 else ''}, from the example to the answer"
    )


def _notes(trial: Trial | None, level: float, count: int) -> list[str]:
    said = []
    if count > 2:
        said.append(f"Intervals of losses are at {100 * level:.1f} %, so that all {count - 1} hold together at 95 %.")
    if trial is not None and trial.shared:
        said.append("The device was used by others meanwhile, so less energy is not proven.")
    return said
