"""Checks whether the original beats a constant answer: otherwise a loss against it is meaningless.

A constant answer ignores the inputs: the most frequent class, or the mean. If the task was derived from the labels
alone and the original is worse than that, or always answers with one class, its outputs probably mean something else
than the labels, and an error asks the user.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jupyter_green.compression.errors import ShrinkError

from .class_scores import balanced
from .metric import Metric, PerPlace, Perplexity, SquaredError

if TYPE_CHECKING:
    import numpy as np

    from jupyter_green.compression.data.batch import Batch

ROUNDED = 1e-12
"""Share of the labels' variance up to which a squared error comes from rounding in single precision alone."""
STANDARD_ERRORS = 2.0
"""Standard errors by which a score must differ from a constant's to count as better or worse."""


@dataclass(frozen=True)
class Constant:
    """The score of a model that ignores its inputs."""

    score: float
    """In the metric."""
    answer: int | None = None
    """The class it always predicts; None for a mean, or for one answer per label."""


def constant_of(metric: Metric, parts: np.ndarray, batches: Sequence[Batch]) -> Constant | None:
    """Return the best constant answer to some examples, with its score; None if the metric has none.

    `parts` are the original's of these examples.
    """
    labels = [batch.labels for batch in batches if batch.labels is not None]
    if len(labels) < len(batches):
        return None
    task = metric.task
    if isinstance(metric, Perplexity):
        return None if task.classes is None else Constant(float(task.classes))
    counts_answers = metric.kind in ("accuracy", "accuracy per place")
    if isinstance(metric, SquaredError) or (counts_answers and task.name == "multi-label"):
        return _of_each_label(labels, None if isinstance(metric, SquaredError) else task.ignored)
    counts = (
        {number: score.examples for number, score in metric.by_class(parts, parts).items()} if counts_answers else {}
    )
    if isinstance(metric, PerPlace) and not counts:  # without figures per class, count the labels
        counts = _each(labels, task.ignored)
    most_frequent = max(counts, key=lambda number: counts[number], default=None)
    return None if most_frequent is None else Constant(counts[most_frequent] / sum(counts.values()), most_frequent)


def _each(labels: Sequence[Any], ignored: int) -> dict[int, int]:
    """Return how many elements are labelled with each class."""
    import torch

    flat = torch.cat([label.reshape(-1) for label in labels])
    classes, counts = torch.unique(flat[flat != ignored], return_counts=True)
    return dict(zip(classes.long().tolist(), counts.tolist(), strict=True))


def _of_each_label(labels: Sequence[Any], ignored: int | None) -> Constant | None:
    """Return the score of the mean of each label, or, if `ignored` is given, of each label's more frequent answer."""
    import torch

    if len({tuple(label.shape[1:]) for label in labels}) > 1:
        return None
    whole = torch.cat(list(labels)).double()
    if ignored is None:
        return Constant(float(((whole - whole.mean(0)) ** 2).mean()))
    labelled = (whole != ignored).double()
    yes = ((whole > 0) * labelled).sum(0) / labelled.sum(0).clamp_min(1)
    return Constant(float((torch.maximum(yes, 1 - yes) * labelled.sum(0)).sum() / labelled.sum().clamp_min(1)))


def without_skill(metric: Metric, parts: np.ndarray, batches: Sequence[Batch]) -> Constant | None:
    """Return the constant that the original does not beat; None if it does.

    Raises ShrinkError if it is worse, or always predicts one class, and the task was derived from the labels alone.
    """
    constant = constant_of(metric, parts, batches)
    if constant is None or beats_constant(metric, parts, constant):
        return None
    if not metric.higher_is_better:
        return constant
    score, by_class = metric.value(parts), metric.by_class(parts, parts)
    single_class = (
        len(by_class) > 1 and all(class_score.before in (0.0, 1.0) for class_score in by_class.values()) and score < 1
    )
    if not metric.task.told and (score < constant.score - _error(constant, len(parts)) or single_class):
        raise ShrinkError(_question(metric, score, constant, len(parts)))
    return constant


def beats_constant(metric: Metric, parts: np.ndarray, constant: Constant) -> bool:
    """Return whether a model beats a constant answer significantly."""
    score = metric.value(parts)
    if not metric.higher_is_better:
        return score < constant.score
    if score > constant.score + _error(constant, len(parts)):
        return True
    by_class = metric.by_class(parts, parts)
    if constant.answer is None or len(by_class) < 2:
        return False
    # For rare classes, compare balanced accuracy: a constant has one class right.
    chance = 1 / len(by_class)
    spread = math.sqrt(sum(s.before * (1 - s.before) / s.examples for s in by_class.values())) * chance
    return balanced(by_class)[0] > chance + STANDARD_ERRORS * spread and balanced(by_class)[0] > chance


def without_share(metric: Metric, value: float, constant: Constant | None, whose: str) -> str | None:
    """Return why no loss can be stated as a share of a value that is 0, but for rounding; None if one can.

    Parameters
    ----------
    metric : Metric
        The metric.
    value : float
        The original's value.
    constant : Constant or None
        The constant answer to the same examples: for a squared error, the variance of the labels.
    whose : str
        Whose value it is.
    """
    scale = constant.score if constant is not None and isinstance(metric, SquaredError) else 0.0
    if metric.unit == "points" or not abs(value) <= ROUNDED * scale:
        return None
    own = " (are the labels its own outputs?)" if isinstance(metric, SquaredError) else ""
    return f"the {metric.name} of {whose} is 0{own}, and no loss is a share of 0; give other labels or another metric="


def _error(constant: Constant, examples: int) -> float:
    return STANDARD_ERRORS * math.sqrt(constant.score * (1 - constant.score) / max(1, examples))


def _question(metric: Metric, own: float, constant: Constant, examples: int) -> str:
    always = "the more frequent answer to each" if constant.answer is None else f"class {constant.answer}"
    return (
        f"By {metric.name} your own model is right {_percent(own)} of the time on {examples:,} examples, and always "
        f"saying {always} {_percent(constant.score)}: its output may mean something else than the labels do; say what "
        "it is asked to do with task= (--task), or take metric='agreement' (--metric), or a function of your own."
    )


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"
