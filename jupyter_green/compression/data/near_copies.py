"""Near copies: examples that are another one with a little noise, or its mirror image, and stand as their own.

Whoever augments data and splits it afterwards has copies of one example in two parts. In inputs of many numbers two
different examples are never nearly the same by chance, so that these can be known. Where nearly all are near to one
another (spectra, smooth curves) it tells nothing, and nothing is said. Cuts and turns are not found.
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
"""Numbers of an example below which two may be alike by chance."""
MOST_NUMBERS = 2**25
"""Numbers of all examples beyond which looking would take too long."""
ALIKE = 0.98
"""Correlation from which two examples are near copies: noise of up to a seventh of an input's own spread."""
TABLES, BITS = 12, 14
"""Hashes by the signs of random projections (Charikar 2002): two examples at `ALIKE` share one in 99.8 % of cases."""
SIGNS = 0.85
"""Share of the signs that two have in common at least: 0.94 is expected at `ALIKE`."""
MOST_SHARED = 64
"""Examples of one hash beyond which it tells nothing."""
AT_ONCE = 4096
MOST_ALIKE = 0.05
"""Share of the examples above which one group of near copies is taken for what the data is like."""


def near_copies(batches: Sequence[Batch]) -> list[Hashable] | None:
    """Return a number for each example, the same for near copies of one; None where there are none.

    Parameters
    ----------
    batches : sequence of Batch
        Examples whose inputs are one tensor of fractions, all of one shape.
    """
    import torch

    inputs = [leaves(batch.inputs) for batch in batches]
    shapes = {tuple(tuple(leaf.shape[1:]) for leaf in found) for found in inputs}
    if len(shapes) != 1 or any(len(found) != 1 or not found[0].is_floating_point() for found in inputs):
        return None
    each = inputs[0][0][0].numel()
    if each < FEWEST_NUMBERS or each * sum(batch.size for batch in batches) > MOST_NUMBERS:
        return None
    whole = torch.cat([found[0].detach().cpu().float() for found in inputs])
    if not bool(whole.isfinite().all()):
        return None
    flat = _standard(whole.flatten(1))
    mirrored = _standard(whole.flip(-1).flatten(1)) if whole.dim() == 4 else None
    rows, count = flat if mirrored is None else torch.cat([flat, mirrored]), len(flat)
    keys: list[list[Hashable]] = [[place] for place in range(count)]
    for one, two in _likely(rows):
        if two % count != one % count and one < count and float(rows[one] @ rows[two]) > ALIKE:
            for place in (one, two % count):
                keys[place].append((one, two))
    numbers = numbered(keys)
    sizes = Counter(numbers)
    most = max(sizes.values())
    return None if most == 1 or most > max(20, MOST_ALIKE * len(flat)) else [*numbers]


def numbered(keys: Sequence[Sequence[Hashable]]) -> list[int]:
    """Return a number for each example; the same where two have a key in common, or a third one between them."""
    parents = list(range(len(keys)))

    def root(place: int) -> int:
        while parents[place] != place:
            parents[place] = parents[parents[place]]
            place = parents[place]
        return place

    first: dict[Hashable, int] = {}
    for place, own in enumerate(keys):
        for key in own:
            parents[root(place)] = root(first.setdefault(key, place))
    return [root(place) for place in range(len(keys))]


def _likely(rows: torch.Tensor) -> Iterator[tuple[int, int]]:
    """Yield pairs of rows that share a hash, the lower first; a pair may come several times."""
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
        for some in pairs.split(AT_ONCE):
            one, two = signs[some[:, 0]], signs[some[:, 1]]
            yield from some[(one == two).float().mean((1, 2)) > SIGNS].tolist()


def _standard(rows: torch.Tensor) -> torch.Tensor:
    """Return rows of length one, each number by its own spread over the examples."""
    import torch

    spread = rows.std(0)
    return torch.nn.functional.normalize((rows - rows.mean(0)) / torch.where(spread > 0, spread, 1.0), dim=1)
