"""What is missed least: scores of channels, by a first-order expansion (Taylor) or by the Fisher information.

Taylor takes how much the loss would change, to first order, if a channel were gone. Fisher takes the squared
gradients of batch after batch, which stand for the curvature: steadier where gradients are near 0. Labels are used
where there are any; otherwise the model's own answers, whose gradients say what those hang on.
"""

from __future__ import annotations

from typing import Any

from jupyter_green.compression.errors import ShrinkError
from jupyter_green.compression.model.task import task_of

from .recipe import RecipeContext

SCORES = ("taylor", "fisher")
BATCHES = 8


def no_pruning() -> str | None:
    """Return why nothing can be pruned here; None where it can."""
    import importlib.util

    if importlib.util.find_spec("torch_pruning") is None:
        return "torch-pruning is not installed; run: pip install 'jupyter_green[shrink]'."
    return None


def importance(case: RecipeContext, model: Any, score: str) -> Any:
    """Return torch-pruning's importance with what it needs gathered from the tuning examples.

    Parameters
    ----------
    case : RecipeContext
        Whose examples and labels are used.
    model : torch.nn.Module
        The copy that will be pruned; gradients are left in it.
    score : {"taylor", "fisher"}
        Which.
    """
    import torch
    import torch_pruning as tp

    if score not in SCORES:
        raise ShrinkError(f"{score!r} is no score; take taylor or fisher.")
    model.eval()
    for parameter in model.parameters():
        parameter.requires_grad_(True)
    squared: dict[Any, Any] = {}
    batches = case.tune[:BATCHES]
    with torch.enable_grad():
        for batch in batches:
            _loss(case, model, batch).backward()
            case.tick()
            if score == "taylor":
                continue
            for parameter in model.parameters():
                if parameter.grad is not None:
                    squared[parameter] = squared.get(parameter, 0.0) + parameter.grad.pow(2) / len(batches)
            model.zero_grad(set_to_none=True)
    for parameter, mean in squared.items():
        # Taylor's product with the root of the Fisher information is the root of what Fisher asks for.
        parameter.grad = mean.sqrt()
    return tp.importance.GroupTaylorImportance()


def _loss(case: RecipeContext, model: Any, batch: Any) -> Any:
    import torch
    from torch.nn.functional import cross_entropy, mse_loss

    given = case.subject.main(case.subject.call(batch.to(case.subject.device).inputs, model)).float()
    if case.labelled:
        return (case.subject.task or task_of(given, batch.labels)).loss(given, batch.labels)
    axis = -1 if case.subject.task is None else case.subject.task.axis
    if axis is not None and given.dim() > 1 and given.shape[axis] > 1:
        scores = given.movedim(axis, -1).flatten(0, -2)
        return cross_entropy(scores, scores.argmax(-1))
    return mse_loss(given, torch.zeros_like(given))
