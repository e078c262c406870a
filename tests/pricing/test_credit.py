from __future__ import annotations

import math
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_green.baselines.excess import Joules
from jupyter_green.pricing.credit import credit, judged

amounts = st.floats(0, 1e6)


@dataclass(frozen=True)
class Verdict:
    """What `%shrink` and `%compare` return, as far as a credit asks."""

    proven: bool
    reason: str = "The loss is not proven with 100 examples."


@dataclass(frozen=True)
class Picked:
    """What `%compare` returns, as far as a credit asks."""

    pick: str
    best: str
    reason: str = "Keep large."


@given(amounts, amounts, amounts, st.booleans())
def test_the_formula(units: float, beta: float, used: float, passed: bool) -> None:
    expected = units * max(0.0, beta - used) if passed else 0.0
    assert credit(units, baseline=beta, used=used, passed=passed) == pytest.approx(expected, rel=1e-9, abs=1e-3)


def test_a_gate_that_failed_leaves_nothing() -> None:
    assert credit(100, baseline=10, used=4, passed=True) == 600
    assert credit(100, baseline=10, used=4, passed=False) == 0
    assert credit(100, baseline=10, used=4, passed=Verdict(True)) == 600
    assert credit(100, baseline=10, used=4, passed=Picked("small", "large")) == 600
    kept = judged(100, baseline=10, used=4, passed=Picked("large", "large"))
    assert (kept.joules, "Keep large" in kept.reason) == (0, True)
    lost = judged(100, baseline=10, used=4, passed=Verdict(False))
    assert lost.joules == 0
    assert lost.reason == (
        "No credit: equal quality of the result was not shown (The loss is not proven with 100 examples)."
    )


def test_a_saving_that_is_not_told_apart_is_none() -> None:
    unsure = judged(100, baseline=Joules(10, 3), used=Joules(8, 1), passed=True)
    assert (unsure.joules, unsure.reason) == (
        0,
        "No credit: the saving is not statistically significant.",
    )
    sure = judged(100, baseline=Joules(10, 0.3), used=Joules(8, 0.4), passed=True)
    assert (sure.joules, sure.uncertainty) == (pytest.approx(200), pytest.approx(50))
    assert judged(1, baseline=1, used=2, passed=True).reason == "No credit: nothing was saved."


@pytest.mark.parametrize("wrong", [math.nan, math.inf, -1.0])
def test_bad_input_is_one_sentence(wrong: float) -> None:
    with pytest.raises(ValueError, match="units is"):
        credit(wrong, baseline=1, used=1, passed=True)
    with pytest.raises(ValueError, match="baseline is"):
        credit(1, baseline=wrong, used=1, passed=True)
