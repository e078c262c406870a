"""Groups of examples: which examples belong together, and losses with intervals that are based on groups.

Examples belong together if the user's groups say so, if their inputs are equal, or if they are the same dataset item,
which may be augmented at random. Of examples with equal inputs and labels one is kept. An interval of a loss is based
on the number of groups: by resampling groups, or by an effective sample size if answers are right or wrong.
"""

from __future__ import annotations

import itertools
import random
from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from jupyter_green.compression.quality.loss import LEVEL, Loss, counted, drawn, resampled, share_lost

from .batch import Batch, regrouped
from .near_copies import near_copies, numbered

if TYPE_CHECKING:
    import numpy as np

    from jupyter_green.compression.quality.class_scores import ClassScore
    from jupyter_green.compression.quality.metric import Metric


# ---- belonging together ---------------------------------------------------------------------------------------------


def keys_of(batch: Batch) -> list[list[Hashable]]:
    """Return the keys of each example: its inputs, and its source and group if it has them."""
    keys: list[list[Hashable]] = [[("inputs", digest)] for digest in batch.digests()]
    for kind, values in (("source", batch.sources), ("group", batch.groups)):
        for example_keys, value in zip(keys, values or (), strict=False):
            missing = value is None or value != value  # noqa: PLR0124 - NaN is no group
            if not missing:
                example_keys.append((kind, value))
    return keys


def apart(batches: Sequence[Batch], others: Sequence[Batch]) -> tuple[list[Batch], int]:
    """Return the examples that have no key in common with others, and the number of the rest."""
    keys = [example_keys for batch in (*batches, *others) for example_keys in keys_of(batch)]
    copies = near_copies([*batches, *others])
    if copies is not None:
        keys = [[*example_keys, ("near copies", number)] for example_keys, number in zip(keys, copies, strict=True)]
    total = sum(batch.size for batch in batches)
    other_keys, own_keys = {key for example_keys in keys[total:] for key in example_keys}, iter(keys)
    kept, shared = [], 0
    for batch in batches:
        indexes = [
            index
            for index, example_keys in enumerate(itertools.islice(own_keys, batch.size))
            if other_keys.isdisjoint(example_keys)
        ]
        shared += batch.size - len(indexes)
        if indexes:
            kept.append(batch.take(indexes))
    return kept, shared


def answers_to(batches: Iterable[Batch]) -> list[bytes]:
    """Return the labels of each example as bytes."""
    return [answer for batch in batches for answer in batch.answers()]


def first_of_each(examples: Sequence[Hashable]) -> list[int]:
    """Return the indices of the examples that repeat none before them."""
    first: dict[Hashable, int] = {}
    for index, example in enumerate(examples):
        first.setdefault(example, index)
    return list(first.values())


def repeats_left_out(left: int, read: int) -> str:
    """Return the message that repeated examples were removed; empty if there were none."""
    return f"{read - left:,} of the {read:,} examples repeat others and were left out." if left < read else ""


def without_repeats(batches: list[Batch], notes: list[str]) -> list[Batch]:
    """Remove repeated examples and number the groups; groups stay None if all examples are independent.

    `notes` is extended by what was removed and the number of groups.
    """
    keys = [example_keys for batch in batches for example_keys in keys_of(batch)]
    kept = set(
        first_of_each(
            [(example_keys[0], answer) for example_keys, answer in zip(keys, answers_to(batches), strict=True)]
        )
    )
    copies = None if any(batch.groups is not None for batch in batches) else near_copies(batches)
    if copies is not None:
        keys = [[*example_keys, ("near copies", number)] for example_keys, number in zip(keys, copies, strict=True)]
        notes.append(
            f"Some examples are nearly the same ({len(copies):,} of {len(set(copies)):,} kinds): near copies stay in "
            "one split. If others share one original, give --group."
        )
    numbers, kept_batches, total = numbered(keys), [], 0
    for batch in batches:
        indexes = [index for index in range(batch.size) if total + index in kept]
        if indexes:
            kept_batches.append(replace(batch, groups=numbers[total : total + batch.size]).take(indexes))
        total += batch.size
    size = sum(batch.size for batch in kept_batches)
    groups = {group for batch in kept_batches for group in batch.groups or ()}
    if message := repeats_left_out(size, total):
        notes.append(message)
        kept_batches = regrouped(kept_batches, max(batch.size for batch in batches))
    if len(groups) == size:
        return [replace(batch, groups=None) for batch in kept_batches]
    notes.append(
        f"The {size:,} examples are of {len(groups):,} groups; each group stays in one split and counts as one example."
    )
    return kept_batches


