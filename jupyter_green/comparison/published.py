"""What a task was published to cost, beside a comparison: other parts of another machine, so never as a ratio."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from jupyter_green.compression.errors import ShrinkError
from jupyter_green.impact.published_figures import Reference, references, tasks
from jupyter_green.reporting import numbers

WATT_HOUR = 3600.0
"""Joules."""
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
"""What transformers calls tasks that were published."""


def task_of(models: Mapping[str, Any] | Sequence[Any]) -> str | None:
    """Return the published task that all pipelines among the candidates are for; None where there is no such."""
    given = models.values() if isinstance(models, Mapping) else models
    found = {str(getattr(model, "task", "")) for model in given} - {""}
    return PIPELINES.get(found.pop()) if len(found) == 1 else None


def published(task: str | None) -> list[str]:
    """Return what a task was published to cost, a sentence for each boundary, and that no ratio is told.

    Parameters
    ----------
    task : str or None
        As `jupyter_green.impact.published_figures` names it, or transformers does; nothing is said without one.

    Raises
    ------
    ShrinkError
        If nothing was published of it.
    """
    if task is None:
        return []
    name = PIPELINES.get(task.strip().lower(), task.strip())
    found = [one for one in references() if one.task.casefold() == name.casefold() and one.unit == "query"]
    if not found:
        raise ShrinkError(f"Nothing published is known of the task {task!r}; there is {', '.join(tasks())}.")
    said = []
    for boundary in dict.fromkeys(one.boundary for one in found):
        beside = [one for one in found if one.boundary == boundary]
        said.append(f"Published for {name}: {_amount(beside)} ({boundary}; {beside[0].source}).")
    return [*said, "These cover other parts of another machine than the figures here, so no ratio to them is told."]


def _amount(found: Sequence[Reference]) -> str:
    """Return the mean over models with its spread where that was published, else from which to which model."""
    mean = next((one for one in found if not one.model), None)
    if mean is not None:
        spread = "" if mean.spread is None else f", standard deviation {_joules(mean.spread)}"
        return f"{_joules(mean.wh_per_1000)} each on average of {mean.count} measurements{spread}"
    least, most = (pick(found, key=lambda one: one.wh_per_1000) for pick in (min, max))
    return f"{_joules(least.wh_per_1000)} each ({least.model}) to {_joules(most.wh_per_1000)} ({most.model})"


def _joules(wh_per_1000: float) -> str:
    return numbers.plain(numbers.energy(wh_per_1000 * WATT_HOUR / 1000).head)
