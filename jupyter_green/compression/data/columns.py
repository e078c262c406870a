"""Columns of data: recognizes what a column holds and converts it to a tensor, a list or texts."""

from __future__ import annotations

import inspect
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from jupyter_green.compression.errors import ShrinkError

from .batch import LABELS, leaves

TEXTS = ("text", "sentence", "content")
PAIRS = (("sentence1", "sentence2"), ("text1", "text2"), ("premise", "hypothesis"))
"""Names of two columns that hold a pair of texts."""
MOST_DENSE = 2**27
"""Maximum numbers of a sparse matrix that is made dense: half a gigabyte."""


def tensor(value: Any, what: str = "data") -> Any:
    """Return a column as a tensor. Raises ShrinkError if it can't be converted."""
    import numpy as np
    import torch

    if isinstance(value, np.ma.MaskedArray) and bool(np.ma.getmaskarray(value).any()):
        raise ShrinkError(f"Some of the {what} are masked, so they are missing; leave those examples out.")
    try:
        if isinstance(value, (list, tuple)) and value and all(isinstance(item, torch.Tensor) for item in value):
            value = torch.stack(list(value))
        elif isinstance(value, (list, tuple)) and value and all(isinstance(item, np.ndarray) for item in value):
            value = np.stack(value)
        # pandas may return a read-only array, for which PyTorch warns.
        value = np.array(value.to_numpy()) if hasattr(value, "to_numpy") else value
        if isinstance(value, np.ndarray) and value.dtype.kind in "fiu":
            dtype = np.dtype(np.float64) if value.dtype.kind == "f" and value.dtype.itemsize > 8 else value.dtype
            value = np.ascontiguousarray(value, dtype.newbyteorder("="))
        if isinstance(value, np.ndarray) and not value.flags.writeable:
            value = value.copy()
        if getattr(getattr(value, "dtype", None), "kind", "") == "O":
            value = value.tolist()
        result = torch.as_tensor(value)
    except (TypeError, ValueError, RuntimeError, IndexError, OverflowError) as error:
        listed = isinstance(value, (list, tuple))
        hint = ""
        if listed and any(hasattr(item, "getbands") for item in value):
            hint = "; make tensors of the pictures as your model takes them"
        elif listed and any(map(_is_wordy, value)):
            hint = "; it holds words, so leave these columns out or give numbers for them"
        elif (
            listed
            and len({getattr(item, "shape", None) or len(item) for item in value if hasattr(item, "__len__")}) > 1
        ):
            hint = "; they differ in length, so pad them, or give a DataLoader whose collate_fn does"
        raise ShrinkError(
            f"The {what} can't be made into a tensor: {str(error).splitlines()[0].rstrip('. ')}{hint}."
        ) from error
    return result


def _is_wordy(value: Any) -> bool:
    """Whether a value is a text, or a row with a text in it."""
    return isinstance(value, str) or (isinstance(value, list) and any(isinstance(item, str) for item in value))


def dense(value: Any) -> Any:
    """Return a sparse matrix as a dense one; anything else unchanged.

    Raises ShrinkError if it would take too much memory.
    """
    import torch

    tensor = isinstance(value, torch.Tensor) and value.layout is not torch.strided
    if not tensor and not (hasattr(value, "toarray") and hasattr(value, "nnz")):
        return value
    if math.prod(value.shape) > MOST_DENSE:
        size = " x ".join(map(str, value.shape))
        raise ShrinkError(f"The data is a sparse matrix of {size}, too large to be made dense; give fewer rows of it.")
    return value.to_dense() if tensor else value.toarray()


def texts_of(value: Any) -> list[Any] | None:
    """Return a column of texts, or of pairs of texts, as a list; None if it is something else."""
    if isinstance(value, str) or hasattr(value, "dim") or isinstance(value, Mapping) or hasattr(value, "columns"):
        return None
    if hasattr(value, "tolist"):
        if getattr(value, "ndim", 1) != 1 or not is_wordy(value):
            return None
        value = value.tolist()
    elif not isinstance(value, (list, tuple)) and not (hasattr(value, "__len__") and hasattr(value, "__getitem__")):
        return None
    if not len(value) or not isinstance(value[0], (str, tuple, list)):
        return None
    items = list(value)
    if all(isinstance(item, str) for item in items):
        return items
    pairs = all(isinstance(item, (tuple, list)) and len(item) == 2 for item in items)
    return items if pairs and all(isinstance(part, str) for item in items for part in item) else None


def plain(values: Any) -> list[Any]:
    """Return a column as a list of Python values."""
    if isinstance(values, (str, bytes)) or not (hasattr(values, "tolist") or isinstance(values, Iterable)):
        raise ShrinkError(f"{values!r:.60} is no column; give a value for each example.")
    items = values.tolist() if hasattr(values, "tolist") else list(values)
    return [value.item() if getattr(value, "ndim", None) == 0 else value for value in items]


