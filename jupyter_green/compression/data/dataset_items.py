"""Finds which dataset item each example of a loader is: a sampler may return an item several times.

The loader is copied, and the copy's sampler records its indices; workers and collating are unchanged. Repeats of an
item count as one example, even if the dataset augments it at random.
"""

from __future__ import annotations

import copy
from collections.abc import Hashable, Iterator, Sequence
from typing import Any

from jupyter_green.compression.process import deadline

ASKED = 8
"""Number of items that are read twice, to see whether a dataset is random."""


class RecordingSampler:
    """A sampler that records what it yields: indices, or those of a batch."""

    def __init__(self, sampler: Any) -> None:
        self.sampler = sampler
        self.given: list[Any] = []

    def __iter__(self) -> Iterator[Any]:
        for index in self.sampler:
            self.given.append(index)
            yield index

    def __len__(self) -> int:
        return len(self.sampler)


def recorded(loader: Any) -> tuple[Any, RecordingSampler | None]:
    """Return a copy of a DataLoader and its recording sampler; None if the dataset has no indices."""
    from torch.utils.data import IterableDataset

    streamed = isinstance(loader.dataset, IterableDataset)
    copied = copy.copy(loader)
    # A DataLoader forbids changing these attributes, so they are set in the copy's `__dict__`.
    vars(copied).update({"_iterator": None, "persistent_workers": False})
    pipe = any(base.__name__ in ("IterDataPipe", "MapDataPipe") for base in type(loader.dataset).__mro__)
    if loader.num_workers == 0 and not pipe:  # workers don't share the deadline, and a pipe is configured from outside
        vars(copied)["dataset"] = InTime(loader.dataset)
    if streamed:
        return copied, None
    name = "sampler" if loader.batch_sampler is None else "batch_sampler"
    sampler = RecordingSampler(getattr(loader, name))
    vars(copied).update({name: sampler, "in_order": True})
    return copied, sampler


class InTime:
    """A dataset that checks the deadline before each item: one batch of slow items may take longer than the time limit.

    Other attributes of the dataset are accessible through this one.
    """

    def __init__(self, dataset: Any) -> None:
        self.dataset = dataset
        inner = dataset
        while type(inner).__name__ == "Subset":
            inner = inner.dataset
        if hasattr(inner, "__getitems__"):
            self.__getitems__: Any = self._several  # it has its own batched reading

    def __getattr__(self, name: str) -> Any:
        if name in ("dataset", "__getitems__"):
            raise AttributeError(name)
        return getattr(self.dataset, name)

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: Any) -> Any:
        deadline.look()
        return self.dataset[index]

    def _several(self, indexes: Any) -> Any:
        deadline.look()
        return self.dataset.__getitems__(indexes)

    def __iter__(self) -> Iterator[Any]:
        for item in self.dataset:
            deadline.look()
            yield item


def indexes_of(sampler: RecordingSampler | None, sizes: Sequence[int]) -> list[list[Hashable]] | None:
    """Return the index of each example of each batch, given the size of each; None if it is unknown."""
    if sampler is None or len(sampler.given) < len(sizes):
        return None
    indexes: list[list[Hashable]] = []
    for index, size in zip(sampler.given, sizes, strict=False):
        if isinstance(index, (list, tuple)):
            if len(index) != size:
                return None
            indexes.append([_plain(item) for item in index])
        else:  # each item is a whole batch
            indexes.append([(_plain(index), row) for row in range(size)])
    return indexes


def source(dataset: Any, index: Any) -> Hashable:
    """Return the underlying dataset and item of an index, through subsets and concatenations."""
    from torch.utils.data import ConcatDataset, Subset

    while isinstance(index, int):
        if isinstance(dataset, Subset):
            dataset, index = dataset.dataset, _plain(dataset.indices[index])
        elif isinstance(dataset, ConcatDataset):
            part = next(part for part, end in enumerate(dataset.cumulative_sizes) if index < end)
            index -= dataset.cumulative_sizes[part - 1] if part else 0
            dataset = dataset.datasets[part]
        else:
            break
    return id(dataset), index


def _plain(index: Any) -> Any:
    return int(index) if hasattr(index, "__index__") else index
