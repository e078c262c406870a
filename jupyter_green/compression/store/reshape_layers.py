"""Give a fresh instance the layer shapes of a pruned model; only for layers with simple sizes.

The shapes come from the weights file itself, so that no folder can allocate more memory than its weights need.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jupyter_green.compression.errors import ShrinkError


def reshape(model: Any, weights: Mapping[str, Any]) -> None:
    """Give a model's layers the shapes of saved weights, in place. Raises ShrinkError if a layer can't be reshaped."""
    import torch

    shapes = {name: tuple(weight.shape) for name, weight in weights.items()}
    for name, module in model.named_modules():
        for own, tensor in [*module.named_parameters(recurse=False), *module.named_buffers(recurse=False)]:
            shape = shapes.get(f"{name}.{own}" if name else own)
            if shape is None or shape == tuple(tensor.shape):
                continue
            if len(shape) != tensor.dim() or not _settle(module, own, shape):
                raise ShrinkError(f"{name} is a {type(module).__name__} of another shape than the one that was shrunk.")
            empty = torch.empty(shape, dtype=tensor.dtype, device=tensor.device)
            if isinstance(tensor, torch.nn.Parameter):
                setattr(module, own, torch.nn.Parameter(empty, requires_grad=tensor.requires_grad))
            else:
                setattr(module, own, empty)


def _settle(module: Any, own: str, shape: tuple[int, ...]) -> bool:
    """Update a layer's size attributes to a weight's shape; False for an unsupported layer."""
    from torch import nn

    if isinstance(module, nn.Linear):
        if own == "weight":
            module.out_features, module.in_features = shape
        return True
    if isinstance(module, (nn.Conv1d, nn.Conv2d)) and not module.transposed:
        if own == "weight":
            depthwise = module.groups == module.in_channels > 1
            module.out_channels = shape[0]
            module.groups = shape[0] if depthwise else module.groups
            module.in_channels = shape[1] * module.groups
        return True
    if isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d)):
        module.num_features = shape[0]
        return True
    return False