def tensors(inputs: Any) -> Any:
    """Return inputs with arrays converted to tensors."""
    import numpy as np

    if isinstance(inputs, Mapping):
        return {name: tensors(value) for name, value in inputs.items()}
    if isinstance(inputs, (tuple, list)):
        if inputs and isinstance(inputs, list) and all(isinstance(item, (int, float)) for item in inputs):
            return tensor(inputs)
        converted = [tensors(item) for item in inputs]
        return tuple(converted) if isinstance(inputs, tuple) else converted
    return tensor(inputs) if isinstance(inputs, (np.ndarray, np.generic)) and inputs.dtype.kind in "biuf" else inputs


def together(examples: list[Any]) -> Any:
    """Collate examples of a dataset into a batch as PyTorch does; a list of numbers is one tensor, not many inputs."""
    import torch

    def part(value: Any) -> Any:
        if isinstance(value, Mapping):
            return {name: part(item) for name, item in value.items()}
        if isinstance(value, tuple):
            return tuple(part(item) for item in value)
        numbers = isinstance(value, list) and value and all(isinstance(item, (int, float, list)) for item in value)
        return tensor(value) if numbers else value

    columns = _tokens_in(examples)
    rows = [part({name: item[name] for name in item if name not in columns} if columns else item) for item in examples]
    if not columns:
        return torch.utils.data.default_collate(rows)
    from .tokenization import padded

    others = torch.utils.data.default_collate(rows) if rows[0] else {}
    return {**others, **padded(None, columns)}


def _tokens_in(examples: Sequence[Any]) -> dict[str, list[Any]]:
    """Return the columns with one value per token, if their lengths differ; empty otherwise."""
    first = examples[0]
    if not all(isinstance(item, Mapping) and set(item) == set(first) for item in examples):
        return {}
    label = next((name for name in LABELS if name in first), "")
    ids = [item["input_ids"] for item in examples] if "input_ids" in first else None
    if not is_ragged_tokens(ids, [item[label] for item in examples] if label else None):
        return {}
    lists = [name for name, item in first.items() if isinstance(item, (list, tuple)) or getattr(item, "ndim", 0) == 1]
    columns = {name: [plain(item[name]) for item in examples] for name in lists}
    # The mask marks the padding.
    columns.setdefault("attention_mask", [[1] * len(row) for row in columns["input_ids"]])
    return columns


def is_set(value: Any) -> bool:
    """Whether a column is a whole dataset, as in a mapping of several datasets."""
    import torch

    sets = (torch.utils.data.DataLoader, torch.utils.data.Dataset)
    pair = isinstance(value, tuple) and len(value) > 1 and all(hasattr(item, "shape") for item in value)
    return isinstance(value, sets) or hasattr(value, "column_names") or pair


def several_sets(names: Sequence[Any]) -> str:
    """Return the message that the data holds several datasets."""
    listed = ", ".join(map(str, names))
    return f"There are several sets in the data ({listed}); give one of them, as in data[{names[0]!r}]."


def are_examples(data: tuple[Any, ...]) -> bool:
    """Whether a tuple holds (input, label) of each example, rather than all inputs and all labels."""
    return len(data) == 1 or all(isinstance(item, tuple) and len(item) < len(data) for item in data)


def is_columns(data: list[Any]) -> bool:
    """Whether a list holds all inputs and all labels, as a tuple would, rather than batches of inputs.

    Batches without labels have the same number of axes, and the same width unless they are tokens.
    """
    if len(data) < 2 or not all(getattr(item, "ndim", 0) > 0 for item in data):
        return False
    first, last = data[0], data[-1]
    if len({len(item) for item in data}) > 1 or len(first) <= len(data):
        return False
    widths_differ = len(data) == 2 and "float" in str(first.dtype) and first.shape[1:] != last.shape[1:]
    return bool(first.ndim != last.ndim or widths_differ)


def is_batch(item: Any) -> bool:
    """Whether an item is a batch rather than one example."""

    def length(value: Any) -> int | None:
        """Return the length of an array with two or more axes; None otherwise."""
        return len(value) if getattr(value, "ndim", 0) > 1 else None

    if isinstance(item, Mapping):
        labels = next((item[name] for name in LABELS if item.get(name) is not None), None)
        inputs = [value for name, value in item.items() if name not in LABELS]
    elif isinstance(item, (tuple, list)) and len(item) > 1:
        *inputs, labels = item
        inputs = [leaf for value in inputs for leaf in (leaves(value) or [value])]
    else:
        inputs, labels = [item], None
    lengths = {size for value in inputs if (size := length(value)) is not None}
    if len(lengths) != 1:
        return False
    return labels is None or (getattr(labels, "ndim", 0) > 0 and len(labels) == lengths.pop())


def is_ragged(rows: Any) -> bool:
    """Whether a column holds lists of different lengths."""
    if isinstance(rows, str) or hasattr(rows, "dim") or not hasattr(rows, "__len__") or isinstance(rows, Mapping):
        return False
    if getattr(rows, "ndim", 1) == 0:
        return False
    lengths = {len(row) if isinstance(row, (list, tuple)) or getattr(row, "ndim", 0) > 0 else -1 for row in rows}
    return len(lengths) > 1 and -1 not in lengths


