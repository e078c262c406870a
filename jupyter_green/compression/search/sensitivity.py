"""Sensitivity of each layer to int8: the output error when that layer alone is rounded.

Rounding is simulated as the runtimes do it: weights per output channel, activations per tensor at run time. The result
only orders the layers to skip; candidates that skip them are measured like any other.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from jupyter_green.compression.data.batch import Batch
from jupyter_green.compression.model.source_model import SourceModel, weight_is_computed
from jupyter_green.compression.process import deadline

EXAMPLES = 8
STEPS = 127.0


def by_sensitivity(subject: SourceModel, batches: Sequence[Batch], seconds: float = math.inf) -> list[str]:
    """Return the names of the layers that int8 applies to, most sensitive first; empty if that would take too long.

    `subject` is a copy of the model; it is restored. Each layer takes one call of the model. Fewer examples are used
    where time, in seconds, is short.
    """
    import torch

    kinds = (torch.nn.Linear, torch.nn.Conv1d, torch.nn.Conv2d)
    layers = [
        (name, module)
        for name, module in subject.model.named_modules()
        if isinstance(module, kinds) and not weight_is_computed(module)
    ]
    single = batches[0].part(0, 1).to(subject.device).inputs
    errors: dict[str, float] = {}
    with torch.no_grad():
        subject.call(single)
        began = deadline.now()
        subject.call(single)
        pass_seconds = max(1e-9, (deadline.now() - began) * len(layers))
        count = EXAMPLES if pass_seconds * EXAMPLES <= seconds else int(seconds / pass_seconds)
        if count < 1:
            return []
        examples = batches[0].part(0, count).to(subject.device).inputs
        expected = subject.main(subject.call(examples)).float()
        for name, module in layers:
            weight = module.weight.data
            module.weight.data = _rounded(weight, tuple(range(1, weight.dim())))
            hook = module.register_forward_pre_hook(
                lambda _module, given: tuple(_rounded(item, None) for item in given)
            )
            try:
                given = subject.main(subject.call(examples)).float()
            finally:
                hook.remove()
                module.weight.data = weight
            errors[name] = float((given - expected).pow(2).mean())
    return sorted(errors, key=lambda name: -errors[name])


def _rounded(tensor: Any, over: tuple[int, ...] | None) -> Any:
    """Return a tensor rounded to int8 values, per output channel or as a whole.

    `over` are the axes that share a scale; None means all.
    """
    largest = tensor.abs().amax(over, keepdim=True) if over is not None else tensor.abs().max()
    step = (largest / STEPS).clamp_min(1e-12)
    return (tensor / step).round() * step
