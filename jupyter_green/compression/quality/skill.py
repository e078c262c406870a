"""Whether the original knows more than a constant answer does: without that, no loss against it proves anything.

A score is meaningful only where it is better than that of a model which ignores its inputs and always says the most
frequent class (or the mean). Where the task was read off the labels alone and the original is worse than that, or says
one class whatever it is asked, its outputs mean something else than the labels do, and the person is asked.
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

STANDARD_ERRORS = 2.0
"""So far beyond a constant's score one has to be, to be better or worse than it."""


@dataclass(frozen=True)
class Constant:
    """What a model scores that ignores its inputs.

    Parameters
    ----------
    score : float
        In the metric.
    answer : int or None
        The class that it always says; None where it is a mean, or an answer for each label.
    """

    score: float
    answer: int | None = None


def constant_of(metric: Metric, parts: np.ndarray, batches: Sequence[Batch]) -> Constant | None:
    """Return the best constant answer to some examples, and its score; None where the metric has none.

    Parameters
    ----------
    metric : Metric
        What counts.
    parts : ndarray
        The original's parts of these examples.
    batches : sequence of Batch
        The examples.
    """
    labels = [batch.labels for batch in batches if batch.labels is not None]
    if len(labels) < len(batches):
        return None
    task = metric.task
    if isinstance(metric, Perplexity):
        return None if task.classes is None else Constant(float(task.classes))
    answers = isinstance(metric, PerPlace) or metric.name == "accuracy"
    if isinstance(metric, SquaredError) or (answers and task.name == "multi-label"):
        return _of_each_label(labels, None if isinstance(metric, SquaredError) else task.ignored)
    counts = {number: score.examples for number, score in metric.by_class(parts, parts).items()} if answers else {}
    if isinstance(metric, PerPlace) and not counts:  # where classes are not told apart, their labels are counted
        counts = _each(labels, task.ignored)
    most = max(counts, key=lambda number: counts[number], default=None)
    return None if most is None else Constant(counts[most] / sum(counts.values()), most)


def _each(labels: Sequence[Any], ignored: int) -> dict[int, int]:
    """Return how many places are labelled with each class."""
    import torch

    flat = torch.cat([label.reshape(-1) for label in labels])
    classes, counts = torch.unique(flat[flat != ignored], return_counts=True)
    return dict(zip(classes.long().tolist(), counts.tolist(), strict=True))


def _of_each_label(labels: Sequence[Any], ignored: int | None) -> Constant | None:
    """Return what the mean of each label scores, or of yes and no its more frequent one, of which some are ignored."""
    import torch

    if len({tuple(label.shape[1:]) for label in labels}) > 1:
        return None
    whole = torch.cat(list(labels)).double()
    if ignored is None:
        return Constant(float(((whole - whole.mean(0)) ** 2).mean()))
    known = (whole != ignored).double()
    yes = ((whole > 0) * known).sum(0) / known.sum(0).clamp_min(1)
    return Constant(float((torch.maximum(yes, 1 - yes) * known.sum(0)).sum() / known.sum().clamp_min(1)))


def without_skill(metric: Metric, parts: np.ndarray, batches: Sequence[Batch]) -> Constant | None:
    """Return the constant that the original is no better than on some examples; None where it is better.

    Raises
    ------
    ShrinkError
        If it is worse, or says one class to everything, and the task was read off the labels alone; one sentence.
    """
    constant = constant_of(metric, parts, batches)
    if constant is None or knows_more(metric, parts, constant):
        return None
    if not metric.higher_is_better:
        return constant
    own, by_class = metric.value(parts), metric.by_class(parts, parts)
    said_once = len(by_class) > 1 and all(one.before in (0.0, 1.0) for one in by_class.values()) and own < 1
    if not metric.task.told and (own < constant.score - _error(constant, len(parts)) or said_once):
        raise ShrinkError(_question(metric, own, constant, len(parts)))
    return constant


def knows_more(metric: Metric, parts: np.ndarray, constant: Constant) -> bool:
    """Return whether a model is better than a constant answer, beyond what the number of examples explains."""
    own = metric.value(parts)
    if not metric.higher_is_better:
        return own < constant.score
    if own > constant.score + _error(constant, len(parts)):
        return True
    by_class = metric.by_class(parts, parts)
    if constant.answer is None or len(by_class) < 2:
        return False
    # A rare class is told better by the mean over classes, of which a constant has one right.
    even = 1 / len(by_class)
    spread = math.sqrt(sum(s.before * (1 - s.before) / s.examples for s in by_class.values())) * even
    return balanced(by_class)[0] > even + STANDARD_ERRORS * spread and balanced(by_class)[0] > even


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
