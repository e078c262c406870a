"""Fewer attention heads: the same number is removed from each layer, least important first; the residual width is kept.

torch-pruning's DependencyGraph connects query, key, value and output projection. A pruned layer also needs its head
count updated: with the old one it still runs, but mixes heads up. The count is stored for loading. A configuration
can't express this, so such a model loads with `green.load` and not with a plain `from_pretrained`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from jupyter_green.compression.model.source_model import weight_is_computed

from .recipe import Recipe, RecipeContext, RecipeResult
from .scores import importance, no_pruning
from .training import distil, too_few

RATIO = 0.25
RATIOS = (0.25, 0.5)
PARTS = (("query", "key", "value"), ("q_proj", "k_proj", "v_proj"), ("q_lin", "k_lin", "v_lin"))
"""Names of the three projections in transformers."""
COUNTS = ("num_attention_heads", "num_heads", "n_heads")
WIDTHS = ("all_head_size", "embed_dim")


class Heads:
    """Remove a share of each layer's attention heads by importance ("taylor" or "fisher"), then distil."""

    trains = True

    def __init__(self, ratio: float | None = None, score: str = "taylor") -> None:
        self.ratio, self.score = ratio, score
        self.name = "fewer heads, distilled" if ratio is None else f"{100 * ratio:.0f} % fewer heads, distilled"

    def applies(self, case: RecipeContext) -> str | None:
        """Only with torch-pruning, attention as in transformers, and enough examples for distillation."""
        if (reason := no_pruning() or too_few(case.tune)) is not None:
            return reason
        layers = attentions(case.subject.model)
        if not layers:
            return "No prunable attention heads."
        counts = {count for _, _, count in layers}
        if len(counts) > 1 or self._gone(counts.pop()) < 1:
            return "Its layers have too few heads, or not the same number of them."
        return None

    def apply(self, case: RecipeContext) -> RecipeResult:
        """Compute importance, then prune and distil a copy."""
        import torch
        import torch_pruning as tp

        from .pruning import example

        model = case.subject.model
        layers = attentions(model)
        count = layers[0][2]
        keep = count - self._gone(count)
        scores = importance(case, model, self.score)
        projections = {part: count for _, parts, _ in layers for part in parts}
        ignored = [
            module
            for module in model.modules()
            if isinstance(module, (torch.nn.Linear, torch.nn.Embedding, torch.nn.Conv2d)) and module not in projections
        ]
        before = layers[0][1][0].out_features
        share = 1 - keep / count
        tp.pruner.BasePruner(
            model,
            **example(case),
            importance=scores,
            pruning_ratio=share,
            head_pruning_ratio=share,
            num_heads=dict(projections),
            prune_num_heads=True,
            prune_head_dims=False,
            ignored_layers=ignored,
        ).step()
        model.zero_grad(set_to_none=True)
        if any(part.out_features != before * keep // count for _, parts, _ in layers for part in parts):
            raise ValueError("Pruning did not take the same heads out of query, key and value.")
        set_heads(model, keep)
        training = distil(
            replace(case.subject, model=model),
            case.original,
            case.tune,
            seconds=case.seconds,
            labels=case.labelled,
            tick=case.tick,
        )
        steps = ({"recipe": "heads", "kept": keep, "of": count},)
        return RecipeResult(
            model, steps=steps, training=training, notes=(f"{keep} of {count} heads are kept in each layer.",)
        )

    def dial(self, case: RecipeContext) -> tuple[Sequence[Recipe], int]:
        """A quarter or half of the heads; none where the user fixed it."""
        return ([], 0) if self.ratio is not None else ([Heads(ratio, self.score) for ratio in RATIOS], 0)

    def _gone(self, count: int) -> int:
        return min(count - 1, round(count * (RATIO if self.ratio is None else self.ratio)))


def attentions(model: Any) -> list[tuple[str, list[Any], int]]:
    """Return name, projections and number of heads of each attention whose three projections have one width."""
    import torch

    layers = []
    for name, module in model.named_modules():
        for parts in PARTS:
            projections: list[Any] = [getattr(module, part, None) for part in parts]
            if not all(isinstance(part, torch.nn.Linear) and not weight_is_computed(part) for part in projections):
                continue
            count = next(
                (
                    getattr(module, attribute)
                    for attribute in COUNTS
                    if isinstance(getattr(module, attribute, None), int)
                ),
                None,
            )
            if count is None:
                size = getattr(module, "head_dim", None) or getattr(module, "attention_head_size", None)
                count = projections[0].out_features // size if isinstance(size, int) and size else None
            if count and len({part.out_features for part in projections}) == 1:
                layers.append((name, projections, count))
    return layers


def set_heads(model: Any, count: int) -> None:
    """Set the number of heads of each attention.

    Raises ValueError if there is no attention, or a width is not divisible by the number.
    """
    layers = attentions(model)
    if not layers or count < 1 or any(parts[0].out_features % count for _, parts, _ in layers):
        raise ValueError(f"There is no attention that can have {count} heads in this model.")
    for name, parts, _ in layers:
        module = model.get_submodule(name)
        for attribute in COUNTS:
            if isinstance(getattr(module, attribute, None), int):
                setattr(module, attribute, count)
        for attribute in WIDTHS:
            if isinstance(getattr(module, attribute, None), int):
                setattr(module, attribute, parts[0].out_features)
