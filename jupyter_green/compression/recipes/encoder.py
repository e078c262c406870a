"""The encoder in a sentence-transformers model: it is exported alone and put back, so that `encode` works as before."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

from jupyter_green.compression.model.source_model import SourceModel

from .recipe import RecipeContext


def encoder_of(model: Any) -> str | None:
    """Return the name of the only transformers model inside; None if there is none, or more than one."""
    encoders: list[str] = []
    for name, module in model.named_modules():
        kinds = {f"{base.__module__.partition('.')[0]}.{base.__name__}" for base in type(module).__mro__}
        inside = any(name.startswith(f"{outer}.") for outer in encoders)
        if name and not inside and "transformers.PreTrainedModel" in kinds:
            encoders.append(name)
    return encoders[0] if len(encoders) == 1 else None


def opened(case: RecipeContext, name: str) -> RecipeContext:
    """Return the context for the encoder alone; it takes the same inputs by name."""

    def inner(subject: SourceModel) -> SourceModel:
        return replace(subject, model=subject.model.get_submodule(name), kind="transformers")

    return replace(case, subject=inner(case.subject), original=inner(case.original))


def put(model: Any, name: str, inner: Any) -> Any:
    """Return a copy of a model with a module replaced; the new one gets the old one's configuration."""
    before = model.get_submodule(name)
    inner.config = getattr(before, "config", None)
    result = copy.deepcopy(model, {id(before): inner})
    result.eval()
    return result


def within(model: Any, layer: str) -> str:
    """Return a layer's name relative to `model`: the longest suffix that names one of its modules."""
    names = dict(model.named_modules())
    while layer not in names and "." in layer:
        layer = layer.partition(".")[2]
    return layer
