"""The loss: its intervals hold what they promise, and too few examples prove nothing."""

from __future__ import annotations

import numpy as np
import pytest

from jupyter_green.compression.quality.loss import counted, resampled


@pytest.mark.parametrize(("lost", "won", "count"), [(0.02, 0.02, 200), (0.01, 0.003, 2000)])
def test_a_true_loss_lies_above_the_interval_rarely(lost: float, won: float, count: int) -> None:
    rng = np.random.default_rng(0)
    drawn = rng.multinomial(count, [lost, won, 1 - lost - won], size=1500)
    above = sum(counted(int(row[0]), int(row[1]), count).high < lost - won for row in drawn)
    assert above <= 0.035 * len(drawn)


def test_no_difference_on_few_examples_is_no_proof() -> None:
    few, many = counted(0, 0, 100), counted(0, 0, 2000)
    assert few.same
    assert not few.within(0.01)
    assert many.within(0.01)
    assert few.needed(0.01) is not None


def test_how_many_examples_would_be_needed() -> None:
    loss = counted(12, 8, 1000)
    assert not loss.within(0.01)
    needed = loss.needed(0.01)
    assert needed is not None
    assert needed > 1000
    share = needed / 1000
    assert counted(round(12 * share), round(8 * share), needed).high == pytest.approx(0.01, abs=0.001)
    assert counted(50, 8, 1000).needed(0.01) is None


def test_gains_are_negative_losses() -> None:
    loss = counted(2, 30, 1000)
    assert loss.value == pytest.approx(-0.028)
    assert loss.high < 0


def test_resampled_losses_hold_their_promise() -> None:
    rng = np.random.default_rng(1)
    above = 0
    for seed in range(200):
        first = rng.exponential(1.0, (300, 1))
        second = first * 1.05 + rng.normal(0, 0.05, (300, 1))
        loss = resampled(lambda sums: sums[..., 0] / 300, first, second, "relative", higher_is_better=False, seed=seed)
        above += loss.high < 0.05
    assert above <= 0.06 * 200
