"""Some examples at once: what a model is called with, and what should come out."""

from __future__ import annotations

import hashlib
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

TOKENS = ("input_ids", "attention_mask", "token_type_ids", "position_ids", "special_tokens_mask")
"""Inputs that have a number for each token: padding is known by the mask beside them."""
LABELS = ("labels", "label", "target", "targets", "y")
"""What a column of labels is called."""
IGNORED = -100
"""Label of what is not judged, as PyTorch and transformers have it."""


@dataclass(frozen=True)
class Batch:
    """Some examples at once.

    Parameters
    ----------
    inputs : Tensor, tuple or dict
        What the model is called with; the first axis of every tensor counts examples.
    labels : Tensor or None
        What should come out.
    groups : sequence or None
        What each example belongs to; examples of one group stand in one part of the data and count as one. None where
        each stands by itself.
    sources : sequence or None
        Which item of which dataset each example is, where that is known.
    """

    inputs: Any
    labels: Any = None
    groups: Sequence[Hashable] | None = None
    sources: Sequence[Hashable] | None = None

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
        """Return some of its examples; padding that none of them needs falls away."""
        return self._at(slice(begin, end), range(begin, min(end, self.size)))

    def take(self, places: Sequence[int]) -> Batch:
        """Return the examples at these places; padding that none of them needs falls away."""
        return self if list(places) == [*range(self.size)] else self._at(list(places), places)

    def _at(self, index: Any, places: Sequence[int]) -> Batch:
        def chosen(values: Sequence[Hashable] | None) -> list[Hashable] | None:
            return None if values is None else [values[place] for place in places]

        inputs = mapped(self.inputs, lambda leaf: leaf[index])
        labels = None if self.labels is None else self.labels[index]
        return Batch(*_trimmed(inputs, labels), chosen(self.groups), chosen(self.sources))

    def digests(self) -> list[bytes]:
        """Return a digest of each example's inputs, the same whatever padding is around them."""
        import numpy as np

        mask = _mask(self.inputs)
        real: Any = None if mask is None else mask.detach().cpu().bool().numpy()
        found = [hashlib.blake2b(digest_size=12) for _ in range(self.size)]
        for name, leaf in _named(self.inputs):
            rows = _bytes(leaf)
            padded = real is not None and name in TOKENS and leaf.shape == mask.shape
            wide = np.repeat(real, rows.shape[1] // real.shape[1], axis=1) if padded and real.shape[1] else None
            for place, digest in enumerate(found):
                digest.update((rows[place] if wide is None else rows[place][wide[place]]).tobytes())
        return [digest.digest() for digest in found]

    def answers(self) -> list[bytes]:
        """Return what should come out of each example, as bytes."""
        return [b""] * self.size if self.labels is None else [row.tobytes() for row in _bytes(self.labels)]


def _bytes(leaf: Any) -> Any:
    """Return a tensor as an array of bytes, a row for each example."""
    import torch

    leaf = leaf.detach().cpu().contiguous()
    # As bytes: numpy knows no bfloat16.
    return (leaf.flatten(1) if leaf.dim() > 1 else leaf[:, None]).contiguous().view(torch.uint8).numpy()


def independent(batches: Iterable[Batch]) -> int:
    """Return how many examples count: those of one group as one."""
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
    """Return the same inputs with each tensor changed."""
    if isinstance(inputs, Mapping):
        return {name: mapped(value, change) for name, value in inputs.items()}
    if isinstance(inputs, (tuple, list)):
        return tuple(mapped(value, change) for value in inputs)
    return change(inputs)


def _named(inputs: Any) -> list[tuple[str, Any]]:
    """Return the tensors of a batch's inputs, each with the name it has in the outermost mapping."""
    if isinstance(inputs, Mapping):
        return [(name, leaf) for name, value in inputs.items() for leaf in leaves(value)]
    return [("", leaf) for leaf in leaves(inputs)]


def _mask(inputs: Any) -> Any:
    """Return the mask of tokens; None where there is none."""
    mask: Any = inputs.get("attention_mask") if isinstance(inputs, Mapping) else None
    return mask if hasattr(mask, "dim") and mask.dim() == 2 else None


def _trimmed(inputs: Any, labels: Any) -> tuple[Any, Any]:
    """Return inputs and labels without the padding at the end that no example needs.

    What only happens to be as wide as the mask is not known to be of tokens; where there is such, all stays as it is.
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
    """Return the same examples in batches of a size at most."""
    return [batch.part(begin, begin + size) for batch in batches for begin in range(0, batch.size, size)]


def joined(batches: Sequence[Batch]) -> list[Batch]:
    """Return one batch of all that have the most common shapes; what differs in length is not padded together."""
    return [_together(max(_alike(batches), key=lambda found: sum(batch.size for batch in found)))]


def regrouped(batches: Sequence[Batch], size: int) -> list[Batch]:
    """Return the same examples in batches of a size where their shapes allow that, and smaller ones elsewhere."""
    if all(batch.size == size for batch in batches):
        return list(batches)
    return [batch for found in _alike(batches) for batch in smaller([_together(found)], size)]


def _alike(batches: Sequence[Batch]) -> list[list[Batch]]:
    """Return batches by the shapes of one example, in the order in which these occur."""
    found: dict[Any, list[Batch]] = {}
    for batch in batches:
        tensors = [*leaves(batch.inputs), *([] if batch.labels is None else [batch.labels])]
        found.setdefault(tuple((tuple(leaf.shape[1:]), leaf.dtype) for leaf in tensors), []).append(batch)
    return list(found.values())


def _together(batches: Sequence[Batch]) -> Batch:
    """Return batches of the same shapes as one."""
    import torch

    if len(batches) == 1:
        return batches[0]
    columns = iter([torch.cat(parts) for parts in zip(*(leaves(batch.inputs) for batch in batches), strict=True)])
    inputs = mapped(batches[0].inputs, lambda _: next(columns))
    labels = [batch.labels for batch in batches]

    def end_to_end(columns: list[Sequence[Hashable] | None]) -> list[Hashable] | None:
        return (
            None if any(column is None for column in columns) else [one for column in columns for one in column or ()]
        )

    return Batch(
        inputs,
        None if any(label is None for label in labels) else torch.cat(labels),
        end_to_end([batch.groups for batch in batches]),
        end_to_end([batch.sources for batch in batches]),
    )
