"""How well candidates of any kind do on the same examples, with the metrics of shrinking.

A module gives scores, an estimator a class, a pipeline a word, a function whatever it likes: all of it is made into
answers in the terms of the labels, and these are counted. No answer counts as a wrong one. Words are compared without
case and outer blanks. Who answers differently each time is asked several times, with seeds, and gets the mean.

Asking ends with the time or with an interrupt; what was answered by then counts.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from jupyter_green.compression.data.groups import loss_by_group
from jupyter_green.compression.errors import RAISED, ShrinkError, why
from jupyter_green.compression.model.task import IGNORED, LANGUAGE, Task, told_by_tokens
from jupyter_green.compression.model.task_names import named, of_model
from jupyter_green.compression.process import deadline
from jupyter_green.compression.quality.loss import LEVEL, Loss, drawn
from jupyter_green.compression.quality.metric import F1, Metric, PerPlace, Perplexity, SquaredError, by_example
from jupyter_green.compression.quality.metric_selection import VOID, is_void

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

MOST_VERDICTS = 3
"""Labels of a pair of texts up to which they are verdicts (alike, not, can't say); more are a scale."""
SAMPLED = 2
"""Batches that are asked again to see whether the answers are the same."""
ONCE_SHARE = 0.8
"""Of the time for asking a candidate; the rest is for asking again."""
ENOUGH = 0.5
"""Of what others have answered; an interrupted candidate with less is left out, so that theirs still counts."""

AMOUNTS_FROM = 20
"""With more distinct whole numbers than this, and than half as many as examples, labels are taken for amounts."""


class ScoredPredictions(Metric):
    """A person's own function ``metric(answers, labels) -> float``; higher is better, and its loss is a share."""

    unit = "relative"
    shared = False

    def __init__(self, function: Callable[[Any, Any], float]) -> None:
        super().__init__()
        self.function = function
        self.name = getattr(function, "__name__", type(function).__name__)

    def value(self, parts: np.ndarray) -> float:
        """Return what the function says, on average of the repeats: answers and labels of each stand side by side."""
        import numpy as np

        deadline.look()  # it is called hundreds of times for an interval
        try:
            each = [self.function([*parts[:, n]], [*parts[:, n + 1]]) for n in range(0, parts.shape[1], 2)]
            return float(np.mean([float(one) for one in each]))
        except RAISED as error:  # the person's own code may raise anything; it is said and never hidden
            raise ShrinkError(f"Your metric {self.name} failed: {why(error)}.") from error

    def loss(self, original: np.ndarray, candidate: np.ndarray, level: float = LEVEL) -> Loss:
        """Resampled by example, a few hundred calls of the function."""

        from jupyter_green.compression.quality.metric import OWN_RESAMPLES

        count = len(original)

        def loss(chosen: Any) -> float:
            first = self.value(original[chosen])
            return (first - self.value(candidate[chosen])) / max(abs(first), 1e-12)

        found = drawn(loss, count, self.unit, OWN_RESAMPLES, level)
        return replace(found, same=found.value == found.low == found.high == 0)


@dataclass(frozen=True)
class Utility:
    """How well a candidate does.

    Parameters
    ----------
    value : float
        The metric over all examples.
    parts : ndarray
        Its parts, one row per example.
    failures : int
        Examples without an answer, of all repeats the worst.
    varies : float
        Part of the examples whose answer differs when asked again; 0 where none did.
    """

    value: float
    parts: Any
    failures: int
    varies: float = 0.0


def metric_for(
    wanted: str | Callable[[Any, Any], float] | None, labels: Any, *, pairs: bool = False, task: Task | None = None
) -> Metric:
    """Return the metric a person asked for, or the one that fits the labels; for scored pairs of texts, their ranks.

    Raises
    ------
    ShrinkError
        If it is unknown or there are no labels.
    """
    if labels is None:
        raise ShrinkError("The data has no labels, so nothing says which answer is right; give (X, y).")
    missing = 0 if hasattr(labels, "dim") else sum(label is None or is_nan(label) for label in labels)
    if missing:
        raise ShrinkError(f"{missing:,} of the {len(labels):,} labels are missing; leave these examples out.")
    if callable(wanted):
        return ScoredPredictions(wanted)
    nameless = None if hasattr(labels, "dim") else next((one for one in labels if isinstance(one, NAMELESS)), None)
    if nameless is not None:
        raise ShrinkError(
            f"A label is a {type(nameless).__name__} ({nameless!r:.60}): give one class for each example, a row of 0 "
            "and 1 where several apply, or metric= with a function(answers, labels) of your own."
        )
    if several(labels):
        return _of_several(wanted, labels, task or Task("token-classification"))
    if wanted is None:
        if pairs and len({*labels}) > MOST_VERDICTS and all(isinstance(label, (int, float)) for label in labels):
            wanted = "spearman"
        else:
            broken = any(isinstance(label, float) and not label.is_integer() for label in labels)
            numbers = all(isinstance(label, (int, float)) for label in labels)
            # Whole numbers of which most occur once are amounts, not classes.
            amounts = numbers and len({*labels}) > max(AMOUNTS_FROM, len(labels) / 2)
            wanted = "mse" if broken or amounts else "accuracy"
    known: dict[str, Callable[[], Metric]] = {
        "accuracy": Metric,
        "f1": lambda: F1(len(classes_of(labels)) + 1),
        "mse": SquaredError,
        "perplexity": Perplexity,
        "spearman": Spearman,
    }
    found = known.get(str(wanted).lower())
    if found is None:
        raise ShrinkError(f"{wanted!r} is no metric for answers; take {', '.join(known)} or a function.")
    if str(wanted).lower() == "perplexity":
        raise ShrinkError(f"The metric {wanted} does not fit labels of this form.")
    if found is Spearman and len({*labels}) < 2:
        raise ShrinkError("All pairs have the same score, so no order can be judged; give pairs that differ.")
    return found()


def _of_several(wanted: str | None, labels: Any, task: Task) -> Metric:
    """Return the metric where each example has several labels."""
    word = None if wanted is None else str(wanted).lower()
    if task.name in LANGUAGE and word in (None, "perplexity"):
        return Perplexity(task)
    if task.name == "regression" and word in (None, "mse"):
        return SquaredError(task)
    if word in (None, "accuracy"):
        return PerPlace(replace(task, classes=None))
    raise ShrinkError(f"The metric {wanted} does not fit labels of this form; take accuracy, or a function.")


def task_between(found: Sequence[ModelAdapter], examples: Examples, asked: str | None) -> Task | None:
    """Return the task of examples with several labels each: from the person, the models, or the labels.

    Raises
    ------
    ShrinkError
        If the models are made for different ones.
    """
    labels = examples.labels
    if labels is None or not several(labels):
        return None
    made = {
        one for item in found if isinstance(item, ModuleAdapter) and (one := of_model(item.subject.model)) is not None
    }
    if len(made) > 1:
        raise ShrinkError(f"The models are made for different tasks ({', '.join(sorted(made))}); compare those of one.")
    numbers = numbered(labels)
    told = None if numbers is None else told_by_tokens(examples.batches[0], numbers[: examples.sizes[0]])
    name = named(asked) or next(iter(made), None)
    if name is None:
        if told is not None:
            name = "causal-lm"
        elif numbers is not None and numbers.is_floating_point():
            name = "multi-label" if bool(((numbers == 0) | (numbers == 1)).all()) else "regression"
        else:
            name = "segmentation" if numbers is not None and numbers.dim() > 2 else "token-classification"
    void = name == "segmentation" and numbers is not None and is_void(Task(name), [numbers])
    return Task(name, shift=name == "causal-lm" and told != "next", ignored=VOID if void else IGNORED)


def of_one_class(metric: Metric, labels: Any) -> str:
    """Return in one sentence that every example has the same class, which tells nobody apart; empty where not."""
    if metric.name not in ("accuracy", "F1") or len(kinds_of(labels)) > 1:
        return ""
    return f"All examples have the label {labels[0]!r:.60}, so who always says that is right."


@dataclass(frozen=True)
class PredictionTable:
    """What a candidate answered, as far as it was asked.

    Parameters
    ----------
    rounds : sequence of sequence
        For each repeat its answers in the order of the examples; of a language model the parts of its metric.
    again : sequence
        Its answers to the first examples when it was asked once more.
    interrupted : bool
        Whether a person ended the asking.
    """

    rounds: Sequence[Sequence[Any]]
    again: Sequence[Any] = ()
    interrupted: bool = False

    @property
    def count(self) -> int:
        """How many examples have an answer in every repeat, if only that there is none."""
        return min((len(said) for said in self.rounds), default=0)

    @property
    def asked(self) -> int:
        """How many answers were asked for, without those of another time."""
        return sum(len(said) for said in self.rounds)

    @property
    def none(self) -> bool:
        """Whether it gave no answer to anything."""
        return all(one is FAILED for said in self.rounds for one in said)


def ask(
    contestant: ModelAdapter, examples: Examples, metric: Metric, *, repeats: int, seed: int, most: int | None = None
) -> PredictionTable:
    """Ask for every example until the time is up or a person interrupts.

    Parameters
    ----------
    contestant : ModelAdapter
        Who is asked.
    examples : Examples
        What for; `ready` was called with them.
    metric : Metric
        What will be counted.
    repeats : int
        How often; each with a seed of its own.
    seed : int
        The first seed.
    most : int, optional
        Examples that are asked for; all of them otherwise.
    """
    rounds: list[list[Any]] = []
    most = len(examples) if most is None else most
    for turn in range(repeats):
        _sow(seed + turn)
        with deadline.part(ONCE_SHARE if repeats == 1 else 1 / (repeats - turn)):
            said, interrupted = _collected(_said(contestant, examples, metric, most))
        if interrupted and rounds and len(said) < ENOUGH * most:
            return PredictionTable(rounds, interrupted=True)
        rounds.append(said)
        most = len(said)
        if interrupted or not most:
            return PredictionTable(rounds, interrupted=interrupted)
    if repeats > 1:
        return PredictionTable(rounds)
    _sow(seed + repeats)
    again, interrupted = _collected(_said(contestant, examples, metric, min(most, sum(examples.sizes[:SAMPLED]))))
    return PredictionTable(rounds, again, interrupted)


def ask_again(
    contestant: ModelAdapter, examples: Examples, metric: Metric, answers: PredictionTable, *, seed: int
) -> PredictionTable:
    """Return the answers of one that varies with its repeat for all examples, as far as time allows."""
    _sow(seed)
    again, interrupted = _collected(_said(contestant, examples, metric, len(examples)))
    return replace(answers, again=max(again, answers.again, key=len), interrupted=interrupted)


def _collected(said: Iterator[Any]) -> tuple[list[Any], bool]:
    """Return what was said until the time was up or a person interrupted, and whether it was a person."""
    found: list[Any] = []
    try:
        for one in said:
            found.append(one)
    except (KeyboardInterrupt, deadline.TimeIsUp) as end:
        return found, isinstance(end, KeyboardInterrupt)
    return found, False


def utility_of(answers: PredictionTable, examples: Examples, metric: Metric) -> Utility:
    """Return how well a candidate does on these examples, all of which it was asked for.

    Parameters
    ----------
    answers : PredictionTable
        What it said, to these examples first.
    examples : Examples
        What for.
    metric : Metric
        What is counted.
    """
    import numpy as np

    rounds = [[*said[: len(examples)]] for said in answers.rounds]
    each = [parts_of(said, examples, metric) for said in rounds]
    if len(each) == 1:
        parts = each[0]
    else:
        parts = np.concatenate(each, axis=1) if isinstance(metric, ScoredPredictions) else np.mean(each, axis=0)
    failed = max(sum(one is FAILED for one in said) for said in rounds)
    again = _repeat(answers, examples)
    return Utility(metric.value(parts), parts, failed, differing(rounds[0][: len(again)], again))


def own_repeat(answers: PredictionTable, examples: Examples, metric: Metric) -> Loss | None:
    """Return how much worse a candidate was when it was asked again; None where it was not, or that is no number."""
    again = _repeat(answers, examples)
    if not again:
        return None
    some = examples.first(len(again))
    first, second = (parts_of(said, some, metric) for said in (answers.rounds[0][: len(again)], again))
    found = loss_by_group(metric, first, second, some.together)
    return found if math.isfinite(found.value) else None


def _repeat(answers: PredictionTable, examples: Examples) -> list[Any]:
    again = answers.rounds[1] if len(answers.rounds) > 1 else answers.again
    return [*again[: len(examples)]]


def loss_against(
    metric: Metric, best: Utility, other: Utility, level: float, examples: Examples, *, own: Loss | None, repeats: int
) -> Loss:
    """Return how much worse one is than the best, on the same examples, held against the best one's own repeat.

    Two askings of a best one that varies may differ by more than the examples explain: by noise that is drawn once for
    many of them. The interval is wider by that.

    Parameters
    ----------
    metric : Metric
        What is counted.
    best, other : Utility
        How well they do.
    level : float
        Of the interval.
    examples : Examples
        What both were asked for.
    own : Loss or None
        Of the best one in its own repeat, where it varies.
    repeats : int
        How often each was asked; figures are means.
    """
    if repeats > 1 and metric.shared and examples.together is None:
        found = by_example(metric, best.parts, other.parts, level)
    else:
        found = loss_by_group(metric, best.parts, other.parts, examples.together, level)
    if own is None:
        return found
    more = varying_share(own) / math.sqrt(repeats)
    return replace(found, low=found.low - more, high=found.high + more, same=False)


def varying_share(own: Loss) -> float:
    """Return by how much more one's own repeats differ than the examples explain."""
    return abs(own.value) if own.low > 0 or own.high < 0 else 0.0


def _sow(seed: int) -> None:
    """Set the seeds that a generating model draws from; the caller puts the state back."""
    import random

    import numpy as np
    import torch

    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)


