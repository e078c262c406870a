"""Sentences about baselines: signs as on the page, bounds where nothing can be told from nothing."""

from __future__ import annotations

from jupyter_green.baselines.baseline import Baseline
from jupyter_green.baselines.comparison import BaselineDifference
from jupyter_green.baselines.messages import amount, difference, difference_sentence
from tests.support.sample_cells import cell

FIGURES = {"baseline": 100.0, "baseline_uncertainty": 4.0, "difference": -38.0, "difference_uncertainty": 6.0}


def test_a_proven_difference_bears_its_sign() -> None:
    less = BaselineDifference("less", saved=38.0, **FIGURES)
    assert difference(less) == "−38 %"
    assert difference_sentence(less, 3) == (
        "38 J ± 6 less (−38 %) over the 3 cells that can be compared, baseline 100 J ± 4. Saved: 38 J ± 6."
    )
    assert (
        difference(BaselineDifference("more", edited=True, **{**FIGURES, "difference": 27.4})) == "+27 %, code changed"
    )


def test_what_is_not_proven_is_a_bound() -> None:
    nothing = BaselineDifference("unproven", **{**FIGURES, "difference": 0.0, "difference_uncertainty": 8e-6})
    assert difference_sentence(nothing, 1).startswith("No proven difference (≤ 8 µJ either way) over the 1 cell")


def test_a_baseline_below_the_resolution_is_a_bound() -> None:
    found = Baseline.of_run([cell(0.0, random=0.4)], "last")
    assert found is not None
    assert amount(found) == "≤ 0.4 J measured"
