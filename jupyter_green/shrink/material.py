"""The data a model is shrunk with: batches as the person hands them over, in three parts that never mix.

`tune` is for calibrating and repairing, `select` for choosing, `judge` for the verdict: it is looked at once, when the
choice is made. Who gives training data of their own leaves all of `data` to the latter two. Batches of a DataLoader
keep their size and length; everything else is cut into batches in an order drawn with a fixed seed.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .fault import ShrinkError
from .subject import Subject

MOST_EXAMPLES = 20_000
"""Examples beyond these are not read; this many prove half a point with room to spare."""
BATCH = 32
SORTED = 16
"""So many batches of texts at a time are sorted by length."""
LEAST_BATCHES = 12
LEAST_EXAMPLES = 30
SHARES = {False: (0.2, 0.3, 0.5), True: (0.0, 0.35, 0.65)}
"""Shares of tune, select and judge without and with training data of its own."""
LABELS = ("labels", "label", "target", "targets", "y")
TEXTS = ("text", "sentence", "content")


@dataclass(frozen=True)
class Batch:
    """Some examples at once.

    Parameters
    ----------
    inputs : Tensor, tuple or dict
        What the model is called with; the first axis of every tensor counts examples.
    labels : Tensor or None
        What should come out.
    """

    inputs: Any
    labels: Any = None

    @property
    def size(self) -> int:
        """Number of examples."""
        return len(leaves(self.inputs)[0])

    def to(self, device: Any) -> Batch:
        """Return the batch with its inputs on a device."""
        if all(leaf.device == device for leaf in leaves(self.inputs)):
            return self
        return Batch(_mapped(self.inputs, lambda leaf: leaf.to(device)), self.labels)

    def part(self, begin: int, end: int) -> Batch:
        """Return some of its examples; padding that none of them needs falls away."""
        inputs = _mapped(self.inputs, lambda leaf: leaf[begin:end])
        return Batch(_trimmed(inputs), None if self.labels is None else self.labels[begin:end])

    def digests(self) -> list[bytes]:
        """Return a digest of each example's inputs, the same whatever padding is around them."""
        found = []
        for place in range(self.size):
            digest = hashlib.blake2b(digest_size=12)
            for leaf in leaves(self.part(place, place + 1).inputs):
                digest.update(leaf.detach().cpu().contiguous().numpy().tobytes())
            found.append(digest.digest())
        return found


@dataclass(frozen=True)
class Material:
    """Examples in their parts.

    Parameters
    ----------
    tune, select, judge : sequence of Batch
        For repairing, choosing and the verdict.
    labelled : bool
        Whether `tune` has labels.
    notes : tuple of str
        What should be known, a sentence each.
    """

    tune: Sequence[Batch]
    select: Sequence[Batch]
    judge: Sequence[Batch]
    labelled: bool
    notes: tuple[str, ...] = field(default=())

    @property
    def batch_size(self) -> int:
        """Usual number of examples in a batch."""
        return max(batch.size for batch in self.select)

    def fingerprint(self) -> dict[str, Any]:
        """Return a digest of all examples, whatever their order, and how many each part has.

        Nothing can be read off it. The same data cut by the same seed gives the same fingerprint.
        """
        parts = {"tune": self.tune, "select": self.select, "judge": self.judge}
        every = sorted(digest for part in parts.values() for batch in part for digest in batch.digests())
        return {
            "digest": hashlib.blake2b(b"".join(every), digest_size=16).hexdigest(),
            **{name: sum(batch.size for batch in part) for name, part in parts.items()},
        }

    def sized(self, size: int | None, most: int = 64) -> list[Batch]:
        """Return batches of `select` of a size, for trials; as they are where it is None."""
        if size is None:
            return list(self.select[:most])
        found: list[Batch] = []
        for batch in self.select:
            for begin in range(0, batch.size - size + 1, size):
                found.append(batch.part(begin, begin + size))
                if len(found) == most:
                    return found
        if not found:
            raise ShrinkError(
                f"The data comes in batches of {self.batch_size}; a trial of {size} at a time needs more."
            )
        return found


