"""Narrower layers: whole channels are taken out where torch-pruning's DependencyGraph says what hangs together.

The width that layers share (the residual stream) stays: taking it away is not repaired in minutes. In a transformer the
feed-forward layers lose the same number of units each, which is a setting, so that the result loads with a plain
`from_pretrained`. What goes is what is missed least (`scores`). Repair is by distillation: without it a pruned model
answers at random, so the recipe needs examples to learn from.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from jupyter_green.shrink.batch import leaves
from jupyter_green.shrink.recipe import Case, Product, Recipe
from jupyter_green.shrink.subject import main_tensor
from jupyter_green.shrink.training import distil, too_few

from .scores import importance, no_pruning

RATIO = 0.5
"""Share of the channels that goes, unless the person says otherwise."""
RATIOS = (0.25, 0.375, 0.5, 0.625, 0.75)
"""From gentle to harsh, where the search turns the dial."""
ROUND_TO = 16


class Prune:
    """Take channels out, repair by distillation.

    Parameters
    ----------
    ratio : float, optional
        Share of the channels (or feed-forward units) that goes.
    score : {"taylor", "fisher"}
        What says which.
    """

    trains = True

    def __init__(self, ratio: float | None = None, score: str = "taylor") -> None:
        self.ratio, self.score = ratio, score
        self.name = "pruned, distilled" if ratio is None else f"pruned {100 * ratio:.0f} %, distilled"

    def applies(self, case: Case) -> str | None:
        """Only with torch-pruning, layers to prune, and something to learn from."""
        if (reason := no_pruning()) is not None:
            return reason
        ratio = self._ratio(case)
        if not 0 < ratio < 1:
            return f"A ratio of {ratio} takes nothing or everything; give a number between 0 and 1."
        if (reason := too_few(case.tune)) is not None:
            return reason
        if feed_forward(case.subject.model) or (case.subject.kind == "module" and _has_inner(case.subject.model)):
            return None
        return "There is no convolution, no feed-forward part and no layer inside that could be narrowed."

    def apply(self, case: Case) -> Product:
        """Score, prune and distil a copy."""
        model, ratio = case.subject.model, self._ratio(case)
        before = sum(parameter.numel() for parameter in model.parameters())
        scores = importance(case, model, self.score)
        wide = feed_forward(model)
        if wide:
            _prune_feed_forward(case, model, wide, ratio, scores)
        else:
            _prune_channels(case, model, ratio, scores)
        model.zero_grad(set_to_none=True)
        after = sum(parameter.numel() for parameter in model.parameters())
        if after >= before:
            raise ValueError("Pruning took nothing out of this model.")
        training = distil(
            replace(case.subject, model=model),
            case.original,
            case.tune,
            seconds=case.seconds,
            labels=case.labelled,
            tick=case.tick,
        )
        steps = ({"recipe": "pruned", "ratio": ratio, "shapes": shapes(model)},)
        note = f"{100 * (1 - after / before):.0f} % of the weights are gone."
        return Product(model, steps=steps, training=training, notes=(note,))

    def _ratio(self, case: Case) -> float:
        return float(self.ratio or case.options.get("ratio") or RATIO)

    def dial(self, case: Case) -> tuple[Sequence[Recipe], int]:
        """From a quarter to three quarters; nothing to turn where the person said how much."""
        if self.ratio is not None or case.options.get("ratio"):
            return [], 0
        return [Prune(ratio, self.score) for ratio in RATIOS], RATIOS.index(RATIO)


def feed_forward(model: Any) -> list[tuple[str, Any]]:
    """Return the wide Linear layers of a transformer, by the width its configuration names."""
    import torch

    width = getattr(getattr(model, "config", None), "intermediate_size", None)
    if not isinstance(width, int):
        return []
    return [
        (name, module)
        for name, module in model.named_modules()
        if isinstance(module, torch.nn.Linear) and module.out_features == width != module.in_features
    ]


def _has_inner(model: Any) -> bool:
    """Whether there are channels that are neither what comes in nor what goes out."""
    import torch

    modules = list(model.modules())
    convolutions = any(isinstance(module, (torch.nn.Conv1d, torch.nn.Conv2d)) for module in modules)
    return convolutions or sum(isinstance(module, torch.nn.Linear) for module in modules) > 1


def shapes(model: Any) -> dict[str, list[int]]:
    """Return the shape of every weight, by which a pruned model is built again."""
    return {name: list(tensor.shape) for name, tensor in model.state_dict().items()}


def _prune_feed_forward(case: Case, model: Any, wide: list[tuple[str, Any]], ratio: float, importance: Any) -> None:
    """Take the same number of units out of each feed-forward layer."""
    import torch_pruning as tp

    width = wide[0][1].out_features
    keep = max(ROUND_TO, ROUND_TO * round(width * (1 - ratio) / ROUND_TO))
    gone = width - keep
    if gone <= 0:
        raise ValueError(f"A width of {width} can't be narrowed by {ratio} in steps of {ROUND_TO}.")
    graph = tp.DependencyGraph().build_dependency(model, **example(case))
    for _, layer in wide:
        if layer.out_features != width:
            continue  # went together with another one (a gate)
        group = graph.get_pruning_group(layer, tp.prune_linear_out_channels, list(range(width)))
        scores = importance(group)
        graph.get_pruning_group(layer, tp.prune_linear_out_channels, scores.argsort()[:gone].tolist()).prune()
    model.config.intermediate_size = keep


def _prune_channels(case: Case, model: Any, ratio: float, importance: Any) -> None:
    import torch
    import torch_pruning as tp

    last = [module for module in model.modules() if isinstance(module, torch.nn.Linear)][-1:]
    tp.pruner.BasePruner(
        model,
        **example(case),
        importance=importance,
        pruning_ratio=ratio,
        ignored_layers=last,
        round_to=ROUND_TO // 2,
    ).step()


def example(case: Case) -> dict[str, Any]:
    """Return how torch-pruning calls the model: with two examples, outside no_grad."""
    inputs = case.tune[0].part(0, 2).to(case.subject.device).inputs
    if isinstance(inputs, Mapping):
        inputs = dict(inputs)
    elif len(leaves(inputs)) == 1:
        inputs = leaves(inputs)[0]
    return {
        "example_inputs": inputs,
        "forward_fn": lambda model, given: case.subject.call(given, model),
        "output_transform": lambda output: main_tensor(output).sum(),
    }
