"""The shape of a pruned model, given to a fresh instance again: only layers whose shape is a few numbers.

The shapes come from the weights' file itself, so that no file can ask for more memory than it brings.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jupyter_green.compression.errors import ShrinkError


def reshape(model: Any, weights: Mapping[str, Any]) -> None:
    """Give a model's layers the shapes of weights that were read from a file, in place.

    Raises
    ------
    ShrinkError
        If a layer can't be reshaped.
    """
    import torch

    wanted = {name: tuple(weight.shape) for name, weight in weights.items()}
    for name, module in model.named_modules():
        for own, tensor in [*module.named_parameters(recurse=False), *module.named_buffers(recurse=False)]:
            shape = wanted.get(f"{name}.{own}" if name else own)
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
    """Write a weight's shape into its layer's settings; False where the layer is not one we know."""
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
