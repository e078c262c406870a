"""Converts predictions of any form to answers in terms of the labels, and compares them with the labels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from jupyter_green.compression.errors import ShrinkError
from jupyter_green.compression.model.task import IGNORED
from jupyter_green.compression.quality.metric import F1, Metric

from .examples import Examples
from .model_adapter import FAILED, ModelAdapter, ModuleAdapter

CLOSE = 1e-5
"""Relative tolerance for sums taken in a different order."""
NAMELESS = (dict, set, frozenset)
"""Types of labels that only a user's metric can evaluate."""
MOST_CLASSES = 1000
"""Maximum classes for F1, which stores three numbers per class for every example."""


def answers_of(contestant: ModelAdapter, outputs: Any, examples: Examples, size: int) -> list[Any]:
    """Return outputs of any form as answers in terms of the labels; `FAILED` if there is none.

    Raises ShrinkError if the number of answers differs from `size`, the number of examples.
    """
    labels_are_words = worded(examples.labels)
    if hasattr(outputs, "dim"):
        if len(outputs) != size:
            raise ShrinkError(f"{contestant.name} gave {len(outputs)} answers for {size} examples.")
        finite = outputs.reshape(size, -1).isfinite().all(-1).tolist()
        answers = _read(contestant, outputs, size)
        names = contestant.names() if labels_are_words else None
        answers = [names.get(answer, answer) if names and isinstance(answer, int) else answer for answer in answers]
        return [answer if is_finite else FAILED for answer, is_finite in zip(answers, finite, strict=True)]
    answers = list(outputs)
    if len(answers) != size:
        raise ShrinkError(f"{contestant.name} gave {len(answers)} answers for {size} examples.")
    names = None if labels_are_words else contestant.names()
    if names:
        numbers = {str(label): number for number, label in names.items()}
        answers = [numbers.get(answer, answer) if isinstance(answer, str) else answer for answer in answers]
    # A function may return a tensor or an array for one example.
    answers = [answer.tolist() if hasattr(answer, "tolist") else answer for answer in answers]
    if not several(examples.labels):
        answers = [answer[0] if isinstance(answer, list) and len(answer) == 1 else answer for answer in answers]
    composite = next((answer for answer in answers if isinstance(answer, (list, *NAMELESS))), None)
    if composite is not None and not several(examples.labels):
        raise ShrinkError(f"{contestant.name} answers {composite!r:.60} for one example; let it give the label itself.")
    return [FAILED if answer is None or is_nan(answer) else answer for answer in answers]


def _read(contestant: ModelAdapter, outputs: Any, size: int) -> list[Any]:
    """Return a tensor of outputs as answers, by the candidate's task."""
    task = contestant.subject.task if isinstance(contestant, ModuleAdapter) else None
    if task is None or task.name == "regression":
        flat = outputs.reshape(size, -1)
        answers = flat[:, 0] if flat.shape[1] == 1 else flat
    else:
        answers = task.answers(outputs)
        answers = answers.reshape(size) if answers.numel() == size else answers
    values: list[Any] = answers.tolist()
    return values


def several(labels: Any) -> bool:
    """Whether each example has more than one label."""
    return hasattr(labels, "dim") or any(isinstance(label, (list, tuple, *NAMELESS)) for label in labels)


def places(said: Sequence[Any], labels: Any, ignored: int = IGNORED) -> Any:
    """Return correct and labelled elements of each example; an answer of another length has none correct."""
    import numpy as np

    parts = np.zeros((len(said), 2))
    for row, (prediction, label) in enumerate(zip(said, labels, strict=True)):
        wanted = np.asarray(label).ravel()
        labelled = wanted != ignored
        parts[row, 1] = labelled.sum()
        answer = (
            None
            if prediction is FAILED or isinstance(prediction, str)
            else np.asarray(prediction, dtype=object).ravel()
        )
        if answer is not None and len(answer) == len(wanted):
            parts[row, 0] = (answer == wanted)[labelled].sum()
    return parts


def same(answer: Any, label: Any) -> bool:
    """Whether an answer equals the label, ignoring case and surrounding blanks of words."""
    if answer is FAILED:
        return False
    if isinstance(answer, str) and isinstance(label, str):
        return answer.strip().casefold() == label.strip().casefold()
    return bool(answer == label)


def classes_of(labels: Sequence[Any]) -> dict[Any, int]:
    """Return each class and its number, in order of first occurrence."""
    numbers: dict[Any, int] = {}
    for label in labels:
        numbers.setdefault(folded(label), len(numbers))
    if len(numbers) > MOST_CLASSES:
        raise ShrinkError(f"There are {len(numbers)} classes in the labels; F1 takes at most {MOST_CLASSES}.")
    return numbers


