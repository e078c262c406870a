"""Whole numbers in PyTorch itself: int8 weights and activations of Linear layers, as `quantize_dynamic` makes them.

PyTorch has announced for years that it will be removed; where it is gone, the recipe says so. It acts on Linear layers
alone: for a convolutional network it does nothing, silently, so it is not tried there.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

from jupyter_green.compression.model.source_model import SourceModel, made_anew
from jupyter_green.compression.process.output_capture import captured_output

from .recipe import RecipeContext, RecipeResult

LEAST_SHARE = 0.3
"""Share of the weights in Linear layers from which on the rest does not eat up the gain."""
ENGINES = ("onednn", "x86", "fbgemm", "qnnpack")
"""In the order of what was measured on AVX-512 VNNI."""


class TorchInteger:
    """Dynamic int8 in PyTorch.

    Parameters
    ----------
    spared : sequence of str
        Layers that stay as they are.
    """

    trains = False

    def __init__(self, spared: Sequence[str] = ()) -> None:
        self.spared = tuple(spared)
        self.name = f"int8 in PyTorch{left_out(self.spared)}"

    def without(self, layers: Sequence[str]) -> TorchInteger:
        """Leave out the layers that suffer most."""
        return TorchInteger(layers)

    def applies(self, case: RecipeContext) -> str | None:
        """Only on a processor, and where Linear layers hold a good part of the weights."""
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
    """Return what is added to a name where layers are left out."""
    if not spared:
        return ""
    return f", {len(spared)} layer{'s' if len(spared) > 1 else ''} left out"


def linear_share(subject: SourceModel) -> float:
    """Return the share of the weights outside embeddings that Linear layers hold whose weight no norm makes anew."""
    import torch

    linear = sum(
        m.weight.numel() for m in subject.model.modules() if isinstance(m, torch.nn.Linear) and not made_anew(m)
    )
    tables = sum(m.weight.numel() for m in subject.model.modules() if isinstance(m, torch.nn.Embedding))
    total = sum(parameter.numel() for parameter in subject.model.parameters())
    return float(linear / max(1, total - tables))


def best_engine() -> str:
    """Return the engine to quantize with."""
    import torch

    there = torch.backends.quantized.supported_engines
    return next((engine for engine in ENGINES if engine in there), str(torch.backends.quantized.engine))


def quantized(model: Any, engine: str, spared: Sequence[str] = ()) -> Any:
    """Return a model with its Linear layers in dynamic int8; the process' engine is put back."""
    import torch

    wanted = {name for name, module in model.named_modules() if type(module) is torch.nn.Linear} - set(spared)
    wanted -= {name for name, module in model.named_modules() if made_anew(module)}
    kinds = dict.fromkeys(sorted(wanted), torch.ao.quantization.default_dynamic_qconfig)
    before = torch.backends.quantized.engine
    try:
        torch.backends.quantized.engine = engine
        with captured_output(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            made = torch.ao.quantization.quantize_dynamic(model, kinds, dtype=torch.qint8)
    finally:
        torch.backends.quantized.engine = before
    return made.eval()
