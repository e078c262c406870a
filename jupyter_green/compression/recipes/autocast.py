"""Autocast: weights stay float32, and PyTorch chooses 16-bit arithmetic per operator.

Sums and normalization stay in float32, so quality can hold where a plain cast loses too much. The casts cost time.
"""

from __future__ import annotations

from typing import Any

from .precision import unsupported_reason
from .recipe import RecipeContext, RecipeResult

KINDS = ("bf16", "fp16")


class Autocast:
    """Run a copy under autocast: matrix products and convolutions in bf16 or fp16."""

    trains = False

    def __init__(self, kind: str = "bf16") -> None:
        self.kind = kind
        self.name = f"autocast {kind}"

    def applies(self, case: RecipeContext) -> str | None:
        """Only where the hardware supports that arithmetic."""
        if case.options.get("new_tokens"):
            return "It is for single calls; a language model that generates is cast as a whole."
        if case.subject.kind == "sentence-transformers":
            return "A sentence-transformers model is cast as a whole, so that it encodes as before."
        return unsupported_reason(case, self.kind)

    def apply(self, case: RecipeContext) -> RecipeResult:
        """Wrap a copy."""
        model, device = case.subject.model, case.subject.device.type
        steps = ({"recipe": "autocast", "kind": self.kind, "device": device},)
        return RecipeResult(wrapped(model, self.kind, device), steps=steps, weights=model)


def wrapped(model: Any, kind: str, device: str) -> Any:
    """Return a module that runs a model under autocast and returns float32."""
    import torch

    dtype = {"bf16": torch.bfloat16, "fp16": torch.float16}[kind]

    class Autocasting(torch.nn.Module):
        """Runs a model under autocast."""

        def __init__(self) -> None:
            super().__init__()
            self.inner = model

        def forward(self, *arguments: Any, **named: Any) -> Any:
            """Call the model."""
            with torch.autocast(device, dtype=dtype):
                return _float(self.inner(*arguments, **named))

    return Autocasting().eval()


def _float(value: Any) -> Any:
    import torch

    if isinstance(value, torch.Tensor):
        return value.float() if value.is_floating_point() else value
    if isinstance(value, dict):
        changed = {name: _float(item) for name, item in value.items()}
        return type(value)(**changed) if type(value) is not dict else changed
    if isinstance(value, (tuple, list)) and not hasattr(value, "_fields"):
        return type(value)(_float(item) for item in value)
    return value
