"""Estimates from size against their golden vectors, and references that are never held against another boundary."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_green.impact.inference_estimate import by_score, by_token, size_of
from jupyter_green.impact.published_figures import BOARD, REFERENCES, SERVER, OtherBoundary, references, tasks


def test_golden_by_score() -> None:
    # The two figures are of the fit itself; its coefficients are known to three decimals only.
    for parameters, wh in ((1e9, 5.99), (7e9, 17.4)):
        assert by_score(parameters).joules / 3.6 == pytest.approx(wh, rel=4e-3)


def test_golden_by_token() -> None:
    assert by_token(8e9, 64).joules / 3600 == pytest.approx(4.50846e-5, rel=1e-5)
    assert by_token(8e9, 64).joules == pytest.approx(0.1623, abs=5e-5)
    assert by_token(70e9, 64).joules / 3600 == pytest.approx(8.03883e-5, rel=1e-5)


@given(st.floats(1e6, 1e13), st.floats(1, 512))
def test_bands_are_never_narrow_and_more_is_never_less(parameters: float, batch: float) -> None:
    for one, twice in (
        (by_score(parameters), by_score(2 * parameters)),
        (by_token(parameters, batch), by_token(2 * parameters, batch)),
    ):
        assert one.low <= one.joules / 1.4 + 1e-12
        assert one.high >= one.joules * 1.4 - 1e-12
        assert twice.joules >= one.joules


def test_outside_the_fit_it_says_so() -> None:
    assert "outside" not in by_score(7e9).source
    assert "outside" in by_score(5e3).source
    assert "outside" in by_score(1e12).source


@pytest.mark.parametrize(("text", "size"), [("7B", 7e9), ("135m", 135e6), ("7e9", 7e9), ("1.5T", 1.5e12)])
def test_sizes(text: str, size: float) -> None:
    assert size_of(text) == pytest.approx(size)


@pytest.mark.parametrize("text", ["", "large", "-7B", "nan", "0"])
def test_what_is_no_size(text: str) -> None:
    with pytest.raises(ValueError, match="parameters"):
        size_of(text)


def test_every_reference_has_boundary_and_source() -> None:
    assert all(one.boundary and one.source and one.wh_per_1000 > 0 for one in REFERENCES)
    within = [one.wh_per_1000 for one in references(boundary=SERVER)]
    assert max(within) / min(within) > 8000
    assert len(tasks()) >= 10


def test_boundaries_are_not_compared() -> None:
    server = references("text classification", boundary=SERVER)[0]
    assert server.times(4.6, SERVER) == pytest.approx(2)
    with pytest.raises(OtherBoundary, match="no ratio"):
        server.times(4.6, BOARD)
    assert {one.boundary for one in references("object detection")} == {SERVER, BOARD}
