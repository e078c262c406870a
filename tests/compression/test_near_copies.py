"""Copies of an example with a little noise, and mirror images, are known without anybody's word; what is alike by
nature is not taken for copies."""

from __future__ import annotations

import math

import torch

from jupyter_green.compression.data.batch import Batch
from jupyter_green.compression.data.groups import apart, without_repeats
from jupyter_green.compression.data.near_copies import near_copies


def drawn(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_noise_and_mirror_images_are_known() -> None:
    x = drawn(60, 3, 8, 8)
    augmented = torch.cat([x, x + 0.1 * drawn(60, 3, 8, 8, seed=1), x.flip(-1)])
    found = near_copies([Batch(augmented)])
    assert found is not None
    assert len(set(found)) == 60
    assert all(found[place] == found[place + 60] == found[place + 120] for place in range(60))


def test_what_is_alike_by_nature_or_different_is_left_alone() -> None:
    assert near_copies([Batch(drawn(300, 3, 8, 8))]) is None
    assert near_copies([Batch(drawn(300, 12))]) is None  # two of few numbers may be alike by chance
    phases = 2 * math.pi * torch.rand(400, 1, generator=torch.Generator().manual_seed(0))
    assert near_copies([Batch(torch.sin(torch.linspace(0, 6.28, 100) + phases))]) is None
    assert near_copies([Batch(torch.randint(0, 9, (100, 80)))]) is None


def test_they_stand_in_one_group_and_never_in_train_and_data() -> None:
    x = drawn(80, 3, 8, 8)
    noisy = x + 0.1 * drawn(80, 3, 8, 8, seed=1)
    notes: list[str] = []
    batches = without_repeats([Batch(torch.cat([x, noisy]), torch.arange(160) % 2)], notes)
    assert len({group for batch in batches for group in batch.groups or ()}) == 80
    assert any("nearly the same" in note for note in notes)
    left, shared = apart([Batch(noisy)], [Batch(x[:50])])
    assert (shared, sum(batch.size for batch in left)) == (50, 30)
