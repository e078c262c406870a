"""The examples candidates are compared on: read once, in one order, cut into the same batches for everybody.

A candidate may be a module that wants tensors, an estimator that wants rows, or a function that takes one text. So the
data stays as the person has it, and each candidate makes of a batch what it needs. The same examples for all, beyond
`MOST_EXAMPLES` for none. Where they prove something they are different ones in an order that is drawn: data is often
sorted, and whoever has time for the first few must not see one class alone.
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
from jupyter_green.compression.data.near_copies import numbered
from jupyter_green.compression.errors import ShrinkError
from jupyter_green.compression.process import deadline

Form = Literal["texts", "pairs", "tensors", "rows", "objects"]
MOST_MIXED_BYTES = 2**30
"""Of all batches of a loader; what is more stays in the batches in which it came."""
SCORES = ("score", "similarity_score")
"""Columns that say how alike they are, where there are no labels by name."""


@dataclass(frozen=True)
class Examples:
    """Examples in batches.

    Parameters
    ----------
    form : {"texts", "pairs", "tensors", "rows", "objects"}
        What an example is: a text, two texts, tensors of torch, rows of an array or a table, anything else.
    batches : sequence
        What each call is given, as the person has it.
    sizes : sequence of int
        Examples of each batch.
    labels : sequence or Tensor or None
        What should come out, of all examples in order.
    groups : sequence or None
        A value for each example, by which utility is told apart.
    origin : str
        Where the data comes from, as the person or its own description says.
    together : sequence or None
        A number for each example, the same for those of one input, which count as one; None where each stands by
        itself.
    notes : tuple of str
        What was left out, a sentence each.
    """

    form: Form
    batches: Sequence[Any]
    sizes: Sequence[int]
    labels: Any
    groups: Sequence[Any] | None = None
    origin: str = ""
    together: Sequence[Hashable] | None = None
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return sum(self.sizes)

    def singles(self, place: int) -> list[Any]:
        """Return the examples of one batch, each by itself."""
        batch, count = self.batches[place], self.sizes[place]
        return [_one(batch, number) for number in range(count)]

    def first(self, count: int) -> Examples:
        """Return the first so many examples."""
        batches, sizes, left = list[Any](), list[int](), count
        for batch, size in zip(self.batches, self.sizes, strict=True):
            if left <= 0:
                break
            batches.append(batch if size <= left else _part(batch, left))
            sizes.append(min(size, left))
            left -= size
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
    """Read the data.

    Parameters
    ----------
    data : (X, y), table, dict of columns, DataLoader or dataset
        With labels, except for language models.
    group : str or sequence, optional
        A column of the data, or a value for each example.
    batch : int, optional
        Examples at a time; as in a DataLoader, else 32.
    origin : str, optional
        Where it comes from.
    rng : random.Random, optional
        Draws the order of the examples, and what repeats another is left out; without it all stay as they come.

    Raises
    ------
    ShrinkError
        If it can't be read; one sentence.
    """
    if data is None:
        raise ShrinkError("There is no data; give (X, y), a dataset, a table or a DataLoader.")
    if batch is not None and batch < 1:
        raise ShrinkError(f"The option batch is {batch}; give a whole number from 1 on.")
    told = _origin(data) if origin is None else origin
    data = _as_tuples(_gone_through(data) if isinstance(data, Iterator) else data)
    several = _several_inputs(data)
    if several is not None:
        found = _of_several_inputs(*several, batch, group, rng, told)
    else:
        found = (_loader if _is_loader(data) else _columns)(data, batch, group, rng, told)
    if isinstance(group, str) and found.groups is None:
        raise ShrinkError(f"There is no column {group!r} in the data; give the name of one, or a value per example.")
    if not len(found):
        raise ShrinkError("There are no examples in the data.")
    return found


def _is_loader(data: Any) -> bool:
    import torch

    return isinstance(data, (torch.utils.data.DataLoader, torch.utils.data.Dataset))


def _loader(data: Any, size: int | None, group: Any, rng: random.Random | None, origin: str) -> Examples:
    import torch

    from jupyter_green.compression.data.batch import smaller

    if not isinstance(data, torch.utils.data.DataLoader):
        data = torch.utils.data.DataLoader(data, batch_size=BATCH, collate_fn=together)
    batches = ReadData(None, random.Random(0)).of(data)  # noqa: S311 - nothing is drawn from it
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
    """Return ``[X, y]``, and examples ``[x, y]``, as tuples, which they stand for.

    Raises
    ------
    ShrinkError
        If several sets are kept together under names.
    """
    if isinstance(data, Mapping) and (sets := [str(name) for name, value in data.items() if is_set(value)]):
        raise ShrinkError(several_sets(sets))
    if not isinstance(data, list):
        return data
    if is_columns(data):
        return tuple(data)
    rows = all(isinstance(one, list) and len(one) > 1 and hasattr(one[0], "shape") for one in data)
    return [tuple(one) for one in data] if data and rows else data


def _several_inputs(data: Any) -> tuple[tuple[Any, ...], Any] | None:
    """Return the columns of inputs and the labels of data with several inputs for each example; None where it has one.

    ``((X1, X2), y)``, ``(X1, X2, y)``, or a list of ``((x1, x2), y)`` or ``(x1, x2, y)``.
    """
    if isinstance(data, list) and data and all(isinstance(one, tuple) and len(one) == len(data[0]) for one in data):
        nested = isinstance(data[0][0], tuple)
        rows = [(*one[0], one[1]) if nested and len(one) == 2 else one for one in data]
        if _are_batches(data) or len({*map(len, rows)}) > 1 or len(rows[0]) < 3:
            return None
        columns: list[list[Any]] = [[*column] for column in zip(*rows, strict=True)]
        shaped = all(len({getattr(one, "shape", None) for one in column} - {None}) == 1 for column in columns[:-1])
        return (tuple(columns[:-1]), columns[-1]) if shaped else None
    if not isinstance(data, tuple) or len(data) < 2:
        return None
    inputs = [*data[0]] if len(data) == 2 and isinstance(data[0], tuple) else [*data[:-1]]
    if len(inputs) < 2 or not all(len(getattr(one, "shape", ())) > 0 for one in inputs):
        return None
    counts = {int(one.shape[0]) for one in inputs}
    return (tuple(inputs), data[-1]) if len(counts) == 1 and len(inputs) not in counts else None


def _of_several_inputs(  # noqa: PLR0917 - one place calls it
    inputs: tuple[Any, ...], labels: Any, batch: int | None, group: Any, rng: random.Random | None, origin: str
) -> Examples:
    """Return examples of several tensors each; labels that are words stay words."""
    import torch

    columns, values = [tensor(dense(one)) for one in inputs], _labels(labels)
    if len(values) != len(columns[0]):
        raise ShrinkError(f"There are {len(values)} labels for {len(columns[0])} examples.")
    words = [*dict.fromkeys(values)] if isinstance(values, list) and any(isinstance(one, str) for one in values) else []
    numbers = [words.index(one) for one in values] if words else values
    data = torch.utils.data.TensorDataset(*columns, tensor(numbers, "labels"))
    loader = torch.utils.data.DataLoader(data, batch_size=batch or BATCH)
    found = _loader(loader, None, group, rng, origin)
    return replace(found, labels=[words[number] for number in found.labels]) if words else found


def _columns(data: Any, batch: int | None, group: Any, rng: random.Random | None, origin: str) -> Examples:
    inputs, labels, groups = _parted(data, group if isinstance(group, str) else None)
    inputs = inputs.tocsr() if hasattr(inputs, "tocsr") else inputs  # the sparse form that is cut by rows
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
        inputs, labels, groups = (None if it is None else _taken(it, order) for it in (inputs, labels, groups))
        keys = _keys(inputs, form)
        kept = _kept(keys, labels, groups)
        if len(kept) < count:
            inputs, labels, groups = (None if it is None else _taken(it, kept) for it in (inputs, labels, groups))
        together, said = _together([[keys[place]] for place in kept], count)
        notes, count = [*notes, *said], len(kept)
    places = range(0, count, batch)
    cut = [_slice(inputs, begin, min(begin + batch, count)) for begin in places]
    sizes = [min(begin + batch, count) - begin for begin in places]
    labels, groups = (None if it is None else it[:count] for it in (labels, groups))
    return Examples(form, cut, sizes, labels, groups, origin, together, tuple(notes))


def _given(group: Any, count: int) -> list[Any] | None:
    """Return the values of group that a person gave for so many examples; None where none were given."""
    if group is None or isinstance(group, str):
        return None
    values = _values(group)
    if len(values) != count:
        raise ShrinkError(f"There are {len(values)} values of group for {count} examples.")
    return values


# ---- different examples in a drawn order ----------------------------------------------------------------------------


def _different(
    batches: Sequence[Batch], groups: Sequence[Any] | None, rng: random.Random
) -> tuple[list[Batch], list[Any] | None, list[Hashable] | None, list[str]]:
    """Return batches of different examples in a drawn order, and what goes with them.

    Examples are drawn one by one where their shapes are alike, and batch by batch where all of them together are too
    much to be held twice.
    """
    keys = [own for batch in batches for own in keys_of(batch)]
    kept = _kept([own[0] for own in keys], answers_to(batches), groups)
    known, begin, found = set(kept), 0, list[Batch]()
    for batch in batches:
        places = [place for place in range(batch.size) if begin + place in known]
        if places:  # an example's place in the data goes along with it
            found.append(replace(batch, groups=[*range(begin, begin + batch.size)]).take(places))
        begin += batch.size
    if sum(leaf.numel() * leaf.element_size() for batch in found for leaf in leaves(batch.inputs)) <= MOST_MIXED_BYTES:
        drawn = [batch.take(rng.sample(range(batch.size), batch.size)) for batch in regrouped(found, begin)]
        found = smaller(drawn, max(batch.size for batch in batches))
        if len(drawn) > 1:
            rng.shuffle(found)
    else:
        rng.shuffle(found)
    order: list[Any] = [place for batch in found for place in batch.groups or ()]
    together, notes = _together([keys[place] for place in order], begin)
    return found, None if groups is None else [groups[place] for place in order], together, notes


def _kept(keys: Sequence[Hashable], labels: Any, groups: Sequence[Any] | None) -> list[int]:
    """Return the places of the examples that repeat none before them in input, label and group."""
    beside = [[key_of(value) for value in values] for values in (labels, groups) if values is not None]
    return first_of_each([*zip(keys, *beside, strict=True)])


def _together(keys: Sequence[Sequence[Hashable]], read: int) -> tuple[list[Hashable] | None, list[str]]:
    """Return which of different examples are of one input, None where none are, and what is said of all that."""
    said = repeats_left_out(len(keys), read)
    numbers: list[Hashable] = [*numbered(keys)]
    notes, inputs = [said] if said else [], len(set(numbers))
    if inputs == len(keys):
        return None, notes
    notes.append(f"The {len(keys):,} examples are of {inputs:,} inputs; those of one input count as one.")
    return numbers, notes


def _keys(inputs: Any, form: Form) -> list[Hashable]:
    """Return what each example is known by."""
    if form == "tensors":
        return [*Batch(inputs).digests()]
    if hasattr(inputs, "itertuples"):
        return [key_of(row) for row in inputs.itertuples(index=False, name=None)]
    return [key_of(_one(inputs, place)) for place in range(_length(inputs))]


def key_of(value: Any) -> Hashable:  # noqa: PLR0911 - one return a kind of value
    """Return what a value is known by: the same for equal ones; an object that can't be looked into is itself."""
    if isinstance(value, float) and value != value:  # noqa: PLR0124 - no number equals none but is the same
        return "no number"
    if isinstance(value, (str, bytes, int, float)) or value is None:
        return value
    if isinstance(value, Mapping):
        return tuple((str(name), key_of(one)) for name, one in value.items())
    if isinstance(value, (list, tuple)):
        return tuple(map(key_of, value))
    if hasattr(value, "iloc"):
        return key_of(value.to_numpy())
    if hasattr(value, "indptr") and hasattr(value, "toarray"):
        return key_of(value.toarray())
    if hasattr(value, "detach"):
        return (tuple(value.shape), Batch(value[None]).digests()[0])
    if hasattr(value, "tobytes") and getattr(getattr(value, "dtype", None), "kind", "") != "O":
        kind = [str(getattr(value, name, "")) for name in ("shape", "size", "dtype", "mode")]
        return (*kind, hashlib.blake2b(value.tobytes(), digest_size=12).digest())
    if hasattr(value, "tolist"):
        return key_of(value.tolist())
    return value if getattr(type(value), "__hash__", None) is not None else id(value)


