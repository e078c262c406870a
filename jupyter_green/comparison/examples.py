"""The examples of a comparison: read once, in one order, in the same batches for every candidate.

A candidate may be a module that takes tensors, an estimator that takes rows, or a function of one text. So examples
keep the user's form, and each adapter converts a batch to what it needs. At most `MOST_EXAMPLES` are used. Data is
often sorted, so examples are shuffled: the first ones are then a random sample, if time is too short for all.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import random
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from jupyter_green.compression.data.batch import LABELS, Batch, leaves, mapped, regrouped, smaller
from jupyter_green.compression.data.columns import (
    PAIRS,
    TEXTS,
    dense,
    is_columns,
    is_set,
    several_sets,
    tensor,
    together,
)
from jupyter_green.compression.data.data_loading import BATCH, ReadData
from jupyter_green.compression.data.groups import answers_to, first_of_each, keys_of, repeats_left_out
from jupyter_green.compression.data.loader import MOST_EXAMPLES, listed
from jupyter_green.compression.data.loader import read as read_all
from jupyter_green.compression.data.near_copies import near_copies, numbered
from jupyter_green.compression.errors import ShrinkError
from jupyter_green.compression.process import deadline

Form = Literal["texts", "pairs", "tensors", "rows", "objects"]
MOST_MIXED_BYTES = 2**30
"""Maximum bytes of a loader's batches for shuffling single examples; above it, whole batches are shuffled."""
SCORES = ("score", "similarity_score")
"""Columns of similarity scores, used if there is no column of labels."""


@dataclass(frozen=True)
class Examples:
    """Examples in batches."""

    form: Form
    """Form of an example: a text, two texts, PyTorch tensors, a row of an array or a table, or any other object."""
    batches: Sequence[Any]
    """The inputs of each call, in the user's form."""
    sizes: Sequence[int]
    """Examples in each batch."""
    labels: Any
    """Expected answers of all examples in order."""
    groups: Sequence[Any] | None = None
    """A value for each example, for utility by group."""
    origin: str = ""
    """Source of the data, from the user or from the dataset's description."""
    together: Sequence[Hashable] | None = None
    """A number for each example, equal for examples with the same input, which count as one; None if all are
    independent.
    """
    notes: tuple[str, ...] = ()
    """Sentences about examples that were left out."""

    def __len__(self) -> int:
        return sum(self.sizes)

    def singles(self, place: int) -> list[Any]:
        """Return the examples of one batch in a list."""
        batch, count = self.batches[place], self.sizes[place]
        return [_one(batch, number) for number in range(count)]

    def first(self, count: int) -> Examples:
        """Return the first examples."""
        batches, sizes, remaining = list[Any](), list[int](), count
        for batch, size in zip(self.batches, self.sizes, strict=True):
            if remaining <= 0:
                break
            batches.append(batch if size <= remaining else _part(batch, remaining))
            sizes.append(min(size, remaining))
            remaining -= size
        labels, groups, together = (
            None if values is None else values[:count] for values in (self.labels, self.groups, self.together)
        )
        return replace(self, batches=batches, sizes=sizes, labels=labels, groups=groups, together=together)


def examples_of(
    data: Any,
    *,
    group: str | Sequence[Any] | None = None,
    batch: int | None = None,
    origin: str | None = None,
    rng: random.Random | None = None,
) -> Examples:
    """Read the data, which has labels, except for language models.

    `group` is a column, or a value for each example. The batch size is by default that of a DataLoader, or 32. `rng`
    shuffles the examples, and repeated examples are removed; without it all examples stay in order. Raises ShrinkError
    if the data can't be read.
    """
    if data is None:
        raise ShrinkError("There is no data; give (X, y), a dataset, a table or a DataLoader.")
    if batch is not None and batch < 1:
        raise ShrinkError(f"The option batch is {batch}; give a whole number from 1 on.")
    source = _origin(data) if origin is None else origin
    data = _as_tuples(_gone_through(data) if isinstance(data, Iterator) else data)
    several = _several_inputs(data)
    if several is not None:
        examples = _of_several_inputs(*several, batch, group, rng, source)
    else:
        examples = (_loader if _is_loader(data) else _columns)(data, batch, group, rng, source)
    if isinstance(group, str) and examples.groups is None:
        raise ShrinkError(f"There is no column {group!r} in the data; give the name of one, or a value per example.")
    if not len(examples):
        raise ShrinkError("There are no examples in the data.")
    return examples


