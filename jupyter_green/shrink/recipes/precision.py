"""Half the bits: bfloat16, where the processor multiplies it; elsewhere it is slower than what it replaces."""

from __future__ import annotations

from typing import Any

from jupyter_green.shrink.material import leaves
from jupyter_green.shrink.recipe import Case, Product


class BFloat16:
    """Cast weights and arithmetic to bfloat16."""

    name = "bf16"
    trains = False

    def applies(self, case: Case) -> str | None:
        """Only where the hardware multiplies bfloat16."""
        import torch

        if next(case.subject.model.parameters()).dtype in (torch.bfloat16, torch.float16):
            return "The model has 16-bit weights already."
        device = case.subject.device
        if device.type == "cuda":
            return None if torch.cuda.get_device_capability(device) >= (8, 0) else "This GPU has no bfloat16 units."
        return None if _processor_can() else "This processor has no bfloat16 units, so it would cost more."

    def apply(self, case: Case) -> Product:
        """Cast a copy; inputs are cast on the way in and outputs on the way out where they are not whole numbers."""
        model = case.subject.model.bfloat16()
        plain = case.subject.kind == "transformers" and not any(
            leaf.is_floating_point() for leaf in leaves(case.sample)
        )
        steps = ({"recipe": "bf16", "wrapped": not plain},)
        return Product(model if plain else wrapped(model), steps=steps, weights=model)


def _processor_can() -> bool:
    import torch

    checks = (getattr(torch.cpu, name, None) for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported"))
    return any(bool(check()) for check in checks if check is not None)


def wrapped(model: Any) -> Any:
    """Return a module that is called with float32 and gives float32, and computes in bfloat16 inside."""
    import torch

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
        """Casts around a bfloat16 model."""

        def __init__(self) -> None:
            super().__init__()
            self.inner = model

        def forward(self, *arguments: Any, **named: Any) -> Any:
            """Call the model in bfloat16."""
            inputs = [cast(value, torch.bfloat16) for value in arguments]
            return cast(self.inner(*inputs, **cast(named, torch.bfloat16)), torch.float32)

    return Cast().eval()
