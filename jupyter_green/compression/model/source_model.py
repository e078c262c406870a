"""The model that is compressed: how it is called, copied and checked for changes.

Recipes only get a deep copy, in which tied weights stay tied. The original is in evaluation mode while it is measured;
afterwards the modes of its modules and all of its state beside the parameters are restored. Parameters are
fingerprinted to detect a recipe that changes the original.
"""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

from jupyter_green.compression.data.batch import mapped
from jupyter_green.compression.errors import ShrinkError, require
from jupyter_green.compression.process import deadline
from jupyter_green.compression.process.state import RandomNumbers

from .outputs import main_tensor
from .state import ModelState
from .task import Task

Kind = Literal["module", "transformers", "sentence-transformers"]

COMPILED = (
    "The model was compiled by torch.compile; the module inside is what is measured and copied, uncompiled, and "
    "compiling is one of the candidates."
)
_INSIDE = "_orig_mod"
_QUANTIZED = ("torch.ao.nn.quantized", "torch.ao.nn.intrinsic.quantized", "bitsandbytes.", "torchao.", "optimum.quanto")


@dataclass(frozen=True)
class SourceModel:
    """A model and how it is called."""

    model: Any
    kind: Kind = "module"
    """The library that its class is from."""
    tokenizer: Any = None
    """The tokenizer, if it came with the model."""
    notes: tuple[str, ...] = field(default=())
    """Notes for the report, a sentence each."""
    task: Task | None = None
    """Its task, once known."""
    writes: bool = False
    """Whether it modifies its inputs, so that each call gets a copy of them."""

    def main(self, output: Any) -> Any:
        """Return the tensor that the metric uses, from the output of the model or of one called like it."""
        return main_tensor(output) if self.task is None else self.task.of(output)

    @property
    def name(self) -> str:
        """The model's class."""
        return type(self.model).__name__

    @property
    def device(self) -> Any:
        """The device of its parameters."""
        import torch

        first = next(self.model.parameters(), None)
        return torch.device("cpu") if first is None else first.device

    @property
    def size_bytes(self) -> int:
        """Bytes of its parameters and buffers; tied ones count once."""
        seen = {tensor.data_ptr(): tensor.numel() * tensor.element_size() for tensor in _tensors(self.model)}
        return sum(seen.values())

    def copy(self) -> Any:
        """Return an independent deep copy of the model; tied weights stay tied.

        Raises ShrinkError if the model can't be copied.
        """
        memo: dict[int, Any] = {}
        for module in self.model.modules():
            for value in vars(module).values():
                copied = _copied(value)
                if copied is not None:
                    memo[id(value)] = copied
        try:
            return copy.deepcopy(self.model, memo)
        except (RuntimeError, TypeError) as error:
            raise ShrinkError(
                f"{self.name} can't be copied ({_first_line(error)}), and the original is never touched; "
                "hand over a fresh model that holds no results of a computation."
            ) from error

    def call(self, inputs: Any, model: Any = None) -> Any:
        """Call the model, or one with the same signature, with one batch; return its output."""
        deadline.look()
        model = self.model if model is None else model
        if self.writes:
            inputs = mapped(inputs, lambda leaf: leaf.clone())
        if isinstance(inputs, Mapping):
            return model(dict(inputs)) if self.kind == "sentence-transformers" else model(**inputs)
        if isinstance(inputs, (tuple, list)):
            return model(*inputs)
        return model(inputs)

    @contextmanager
    def quiet(self) -> Iterator[None]:
        """Switch to evaluation mode; afterwards restore modes, state and random number generators."""
        modes = [(module, module.training) for module in self.model.modules()]
        state, random_numbers = ModelState(self.model), RandomNumbers()
        try:
            self.model.eval()
            yield
        finally:
            for module, training in modes:
                module.training = training
            state.put_back()
            random_numbers.put_back()

    @contextmanager
    def kept(self, model: Any = None) -> Iterator[None]:
        """Restore the state beside the parameters of this model, or of one with the same signature."""
        state = ModelState(self.model if model is None else model)
        try:
            yield
        finally:
            state.put_back()

    def fingerprint(self) -> str:
        """Return a digest of all parameters, bit by bit."""
        import torch

        digest = hashlib.sha256()
        for name, tensor in self.model.named_parameters(remove_duplicate=False):
            digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
            flat = tensor.detach().cpu().contiguous().reshape(-1)
            digest.update(flat.view(torch.uint8).numpy().tobytes() if flat.numel() else b"")
        return digest.hexdigest()


