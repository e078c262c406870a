from __future__ import annotations

import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from jupyter_green.accounts import Joules, rebound
from jupyter_green.accounts.demand import observed

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
