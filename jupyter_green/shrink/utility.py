"""How well candidates of any kind do on the same examples, with the metrics of shrinking.

A module gives scores, an estimator a class, a pipeline a word, a function whatever it likes: all of it is made into
answers in the terms of the labels, and these are counted. No answer counts as a wrong one. Words are compared without
case and outer blanks. Who answers differently each time is asked several times, with seeds, and gets the mean.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from .answers import (
    answers_of,
    classes_of,
    counts,
    differing,
    folded,
    kinds_of,
    places,
    same,
    several,
    squared,
    strange,
)
from .contestant import FAILED, Contestant, Module, numbered
from .correlation import Spearman
from .examples import Examples
from .fault import ShrinkError, why
from .loss import LEVEL, Loss, drawn
from .metric import F1, Metric, PerPlace, Perplexity, SquaredError, by_example
from .task import LANGUAGE, Task, told_by_tokens
from .task_names import named, of_model

if TYPE_CHECKING:
    import numpy as np

MOST_VERDICTS = 3
"""Labels of a pair of texts up to which they are verdicts (alike, not, can't say); more are a scale."""
SAMPLED = 2
"""Batches that are asked again to see whether the answers are the same."""

AMOUNTS_FROM = 20
"""With more distinct whole numbers than this, and than half as many as examples, labels are taken for amounts."""


class Answered(Metric):
    """A person's own function ``metric(answers, labels) -> float``; higher is better, and its loss is a share."""

    unit = "relative"
    shared = False

    def __init__(self, function: Callable[[Any, Any], float]) -> None:
        super().__init__()
        self.function = function
        self.name = getattr(function, "__name__", type(function).__name__)

    def value(self, parts: np.ndarray) -> float:
        """Return what the function says."""
        try:
            return float(self.function(list(parts[:, 0]), list(parts[:, 1])))
        except Exception as error:  # the person's own code may raise anything; it is said and never hidden
            raise ShrinkError(f"Your metric {self.name} failed: {why(error)}.") from error

    def loss(self, original: np.ndarray, candidate: np.ndarray, level: float = LEVEL) -> Loss:
        """Resampled by example, a few hundred calls of the function."""

        from .metric import OWN_RESAMPLES

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
    strange : str
        What is wrong with the answers, one sentence; empty where nothing is.
    """

    value: float
    parts: Any
    failures: int
    varies: float = 0.0
    strange: str = ""


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
    if callable(wanted):
        return Answered(wanted)
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


def task_between(found: Sequence[Contestant], examples: Examples, asked: str | None) -> Task | None:
    """Return the task of examples with several labels each: from the person, the models, or the labels.

    Raises
    ------
    ShrinkError
        If the models are made for different ones.
    """
    labels = examples.labels
    if labels is None or not several(labels):
        return None
    made = {one for item in found if isinstance(item, Module) and (one := of_model(item.subject.model)) is not None}
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
            name = "token-classification"
    return Task(name, shift=name == "causal-lm" and told != "next")


def of_one_class(metric: Metric, labels: Any) -> str:
    """Return in one sentence that every example has the same class, which tells nobody apart; empty where not."""
    if metric.name not in ("accuracy", "F1") or len(kinds_of(labels)) > 1:
        return ""
    return f"All examples have the label {labels[0]!r:.60}, so who always says that is right."


def ask(contestant: Contestant, examples: Examples, metric: Metric, *, repeats: int, seed: int) -> Utility:
    """Ask for every example, and count.

    Parameters
    ----------
    contestant : Contestant
        Who is asked.
    examples : Examples
        What for; `ready` was called with them.
    metric : Metric
        What is counted.
    repeats : int
        How often; each with a seed of its own.
    seed : int
        The first seed.
    """
    import numpy as np

    rounds: list[tuple[Any, int, list[Any]]] = []
    for turn in range(repeats):
        _sow(seed + turn)
        rounds.append(_once(contestant, examples, metric))
    parts = rounds[0][0] if repeats == 1 else np.mean([parts for parts, _, _ in rounds], axis=0)
    said = rounds[0][2]
    if repeats > 1:
        varies = differing(said, rounds[1][2])
    else:
        _sow(seed + repeats)
        again = [
            one for place in range(min(SAMPLED, len(examples.batches))) for one in _answers(contestant, examples, place)
        ]
        varies = differing(said[: len(again)], again) if said else 0.0
    value = metric.value(parts)
    return Utility(value, parts, max(failed for _, failed, _ in rounds), varies, strange(said, examples, metric))


def loss_against(metric: Metric, best: Utility, other: Utility, level: float, *, repeats: int) -> Loss:
    """Return how much worse one is than the best, on the same examples."""
    if repeats > 1 and metric.shared:
        return by_example(metric, best.parts, other.parts, level)
    return metric.loss(best.parts, other.parts, level)


def _sow(seed: int) -> None:
    """Set the seeds that a generating model draws from; the caller puts the state back."""
    import random

    import numpy as np
    import torch

    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)


def _once(  # noqa: PLR0911 - one return a kind of metric
    contestant: Contestant, examples: Examples, metric: Metric
) -> tuple[Any, int, list[Any]]:
    """Return the parts of all examples, how many have no answer, and the answers (none kept of a language model)."""
    import numpy as np

    if isinstance(metric, Perplexity):
        return _language(contestant, examples, metric), 0, []
    said = [one for place in range(len(examples.batches)) for one in _answers(contestant, examples, place)]
    failed = sum(one is FAILED for one in said)
    labels = examples.labels
    if isinstance(metric, Answered):
        pairs = np.empty((len(said), 2), dtype=object)
        for place, (one, label) in enumerate(zip(said, labels, strict=True)):
            pairs[place, 0], pairs[place, 1] = (None if one is FAILED else one), label
        return pairs, failed, said
    if isinstance(metric, SquaredError):
        errors = [squared(one, label) for one, label in zip(said, labels, strict=True)]
        return np.asarray(errors, float)[:, None], failed, said
    if isinstance(metric, Spearman):
        numbers = [math.nan if one is FAILED else float(one) for one in said]
        return np.stack([numbers, np.asarray(labels, float)], axis=-1), failed, said
    if isinstance(metric, F1):
        return counts(said, labels, metric), failed, said
    if isinstance(metric, PerPlace):
        return places(said, labels), failed, said
    kinds = {kind: number for number, kind in enumerate(kinds_of(labels))}
    right = [(same(one, label), kinds[folded(label)]) for one, label in zip(said, labels, strict=True)]
    return np.asarray(right, float), failed, said


def _language(contestant: Contestant, examples: Examples, metric: Perplexity) -> Any:
    import numpy as np

    parts, begin = [], 0
    for place, size in enumerate(examples.sizes):
        outputs = contestant.outputs(place)
        if not hasattr(outputs, "dim") or outputs.dim() != 3:
            raise ShrinkError(f"{contestant.name} gives no scores of tokens, which perplexity needs.")
        labels = examples.labels[begin : begin + size]
        parts.append(metric.parts(outputs, labels, metric.reference(outputs)).cpu().numpy())
        begin += size
    return np.concatenate(parts)


def _answers(contestant: Contestant, examples: Examples, place: int) -> list[Any]:
    """Return the answers to a batch; where it fails as a whole, each example by itself."""
    size = examples.sizes[place]
    try:
        return answers_of(contestant, contestant.outputs(place), examples, size)
    except ShrinkError:
        raise
    except Exception:  # noqa: BLE001 - which example it was is found by asking for each alone
        found: list[Any] = []
        for number in range(size):
            try:
                found += answers_of(contestant, contestant.single(place, number), examples, 1)
            except ShrinkError:
                raise
            except Exception as error:  # noqa: BLE001 - somebody else's model; the failure is counted and named
                contestant.fault(error)
                found.append(FAILED)
        return found
