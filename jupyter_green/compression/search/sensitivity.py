"""Which layers suffer most from int8: each alone is rounded in a copy, and what that does to the answers is looked at.

Rounding is simulated as the runtimes do it (weights by output channel, activations by tensor while it runs). It says
in which order layers are left out, nothing more: what leaving them out gives is measured like every candidate.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from jupyter_green.compression.data.batch import Batch
from jupyter_green.compression.model.source_model import SourceModel, made_anew
from jupyter_green.compression.process import deadline

EXAMPLES = 8
STEPS = 127.0


def most_harmed(subject: SourceModel, batches: Sequence[Batch], seconds: float = math.inf) -> list[str]:
    """Return the names of the layers that int8 acts on, the most harmed first; none where that would take too long.

    Each layer is one call of the model. Fewer examples are looked at where the time allows no more.

    Parameters
    ----------
    subject : SourceModel
        A copy, to do with as one likes; it is left as it was.
    batches : sequence of Batch
        Examples of the tuning part.
    seconds : float
        How long it may take, about.
    """
    import torch

    kinds = (torch.nn.Linear, torch.nn.Conv1d, torch.nn.Conv2d)
    found = [
        (name, module)
        for name, module in subject.model.named_modules()
        if isinstance(module, kinds) and not made_anew(module)
    ]
    one = batches[0].part(0, 1).to(subject.device).inputs
    harm: dict[str, float] = {}
    with torch.no_grad():
        subject.call(one)
        began = deadline.now()
        subject.call(one)
        each = max(1e-9, (deadline.now() - began) * len(found))
        count = EXAMPLES if each * EXAMPLES <= seconds else int(seconds / each)
        if count < 1:
            return []
        examples = batches[0].part(0, count).to(subject.device).inputs
        wanted = subject.main(subject.call(examples)).float()
        for name, module in found:
            kept = module.weight.data
            module.weight.data = _rounded(kept, tuple(range(1, kept.dim())))
            hook = module.register_forward_pre_hook(
                lambda _module, given: tuple(_rounded(item, None) for item in given)
            )
            try:
                given = subject.main(subject.call(examples)).float()
            finally:
                hook.remove()
                module.weight.data = kept
            harm[name] = float((given - wanted).pow(2).mean())
    return sorted(harm, key=lambda name: -harm[name])


def _rounded(tensor: Any, over: tuple[int, ...] | None) -> Any:
    """Return a tensor on the grid of int8, by output channel or as a whole."""
    largest = tensor.abs().amax(over, keepdim=True) if over is not None else tensor.abs().max()
    step = (largest / STEPS).clamp_min(1e-12)
    return (tensor / step).round() * step
