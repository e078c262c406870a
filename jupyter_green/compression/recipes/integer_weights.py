"""Whole numbers for weights alone, arithmetic in bfloat16: for language models that write on a processor.

Each new token reads every weight once and does little with it, so bytes are what it costs; it is written in the fewest
threads in which it takes no longer than the original did. A prompt is read in bfloat16 with the same rounded weights,
where arithmetic is what it costs: both forms are held, and what is judged on whole texts holds for what is written.
int4 takes groups of weights with a scale and an offset each; of several grids the closest is kept, so that weights that
were of 4 bits before come out as they were. What ends in logits stays at int8.
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
"""Up to so many rows they cost less than bfloat16; from 16 on they cost more (measured with AVX-512 and AMX)."""
GROUP, STEPS = 32, (15, 14, 13, 12, 11)
"""Weights of one int4 scale, and into how many steps the range of a group may be divided."""
TIMED_TOKENS = 4
"""So many are written to time a number of threads."""
LEAST_ROWS = 16
"""The int4 operator wants a multiple of so many outputs."""


class IntegerWeights:
    """Round the weights of Linear layers to whole numbers, and compute in bfloat16.

    Parameters
    ----------
    bits : {8, 4}
        Of a weight.
    spared : sequence of str
        Layers that are not rounded.
    """

    trains = False

    def __init__(self, bits: Literal[4, 8] = 8, spared: Sequence[str] = ()) -> None:
        self.bits, self.spared = bits, tuple(spared)
        self.name = f"int{bits} weights, bf16{left_out(self.spared)}"

    def without(self, layers: Sequence[str]) -> IntegerWeights:
        """Leave out the layers that suffer most."""
        return IntegerWeights(self.bits, layers)

    def applies(self, case: RecipeContext) -> str | None:
        """Only for models that write, on a processor that multiplies bfloat16."""
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
        """Round a copy."""
        import torch

        model = case.subject.model
        made = rounded(model, self.bits, self.spared)
        step: dict[str, Any] = {"recipe": "integer-weights", "bits": self.bits, "spared": list(self.spared)}
        most = torch.get_num_threads()
        before = ThreadLimited(case.original.model, TIMED_TOKENS).in_threads(most)
        threads = fewest_threads(replace(case, inference=_one_token(case)), ThreadLimited(made, TIMED_TOKENS), before)
        if threads >= most:
            return RecipeResult(made, steps=(step,), weights=model)
        step["threads"] = threads
        few = f"{threads} thread{'s' if threads > 1 else ''}"
        said = f"A token is written in {few} of PyTorch's, and their number put back after each."
        return RecipeResult(limit_threads(made, threads, FEW_ROWS), steps=(step,), weights=model, notes=(said,))


def _one_token(case: RecipeContext) -> Batch:
    """Return a prompt of one token, so that what is timed is writing."""
    one = case.tune[0].part(0, 1).inputs
    if isinstance(one, Mapping):
        return Batch({name: leaf[:, :1] for name, leaf in one.items()})
    return Batch(one[:, :1] if hasattr(one, "shape") else tuple(leaf[:, :1] for leaf in one))


def lacking(bits: int) -> str | None:
    """Return why this PyTorch can't; None where it can."""
    import torch

    there = hasattr(torch.ops.aten, OPERATORS[bits])
    return None if there else f"This PyTorch has no operator for int{bits} weights on a processor."


def rounded(model: Any, bits: int, spared: Sequence[str] = ()) -> Any:
    """Return a copy in bfloat16 whose Linear layers have whole numbers for weights.

    Raises
    ------
    ShrinkError
        If this PyTorch can't.
    """
    import torch

    reason = lacking(bits)
    if reason is not None:
        raise ShrinkError(reason)
    made = SourceModel(model).copy()
    for name, module in list(made.named_modules()):
        # A hook sits on the layer itself and would be lost with it.
        hooked = bool(module._forward_hooks or module._forward_pre_hooks)
        if type(module) is not torch.nn.Linear or name in spared or hooked:
            continue
        fits = module.in_features % GROUP == 0 and module.out_features % LEAST_ROWS == 0
        fine = bits == 8 or not fits or any(part in name for part in SPARED)
        made.set_submodule(name, _layer(module, 8 if fine else 4))
    # Scales and whole numbers stay what they are: only what is a float32 still is cast.
    return made.to(torch.bfloat16).eval()


def _layer(linear: Any, bits: int) -> Any:
    import torch

    class Rounded(torch.nn.Module):
        """A Linear layer with whole numbers for weights."""

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
            """Multiply: few rows with the whole numbers, many in bfloat16."""
            rows = given.reshape(-1, self.in_features)
            if len(rows) > FEW_ROWS:
                return torch.nn.functional.linear(given, self.weight, self.bias)
            if bits == 8:
                found = torch.ops.aten._weight_int8pack_mm(rows, self.numbers, self.scales)
            else:
                found = torch.ops.aten._weight_int4pack_mm_for_cpu(rows, self.numbers, GROUP, self.scales)
            found = found if self.bias is None else found + self.bias
            return found.reshape(*given.shape[:-1], self.out_features)

        def extra_repr(self) -> str:
            return f"in_features={self.in_features}, out_features={self.out_features}, bits={bits}"

    return Rounded()


def quantize_int8_per_channel(weight: Any) -> tuple[Any, Any, Any]:
    """Return weights as int8, a scale for each output, and what they stand for.

    Parameters
    ----------
    weight : Tensor
        Shape (outputs, inputs), float32.
    """
    import torch

    scales = (weight.abs().amax(1) / 127).clamp_min(1e-8).to(torch.bfloat16)
    steps = scales.float()[:, None]
    numbers = torch.clamp(torch.round(weight / steps), -127, 127)
    return numbers.to(torch.int8), scales, numbers * steps


def quantize_int4_groupwise(weight: Any) -> tuple[Any, Any, Any]:
    """Return weights as packed int4, scale and offset of each group, and what they stand for.

    Parameters
    ----------
    weight : Tensor
        Shape (outputs, inputs), float32; inputs a multiple of `GROUP`, outputs of `LEAST_ROWS`.
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
        found = (error, scale, offset, numbers, near)
        better = error < best[0] if best else None
        best = found if better is None else tuple(torch.where(better, x, y) for x, y in zip(found, best, strict=True))
    _, scale, offset, numbers, near = best
    packed = torch.ops.aten._convert_weight_to_int4pack_for_cpu(numbers.reshape(weight.shape).to(torch.int32), 1)
    scales = torch.cat([scale, offset], -1).transpose(0, 1).contiguous()
    return packed, scales, near.reshape(weight.shape)
