"""Splits the data into calibration, validation and test sets that share no example and no group.

`tune` (calibration) is for calibrating and fine-tuning, `select` (validation) for choosing candidates, and `judge`
(test) for the final evaluation, once. If training data is given, `data` is split into the latter two only.
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
from .columns import refuse_weights
from .data_loading import ReadData
from .groups import apart, by_group, without_repeats
from .loader import MOST_EXAMPLES
from .tokenization import answering, next_tokens, tokens_of

LEAST_BATCHES = 12
LEAST_EXAMPLES = 30
BY_CLASS = (None, "accuracy", "f1")
"""Values of `metric` for which labels are classes."""
SHARES = {False: (0.2, 0.3, 0.5), True: (0.0, 0.35, 0.65)}
"""Shares of tune, select and judge, without and with separate training data."""


@dataclass(frozen=True)
class DataSplits:
    """The split data."""

    tune: Sequence[Batch]
    select: Sequence[Batch]
    judge: Sequence[Batch]
    """Calibration, validation and test split."""
    labelled: bool
    """Whether `tune` has labels."""
    notes: tuple[str, ...] = field(default=())
    """Sentences for the user."""

    @property
    def batch_size(self) -> int:
        """Usual number of examples in a batch."""
        return max(batch.size for batch in self.select)

    def fingerprint(self) -> dict[str, Any]:
        """Return a digest of all examples, independent of their order, and the size of each split.

        It reveals nothing about the data. The same data split with the same seed has the same fingerprint.
        """
        parts = {"tune": self.tune, "select": self.select, "judge": self.judge}
        digests = sorted(digest for part in parts.values() for batch in part for digest in batch.digests())
        return {
            "digest": hashlib.blake2b(b"".join(digests), digest_size=16).hexdigest(),
            **{name: sum(batch.size for batch in part) for name, part in parts.items()},
        }

    def sized(self, size: int | None, most: int = 64) -> list[Batch]:
        """Return batches of `select` of one size, for trials; of the data's own size if it is None.

        Raises ShrinkError if batches of that size can't be formed.
        """
        if size is None:
            # A smaller last batch would have another cost per example.
            return [batch for batch in self.select if batch.size == self.batch_size][:most]
        select = list(self.select) if size <= self.batch_size else joined(self.select)
        batches = [
            batch.part(begin, begin + size) for batch in select for begin in range(0, batch.size - size + 1, size)
        ]
        if not batches:
            reason = "" if size <= self.batch_size else ", whose shapes differ or which are too few to be put together"
            raise ShrinkError(
                f"The data comes in batches of {self.batch_size}{reason}; for a trial of {size} at a time give a "
                "DataLoader with such batches."
            )
        return batches[:most]


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
    """Read the data and split it.

    `data` are examples that the model was not trained on, `train` those for fine-tuning. `group` is a column of groups,
    or a value for each example; two sequences if `train` is given. One-hot labels are read as classes with a metric
    that needs them, and only if the user's task has them. Raises ShrinkError if there are too few examples, or they
    can't be used to evaluate a model.
    """
    if train is not None and train is data:
        raise ShrinkError("The arguments data and train are the same; a model can't be tested on its training data.")
    rng = random.Random(seed)  # noqa: S311 - a reproducible split, not cryptographic
    groups, notes = _groups_of(group, train)
    tokens, classes = tokens_of(subject), _classes(subject)
    reading = ReadData(tokenizer or subject.tokenizer, rng, groups[0], tokens, classes, notes)
    read = reading.of(data)
    if read:
        refuse_weights([subject.model], read[0].inputs, read[0].labels)
    batches = _called_with(subject, read)
    total = sum(batch.size for batch in batches)
    if total < LEAST_EXAMPLES:
        raise ShrinkError(f"There are {total} examples in the data; at least {LEAST_EXAMPLES} are needed.")
    if total >= MOST_EXAMPLES:
        notes.append(f"{total} examples were read.")
    _check_labels(batches)
    # Multi-label and regression targets stay so, even if each row has a single 1.
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
    """Split the data by these shares: whole batches if examples are independent, else whole groups."""
    if len(batches) < LEAST_BATCHES:
        batches = smaller(batches, max(1, sum(batch.size for batch in batches) // (2 * LEAST_BATCHES)))
    rng.shuffle(batches)
    if any(batch.groups is not None for batch in batches):
        return by_group(batches, shares, rng)
    first, second = (round(len(batches) * share) for share in (shares[0], shares[0] + shares[1]))
    return [batches[:first], batches[first:second], batches[second:]]


def _called_with(subject: SourceModel, batches: list[Batch]) -> list[Batch]:
    """Return batches as the model takes them: in its precision, with token labels and decoder inputs."""
    prepared = next_tokens(subject, _in_its_precision(subject, batches))
    return [replace(batch, inputs=answering(subject.model, batch.inputs, batch.labels)) for batch in prepared]


def _in_its_precision(subject: SourceModel, batches: list[Batch]) -> list[Batch]:
    """Return batches with doubles converted to the model's precision."""
    import torch

    dtypes = {leaf.dtype for leaf in subject.model.parameters() if leaf.is_floating_point()}
    if len(dtypes) > 1 and torch.float64 in dtypes:
        return batches  # mixed precision: that of the inputs is unknown
    dtype = dtypes.pop() if len(dtypes) == 1 else torch.float32

    def fitted(leaf: Any) -> Any:
        return leaf.to(dtype) if leaf.dtype == torch.float64 else leaf

    return [
        replace(
            batch,
            inputs=mapped(batch.inputs, fitted),
            labels=None if batch.labels is None else fitted(batch.labels),
        )
        for batch in batches
    ]


def _not_trained_on(batches: list[Batch], tune: list[Batch], notes: list[str]) -> list[Batch]:
    """Remove examples that are also in train, or in a group that is."""
    total = sum(batch.size for batch in batches)
    batches, shared = apart(batches, tune)
    if shared >= total:
        raise ShrinkError("All examples of data are in train too; give held-out examples as data.")
    if shared:
        notes.insert(0, f"{shared} of the {total} examples in data are in train too; they were left out.")
    return batches


def _groups_of(group: Any, train: Any) -> tuple[tuple[Any, Any], list[str]]:
    """Return the groups of data and of train, and a note if those of train are unknown."""
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
    """Return the numbers of a model's classes by name, from its configuration."""
    label_ids = getattr(getattr(subject.model, "config", None), "label2id", None)
    return {str(name): int(number) for name, number in label_ids.items()} if isinstance(label_ids, dict) else {}


def _by_class(batches: Sequence[Batch], *, one_hot: bool) -> list[Batch]:
    """Return batches with one-hot rows, or single columns of whole numbers, as one label per example."""

    def labels(batch: Batch) -> Any:
        if one_hot:
            return batch.labels.argmax(-1)
        column = batch.labels is not None and batch.labels.dim() == 2 and batch.labels.shape[1] == 1
        return batch.labels[:, 0] if column and not batch.labels.is_floating_point() else batch.labels

    return [replace(batch, labels=labels(batch)) for batch in batches]


def _one_hot(batches: Sequence[Batch]) -> bool:
    """Whether every label is a row of zeros with a single one."""
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
