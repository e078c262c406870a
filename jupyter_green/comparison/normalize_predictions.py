"""What a candidate answered, in the terms of the labels, and whether it is what was wanted."""

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
"""By how much (relative) the same may come out of one sum taken in two orders."""
NAMELESS = (dict, set, frozenset)
"""Kinds of labels that a person's own metric alone can judge."""
MOST_CLASSES = 1000
"""Classes of which F1 is told at most: three numbers of each are kept for every example."""


def answers_of(contestant: ModelAdapter, outputs: Any, examples: Examples, size: int) -> list[Any]:
    """Return outputs of whatever form as answers in the terms of the labels; `FAILED` where there is none.

    Parameters
    ----------
    contestant : ModelAdapter
        Whose they are.
    outputs : object
        What it gave.
    examples : Examples
        What for.
    size : int
        How many examples.

    Raises
    ------
    ShrinkError
        If there are not as many answers as examples.
    """
    words = worded(examples.labels)
    if hasattr(outputs, "dim"):
        if len(outputs) != size:
            raise ShrinkError(f"{contestant.name} gave {len(outputs)} answers for {size} examples.")
        finite = outputs.reshape(size, -1).isfinite().all(-1).tolist()
        found = _read(contestant, outputs, size)
        names = contestant.names() if words else None
        found = [names.get(one, one) if names and isinstance(one, int) else one for one in found]
        return [one if good else FAILED for one, good in zip(found, finite, strict=True)]
    found = list(outputs)
    if len(found) != size:
        raise ShrinkError(f"{contestant.name} gave {len(found)} answers for {size} examples.")
    names = None if words else contestant.names()
    if names:
        numbers = {str(label): number for number, label in names.items()}
        found = [numbers.get(one, one) if isinstance(one, str) else one for one in found]
    found = [one.tolist() if hasattr(one, "tolist") else one for one in found]  # a tensor or an array for one example
    if not several(examples.labels):
        found = [one[0] if isinstance(one, list) and len(one) == 1 else one for one in found]
    many = next((one for one in found if isinstance(one, (list, *NAMELESS))), None)
    if many is not None and not several(examples.labels):
        raise ShrinkError(f"{contestant.name} answers {many!r:.60} for one example; let it give the label itself.")
    return [FAILED if one is None or is_nan(one) else one for one in found]


def _read(contestant: ModelAdapter, outputs: Any, size: int) -> list[Any]:
    """Return a tensor of outputs as the answers it is read as."""
    task = contestant.subject.task if isinstance(contestant, ModuleAdapter) else None
    if task is None or task.name == "regression":
        flat = outputs.reshape(size, -1)
        answers = flat[:, 0] if flat.shape[1] == 1 else flat
    else:
        answers = task.answers(outputs)
        answers = answers.reshape(size) if answers.numel() == size else answers
    found: list[Any] = answers.tolist()
    return found


def several(labels: Any) -> bool:
    """Whether each example has more than one label."""
    return hasattr(labels, "dim") or any(isinstance(label, (list, tuple, *NAMELESS)) for label in labels)


def places(said: Sequence[Any], labels: Any, ignored: int = IGNORED) -> Any:
    """Return right and labelled places of each example; an answer of another length has none right."""
    import numpy as np

    parts = np.zeros((len(said), 2))
    for place, (one, label) in enumerate(zip(said, labels, strict=True)):
        wanted = np.asarray(label).ravel()
        known = wanted != ignored
        parts[place, 1] = known.sum()
        answer = None if one is FAILED or isinstance(one, str) else np.asarray(one, dtype=object).ravel()
        if answer is not None and len(answer) == len(wanted):
            parts[place, 0] = (answer == wanted)[known].sum()
    return parts


def same(answer: Any, label: Any) -> bool:
    """Whether an answer is the label; words without case and outer blanks."""
    if answer is FAILED:
        return False
    if isinstance(answer, str) and isinstance(label, str):
        return answer.strip().casefold() == label.strip().casefold()
    return bool(answer == label)


def classes_of(labels: Sequence[Any]) -> dict[Any, int]:
    """Return each class and its number, in the order in which they occur."""
    found: dict[Any, int] = {}
    for label in labels:
        found.setdefault(folded(label), len(found))
    if len(found) > MOST_CLASSES:
        raise ShrinkError(f"There are {len(found)} classes in the labels; F1 is told of {MOST_CLASSES} at most.")
    return found


