"""torchao quantization on a GPU: int8 and fp8 arithmetic, or int4 weights.

On a processor torchao's int8 is slower than plain PyTorch unless compiled (see `compiled`). The compute capability
decides what a GPU supports: int8 tensor cores and int4 weights in bfloat16 from 8.0 on, fp8 from 8.9 on. torchao is
told not to change global compiler settings. Untested on hardware.
"""

from __future__ import annotations

import warnings
from typing import Any

from jupyter_green.compression.errors import ShrinkError, require
from jupyter_green.compression.model.source_model import weight_is_computed
from jupyter_green.compression.process.output_capture import captured_output

from .integer import LEAST_SHARE, linear_share
from .recipe import RecipeContext, RecipeResult

KINDS = ("int8", "int4", "fp8")
LEAST = {"int8": (8, 0), "int4": (8, 0), "fp8": (8, 9)}
"""Compute capability from which each is faster than 16 bits; from torchao's documentation, version 0.18."""
GROUP = 128
"""Weights per int4 scale."""
SPARED = ("lm_head", "classifier", "score", "cls.")
"""Layers that compute logits: they take little time and are the most sensitive."""


class TorchAO:
    """Quantize the Linear layers of a copy, but the spared ones, with torchao.

    "int8" and "fp8": weights and activations; "int4": weights.
    """

    trains = False

    def __init__(self, kind: str, spared: tuple[str, ...] = ()) -> None:
        self.kind, self.spared = kind, spared
        self.name = f"{kind} by torchao" + (f", {len(spared)} layers left out" if spared else "")

    def applies(self, case: RecipeContext) -> str | None:
        """Only on a GPU that supports it, with torchao, and where Linear layers hold enough of the weights."""
        import torch

        device = case.subject.device
        if device.type != "cuda":
            where = "the processor" if device.type == "cpu" else device.type
            return f"{self.kind} by torchao needs an NVIDIA GPU; this model is on {where}."
        return too_old(self.kind, torch.cuda.get_device_capability(device)) or no_torchao(case, self.kind)

    def apply(self, case: RecipeContext) -> RecipeResult:
        """Cast a copy to bfloat16 and quantize it."""
        import torch

        from .precision import cast_to

        half = cast_to(case, "bf16", case.subject.model.to(torch.bfloat16))
        weights = case.subject.copy()
        at_integers(half.weights, self.kind, self.spared)
        step = {"recipe": "torchao", "kind": self.kind, "spared": list(self.spared)}
        return RecipeResult(half.model, steps=(*half.steps, step), weights=weights.to(torch.bfloat16))

    def without(self, layers: Any) -> TorchAO:
        """Skip the most sensitive layers."""
        return TorchAO(self.kind, tuple(layers))


def too_old(kind: str, capability: tuple[int, int]) -> str | None:
    """Return why a GPU of this compute capability does not support it; None if it does."""
    least = LEAST[kind]
    if capability >= least:
        return None
    return (
        f"{kind} needs a GPU of compute capability {least[0]}.{least[1]}; this one has {capability[0]}.{capability[1]}."
    )


def no_torchao(case: RecipeContext, kind: str) -> str | None:
    """Return why torchao can't quantize a model, apart from its device; None if it can."""
    import importlib.util

    if importlib.util.find_spec("torchao") is None:
        return "torchao is not installed; run: pip install 'jupyter_green[torchao]'."
    share = linear_share(case.subject)
    if share < LEAST_SHARE:
        return f"It acts on Linear layers alone, which hold {100 * share:.0f} % of these weights."
    return None


def at_integers(model: Any, kind: str, spared: tuple[str, ...] = ()) -> None:
    """Quantize the Linear layers of a model in place, except those that compute logits.

    Raises ShrinkError if `kind` is unknown.
    """
    import torch

    if kind not in KINDS:
        raise ShrinkError(f"{kind!r} is not a type that torchao is used with here.")
    with captured_output(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ao = require("torchao.quantization", "torchao")

        if kind == "int8":
            config: Any = ao.Int8DynamicActivationInt8WeightConfig(set_inductor_config=False)
        elif kind == "int4":
            packing = "tile_packed_to_4d"  # other layouts need the kernels of another package
            config = ao.Int4WeightOnlyConfig(group_size=GROUP, int4_packing_format=packing, set_inductor_config=False)
        else:
            config = ao.Float8DynamicActivationFloat8WeightConfig(granularity=ao.PerRow(), set_inductor_config=False)

        def chosen(module: Any, name: str) -> bool:
            if not isinstance(module, torch.nn.Linear) or weight_is_computed(module) or name in spared:
                return False
            return not any(part in name for part in SPARED) and (kind != "int4" or module.in_features % GROUP == 0)

        ao.quantize_(model, config, filter_fn=chosen)
