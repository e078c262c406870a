from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_green.impact import EQUIVALENTS, equivalents

KWH = 3_600_000.0


def amounts(**given: object) -> dict[str, float]:
    return {found.name: found.amount for found in equivalents(**given)}


def test_golden_vectors():
    assert amounts(grams=250.0)["car"] == pytest.approx(2.32558, abs=5e-6)
    assert amounts(joules=0.012 * KWH)["phone"] == pytest.approx(1.0, rel=1e-12)
    assert amounts(grams=409.0)["us-car"] == 1.0
    assert amounts(grams=97.0)["tv"] == 1.0
    assert amounts(grams=160_580.0)["us-home"] == 1.0


def test_energy_needs_no_region_and_co2e_is_left_out_without_one():
    assert set(amounts(joules=KWH)) == {"phone"}
    assert "car" not in amounts(joules=KWH)
    assert equivalents() == ()


def test_what_was_not_checked_is_off_until_asked_for():
    unchecked = {factor.name for factor in EQUIVALENTS if not factor.verified}
    assert unchecked == {"laptop", "phone-epa"}
    assert not unchecked & set(amounts(joules=KWH, grams=1.0))
    assert unchecked <= set(amounts(joules=KWH, grams=1.0, unverified=True))
    assert amounts(joules=0.06 * KWH, only=["laptop"]) == {"laptop": pytest.approx(1.0)}
    assert all("not verified" in factor.source for factor in EQUIVALENTS if not factor.verified)


def test_each_can_be_chosen_and_each_has_its_source():
    assert set(amounts(joules=KWH, grams=1.0, only=["car"])) == {"car"}
    assert equivalents(joules=KWH, only=[]) == ()
    assert equivalents(joules=KWH, only=iter(["phone"]))[0].source
    for found in equivalents(joules=KWH, grams=1.0, unverified=True):
        assert any(letter.isdigit() for letter in found.source)
        assert found.unit in str(found)


def test_an_unknown_name_is_said():
    with pytest.raises(ValueError, match="choose from phone, car"):
        equivalents(joules=1.0, only=["elephant"])


@pytest.mark.parametrize("bad", [-1.0, math.nan, math.inf])
def test_bad_amounts_are_refused(bad):
    with pytest.raises(ValueError, match="finite number"):
        equivalents(joules=bad)
    with pytest.raises(ValueError, match="finite number"):
        equivalents(grams=bad)


@given(st.floats(min_value=0, max_value=1e12))
def test_linear_and_never_negative(joules):
    one, two = amounts(joules=joules, grams=joules), amounts(joules=2 * joules, grams=2 * joules)
    for name, value in one.items():
        assert value >= 0
        assert math.isclose(two[name], 2 * value, rel_tol=1e-12, abs_tol=1e-300)
