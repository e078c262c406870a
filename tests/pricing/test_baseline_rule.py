from __future__ import annotations

import math
from typing import Any

import pytest

from jupyter_green.baselines.excess import Joules, excess
from jupyter_green.pricing.baseline_rule import benchmark, fixed, history, reference
from tests.support.sample_cells import cell, part


def test_a_benchmark_is_the_best_tenth_or_nine_tenths_of_the_mean() -> None:
    group = [float(value) for value in range(1, 31)]
    assert benchmark(group).per_unit.value == 2.0
    assert benchmark(group).sentence == "Baseline: benchmark, the mean of the best 3 of 30 runs."
    assert benchmark(group, of_mean=True).per_unit.value == pytest.approx(13.95)
    assert benchmark([Joules(4, 1)]).per_unit == (4, 1)
    with pytest.raises(ValueError, match="no run yet"):
        benchmark([])


def test_a_history_says_that_it_grants_past_waste() -> None:
    found = history([30, 10, 20, 5, 6, 1000])
    assert found.per_unit.value == 10
    assert "grandfathered: their waste is accepted" in found.sentence
    assert found.per_unit.uncertainty > 0
    assert history([30, 10, 20], first=1).per_unit == (30, 0)
    with pytest.raises(ValueError, match="no run yet"):
        history([])
    with pytest.raises(ValueError, match="1 to 5"):
        history([1], first=9)


def test_a_rule_goes_into_the_excess() -> None:
    rule = fixed(2)
    assert excess(350, units=100, baseline=rule.per_unit).excess == 150
    assert rule.sentence == "Baseline: fixed at 2 J per unit."


def board(device: str = "GPU 0, NVIDIA H100 80GB HBM3", **changes: Any) -> Any:
    gpu = part(100.0)
    return cell(1.0).with_(
        components=(gpu.__class__(**{**vars(gpu), "device": device}), part(40.0, kind="cpu", source="rapl")),
        batch_size=1, **changes,
    )  # fmt: skip


def test_a_reference_is_held_only_against_what_it_covers() -> None:
    rule, energy = reference("Text classification", board())
    assert rule.per_unit.value == pytest.approx(0.217736 * 3.6)
    assert energy.value == 100  # the board alone: that is what the figure covers
    assert "H100, GPU only" in rule.sentence
    with pytest.raises(ValueError, match="no single H100 was read"):
        reference("text generation", board("GPU 0, NVIDIA A10"))
    with pytest.raises(ValueError, match="batch size 1"):
        reference("text generation", board().with_(batch_size=64))
    with pytest.raises(ValueError, match="server of 8 A100"):
        reference("summarization", board())
    with pytest.raises(ValueError, match="no reference for 'weather'"):
        reference("weather", board())


@pytest.mark.parametrize("wrong", [math.nan, math.inf, -1.0])
def test_bad_input_is_one_sentence(wrong: float) -> None:
    for rule in (fixed, lambda value: benchmark([value]), lambda value: history([value])):
        with pytest.raises(ValueError, match="is invalid"):
            rule(wrong)
