"""bfloat16 or float16 weights and arithmetic, where the hardware supports it; elsewhere it costs more."""

from __future__ import annotations

from typing import Any

from jupyter_green.compression.data.batch import leaves

from .hardware import processor_can, too_old
from .recipe import RecipeContext, RecipeResult


class BFloat16:
    """Cast weights and arithmetic to bfloat16."""

    name = "bf16"
    trains = False

    def applies(self, case: RecipeContext) -> str | None:
        """Only where the hardware supports bfloat16."""
        return unsupported_reason(case, self.name)

    def apply(self, case: RecipeContext) -> RecipeResult:
        """Cast a copy; floating-point inputs and outputs are converted at each call."""
        import torch

        return cast_to(case, self.name, case.subject.model.to(torch.bfloat16))


class Float16:
    """Cast weights and arithmetic to float16, which has a smaller range."""

    name = "fp16"
    trains = False

    def applies(self, case: RecipeContext) -> str | None:
        """Only where the hardware supports float16."""
        return unsupported_reason(case, self.name)

    def apply(self, case: RecipeContext) -> RecipeResult:
        """Cast a copy, as for bfloat16. Values beyond its range become infinite or NaN."""
        return cast_to(case, self.name, case.subject.model.half())


def cast_to(case: RecipeContext, name: str, model: Any) -> RecipeResult:
    """Return a result from a 16-bit model, wrapped if that is needed to call it like the original."""
    plain = case.subject.kind != "module" and not any(leaf.is_floating_point() for leaf in leaves(case.sample))
    steps = ({"recipe": name, "wrapped": not plain},)
    return RecipeResult(model if plain else wrapped(model, name), steps=steps, weights=model)


def unsupported_reason(case: RecipeContext, name: str) -> str | None:
    """Return why 16 bits can't be tried; None if they can."""
    import torch

    if next(case.subject.model.parameters()).dtype in (torch.bfloat16, torch.float16):
        return "The model has 16-bit weights already."
    if case.subject.device.type == "cuda":
        return too_old(name, torch.cuda.get_device_capability(case.subject.device))
    if case.subject.device.type != "cpu":
        return f"It is untested on {case.subject.device.type}."
    return None if processor_can(name) else f"This processor has no units for {name}, so it would cost more."


def wrapped(model: Any, name: str = "bf16") -> Any:
    """Return a module with float32 inputs and outputs that computes in 16 bits inside."""
    import torch

    inner = {"bf16": torch.bfloat16, "fp16": torch.float16}[name]

    def cast(value: Any, kind: Any) -> Any:
        if isinstance(value, torch.Tensor):
            return value.to(kind) if value.is_floating_point() else value
        if isinstance(value, dict):
            changed = {name: cast(item, kind) for name, item in value.items()}
            return type(value)(**changed) if type(value) is not dict else changed
        if isinstance(value, (tuple, list)) and not hasattr(value, "_fields"):
            return type(value)(cast(item, kind) for item in value)
        return value

    class Cast(torch.nn.Module):
        """Converts inputs and outputs of a 16-bit model."""

        def __init__(self) -> None:
            super().__init__()
            self.inner = model

        def __getattr__(self, name: str) -> Any:
            """Delegate other attributes, such as configuration and device, to the inner model."""
            try:
                return super().__getattr__(name)
            except AttributeError:
                inside = self.__dict__.get("_modules", {}).get("inner")
                if inside is None or name.startswith("_"):
                    raise
                return getattr(inside, name)

        def forward(self, *arguments: Any, **named: Any) -> Any:
            """Call the model in 16 bits."""
            inputs = [cast(value, inner) for value in arguments]
            return cast(self.inner(*inputs, **cast(named, inner)), torch.float32)

    return Cast().eval()