def _is_loader(data: Any) -> bool:
    import torch

    return isinstance(data, (torch.utils.data.DataLoader, torch.utils.data.Dataset))


def _loader(data: Any, size: int | None, group: Any, rng: random.Random | None, origin: str) -> Examples:
    import torch

    from jupyter_green.compression.data.batch import smaller

    if not isinstance(data, torch.utils.data.DataLoader):
        data = torch.utils.data.DataLoader(data, batch_size=BATCH, collate_fn=together)
    batches = ReadData(None, random.Random(0)).of(data)  # noqa: S311 - unused
    if size is not None:
        batches = smaller(batches, size)
    groups = _given(group, sum(item.size for item in batches))
    counted, notes = None, list[str]()
    if rng is not None:
        batches, groups, counted, notes = _different(batches, groups, rng)
    labels: list[Any] | None = []
    for item in batches:
        if item.labels is None:
            labels = None
            break
        assert labels is not None
        labels += item.labels.tolist()
    sizes = [item.size for item in batches]
    inputs = [item.inputs for item in batches]
    return Examples("tensors", inputs, sizes, labels, groups, origin, counted, tuple(notes))


def _as_tuples(data: Any) -> Any:
    """Return ``[X, y]``, and examples ``[x, y]``, as tuples.

    Raises ShrinkError if it is a mapping of several datasets.
    """
    if isinstance(data, Mapping) and (sets := [str(name) for name, value in data.items() if is_set(value)]):
        raise ShrinkError(several_sets(sets))
    if not isinstance(data, list):
        return data
    if is_columns(data):
        return tuple(data)
    rows = all(isinstance(item, list) and len(item) > 1 and hasattr(item[0], "shape") for item in data)
    return [tuple(item) for item in data] if data and rows else data


def _several_inputs(data: Any) -> tuple[tuple[Any, ...], Any] | None:
    """Return input columns and labels of data with several inputs per example; None if there is one.

    ``((X1, X2), y)``, ``(X1, X2, y)``, or a list of ``((x1, x2), y)`` or ``(x1, x2, y)``.
    """
    if isinstance(data, list) and data and all(isinstance(item, tuple) and len(item) == len(data[0]) for item in data):
        nested = isinstance(data[0][0], tuple)
        rows = [(*item[0], item[1]) if nested and len(item) == 2 else item for item in data]
        if _are_batches(data) or len({*map(len, rows)}) > 1 or len(rows[0]) < 3:
            return None
        columns: list[list[Any]] = [[*column] for column in zip(*rows, strict=True)]
        shaped = all(len({getattr(item, "shape", None) for item in column} - {None}) == 1 for column in columns[:-1])
        return (tuple(columns[:-1]), columns[-1]) if shaped else None
    if not isinstance(data, tuple) or len(data) < 2:
        return None
    inputs = [*data[0]] if len(data) == 2 and isinstance(data[0], tuple) else [*data[:-1]]
    if len(inputs) < 2 or not all(len(getattr(item, "shape", ())) > 0 for item in inputs):
        return None
    counts = {int(item.shape[0]) for item in inputs}
    return (tuple(inputs), data[-1]) if len(counts) == 1 and len(inputs) not in counts else None