def is_ragged_tokens(ids: Any, labels: Any) -> bool:
    """Whether a column holds tokens of different lengths, or tokens with labels of different lengths."""
    return is_ragged(ids) or (ids is not None and is_ragged(labels))


def is_wordy(column: Any) -> bool:
    """Whether an array or a Series may hold texts."""
    kind = getattr(getattr(column, "dtype", None), "kind", "O")
    return kind in "OUS"


def text_column(columns: Any) -> list[Any] | None:
    """Return the texts of a table, or pairs of texts; None if it has none."""
    names = list(columns.columns) if hasattr(columns, "columns") else list(columns)
    pair = next((pair for pair in PAIRS if set(pair) <= set(names)), None)
    if pair is not None:
        return paired([texts_of(columns[name]) for name in pair])
    named = next((name for name in TEXTS if name in names), None)
    if named is not None:
        return texts_of(columns[named])
    candidates = [texts for name in names if (texts := texts_of(columns[name])) is not None]
    return candidates[0] if len(candidates) == 1 else None


def paired(columns: Sequence[list[Any] | None]) -> list[Any] | None:
    """Return two columns of texts as pairs; None if they are something else."""
    if len(columns) != 2 or any(column is None or not isinstance(column[0], str) for column in columns):
        return None
    first, second = columns
    assert first is not None
    assert second is not None
    if len(first) != len(second):
        raise ShrinkError(f"There are {len(first)} first texts and {len(second)} second ones.")
    return list(zip(first, second, strict=True))


def labels_of(labels: Any, classes: Mapping[str, int]) -> Any:
    """Return labels as a tensor, whole numbers as int64, and words by the names of the model's classes."""
    import torch

    if labels is None:
        return None
    values = [labels] if isinstance(labels, Mapping) else labels if isinstance(labels, (list, tuple)) else []
    nameless = next((value for value in values if isinstance(value, (Mapping, set, frozenset))), None)
    if nameless is not None:
        raise ShrinkError(
            f"The labels are a {'dict' if isinstance(nameless, Mapping) else 'set'}; give one tensor with a label for "
            "each example, a row of 0 and 1 where several apply; where that can't be, leave them out."
        )
    if hasattr(labels, "columns"):
        labels = labels.to_numpy()
    if not isinstance(labels, torch.Tensor):
        labels = plain(labels) if getattr(labels, "dtype", None) is None or is_wordy(labels) else labels
    if isinstance(labels, (list, tuple)):
        if any(value is None for value in labels):
            raise ShrinkError("Some labels are missing (None); leave those examples out.")
        if any(isinstance(value, str) for value in labels):
            labels = _numbered(labels, classes)
    labels = tensor(dense(labels), "labels")
    if labels.dim() == 0:
        raise ShrinkError("There is one label for all examples; give one for each.")
    if labels.is_complex():
        raise ShrinkError("The labels are complex numbers, which can't be evaluated; give their parts as real ones.")
    return labels if labels.is_floating_point() else labels.long()


def _numbered(labels: Sequence[Any], classes: Mapping[str, int]) -> list[int]:
    unknown = next((label for label in labels if label not in classes), None)
    if unknown is not None:
        raise ShrinkError("The labels are words; give the number of each class, as the model tells it.")
    return [classes[label] for label in labels]


def refuse_weights(modules: Sequence[Any], inputs: Any, labels: Any) -> None:
    """Refuse data whose columns are probably (X, y, sample weights), which reads as two inputs and a label.

    That is so if the second of two inputs is a number for each example, the labels are floats, and no module needs two
    inputs.

    Parameters
    ----------
    modules : sequence of torch.nn.Module
        The models, as far as their parameters are known.
    inputs : Tensor or tuple of Tensor or mapping
        Inputs of a batch.
    labels : Tensor, sequence or None
        What was read as labels.

    Raises
    ------
    ShrinkError
        With the question which of the two it is.
    """
    if not isinstance(inputs, tuple) or len(inputs) != 2 or not all(hasattr(column, "dim") for column in inputs):
        return
    if hasattr(labels, "dim"):
        floats = labels.is_floating_point() and labels.dim() == 1
    else:
        floats = labels is not None and all(type(label) is float for label in labels)
    if not floats or inputs[0].dim() < 2 or inputs[1].dim() > 1:
        return
    needed = [
        sum(
            item.default is item.empty and item.kind in (item.POSITIONAL_ONLY, item.POSITIONAL_OR_KEYWORD)
            for item in inspect.signature(module.forward).parameters.values()
        )
        for module in modules
    ]
    if any(count > 1 for count in needed):
        return
    raise ShrinkError(
        "The data has three columns, so either its last holds sample weights, which are not used (then give (X, y)), "
        "or its second is an input (then name them in a dict: {'x': ..., 'more': ..., 'labels': ...})."
    )
