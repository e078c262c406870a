"""Reads data of any supported form into batches.

Batches of a DataLoader keep their size and length; other data is cut into batches in a random order with a fixed seed.
Labels are found by the name of their column, or are the last of several columns. The dataset item and the group of each
example are kept with it.
"""

from __future__ import annotations

import itertools
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jupyter_green.compression.errors import ShrinkError

from .batch import LABELS, Batch, leaves, mapped, smaller
from .columns import (
    PAIRS,
    TEXTS,
    are_examples,
    dense,
    is_batch,
    is_columns,
    is_ragged,
    is_ragged_tokens,
    is_set,
    labels_of,
    paired,
    plain,
    several_sets,
    tensor,
    text_column,
    texts_of,
    together,
)
from .loader import MOST_EXAMPLES, LoaderReading, listed, no_column, read
from .tokenization import encoded, on_the_left, padded, readable, tokenized

BATCH = 32
SORTED = 16
"""Number of batches of texts that are sorted by length together."""


@dataclass
class ReadData(LoaderReading):
    """Reads data of any form; has the fields of `LoaderReading`."""

    def of(self, data: Any) -> list[Batch]:  # noqa: PLR0911 - one return per form
        """Return the batches of a DataLoader, dataset, frame, mapping, (X, y), list of str, array, or iterable.

        Raises ShrinkError if the form is not supported, or the data can't be read.
        """
        import torch

        if data is None:
            raise ShrinkError("There is no data; give a DataLoader, (X, y), a dataset or a list of texts.")
        if isinstance(data, torch.utils.data.DataLoader):
            return self.of_loader(data)
        if hasattr(data, "column_names") and not hasattr(data, "__len__"):  # a stream of examples with named columns
            return self._examples(list(itertools.islice(read(data), MOST_EXAMPLES)))
        if isinstance(data, torch.utils.data.Dataset):
            if hasattr(data, "__len__") or isinstance(data, torch.utils.data.IterableDataset):
                return self.of_loader(torch.utils.data.DataLoader(data, batch_size=BATCH, collate_fn=together))
            return self._items(iter(data))  # iterated through __getitem__
        if isinstance(data, Mapping):
            return self._mapping(data)
        if hasattr(data, "column_names") and hasattr(data, "__len__"):
            return self._mapping({name: list(read(data[name])) for name in data.column_names})
        if hasattr(data, "columns") and hasattr(data, "iloc"):
            return self._mapping(data)
        if isinstance(data, list) and is_columns(data):
            data = tuple(data)
        if isinstance(data, tuple) and not are_examples(data) and texts_of(data) is None:
            first = data[0] if len(data) == 2 else data[:-1]
            # A tuple as long as the labels holds examples, not inputs.
            several = len(data) > 2 or not isinstance(first, tuple) or not hasattr(data[1], "__len__")
            return self._columns(first if several or len(first) != len(data[1]) else list(first), data[-1])
        if not isinstance(data, str) and (hasattr(data, "shape") or texts_of(data) is not None):
            return self._columns(data, None)
        if isinstance(data, Iterable) and not isinstance(data, (str, bytes)):
            return self._items(data)
        raise ShrinkError(
            f"{type(data).__name__} can't be read as data; give a DataLoader, (X, y), a dataset or a list of texts."
        )

    # ---- examples one by one ------------------------------------------------------------------

    def _items(self, items: Iterable[Any]) -> list[Batch]:
        """Read an iterable of batches or of examples."""
        remaining = iter(read(items))
        first = next(remaining, None)
        if first is None:
            return []
        if is_batch(first):
            return self.in_groups(self.in_given_order(itertools.chain([first], remaining)))
        return self._examples([first, *itertools.islice(remaining, MOST_EXAMPLES - 1)])

    def _examples(self, examples: list[Any]) -> list[Batch]:
        """Read a list of single examples."""
        if all(isinstance(example, list) and len(example) > 1 and hasattr(example[0], "shape") for example in examples):
            examples = [tuple(example) for example in examples]
        first = examples[0] if examples else None
        if isinstance(first, Mapping):
            return self._mapping({name: [example.get(name) for example in examples] for name in first})
        if isinstance(first, tuple):
            if any(not isinstance(example, tuple) or len(example) != len(first) for example in examples):
                raise ShrinkError("Some examples have more parts than others; give (input, label) for each.")
            if len(first) == 2 and all(
                _are_several(example[0]) and len(example[0]) == len(first[0]) for example in examples
            ):
                examples = [(*example[0], example[1]) for example in examples]
            return self.of(tuple(list(column) for column in zip(*examples, strict=True)))
        return self._columns(examples, None)

    # ---- columns ------------------------------------------------------------------------------

    def _mapping(self, data: Any) -> list[Batch]:
        """Read a table: columns by name."""
        names = list(data.columns) if hasattr(data, "columns") else list(data)
        sets = [name for name in names if is_set(data[name])]
        if sets:
            raise ShrinkError(several_sets(sets))
        label = next((name for name in LABELS if name in names), None)
        rest = [name for name in names if name not in LABELS]
        inputs = data[rest] if hasattr(data, "iloc") else {name: data[name] for name in rest}
        return self._columns(inputs, None if label is None else data[label])

    def _columns(self, inputs: Any, labels: Any) -> list[Batch]:
        import torch

        inputs, groups = self._without_group(inputs)
        if isinstance(inputs, Mapping):
            inputs = self.wanted({name: dense(column) for name, column in inputs.items()})
        else:
            inputs = tuple(map(dense, inputs)) if isinstance(inputs, tuple) else dense(inputs)
        inputs = self._without_words(inputs)
        texts = texts_of(inputs)
        if texts is None and (isinstance(inputs, Mapping) or hasattr(inputs, "columns")):
            texts = text_column(inputs)
        if texts is None and isinstance(inputs, tuple):
            texts = paired([texts_of(column) for column in inputs])
        if texts is not None:
            return self._texts(texts, labels, groups)
        if isinstance(inputs, Mapping) and is_ragged_tokens(inputs.get("input_ids"), labels):
            rows = {name: plain(column) for name, column in inputs.items()}
            # The mask marks the padding.
            rows.setdefault("attention_mask", [[1] * len(row) for row in rows["input_ids"]])
            if is_ragged(labels):
                return self._rows({**rows, "labels": plain(labels)}, None, groups)
            return self._rows(rows, labels_of(labels, self.classes), groups)
        labels = labels_of(labels, self.classes)
        if isinstance(inputs, (Mapping, tuple)):
            named = inputs.items() if isinstance(inputs, Mapping) else enumerate(inputs)
            converted = {name: tensor(value) for name, value in named}
            inputs = self.tokens.alone(converted) if isinstance(inputs, Mapping) else tuple(converted.values())
        else:
            inputs = tensor(inputs)
        if not (columns := leaves(inputs)) or any(leaf.dim() == 0 for leaf in columns):
            raise ShrinkError("There are no examples in the data; give at least one column of them.")
        if len(sizes := {len(leaf) for leaf in columns}) > 1:
            raise ShrinkError(f"The columns of the data hold {listed(sizes)} examples; give as many in each.")
        count = len(columns[0])
        groups = self._counted(count, labels, groups)
        order = torch.tensor(self.rng.sample(range(count), min(count, MOST_EXAMPLES)), dtype=torch.long)
        whole = Batch(
            mapped(inputs, lambda leaf: leaf[order]),
            None if labels is None else labels[order],
            None if groups is None else [groups[index] for index in order.tolist()],
            rows_of(object(), order.tolist()),
        )
        width = max((leaf.shape[1] for leaf in columns if leaf.dim() == 2 and not leaf.is_floating_point()), default=1)
        return smaller([whole], self.tokens.at_once(BATCH, width)) if count else []

    def _without_words(self, inputs: Any) -> Any:
        """Return a table without its columns of words, if nothing reads them and other columns are numbers."""
        names = inputs if isinstance(inputs, Mapping) else getattr(inputs, "columns", ())
        words = [name for name in names if texts_of(inputs[name]) is not None]
        named = {*TEXTS, *(name for pair in PAIRS for name in pair)}
        if self.tokenizer is not None or len(words) == len(names) or not named.isdisjoint(words) or not words:
            return inputs
        self.notes.append(f"Left out of the inputs because they are not numbers: {', '.join(map(str, words))}.")
        if hasattr(inputs, "columns"):
            return inputs.drop(columns=words)
        return {name: column for name, column in inputs.items() if name not in words}

    def _without_group(self, inputs: Any) -> tuple[Any, list[Any] | None]:
        """Return inputs without the group column, and that column."""
        if not isinstance(self.group, str):
            return inputs, None
        if hasattr(inputs, "columns") and self.group in inputs.columns:
            return inputs.drop(columns=self.group), plain(inputs[self.group])
        if isinstance(inputs, Mapping) and self.group in inputs:
            rest = {name: value for name, value in inputs.items() if name != self.group}
            return rest, plain(inputs[self.group])
        raise ShrinkError(no_column(self.group))

    def _counted(self, count: int, labels: Any, groups: list[Any] | None) -> list[Any] | None:
        """Return the groups of the examples; raise if there is not one label and one group for each example."""
        if labels is not None and len(labels) != count:
            raise ShrinkError(f"There are {len(labels)} labels for {count} examples.")
        return groups if groups is not None else self.values_of_group(count)

    # ---- texts --------------------------------------------------------------------------------

    def _texts(self, texts: Sequence[Any], labels: Any, groups: list[Any] | None) -> list[Batch]:
        labels = labels_of(labels, self.classes)
        tokenizer = self.tokenizer_needed()
        groups = self._counted(len(texts), labels, groups)
        order = self.rng.sample(range(len(texts)), min(len(texts), MOST_EXAMPLES))
        if readable(tokenizer):
            columns, cut = encoded(tokenizer, [texts[index] for index in order], self.tokens.longest)
            if cut:
                longest = max(map(len, columns["input_ids"]))
                self.notes.append(
                    f"{cut} of the {len(order)} texts are longer than {longest:,} tokens and were cut there."
                )
            chosen_labels = None if labels is None else labels[order]
            chosen_groups = None if groups is None else [groups[index] for index in order]
            return self._rows(columns, chosen_labels, chosen_groups, order)
        # Texts of similar length go together, to reduce padding.
        order, table = _sorted(order, [len(text) for text in texts], BATCH), object()
        batches = []
        for begin in range(0, len(order), BATCH):
            indexes = order[begin : begin + BATCH]
            encoded_batch = tokenized(tokenizer, [texts[index] for index in indexes], self.tokens)
            batches.append(
                Batch(
                    encoded_batch,
                    None if labels is None else labels[indexes],
                    None if groups is None else [groups[index] for index in indexes],
                    rows_of(table, indexes),
                )
            )
        return batches

    def _rows(
        self, columns: Mapping[str, list[Any]], labels: Any, groups: list[Any] | None, rows: Sequence[int] | None = None
    ) -> list[Batch]:
        """Read token lists of different lengths: similar lengths together, padded per batch.

        `rows` are their indices in the user's data, if they differ.
        """
        columns = {name: column for name, column in columns.items() if name not in self.tokens.unwanted}
        lengths = [len(row) for row in columns["input_ids"]]
        groups = self._counted(len(lengths), labels, groups)
        # The first token of a text is not predicted.
        shortest = 2 if self.tokens.causal and labels is None and "labels" not in columns else 1
        order = [index for index, length in enumerate(lengths) if length >= shortest]
        if len(order) < len(lengths):
            problem = (
                "fewer than two tokens, so that nothing in them is predicted" if shortest == 2 else "no token in them"
            )
            self.notes.append(
                f"{len(lengths) - len(order)} of the {len(lengths)} texts have {problem}; they were left out."
            )
        if not order:
            return []
        size = self.tokens.at_once(BATCH, max(lengths))
        order = _sorted(order, lengths, size)
        batches, table = [], object()
        for begin in range(0, len(order), size):
            indexes = order[begin : begin + size]
            chosen = {name: [column[index] for index in indexes] for name, column in columns.items()}
            padded_columns = padded(self.tokenizer, chosen, left=on_the_left(self.tokenizer, self.tokens))
            own_labels = padded_columns.pop("labels", None)
            batches.append(
                Batch(
                    padded_columns,
                    own_labels if labels is None else labels[indexes],
                    None if groups is None else [groups[index] for index in indexes],
                    rows_of(table, indexes if rows is None else [rows[index] for index in indexes]),
                )
            )
        return batches


def _are_several(inputs: Any) -> bool:
    """Whether an example's inputs are several arrays or tensors."""
    return isinstance(inputs, (tuple, list)) and len(inputs) > 1 and all(hasattr(item, "shape") for item in inputs)


def rows_of(table: object, places: Sequence[int]) -> list[Hashable]:
    """Return the sources of examples that are rows of a table."""
    return [(table, index) for index in places]


def _sorted(order: Sequence[int], lengths: Sequence[int], size: int) -> list[int]:
    """Return indices sorted by length, `SORTED` batches at a time."""
    step = SORTED * size
    return [
        place
        for begin in range(0, len(order), step)
        for place in sorted(order[begin : begin + step], key=lambda place: lengths[place])
    ]
