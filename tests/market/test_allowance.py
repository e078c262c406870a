from __future__ import annotations

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_green.market.allowance import allowance, apportion, output, reserve, usable

names = st.text("abcdefgh", min_size=1, max_size=3)
outputs = st.dictionaries(names, st.none() | st.just(0.0) | st.floats(1e-3, 1e18), min_size=1, max_size=8)


def test_the_examples_of_the_rule() -> None:
    given_joules = allowance(output_flop=1e15, benchmark=2e-11, assistance=1)
    assert given_joules == pytest.approx(20_000)
    assert usable(given_joules, energy_per_flop=1e-11) == pytest.approx(2e15)
    assert usable(given_joules, energy_per_flop=4e-11) == pytest.approx(5e14)


@given(st.floats(1e-3, 1e18), st.floats(1e-15, 1e-6), st.floats(0.1, 10), st.floats(1e-15, 1e-6), st.floats(0, 1e20))
def test_flop_within_the_allowance_are_joules_within_it(o: float, b: float, c: float, e: float, x: float) -> None:
    joules = allowance(output_flop=o, benchmark=b, assistance=c)
    flop = usable(joules, energy_per_flop=e)
    if not math.isclose(x, flop, rel_tol=1e-9):
        assert (x <= flop) == (x * e <= joules)


def test_output_is_taken_over_only_where_it_is_fifteen_per_cent_away() -> None:
    assert output(100, [114, 114]) == 100
    assert output(100, [115, 115]) == 100
    assert output(100, [120, 112]) == pytest.approx(116)
    assert output(100, [80, 80]) == 80
    assert output(0, [7, 9]) == 8
    with pytest.raises(ValueError, match="no recent period"):
        output(1, [])


@given(st.integers(0, 10**15), outputs, st.floats(0, 1))
def test_the_parts_are_the_cap_and_nobody_is_below_the_floor(cap: int, known: dict[str, float], share: float) -> None:
    found = reserve(cap, outputs=known, share=share)
    assert sum(found.shares.values()) == cap
    assert all(part >= found.floor for part in found.shares.values())
    assert found.floor == math.floor(Fraction(share) * cap / len(known))


@given(st.integers(10**6, 10**12), st.dictionaries(names, st.floats(1, 1e6), min_size=1, max_size=8))
def test_a_newcomer_has_enough_from_its_first_day(cap: int, known: dict[str, float]) -> None:
    found = reserve(cap, outputs={**known, "newcomer": None})
    assert found.newcomers == ("newcomer",)
    assert found.shares["newcomer"] >= found.floor > 0
    assert found.shares["newcomer"] + 1 >= min(found.shares[name] for name in known)


def test_what_newcomers_leave_goes_back() -> None:
    found = reserve(1000, outputs={"old": 5.0, "new": None}, share=0.2)
    assert (found.floor, found.shares) == (100, {"old": 500, "new": 500})
    assert found.unspent({"new": 30, "old": 0}) == 70
    assert found.unspent({"new": 300}) == 0
    assert found.unspent({}) == 100


def test_a_group_of_newcomers_shares_evenly() -> None:
    assert reserve(10, outputs={"a": None, "b": None, "c": 0}).shares == {"a": 4, "b": 3, "c": 3}


@given(st.integers(0, 10**12), st.dictionaries(names, st.integers(0, 1000), min_size=1, max_size=8))
def test_whole_parts_add_up_and_are_within_one_of_their_share(whole: int, weights: dict[str, int]) -> None:
    total = sum(weights.values())
    if not total:
        if whole:
            with pytest.raises(ValueError, match="no member"):
                apportion(whole, weights)
        return
    parts = apportion(whole, weights)
    assert sum(parts.values()) == whole
    assert all(abs(parts[name] - Fraction(whole * weights[name], total)) < 1 for name in weights)


@pytest.mark.parametrize("wrong", [math.nan, math.inf, -1.0])
def test_bad_input_is_one_sentence(wrong: float) -> None:
    for name in ("output_flop", "benchmark", "assistance"):
        with pytest.raises(ValueError, match=f"{name} is .* from 0 up"):
            allowance(**{"output_flop": 1.0, "benchmark": 1.0, "assistance": 1.0, name: wrong})
    with pytest.raises(ValueError, match="above 0"):
        usable(1, energy_per_flop=0)
    with pytest.raises(ValueError, match="output of a"):
        reserve(10, outputs={"a": wrong})
    with pytest.raises(ValueError, match="no member"):
        reserve(10, outputs={})
    with pytest.raises(ValueError, match="in whole millijoules"):
        reserve(-1, outputs={"a": 1.0})
    with pytest.raises(ValueError, match="share"):
        reserve(10, outputs={"a": 1.0}, share=wrong if wrong > 0 else 2.0)
