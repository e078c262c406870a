"""Dynamic int8 in PyTorch: int8 weights and activations of Linear layers, by `quantize_dynamic`.

PyTorch has deprecated it; where it is missing, the recipe says so. It only affects Linear layers and ignores
convolutions, so it does not apply to convolutional networks.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

from jupyter_green.compression.model.source_model import SourceModel, weight_is_computed
from jupyter_green.compression.process.output_capture import captured_output

from .recipe import RecipeContext, RecipeResult

LEAST_SHARE = 0.3
"""Minimum share of the weights in Linear layers at which quantization pays off."""
ENGINES = ("onednn", "x86", "fbgemm", "qnnpack")
"""Fastest first, as measured on AVX-512 VNNI."""


class TorchInteger:
    """Dynamic int8 in PyTorch, but for the spared layers."""

    trains = False

    def __init__(self, spared: Sequence[str] = ()) -> None:
        self.spared = tuple(spared)
        self.name = f"int8 in PyTorch{left_out(self.spared)}"

    def without(self, layers: Sequence[str]) -> TorchInteger:
        """Skip the most sensitive layers."""
        return TorchInteger(layers)

    def applies(self, case: RecipeContext) -> str | None:
        """Only on a processor, and where Linear layers hold enough of the weights."""
        import torch

        if case.subject.device.type != "cpu":
            return "PyTorch's dynamic int8 runs on the processor only."
        if not hasattr(torch, "ao") or not hasattr(torch.ao.quantization, "quantize_dynamic"):
            return "This PyTorch has no quantize_dynamic any more."
        share = linear_share(case.subject)
        if share < LEAST_SHARE:
            return f"It acts on Linear layers alone, which hold {100 * share:.0f} % of these weights."
        return None

    def apply(self, case: RecipeContext) -> RecipeResult:
        """Quantize a copy."""
        engine = best_engine()
        model = case.subject.model
        steps = ({"recipe": "torch-int8", "engine": engine, "spared": list(self.spared)},)
        return RecipeResult(quantized(model, engine, self.spared), steps=steps, weights=model)


def left_out(spared: Sequence[str]) -> str:
    """Return the suffix of a recipe's name if layers are skipped."""
    if not spared:
        return ""
    return f", {len(spared)} layer{'s' if len(spared) > 1 else ''} left out"


def linear_share(subject: SourceModel) -> float:
    """Return the share of weights (without embeddings) in Linear layers whose weight is no parametrization."""
    import torch

    linear = sum(
        m.weight.numel()
        for m in subject.model.modules()
        if isinstance(m, torch.nn.Linear) and not weight_is_computed(m)
    )
    tables = sum(m.weight.numel() for m in subject.model.modules() if isinstance(m, torch.nn.Embedding))
    total = sum(parameter.numel() for parameter in subject.model.parameters())
    return float(linear / max(1, total - tables))


def best_engine() -> str:
    """Return the quantized engine to use."""
    import torch

    supported = torch.backends.quantized.supported_engines
    return next((engine for engine in ENGINES if engine in supported), str(torch.backends.quantized.engine))


def quantized(model: Any, engine: str, spared: Sequence[str] = ()) -> Any:
    """Return a model with its Linear layers in dynamic int8; the global engine is restored."""
    import torch

    names = {name for name, module in model.named_modules() if type(module) is torch.nn.Linear} - set(spared)
    names -= {name for name, module in model.named_modules() if weight_is_computed(module)}
    config = dict.fromkeys(sorted(names), torch.ao.quantization.default_dynamic_qconfig)
    engine_before = torch.backends.quantized.engine
    try:
        torch.backends.quantized.engine = engine
        with captured_output(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            result = torch.ao.quantization.quantize_dynamic(model, config, dtype=torch.qint8)
    finally:
        torch.backends.quantized.engine = engine_before
    return result.eval()
