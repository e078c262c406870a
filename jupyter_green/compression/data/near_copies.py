"""Finds near copies: examples that are another example with a little noise, or its mirror image.

If data is augmented before it is split, copies of an example end up in two parts. Inputs of many numbers are never
nearly equal by chance, so copies can be recognized. If nearly all examples are similar (spectra, smooth curves) nothing
can be concluded and nothing is reported. Crops and rotations are not found.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Hashable, Iterator, Sequence
from typing import TYPE_CHECKING

from jupyter_green.compression.process import deadline

from .batch import Batch, leaves

if TYPE_CHECKING:
    import torch

FEWEST_NUMBERS = 64
"""Numbers per example below which two may be similar by chance."""
MOST_NUMBERS = 2**25
"""Numbers of all examples above which the search would take too long."""
ALIKE = 0.98
"""Correlation above which two examples are near copies: noise up to a seventh of an input's standard deviation."""
TABLES, BITS = 12, 14
"""Hashes from the signs of random projections (Charikar 2002): two examples at `ALIKE` share one in 99.8 % of cases."""
SIGNS = 0.85
"""Minimum share of equal signs of two near copies: 0.94 is expected at `ALIKE`."""
MOST_SHARED = 64
"""Examples with the same hash above which it is not informative."""
AT_ONCE = 4096
MOST_ALIKE = 0.05
"""If a group of near copies has a larger share of the examples than this, the data is considered similar in general."""


def near_copies(batches: Sequence[Batch]) -> list[Hashable] | None:
    """Return a number for each example, equal for near copies; None if there are none.

    The inputs of an example are one floating-point tensor, of equal shapes.
    """
    import torch

    inputs = [leaves(batch.inputs) for batch in batches]
    shapes = {tuple(tuple(leaf.shape[1:]) for leaf in tensors) for tensors in inputs}
    if len(shapes) != 1 or any(len(tensors) != 1 or not tensors[0].is_floating_point() for tensors in inputs):
        return None
    width = inputs[0][0][0].numel()
    if width < FEWEST_NUMBERS or width * sum(batch.size for batch in batches) > MOST_NUMBERS:
        return None
    whole = torch.cat([tensors[0].detach().cpu().float() for tensors in inputs])
    if not bool(whole.isfinite().all()):
        return None
    flat = _standard(whole.flatten(1))
    mirrored = _standard(whole.flip(-1).flatten(1)) if whole.dim() == 4 else None
    rows, count = flat if mirrored is None else torch.cat([flat, mirrored]), len(flat)
    keys: list[list[Hashable]] = [[index] for index in range(count)]
    for first, second in _likely(rows):
        if second % count != first % count and first < count and float(rows[first] @ rows[second]) > ALIKE:
            for index in (first, second % count):
                keys[index].append((first, second))
    numbers = numbered(keys)
    sizes = Counter(numbers)
    largest = max(sizes.values())
    return None if largest == 1 or largest > max(20, MOST_ALIKE * len(flat)) else [*numbers]


def numbered(keys: Sequence[Sequence[Hashable]]) -> list[int]:
    """Return a number for each example, equal if two share a key, directly or through other examples (union-find)."""
    parents = list(range(len(keys)))

    def root(place: int) -> int:
        while parents[place] != place:
            parents[place] = parents[parents[place]]
            place = parents[place]
        return place

    first: dict[Hashable, int] = {}
    for place, example_keys in enumerate(keys):
        for key in example_keys:
            parents[root(place)] = root(first.setdefault(key, place))
    return [root(place) for place in range(len(keys))]


def _likely(rows: torch.Tensor) -> Iterator[tuple[int, int]]:
    """Yield pairs of rows that share a hash, the lower index first; a pair may be repeated."""
    import torch

    drawn = torch.randn(rows.shape[1], TABLES * BITS, generator=torch.Generator().manual_seed(0))
    signs = (rows @ drawn > 0).reshape(len(rows), TABLES, BITS)
    hashes = (signs * 2 ** torch.arange(BITS)).sum(-1)
    for table in hashes.T:
        deadline.look()
        order = table.argsort(stable=True)
        parts = order.split(table[order].unique_consecutive(return_counts=True)[1].tolist())
        shared = [part.tolist() for part in parts if 1 < len(part) <= MOST_SHARED]
        pairs = torch.tensor([pair for part in shared for pair in itertools.combinations(part, 2)], dtype=torch.long)
        pairs = pairs.reshape(-1, 2)
        for chunk in pairs.split(AT_ONCE):
            first, second = signs[chunk[:, 0]], signs[chunk[:, 1]]
            yield from chunk[(first == second).float().mean((1, 2)) > SIGNS].tolist()


def _standard(rows: torch.Tensor) -> torch.Tensor:
    """Return rows of length one, with each column divided by its standard deviation."""
    import torch

    spread = rows.std(0)
    return torch.nn.functional.normalize((rows - rows.mean(0)) / torch.where(spread > 0, spread, 1.0), dim=1)
