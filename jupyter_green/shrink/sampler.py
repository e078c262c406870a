"""Which item of which dataset each example of a loader is: a sampler may give one item often.

A loader is copied, and the copy's sampler remembers what it gives; everything else (workers, collating) is the
person's. What a sampler repeats is one example, also where the dataset changes it at random each time.
"""

from __future__ import annotations

import copy
from collections.abc import Hashable, Iterator, Sequence
from typing import Any

ASKED = 8
"""Items that are asked for twice, to see whether a dataset is random in itself."""


class RecordingSampler:
    """A sampler that remembers what it gave.

    Parameters
    ----------
    sampler : iterable
        What gives an index, or the indexes of a batch.
    """

    def __init__(self, sampler: Any) -> None:
        self.sampler = sampler
        self.given: list[Any] = []

    def __iter__(self) -> Iterator[Any]:
        for one in self.sampler:
            self.given.append(one)
            yield one

    def __len__(self) -> int:
        return len(self.sampler)


def recorded(loader: Any) -> tuple[Any, RecordingSampler | None]:
    """Return a copy of a DataLoader and the sampler that remembers what it is asked; None where it has no indexes."""
    from torch.utils.data import IterableDataset

    if isinstance(loader.dataset, IterableDataset):
        return loader, None
    name = "sampler" if loader.batch_sampler is None else "batch_sampler"
    sampler = RecordingSampler(getattr(loader, name))
    copied = copy.copy(loader)
    # A loader refuses another sampler once it is made; the copy's own attributes are set below that.
    vars(copied).update({name: sampler, "_iterator": None, "in_order": True, "persistent_workers": False})
    return copied, sampler


def indexes_of(sampler: RecordingSampler | None, sizes: Sequence[int]) -> list[list[Hashable]] | None:
    """Return the index of each example of each batch; None where that can't be told.

    Parameters
    ----------
    sampler : RecordingSampler or None
        What it was asked.
    sizes : sequence of int
        Examples of each batch that came.
    """
    if sampler is None or len(sampler.given) < len(sizes):
        return None
    found: list[list[Hashable]] = []
    for given, size in zip(sampler.given, sizes, strict=False):
        if isinstance(given, (list, tuple)):
            if len(given) != size:
                return None
            found.append([_plain(one) for one in given])
        else:  # a dataset of whole batches
            found.append([(_plain(given), place) for place in range(size)])
    return found


def source(dataset: Any, index: Any) -> Hashable:
    """Return which item of which dataset this is, however it is wrapped in subsets and put end to end."""
    from torch.utils.data import ConcatDataset, Subset

    while isinstance(index, int):
        if isinstance(dataset, Subset):
            dataset, index = dataset.dataset, _plain(dataset.indices[index])
        elif isinstance(dataset, ConcatDataset):
            place = next(place for place, end in enumerate(dataset.cumulative_sizes) if index < end)
            index -= dataset.cumulative_sizes[place - 1] if place else 0
            dataset = dataset.datasets[place]
        else:
            break
    return id(dataset), index


def _plain(index: Any) -> Any:
    return int(index) if hasattr(index, "__index__") else index
