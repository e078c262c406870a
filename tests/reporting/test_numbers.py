"""The rules of number hold for every number, and the mock's examples come out as drawn."""

from __future__ import annotations

import math
import re
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_green.reporting import numbers

POSITIVE = st.floats(1e-6, 1e12)


def value_of(written: str) -> Decimal:
    return Decimal(written.replace(",", "").replace(numbers.MINUS, "-"))


@pytest.mark.parametrize(
    ("joules", "uncertainty", "written"),
    [
        (12.4, 0.6, "12.4 J ± 0.6"),
        (4.1, 0.2, "4.1 J ± 0.2"),
        (1.94, 0.15, "1.94 J ± 0.15"),
        (20, 8, "20 J ± 8"),
        (99, 0.96, "99.0 J ± 1.0"),
        (99, 0.196, "99.0 J ± 0.2"),
        (0.31, 0.02, "0.31 J ± 0.02"),
        (0.0085, 0.0004, "8.5 mJ ± 0.4"),
        (999.96, 0.6, "1.0000 kJ ± 0.0006"),
        (1240, 40, "1.24 kJ ± 0.04"),
        (6.4e6, 2e5, "6.4 MJ ± 0.2"),
        (1240e6, 40e6, "1,240 MJ ± 40"),
        (570, None, "570 J"),
        (573.21, None, "570 J"),
        (-0.52, 0.11, "−0.52 J ± 0.11"),
        (-0.001, 0.2, "0.0 J ± 0.2"),
        (None, None, "–"),
        (float("nan"), 1.0, "–"),
        (float("inf"), 1.0, "–"),
        (5.0, float("inf"), "5.0 J"),
        (5.0, 0.0, "5.00 J ± 0.00"),
    ],
)
def test_energy_is_written_by_the_rules(joules, uncertainty, written):
    amount = str(numbers.energy(joules, uncertainty))
    assert numbers.plain(amount).removesuffix(" J" if written == "–" else "") == written


@given(POSITIVE, POSITIVE)
def test_the_uncertainty_has_one_digit_or_two_where_the_first_is_1(joules, uncertainty):
    amount = numbers.energy(joules, uncertainty)
    if amount.decimals >= 9 or amount.uncertainty is None:
        return
    digits = amount.uncertainty.replace(",", "").replace(".", "").lstrip("0")
    kept = digits[: len(digits) + min(0, amount.decimals)]
    assert len(kept) == (2 if kept[0] == "1" else 1)


@given(POSITIVE, POSITIVE)
def test_the_value_ends_on_the_digit_of_its_uncertainty(joules, uncertainty):
    amount = numbers.energy(joules, uncertainty)
    assert amount.uncertainty is not None
    assert len(amount.value.partition(".")[2]) == len(amount.uncertainty.partition(".")[2])
    step = Decimal(1).scaleb(-amount.decimals)
    for written, joule in ((amount.value, joules), (amount.uncertainty, uncertainty)):
        exact = Decimal(joule) / Decimal(amount.unit.joules)
        if "e" not in written:  # half a step, and what dividing a double loses
            assert abs(value_of(written) - exact) <= step / 2 + exact * Decimal("1e-15")


@given(st.floats(0.01, 1e9))
def test_the_unit_keeps_values_below_a_thousand(joules):
    amount = numbers.energy(joules)
    assert abs(value_of(amount.value)) < 1000 or amount.unit.symbol == "MJ"


@given(st.floats(allow_nan=True, allow_infinity=True), st.integers(-320, 320))
def test_any_number_is_written_somehow(value, decimals):
    for written in (
        numbers.fixed(value, decimals),
        numbers.significant(value),
        numbers.seconds(value),
        numbers.watts(value),
        numbers.watt_hours(value),
        numbers.carbon(value),
        numbers.money(value, "EUR"),
        numbers.price(value, "EUR"),
        numbers.percent(value),
        numbers.whole_percent(value),
        str(numbers.energy(value, abs(value))),
        numbers.at_most(value if math.isfinite(value) else 0.0),
    ):
        assert written
        assert "nan" not in written.lower()
        assert "inf" not in written.lower()
        assert "-" not in written  # the true minus only