def parts_of(  # noqa: PLR0911 - one return a kind of metric
    said: Sequence[Any], examples: Examples, metric: Metric
) -> Any:
    """Return the parts of each example's metric from the answers."""
    import numpy as np

    labels = examples.labels
    if isinstance(metric, Perplexity):
        return np.stack(said)
    if isinstance(metric, ScoredPredictions):
        pairs = np.empty((len(said), 2), dtype=object)
        for place, (one, label) in enumerate(zip(said, labels, strict=True)):
            pairs[place, 0], pairs[place, 1] = (None if one is FAILED else one), label
        return pairs
    if isinstance(metric, SquaredError):
        errors = [squared(one, label) for one, label in zip(said, labels, strict=True)]
        return np.asarray(errors, float)[:, None]
    if isinstance(metric, Spearman):
        numbers = [as_number(one) for one in said]
        return np.stack([numbers, np.asarray(labels, float)], axis=-1)
    if isinstance(metric, F1):
        return counts(said, labels, metric)
    if isinstance(metric, PerPlace):
        return places(said, labels, metric.task.ignored)
    kinds = {kind: number for number, kind in enumerate(kinds_of(labels))}
    right = [(same(one, label), kinds[folded(label)]) for one, label in zip(said, labels, strict=True)]
    return np.asarray(right, float)


