"""SCI against the standard's figures, and what it refuses."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_green.disclose import DiscloseError, sci, training_share
from jupyter_green.impact import Valuation, embodied_share, reusable_heat
from tests.disclose.sample import cpu, gpu, record


def test_embodied_golden() -> None:
    share = embodied_share(1000, reserved_seconds=3600, life_years=4)
    assert share.grams == pytest.approx(28.5, abs=0.05)
    assert share.low < share.grams < share.high


def test_training_golden() -> None:
    # The draft's summary says 0.13 g per million tokens; 6,500 kg over 50e9 tokens are 130 g.
    assert training_share(6_500_000, units=50e9 / 1e6, unit="million tokens").grams == pytest.approx(130)
    assert training_share(200e6, units=5e22 / 1e15, unit="PFLOP").grams == pytest.approx(4)


def test_the_formula() -> None:
    found = sci(3.6e6, 400.0, units=1000, unit="query", embodied=100.0, pue=1.5)
    assert found.grams == pytest.approx((1 * 1.5 * 400 + 100) / 1000)
    assert found.kilowatt_hours == pytest.approx(1.5)
    assert found.quality == "estimated"


def test_a_record_brings_interval_boundary_and_unit() -> None:
    found = sci(record(gpu(), cpu(), units=100.0, unit="images"), Valuation("100 g/kWh", 2))
    assert found.grams == pytest.approx(5400 / 3.6e6 * 2 * 100 / 100)
    assert found.low < found.grams < found.high
    assert "whole board" in found.boundary
    assert found.quality == "estimated"
    assert any("lower bound" in note for note in found.notes)
    assert "SCI" in repr(found)
    assert "images" in repr(found)


@given(st.floats(0, 1e9), st.floats(0, 2000), st.floats(1, 1e9), st.floats(0, 1e6))
def test_more_energy_or_hardware_is_never_less(joules: float, grams: float, units: float, embodied: float) -> None:
    found = sci(joules, grams, units=units, unit="token", embodied=embodied)
    assert found.low <= found.grams * (1 + 1e-9)
    assert found.grams <= found.high * (1 + 1e-9)
    assert sci(2 * joules, grams, units=units, unit="token", embodied=embodied).grams >= found.grams


@pytest.mark.parametrize(
    "options",
    [
        {"units": None, "unit": "token"},
        {"units": 10, "unit": None},
        {"units": 0, "unit": "token"},
        {"units": 10, "unit": "token", "intensity": None},
        {"units": 10, "unit": "token", "intensity": -1.0},
        {"units": 10, "unit": "token", "embodied": -1.0},
        {"units": 10, "unit": "token", "pue": 0.5},
    ],
)
def test_what_is_refused(options: dict[str, object]) -> None:
    intensity = options.pop("intensity", 100.0)
    with pytest.raises(DiscloseError):
        sci(100.0, intensity, **options)  # type: ignore[arg-type]  # wrong on purpose


def test_without_a_reading_there_is_no_sci() -> None:
    with pytest.raises(DiscloseError, match="no reading"):
        sci(record(gpu(None), units=1.0, unit="x"), 100.0)


def test_heat_is_bounded() -> None:
    assert reusable_heat(1000.0) == pytest.approx(700.0)
    with pytest.raises(ValueError, match="share"):
        reusable_heat(1000.0, 2)
    with pytest.raises(ValueError, match="reserved"):
        embodied_share(1.0, reserved_seconds=-1)


def test_what_is_too_small_to_read_is_told_per_million_with_its_band() -> None:
    said = repr(sci(0.1, 500.0, units=1000, unit="query", embodied=None))
    assert said.startswith("SCI 14 mg CO₂e per million × query (0.014 to 0.014 g)"), said