@given(POSITIVE)
def test_bounds_stay_bounds(joules):
    upper, lower = numbers.at_most(joules), numbers.at_least(joules)
    for bound, holds in ((upper, Decimal.__ge__), (lower, Decimal.__le__)):
        _, figure, symbol = bound.split(numbers.THIN)
        size = dict(numbers._ENERGY)[symbol]
        shown, exact = value_of(figure) * Decimal(str(size)), Decimal(joules)
        assert holds(shown, exact * (Decimal(1) + Decimal("1e-12") * (-1 if bound is upper else 1)))
        assert abs(shown / exact - 1) < (Decimal("1.0001") if bound is upper else Decimal("0.1001"))


@pytest.mark.parametrize(
    ("seconds", "written"),
    [
        (0.0004, "0.4 ms"), (0.021, "21 ms"), (0.00996, "10 ms"), (0.9996, "1.00 s"), (1.83, "1.83 s"),
        (1.996, "2.0 s"), (5.5, "5.5 s"), (9.96, "10 s"), (28, "28 s"), (125, "2 min 5 s"), (120, "2 min"),
        (3599.9, "1 h"), (3600, "1 h"),
        (3840, "1 h 4 min"), (2e-5, "20 µs"), (0, "0 ms"), (None, "–"), (-1.0, "–"), (float("nan"), "–"),
        (9e6, "2,500 h"),
    ],
)  # fmt: skip
def test_durations(seconds, written):
    assert numbers.plain(numbers.seconds(seconds)) == written


@pytest.mark.parametrize(
    ("call", "written"),
    [
        (numbers.watt_hours(12.4), "3.4 mWh"),
        (numbers.watt_hours(1200.0), "0.33 Wh"),
        (numbers.watt_hours(3.6e9), "1.0 MWh"),
        (numbers.carbon(0.19e-3), "0.19 mg CO₂e"),
        (numbers.carbon(1e-9), "1.0 mg CO₂e per million runs"),
        (numbers.carbon(0.0), "0 g CO₂e"),
        (numbers.carbon(5.2e9), "5,200 t CO₂e"),
        (numbers.money(0.86e-6, "EUR"), "€0.86 per million runs"),
        (numbers.money(0.00086, "USD"), "$0.86 per 1,000 runs"),
        (numbers.price(1.85e-6, "EUR"), "€0.0000019"),
        (numbers.price(0.00639, "EUR"), "€0.0064"),
        (numbers.price(12.3, "EUR"), "€12.30"),
        (numbers.price(0, "EUR"), "€0.00"),
        (numbers.price(None, "EUR"), numbers.ABSENT),
        (numbers.money(1234.5, "GBP"), "£1,234.50"),
        (numbers.money(0.0, "EUR"), "€0.00"),
        (numbers.money(1e-12, "EUR"), "less than €0.10 per million runs"),
        (numbers.money(-2.0, "EUR"), "−€2.00"),
        (numbers.money(0.12, "CHF"), "0.12 CHF"),
        (numbers.money(0.12, None), "0.12"),
        (numbers.percent(0.41), "40 %"),
        (numbers.percent(0.125), "13 %"),
        (numbers.percent(1.3), "130 %"),
        (numbers.whole_percent(0.9999), "> 99 %"),
        (numbers.whole_percent(0.001), "< 1 %"),
        (numbers.whole_percent(0.85), "85 %"),
        (numbers.watts(347.0), "350 W"),
        (numbers.watts(0.66), "0.66 W"),
    ],
)
def test_other_quantities(call, written):
    assert numbers.plain(call) == written


@given(st.floats(1e-13, 1e6))
def test_money_that_is_not_zero_is_never_written_as_zero(amount):
    assert re.search("[1-9]", numbers.money(amount, "EUR").partition("per")[0])


def test_a_column_keeps_one_unit_that_suits_every_row():
    assert numbers.unit_of_column([(1.24e6, 4e4)]).symbol == "MJ"
    assert numbers.unit_of_column([(1.24e6, 4e4), (900.0, 400.0)]).symbol == "kJ"
    assert numbers.unit_of_column([(1.24e6, 4e4), (12.4, 0.6)]).symbol == "J"
    assert numbers.unit_of_column([(12.4, 1e-9)]).symbol == "J"
    assert numbers.unit_of_column([(None, None), (float("nan"), 1.0)]).symbol == "J"


def test_a_part_too_small_for_its_block_keeps_a_digit_of_its_own():
    kilojoule = numbers.Unit("kJ", 1000.0)
    assert numbers.plain(numbers.energy_within(120.0, 2, kilojoule)) == "0.12 kJ"
    assert numbers.plain(numbers.energy_within(0.3, 2, kilojoule)) == "0.30 J"
    assert numbers.plain(numbers.energy_within(0.0, 2, kilojoule)) == "0.00 kJ"
