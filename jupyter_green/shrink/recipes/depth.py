"""Fewer layers: a copy that keeps some layers of the original, and learns from the original to do without the others.

In transformers the number of layers is a setting, so that what comes out loads with a plain `from_pretrained`. Without
examples to learn from, leaving layers out ruins a model: the recipe then does not apply.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from jupyter_green.shrink.recipe import Case, Product, Recipe
from jupyter_green.shrink.training import distil, too_few

SETTINGS = ("num_hidden_layers", "n_layers", "n_layer", "num_layers")
"""What configurations call the number of layers."""
KEPT = 2 / 3
"""Share of the layers that is kept, unless the person says how many."""


class Depth:
    """Keep some layers, repair by distillation."""

    trains = True

    def __init__(self, layers: int | None = None) -> None:
        self.layers = layers
        self.name = (
            "fewer layers, distilled" if layers is None else f"{layers} layer{'s' if layers > 1 else ''}, distilled"
        )

    def applies(self, case: Case) -> str | None:
        """Only where layers follow each other in a list and there is something to learn from."""
        found = layer_list(case.subject.model)
        if found is None:
            return "The model has no list of like layers."
        if (reason := too_few(case.tune)) is not None:
            return reason
        keep = self._keep(case, len(found[1]))
        if not 0 < keep < len(found[1]):
            return f"{keep} of {len(found[1])} layers can't be kept as fewer."
        return None

    def apply(self, case: Case) -> Product:
        """Take layers out of a copy and distil."""
        model = case.subject.model
        name, layers = layer_list(model) or ("", [])
        chosen = evenly(len(layers), self._keep(case, len(layers)))
        keep_layers(model, name, chosen)
        training = distil(
            replace(case.subject, model=model),
            case.original,
            case.tune,
            seconds=case.seconds,
            labels=case.labelled,
            tick=case.tick,
        )
        steps = ({"recipe": "depth", "list": name, "kept": chosen, "of": len(layers)},)
        note = f"Layers {', '.join(map(str, chosen))} of {len(layers)} are kept."
        return Product(model, steps=steps, training=training, notes=(note,))

    def dial(self, case: Case) -> tuple[Sequence[Recipe], int]:
        """One layer less each time; nothing to turn where the person said how many."""
        found = layer_list(case.subject.model)
        if self.layers is not None or case.options.get("layers") or found is None:
            return [], 0
        count = len(found[1])
        return [Depth(keep) for keep in range(count - 1, 0, -1)], count - 1 - self._keep(case, count)

    def _keep(self, case: Case, count: int) -> int:
        return int(self.layers or case.options.get("layers") or max(1, round(KEPT * count)))


def layer_list(model: Any) -> tuple[str, Any] | None:
    """Return name and list of the longest row of layers of one class; None where there is none of two or more."""
    import torch

    found = [
        (name, module)
        for name, module in model.named_modules()
        if isinstance(module, torch.nn.ModuleList) and len(module) > 1 and len({type(layer) for layer in module}) == 1
    ]
    return max(found, key=lambda item: len(item[1]), default=None)


def evenly(count: int, keep: int) -> list[int]:
    """Return which of `count` layers to keep: the first, the last, and evenly between them."""
    if keep == 1:
        return [0]
    return [round(place * (count - 1) / (keep - 1)) for place in range(keep)]


def keep_layers(model: Any, name: str, chosen: list[int]) -> None:
    """Keep the chosen layers of a list; its setting and the layers' own numbers follow.

    Raises
    ------
    ValueError
        If the list is not there or is too short.
    """
    import torch

    parent_name, _, own = name.rpartition(".")
    parent = model.get_submodule(parent_name)
    layers = getattr(parent, own, None)
    if not isinstance(layers, torch.nn.ModuleList) or not chosen or max(chosen) >= len(layers) or min(chosen) < 0:
        raise ValueError(f"There is no list {name!r} of more than {max(chosen, default=0)} layers in this model.")
    before = len(layers)
    setattr(parent, own, torch.nn.ModuleList([layers[place] for place in chosen]))
    for number, layer in enumerate(getattr(parent, own)):
        for module in layer.modules():
            if isinstance(getattr(module, "layer_idx", None), int):
                module.layer_idx = number
    config = getattr(model, "config", None)
    for setting in SETTINGS:
        if getattr(config, setting, None) == before:
            setattr(config, setting, len(chosen))
    kinds = getattr(config, "layer_types", None)
    if config is not None and isinstance(kinds, list) and len(kinds) == before:
        config.layer_types = [kinds[place] for place in chosen]
