"""Predictions and utility of candidates of any kind, with the same metrics as for compression.

Scores of a module, classes of an estimator, labels of a pipeline or values of a function become answers in terms of the
labels. A missing answer counts as wrong. Words are compared without case and surrounding blanks. With `repeats`, a
candidate that varies runs several times with different seeds and gets the mean.

Predictions end with the deadline or an interrupt; those made by then count.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from jupyter_green.compression.data.groups import loss_by_group
from jupyter_green.compression.errors import RAISED, ShrinkError, why
from jupyter_green.compression.model.task import IGNORED, LANGUAGE, Task, label_alignment
from jupyter_green.compression.model.task_names import named, of_model
from jupyter_green.compression.process import deadline
from jupyter_green.compression.quality.loss import LEVEL, Loss, drawn, share_lost
from jupyter_green.compression.quality.metric import F1, Metric, PerPlace, Perplexity, SquaredError, by_example
from jupyter_green.compression.quality.metric_selection import VOID, has_void_label

from .correlation import Spearman
from .examples import Examples
from .model_adapter import FAILED, ModelAdapter, ModuleAdapter, numbered
from .normalize_predictions import (
    NAMELESS,
    answers_of,
    as_number,
    classes_of,
    counts,
    differing,
    folded,
    is_nan,
    kinds_of,
    places,
    same,
    several,
    squared,
)

if TYPE_CHECKING:
    import numpy as np

MOST_CLASS_LABELS = 3
"""Maximum distinct labels of text pairs that are classes (equal, different, unknown); more are a scale."""
SAMPLED = 2
"""Batches that are repeated, to see whether the answers are reproducible."""
ONCE_SHARE = 0.8
"""Share of a candidate's time for the first run; the rest is for the repeat."""
ENOUGH = 0.5
"""An interrupted candidate with less than this share of the others' answers is left out, so that theirs still count."""

AMOUNTS_FROM = 20
"""Whole-number labels are quantities if they have more distinct values than this, and than half the examples."""


class ScoredPredictions(Metric):
    """A user's function ``metric(answers, labels) -> float``; higher is better, and its loss is relative."""

    kind = "own function"
    unit = "relative"
    shared = False

    def __init__(self, function: Callable[[Any, Any], float]) -> None:
        super().__init__()
        self.function = function
        self.name = getattr(function, "__name__", type(function).__name__)

    def value(self, parts: np.ndarray) -> float:
        """Return the function's mean value over repeats; the parts have two columns per repeat: answers and labels."""
        import numpy as np

        deadline.look()  # called hundreds of times for an interval
        try:
            values = [self.function([*parts[:, n]], [*parts[:, n + 1]]) for n in range(0, parts.shape[1], 2)]
            return float(np.mean([float(value) for value in values]))
        except RAISED as error:  # the user's code may raise anything
            raise ShrinkError(f"Your metric {self.name} failed: {why(error)}.") from error

    def loss(self, original: np.ndarray, candidate: np.ndarray, level: float = LEVEL) -> Loss:
        """Bootstrap over examples, with a few hundred calls of the function."""

        from jupyter_green.compression.quality.metric import OWN_RESAMPLES

        count = len(original)

        def loss(chosen: Any) -> float:
            first = self.value(original[chosen])
            return float(share_lost(first - self.value(candidate[chosen]), first))

        result = drawn(loss, count, self.unit, OWN_RESAMPLES, level)
        return replace(result, same=result.value == result.low == result.high == 0)


@dataclass(frozen=True)
class Utility:
    """The quality of a candidate."""

    value: float
    """The metric over all examples."""
    parts: Any
    """Its parts, one row per example."""
    failures: int
    """Examples without an answer; the maximum over repeats."""
    varies: float = 0.0
    """Share of the answers that differ in a repeat."""


