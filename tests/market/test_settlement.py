from __future__ import annotations

import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from jupyter_green.market.settlement import settle

whole = st.integers(0, 10**12)
vintages = st.lists(whole, max_size=5)


def test_the_examples_of_the_rule() -> None:
    assert settle(90, allowance=100, banked=20).banked == 30
    short = settle(130, allowance=100, banked=20, penalty=2)
    assert (short.short, short.fine, short.banked) == (10, 20, 0)


def test_own_goes_first_then_the_oldest_then_what_was_bought() -> None:
    found = settle(112, allowance=100, banked=[5, 6, 7], bought=50)
    assert (found.own, found.from_bank, found.from_bought) == (100, 12, 0)
    assert found.bank == (6, 50)
    assert settle(105, allowance=100, banked=[5, 6]).bank == (6,)


def test_what_is_sold_is_gone() -> None:
    assert settle(10, allowance=100, sold=80).bank == (10,)
    assert settle(10, allowance=100, banked=[20], sold=105).short == 0
    with pytest.raises(ValueError, match="More is sold"):
        settle(0, allowance=10, sold=11)


def test_old_vintages_expire() -> None:
    found = settle(0, allowance=4, banked=[1, 2, 3], keep=2)
    assert (found.bank, found.expired) == ((3, 4), 3)


@given(used=whole, allowance=whole, banked=vintages, bought=whole, sold=whole, decay=st.floats(0, 1))
def test_nothing_is_lost_or_made(
    *, used: int, allowance: int, banked: list[int], bought: int, sold: int, decay: float
) -> None:
    assume(sold <= allowance + sum(banked))
    found = settle(used, allowance=allowance, banked=banked, bought=bought, sold=sold, decay=decay)
    covered = found.own + found.from_bank + found.from_bought
    assert covered + found.short == used
    assert allowance + sum(banked) + bought == sold + covered + found.banked + found.expired
    assert not (found.short and found.banked)
    assert all(isinstance(part, int) and part > 0 for part in found.bank)


@given(used=whole, allowance=whole, banked=vintages, bought=whole)
def test_what_is_kept_follows_the_formula(used: int, allowance: int, banked: list[int], bought: int) -> None:
    found = settle(used, allowance=allowance, banked=banked, bought=bought)
    assert found.banked == max(0, allowance + sum(banked) + bought - used)


@pytest.mark.parametrize("wrong", [math.nan, math.inf, -1])
def test_bad_input_is_one_sentence(wrong: float) -> None:
    for name in ("used", "allowance", "banked", "bought", "sold", "penalty", "decay"):
        given_values = {"used": 1, "allowance": 1, name: wrong}
        with pytest.raises(ValueError, match=f"{name} is .* from 0 up"):
            settle(given_values.pop("used"), **given_values)
    with pytest.raises(ValueError, match="between 0 and 1"):
        settle(1, allowance=1, decay=1.5)
    with pytest.raises(ValueError, match="keep"):
        settle(1, allowance=1, keep=0)