def by_group(batches: Sequence[Batch], shares: Sequence[float], rng: random.Random) -> list[list[Batch]]:
    """Split examples into parts of about these shares, with each group in one part."""
    sizes = Counter(group for batch in batches for group in batch.groups or ())
    missing = [share * sum(sizes.values()) for share in shares]
    order = sorted(sizes, key=str)
    rng.shuffle(order)
    part_of: dict[Hashable, int] = {}
    for group in order:
        part_of[group] = max(range(len(shares)), key=lambda part: (shares[part] > 0, missing[part]))
        missing[part_of[group]] -= sizes[group]
    size = max(batch.size for batch in batches)
    parts = []
    for part in range(len(shares)):
        indexes_by_batch = [
            [index for index, group in enumerate(batch.groups or ()) if part_of[group] == part] for batch in batches
        ]
        chosen = [batch.take(indexes) for batch, indexes in zip(batches, indexes_by_batch, strict=True) if indexes]
        parts.append(regrouped(chosen, size))
    return parts


# ---- losses ---------------------------------------------------------------------------------------------------------


def groups_of(batches: Sequence[Batch]) -> list[Hashable] | None:
    """Return the group of each example in order; None if examples are independent."""
    if any(batch.groups is None for batch in batches):
        return None
    return [group for batch in batches for group in batch.groups or ()]


def classes_by_group(
    metric: Metric, original: np.ndarray, candidate: np.ndarray, groups: Sequence[Hashable] | None
) -> dict[int, ClassScore]:
    """Return the accuracy of each class, with the number of independent examples that contain it."""
    import numpy as np

    scores = {}
    for number, score in metric.by_class(original, candidate).items():
        indexes: list[int] = np.flatnonzero(metric.holding(original, number)).tolist()
        different = len(indexes) if groups is None else len({groups[index] for index in indexes})
        scores[number] = replace(score, different=different)
    return scores


def loss_by_group(
    metric: Metric,
    original: np.ndarray,
    candidate: np.ndarray,
    groups: Sequence[Hashable] | None,
    level: float = LEVEL,
) -> Loss:
    """Return a candidate's loss, with an interval based on groups rather than examples.

    The arrays are parts of each example; groups are None if examples are independent. Right-or-wrong answers are
    treated as if those of a group were always equal, which is the most cautious assumption: with Kish's (1965)
    effective number of groups, the squared sum of their sizes over the sum of their squares. Other metrics are
    resampled by group. A bootstrap of groups on which two models never differ has zero width.
    """
    import numpy as np

    from jupyter_green.compression.quality.metric import OWN_RESAMPLES

    if groups is None:
        return metric.loss(original, candidate, level)
    number_of = {group: number for number, group in enumerate(dict.fromkeys(groups))}
    number = np.array([number_of[group] for group in groups])
    count, sizes = len(number_of), np.bincount(number).astype(float)
    if not metric.shared:
        members = np.split(np.argsort(number, kind="stable"), np.cumsum(sizes.astype(int))[:-1])

        def lost(chosen: Any) -> float:
            rows = np.concatenate([members[group] for group in chosen])
            first, second = metric.value(original[rows]), metric.value(candidate[rows])
            worse = first - second if metric.higher_is_better else second - first
            return worse if metric.unit == "points" else float(share_lost(worse, first))

        result = drawn(lost, count, metric.unit, OWN_RESAMPLES, level)
        return replace(result, same=np.array_equal(original, candidate))
    effective = float(sizes.sum() ** 2 / (sizes**2).sum())
    if metric.is_count(original) and metric.is_count(candidate):
        share = effective / len(original)
        original_right, candidate_right = original[:, 0] > 0.5, candidate[:, 0] > 0.5
        result = counted(
            float((original_right & ~candidate_right).sum()) * share,
            float((candidate_right & ~original_right).sum()) * share,
            effective,
            level,
        )
        return replace(result, examples=count)

    def summed(parts: np.ndarray) -> np.ndarray:
        sums = np.zeros((count, parts.shape[1]))
        np.add.at(sums, number, parts)
        return np.concatenate([sums, sizes[:, None]], axis=1)

    return resampled(
        lambda sums: metric.total(sums[..., :-1], sums[..., -1]),
        summed(original),
        summed(candidate),
        metric.unit,
        higher_is_better=metric.higher_is_better,
        level=level,
        effective=effective if metric.counts_places else None,
    )
