from __future__ import annotations

import math

import pytest

from jupyter_green.impact import water

KWH = 3_600_000.0


def test_golden_vector_without_a_double_pue():
    found = water(KWH, "WORLD", site=0.3, pue=1.2)
    assert found.site_litres == pytest.approx(0.3)
    assert found.grid_litres == pytest.approx(4.6896)
    assert round(found.litres, 2) == 4.99


@pytest.mark.parametrize(("region", "litres"), [("WORLD", 3.908), ("usa", 3.1321), ("FRA", 3.6737), ("CHN", 6.0065)])
def test_one_kilowatt_hour_on_ones_own_machine(region, litres):
    found = water(KWH, region)
    assert found.litres == found.grid_litres == litres
    assert f"{litres:g}" in found.source


def test_a_figure_of_ones_own():
    found = water(2 * KWH, 1.5)
    assert found.litres == 3.0
    assert "given by you" in found.source


@pytest.mark.parametrize(
    ("joules", "grid", "options"),
    [
        (-1.0, "FRA", {}),
        (KWH, "DEU", {}),
        (KWH, -1.0, {}),
        (KWH, "FRA", {"pue": 0.9}),
        (KWH, "FRA", {"pue": math.nan}),
        (KWH, "FRA", {"site": -0.1}),
    ],
)
def test_bad_input_is_one_sentence(joules, grid, options):
    with pytest.raises(ValueError, match=r"\.$"):
        water(joules, grid, **options)
