from __future__ import annotations

import math
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_green.impact import BadPue, BadTariff, Intensity, Tariff, UnknownRegion, Valuation, intensity
from jupyter_green.records import Component, EnergyRecord

KWH = 3_600_000.0
amounts = st.floats(min_value=0, max_value=1e12, allow_nan=False)


def record(joules: float | None) -> EnergyRecord:
    part = Component(
        kind="gpu",
        device="GPU 0",
        key="nvidia:GPU-1",
        joules=joules,
        uncertainty=None if joules is None else 0.05 * abs(joules),
        method="counter",
        quality="measured",
        scope="whole board",
        gain_uncertainty=0.0,
    )
    return EnergyRecord(components=(part,), seconds=1.0, started_at=0.0)


def test_nothing_set_changes_nothing():
    before = record(KWH)
    assert Valuation().value(before) is before
    assert Valuation(pue=1.5).value(before) is before
    assert not Valuation(pue=1.5).active
    assert Valuation().source is None
    assert Valuation().grams(KWH) is None
    assert Valuation().cost(KWH) is None


def test_a_kilowatt_hour_in_france():
    valued = Valuation("FRA", tariff="0.25 EUR/kWh").value(record(KWH))
    assert valued.co2e_grams == 56.039
    assert (valued.cost, valued.currency) == (0.25, "EUR")
    assert valued.joules == KWH
    for word in ("56.039 g CO2e/kWh", "France", "yearly average of 2023", "CC BY 4.0", "production mix", "PUE 1"):
        assert word in valued.co2e_source


def test_region_alone_and_tariff_alone():
    only_region = Valuation("Kenya").value(record(KWH))
    assert only_region.co2e_grams == 70.492
    assert only_region.cost is None
    assert only_region.currency is None
    only_tariff = Valuation(tariff="0.1 USD/kWh").value(record(KWH))
    assert only_tariff.cost == 0.1
    assert only_tariff.co2e_grams is None
    assert only_tariff.co2e_source is None


def test_poland_is_nine_times_kenya():
    ratio = Valuation("POL").grams(KWH) / Valuation("KEN").grams(KWH)
    assert round(ratio, 1) == 9.4


def test_pue_multiplies_grams_and_money_and_is_said():
    plain, site = Valuation("DEU", tariff="0.3 EUR/kWh"), Valuation("DEU", 1.58, "0.3 EUR/kWh")
    assert site.grams(KWH) == pytest.approx(1.58 * plain.grams(KWH), rel=1e-15)
    assert site.cost(KWH) == pytest.approx(0.474, rel=1e-15)
    assert "PUE 1.58" in site.source
    assert "PUE 1.58" not in plain.source


def test_no_reading_gets_no_amount_and_no_source():
    for joules in (None, -0.3):
        before = record(joules)
        assert Valuation("FRA", tariff="0.25 EUR/kWh").value(before) is before


def test_zero_joules_are_zero_grams():
    valued = Valuation("FRA", tariff="0.25 EUR/kWh").value(record(0.0))
    assert (valued.co2e_grams, valued.cost) == (0.0, 0.0)


def test_valued_records_survive_their_json():
    valued = Valuation("FRA", 1.2, "0.25 EUR/kWh").value(record(123.4))
    assert EnergyRecord.from_dict(valued.to_dict()) == valued


def test_valuing_twice_is_valuing_once():
    valuation = Valuation("FRA", 1.2, "0.25 EUR/kWh")
    once = valuation.value(record(123.4))
    assert valuation.value(once) == once


@given(amounts, amounts, st.sampled_from(["FRA", "POL", "WORLD"]), st.floats(min_value=1, max_value=5))
def test_amounts_are_linear_and_never_negative(a, b, region, pue):
    valuation = Valuation(region, pue, "0.31 EUR/kWh")
    for amount in (valuation.grams, valuation.cost):
        assert amount(a) >= 0
        assert math.isclose(amount(a) + amount(b), amount(a + b), rel_tol=1e-12, abs_tol=1e-300)
        assert math.isclose(amount(2 * a), 2 * amount(a), rel_tol=1e-12, abs_tol=1e-300)


@given(amounts)
def test_the_region_figure_is_the_tables(joules):
    expected = joules / KWH * intensity("ITA").grams_per_kwh
    assert math.isclose(Valuation("ITA").grams(joules), expected, rel_tol=1e-12, abs_tol=1e-300)


@pytest.mark.parametrize(
    "pue", [0.99, 0, -1, 5.01, math.nan, math.inf, "nan", "sNaN", "inf", "good", "", "1,2", True, "1e400"]
)
def test_a_bad_pue_is_one_sentence(pue):
    with pytest.raises(BadPue, match=r"from 1 to 5") as caught:
        Valuation("FRA", pue)
    assert str(caught.value).endswith(".")


