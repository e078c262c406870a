"""Some examples at once: what a model is called with, and what should come out."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Batch:
    """Some examples at once.

    Parameters
    ----------
    inputs : Tensor, tuple or dict
        What the model is called with; the first axis of every tensor counts examples.
    labels : Tensor or None
        What should come out.
    """

    inputs: Any
    labels: Any = None

    @property
    def size(self) -> int:
        """Number of examples."""
        return len(leaves(self.inputs)[0])

    def to(self, device: Any) -> Batch:
        """Return the batch with its inputs on a device."""
        if all(leaf.device == device for leaf in leaves(self.inputs)):
            return self
        return Batch(mapped(self.inputs, lambda leaf: leaf.to(device)), self.labels)

    def part(self, begin: int, end: int) -> Batch:
        """Return some of its examples; padding that none of them needs falls away."""
        inputs = mapped(self.inputs, lambda leaf: leaf[begin:end])
        return Batch(_trimmed(inputs), None if self.labels is None else self.labels[begin:end])

    def digests(self) -> list[bytes]:
        """Return a digest of each example's inputs, the same whatever padding is around them."""
        import torch

        found = []
        for place in range(self.size):
            digest = hashlib.blake2b(digest_size=12)
            for leaf in leaves(self.part(place, place + 1).inputs):
                # As bytes: numpy knows no bfloat16.
                digest.update(leaf.detach().cpu().contiguous().view(torch.uint8).numpy().tobytes())
            found.append(digest.digest())
        return found


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


def _trimmed(inputs: Any) -> Any:
    mask = inputs.get("attention_mask") if isinstance(inputs, Mapping) else None
    if mask is None or mask.dim() != 2:
        return inputs
    used = int(mask.any(0).nonzero().max()) + 1 if bool(mask.any()) else 1
    if bool(mask[:, 0].all()) and used < mask.shape[1]:
        return {
            name: leaf[:, :used] if leaf.dim() == 2 and leaf.shape[1] == mask.shape[1] else leaf
            for name, leaf in inputs.items()
        }
    return inputs


def smaller(batches: Iterable[Batch], size: int) -> list[Batch]:
    """Return the same examples in batches of a size at most."""
    return [batch.part(begin, begin + size) for batch in batches for begin in range(0, batch.size, size)]


def joined(batches: Sequence[Batch]) -> list[Batch]:
    """Return one batch of all that have the most common shapes; what differs in length is not padded together."""
    import torch

    def shapes(batch: Batch) -> tuple[Any, ...]:
        return tuple((tuple(leaf.shape[1:]), leaf.dtype) for leaf in leaves(batch.inputs))

    counts = Counter(shapes(batch) for batch in batches)
    wanted = counts.most_common(1)[0][0]
    alike = [batch for batch in batches if shapes(batch) == wanted]
    columns = [torch.cat(parts) for parts in zip(*(leaves(batch.inputs) for batch in alike), strict=True)]
    left = iter(columns)
    labels = [batch.labels for batch in alike]
    return [
        Batch(
            mapped(alike[0].inputs, lambda _: next(left)),
            None if any(label is None for label in labels) else torch.cat(labels),
        )
    ]