def metric_for(
    wanted: str | Callable[[Any, Any], float] | None, labels: Any, *, pairs: bool = False, task: Task | None = None
) -> Metric:
    """Return the metric that the user asked for, or the one that fits the labels.

    Rank correlation for scored text pairs. Raises ShrinkError if it is unknown or there are no labels.
    """
    if labels is None:
        raise ShrinkError("The data has no labels, so nothing says which answer is right; give (X, y).")
    missing = 0 if hasattr(labels, "dim") else sum(label is None or is_nan(label) for label in labels)
    if missing:
        raise ShrinkError(f"{missing:,} of the {len(labels):,} labels are missing; leave these examples out.")
    if callable(wanted):
        return ScoredPredictions(wanted)
    nameless = (
        None if hasattr(labels, "dim") else next((value for value in labels if isinstance(value, NAMELESS)), None)
    )
    if nameless is not None:
        raise ShrinkError(
            f"A label is a {type(nameless).__name__} ({nameless!r:.60}): give one class for each example, a row of 0 "
            "and 1 where several apply, or metric= with a function(answers, labels) of your own."
        )
    if several(labels):
        return _of_several(wanted, labels, task or Task("token-classification"))
    if wanted is None:
        if pairs and len({*labels}) > MOST_CLASS_LABELS and all(isinstance(label, (int, float)) for label in labels):
            wanted = "spearman"
        else:
            fractional = any(isinstance(label, float) and not label.is_integer() for label in labels)
            numbers = all(isinstance(label, (int, float)) for label in labels)
            # Whole numbers that mostly occur once are quantities, not classes.
            amounts = numbers and len({*labels}) > max(AMOUNTS_FROM, len(labels) / 2)
            wanted = "mse" if fractional or amounts else "accuracy"
    factories: dict[str, Callable[[], Metric]] = {
        "accuracy": Metric,
        "f1": lambda: F1(len(classes_of(labels)) + 1),
        "mse": SquaredError,
        "perplexity": Perplexity,
        "spearman": Spearman,
    }
    factory = factories.get(str(wanted).lower())
    if factory is None:
        raise ShrinkError(f"{wanted!r} is not a metric for answers; take {', '.join(factories)} or a function.")
    if str(wanted).lower() == "perplexity":
        raise ShrinkError(f"The metric {wanted} does not fit labels of this form.")
    if factory is Spearman and len({*labels}) < 2:
        raise ShrinkError("All pairs have the same score, so no ranking can be evaluated; give pairs that differ.")
    return factory()


def _of_several(wanted: str | None, labels: Any, task: Task) -> Metric:
    """Return the metric for several labels per example."""
    name = None if wanted is None else str(wanted).lower()
    if task.name in LANGUAGE and name in (None, "perplexity"):
        return Perplexity(task)
    if task.name == "regression" and name in (None, "mse"):
        return SquaredError(task)
    if name in (None, "accuracy"):
        return PerPlace(replace(task, classes=None))
    raise ShrinkError(f"The metric {wanted} does not fit labels of this form; take accuracy, or a function.")


def task_between(found: Sequence[ModelAdapter], examples: Examples, asked: str | None) -> Task | None:
    """Return the task for several labels per example: from the user, the models, or the labels.

    Raises ShrinkError if the models have different tasks.
    """
    labels = examples.labels
    if labels is None or not several(labels):
        return None
    model_tasks = {
        task for item in found if isinstance(item, ModuleAdapter) and (task := of_model(item.subject.model)) is not None
    }
    if len(model_tasks) > 1:
        raise ShrinkError(
            f"The models are made for different tasks ({', '.join(sorted(model_tasks))}); compare those of one."
        )
    numbers = numbered(labels)
    causal_labels = None if numbers is None else label_alignment(examples.batches[0], numbers[: examples.sizes[0]])
    name = named(asked) or next(iter(model_tasks), None)
    if name is None:
        if causal_labels is not None:
            name = "causal-lm"
        elif numbers is not None and numbers.is_floating_point():
            name = "multi-label" if bool(((numbers == 0) | (numbers == 1)).all()) else "regression"
        else:
            name = "segmentation" if numbers is not None and numbers.dim() > 2 else "token-classification"
    void = name == "segmentation" and numbers is not None and has_void_label(Task(name), [numbers])
    return Task(name, shift=name == "causal-lm" and causal_labels != "next", ignored=VOID if void else IGNORED)


def of_one_class(metric: Metric, labels: Any) -> str:
    """Return a message if all examples have the same class, so that accuracy is meaningless; empty otherwise."""
    if metric.kind not in ("accuracy", "F1") or len(kinds_of(labels)) > 1:
        return ""
    return f"All examples have the label {labels[0]!r:.60}, so who always says that is right."