@pytest.mark.parametrize("pue", [1, 1.0, "1.2", " 1.58 ", Decimal("1.1"), 5])
def test_a_good_pue_is_taken(pue):
    assert 1 <= Valuation("FRA", pue).pue <= 5


def test_a_figure_and_a_tariff_made_by_hand_are_taken():
    mine = Intensity("own", 12.5, None, "our roof")
    valued = Valuation(mine, tariff=Tariff(Decimal("0.07"), "EUR")).value(record(KWH))
    assert (valued.co2e_grams, valued.cost) == (12.5, 0.07)
    assert "our roof" in valued.co2e_source


def test_the_environment_is_read(monkeypatch):
    for name in ("JUPYTER_GREEN_REGION", "JUPYTER_GREEN_PUE", "JUPYTER_GREEN_TARIFF"):
        monkeypatch.delenv(name, raising=False)
    assert not Valuation.from_environment().active
    monkeypatch.setenv("JUPYTER_GREEN_REGION", "france")
    monkeypatch.setenv("JUPYTER_GREEN_PUE", "1.2")
    monkeypatch.setenv("JUPYTER_GREEN_TARIFF", "0.25 EUR/kWh")
    assert Valuation.from_environment() == Valuation("FRA", 1.2, "€0.25")


def test_blank_variables_set_nothing():
    blank = {"JUPYTER_GREEN_REGION": " ", "JUPYTER_GREEN_PUE": "", "JUPYTER_GREEN_TARIFF": "\t"}
    assert Valuation.from_environment(blank) == Valuation()


@pytest.mark.parametrize(
    ("name", "text", "fault"),
    [
        ("JUPYTER_GREEN_REGION", "Frence", UnknownRegion),
        ("JUPYTER_GREEN_PUE", "0.5", BadPue),
        ("JUPYTER_GREEN_TARIFF", "$1", BadTariff),
    ],
)
def test_a_bad_variable_is_named(name, text, fault):
    good = {"JUPYTER_GREEN_REGION": "FRA", "JUPYTER_GREEN_PUE": "1.2", "JUPYTER_GREEN_TARIFF": "€0.25"}
    with pytest.raises(fault, match=rf"^{name}: .*\.$"):
        Valuation.from_environment({**good, name: text})


def test_what_is_told_wins_over_the_environment():
    environment = {"JUPYTER_GREEN_REGION": "nowhere at all", "JUPYTER_GREEN_PUE": "1.2"}
    assert Valuation.from_environment(environment, region="FRA") == Valuation("FRA", 1.2)
    assert Valuation.from_environment({}, region="FRA", pue=1.3, tariff="€0.25") == Valuation("FRA", 1.3, "€0.25")
    with pytest.raises(BadPue, match=r"^A PUE"):
        Valuation.from_environment(environment, region="FRA", pue=0)


def test_valuations_compare_and_hash_by_value():
    assert Valuation("FRA", 1.2) == Valuation("fr", "1.2")
    assert len({Valuation("FRA", 1.2), Valuation("fr", "1.20")}) == 1


@pytest.mark.parametrize(
    ("wrong", "left", "said"),
    [
        ({}, Valuation("FRA", 1.2, "€0.25"), None),
        (
            {"JUPYTER_GREEN_REGION": "Atlantis"},
            Valuation(None, 1.2, "€0.25"),
            "No CO2e is shown: JUPYTER_GREEN_REGION: ",
        ),
        ({"JUPYTER_GREEN_TARIFF": "cheap"}, Valuation("FRA", 1.2), "No cost is shown: JUPYTER_GREEN_TARIFF: "),
        ({"JUPYTER_GREEN_PUE": "0.5"}, Valuation(), "No CO2e or cost is shown: JUPYTER_GREEN_PUE: "),
    ],
)
def test_what_can_not_be_used_is_left_out_and_said(wrong: dict[str, str], left: Valuation, said: str | None) -> None:
    names = [name.removeprefix("JUPYTER_GREEN_").lower() for name in wrong]
    good = {"JUPYTER_GREEN_REGION": "FRA", "JUPYTER_GREEN_PUE": "1.2", "JUPYTER_GREEN_TARIFF": "€0.25"}
    found, faults = Valuation.sound({**good, **wrong})
    assert found == left
    assert list(faults) == ([] if said is None else names)
    assert all(fault.startswith(said or "") for fault in faults.values())


def test_each_wrong_value_is_said() -> None:
    found, faults = Valuation.sound({"JUPYTER_GREEN_REGION": "Atlantis", "JUPYTER_GREEN_TARIFF": "cheap"})
    assert found == Valuation()
    assert set(faults) == {"region", "tariff"}