def material_of(subject: Subject, data: Any, train: Any = None, *, tokenizer: Any = None, seed: int = 0) -> Material:
    """Read the data and cut it into its parts.

    Parameters
    ----------
    subject : Subject
        The model; it may bring a tokenizer.
    data : DataLoader, dataset, (X, y) or list of str
        Examples that were not trained on.
    train : same, optional
        Examples to repair with.
    tokenizer : object, optional
        For texts.
    seed : int
        Seed of the cut.

    Raises
    ------
    ShrinkError
        If there is nothing in it, or it is not what a model can be judged with; one sentence.
    """
    tokenizer = tokenizer or subject.tokenizer
    if train is not None and train is data:
        raise ShrinkError(
            "The arguments data and train are the same; a model can't be judged with what it was trained on."
        )
    rng = random.Random(seed)  # noqa: S311 - a cut that can be made again, not a secret
    batches = _next_tokens(subject, _batches(data, tokenizer, rng))
    total = sum(batch.size for batch in batches)
    if total < LEAST_EXAMPLES:
        raise ShrinkError(f"There are {total} examples in the data; at least {LEAST_EXAMPLES} are needed.")
    _check_labels(batches)
    if len(batches) < LEAST_BATCHES:
        batches = smaller(batches, max(1, total // (2 * LEAST_BATCHES)))
    rng.shuffle(batches)
    notes = [f"{total} examples were read."] if total >= MOST_EXAMPLES else []
    tune: list[Batch] = []
    if train is not None:
        tune = _next_tokens(subject, _batches(train, tokenizer, rng))
        if not tune:
            raise ShrinkError("There are no examples in train.")
        known = {digest for batch in tune for digest in batch.digests()}
        twice = sum(digest in known for batch in batches for digest in batch.digests())
        if twice >= total:
            raise ShrinkError("All examples of data are in train too; judge with examples that were held back.")
        if twice:
            notes.append(
                f"{twice} of the {total} examples in data are in train too; the loss may be larger on new ones."
            )
    shares = SHARES[train is not None]
    first, second = (round(len(batches) * share) for share in (shares[0], shares[0] + shares[1]))
    tune = tune or batches[:first]
    return Material(tune, batches[first:second], batches[second:], tune[0].labels is not None, tuple(notes))


def leaves(inputs: Any) -> list[Any]:
    """Return the tensors of a batch's inputs."""
    if isinstance(inputs, Mapping):
        return [leaf for value in inputs.values() for leaf in leaves(value)]
    if isinstance(inputs, (tuple, list)):
        return [leaf for value in inputs for leaf in leaves(value)]
    return [inputs] if hasattr(inputs, "dim") else []


def _mapped(inputs: Any, change: Any) -> Any:
    if isinstance(inputs, Mapping):
        return {name: _mapped(value, change) for name, value in inputs.items()}
    if isinstance(inputs, (tuple, list)):
        return tuple(_mapped(value, change) for value in inputs)
    return change(inputs)


def _trimmed(inputs: Any) -> Any:
    mask = inputs.get("attention_mask") if isinstance(inputs, Mapping) else None
    if mask is None or mask.dim() != 2:
        return inputs
    used = int(mask.any(0).nonzero().max()) + 1 if bool(mask.any()) else 1
    if bool(mask[:, 0].all()) and used < mask.shape[1]:
        return {
            name: leaf[:, :used] if leaf.dim() == 2 and leaf.shape[1] == mask.shape[1] else leaf
            for name, leaf in inputs.items()
        }
    return inputs


def smaller(batches: Iterable[Batch], size: int) -> list[Batch]:
    """Return the same examples in batches of a size at most."""
    return [batch.part(begin, begin + size) for batch in batches for begin in range(0, batch.size, size)]


def _next_tokens(subject: Subject, batches: list[Batch]) -> list[Batch]:
    """Give a causal language model's batches their own tokens as labels, where they have none."""
    if not subject.name.endswith(("ForCausalLM", "LMHeadModel")):
        return batches
    found = []
    for batch in batches:
        ids = batch.inputs.get("input_ids") if isinstance(batch.inputs, Mapping) else None
        if ids is None or batch.labels is not None:
            return batches
        mask = batch.inputs.get("attention_mask")
        found.append(Batch(batch.inputs, ids if mask is None else ids.masked_fill(mask == 0, -100)))
    return found


def _check_labels(batches: Sequence[Batch]) -> None:
    import torch

    labels = [batch.labels for batch in batches if batch.labels is not None]
    if not labels:
        return
    if len(labels) < len(batches):
        raise ShrinkError("Some batches have labels and some have none; give all of them or none.")
    for batch in batches:
        if len(batch.labels) != batch.size:
            raise ShrinkError(f"There are {len(batch.labels)} labels for {batch.size} examples.")
    if all(label.dim() == 1 and not torch.is_floating_point(label) for label in labels):
        seen = torch.unique(torch.cat([label.cpu() for label in labels]))
        if len(seen) < 2:
            raise ShrinkError(f"All examples are of class {int(seen[0])}; accuracy needs examples of two at least.")


# ---- forms of data ----------------------------------------------------------------------------------


def _batches(data: Any, tokenizer: Any, rng: random.Random) -> list[Batch]:  # noqa: PLR0911 - one return a form
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
        return made.float() if made.dtype == torch.float64 else made

    # A column of a table is a list of examples, each a number, a list or a tensor.
    inputs = {name: tensor(value) for name, value in inputs.items()} if isinstance(inputs, Mapping) else tensor(inputs)
    _see_that_no_words(labels)
    labels = None if labels is None else tensor(labels)
    count = len(leaves(inputs)[0])
    if labels is not None and len(labels) != count:
        raise ShrinkError(f"There are {len(labels)} labels for {count} examples.")
    order = torch.tensor(rng.sample(range(count), min(count, MOST_EXAMPLES)), dtype=torch.long)
    whole = Batch(_mapped(inputs, lambda leaf: leaf[order]), None if labels is None else labels[order])
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