def _parted(data: Any, group: str | None) -> tuple[Any, Any, Any]:
    """Return inputs, labels and groups of whatever form the data has."""
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
    raise ShrinkError(
        f"{type(data).__name__} is no data this can read; give (X, y), a dataset, a table or a DataLoader."
    )


def _of_dicts(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return rows of a table as its columns: tensors where they hold such or tokens, padded where these are unlike."""
    first = rows[0]
    if "input_ids" in first or any(getattr(value, "ndim", 0) > 0 for value in first.values()):
        with contextlib.suppress(TypeError, ValueError, RuntimeError, KeyError):  # then as they are
            return dict(together([*rows]))
    return {name: [row.get(name) for row in rows] for name in first}


def _are_batches(data: Any) -> bool:
    """Whether a list holds whole batches, inputs and as many labels, and not one example after the other.

    All but the last are of one size.
    """
    if not (isinstance(data, list) and data and all(isinstance(item, tuple) and len(item) == 2 for item in data)):
        return False
    shapes: list[list[Sequence[int]]] = [[getattr(part, "shape", ()) for part in item] for item in data]
    if not all(len(one) > 1 and len(other) > 0 and one[0] == other[0] for one, other in shapes):
        return False
    sizes = [one[0] for one, _ in shapes]
    return len(set(sizes[:-1])) <= 1 and sizes[-1] <= sizes[0]


def _cat(parts: Sequence[Any]) -> Any:
    """Return arrays or tensors as one."""
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
    """Return what an iterator gives, as many as are read at most."""
    found = []
    for item in itertools.islice(read_all(items), MOST_EXAMPLES):
        found.append(item)
        deadline.look()
    return found


def _zipped(inputs: Any) -> Any:
    """Return two lists of texts as pairs, anything else as it is."""
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
    """Return the examples, or what goes with them, at these places."""
    if isinstance(values, Mapping):
        return {name: _taken(value, places) for name, value in values.items()}
    if hasattr(values, "iloc"):
        return values.iloc[list(places)]
    return values[list(places)] if hasattr(values, "shape") else [values[place] for place in places]


def _one(batch: Any, place: int) -> Any:
    if isinstance(batch, Mapping):
        return {name: value[place] for name, value in batch.items()}
    if isinstance(batch, tuple):
        return tuple(leaf[place] for leaf in leaves(batch))
    return batch.iloc[place] if hasattr(batch, "iloc") else batch[place]


def _labels(labels: Any) -> Any:
    """Return labels as plain values; those of more dimensions stay a tensor."""
    if isinstance(labels, (list, tuple)) and len({getattr(one, "shape", None) or () for one in labels} - {()}) == 1:
        labels = tensor(labels, "labels")
    return labels if hasattr(labels, "dim") and labels.dim() > 1 else _values(labels)


def _values(values: Any) -> list[Any]:
    found = values.tolist() if hasattr(values, "tolist") else list(values)
    return [value.tolist() if hasattr(value, "tolist") else value for value in found]


def _origin(data: Any) -> str:
    """Return what a dataset says of itself; empty where it says nothing."""
    told = getattr(data, "info", None)
    name = getattr(told, "dataset_name", None) or getattr(told, "builder_name", None)
    return str(name) if name and not callable(told) else ""
