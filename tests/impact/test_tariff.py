from __future__ import annotations

import decimal
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_green.impact import BadTariff, Tariff


@pytest.mark.parametrize(
    ("text", "price", "currency"),
    [
        ("0.25 EUR/kWh", "0.25", "EUR"),
        ("€0.25", "0.25", "EUR"),
        ("0,25 €/kWh", "0.25", "EUR"),
        ("0.25€", "0.25", "EUR"),
        ("eur 0.25 per kWh", "0.25", "EUR"),
        ("0.25 EUR / KWH", "0.25", "EUR"),
        ("US$ 0.15/kWh", "0.15", "USD"),
        ("£0.245 per kWh", "0.245", "GBP"),
        ("250 EUR/MWh", "0.25", "EUR"),
        ("31 JPY/kWh", "31", "JPY"),
        ("0,255 EUR/kWh", "0.255", "EUR"),
        ("0.99 zł/kWh", "0.99", "PLN"),
        ("0 EUR/kWh", "0", "EUR"),
        ("  1 CHF ", "1", "CHF"),
    ],
)
def test_prices_are_read_exactly(text, price, currency):
    tariff = Tariff.parse(text)
    assert tariff.per_kwh == Decimal(price)
    assert tariff.currency == currency


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("", "can't be read"),
        ("cheap", "can't be read"),
        ("0.25", "names no currency"),
        ("0.25/kWh", "names no currency"),
        ("$0.25", "0.25 USD/kWh"),
        ("0.25 $/kWh", "0.25 USD/kWh"),
        ("25 ct/kWh", "0.25 EUR/kWh"),
        ("¥30", "more than one currency"),
        ("€0.25 USD", "names two currencies"),
        ("0.25 ERU/kWh", "did you mean EUR"),
        ("0.25 kWh", "not a currency code"),
        ("-0.25 EUR/kWh", "negative"),
        ("1,234 EUR/kWh", "ambiguous"),
        ("1.234,5 EUR/kWh", "ambiguous"),
        ("0.2.5 EUR", "ambiguous"),
        ("nan EUR/kWh", "can't be read"),
        ("inf EUR", "can't be read"),
        ("0.25 EUR/hour", "not per kWh"),
        ("0.25 EUR per day", "not per kWh"),
        ("0.25 EUR/kW", "not per kWh"),
        ("1e-1 EUR", "can't be read"),
    ],
)
def test_a_bad_price_is_one_sentence_that_says_what_to_write(text, hint):
    with pytest.raises(BadTariff) as caught:
        Tariff.parse(text)
    message = str(caught.value)
    assert hint in message
    assert message.endswith(".")
    assert "\n" not in message


@pytest.mark.parametrize("price", ["-1", "NaN", "Infinity"])
def test_a_price_made_by_hand_is_checked_too(price):
    with pytest.raises(BadTariff):
        Tariff(Decimal(price), "EUR")
    with pytest.raises(BadTariff):
        Tariff(Decimal("0.1"), "eur")


def test_cost_is_exact_decimal():
    tariff = Tariff.parse("0.1 EUR/kWh")
    assert tariff.cost(3_600_000) == Decimal("0.1")
    assert sum(tariff.cost(3_600_000) for _ in range(3)) == Decimal("0.3")  # floats would give 0.30000000000000004
    assert tariff.cost(1_800_000, Decimal("1.5")) == Decimal("0.075")


def test_the_notebooks_own_decimal_settings_change_nothing():
    tariff = Tariff.parse("0.2537 EUR/kWh")
    expected = tariff.cost(1234.5678)
    with decimal.localcontext() as context:
        context.prec = 2
        context.traps[decimal.Inexact] = True
        assert tariff.cost(1234.5678) == expected
        assert Tariff.parse("253.7 EUR/MWh") == tariff


@given(st.decimals(min_value=0, max_value=10_000, places=6), st.sampled_from(["EUR", "USD", "INR"]))
def test_a_printed_tariff_reads_back(price, currency):
    tariff = Tariff(price, currency)
    assert Tariff.parse(str(tariff)) == tariff


@given(st.floats(min_value=0, max_value=1e12), st.floats(min_value=0, max_value=1e12))
def test_more_energy_never_costs_less(a, b):
    tariff = Tariff.parse("0.31 EUR/kWh")
    low, high = sorted((a, b))
    assert 0 <= tariff.cost(low) <= tariff.cost(high)


@pytest.mark.parametrize("joules", [-1.0, float("nan"), float("inf")])
def test_an_amount_that_is_none_is_refused(joules):
    with pytest.raises(ValueError, match="finite number"):
        Tariff.parse("0.31 EUR/kWh").cost(joules)