def _of_several_inputs(  # noqa: PLR0917 - called once
    inputs: tuple[Any, ...], labels: Any, batch: int | None, group: Any, rng: random.Random | None, origin: str
) -> Examples:
    """Return examples with several input tensors; labels that are words stay words."""
    import torch

    columns, values = [tensor(dense(item)) for item in inputs], _labels(labels)
    if len(values) != len(columns[0]):
        raise ShrinkError(f"There are {len(values)} labels for {len(columns[0])} examples.")
    class_names = (
        [*dict.fromkeys(values)] if isinstance(values, list) and any(isinstance(item, str) for item in values) else []
    )
    numbers = [class_names.index(item) for item in values] if class_names else values
    data = torch.utils.data.TensorDataset(*columns, tensor(numbers, "labels"))
    loader = torch.utils.data.DataLoader(data, batch_size=batch or BATCH)
    examples = _loader(loader, None, group, rng, origin)
    return replace(examples, labels=[class_names[number] for number in examples.labels]) if class_names else examples


def _columns(data: Any, batch: int | None, group: Any, rng: random.Random | None, origin: str) -> Examples:
    inputs, labels, groups = _parted(data, group if isinstance(group, str) else None)
    inputs = inputs.tocsr() if hasattr(inputs, "tocsr") else inputs  # the sparse format that can be sliced by rows
    if isinstance(inputs, Mapping) and len(lengths := {_length(value) for value in inputs.values()}) > 1:
        raise ShrinkError(f"The columns of the data hold {listed(lengths)} examples; give as many in each.")
    length, batch, form = _length(inputs), batch or BATCH, _form(inputs)
    if isinstance(labels, Mapping):
        raise ShrinkError(f"The labels are a dict ({', '.join(map(str, labels))}); give one of its columns.")
    if labels is not None and len(labels) != length:
        raise ShrinkError(f"There are {len(labels)} labels for {length} examples.")
    labels = None if labels is None else _labels(labels)
    groups = _given(group, length) if groups is None else _values(groups)
    count, together, notes = min(length, MOST_EXAMPLES), None, list[str]()
    if rng is not None and count:
        order = rng.sample(range(length), count)
        if count < length:
            notes.append(f"{count:,} of the {length:,} examples were drawn.")
        inputs, labels, groups = (
            None if values is None else _taken(values, order) for values in (inputs, labels, groups)
        )
        keys = _keys(inputs, form)
        kept = _kept(keys, labels, groups)
        if len(kept) < count:
            inputs, labels, groups = (
                None if values is None else _taken(values, kept) for values in (inputs, labels, groups)
            )
        together, repeat_notes = _together([[keys[index]] for index in kept], count, near_copies(_numbers(inputs)))
        notes, count = [*notes, *repeat_notes], len(kept)
    starts = range(0, count, batch)
    batches = [_slice(inputs, begin, min(begin + batch, count)) for begin in starts]
    sizes = [min(begin + batch, count) - begin for begin in starts]
    labels, groups = (None if values is None else values[:count] for values in (labels, groups))
    return Examples(form, batches, sizes, labels, groups, origin, together, tuple(notes))


def _given(group: Any, count: int) -> list[Any] | None:
    """Return the user's values of group for this many examples; None if there are none."""
    if group is None or isinstance(group, str):
        return None
    values = _values(group)
    if len(values) != count:
        raise ShrinkError(f"There are {len(values)} values of group for {count} examples.")
    return values


# ---- shuffling and repeats ------------------------------------------------------------------------------------------


