"""Fewer attention heads: the same number goes from each layer, by what is missed least; the residual width stays.

Query, key, value and output projection hang together in torch-pruning's DependencyGraph. A pruned layer forwards even
with the old number of heads in its attributes, and mixes heads up; so the attributes follow, and are written down for
loading. A configuration has no place for it: such a model loads with `green.load`, not with a plain `from_pretrained`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from jupyter_green.compression.model.source_model import made_anew

from .recipe import Recipe, RecipeContext, RecipeResult
from .scores import importance, no_pruning
from .training import distil, too_few

RATIO = 0.25
RATIOS = (0.25, 0.5)
PARTS = (("query", "key", "value"), ("q_proj", "k_proj", "v_proj"), ("q_lin", "k_lin", "v_lin"))
"""What the three projections are called in transformers."""
COUNTS = ("num_attention_heads", "num_heads", "n_heads")
WIDTHS = ("all_head_size", "embed_dim")


class Heads:
    """Take heads out, repair by distillation.

    Parameters
    ----------
    ratio : float, optional
        Share of the heads of each layer that goes.
    score : {"taylor", "fisher"}
        What says which.
    """

    trains = True

    def __init__(self, ratio: float | None = None, score: str = "taylor") -> None:
        self.ratio, self.score = ratio, score
        self.name = "fewer heads, distilled" if ratio is None else f"{100 * ratio:.0f} % fewer heads, distilled"

    def applies(self, case: RecipeContext) -> str | None:
        """Only with torch-pruning, attention as transformers writes it, and something to learn from."""
        if (reason := no_pruning() or too_few(case.tune)) is not None:
            return reason
        found = attentions(case.subject.model)
        if not found:
            return "There is no attention whose heads could be counted, or keys share heads."
        counts = {count for _, _, count in found}
        if len(counts) > 1 or self._gone(counts.pop()) < 1:
            return "Its layers have too few heads, or not the same number of them."
        return None

    def apply(self, case: RecipeContext) -> RecipeResult:
        """Score, prune and distil a copy."""
        import torch
        import torch_pruning as tp

        from .pruning import example

        model = case.subject.model
        found = attentions(model)
        count = found[0][2]
        keep = count - self._gone(count)
        scores = importance(case, model, self.score)
        projections = {part: count for _, parts, _ in found for part in parts}
        others = [
            module
            for module in model.modules()
            if isinstance(module, (torch.nn.Linear, torch.nn.Embedding, torch.nn.Conv2d)) and module not in projections
        ]
        before = found[0][1][0].out_features
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
            ignored_layers=others,
        ).step()
        model.zero_grad(set_to_none=True)
        if any(part.out_features != before * keep // count for _, parts, _ in found for part in parts):
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
        """A quarter or half of them; nothing to turn where the person said how many."""
        return ([], 0) if self.ratio is not None else ([Heads(ratio, self.score) for ratio in RATIOS], 0)

    def _gone(self, count: int) -> int:
        return min(count - 1, round(count * (RATIO if self.ratio is None else self.ratio)))


def attentions(model: Any) -> list[tuple[str, list[Any], int]]:
    """Return name, projections and number of heads of each attention whose three projections are of one width."""
    import torch

    found = []
    for name, module in model.named_modules():
        for parts in PARTS:
            held: list[Any] = [getattr(module, part, None) for part in parts]
            if not all(isinstance(part, torch.nn.Linear) and not made_anew(part) for part in held):
                continue
            count = next((getattr(module, own) for own in COUNTS if isinstance(getattr(module, own, None), int)), None)
            if count is None:
                size = getattr(module, "head_dim", None) or getattr(module, "attention_head_size", None)
                count = held[0].out_features // size if isinstance(size, int) and size else None
            if count and len({part.out_features for part in held}) == 1:
                found.append((name, held, count))
    return found


def set_heads(model: Any, count: int) -> None:
    """Write how many heads each attention has into its attributes.

    Raises
    ------
    ValueError
        If there is no attention, or its width doesn't go with it.
    """
    found = attentions(model)
    if not found or count < 1 or any(parts[0].out_features % count for _, parts, _ in found):
        raise ValueError(f"There is no attention that can have {count} heads in this model.")
    for name, parts, _ in found:
        module = model.get_submodule(name)
        for own in COUNTS:
            if isinstance(getattr(module, own, None), int):
                setattr(module, own, count)
        for own in WIDTHS:
            if isinstance(getattr(module, own, None), int):
                setattr(module, own, parts[0].out_features)
