"""A batch of examples: inputs of the model, labels, and what each example belongs to."""

from __future__ import annotations

import hashlib
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

TOKENS = ("input_ids", "attention_mask", "token_type_ids", "position_ids", "special_tokens_mask")
"""Inputs with one number per token; the mask beside them marks padding."""
LABELS = ("labels", "label", "target", "targets", "y")
"""Names of a column of labels."""
IGNORED = -100
"""Label that is ignored, as in PyTorch and transformers."""


@dataclass(frozen=True)
class Batch:
    """A batch of examples."""

    inputs: Any
    """The model's inputs; the first axis of every tensor is the example."""
    labels: Any = None
    """The expected outputs."""
    groups: Sequence[Hashable] | None = None
    """Group of each example: a group is never split between parts of the data and counts as one example. None if
    examples are independent.
    """
    sources: Sequence[Hashable] | None = None
    """Dataset and item of each example, if known."""

    @property
    def size(self) -> int:
        """Number of examples."""
        return len(leaves(self.inputs)[0])

    def to(self, device: Any) -> Batch:
        """Return the batch with its inputs on a device."""
        if all(leaf.device == device for leaf in leaves(self.inputs)):
            return self
        return replace(self, inputs=mapped(self.inputs, lambda leaf: leaf.to(device)))

    def part(self, begin: int, end: int) -> Batch:
        """Return a range of its examples, without padding that none of them needs."""
        return self._at(slice(begin, end), range(begin, min(end, self.size)))

    def take(self, places: Sequence[int]) -> Batch:
        """Return the examples at these indices, without padding that none of them needs."""
        return self if list(places) == [*range(self.size)] else self._at(list(places), places)

    def _at(self, index: Any, places: Sequence[int]) -> Batch:
        def chosen(values: Sequence[Hashable] | None) -> list[Hashable] | None:
            return None if values is None else [values[position] for position in places]

        inputs = mapped(self.inputs, lambda leaf: leaf[index])
        labels = None if self.labels is None else self.labels[index]
        return Batch(*_trimmed(inputs, labels), chosen(self.groups), chosen(self.sources))

    def digests(self) -> list[bytes]:
        """Return a digest of each example's inputs that does not depend on padding."""
        import numpy as np

        mask = _mask(self.inputs)
        token_mask: Any = None if mask is None else mask.detach().cpu().bool().numpy()
        digests = [hashlib.blake2b(digest_size=12) for _ in range(self.size)]
        for name, leaf in _named(self.inputs):
            rows = _bytes(leaf)
            padded = token_mask is not None and name in TOKENS and leaf.shape == mask.shape
            byte_mask = (
                np.repeat(token_mask, rows.shape[1] // token_mask.shape[1], axis=1)
                if padded and token_mask.shape[1]
                else None
            )
            for row, digest in enumerate(digests):
                digest.update((rows[row] if byte_mask is None else rows[row][byte_mask[row]]).tobytes())
        return [digest.digest() for digest in digests]

    def answers(self) -> list[bytes]:
        """Return the labels of each example as bytes."""
        return [b""] * self.size if self.labels is None else [row.tobytes() for row in _bytes(self.labels)]


def _bytes(leaf: Any) -> Any:
    """Return a tensor as an array of bytes with one row per example."""
    import torch

    leaf = leaf.detach().cpu().contiguous()
    # As bytes, because numpy has no bfloat16.
    return (leaf.flatten(1) if leaf.dim() > 1 else leaf[:, None]).contiguous().view(torch.uint8).numpy()


def independent(batches: Iterable[Batch]) -> int:
    """Return the number of independent examples: those of a group count once."""
    batches = list(batches)
    if any(batch.groups is None for batch in batches):
        return sum(batch.size for batch in batches)
    return len({group for batch in batches for group in batch.groups or ()})


def leaves(inputs: Any) -> list[Any]:
    """Return the tensors of a batch's inputs."""
    if isinstance(inputs, Mapping):
        return [leaf for value in inputs.values() for leaf in leaves(value)]
    if isinstance(inputs, (tuple, list)):
        return [leaf for value in inputs for leaf in leaves(value)]
    return [inputs] if hasattr(inputs, "dim") else []


def mapped(inputs: Any, change: Any) -> Any:
    """Return the same inputs with a function applied to each tensor."""
    if isinstance(inputs, Mapping):
        return {name: mapped(value, change) for name, value in inputs.items()}
    if isinstance(inputs, (tuple, list)):
        return tuple(mapped(value, change) for value in inputs)
    return change(inputs)


def _named(inputs: Any) -> list[tuple[str, Any]]:
    """Return the tensors of a batch's inputs with their names in the outermost mapping."""
    if isinstance(inputs, Mapping):
        return [(name, leaf) for name, value in inputs.items() for leaf in leaves(value)]
    return [("", leaf) for leaf in leaves(inputs)]


def _mask(inputs: Any) -> Any:
    """Return the attention mask; None if there is none."""
    mask: Any = inputs.get("attention_mask") if isinstance(inputs, Mapping) else None
    return mask if hasattr(mask, "dim") and mask.dim() == 2 else None


def _trimmed(inputs: Any, labels: Any) -> tuple[Any, Any]:
    """Return inputs and labels without trailing padding that no example needs.

    Unchanged if there are other inputs of the mask's shape: they may not have one number per token.
    """
    mask = _mask(inputs)
    if mask is None:
        return inputs, labels
    used = int(mask.any(0).nonzero().max()) + 1 if bool(mask.any()) else 1
    if used >= mask.shape[1] or not bool(mask[:, 0].all()):
        return inputs, labels
    alike = [name for name, leaf in inputs.items() if hasattr(leaf, "dim") and leaf.shape == mask.shape]
    if not set(alike) <= set(TOKENS):
        return inputs, labels
    if labels is not None and labels.shape == mask.shape:
        if labels.is_floating_point() or not bool((labels[:, used:] == IGNORED).all()):
            return inputs, labels
        labels = labels[:, :used]
    return {name: leaf[:, :used] if name in alike else leaf for name, leaf in inputs.items()}, labels


def smaller(batches: Iterable[Batch], size: int) -> list[Batch]:
    """Return the same examples in batches of at most this size."""
    return [batch.part(begin, begin + size) for batch in batches for begin in range(0, batch.size, size)]


def joined(batches: Sequence[Batch]) -> list[Batch]:
    """Return one batch of all examples with the most common shapes; other lengths are not padded to them."""
    return [_together(max(_alike(batches), key=lambda found: sum(batch.size for batch in found)))]


def regrouped(batches: Sequence[Batch], size: int) -> list[Batch]:
    """Return the same examples in batches of this size, or smaller ones if shapes differ."""
    if all(batch.size == size for batch in batches):
        return list(batches)
    return [batch for batches_of_shape in _alike(batches) for batch in smaller([_together(batches_of_shape)], size)]


def _alike(batches: Sequence[Batch]) -> list[list[Batch]]:
    """Return the batches grouped by the shapes of an example, in order of first occurrence."""
    by_shape: dict[Any, list[Batch]] = {}
    for batch in batches:
        tensors = [*leaves(batch.inputs), *([] if batch.labels is None else [batch.labels])]
        by_shape.setdefault(tuple((tuple(leaf.shape[1:]), leaf.dtype) for leaf in tensors), []).append(batch)
    return list(by_shape.values())


def _together(batches: Sequence[Batch]) -> Batch:
    """Concatenate batches of equal shapes."""
    import torch

    if len(batches) == 1:
        return batches[0]
    columns = iter([torch.cat(parts) for parts in zip(*(leaves(batch.inputs) for batch in batches), strict=True)])
    inputs = mapped(batches[0].inputs, lambda _: next(columns))
    labels = [batch.labels for batch in batches]

    def end_to_end(columns: list[Sequence[Hashable] | None]) -> list[Hashable] | None:
        return (
            None
            if any(column is None for column in columns)
            else [value for column in columns for value in column or ()]
        )

    return Batch(
        inputs,
        None if any(label is None for label in labels) else torch.cat(labels),
        end_to_end([batch.groups for batch in batches]),
        end_to_end([batch.sources for batch in batches]),
    )
