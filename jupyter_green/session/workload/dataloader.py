"""One batch as a DataLoader hands it out: how many examples it holds, and how many its loader was set to.

Where the loader makes batches of a data set with a length, the number follows from both and from the batch's
place, whatever was made of the examples since. Elsewhere it is read off the batch, if the batch leaves no
doubt. No library is imported here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

LIBRARY = "torch.utils.data.dataloader"
_DEPTH = 3


class Batch(NamedTuple):
    """Size of one batch.

    Parameters
    ----------
    size : int or None
        Examples in it; None where that can't be told.
    nominal : int or None
        Examples that a full batch of its loader holds; only the last one of a data set may hold fewer.
    """

    size: int | None
    nominal: int | None


def batch_of(iterator: Any, data: Any) -> Batch:
    """Size of the batch that a loader's iterator has just handed out."""
    sampler = getattr(iterator, "_index_sampler", None)
    nominal = getattr(sampler, "batch_size", None) if getattr(iterator, "_auto_collation", False) else None
    if not isinstance(nominal, int):
        # Batches of a sampler of one's own, or examples that were put together before they came here.
        found = _told(data)
        return Batch(found, found)
    number = getattr(iterator, "_num_yielded", 0)
    length = _length(getattr(sampler, "sampler", None))
    if length is not None and number >= 1:
        left = length - (number - 1) * nominal
        return Batch(min(nominal, left) if left > 0 else None, nominal)
    sizes = {size for size in _sizes(data, _DEPTH) if size <= nominal}
    if nominal in sizes:
        return Batch(nominal, nominal)
    return Batch(sizes.pop() if len(sizes) == 1 else None, nominal)


def _told(data: Any) -> int | None:
    """First length that all arrays in a batch have in common; None where they differ."""
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
    """Every number of examples that a batch may be taken to have."""
    yield from _arrays(data, depth)
    if isinstance(data, (list, tuple)):
        yield len(data)


def _length(sampler: Any) -> int | None:
    try:
        return len(sampler)
    except (TypeError, NotImplementedError):
        return None
