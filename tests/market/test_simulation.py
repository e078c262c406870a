from __future__ import annotations

import math
from decimal import Decimal, localcontext

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jupyter_green.market.equilibrium import clearing_price, unlimited
from jupyter_green.market.simulation import CAVEATS, Member, auction, simulate

groups = st.lists(
    st.builds(
        Member,
        name=st.uuids().map(str),
        k=st.floats(0.1, 3),
        a=st.floats(1e-4, 1),
        joules_per_unit=st.floats(0.01, 1e3),
        allowance=st.integers(0, 10**7),
    ),
    min_size=1,
    max_size=6,
)


@settings(max_examples=60)
@given(
    members=groups,
    periods=st.integers(1, 4),
    penalty=st.floats(1e-3, 10),
    tightening=st.floats(0, 0.5),
    decay=st.floats(0, 1),
    keep=st.none() | st.just(2),
)
def test_no_millijoule_is_lost_or_made(
    *, members: list[Member], periods: int, penalty: float, tightening: float, decay: float, keep: int | None
) -> None:
    done = simulate(members, periods=periods, penalty=penalty, tightening=tightening, decay=decay, keep=keep)
    banks = dict.fromkeys((member.name for member in members), 0)
    for period in done.periods:
        assert 0 <= period.price <= penalty
        assert sum(line.bought for line in period.lines) == sum(line.sold for line in period.lines) == period.traded
        with localcontext() as context:
            context.prec = 100
            assert sum((line.paid for line in period.lines), Decimal(0)) == 0
        for line in period.lines:
            assert line.banked == banks[line.name]
            covered = line.used - line.short
            assert line.allowance + line.banked + line.bought == line.sold + covered + line.expired + line.kept
            assert min(line.bought, line.sold) == 0
            assert line.used <= line.free
            assert line.fine == pytest.approx(line.short / 1000 * penalty)
            banks[line.name] = line.kept
        if not period.price:
            assert period.traded == 0
            assert "Nothing was traded" in period.sentence
            assert "price is 0" in period.sentence
    assert 0 <= done.reduction <= 1


@given(groups, st.floats(1e-3, 10))
def test_the_price_is_the_lowest_that_clears(members: list[Member], penalty: float) -> None:
    supply = sum(member.allowance for member in members)
    price = auction(members, supply, penalty)

    def wanted(at: float) -> int:
        return sum(member.wanted(at) for member in members)

    if price == 0:
        assert wanted(0) <= supply
    elif price == penalty:
        assert wanted(penalty) >= supply
    else:
        assert wanted(price) <= supply < wanted(price * (1 - 1e-9))
    grid = [penalty * n / 200 for n in range(201)]
    clear = [at for at in grid if wanted(at) <= supply]
    assert not clear or price <= clear[0]


@given(st.floats(0.2, 3), st.floats(1e-3, 0.1), st.integers(1, 5), st.floats(0.5, 5))
def test_equal_members_find_the_closed_form(k: float, a: float, count: int, each: float) -> None:
    members = [Member(str(n), k, a, 1.0, round(1000 * each)) for n in range(count)]
    expected = clearing_price(each, k=k, a=a)
    found = simulate(members, penalty=1e6).periods[0]
    assert found.price == pytest.approx(expected, rel=1e-2, abs=1e-3)
    assert sum(line.used for line in found.lines) / 1000 == pytest.approx(
        count * unlimited(k=k, a=a, b=expected), rel=1e-2, abs=0.01
    )


def test_the_wasteful_buy_from_the_thrifty() -> None:
    thrifty, wasteful = Member("thrifty", 1, 0.01, 1.0, 5000), Member("wasteful", 1, 0.01, 3.0, 5000)
    period = simulate([thrifty, wasteful], penalty=1).periods[0]
    first, second = period.lines
    assert first.sold > 0
    assert second.bought == first.sold
    assert second.paid == -first.paid > 0


def test_what_is_left_in_a_slack_period_is_there_in_a_tight_one() -> None:
    done = simulate([Member("a", 1, 0.01, 1.0, 15_000)], periods=3, penalty=1, tightening=0.6)
    assert [period.price > 0 for period in done.periods] == [False, False, True]
    assert [period.lines[0].banked for period in done.periods] == [0, 5000, 1000]


def test_with_plenty_nothing_is_traded_and_nothing_saved() -> None:
    done = simulate([Member("a", 1, 0.01, 1.0, 10**6), Member("b", 1, 0.01, 2.0, 10**6)], penalty=1)
    assert (done.reduction, done.periods[0].price, done.periods[0].traded) == (0, 0, 0)
    assert "nobody gains from selling" in done.periods[0].sentence
    assert done.caveats == CAVEATS


def test_who_is_short_beside_plenty_keeps_to_its_own_or_pays() -> None:
    rich, poor = Member("rich", 1, 0.01, 1.0, 10**6), Member("poor", 1, 0.01, 1.0, 5000)
    period = simulate([rich, poor], penalty=1).periods[0]
    assert (period.price, period.lines[1].used, period.lines[1].short) == (0, 5000, 0)
    paying = simulate([rich, poor], penalty=0.001).periods[0].lines[1]
    assert (paying.short, paying.used) == (paying.used - 5000, poor.wanted(0.001))


@pytest.mark.parametrize("wrong", [math.nan, math.inf, -1.0])
def test_bad_input_is_one_sentence(wrong: float) -> None:
    one = Member("a", 1, 0.01, 1.0, 5000)
    with pytest.raises(ValueError, match="penalty is"):
        simulate([one], penalty=wrong)
    for name in ("k", "a", "joules_per_unit"):
        with pytest.raises(ValueError, match=f"{name} of a is"):
            Member(**{**vars(one), name: wrong})
    with pytest.raises(ValueError, match="whole millijoules"):
        Member("a", 1, 0.01, 1.0, -5)
    with pytest.raises(ValueError, match="distinct names"):
        simulate([one, one], penalty=1)
    with pytest.raises(ValueError, match="periods is"):
        simulate([one], periods=0, penalty=1)
    with pytest.raises(ValueError, match="tightening is"):
        simulate([one], penalty=1, tightening=wrong if wrong < 0 else 2.0)
