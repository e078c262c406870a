"""Which item of which dataset each example of a loader is: a sampler may give one item often.

A loader is copied, and the copy's sampler remembers what it gives; everything else (workers, collating) is the
person's. What a sampler repeats is one example, also where the dataset changes it at random each time.
"""

from __future__ import annotations

import copy
from collections.abc import Hashable, Iterator, Sequence
from typing import Any

from jupyter_green.compression.process import deadline

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

    streamed = isinstance(loader.dataset, IterableDataset)
    copied = copy.copy(loader)
    # A loader refuses other parts once it is made; the copy's own attributes are set below that.
    vars(copied).update({"_iterator": None, "persistent_workers": False})
    pipe = any(base.__name__ in ("IterDataPipe", "MapDataPipe") for base in type(loader.dataset).__mro__)
    if loader.num_workers == 0 and not pipe:  # workers have no limit of their own, and a pipe is set from outside
        vars(copied)["dataset"] = InTime(loader.dataset)
    if streamed:
        return copied, None
    name = "sampler" if loader.batch_sampler is None else "batch_sampler"
    sampler = RecordingSampler(getattr(loader, name))
    vars(copied).update({name: sampler, "in_order": True})
    return copied, sampler


class InTime:
    """A dataset each of whose items is read only while there is time: one batch of slow ones may take all of it.

    Parameters
    ----------
    dataset : object
        Of PyTorch; anything else that it has is had through this.
    """

    def __init__(self, dataset: Any) -> None:
        self.dataset = dataset
        inner = dataset
        while type(inner).__name__ == "Subset":
            inner = inner.dataset
        if hasattr(inner, "__getitems__"):
            self.__getitems__: Any = self._several  # it reads several at once, in a way of its own

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
