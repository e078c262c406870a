from __future__ import annotations

import math
import random

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from jupyter_green.baselines.excess import Joules
from jupyter_green.pricing.rebound import observed, rebound

some = st.floats(1e-3, 1e6)


def test_the_examples_of_the_rule() -> None:
    assert rebound(10, 5, 100, 150) == 0.5
    assert rebound(10, 5, 100, 250) == 1.5


@given(some, some, some, some)
def test_more_than_one_is_backfire(e0: float, e1: float, n0: float, n1: float) -> None:
    assume(e1 < e0 * (1 - 1e-6))
    assume(not math.isclose(e1 * n1, e0 * n0, rel_tol=1e-9))
    ratio = rebound(e0, e1, n0, n1)
    assert (ratio > 1) == (n1 / n0 > e0 / e1) == (e1 * n1 > e0 * n0)
    saved = e0 * n0 - e1 * n1
    assert saved == pytest.approx((1 - ratio) * (e0 - e1) * n0, rel=1e-6, abs=1e-6 * e0 * n0)


def test_times_are_brought_to_one_length() -> None:
    found = observed(Joules(10), Joules(5), (300, 150), (3, 1))
    assert (found.uses_before, found.uses_after, found.ratio, found.backfire) == (100, 150, 0.5, False)
    assert observed(Joules(10), Joules(5), (100, 250)).backfire


def test_a_rebound_whose_interval_holds_one_is_no_backfire_that_is_told() -> None:
    found = observed(Joules(10, 0.5), Joules(5, 0.3), (100, 210))
    assert found.ratio == pytest.approx(1.1)
    assert found.interval is not None
    assert found.interval[0] < 1 < found.interval[1]
    assert found.backfire is None
    assert observed(Joules(10, 0.5), Joules(5, 0.3), (100, 110)).backfire is False
    less = observed(Joules(10, 0.5), Joules(5, 0.3), (100, 50))
    assert less.interval is not None
    assert less.interval[0] < -0.5 < less.interval[1] < 0


@pytest.mark.parametrize(("e0", "e1", "wide"), [(10.0, 5.0, 0.05), (10.0, 8.0, 0.04), (3.0, 0.2, 0.3)])
def test_the_interval_of_a_rebound_holds_the_truth_as_often_as_it_says(e0: float, e1: float, wide: float) -> None:
    chance = random.Random(f"{e0} {e1}")
    truth, held, told = rebound(e0, e1, 100, 180), 0, 0
    for _ in range(4000):
        doubts = wide * e0, wide * e1
        drawn = [Joules(chance.gauss(e, u / 1.96), u) for e, u in zip((e0, e1), doubts, strict=True)]
        found = observed(drawn[0], drawn[1], (100, 180))
        if found.interval is not None:
            told += 1
            held += found.interval[0] <= truth <= found.interval[1]
    assert told > 3500
    assert 0.935 <= held / told <= 0.965


def test_a_saving_that_is_not_told_apart_has_no_rebound() -> None:
    assert observed(Joules(10, 4), Joules(8, 3), (1, 1)).ratio is None
    assert observed(Joules(10), Joules(12), (1, 1)).ratio is None
    assert observed(Joules(10), Joules(5), (0, 4)).ratio is None


@pytest.mark.parametrize("wrong", [math.nan, math.inf, -1.0])
def test_bad_input_is_one_sentence(wrong: float) -> None:
    with pytest.raises(ValueError, match=r"e0 is .* from 0 up"):
        rebound(wrong, 1, 1, 1)
    with pytest.raises(ValueError, match="Nothing was saved"):
        rebound(1, 1, 1, 1)
    with pytest.raises(ValueError, match="no use before"):
        rebound(2, 1, 0, 1)
    with pytest.raises(ValueError, match="longer than 0"):
        observed(Joules(2), Joules(1), (1, 1), (wrong, 1))
