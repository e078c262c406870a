from __future__ import annotations

import math
from dataclasses import replace
from decimal import Decimal, localcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_green.baselines.excess import Joules, excess
from jupyter_green.impact import BadTariff, Tariff, Valuation
from jupyter_green.pricing.price import TariffCard, price

money = st.decimals(0, 1000, places=6)
joules = st.floats(0, 1e12)
cards = st.builds(
    TariffCard,
    st.builds(Tariff, money, st.just("EUR")),
    pue=st.decimals(1, 5, places=3),
    per_gpu_hour=money,
    tax=money,
    allowance=money,
)


def test_each_term_is_its_own() -> None:
    card = TariffCard(Tariff(Decimal("0.25"), "EUR"), Decimal("1.2"), Decimal("2.5"), Decimal("0.3"), Decimal("0.05"))
    found = price(7.2e6, tariff=card, gpu_hours="0.5", excess=3.6e6, bought=3.6e6, sold=7.2e6)
    assert found.terms == {
        "electricity": Decimal("0.6"),
        "gpu_hours": Decimal("1.25"),
        "excess": Decimal("0.3"),
        "bought": Decimal("0.05"),
        "sold": Decimal("-0.1"),
    }
    assert (found.total, found.version, found.currency) == (Decimal("2.1"), card.version, "EUR")
    assert found.sentence() == (
        "2.1 EUR = electricity 0.6 + gpu hours 1.25 + excess 0.3 + bought 0.05 + sold -0.1 "
        f"(tariff version {card.version})."
    )


@given(
    card=cards, used=joules, above=joules, bought=joules, sold=joules, hours=st.floats(0, 1e6), places=st.integers(0, 4)
)
def test_the_terms_are_the_total_to_the_last_digit(
    *, card: TariffCard, used: float, above: float, bought: float, sold: float, hours: float, places: int
) -> None:
    found = price(used, tariff=card, gpu_hours=hours, excess=above, bought=bought, sold=sold)
    shown = found.rounded(places)
    with localcontext() as context:
        context.prec = 100
        assert sum(found.terms.values(), Decimal(0)) == found.total
        assert sum(shown.terms.values(), Decimal(0)) == shown.total
        step = Decimal(1).scaleb(-places)
        assert shown.total == found.total.quantize(step)
        assert all(abs(shown.terms[name] - found.terms[name]) <= step for name in found.terms)
        exact = Decimal(repr(used)) / 3_600_000 * card.pue * card.electricity.per_kwh
        assert abs(found.terms["electricity"] - exact) <= Decimal("1e-12")


@given(cards)
def test_a_card_comes_back_as_it_was(card: TariffCard) -> None:
    assert TariffCard.from_dict(card.to_dict()) == card
    assert TariffCard.from_dict(card.to_dict()).version == card.version


def test_a_version_changes_with_every_term_and_with_nothing_else() -> None:
    card = TariffCard(Tariff(Decimal("0.25"), "EUR"), Decimal("1.2"))
    assert card.version == TariffCard(Tariff(Decimal("0.250"), "EUR"), Decimal("1.20")).version
    assert card.version == Valuation(pue="1.2", tariff="0.25 EUR/kWh").tariff_version
    others = [
        TariffCard(Tariff(Decimal("0.26"), "EUR"), Decimal("1.2")),
        TariffCard(Tariff(Decimal("0.25"), "USD"), Decimal("1.2")),
        TariffCard(Tariff(Decimal("0.25"), "EUR"), Decimal("1.3")),
        *(replace(card, **{name: Decimal(1)}) for name in ("per_gpu_hour", "tax", "allowance")),
    ]
    assert len({card.version, *(other.version for other in others)}) == 7


def test_an_excess_that_is_not_told_apart_costs_nothing() -> None:
    card = TariffCard(Tariff(Decimal("0.25"), "EUR"), tax=Decimal(1))
    unsure = excess(Joules(210, 15), units=100, baseline=2)
    assert price(210, tariff=card, excess=unsure).terms["excess"] == 0


def test_a_currency_is_never_converted() -> None:
    assert price(3.6e6, tariff="0.25 EUR/kWh", currency="eur").total == Decimal("0.25")
    with pytest.raises(BadTariff, match="in EUR and not in USD; nothing is converted"):
        price(1, tariff="0.25 EUR/kWh", currency="USD")


@pytest.mark.parametrize("wrong", [math.nan, math.inf, -1.0])
def test_bad_input_is_one_sentence(wrong: float) -> None:
    with pytest.raises(ValueError, match="from 0 up"):
        price(wrong, tariff="1 EUR/kWh")
    with pytest.raises(ValueError, match="gpu_hours is"):
        price(1, tariff="1 EUR/kWh", gpu_hours=wrong)
    with pytest.raises(ValueError, match="tax is"):
        TariffCard(Tariff(Decimal(1), "EUR"), tax=Decimal(str(wrong)))
    with pytest.raises(ValueError, match="pue is"):
        TariffCard(Tariff(Decimal(1), "EUR"), pue=Decimal("0.9"))
    with pytest.raises(ValueError, match="too large"):
        price(1e300, tariff="1 EUR/kWh")
    with pytest.raises(ValueError, match="not a tariff card"):
        TariffCard.from_dict({"currency": "EUR"})
