from __future__ import annotations

import inspect
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_green.baselines.excess import Joules, excess

amounts = st.floats(0, 1e9)


def test_the_two_examples_of_the_rule() -> None:
    assert excess(350, units=100, baseline=2)[:3] == (200, 150, 0)
    assert excess(180, units=100, baseline=2)[:3] == (200, 0, 20)


@given(amounts, st.floats(0, 1e4), st.floats(0, 1e4), st.floats(0, 1))
def test_never_both_and_never_below_nothing(joules: float, units: float, beta: float, tolerance: float) -> None:
    found = excess(joules, units=units, baseline=beta, tolerance=tolerance)
    assert found.baseline == pytest.approx(units * beta * (1 + tolerance))
    assert min(found.excess, found.saved) == 0
    assert found.excess - found.saved == pytest.approx(joules - found.baseline, abs=1e-6)


@given(st.floats(1, 1e6), st.floats(0, 1))
def test_it_is_continuous_at_the_baseline(beta: float, tolerance: float) -> None:
    edge = beta * (1 + tolerance)
    assert excess(edge * (1 - 1e-12), units=1, baseline=beta, tolerance=tolerance).excess == 0
    assert excess(edge * (1 + 1e-9), units=1, baseline=beta, tolerance=tolerance).excess == pytest.approx(
        0, abs=edge * 2e-9
    )


def test_nothing_but_joules_work_and_the_rule_goes_in() -> None:
    assert list(inspect.signature(excess).parameters) == ["energy", "units", "baseline", "tolerance"]


@pytest.mark.parametrize("wrong", [math.nan, math.inf, -1.0])
def test_what_is_no_amount_is_refused(wrong: float) -> None:
    for name in ("units", "baseline", "tolerance"):
        with pytest.raises(ValueError, match=f"{name} is .* needs a finite number"):
            excess(1, **{"units": 1, "baseline": 1, "tolerance": 0, name: wrong})


def test_what_is_not_told_apart_from_nothing_costs_nothing() -> None:
    unsure = excess(Joules(210, 15), units=100, baseline=2)
    assert (unsure.excess, unsure.taxable, unsure.significant) == (10, 0, False)
    sure = excess(Joules(250, 15), units=100, baseline=2)
    assert (sure.excess, sure.taxable, sure.uncertainty) == (50, 50, 15)
    below = excess(Joules(150, 15), units=100, baseline=2)
    assert (below.saved, below.taxable, below.uncertainty) == (50, 0, 15)


def test_the_baseline_s_own_interval_counts() -> None:
    assert excess(250, units=100, baseline=Joules(2, 0.3)).uncertainty == pytest.approx(30)
    assert not excess(Joules(250, 40), units=100, baseline=Joules(2, 0.3)).significant
    with pytest.raises(ValueError, match="uncertainty of baseline"):
        excess(250, units=100, baseline=Joules(2, math.nan))


@given(amounts, st.floats(0, 1e6), amounts, st.floats(0, 1e3))
def test_a_wider_interval_never_costs_more(joules: float, doubt: float, beta: float, more: float) -> None:
    narrow, wide = (excess(Joules(joules, d), units=1, baseline=beta).taxable for d in (doubt, doubt + more))
    assert wide <= narrow