@dataclass(frozen=True)
class PredictionTable:
    """The answers of a candidate."""

    rounds: Sequence[Sequence[Any]]
    """Answers of each repeat in the order of examples; for a language model, the parts of its metric."""
    again: Sequence[Any] = ()
    """Answers of another run for the first examples."""
    interrupted: bool = False
    """Whether the user interrupted it."""

    @property
    def count(self) -> int:
        """Number of examples that have an answer, or a failure, in every repeat."""
        return min((len(answers) for answers in self.rounds), default=0)

    @property
    def asked(self) -> int:
        """Number of answers, without those of `again`."""
        return sum(len(answers) for answers in self.rounds)

    @property
    def none(self) -> bool:
        """Whether there is no answer to any example."""
        return all(answer is FAILED for answers in self.rounds for answer in answers)


def ask(
    contestant: ModelAdapter, examples: Examples, metric: Metric, *, repeats: int, seed: int, most: int | None = None
) -> PredictionTable:
    """Predict every example, or `most`, until time is up or the user interrupts; `ready` was called with them.

    Each repeat has its own seed, of which `seed` is the first.
    """
    rounds: list[list[Any]] = []
    most = len(examples) if most is None else most
    for turn in range(repeats):
        _seed_generators(seed + turn)
        with deadline.part(ONCE_SHARE if repeats == 1 else 1 / (repeats - turn)):
            answers, interrupted = _collected(_said(contestant, examples, metric, most))
        if interrupted and rounds and len(answers) < ENOUGH * most:
            return PredictionTable(rounds, interrupted=True)
        rounds.append(answers)
        most = len(answers)
        if interrupted or not most:
            return PredictionTable(rounds, interrupted=interrupted)
    if repeats > 1:
        return PredictionTable(rounds)
    _seed_generators(seed + repeats)
    again, interrupted = _collected(_said(contestant, examples, metric, min(most, sum(examples.sizes[:SAMPLED]))))
    return PredictionTable(rounds, again, interrupted)


def ask_again(
    contestant: ModelAdapter, examples: Examples, metric: Metric, answers: PredictionTable, *, seed: int
) -> PredictionTable:
    """Return the answers with a repeat over all examples, as far as time allows."""
    _seed_generators(seed)
    again, interrupted = _collected(_said(contestant, examples, metric, len(examples)))
    return replace(answers, again=max(again, answers.again, key=len), interrupted=interrupted)


def _collected(said: Iterator[Any]) -> tuple[list[Any], bool]:
    """Return the answers until time is up or the user interrupts, and whether it was the user."""
    answers: list[Any] = []
    try:
        for answer in said:
            answers.append(answer)
    except (KeyboardInterrupt, deadline.TimeIsUp) as end:
        return answers, isinstance(end, KeyboardInterrupt)
    return answers, False


def utility_of(answers: PredictionTable, examples: Examples, metric: Metric) -> Utility:
    """Return the utility of a candidate on these examples; its answers to them come first."""
    import numpy as np

    rounds = [[*round_answers[: len(examples)]] for round_answers in answers.rounds]
    parts_by_round = [parts_of(round_answers, examples, metric) for round_answers in rounds]
    if len(parts_by_round) == 1:
        parts = parts_by_round[0]
    else:
        parts = (
            np.concatenate(parts_by_round, axis=1)
            if isinstance(metric, ScoredPredictions)
            else np.mean(parts_by_round, axis=0)
        )
    failed = max(sum(answer is FAILED for answer in round_answers) for round_answers in rounds)
    again = _repeat(answers, examples)
    return Utility(metric.value(parts), parts, failed, differing(rounds[0][: len(again)], again))


def own_repeat(answers: PredictionTable, examples: Examples, metric: Metric) -> Loss | None:
    """Return the loss of a candidate in its own repeat; None without a repeat, or if the loss is not finite."""
    again = _repeat(answers, examples)
    if not again:
        return None
    subset = examples.first(len(again))
    first, second = (parts_of(predicted, subset, metric) for predicted in (answers.rounds[0][: len(again)], again))
    loss = loss_by_group(metric, first, second, subset.together)
    return loss if math.isfinite(loss.value) else None


def _repeat(answers: PredictionTable, examples: Examples) -> list[Any]:
    again = answers.rounds[1] if len(answers.rounds) > 1 else answers.again
    return [*again[: len(examples)]]


