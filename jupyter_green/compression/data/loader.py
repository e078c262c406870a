"""Batches as they come: what a loader or a generator gives, with which item of which dataset each example is."""

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
"""Seconds that a loader's workers are waited for at least."""
UNLIKE = "stack expects each tensor to be equal size"
"""How PyTorch says that it can't put examples together."""
MOST_EXAMPLES = 20_000
"""Examples beyond these are not read; this many prove half a point with room to spare."""


@dataclass
class LoaderReading:
    """How batches are read as they come.

    Parameters
    ----------
    tokenizer : object or None
        For texts.
    rng : random.Random
        Draws the order.
    group : str, sequence or None
        A column by which examples belong together, or a value for each example (each item of a loader's dataset).
    tokens : Tokens
        What the model takes of tokens.
    classes : mapping of str to int
        Numbers of the model's classes by their names, for labels that are words.
    notes : list of str
        What the person should know of it, a sentence each; added to while reading.
    """

    tokenizer: Any
    rng: random.Random
    group: str | Sequence[Any] | None = None
    tokens: Tokens = field(default_factory=Tokens)
    classes: Mapping[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def of_loader(self, loader: Any) -> list[Batch]:
        """Return the batches of a DataLoader as they come, with the item that each example is."""
        copied, sampler = recorded(loader)
        found = self.as_they_come(copied)
        total = sum(batch.size for batch in found)
        indexes = indexes_of(sampler, [batch.size for batch in found])
        if indexes is None:
            if sampler is not None and hasattr(loader.dataset, "__len__") and total > len(loader.dataset):
                raise ShrinkError(
                    f"The loader gives {total} examples of a dataset of {len(loader.dataset)}, and which are copies "
                    "can't be told; give one that takes each item once."
                )
            return self.in_groups(found)
        if self._varies(loader, indexes):
            self.notes.append(
                "The dataset gives other inputs each time it is asked; what it gives for one item counts as one "
                "example. If several items come from one original, give group=."
            )
        found = [
            replace(batch, sources=[source(loader.dataset, one) for one in its])
            for batch, its in zip(found, indexes, strict=True)
        ]
        if self.group is None or isinstance(self.group, str):
            return found
        values = self.values_of_group(len(loader.dataset) if hasattr(loader.dataset, "__len__") else total)
        assert values is not None
        return [
            replace(batch, groups=[values[_place(one)] for one in its])
            for batch, its in zip(found, indexes, strict=True)
        ]

    def _varies(self, loader: Any, indexes: Sequence[Sequence[Hashable]]) -> bool:
        """Whether the loader's dataset gives other inputs for the same item when it is asked again."""
        if loader.batch_sampler is None or not indexes:
            return False
        before = ProcessState()
        try:
            for index in list(itertools.chain.from_iterable(indexes))[:ASKED]:
                first, second = (self._item(loader.collate_fn([loader.dataset[index]])) for _ in range(2))
                if first.digests() != second.digests():
                    return True
        except RAISED:  # a batch of one may not suit the person's collate_fn; all of it was read already
            return False
        finally:
            before.put_back()
        return False

    def as_they_come(self, items: Iterable[Any]) -> list[Batch]:
        """Return batches as they come, `MOST_EXAMPLES` at most."""
        found: list[Batch] = []
        total = 0
        for item in read(items):
            found.append(self._item(item))
            total += found[-1].size
            if total >= MOST_EXAMPLES:
                break
        return found

    def in_groups(self, batches: list[Batch]) -> list[Batch]:
        """Give examples whose order is all that is known of them their values of group."""
        values = self.values_of_group(sum(batch.size for batch in batches))
        if values is None:
            return batches
        left = iter(values)
        return [replace(batch, groups=list(itertools.islice(left, batch.size))) for batch in batches]

    def _item(self, item: Any) -> Batch:
        """Return what a loader gave as a batch."""
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
        found = leaves(inputs)
        if not found:
            raise ShrinkError("The batches hold no tensors; let the loader's collate_fn make them.")
        if any(leaf.dim() == 0 for leaf in found):
            raise ShrinkError("The batches hold numbers that belong to no example; give one for each example.")
        if len(sizes := {len(leaf) for leaf in found}) > 1:
            raise ShrinkError(f"The tensors of a batch hold {listed(sizes)} examples; give as many in each.")
        return Batch(inputs, labels_of(labels, self.classes), groups)

    def _words_of(self, inputs: Mapping[str, Any]) -> Any:
        """Return the texts of a batch where it has nothing else; otherwise what is numbers."""
        numbers = {name: value for name, value in inputs.items() if leaves(tensors(value))}
        left = [str(name) for name in inputs if name not in numbers]
        if not numbers and (texts := text_column(inputs)) is not None:
            return texts
        if (
            numbers
            and left
            and (note := f"Left out of the inputs, being no numbers: {', '.join(left)}.") not in self.notes
        ):
            self.notes.append(note)
        return numbers or inputs

    def wanted(self, inputs: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the columns that the model takes, where it takes some of them by name; texts go to its tokenizer."""
        found = self.tokens.wanted(inputs)
        left = [str(name) for name in inputs if name not in found]
        note = f"Left out of the inputs, which the model does not take: {', '.join(left)}."
        if left and note not in self.notes:
            self.notes.append(note)
        return found

    def values_of_group(self, count: int) -> list[Any] | None:
        """Return the values of group that a person gave for so many examples; None where none were given."""
        if self.group is None or isinstance(self.group, str):
            return None
        values = plain(self.group)
        if len(values) != count:
            raise ShrinkError(f"There are {len(values)} values of group for {count} examples.")
        return values

    def tokenizer_needed(self) -> Any:
        """Return the tokenizer; raise ShrinkError where there is none."""
        if self.tokenizer is None:
            raise ShrinkError("Texts need a tokenizer; give tokenizer= (--tokenizer).")
        return self.tokenizer


def _place(index: Any) -> int:
    """Return the place of an item in its dataset; of a row of a batch, that of the batch."""
    return int(index[0] if isinstance(index, tuple) else index)


def cause(error: BaseException) -> str:
    """Return in one line what went wrong while data was read, in a worker's process too."""
    lines = str(error).strip().splitlines()
    if len(lines) > 1 and "Original Traceback" in str(error):
        return lines[-1][:160].rstrip(".")
    return why(error).rstrip(".")


def read(items: Iterable[Any]) -> Iterator[Any]:
    """Go through what a person gives; what it raises is one sentence."""
    try:
        left: Any = iter(items)
        while True:
            deadline.look()
            if getattr(left, "_num_workers", 0):
                # Workers are waited for no longer than there is time; PyTorch then raises a RuntimeError.
                vars(left)["_timeout"] = min(left._timeout or math.inf, max(MOMENT, deadline.left()))
                if math.isinf(left._timeout):
                    vars(left)["_timeout"] = 0
            try:
                item = next(left)
            except StopIteration:
                return
            yield item
    except ShrinkError:
        raise
    except RAISED as error:  # the person's dataset, its workers and what puts batches together may raise anything
        deadline.look()
        said = cause(error)
        hint = "; its examples are of unlike lengths, so give a collate_fn that pads them" if UNLIKE in said else ""
        raise ShrinkError(f"The data can't be read: {said}{hint}.") from error


def no_column(name: str) -> str:
    """Return in one sentence that there is no such column to group by."""
    return f"There is no column {name!r} in the data; give the name of one, or a value per example."


def listed(sizes: Iterable[int]) -> str:
    """Return numbers as words between them, the smallest first."""
    return " and ".join(str(size) for size in sorted(sizes))
