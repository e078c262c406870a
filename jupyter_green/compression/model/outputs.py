"""The tensors in what a model returns: a tensor, a mapping, a tuple, a dataclass, or any of these in one another."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any

from jupyter_green.compression.errors import ShrinkError

Path = tuple[str | int, ...]
"""Where a tensor stands in what a model returns."""
MAIN = ("logits", "sentence_embedding", "last_hidden_state", "prediction_logits", "out")
"""Names under which an output holds what a metric looks at, in this order."""
VECTORS = ("sentence_embedding", "last_hidden_state")


def tensors_of(output: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Yield each tensor in what a model returned, with where it stands."""
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
        for one in fields(output):
            yield from tensors_of(getattr(output, one.name), (*path, one.name))
    elif hasattr(output, "__dict__"):
        for name, value in vars(output).items():
            if isinstance(value, torch.Tensor):
                yield (*path, name), value


def main_tensor(output: Any) -> Any:
    """Return the tensor that a name says is the answer, else the first.

    Raises
    ------
    ShrinkError
        If there is no tensor in it.
    """
    found = list(tensors_of(output))
    if not found:
        raise ShrinkError(f"The model returns {type(output).__name__} without a tensor in it; return logits.")
    return min(found, key=lambda item: rank(item[0]))[1]


def alike(answer: Any, wanted: Any, share: float) -> bool:
    """Whether two answers are the same but for a share of the largest number in them.

    Infinities and what is no number have to stand in the same places: a mask of minus infinity is part of an answer.
    """
    import torch

    if answer.shape != wanted.shape:
        return False
    finite = wanted[wanted.isfinite()]
    largest = float(finite.abs().max()) if finite.numel() else 0.0
    return torch.allclose(answer, wanted, rtol=0.0, atol=share * max(1e-6, largest), equal_nan=True)


def rank(path: Path) -> int:
    """Return how surely the name of an output says that it counts; the lower the surer."""
    last = path[-1] if path else ""
    return MAIN.index(str(last)) if last in MAIN else len(MAIN)


def listed(found: Sequence[tuple[Path, Any]]) -> str:
    """Return the first few of several outputs in words."""
    return ", ".join(path_in_words(path) for path, _ in found[:6])


def path_in_words(path: Path) -> str:
    """Return where an output stands, as Python has it: logits, [1], heads[0]."""
    said = ""
    for step in path:
        said += f"[{step}]" if isinstance(step, int) else (f".{step}" if said else str(step))
    return said
