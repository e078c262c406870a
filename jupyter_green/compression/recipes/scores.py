"""Importance of channels for pruning: first-order Taylor expansion or Fisher information.

Taylor estimates the change of the loss to first order if a channel were removed. Fisher uses the mean squared gradients
of batches as an estimate of the curvature, which is more stable where gradients are near 0. Labels are used if there
are any; otherwise the model's own predictions.
"""

from __future__ import annotations

from typing import Any

from jupyter_green.compression.errors import ShrinkError
from jupyter_green.compression.model.task import task_of

from .recipe import RecipeContext

SCORES = ("taylor", "fisher")
BATCHES = 8


def no_pruning() -> str | None:
    """Return why pruning is not available; None if it is."""
    import importlib.util

    if importlib.util.find_spec("torch_pruning") is None:
        return "torch-pruning is not installed; run: pip install 'jupyter_green[shrink]'."
    return None


def importance(case: RecipeContext, model: Any, score: str) -> Any:
    """Return torch-pruning's importance, with gradients from the calibration examples.

    The gradients are left in the parameters of `model`, the copy to prune.
    """
    import torch
    import torch_pruning as tp

    if score not in SCORES:
        raise ShrinkError(f"{score!r} is not a score; take taylor or fisher.")
    model.eval()
    for parameter in model.parameters():
        parameter.requires_grad_(True)
    mean_squares: dict[Any, Any] = {}
    batches = case.tune[:BATCHES]
    with torch.enable_grad():
        for batch in batches:
            _loss(case, model, batch).backward()
            case.tick()
            if score == "taylor":
                continue
            for parameter in model.parameters():
                if parameter.grad is not None:
                    mean_squares[parameter] = mean_squares.get(parameter, 0.0) + parameter.grad.pow(2) / len(batches)
            model.zero_grad(set_to_none=True)
    for parameter, mean_square in mean_squares.items():
        # Taylor's criterion is |weight x gradient|: with the root of the Fisher information as gradient, it is the root
        # of Fisher's.
        parameter.grad = mean_square.sqrt()
    return tp.importance.GroupTaylorImportance()


def _loss(case: RecipeContext, model: Any, batch: Any) -> Any:
    import torch
    from torch.nn.functional import cross_entropy, mse_loss

    outputs = case.subject.main(case.subject.call(batch.to(case.subject.device).inputs, model)).float()
    if case.labelled:
        return (case.subject.task or task_of(outputs, batch.labels)).loss(outputs, batch.labels)
    axis = -1 if case.subject.task is None else case.subject.task.axis
    if axis is not None and outputs.dim() > 1 and outputs.shape[axis] > 1:
        scores = outputs.movedim(axis, -1).flatten(0, -2)
        return cross_entropy(scores, scores.argmax(-1))
    return mse_loss(outputs, torch.zeros_like(outputs))
