"""Groups: examples that belong together stand in one part of the data and count as one.

Examples belong together where a person says so, where their inputs are the same, or where they are the same item of a
dataset, which may give it changed at random each time. Of examples that are the same in inputs and labels one is kept.
A loss is told with the number of groups: drawn by group, or as if each group were one example where answers are right
or wrong.
"""

from __future__ import annotations

import itertools
import random
from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from jupyter_green.compression.quality.loss import LEVEL, Loss, counted, drawn, resampled

from .batch import Batch, regrouped
from .near_copies import near_copies, numbered

if TYPE_CHECKING:
    import numpy as np

    from jupyter_green.compression.quality.class_scores import ClassScore
    from jupyter_green.compression.quality.metric import Metric


# ---- what belongs together ------------------------------------------------------------------------------------------


def keys_of(batch: Batch) -> list[list[Hashable]]:
    """Return what each example is known by: its inputs, then its source and its group where it has them."""
    keys: list[list[Hashable]] = [[("inputs", digest)] for digest in batch.digests()]
    for kind, values in (("source", batch.sources), ("group", batch.groups)):
        for own, value in zip(keys, values or (), strict=False):
            missing = value is None or value != value  # noqa: PLR0124 - what is no number is no group either
            if not missing:
                own.append((kind, value))
    return keys


def apart(batches: Sequence[Batch], others: Sequence[Batch]) -> tuple[list[Batch], int]:
    """Return the examples that have nothing in common with others, and how many have."""
    keys = [own for batch in (*batches, *others) for own in keys_of(batch)]
    copies = near_copies([*batches, *others])
    if copies is not None:
        keys = [[*own, ("near copies", number)] for own, number in zip(keys, copies, strict=True)]
    total = sum(batch.size for batch in batches)
    known, own_keys = {key for own in keys[total:] for key in own}, iter(keys)
    found, shared = [], 0
    for batch in batches:
        places = [place for place, own in enumerate(itertools.islice(own_keys, batch.size)) if known.isdisjoint(own)]
        shared += batch.size - len(places)
        if places:
            found.append(batch.take(places))
    return found, shared


def answers_to(batches: Iterable[Batch]) -> list[bytes]:
    """Return what should come out of each example."""
    return [answer for batch in batches for answer in batch.answers()]


def first_of_each(examples: Sequence[Hashable]) -> list[int]:
    """Return the places of the examples that repeat none before them."""
    first: dict[Hashable, int] = {}
    for place, example in enumerate(examples):
        first.setdefault(example, place)
    return list(first.values())


def repeats_left_out(left: int, read: int) -> str:
    """Return in one sentence that some examples repeat others; empty where none does."""
    return f"{read - left:,} of the {read:,} examples repeat others and were left out." if left < read else ""


def without_repeats(batches: list[Batch], notes: list[str]) -> list[Batch]:
    """Leave out what repeats an example, and number the groups; these stay None where every example stands by itself.

    Parameters
    ----------
    batches : list of Batch
        The examples.
    notes : list of str
        Told what was left out, and how many groups there are.
    """
    keys = [own for batch in batches for own in keys_of(batch)]
    kept = set(first_of_each([(own[0], one) for own, one in zip(keys, answers_to(batches), strict=True)]))
    copies = None if any(batch.groups is not None for batch in batches) else near_copies(batches)
    if copies is not None:
        keys = [[*own, ("near copies", number)] for own, number in zip(keys, copies, strict=True)]
        notes.append(
            f"Some of the examples are nearly the same ({len(copies):,} are of {len(set(copies)):,} kinds): what is "
            "nearly the same stands in one part. Where others come from one original, give --group."
        )
    numbers, found, read = numbered(keys), [], 0
    for batch in batches:
        places = [place for place in range(batch.size) if read + place in kept]
        if places:
            found.append(replace(batch, groups=numbers[read : read + batch.size]).take(places))
        read += batch.size
    left = sum(batch.size for batch in found)
    groups = {group for batch in found for group in batch.groups or ()}
    if said := repeats_left_out(left, read):
        notes.append(said)
        found = regrouped(found, max(batch.size for batch in batches))
    if len(groups) == left:
        return [replace(batch, groups=None) for batch in found]
    notes.append(
        f"The {left:,} examples are of {len(groups):,} groups; each group stands in one part and counts as one example."
    )
    return found


