"""int8 or int4 weights with bfloat16 arithmetic, for language models that generate on a processor.

Decoding is limited by memory bandwidth: each token reads all weights once. It uses the fewest threads that are no
slower than the original. Prefill is limited by arithmetic, so it uses the same rounded weights in bfloat16. Both forms
are stored, and quality measured on whole texts applies to generation too. int4 weights have a scale and an offset per
group, the best of several grids; weights that were 4-bit before are reproduced exactly. Layers that compute logits stay
int8.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

from jupyter_green.compression.data.batch import Batch
from jupyter_green.compression.errors import ShrinkError
from jupyter_green.compression.model.source_model import SourceModel

from .integer import LEAST_SHARE, left_out, linear_share
from .precision import unsupported_reason
from .recipe import RecipeContext, RecipeResult
from .threads import ThreadLimited, fewest_threads, limit_threads
from .torchao import SPARED

OPERATORS = {8: "_weight_int8pack_mm", 4: "_weight_int4pack_mm_for_cpu"}
"""PyTorch's operators for few rows, by bits."""
FEW_ROWS = 8
"""Up to this many rows the operators are faster than bfloat16.

From 16 rows on they are slower (measured with AVX-512 and AMX).
"""
GROUP, STEPS = 32, (15, 14, 13, 12, 11)
"""Weights per int4 scale, and the numbers of steps that a group's range may be divided into."""
TIMED_TOKENS = 4
"""Tokens generated to time a number of threads."""
LEAST_ROWS = 16
"""The int4 operator needs a multiple of this many outputs."""


class IntegerWeights:
    """Quantize the weights of Linear layers but the spared ones to 8 or 4 bits, and compute in bfloat16."""

    trains = False

    def __init__(self, bits: Literal[4, 8] = 8, spared: Sequence[str] = ()) -> None:
        self.bits, self.spared = bits, tuple(spared)
        self.name = f"int{bits} weights, bf16{left_out(self.spared)}"

    def without(self, layers: Sequence[str]) -> IntegerWeights:
        """Skip the most sensitive layers."""
        return IntegerWeights(self.bits, layers)

    def applies(self, case: RecipeContext) -> str | None:
        """Only for models that generate, on a processor with bfloat16 arithmetic."""
        if not case.options.get("new_tokens"):
            return "It helps models that write one token at a time; in a single call bfloat16 alone costs less."
        if case.subject.device.type != "cpu":
            return "Its operators run on the processor only."
        reason = unsupported_reason(case, "bf16")
        if reason is not None or (reason := lacking(self.bits)) is not None:
            return reason
        share = linear_share(case.subject)
        if share < LEAST_SHARE:
            return f"It acts on Linear layers alone, which hold {100 * share:.0f} % of these weights."
        return None

    def apply(self, case: RecipeContext) -> RecipeResult:
        """Quantize a copy."""
        import torch

        model = case.subject.model
        quantized = rounded(model, self.bits, self.spared)
        step: dict[str, Any] = {"recipe": "integer-weights", "bits": self.bits, "spared": list(self.spared)}
        all_threads = torch.get_num_threads()
        original = ThreadLimited(case.original.model, TIMED_TOKENS).in_threads(all_threads)
        threads = fewest_threads(
            replace(case, inference=_one_token(case)), ThreadLimited(quantized, TIMED_TOKENS), original
        )
        if threads >= all_threads:
            return RecipeResult(quantized, steps=(step,), weights=model)
        step["threads"] = threads
        count = f"{threads} thread{'s' if threads > 1 else ''}"
        note = f"A token is written in {count} of PyTorch's, and their number put back after each."
        return RecipeResult(limit_threads(quantized, threads, FEW_ROWS), steps=(step,), weights=model, notes=(note,))


def _one_token(case: RecipeContext) -> Batch:
    """Return a prompt of one token, so that mostly decoding is timed."""
    inputs = case.tune[0].part(0, 1).inputs
    if isinstance(inputs, Mapping):
        return Batch({name: leaf[:, :1] for name, leaf in inputs.items()})
    return Batch(inputs[:, :1] if hasattr(inputs, "shape") else tuple(leaf[:, :1] for leaf in inputs))


def lacking(bits: int) -> str | None:
    """Return why this version of PyTorch lacks the operator; None if it has it."""
    import torch

    available = hasattr(torch.ops.aten, OPERATORS[bits])
    return None if available else f"This PyTorch has no operator for int{bits} weights on a processor."


