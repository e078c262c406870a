"""The data a model is shrunk with: batches as the person hands them over, in three parts that never mix.

`tune` is for calibrating and repairing, `select` for choosing, `judge` for the verdict: it is looked at once, when the
choice is made. Who gives training data of their own leaves all of `data` to the latter two.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from jupyter_green.compression.errors import ShrinkError
from jupyter_green.compression.model.source_model import SourceModel
from jupyter_green.compression.model.task_names import told

from .batch import Batch, independent, joined, mapped, smaller
from .data_loading import ReadData
from .groups import apart, by_group, without_repeats
from .loader import MOST_EXAMPLES
from .tokenization import answering, next_tokens, tokens_of

LEAST_BATCHES = 12
LEAST_EXAMPLES = 30
BY_CLASS = (None, "accuracy", "f1")
"""What the person may ask for where labels are classes."""
SHARES = {False: (0.2, 0.3, 0.5), True: (0.0, 0.35, 0.65)}
"""Shares of tune, select and judge without and with training data of its own."""


@dataclass(frozen=True)
class DataSplits:
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
        """Return batches of `select` of one size, for trials; the data's own size where it is None.

        Raises
        ------
        ShrinkError
            If the examples can't be put into batches of that size.
        """
        if size is None:
            # A smaller one at the end costs otherwise, and the figures' key names one size.
            return [batch for batch in self.select if batch.size == self.batch_size][:most]
        select = list(self.select) if size <= self.batch_size else joined(self.select)
        found = [batch.part(begin, begin + size) for batch in select for begin in range(0, batch.size - size + 1, size)]
        if not found:
            why = "" if size <= self.batch_size else ", whose shapes differ or which are too few to be put together"
            raise ShrinkError(
                f"The data comes in batches of {self.batch_size}{why}; for a trial of {size} at a time give a "
                "DataLoader with such batches."
            )
        return found[:most]


def splits_of(
    subject: SourceModel,
    data: Any,
    train: Any = None,
    *,
    tokenizer: Any = None,
    metric: Any = None,
    group: str | Sequence[Any] | None = None,
    task: str | None = None,
    seed: int = 0,
) -> DataSplits:
    """Read the data and cut it into parts that have no example and no group in common.

    Parameters
    ----------
    subject : SourceModel
        The model; it may bring a tokenizer.
    data : DataLoader, dataset, (X, y) or list of str
        Examples that were not trained on.
    train : same, optional
        Examples to repair with.
    tokenizer : object, optional
        For texts.
    metric : str or callable, optional
        What the person wants to judge with: one that asks for classes takes one-hot labels as such.
    group : str or sequence, optional
        A column by which examples belong together, or a value for each; two sequences where `train` is given.
    task : str, optional
        What the person says of the task: one-hot labels are classes only where that is one of classes.
    seed : int
        Seed of the cut.

    Raises
    ------
    ShrinkError
        If there is nothing in it, or it is not what a model can be judged with; one sentence.
    """
    if train is not None and train is data:
        raise ShrinkError(
            "The arguments data and train are the same; a model can't be judged with what it was trained on."
        )
    rng = random.Random(seed)  # noqa: S311 - a cut that can be made again, not a secret
    groups, notes = _groups_of(group, train)
    tokens, classes = tokens_of(subject), _classes(subject)
    reading = ReadData(tokenizer or subject.tokenizer, rng, groups[0], tokens, classes, notes)
    batches = _called_with(subject, reading.of(data))
    total = sum(batch.size for batch in batches)
    if total < LEAST_EXAMPLES:
        raise ShrinkError(f"There are {total} examples in the data; at least {LEAST_EXAMPLES} are needed.")
    if total >= MOST_EXAMPLES:
        notes.append(f"{total} examples were read.")
    _check_labels(batches)
    # What is yes or no of several, or a number, is that with a single yes too.
    by_class = metric in BY_CLASS and told(subject.model, task) in (None, "classification")
    if one_hot := by_class and _one_hot(batches):
        notes.append("Its labels are one-hot and were read as classes.")
    batches = _by_class(batches, one_hot=one_hot) if by_class else batches
    _check_labels(batches)
    tune: list[Batch] = []
    if train is not None:
        tune = _called_with(subject, replace(reading, group=groups[1]).of(train))
        if not tune:
            raise ShrinkError("There are no examples in train.")
        tune = _by_class(tune, one_hot=one_hot and _one_hot(tune)) if by_class else tune
        batches = _not_trained_on(batches, tune, notes)
    batches = without_repeats(batches, notes)
    different = independent(batches)
    if different < LEAST_EXAMPLES:
        raise ShrinkError(
            f"Examples that differ and belong to different groups: {different}; at least {LEAST_EXAMPLES} are needed."
        )
    parts = _parts(batches, SHARES[train is not None], rng)
    tune = tune or parts[0]
    if not (tune and parts[1] and parts[2]):
        raise ShrinkError("A few groups hold nearly all of the examples; give examples of more groups.")
    return DataSplits(tune, parts[1], parts[2], tune[0].labels is not None, tuple(notes))


def _parts(batches: list[Batch], shares: Sequence[float], rng: random.Random) -> list[list[Batch]]:
    """Cut the data by these shares, batch by batch where every example stands by itself."""
    if len(batches) < LEAST_BATCHES:
        batches = smaller(batches, max(1, sum(batch.size for batch in batches) // (2 * LEAST_BATCHES)))
    rng.shuffle(batches)
    if any(batch.groups is not None for batch in batches):
        return by_group(batches, shares, rng)
    first, second = (round(len(batches) * share) for share in (shares[0], shares[0] + shares[1]))
    return [batches[:first], batches[first:second], batches[second:]]


def _called_with(subject: SourceModel, batches: list[Batch]) -> list[Batch]:
    """Return batches as the model is called with them: in its precision, with a language model's own tokens."""
    found = next_tokens(subject, _in_its_precision(subject, batches))
    return [replace(batch, inputs=answering(subject.model, batch.inputs, batch.labels)) for batch in found]