def _different(
    batches: Sequence[Batch], groups: Sequence[Any] | None, rng: random.Random
) -> tuple[list[Batch], list[Any] | None, list[Hashable] | None, list[str]]:
    """Return shuffled batches without repeats, their groups, the number of each one's input, and notes.

    Single examples are shuffled if their shapes agree; whole batches if the data is too large to be copied.
    """
    keys = [example_keys for batch in batches for example_keys in keys_of(batch)]
    kept = _kept([example_keys[0] for example_keys in keys], answers_to(batches), groups)
    kept_indexes, offset, kept_batches = set(kept), 0, list[Batch]()
    for batch in batches:
        indexes = [index for index in range(batch.size) if offset + index in kept_indexes]
        if indexes:  # keep the example's index in the data
            kept_batches.append(replace(batch, groups=[*range(offset, offset + batch.size)]).take(indexes))
        offset += batch.size
    if (
        sum(leaf.numel() * leaf.element_size() for batch in kept_batches for leaf in leaves(batch.inputs))
        <= MOST_MIXED_BYTES
    ):
        drawn = [batch.take(rng.sample(range(batch.size), batch.size)) for batch in regrouped(kept_batches, offset)]
        kept_batches = smaller(drawn, max(batch.size for batch in batches))
        if len(drawn) > 1:
            rng.shuffle(kept_batches)
    else:
        rng.shuffle(kept_batches)
    order: list[Any] = [index for batch in kept_batches for index in batch.groups or ()]
    together, notes = _together([keys[index] for index in order], offset, near_copies(kept_batches))
    return kept_batches, None if groups is None else [groups[index] for index in order], together, notes


def _kept(keys: Sequence[Hashable], labels: Any, groups: Sequence[Any] | None) -> list[int]:
    """Return the indices of the examples that repeat none before them in input, label and group."""
    other_keys = [[key_of(value) for value in values] for values in (labels, groups) if values is not None]
    return first_of_each([*zip(keys, *other_keys, strict=True)])


def _numbers(inputs: Any) -> list[Batch]:
    """Return inputs as one batch of a tensor; nothing if they are not one array of floats."""
    array = inputs.to_numpy() if hasattr(inputs, "iloc") else inputs
    is_dense = hasattr(array, "shape") and not hasattr(array, "tocsr") and len(array.shape) > 1
    if not is_dense or "float" not in str(array.dtype):
        return []
    return [Batch(tensor(array))]


def _together(
    keys: Sequence[Sequence[Hashable]], read: int, copies: Sequence[Hashable] | None
) -> tuple[list[Hashable] | None, list[str]]:
    """Return a number for each example's input, None if all inputs differ, and notes about repeats.

    `copies` are those of `near_copies`: nearly equal inputs count as one.
    """
    message = repeats_left_out(len(keys), read)
    if copies is not None:
        keys = [[*of_input, ("near copies", number)] for of_input, number in zip(keys, copies, strict=True)]
    numbers: list[Hashable] = [*numbered(keys)]
    notes, distinct_inputs = [message] if message else [], len(set(numbers))
    if distinct_inputs == len(keys):
        return None, notes
    inputs = "inputs" if copies is None else "inputs that are not nearly the same"
    notes.append(f"The {len(keys):,} examples are of {distinct_inputs:,} {inputs}; those of one input count as one.")
    return numbers, notes


def _keys(inputs: Any, form: Form) -> list[Hashable]:
    """Return a hashable key of each example's input."""
    if form == "tensors":
        return [*Batch(inputs).digests()]
    if hasattr(inputs, "itertuples"):
        return [key_of(row) for row in inputs.itertuples(index=False, name=None)]
    return [key_of(_one(inputs, index)) for index in range(_length(inputs))]


def key_of(value: Any) -> Hashable:  # noqa: PLR0911 - one return per type
    """Return a hashable key of a value, equal for equal values; an opaque object is its own key."""
    if isinstance(value, float) and value != value:  # noqa: PLR0124 - NaN is not equal to itself, but repeats
        return "no number"
    if isinstance(value, (str, bytes, int, float)) or value is None:
        return value
    if isinstance(value, Mapping):
        return tuple((str(name), key_of(item)) for name, item in value.items())
    if isinstance(value, (list, tuple)):
        return tuple(map(key_of, value))
    if hasattr(value, "iloc"):
        return key_of(value.to_numpy())
    if hasattr(value, "indptr") and hasattr(value, "toarray"):
        return key_of(value.toarray())
    if hasattr(value, "detach"):
        return (tuple(value.shape), Batch(value[None]).digests()[0])
    if hasattr(value, "tobytes") and getattr(getattr(value, "dtype", None), "kind", "") != "O":
        description = [str(getattr(value, name, "")) for name in ("shape", "size", "dtype", "mode")]
        return (*description, hashlib.blake2b(value.tobytes(), digest_size=12).digest())
    if hasattr(value, "tolist"):
        return key_of(value.tolist())
    return value if getattr(type(value), "__hash__", None) is not None else id(value)