def rounded(model: Any, bits: int, spared: Sequence[str] = ()) -> Any:
    """Return a copy in bfloat16 whose Linear layers have integer weights.

    Raises ShrinkError if this version of PyTorch has no such operator.
    """
    import torch

    reason = lacking(bits)
    if reason is not None:
        raise ShrinkError(reason)
    quantized = SourceModel(model).copy()
    for name, module in list(quantized.named_modules()):
        # A hook is attached to the layer and would be lost with it.
        hooked = bool(module._forward_hooks or module._forward_pre_hooks)
        if type(module) is not torch.nn.Linear or name in spared or hooked:
            continue
        fits = module.in_features % GROUP == 0 and module.out_features % LEAST_ROWS == 0
        use_int8 = bits == 8 or not fits or any(part in name for part in SPARED)
        quantized.set_submodule(name, _layer(module, 8 if use_int8 else 4))
    # `to` casts floating-point tensors only: integer weights stay as they are.
    return quantized.to(torch.bfloat16).eval()


def _layer(linear: Any, bits: int) -> Any:
    import torch

    class Rounded(torch.nn.Module):
        """A Linear layer with integer weights."""

        weight: Any

        def __init__(self) -> None:
            super().__init__()
            numbers, scales, near = (quantize_int8_per_channel if bits == 8 else quantize_int4_groupwise)(
                linear.weight.detach().float()
            )
            self.register_buffer("numbers", numbers)
            self.register_buffer("scales", scales)
            self.register_buffer("weight", near.to(torch.bfloat16))
            self.bias = None if linear.bias is None else torch.nn.Parameter(linear.bias.detach().clone())
            self.in_features, self.out_features = linear.in_features, linear.out_features

        def forward(self, given: Any) -> Any:
            """Multiply: few rows with integer weights, many in bfloat16."""
            rows = given.reshape(-1, self.in_features)
            if len(rows) > FEW_ROWS:
                return torch.nn.functional.linear(given, self.weight, self.bias)
            if bits == 8:
                output = torch.ops.aten._weight_int8pack_mm(rows, self.numbers, self.scales)
            else:
                output = torch.ops.aten._weight_int4pack_mm_for_cpu(rows, self.numbers, GROUP, self.scales)
            output = output if self.bias is None else output + self.bias
            return output.reshape(*given.shape[:-1], self.out_features)

        def extra_repr(self) -> str:
            return f"in_features={self.in_features}, out_features={self.out_features}, bits={bits}"

    return Rounded()


def quantize_int8_per_channel(weight: Any) -> tuple[Any, Any, Any]:
    """Quantize weights to int8 with a scale per output.

    Parameters
    ----------
    weight : Tensor
        Shape (outputs, inputs), float32.

    Returns
    -------
    numbers : Tensor
        Shape (outputs, inputs), int8.
    scales : Tensor
        Shape (outputs,), bfloat16.
    near : Tensor
        The dequantized weights, shape (outputs, inputs), float32.
    """
    import torch

    scales = (weight.abs().amax(1) / 127).clamp_min(1e-8).to(torch.bfloat16)
    steps = scales.float()[:, None]
    numbers = torch.clamp(torch.round(weight / steps), -127, 127)
    return numbers.to(torch.int8), scales, numbers * steps


def quantize_int4_groupwise(weight: Any) -> tuple[Any, Any, Any]:
    """Quantize weights to int4 with a scale and an offset per group.

    Parameters
    ----------
    weight : Tensor
        Shape (outputs, inputs), float32; inputs a multiple of `GROUP`, outputs of `LEAST_ROWS`.

    Returns
    -------
    packed : Tensor
        The weights in the layout of PyTorch's operator.
    scales : Tensor
        Shape (groups, outputs, 2), bfloat16: scale and offset.
    near : Tensor
        The dequantized weights, shape (outputs, inputs), float32.
    """
    import torch

    groups = weight.reshape(len(weight), -1, GROUP)
    low, high = groups.amin(-1, keepdim=True), groups.amax(-1, keepdim=True)
    best: tuple[Any, ...] = ()
    for steps in STEPS:
        scale = ((high - low) / steps).clamp_min(1e-8).to(torch.bfloat16)
        offset = (low + 8 * scale.float()).to(torch.bfloat16)
        numbers = torch.clamp(torch.round((groups - offset.float()) / scale.float() + 8), 0, 15)
        near = (numbers - 8) * scale.float() + offset.float()
        error = ((near - groups) ** 2).sum(-1, keepdim=True)
        candidate = (error, scale, offset, numbers, near)
        better = error < best[0] if best else None
        best = (
            candidate
            if better is None
            else tuple(torch.where(better, x, y) for x, y in zip(candidate, best, strict=True))
        )
    _, scale, offset, numbers, near = best
    packed = torch.ops.aten._convert_weight_to_int4pack_for_cpu(numbers.reshape(weight.shape).to(torch.int32), 1)
    scales = torch.cat([scale, offset], -1).transpose(0, 1).contiguous()
    return packed, scales, near.reshape(weight.shape)
