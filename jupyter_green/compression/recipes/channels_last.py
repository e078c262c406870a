"""The same network with its pictures stored channel by channel (channels_last), as many convolutions want them.

It computes the same function, so what it gives is the runtime's. On some processors it is slower at large batches.
"""

from __future__ import annotations

from typing import Any

from jupyter_green.compression.data.batch import leaves

from .recipe import RecipeContext, RecipeResult

PICTURE_AXES = 4


class ChannelsLast:
    """Store weights and inputs channels-last."""

    name = "channels_last"
    trains = False

    def applies(self, case: RecipeContext) -> str | None:
        """Only for two-dimensional convolutions on pictures."""
        import torch

        if not any(isinstance(module, torch.nn.Conv2d) for module in case.subject.model.modules()):
            return "The model has no two-dimensional convolutions."
        if not any(leaf.dim() == PICTURE_AXES for leaf in leaves(case.sample)):
            return "The data has no pictures."
        return None

    def apply(self, case: RecipeContext) -> RecipeResult:
        """Store a copy so, and its inputs on the way in."""
        model = case.subject.model
        steps = ({"recipe": "channels_last"},)
        made = wrapped(model)
        return RecipeResult(made, steps=steps, weights=model, same_numbers=True, runtime="PyTorch, channels last")


def wrapped(model: Any) -> Any:
    """Return a module that stores a model and its pictures channels-last."""
    import torch

    def stored(value: Any) -> Any:
        picture = isinstance(value, torch.Tensor) and value.dim() == PICTURE_AXES
        return value.contiguous(memory_format=torch.channels_last) if picture else value

    class Stored(torch.nn.Module):
        """Stores pictures channels-last on the way in."""

        def __init__(self) -> None:
            super().__init__()
            self.inner = model.to(memory_format=torch.channels_last)

        def forward(self, *arguments: Any, **named: Any) -> Any:
            """Call the model."""
            return self.inner(*map(stored, arguments), **{name: stored(value) for name, value in named.items()})

    return Stored().eval()
