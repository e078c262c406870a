"""Published energy of a task, shown beside a comparison; never as a ratio, since machine and boundary differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from jupyter_green.compression.errors import ShrinkError
from jupyter_green.impact.published_figures import Reference, references, tasks
from jupyter_green.reporting import numbers

WATT_HOUR = 3600.0
"""Joules per watt-hour."""
PIPELINES = {
    "text-classification": "text classification",
    "sentiment-analysis": "text classification",
    "question-answering": "extractive QA",
    "fill-mask": "masked language modelling",
    "token-classification": "token classification",
    "ner": "token classification",
    "image-classification": "image classification",
    "object-detection": "object detection",
    "summarization": "summarization",
    "text-generation": "text generation",
    "image-to-text": "image captioning",
}
"""Published tasks by their names in transformers."""


def task_of(models: Mapping[str, Any] | Sequence[Any]) -> str | None:
    """Return the published task of all pipelines among the candidates; None if there is none."""
    candidates = models.values() if isinstance(models, Mapping) else models
    names = {str(getattr(model, "task", "")) for model in candidates} - {""}
    return PIPELINES.get(names.pop()) if len(names) == 1 else None


def published(task: str | None) -> list[str]:
    """Return the published energy of a task, one sentence per boundary, and a note that no ratio is given.

    The task is as in `jupyter_green.impact.published_figures` or in transformers; nothing for None. Raises ShrinkError
    if nothing is published for it.
    """
    if task is None:
        return []
    name = PIPELINES.get(task.strip().lower(), task.strip())
    figures = [
        figure for figure in references() if figure.task.casefold() == name.casefold() and figure.unit == "query"
    ]
    if not figures:
        raise ShrinkError(f"Nothing published is known of the task {task!r}; there is {', '.join(tasks())}.")
    sentences = []
    for boundary in dict.fromkeys(figure.boundary for figure in figures):
        same_boundary = [figure for figure in figures if figure.boundary == boundary]
        sentences.append(f"Published for {name}: {_amount(same_boundary)} ({boundary}; {same_boundary[0].source}).")
    return [
        *sentences,
        "These have another boundary and machine than the figures here, so no ratio is given.",
    ]


def _amount(found: Sequence[Reference]) -> str:
    """Return the mean over models with its standard deviation if published, else the range over models."""
    mean = next((one for one in found if not one.model), None)
    if mean is not None:
        spread = "" if mean.spread is None else f", standard deviation {_joules(mean.spread)}"
        return f"{_joules(mean.wh_per_1000)} each on average of {mean.count} measurements{spread}"
    lowest, highest = (pick(found, key=lambda one: one.wh_per_1000) for pick in (min, max))
    return f"{_joules(lowest.wh_per_1000)} each ({lowest.model}) to {_joules(highest.wh_per_1000)} ({highest.model})"


def _joules(wh_per_1000: float) -> str:
    return numbers.plain(numbers.energy(wh_per_1000 * WATT_HOUR / 1000).head)