def _in_its_precision(subject: SourceModel, batches: list[Batch]) -> list[Batch]:
    """Return batches whose doubles are in the model's own precision, which alone it can be called with."""
    import torch

    kinds = {leaf.dtype for leaf in subject.model.parameters() if leaf.is_floating_point()}
    if len(kinds) > 1 and torch.float64 in kinds:
        return batches  # part of it works in doubles, and which takes the inputs isn't known
    kind = kinds.pop() if len(kinds) == 1 else torch.float32

    def fitted(leaf: Any) -> Any:
        return leaf.to(kind) if leaf.dtype == torch.float64 else leaf

    return [
        replace(
            batch,
            inputs=mapped(batch.inputs, fitted),
            labels=None if batch.labels is None else fitted(batch.labels),
        )
        for batch in batches
    ]


def _not_trained_on(batches: list[Batch], tune: list[Batch], notes: list[str]) -> list[Batch]:
    """Leave out what is in train too, or of a group that is."""
    total = sum(batch.size for batch in batches)
    batches, shared = apart(batches, tune)
    if shared >= total:
        raise ShrinkError("All examples of data are in train too; judge with examples that were held back.")
    if shared:
        notes.insert(0, f"{shared} of the {total} examples in data are in train too; they were left out.")
    return batches


def _groups_of(group: Any, train: Any) -> tuple[tuple[Any, Any], list[str]]:
    """Return the groups of data and those of train, and what isn't known of them."""
    if group is None or isinstance(group, str):
        return (group, group), []
    if isinstance(group, tuple) and len(group) == 2 and not isinstance(group[0], (str, int, float)):
        return (group[0], None if train is None else group[1]), []
    if train is None:
        return (group, None), []
    note = (
        "The groups of train were not given, so whether some are in data too isn't known; give group=(those of data, "
        "those of train)."
    )
    return (group, None), [note]


def _classes(subject: SourceModel) -> dict[str, int]:
    """Return the numbers of a model's classes by their names, where its configuration says them."""
    found = getattr(getattr(subject.model, "config", None), "label2id", None)
    return {str(name): int(number) for name, number in found.items()} if isinstance(found, dict) else {}


def _by_class(batches: Sequence[Batch], *, one_hot: bool) -> list[Batch]:
    """Return batches with one-hot rows, or columns of whole numbers, as a label for each example."""

    def labels(batch: Batch) -> Any:
        if one_hot:
            return batch.labels.argmax(-1)
        column = batch.labels is not None and batch.labels.dim() == 2 and batch.labels.shape[1] == 1
        return batch.labels[:, 0] if column and not batch.labels.is_floating_point() else batch.labels

    return [replace(batch, labels=labels(batch)) for batch in batches]


def _one_hot(batches: Sequence[Batch]) -> bool:
    """Whether every label is a row of noughts and a single one."""
    return all(
        batch.labels is not None
        and batch.labels.dim() == 2
        and batch.labels.shape[1] > 1
        and bool(((batch.labels == 0) | (batch.labels == 1)).all())
        and bool((batch.labels.sum(-1) == 1).all())
        for batch in batches
    )


def _check_labels(batches: Sequence[Batch]) -> None:
    import torch

    labels = [batch.labels for batch in batches if batch.labels is not None]
    if not labels:
        return
    if len(labels) < len(batches):
        raise ShrinkError("Some batches have labels and some have none; give all of them or none.")
    numbers = [label for label in labels if torch.is_floating_point(label)]
    if any(bool(torch.isnan(label).any()) for label in numbers):
        raise ShrinkError("Some labels are missing (NaN); leave those examples out.")
    if any(bool(torch.isinf(label).any()) for label in numbers):
        raise ShrinkError("Some labels are infinite; leave those examples out.")
    for batch in batches:
        if len(batch.labels) != batch.size:
            raise ShrinkError(f"There are {len(batch.labels)} labels for {batch.size} examples.")
    if all(label.dim() == 1 and not torch.is_floating_point(label) for label in labels):
        seen = torch.unique(torch.cat([label.cpu() for label in labels]))
        if len(seen) < 2:
            raise ShrinkError(f"All examples are of class {int(seen[0])}; accuracy needs examples of two at least.")
