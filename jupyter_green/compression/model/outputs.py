"""Tensors in a model's output: a tensor, mapping, tuple or dataclass, also nested."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any

from jupyter_green.compression.errors import ShrinkError

Path = tuple[str | int, ...]
"""Location of a tensor in a model's output."""
MAIN = ("logits", "sentence_embedding", "last_hidden_state", "prediction_logits", "out")
"""Names of the output that a metric uses, in order of preference."""
VECTORS = ("sentence_embedding", "last_hidden_state")


def tensors_of(output: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Yield each tensor in a model's output, with its location."""
    import torch

    if isinstance(output, torch.Tensor):
        yield path, output
    elif isinstance(output, Mapping):
        for name, value in output.items():
            yield from tensors_of(value, (*path, name))
    elif isinstance(output, (tuple, list)):
        names = getattr(output, "_fields", range(len(output)))
        for name, value in zip(names, output, strict=True):
            yield from tensors_of(value, (*path, name))
    elif is_dataclass(output) and not isinstance(output, type):
        for field in fields(output):
            yield from tensors_of(getattr(output, field.name), (*path, field.name))
    elif hasattr(output, "__dict__"):
        for name, value in vars(output).items():
            if isinstance(value, torch.Tensor):
                yield (*path, name), value


def main_tensor(output: Any) -> Any:
    """Return the tensor with a preferred name, else the first. Raises ShrinkError if the output contains no tensor."""
    tensors = list(tensors_of(output))
    if not tensors:
        raise ShrinkError(f"The model returns {type(output).__name__} without a tensor in it; return logits.")
    return min(tensors, key=lambda item: rank(item[0]))[1]


def alike(answer: Any, wanted: Any, share: float) -> bool:
    """Whether two outputs are equal up to a share of the largest absolute value of `wanted`.

    Infinite values and NaN must be in the same places: a mask of minus infinity is part of an output.
    """
    import torch

    if answer.shape != wanted.shape:
        return False
    finite = wanted[wanted.isfinite()]
    largest = float(finite.abs().max()) if finite.numel() else 0.0
    return torch.allclose(answer, wanted, rtol=0.0, atol=share * max(1e-6, largest), equal_nan=True)


def rank(path: Path) -> int:
    """Return the index of an output's name in `MAIN`; lower is preferred."""
    last = path[-1] if path else ""
    return MAIN.index(str(last)) if last in MAIN else len(MAIN)


def listed(found: Sequence[tuple[Path, Any]]) -> str:
    """Return the locations of the first few outputs, separated by commas."""
    return ", ".join(path_in_words(path) for path, _ in found[:6])


def path_in_words(path: Path) -> str:
    """Return a location in Python's notation: logits, [1], heads[0]."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else (f".{step}" if text else str(step))
    return text
