"""The channels_last memory format, which is faster for many convolutions.

It computes the same function, so its gain is the runtime's. On some processors it is slower for large batches.
"""

from __future__ import annotations

from typing import Any

from jupyter_green.compression.data.batch import leaves

from .recipe import RecipeContext, RecipeResult

PICTURE_AXES = 4


class ChannelsLast:
    """Store weights and inputs as channels_last."""

    name = "channels_last"
    trains = False

    def applies(self, case: RecipeContext) -> str | None:
        """Only for two-dimensional convolutions on images."""
        import torch

        if not any(isinstance(module, torch.nn.Conv2d) for module in case.subject.model.modules()):
            return "The model has no two-dimensional convolutions."
        if not any(leaf.dim() == PICTURE_AXES for leaf in leaves(case.sample)):
            return "The data has no pictures."
        return None

    def apply(self, case: RecipeContext) -> RecipeResult:
        """Convert a copy, and its inputs at each call."""
        model = case.subject.model
        steps = ({"recipe": "channels_last"},)
        made = wrapped(model)
        return RecipeResult(made, steps=steps, weights=model, same_numbers=True, runtime="PyTorch, channels last")


def wrapped(model: Any) -> Any:
    """Return a module that converts a model and its images to channels_last."""
    import torch

    def stored(value: Any) -> Any:
        picture = isinstance(value, torch.Tensor) and value.dim() == PICTURE_AXES
        return value.contiguous(memory_format=torch.channels_last) if picture else value

    class Stored(torch.nn.Module):
        """Converts images to channels_last."""

        def __init__(self) -> None:
            super().__init__()
            self.inner = model.to(memory_format=torch.channels_last)

        def forward(self, *arguments: Any, **named: Any) -> Any:
            """Call the model."""
            return self.inner(*map(stored, arguments), **{name: stored(value) for name, value in named.items()})

    return Stored().eval()