def loss_against(
    metric: Metric, best: Utility, other: Utility, level: float, examples: Examples, *, own: Loss | None, repeats: int
) -> Loss:
    """Return the loss against the best on the same examples, widened by the variation of the best one's own repeats.

    Repeats of a best one that varies may differ beyond sampling error, because of noise that is common to many
    examples. `own` is the loss of the best in its own repeat, if it varies. Figures are means over the repeats.
    """
    if repeats > 1 and metric.shared and examples.together is None:
        loss = by_example(metric, best.parts, other.parts, level)
    else:
        loss = loss_by_group(metric, best.parts, other.parts, examples.together, level)
    if own is None:
        return loss
    variation = varying_share(own) / math.sqrt(repeats)
    return replace(loss, low=loss.low - variation, high=loss.high + variation, same=False)


def varying_share(own: Loss) -> float:
    """Return by how much a candidate's own repeats differ beyond sampling error."""
    return abs(own.value) if own.low > 0 or own.high < 0 else 0.0


def _seed_generators(seed: int) -> None:
    """Seed the random generators; the caller restores their state."""
    import random

    import numpy as np
    import torch

    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)


def parts_of(  # noqa: PLR0911 - one return per metric
    said: Sequence[Any], examples: Examples, metric: Metric
) -> Any:
    """Return the parts of each example's metric from the answers."""
    import numpy as np

    labels = examples.labels
    if isinstance(metric, Perplexity):
        return np.stack(said)
    if isinstance(metric, ScoredPredictions):
        pairs = np.empty((len(said), 2), dtype=object)
        for row, (answer, label) in enumerate(zip(said, labels, strict=True)):
            pairs[row, 0], pairs[row, 1] = (None if answer is FAILED else answer), label
        return pairs
    if isinstance(metric, SquaredError):
        errors = [squared(answer, label) for answer, label in zip(said, labels, strict=True)]
        return np.asarray(errors, float)[:, None]
    if isinstance(metric, Spearman):
        numbers = [as_number(answer) for answer in said]
        return np.stack([numbers, np.asarray(labels, float)], axis=-1)
    if isinstance(metric, F1):
        return counts(said, labels, metric)
    if isinstance(metric, PerPlace):
        return places(said, labels, metric.task.ignored)
    kinds = {class_name: number for number, class_name in enumerate(kinds_of(labels))}
    right = [(same(answer, label), kinds[folded(label)]) for answer, label in zip(said, labels, strict=True)]
    return np.asarray(right, float)


def _said(contestant: ModelAdapter, examples: Examples, metric: Metric, most: int) -> Iterator[Any]:
    """Predict batch by batch, and yield each example's answer."""
    begin = 0
    for position, size in enumerate(examples.sizes):
        if begin >= most:
            return
        if isinstance(metric, Perplexity):
            answers = iter(_language(contestant, examples, metric, position, begin))
        else:
            answers = _answers(contestant, examples, position, min(size, most - begin))
        for _, answer in zip(range(most - begin), answers, strict=False):
            yield answer
        begin += size


def _language(contestant: ModelAdapter, examples: Examples, metric: Perplexity, place: int, begin: int) -> Any:
    deadline.look()
    began, size = deadline.now(), examples.sizes[place]
    outputs = contestant.outputs(place)
    contestant.pace = (deadline.now() - began) / size
    if not hasattr(outputs, "dim") or outputs.dim() != 3:
        raise ShrinkError(f"{contestant.name} gives no scores of tokens, which perplexity needs.")
    labels = examples.labels[begin : begin + size]
    return metric.parts(outputs, labels, metric.reference(outputs)).cpu().numpy()


def _answers(contestant: ModelAdapter, examples: Examples, place: int, most: int) -> Iterator[Any]:
    """Yield the answers to a batch; example by example if the batch fails or would take too long."""
    size = examples.sizes[place]
    if not contestant.singly and contestant.pace * size <= deadline.left():
        deadline.look()
        try:
            began = deadline.now()
            answers = answers_of(contestant, contestant.outputs(place), examples, size)
            contestant.pace = (deadline.now() - began) / size
        except ShrinkError:
            raise
        except RAISED:  # single calls find the failing example
            answers = []
        if answers:
            yield from answers[:most]
            return
    for number in range(most):
        deadline.look()
        began = deadline.now()
        try:
            yield from answers_of(contestant, contestant.single(place, number), examples, 1)
        except ShrinkError:
            raise
        except RAISED as error:  # third-party model; count the failure
            contestant.fault(error)
            yield FAILED
        contestant.pace = deadline.now() - began