def by_group(batches: Sequence[Batch], shares: Sequence[float], rng: random.Random) -> list[list[Batch]]:
    """Cut examples into parts of about these shares, each group whole in one of them."""
    sizes = Counter(group for batch in batches for group in batch.groups or ())
    left = [share * sum(sizes.values()) for share in shares]
    order = sorted(sizes, key=str)
    rng.shuffle(order)
    part_of: dict[Hashable, int] = {}
    for group in order:
        part_of[group] = max(range(len(shares)), key=lambda part: (shares[part] > 0, left[part]))
        left[part_of[group]] -= sizes[group]
    size = max(batch.size for batch in batches)
    parts = []
    for part in range(len(shares)):
        places = [[p for p, group in enumerate(batch.groups or ()) if part_of[group] == part] for batch in batches]
        chosen = [batch.take(own) for batch, own in zip(batches, places, strict=True) if own]
        parts.append(regrouped(chosen, size))
    return parts


# ---- losses ---------------------------------------------------------------------------------------------------------


def groups_of(batches: Sequence[Batch]) -> list[Hashable] | None:
    """Return the group of each example in order; None where each stands by itself."""
    if any(batch.groups is None for batch in batches):
        return None
    return [group for batch in batches for group in batch.groups or ()]


def classes_by_group(
    metric: Metric, original: np.ndarray, candidate: np.ndarray, groups: Sequence[Hashable] | None
) -> dict[int, ClassScore]:
    """Return how well each class is told, with the number of different examples that hold it."""
    import numpy as np

    found = {}
    for number, score in metric.by_class(original, candidate).items():
        places: list[int] = np.flatnonzero(metric.holding(original, number)).tolist()
        different = len(places) if groups is None else len({groups[place] for place in places})
        found[number] = replace(score, different=different)
    return found


def loss_by_group(
    metric: Metric,
    original: np.ndarray,
    candidate: np.ndarray,
    groups: Sequence[Hashable] | None,
    level: float = LEVEL,
) -> Loss:
    """Return how much worse a candidate is, with an interval that stands on groups and not on their examples.

    Parameters
    ----------
    metric : Metric
        What counts.
    original, candidate : ndarray
        Parts of each example.
    groups : sequence or None
        The group of each; None where each example stands by itself.
    level : float
        Of the interval.

    Notes
    -----
    Right or wrong answers are told as if those of one group always went the same way, which is the least that groups
    can prove: with Kish's (1965) effective number of groups, the square of the sum of their sizes over the sum of the
    squares. Every other metric is drawn by group. A draw of groups on which two models never differ has no width.
    """
    import numpy as np

    from jupyter_green.compression.quality.metric import OWN_RESAMPLES

    if groups is None:
        return metric.loss(original, candidate, level)
    places = {group: number for number, group in enumerate(dict.fromkeys(groups))}
    number = np.array([places[group] for group in groups])
    count, sizes = len(places), np.bincount(number).astype(float)
    if not metric.shared:
        members = np.split(np.argsort(number, kind="stable"), np.cumsum(sizes.astype(int))[:-1])

        def lost(chosen: Any) -> float:
            rows = np.concatenate([members[group] for group in chosen])
            first, second = metric.value(original[rows]), metric.value(candidate[rows])
            worse = first - second if metric.higher_is_better else second - first
            return worse if metric.unit == "points" else worse / max(abs(first), 1e-12)

        found = drawn(lost, count, metric.unit, OWN_RESAMPLES, level)
        return replace(found, same=np.array_equal(original, candidate))
    effective = float(sizes.sum() ** 2 / (sizes**2).sum())
    if metric.is_count(original) and metric.is_count(candidate):
        share = effective / len(original)
        one, other = original[:, 0] > 0.5, candidate[:, 0] > 0.5
        found = counted(float((one & ~other).sum()) * share, float((other & ~one).sum()) * share, effective, level)
        return replace(found, examples=count)

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
