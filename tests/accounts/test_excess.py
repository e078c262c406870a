from __future__ import annotations

import inspect
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_green.accounts import excess

amounts = st.floats(0, 1e9)


def test_the_two_examples_of_the_rule() -> None:
    assert excess(350, 100, 2) == (200, 150, 0)
    assert excess(180, 100, 2) == (200, 0, 20)


@given(amounts, st.floats(0, 1e4), st.floats(0, 1e4), st.floats(0, 1))
def test_never_both_and_never_below_nothing(joules: float, units: float, beta: float, tolerance: float) -> None:
    found = excess(joules, units, beta, tolerance)
    assert found.baseline == pytest.approx(units * beta * (1 + tolerance))
    assert min(found.excess, found.saved) == 0
    assert found.excess - found.saved == pytest.approx(joules - found.baseline, abs=1e-6)


@given(st.floats(1, 1e6), st.floats(0, 1))
def test_it_is_continuous_at_the_baseline(beta: float, tolerance: float) -> None:
    edge = beta * (1 + tolerance)
    assert excess(edge * (1 - 1e-12), 1, beta, tolerance).excess == 0
    assert excess(edge * (1 + 1e-9), 1, beta, tolerance).excess == pytest.approx(0, abs=edge * 2e-9)


def test_nothing_but_joules_work_and_the_rule_goes_in() -> None:
    assert list(inspect.signature(excess).parameters) == ["joules", "units", "unit_baseline", "tolerance"]


@pytest.mark.parametrize("wrong", [math.nan, math.inf, -1.0])
def test_what_is_no_amount_is_refused(wrong: float) -> None:
    for given_ in ((1, wrong, 1, 0), (1, 1, wrong, 0), (1, 1, 1, wrong)):
        with pytest.raises(ValueError, match="excess needs a finite number"):
            excess(*given_)