def _said(contestant: ModelAdapter, examples: Examples, metric: Metric, most: int) -> Iterator[Any]:
    """Ask for one batch after the other; give each example's answer as soon as it is known."""
    begin = 0
    for place, size in enumerate(examples.sizes):
        if begin >= most:
            return
        if isinstance(metric, Perplexity):
            found = iter(_language(contestant, examples, metric, place, begin))
        else:
            found = _answers(contestant, examples, place, min(size, most - begin))
        for _, one in zip(range(most - begin), found, strict=False):
            yield one
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
    """Give the answers to a batch; where it fails as a whole or would take too long, each example by itself."""
    size = examples.sizes[place]
    if not contestant.singly and contestant.pace * size <= deadline.left():
        deadline.look()
        try:
            began = deadline.now()
            found = answers_of(contestant, contestant.outputs(place), examples, size)
            contestant.pace = (deadline.now() - began) / size
        except ShrinkError:
            raise
        except RAISED:  # which example it was is found by asking for each alone
            found = []
        if found:
            yield from found[:most]
            return
    for number in range(most):
        deadline.look()
        began = deadline.now()
        try:
            yield from answers_of(contestant, contestant.single(place, number), examples, 1)
        except ShrinkError:
            raise
        except RAISED as error:  # somebody else's model; the failure is counted and named
            contestant.fault(error)
            yield FAILED
        contestant.pace = deadline.now() - began