def counts(said: Sequence[Any], labels: Sequence[Any], metric: F1) -> Any:
    """Return hits, false positives and false negatives of each class; the last class is any non-label answer."""
    import numpy as np

    numbers = classes_of(labels)
    other, count = len(numbers), metric.classes
    predicted = np.array([numbers.get(folded(answer), other) for answer in said])
    true = np.array([numbers[folded(label)] for label in labels])
    parts = np.zeros((len(said), 3 * count))
    rows = np.arange(len(said))
    hit = predicted == true
    parts[rows[hit], true[hit]] = 1
    parts[rows[~hit], count + predicted[~hit]] = 1
    parts[rows[~hit], 2 * count + true[~hit]] = 1
    return parts


def folded(value: Any) -> Any:
    """Return a word without case and surrounding blanks; anything else unchanged."""
    return value.strip().casefold() if isinstance(value, str) else value


def as_number(answer: Any) -> float:
    """Return an answer as a number; NaN if there is none. Raises ShrinkError if it is something else."""
    try:
        return math.nan if answer is FAILED else float(answer)
    except (TypeError, ValueError):
        raise ShrinkError(f"It answers {answer!r:.60}, and the labels are numbers.") from None


def squared(answer: Any, label: Any) -> float:
    """Return the squared error of an answer; NaN if there is none."""
    import numpy as np

    if answer is FAILED:
        return math.nan
    answer = np.asarray(answer, float).ravel() if isinstance(answer, (list, tuple)) else np.array([as_number(answer)])
    label = np.asarray(label, float).ravel()
    if len(answer) != len(label):
        raise ShrinkError(f"An answer has {len(answer)} numbers and its label {len(label)}.")
    return float(((answer - label) ** 2).mean())


def differing(first: Sequence[Any], second: Sequence[Any]) -> float:
    """Return the share of answers that differ between two repeats."""
    if not first or len(first) != len(second):
        return 0.0
    return sum(not _alike(answer, other) for answer, other in zip(first, second, strict=True)) / len(first)


def _alike(one: Any, other: Any) -> bool:
    """Whether two answers are equal; numbers within the tolerance."""
    import numpy as np

    if one is other or isinstance(one, str) or one is FAILED or other is FAILED:
        return one is other or same(one, other)
    try:
        return bool(np.allclose(np.asarray(one, float), np.asarray(other, float), rtol=CLOSE, equal_nan=True))
    except (TypeError, ValueError):  # not numbers, or of different lengths
        return same(one, other)


def strange(said: Sequence[Any], examples: Examples, metric: Metric) -> str:
    """Return a message if the answers are not of the expected kind; empty otherwise."""
    if not said or metric.kind not in ("accuracy", "F1") or len(kinds_of(examples.labels)) > len(examples) / 2:
        return ""
    wanted = kinds_of(examples.labels)
    pairs = examples.form == "pairs"
    expected_count = sum(folded(answer) in wanted for answer in said if answer is not FAILED)
    # Similarity scores of pairs are fractions, but 1 for equal texts.
    if expected_count > (len(said) / 2 if pairs else 0):
        return ""
    unexpected = next((answer for answer in said if answer is not FAILED and folded(answer) not in wanted), None)
    if unexpected is None:
        return ""
    shown = ", ".join(repr(answer) for answer in list(wanted)[:4])
    hint = " Scores of pairs are evaluated by metric='spearman'." if pairs else ""
    fraction = isinstance(unexpected, float) and not unexpected.is_integer()
    if fraction and not pairs and all(isinstance(answer, (int, float)) for answer in wanted):
        hint = " Where these are amounts, give metric='mse' (--metric mse)."
    amount = "Few of its answers are" if expected_count else "None of its answers is"
    return f"{amount} among the labels: it says {unexpected!r:.60}, and the labels are {shown}.{hint}"


def kinds_of(labels: Sequence[Any]) -> dict[Any, None]:
    """Return the distinct labels in order of first occurrence."""
    return dict.fromkeys(folded(label) for label in labels)


def worded(labels: Any) -> bool:
    """Whether labels are words."""
    return isinstance(labels, list) and any(isinstance(label, str) for label in labels)


def is_nan(value: Any) -> bool:
    """Whether an answer is NaN."""
    return isinstance(value, float) and math.isnan(value)
