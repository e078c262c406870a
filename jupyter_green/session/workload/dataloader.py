"""Size of a DataLoader's batch, and the batch size its loader is set to.

If the loader forms batches of a data set with a length, the size follows from the lengths and the batch's position.
Otherwise it is read from the batch, if that is unambiguous. Imports no library.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

LIBRARY = "torch.utils.data.dataloader"
_DEPTH = 3


class Batch(NamedTuple):
    """Size of one batch."""

    size: int | None
    """Number of examples; None if unknown."""
    nominal: int | None
    """Number of examples in a full batch of the loader; only a data set's last batch may have fewer."""


def batch_of(iterator: Any, data: Any) -> Batch:
    """Return the size of the batch that a loader's iterator has just returned."""
    sampler = getattr(iterator, "_index_sampler", None)
    nominal = getattr(sampler, "batch_size", None) if getattr(iterator, "_auto_collation", False) else None
    if not isinstance(nominal, int):
        # Batches of a custom sampler, or examples that were combined earlier.
        read_size = _told(data)
        return Batch(read_size, read_size)
    position = getattr(iterator, "_num_yielded", 0)
    length = _length(getattr(sampler, "sampler", None))
    if length is not None and position >= 1:
        remaining = length - (position - 1) * nominal
        return Batch(min(nominal, remaining) if remaining > 0 else None, nominal)
    sizes = {size for size in _sizes(data, _DEPTH) if size <= nominal}
    if nominal in sizes:
        return Batch(nominal, nominal)
    return Batch(sizes.pop() if len(sizes) == 1 else None, nominal)


def _told(data: Any) -> int | None:
    """First dimension of all arrays in a batch; None if they differ."""
    sizes = set(_arrays(data, _DEPTH))
    return sizes.pop() if len(sizes) == 1 else None


def _arrays(data: Any, depth: int) -> Iterator[int]:
    shape = getattr(data, "shape", None)
    if shape is not None:
        if len(shape):
            yield int(shape[0])
    elif depth:
        for item in data.values() if isinstance(data, Mapping) else data if isinstance(data, (list, tuple)) else ():
            yield from _arrays(item, depth - 1)


def _sizes(data: Any, depth: int) -> Iterator[int]:
    """Yield all possible numbers of examples in a batch."""
    yield from _arrays(data, depth)
    if isinstance(data, (list, tuple)):
        yield len(data)


def _length(sampler: Any) -> int | None:
    try:
        return len(sampler)
    except (TypeError, NotImplementedError):  # a sampler of unknown length
        return None