def source_model_of(model: Any) -> SourceModel:
    """Return the source model of an object that the user passed: a module, a pipeline or a trainer.

    Raises ShrinkError if it can't be compressed.
    """
    torch = require("torch")
    tokenizer = None
    if not isinstance(model, torch.nn.Module):
        inner = getattr(model, "model", None)
        if not isinstance(inner, torch.nn.Module):
            raise ShrinkError(
                f"{type(model).__name__} is not a PyTorch model; hand over a torch.nn.Module, a transformers or "
                "sentence-transformers model, a pipeline or a Trainer."
            )
        tokenizer = getattr(model, "tokenizer", None) or getattr(model, "processing_class", None)
        model = inner
    compiled, model = model, uncompiled(model)
    _refuse(model)
    kind = kind_of(model)
    if kind == "sentence-transformers":
        tokenizer = tokenizer or model.tokenizer
    notes = [COMPILED] if model is not compiled else []
    return SourceModel(model, kind, tokenizer, (*notes, *_notes(model)))


def uncompiled(model: Any) -> Any:
    """Return the module inside the wrapper that ``torch.compile`` returns; any other module as it is."""
    while _is_wrapper(model):
        model = model._modules[_INSIDE]
    return model


def _is_wrapper(module: Any) -> bool:
    """Whether a module is ``torch.compile``'s wrapper, whose class is imported by compiling alone."""
    return type(module).__name__ == "OptimizedModule" and _INSIDE in module._modules


def kind_of(model: Any) -> Kind:
    """Return the library that a model's class is from, which determines how it is called."""
    names = {base.__module__.partition(".")[0] for base in type(model).__mro__}
    if "sentence_transformers" in names:
        return "sentence-transformers"
    return "transformers" if "transformers" in names else "module"


def check_weights(model: Any, name: str) -> None:
    """Check that a model's weights are initialized.

    Raises ShrinkError if it has lazy parameters or is on the meta device.
    """
    import torch

    if any(torch.nn.parameter.is_lazy(leaf) for leaf in _tensors(model)):
        raise ShrinkError(f"{name} has layers that are made when it is called first; call it once with an example.")
    if any(leaf.is_meta for leaf in _tensors(model)):
        raise ShrinkError(f"{name} is on the meta device and holds no weights; load them first.")


def _refuse(model: Any) -> None:
    import torch

    name = type(model).__name__
    check_weights(model, name)
    if _is_quantized(model):
        raise ShrinkError(f"{name} is quantized already; hand over the model it was made from.")
    if not any(True for _ in model.parameters()):
        raise ShrinkError(f"{name} has no parameters, so there is nothing to shrink.")
    if len({tensor.device for tensor in model.parameters()}) > 1:
        raise ShrinkError(f"{name} is spread over several devices; move it to one of them.")
    if isinstance(model, torch.jit.ScriptModule):
        raise ShrinkError(f"{name} is TorchScript, which can't be changed; hand over the model that it was made from.")
    if isinstance(model, torch.nn.DataParallel):
        raise ShrinkError(f"{name} wraps a model; hand over the model inside it: model.module.")
    if (part := next((part for part, module in model.named_modules() if _is_wrapper(module)), None)) is not None:
        raise ShrinkError(
            f"The part {part} of {name} was compiled by torch.compile; put the module inside it back, which is its "
            f"{_INSIDE}."
        )


def _is_quantized(model: Any) -> bool:
    import torch

    if getattr(getattr(model, "config", None), "quantization_config", None) is not None:
        return True
    if any(type(module).__module__.startswith(_QUANTIZED) for module in model.modules()):
        return True
    return any(
        tensor.dtype in (torch.int8, torch.uint8)
        or tensor.is_quantized
        or type(tensor).__module__.startswith(_QUANTIZED)
        for tensor in model.parameters()
    )


def _notes(model: Any) -> Iterator[str]:
    if has_hooks(model):
        yield "The model has hooks; a runtime other than PyTorch does not run them."
    if any(module.training for module in model.modules()):
        yield "The model was in training mode; it is measured in evaluation mode and put back."
    tensors = list(model.named_parameters(remove_duplicate=False))
    if len({id(tensor) for _, tensor in tensors}) < len(tensors):
        yield "Weights that are tied stay tied where the model stays a PyTorch module."


def weight_is_computed(module: Any) -> bool:
    """Whether a layer's weight is computed at each call, by a parametrization or a hook, and can't be changed."""
    import torch

    return bool(torch.nn.utils.parametrize.is_parametrized(module) or module._forward_pre_hooks)


def has_hooks(model: Any) -> bool:
    """Whether any module has a forward hook."""
    return any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())


def _copied(value: Any) -> Any:
    """Return a copy of a value that deepcopy can't handle; None for all others."""
    import torch

    if isinstance(value, torch.Generator):
        generator = torch.Generator(device=value.device)
        generator.set_state(value.get_state())
        return generator
    if isinstance(value, torch.Tensor) and not value.is_leaf:
        return value.detach().clone()  # a cache that was filled while gradients were enabled
    return None


def _tensors(model: Any) -> list[Any]:
    return [*model.parameters(), *model.buffers()]


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:160].rstrip(".")


__all__ = [
    "Kind",
    "SourceModel",
    "has_hooks",
    "kind_of",
    "main_tensor",
    "source_model_of",
    "uncompiled",
    "weight_is_computed",
]
