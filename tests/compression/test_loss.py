"""The loss: its intervals hold what they promise, and too few examples prove nothing."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import jupyter_green as green
from jupyter_green.compression.errors import ShrinkError
from jupyter_green.compression.quality.loss import counted, resampled, share_lost
from jupyter_green.compression.report.shrink_report import loss_in_words


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


def test_a_loss_is_no_share_of_nothing() -> None:
    """Where some draws have no error of the original's at all, the interval ends nowhere, and says so."""
    first, second = np.zeros((400, 1)), np.full((400, 1), 0.01)
    first[0] = 1.0
    loss = resampled(lambda sums: sums[..., 0] / 400, first, second, "relative", higher_is_better=False)
    assert (loss.value, loss.high) == (pytest.approx(3.0), np.inf)
    assert not loss.within(1e9)
    assert loss.needed(10.0) is None
    same = resampled(lambda sums: sums[..., 0] / 400, first, first[::-1], "relative", higher_is_better=False)
    assert same.value == 0.0
    assert share_lost(0.0, 0.0) == 0.0
    assert loss_in_words(np.inf, "relative").startswith("∞")


@pytest.mark.parametrize("double", [False, True])
def test_labels_that_are_the_model_s_own_outputs_are_refused(double: bool) -> None:
    torch.manual_seed(0)
    model, x = torch.nn.Linear(6, 1), torch.randn(600, 6)
    with torch.no_grad():
        y = model.double()(x.double()) if double else torch.cat([model(row[None]) for row in x])
    with pytest.raises(ShrinkError, match=r"^The mean squared error of your model is 0 .* no loss is a share of 0; "):
        green.shrink(model.float(), (x, y.float()), time=20, progress=False)

    def off(outputs: torch.Tensor, labels: torch.Tensor) -> float:
        return -float((outputs - labels).abs().max() > 1.0)

    with pytest.raises(ShrinkError, match=r"^The off of your model is 0, and no loss is a share of 0; "):
        green.shrink(model.float(), (x, y.float()), metric=off, time=20, progress=False)
