"""Reads batches from a DataLoader or a generator, with the dataset item of each example."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from jupyter_green.compression.errors import RAISED, ShrinkError, why
from jupyter_green.compression.process import deadline
from jupyter_green.compression.process.state import ProcessState

from .batch import LABELS, Batch, leaves
from .columns import labels_of, plain, tensors, text_column, texts_of
from .dataset_items import ASKED, indexes_of, recorded, source
from .tokenization import Tokens, tokenized

MOMENT = 0.1
"""Minimum timeout for a loader's workers, in seconds."""
UNLIKE = "stack expects each tensor to be equal size"
"""PyTorch's message if it can't collate examples."""
MOST_EXAMPLES = 20_000
"""Maximum number of examples read; they are more than enough to prove a loss of half a point."""


@dataclass
class LoaderReading:
    """Reads batches in their order."""

    tokenizer: Any
    """For texts."""
    rng: random.Random
    """Random generator for the order of examples."""
    group: str | Sequence[Any] | None = None
    """Column of groups, or a value for each example (for each item of a loader's dataset)."""
    tokens: Tokens = field(default_factory=Tokens)
    """The model's token inputs."""
    classes: Mapping[str, int] = field(default_factory=dict)
    """Numbers of the model's classes by name, for labels that are words."""
    notes: list[str] = field(default_factory=list)
    """Sentences for the user; extended while reading."""

    def of_loader(self, loader: Any) -> list[Batch]:
        """Return the batches of a DataLoader, with the dataset item of each example."""
        copied, sampler = recorded(loader)
        batches = self.in_given_order(copied)
        total = sum(batch.size for batch in batches)
        indexes = indexes_of(sampler, [batch.size for batch in batches])
        if indexes is None:
            if sampler is not None and hasattr(loader.dataset, "__len__") and total > len(loader.dataset):
                raise ShrinkError(
                    f"The loader gives {total} examples of a dataset of {len(loader.dataset)}, and which are copies "
                    "is unknown; give one that takes each item once."
                )
            return self.in_groups(batches)
        if self._varies(loader, indexes):
            self.notes.append(
                "The dataset returns different inputs on each access; all inputs of one item count as one example. "
                "If several items come from one original, give group=."
            )
        batches = [
            replace(batch, sources=[source(loader.dataset, index) for index in batch_indexes])
            for batch, batch_indexes in zip(batches, indexes, strict=True)
        ]
        if self.group is None or isinstance(self.group, str):
            return batches
        values = self.values_of_group(len(loader.dataset) if hasattr(loader.dataset, "__len__") else total)
        assert values is not None
        return [
            replace(batch, groups=[values[_place(index)] for index in batch_indexes])
            for batch, batch_indexes in zip(batches, indexes, strict=True)
        ]

    def _varies(self, loader: Any, indexes: Sequence[Sequence[Hashable]]) -> bool:
        """Whether the dataset returns different inputs when the same item is read again."""
        if loader.batch_sampler is None or not indexes:
            return False
        before = ProcessState()
        try:
            for index in list(itertools.chain.from_iterable(indexes))[:ASKED]:
                first, second = (self._item(loader.collate_fn([loader.dataset[index]])) for _ in range(2))
                if first.digests() != second.digests():
                    return True
        except RAISED:  # the user's collate_fn may not accept a batch of one
            return False
        finally:
            before.put_back()
        return False

    def in_given_order(self, items: Iterable[Any]) -> list[Batch]:
        """Return batches in their order, at most `MOST_EXAMPLES` examples."""
        batches: list[Batch] = []
        total = 0
        for item in read(items):
            batches.append(self._item(item))
            total += batches[-1].size
            if total >= MOST_EXAMPLES:
                break
        return batches

    def in_groups(self, batches: list[Batch]) -> list[Batch]:
        """Assign the values of group to examples by their order."""
        values = self.values_of_group(sum(batch.size for batch in batches))
        if values is None:
            return batches
        remaining = iter(values)
        return [replace(batch, groups=list(itertools.islice(remaining, batch.size))) for batch in batches]

    def _item(self, item: Any) -> Batch:
        """Return an item of a loader as a batch."""
        labels: Any = None
        groups: list[Any] | None = None
        if isinstance(item, Mapping):
            labels = next((item[name] for name in LABELS if item.get(name) is not None), None)
            inputs: Any = {name: value for name, value in item.items() if name not in LABELS}
            if isinstance(self.group, str):
                if self.group not in inputs:
                    raise ShrinkError(no_column(self.group))
                groups = plain(inputs.pop(self.group))
            inputs = self._words_of(self.wanted(inputs))
        elif isinstance(item, (tuple, list)) and len(item) > 1 and texts_of(item) is None:
            inputs, labels = (item[0] if len(item) == 2 else tuple(item[:-1])), item[-1]
        else:
            inputs = item[0] if isinstance(item, (tuple, list)) and len(item) == 1 else item
        if isinstance(self.group, str) and groups is None:
            raise ShrinkError(no_column(self.group))
        if (texts := texts_of(inputs)) is not None:
            inputs = tokenized(self.tokenizer_needed(), texts, self.tokens)
        inputs = self.tokens.alone(tensors(inputs))
        columns = leaves(inputs)
        if not columns:
            raise ShrinkError("The batches hold no tensors; let the loader's collate_fn make them.")
        if any(leaf.dim() == 0 for leaf in columns):
            raise ShrinkError("The batches hold numbers that belong to no example; give one for each example.")
        if len(sizes := {len(leaf) for leaf in columns}) > 1:
            raise ShrinkError(f"The tensors of a batch hold {listed(sizes)} examples; give as many in each.")
        return Batch(inputs, labels_of(labels, self.classes), groups)

    def _words_of(self, inputs: Mapping[str, Any]) -> Any:
        """Return the texts of a batch if it has nothing else; otherwise its numeric inputs."""
        numbers = {name: value for name, value in inputs.items() if leaves(tensors(value))}
        dropped = [str(name) for name in inputs if name not in numbers]
        if not numbers and (texts := text_column(inputs)) is not None:
            return texts
        if (
            numbers
            and dropped
            and (note := f"Left out of the inputs because they are not numbers: {', '.join(dropped)}.")
            not in self.notes
        ):
            self.notes.append(note)
        return numbers or inputs

    def wanted(self, inputs: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the columns that are parameters of the model, if any is; texts are for the tokenizer."""
        kept = self.tokens.wanted(inputs)
        dropped = [str(name) for name in inputs if name not in kept]
        note = f"Left out of the inputs, which the model does not take: {', '.join(dropped)}."
        if dropped and note not in self.notes:
            self.notes.append(note)
        return kept

    def values_of_group(self, count: int) -> list[Any] | None:
        """Return the user's values of group for this many examples; None if there are none."""
        if self.group is None or isinstance(self.group, str):
            return None
        values = plain(self.group)
        if len(values) != count:
            raise ShrinkError(f"There are {len(values)} values of group for {count} examples.")
        return values

    def tokenizer_needed(self) -> Any:
        """Return the tokenizer; raise ShrinkError if there is none."""
        if self.tokenizer is None:
            raise ShrinkError("Texts need a tokenizer; give tokenizer= (--tokenizer).")
        return self.tokenizer


def _place(index: Any) -> int:
    """Return the index of an item in its dataset; for a row of a batch, the index of the batch."""
    return int(index[0] if isinstance(index, tuple) else index)


def cause(error: BaseException) -> str:
    """Return in one line why reading failed, also in a worker process."""
    lines = str(error).strip().splitlines()
    if len(lines) > 1 and "Original Traceback" in str(error):
        return lines[-1][:160].rstrip(".")
    return why(error).rstrip(".")


def read(items: Iterable[Any]) -> Iterator[Any]:
    """Iterate over the user's data; errors become a ShrinkError."""
    try:
        iterator: Any = iter(items)
        while True:
            deadline.look()
            if getattr(iterator, "_num_workers", 0):
                # The workers' timeout is the time left; PyTorch then raises a RuntimeError.
                vars(iterator)["_timeout"] = min(iterator._timeout or math.inf, max(MOMENT, deadline.left()))
                if math.isinf(iterator._timeout):
                    vars(iterator)["_timeout"] = 0
            try:
                item = next(iterator)
            except StopIteration:
                return
            yield item
    except ShrinkError:
        raise
    except RAISED as error:  # the user's dataset, its workers and collate_fn may raise anything
        deadline.look()
        message = cause(error)
        hint = "; its examples differ in length, so give a collate_fn that pads them" if UNLIKE in message else ""
        raise ShrinkError(f"The data can't be read: {message}{hint}.") from error


def no_column(name: str) -> str:
    """Return the message that there is no such group column."""
    return f"There is no column {name!r} in the data; give the name of one, or a value per example."


def listed(sizes: Iterable[int]) -> str:
    """Return numbers as text, smallest first."""
    return " and ".join(str(size) for size in sorted(sizes))
