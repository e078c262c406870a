"""The encoder inside a sentence-transformers model: what is exported, and put back so that `encode` works as before."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

from jupyter_green.compression.model.source_model import SourceModel

from .recipe import RecipeContext


def encoder_of(model: Any) -> str | None:
    """Return the name of the one transformers model inside; None where there is none, or more than one."""
    found: list[str] = []
    for name, module in model.named_modules():
        kinds = {f"{base.__module__.partition('.')[0]}.{base.__name__}" for base in type(module).__mro__}
        inside = any(name.startswith(f"{outer}.") for outer in found)
        if name and not inside and "transformers.PreTrainedModel" in kinds:
            found.append(name)
    return found[0] if len(found) == 1 else None


def opened(case: RecipeContext, name: str) -> RecipeContext:
    """Return the case of what is inside; it takes the same inputs by name."""

    def inner(subject: SourceModel) -> SourceModel:
        return replace(subject, model=subject.model.get_submodule(name), kind="transformers")

    return replace(case, subject=inner(case.subject), original=inner(case.original))


def put(model: Any, name: str, inner: Any) -> Any:
    """Return a copy of a model with something else in that place, which keeps the settings that are asked for there."""
    before = model.get_submodule(name)
    inner.config = getattr(before, "config", None)
    made = copy.deepcopy(model, {id(before): inner})
    made.eval()
    return made


def within(model: Any, layer: str) -> str:
    """Return a layer's name as it is called from inside: the longest end of it that names a part of `model`."""
    names = dict(model.named_modules())
    while layer not in names and "." in layer:
        layer = layer.partition(".")[2]
    return layer
