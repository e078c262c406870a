"""The examples candidates are compared on: read once, in one order, cut into the same batches for everybody.

A candidate may be a module that wants tensors, an estimator that wants rows, or a function that takes one text. So the
data stays as the person has it, and each candidate makes of a batch what it needs. Nothing is drawn or left out: the
same examples for all, beyond `MOST_EXAMPLES` for none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from .batch import leaves
from .columns import LABELS, PAIRS, TEXTS
from .fault import ShrinkError
from .forms import BATCH, of_loader
from .loader import MOST_EXAMPLES

Form = Literal["texts", "pairs", "tensors", "rows", "objects"]
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
    """

    form: Form
    batches: Sequence[Any]
    sizes: Sequence[int]
    labels: Any
    groups: Sequence[Any] | None = None
    origin: str = ""

    def __len__(self) -> int:
        return sum(self.sizes)

    def singles(self, place: int) -> list[Any]:
        """Return the examples of one batch, each by itself."""
        batch, count = self.batches[place], self.sizes[place]
        return [_one(batch, number) for number in range(count)]


def examples_of(
    data: Any, *, group: str | Sequence[Any] | None = None, batch: int | None = None, origin: str | None = None
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
    found = _loader(data, told, batch) if _is_loader(data) else _columns(data, batch or BATCH, group, told)
    if group is not None and not isinstance(group, str):
        values = _values(group)
        if len(values) != len(found):
            raise ShrinkError(f"There are {len(values)} values of group for {len(found)} examples.")
        found = Examples(found.form, found.batches, found.sizes, found.labels, values, told)
    if isinstance(group, str) and found.groups is None:
        raise ShrinkError(f"There is no column {group!r} in the data; give the name of one, or a value per example.")
    if not len(found):
        raise ShrinkError("There are no examples in the data.")
    return found


def _is_loader(data: Any) -> bool:
    import torch

    return isinstance(data, (torch.utils.data.DataLoader, torch.utils.data.Dataset))


def _loader(data: Any, origin: str, size: int | None) -> Examples:
    import torch

    from .batch import smaller

    if not isinstance(data, torch.utils.data.DataLoader):
        data = torch.utils.data.DataLoader(data, batch_size=BATCH)
    batches = of_loader(data) if size is None else smaller(of_loader(data), size)
    labels: list[Any] | None = []
    for item in batches:
        if item.labels is None:
            labels = None
            break
        assert labels is not None
        labels += item.labels.tolist()
    return Examples("tensors", [item.inputs for item in batches], [item.size for item in batches], labels, None, origin)


def _columns(data: Any, batch: int, group: Any, origin: str) -> Examples:
    inputs, labels, groups = _parted(data, group if isinstance(group, str) else None)
    inputs = inputs.tocsr() if hasattr(inputs, "tocsr") else inputs  # the sparse form that is cut by rows
    form = _form(inputs)
    count = min(_length(inputs), MOST_EXAMPLES)
    if labels is not None and len(labels) != _length(inputs):
        raise ShrinkError(f"There are {len(labels)} labels for {_length(inputs)} examples.")
    places = range(0, count, batch)
    cut = [_slice(inputs, begin, min(begin + batch, count)) for begin in places]
    sizes = [min(begin + batch, count) - begin for begin in places]
    kept = None if labels is None else _labels(labels, count)
    return Examples(form, cut, sizes, kept, None if groups is None else _values(groups)[:count], origin)


def _parted(data: Any, group: str | None) -> tuple[Any, Any, Any]:
    """Return inputs, labels and groups of whatever form the data has."""
    columns = _named(data)
    if columns is not None:
        return _parted_columns(data, columns, group)
    if isinstance(data, tuple) and len(data) == 2:
        return _zipped(data[0]), data[1], None
    if _are_batches(data):
        return _cat([item[0] for item in data]), _cat([item[1] for item in data]), None
    if isinstance(data, list) and data and all(isinstance(item, tuple) and len(item) == 2 for item in data):
        return [item[0] for item in data], [item[1] for item in data], None
    if isinstance(data, (list, dict)) or hasattr(data, "shape"):
        return data, None, None
    raise ShrinkError(
        f"{type(data).__name__} is no data this can read; give (X, y), a dataset, a table or a DataLoader."
    )


def _are_batches(data: Any) -> bool:
    """Whether a list holds whole batches, inputs and as many labels, and not one example after the other."""
    if not (isinstance(data, list) and data and all(isinstance(item, tuple) and len(item) == 2 for item in data)):
        return False
    shapes = [tuple(getattr(part, "shape", ()) for part in item) for item in data]
    return all(len(one) > 1 and len(other) > 0 and one[0] == other[0] for one, other in shapes)


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
    return int(inputs.shape[0]) if hasattr(inputs, "shape") else len(inputs)


def _slice(inputs: Any, begin: int, end: int) -> Any:
    if isinstance(inputs, Mapping):
        return {name: value[begin:end] for name, value in inputs.items()}
    return inputs.iloc[begin:end] if hasattr(inputs, "iloc") else inputs[begin:end]


def _one(batch: Any, place: int) -> Any:
    if isinstance(batch, Mapping):
        return {name: value[place] for name, value in batch.items()}
    if isinstance(batch, tuple):
        return tuple(leaf[place] for leaf in leaves(batch))
    return batch.iloc[place] if hasattr(batch, "iloc") else batch[place]


def _labels(labels: Any, count: int) -> Any:
    """Return labels as plain values; those of more dimensions stay a tensor."""
    if hasattr(labels, "dim") and labels.dim() > 1:
        return labels[:count]
    return _values(labels)[:count]


def _values(values: Any) -> list[Any]:
    found = values.tolist() if hasattr(values, "tolist") else list(values)
    return [value.item() if hasattr(value, "item") else value for value in found]


def _origin(data: Any) -> str:
    """Return what a dataset says of itself; empty where it says nothing."""
    told = getattr(data, "info", None)
    name = getattr(told, "dataset_name", None) or getattr(told, "builder_name", None)
    return str(name) if name and not callable(told) else ""