def counts(said: Sequence[Any], labels: Sequence[Any], metric: F1) -> Any:
    """Return hits, false alarms and misses of each class; the last class is any answer that is none of the labels."""
    import numpy as np

    known = classes_of(labels)
    other, count = len(known), metric.classes
    told = np.array([known.get(folded(one), other) for one in said])
    true = np.array([known[folded(label)] for label in labels])
    parts = np.zeros((len(said), 3 * count))
    rows = np.arange(len(said))
    hit = told == true
    parts[rows[hit], true[hit]] = 1
    parts[rows[~hit], count + told[~hit]] = 1
    parts[rows[~hit], 2 * count + true[~hit]] = 1
    return parts


def folded(value: Any) -> Any:
    """Return a word without case and outer blanks; anything else as it is."""
    return value.strip().casefold() if isinstance(value, str) else value


def as_number(answer: Any) -> float:
    """Return an answer as a number; no number where there is none.

    Raises
    ------
    ShrinkError
        If it is something else.
    """
    try:
        return math.nan if answer is FAILED else float(answer)
    except (TypeError, ValueError):
        raise ShrinkError(f"It answers {answer!r:.60}, and the labels are numbers.") from None


def squared(answer: Any, label: Any) -> float:
    """Return the squared error of an answer; no number where there is none."""
    import numpy as np

    if answer is FAILED:
        return math.nan
    answer = np.asarray(answer, float).ravel() if isinstance(answer, (list, tuple)) else np.array([as_number(answer)])
    label = np.asarray(label, float).ravel()
    if len(answer) != len(label):
        raise ShrinkError(f"An answer has {len(answer)} numbers and its label {len(label)}.")
    return float(((answer - label) ** 2).mean())


def differing(first: Sequence[Any], second: Sequence[Any]) -> float:
    """Return which share of the answers differs between two times of asking."""
    if not first or len(first) != len(second):
        return 0.0
    return sum(not _alike(one, other) for one, other in zip(first, second, strict=True)) / len(first)


def _alike(one: Any, other: Any) -> bool:
    """Whether two answers are the same, numbers but for the order in which they were summed."""
    import numpy as np

    if one is other or isinstance(one, str) or one is FAILED or other is FAILED:
        return one is other or same(one, other)
    try:
        return bool(np.allclose(np.asarray(one, float), np.asarray(other, float), rtol=CLOSE, equal_nan=True))
    except (TypeError, ValueError):  # no numbers, or not as many
        return same(one, other)


def strange(said: Sequence[Any], examples: Examples, metric: Metric) -> str:
    """Return in one sentence that the answers can't be what was asked for; empty where they can."""
    if not said or metric.name not in ("accuracy", "F1") or len(kinds_of(examples.labels)) > len(examples) / 2:
        return ""
    wanted = kinds_of(examples.labels)
    pairs = examples.form == "pairs"
    known = sum(folded(one) in wanted for one in said if one is not FAILED)
    # How alike two texts are is a fraction, and 1 for the same text twice.
    if known > (len(said) / 2 if pairs else 0):
        return ""
    given = next((one for one in said if one is not FAILED and folded(one) not in wanted), None)
    if given is None:
        return ""
    shown = ", ".join(repr(one) for one in list(wanted)[:4])
    hint = " Scores of pairs are judged by metric='spearman'." if pairs else ""
    fraction = isinstance(given, float) and not given.is_integer()
    if fraction and not pairs and all(isinstance(one, (int, float)) for one in wanted):
        hint = " Where these are amounts, give metric='mse' (--metric mse)."
    few = "Few of its answers are" if known else "None of its answers is"
    return f"{few} among the labels: it says {given!r:.60}, and the labels are {shown}.{hint}"


def kinds_of(labels: Sequence[Any]) -> dict[Any, None]:
    """Return the distinct labels, in the order in which they occur."""
    return dict.fromkeys(folded(label) for label in labels)


def worded(labels: Any) -> bool:
    """Whether labels are words."""
    return isinstance(labels, list) and any(isinstance(label, str) for label in labels)


def is_nan(value: Any) -> bool:
    """Whether an answer is no number."""
    return isinstance(value, float) and math.isnan(value)
