"""Forms of data: what a person has at hand, read into batches.

Batches of a DataLoader keep their size and length; everything else is cut into batches in an order drawn with a fixed
seed. Labels are known by what their column is called, or are the second of two.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

from .batch import Batch, leaves, mapped, smaller
from .fault import ShrinkError

MOST_EXAMPLES = 20_000
"""Examples beyond these are not read; this many prove half a point with room to spare."""
BATCH = 32
SORTED = 16
"""So many batches of texts at a time are sorted by length."""
LABELS = ("labels", "label", "target", "targets", "y")
TEXTS = ("text", "sentence", "content")


def batches_of(data: Any, tokenizer: Any, rng: random.Random) -> list[Batch]:  # noqa: PLR0911 - one return a form
    """Return the batches of data in any form that this can read.

    Parameters
    ----------
    data : DataLoader, dataset, frame, mapping, (X, y), list of str or array
        The examples.
    tokenizer : object or None
        For texts.
    rng : random.Random
        Draws their order.

    Raises
    ------
    ShrinkError
        If it is none of these, or can't be read; one sentence.
    """
    import torch

    if data is None:
        raise ShrinkError("There is no data; give a DataLoader, (X, y), a dataset or a list of texts.")
    if isinstance(data, torch.utils.data.DataLoader):
        return of_loader(data)
    if isinstance(data, torch.utils.data.Dataset):
        return of_loader(torch.utils.data.DataLoader(data, batch_size=BATCH))
    if hasattr(data, "column_names"):
        return _of_table(data, tokenizer, rng)
    if isinstance(data, Mapping):
        labels = next((data[name] for name in LABELS if name in data), None)
        return _of_columns({name: data[name] for name in data if name not in LABELS}, labels, rng)
    if isinstance(data, (list, tuple)) and data and all(isinstance(item, str) for item in data):
        return _of_texts(list(data), None, tokenizer, rng)
    if isinstance(data, tuple) and len(data) == 2:
        first, labels = data
        if isinstance(first, (list, tuple)) and first and all(isinstance(item, str) for item in first):
            return _of_texts(list(first), labels, tokenizer, rng)
        return _of_columns(first, labels, rng)
    if hasattr(data, "columns") and hasattr(data, "to_numpy"):
        return _of_frame(data, tokenizer, rng)
    if hasattr(data, "shape"):
        return _of_columns(data, None, rng)
    raise ShrinkError(
        f"{type(data).__name__} is no data this can read; give a DataLoader, (X, y), a dataset or a list of texts."
    )


def of_loader(loader: Any) -> list[Batch]:
    """Return the batches of a DataLoader as they come, `MOST_EXAMPLES` at most."""
    found: list[Batch] = []
    total = 0
    for item in loader:
        batch = _of_item(item)
        _see_that_no_words(batch.labels)
        if not leaves(batch.inputs):
            raise ShrinkError("The batches hold no tensors; let the loader's collate_fn make them.")
        found.append(batch)
        total += batch.size
        if total >= MOST_EXAMPLES:
            break
    return found


def _of_item(item: Any) -> Batch:
    if isinstance(item, Mapping):
        labels = next((item[name] for name in LABELS if item.get(name) is not None), None)
        return Batch({name: value for name, value in item.items() if name not in LABELS}, labels)
    if isinstance(item, (tuple, list)):
        if len(item) == 1:
            return Batch(item[0])
        inputs = item[:-1]
        return Batch(inputs[0] if len(inputs) == 1 else tuple(inputs), item[-1])
    return Batch(item)


def _of_columns(inputs: Any, labels: Any, rng: random.Random) -> list[Batch]:
    import numpy as np
    import torch

    def tensor(value: Any) -> Any:
        try:
            if isinstance(value, list) and value and all(isinstance(one, torch.Tensor) for one in value):
                value = torch.stack(value)
            # pandas may hand out what can't be written to, which PyTorch warns of.
            made = torch.as_tensor(np.array(value.to_numpy()) if hasattr(value, "to_numpy") else value)
        except (TypeError, ValueError, RuntimeError) as error:
            raise ShrinkError(f"The data can't be made into a tensor: {str(error).splitlines()[0]}.") from error
        return made

    # A column of a table is a list of examples, each a number, a list or a tensor.
    inputs = {name: tensor(value) for name, value in inputs.items()} if isinstance(inputs, Mapping) else tensor(inputs)
    _see_that_no_words(labels)
    labels = None if labels is None else tensor(labels)
    count = len(leaves(inputs)[0])
    if labels is not None and len(labels) != count:
        raise ShrinkError(f"There are {len(labels)} labels for {count} examples.")
    order = torch.tensor(rng.sample(range(count), min(count, MOST_EXAMPLES)), dtype=torch.long)
    whole = Batch(mapped(inputs, lambda leaf: leaf[order]), None if labels is None else labels[order])
    return smaller([whole], BATCH) if count else []


def _see_that_no_words(labels: Any) -> None:
    if isinstance(labels, (list, tuple)) and any(isinstance(label, str) for label in labels):
        raise ShrinkError("The labels are words; give the number of each class, as the model tells it.")


def _of_texts(texts: list[str], labels: Any, tokenizer: Any, rng: random.Random) -> list[Batch]:
    import torch

    # A Series of pandas is indexed by its own names, which need not be places.
    labels = labels.tolist() if hasattr(labels, "tolist") else labels
    _see_that_no_words(labels)

    if tokenizer is None:
        raise ShrinkError("Texts need a tokenizer; give tokenizer=.")
    if labels is not None and len(labels) != len(texts):
        raise ShrinkError(f"There are {len(labels)} labels for {len(texts)} examples.")
    order = rng.sample(range(len(texts)), min(len(texts), MOST_EXAMPLES))
    # Texts of like length together, some batches at a time: padding is work that answers nothing.
    for begin in range(0, len(order), SORTED * BATCH):
        order[begin : begin + SORTED * BATCH] = sorted(
            order[begin : begin + SORTED * BATCH], key=lambda place: len(texts[place])
        )
    found = []
    for begin in range(0, len(order), BATCH):
        chosen = order[begin : begin + BATCH]
        made = tokenizer([texts[place] for place in chosen], padding=True, truncation=True, return_tensors="pt")
        wanted = None if labels is None else torch.as_tensor([labels[place] for place in chosen])
        found.append(Batch(dict(made), wanted))
    return found


def _of_frame(data: Any, tokenizer: Any, rng: random.Random) -> list[Batch]:
    """Read a frame of pandas: a column of texts or numbers each, and one of labels where it is called so."""
    names = [name for name in data.columns if isinstance(name, str)]
    label = next((name for name in LABELS if name in names), None)
    text = next((name for name in TEXTS if name in names), None)
    labels = None if label is None else data[label].tolist()
    if text is not None:
        return _of_texts(data[text].tolist(), labels, tokenizer, rng)
    return _of_columns(data if label is None else data.drop(columns=label), labels, rng)


def _of_table(data: Any, tokenizer: Any, rng: random.Random) -> list[Batch]:
    names = list(data.column_names)
    text = next((name for name in TEXTS if name in names), None)
    labels = next((list(data[name]) for name in LABELS if name in names), None)
    if text is not None:
        return _of_texts(list(data[text]), labels, tokenizer, rng)
    columns = {name: list(data[name]) for name in names if name not in LABELS}
    return _of_columns(columns, labels, rng)