def _parted(data: Any, group: str | None) -> tuple[Any, Any, Any]:
    """Return inputs, labels and groups of data in any form."""
    if isinstance(data, list) and data and all(isinstance(item, Mapping) and {*LABELS} & {*item} for item in data):
        data = _of_dicts(data)
    columns = _named(data)
    if columns is not None:
        return _parted_columns(data, columns, group)
    if isinstance(data, tuple) and len(data) == 2:
        inputs = _zipped(data[0])
        return list(inputs) if isinstance(inputs, tuple) else inputs, data[1], None
    if _are_batches(data):
        return _cat([item[0] for item in data]), _cat([item[1] for item in data]), None
    if isinstance(data, list) and data and all(isinstance(item, tuple) and len(item) == 2 for item in data):
        return [item[0] for item in data], [item[1] for item in data], None
    if isinstance(data, (list, dict)) or hasattr(data, "shape"):
        return data, None, None
    raise ShrinkError(f"{type(data).__name__} can't be read as data; give (X, y), a dataset, a table or a DataLoader.")


def _of_dicts(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return rows as columns: collated to tensors if they hold tensors or tokens, else lists."""
    first = rows[0]
    if "input_ids" in first or any(getattr(value, "ndim", 0) > 0 for value in first.values()):
        with contextlib.suppress(TypeError, ValueError, RuntimeError, KeyError):  # keep them as they are
            return dict(together([*rows]))
    return {name: [row.get(name) for row in rows] for name in first}


def _are_batches(data: Any) -> bool:
    """Whether a list holds whole batches of inputs and labels, rather than single examples.

    All batches but the last have the same size.
    """
    if not (isinstance(data, list) and data and all(isinstance(item, tuple) and len(item) == 2 for item in data)):
        return False
    shapes: list[list[Sequence[int]]] = [[getattr(part, "shape", ()) for part in item] for item in data]
    if not all(len(first) > 1 and len(second) > 0 and first[0] == second[0] for first, second in shapes):
        return False
    sizes = [first[0] for first, _ in shapes]
    return len(set(sizes[:-1])) <= 1 and sizes[-1] <= sizes[0]


def _cat(parts: Sequence[Any]) -> Any:
    """Concatenate arrays or tensors."""
    if hasattr(parts[0], "dim"):
        import torch

        return torch.cat(list(parts))
    import numpy as np

    return np.concatenate(list(parts))


def _parted_columns(data: Any, columns: Sequence[str], group: str | None) -> tuple[Any, Any, Any]:
    labels = next((data[name] for name in LABELS if name in columns), None)
    groups = data[group] if group in columns else None
    text = next((name for name in TEXTS if name in columns), None)
    if text is not None:
        return list(data[text]), labels, groups
    pair = next((pair for pair in PAIRS if set(pair) <= set(columns)), None)
    if pair is not None:
        scores = next((data[name] for name in SCORES if name in columns), None)
        return list(zip(*(data[name] for name in pair), strict=True)), scores if labels is None else labels, groups
    rest = [name for name in columns if name not in LABELS and name != group]
    return data[rest] if hasattr(data, "iloc") else {name: data[name] for name in rest}, labels, groups


def _gone_through(items: Iterator[Any]) -> list[Any]:
    """Return the items of an iterator, at most `MOST_EXAMPLES`."""
    read_items = []
    for item in itertools.islice(read_all(items), MOST_EXAMPLES):
        read_items.append(item)
        deadline.look()
    return read_items


def _zipped(inputs: Any) -> Any:
    """Return two lists of texts as pairs, anything else unchanged."""
    if not (isinstance(inputs, tuple) and len(inputs) == 2 and all(_are_texts(part) for part in inputs)):
        return inputs
    if len(inputs[0]) != len(inputs[1]):
        raise ShrinkError(f"There are {len(inputs[0])} first texts and {len(inputs[1])} second ones.")
    return list(zip(*inputs, strict=True))


def _named(data: Any) -> list[str] | None:
    if hasattr(data, "column_names"):
        return list(data.column_names)
    if isinstance(data, Mapping):
        return list(data)
    return [str(name) for name in data.columns] if hasattr(data, "columns") and hasattr(data, "iloc") else None


def _form(inputs: Any) -> Form:
    if _are_texts(inputs):
        return "texts"
    if isinstance(inputs, list) and all(_is_pair(item) for item in inputs):
        return "pairs"
    if isinstance(inputs, Mapping):
        return "tensors" if all(hasattr(value, "dim") for value in inputs.values()) else "objects"
    if hasattr(inputs, "dim"):
        return "tensors"
    return "rows" if hasattr(inputs, "shape") else "objects"


def _are_texts(inputs: Any) -> bool:
    return isinstance(inputs, list) and all(isinstance(item, str) for item in inputs)


def _is_pair(item: Any) -> bool:
    return isinstance(item, (tuple, list)) and len(item) == 2 and all(isinstance(part, str) for part in item)


def _length(inputs: Any) -> int:
    if isinstance(inputs, Mapping):
        return len(next(iter(inputs.values()), ()))
    if hasattr(inputs, "shape") and not len(inputs.shape):
        raise ShrinkError("The data holds a number that belongs to no example; give one for each example.")
    return int(inputs.shape[0]) if hasattr(inputs, "shape") else len(inputs)


def _slice(inputs: Any, begin: int, end: int) -> Any:
    if isinstance(inputs, Mapping):
        return {name: value[begin:end] for name, value in inputs.items()}
    return inputs.iloc[begin:end] if hasattr(inputs, "iloc") else inputs[begin:end]


def _part(batch: Any, count: int) -> Any:
    """Return the first examples of a batch."""
    return mapped(batch, lambda leaf: leaf[:count]) if isinstance(batch, tuple) else _slice(batch, 0, count)


def _taken(values: Any, places: Sequence[int]) -> Any:
    """Return the examples, or values that belong to them, at these indices."""
    if isinstance(values, Mapping):
        return {name: _taken(value, places) for name, value in values.items()}
    if hasattr(values, "iloc"):
        return values.iloc[list(places)]
    return values[list(places)] if hasattr(values, "shape") else [values[index] for index in places]


def _one(batch: Any, place: int) -> Any:
    if isinstance(batch, Mapping):
        return {name: value[place] for name, value in batch.items()}
    if isinstance(batch, tuple):
        return tuple(leaf[place] for leaf in leaves(batch))
    return batch.iloc[place] if hasattr(batch, "iloc") else batch[place]


def _labels(labels: Any) -> Any:
    """Return labels as Python values; labels with more dimensions stay a tensor."""
    if isinstance(labels, (list, tuple)) and len({getattr(label, "shape", None) or () for label in labels} - {()}) == 1:
        labels = tensor(labels, "labels")
    return labels if hasattr(labels, "dim") and labels.dim() > 1 else _values(labels)


def _values(values: Any) -> list[Any]:
    items = values.tolist() if hasattr(values, "tolist") else list(values)
    return [value.tolist() if hasattr(value, "tolist") else value for value in items]


def _origin(data: Any) -> str:
    """Return the dataset's name from its description; empty if there is none."""
    info = getattr(data, "info", None)
    name = getattr(info, "dataset_name", None) or getattr(info, "builder_name", None)
    return str(name) if name and not callable(info) else ""
