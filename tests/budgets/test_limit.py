from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_green.budgets.limit import InvalidLimit, Limit


@pytest.mark.parametrize(
    ("text", "quantity", "amount", "currency"),
    [
        ("50Wh", "energy", 180_000, None),
        ("1.5 kJ", "energy", 1500, None),
        ("0.2kWh", "energy", 720_000, None),
        (".5 MJ", "energy", 5e5, None),
        ("1e3 J", "energy", 1e3, None),
        ("200g", "co2e", 200, None),
        ("1.2 kg", "co2e", 1200, None),
        ("3 EUR", "money", 3, "EUR"),
        ("€3.50", "money", 3.5, "EUR"),
        ("5USD", "money", 5, "USD"),
        ("5 mJ", "energy", 0.005, None),
        ("2mWh", "energy", 7.2, None),
    ],
)
def test_what_people_write(text: str, quantity: str, amount: float, currency: str | None) -> None:
    found = Limit.parse(text)
    assert (found.quantity, found.amount, found.currency) == (quantity, pytest.approx(amount), currency)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("50 whs", "did you mean 50Wh"),
        ("10 wh", "did you mean 10Wh"),
        ("5 KJ", "did you mean 5kJ"),
        ("10", "with its unit"),
        ("", "with its unit"),
        ("Wh", "with its unit"),
        ("ten Wh", "with its unit"),
        ("10 W", "with its unit"),
        ("5 $", "with its unit"),
        ("5 EURO", "with its unit"),
        ("1,000 Wh", "with its unit"),
        ("nan J", "with its unit"),
        ("-3 J", "out of range"),
        ("0 Wh", "out of range"),
        ("1e400 J", "out of range"),
        ("1e30 Wh", "out of range"),
        ("-2 EUR", "with its unit"),
    ],
)
def test_what_is_no_limit_is_one_sentence(text: str, why: str) -> None:
    with pytest.raises(InvalidLimit, match=rf"^[^\n]*{why}[^\n]*[.?]$"):
        Limit.parse(text)


@given(st.floats(1e-6, 1e11), st.sampled_from(["J", "kJ", "Wh", "kWh", "g", "kg"]))
def test_what_is_written_is_read_again(amount: float, unit: str) -> None:
    found = Limit.parse(f"{amount!r}{unit}")
    assert Limit.parse(str(found)) == found
    assert math.isfinite(found.amount)
