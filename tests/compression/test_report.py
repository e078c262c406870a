"""What a result says: each figure with what it was found on, and nothing claimed that is not proven."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

import jupyter_green as green
from jupyter_green.compression.cost.cost_meter import POWER_DIFFERENCE
from jupyter_green.compression.cost.ratio import Ratio
from jupyter_green.compression.cost.trial import Cost
from jupyter_green.compression.data.splits import splits_of
from jupyter_green.compression.errors import ShrinkError
from jupyter_green.compression.model.source_model import source_model_of
from jupyter_green.compression.quality.loss import counted
from jupyter_green.compression.reasons import Reason
from jupyter_green.compression.recipes.recipe import RecipeResult
from jupyter_green.compression.report.pareto_plot import pareto
from jupyter_green.compression.report.shrink_report import _less_or_more
from jupyter_green.compression.report.slider import slider
from jupyter_green.compression.result import ResultRow, ShrinkResult
from jupyter_green.compression.result_details import ParetoPoint, ResultDetails
from jupyter_green.compression.search.candidate import FinalEvaluation
from jupyter_green.compression.search.final_evaluation import evaluate_shortlist
from tests.compression.test_shrink import entry, searching
from tests.support import models

PROVEN = Reason("proven", examples=2000)


def test_more_than_in_bf16_is_called_more() -> None:
    assert _less_or_more(Ratio(0.5, 0.45, 0.55, 9)) == "2.0× (1.82–2.2) less"
    assert _less_or_more(Ratio(1.25, 1.2, 1.3, 9)) == "1.25× (1.20–1.30) more"


def told(points_model: Any, **changes: Any) -> ShrinkResult:
    """Return a result with figures that are known."""
    original = source_model_of(points_model)
    loss, chosen = counted(9, 3, 2000), counted(2, 2, 900)
    ratio = Ratio(0.2, 0.14, 0.28, 12)
    half, small = torch.nn.Linear(12, 3), torch.nn.Linear(12, 3)
    facts = ResultDetails(
        original,
        RecipeResult(small),
        "accuracy",
        "points",
        0.01,
        "batch 1",
        scores=(0.913, 0.910),
        examples=2000,
        interval=loss,
        split=(Ratio(0.5, 0.49, 0.51, 12), Ratio(0.4, 0.39, 0.41, 12)),
        cpu=Ratio(0.2, 0.19, 0.21, 12),
        against_bf16=Ratio(0.4, 0.38, 0.42, 12),
        chosen_by=(900, 0.921),
        front=(
            ParetoPoint("gentle", RecipeResult(half), Ratio(0.5, 0.4, 0.6, 9), chosen),
            ParetoPoint("small", RecipeResult(small), ratio, loss),
        ),
        inspected="Saved and loaded in a fresh process.",
    )
    cost = {"original": Cost(None, None, 0.010, 0.010), "small": Cost(None, None, 0.002, 0.002)}
    rows = [
        ResultRow(
            "original",
            "reference",
            Reason("reference", detail="float32"),
            Ratio(1, 1, 1, 0),
            None,
            0.913,
            cost["original"],
            100,
            judged=True,
        ),
        ResultRow("small", "kept", PROVEN, ratio, loss, 0.910, cost["small"], 30, runtime="ONNX Runtime", judged=True),
        ResultRow(
            "gentle",
            "front",
            Reason("front"),
            Ratio(0.5, 0.4, 0.6, 9),
            chosen,
            0.921,
            cost["small"],
            60,
            runtime="PyTorch",
        ),
    ]
    values: dict[str, Any] = {
        "model": small,
        "recipe": "small",
        "energy_ratio": 0.2,
        "energy_ratio_interval": (0.14, 0.28),
        "runtime_ratio": 0.5,
        "model_ratio": 0.4,
        "bf16_ratio": 0.4,
        "basis": "cpu_seconds",
        "quality": "estimated",
        "loss": loss.value,
        "loss_interval": (loss.low, loss.high),
        "proven": True,
        "why": PROVEN,
        "candidates": rows,
        "cost_joules": 900.0,
        "cost_seconds": 300.0,
        "break_even": 37_500,
        "facts": facts,
    }
    return ShrinkResult(**{**values, **changes})


def test_judged_figures_and_those_for_choosing_stand_apart(points_model: Any) -> None:
    said = repr(told(points_model))
    assert "accuracy 91.3 % → 91.0 %" in said
    kept = next(line for line in said.splitlines() if line.startswith("small"))
    assert "91.0" in kept
    assert "ONNX Runtime" in kept
    assert "2,000 examples for judging, used once" in said
    assert "900 examples for choosing, where the original has 92.1" in said


def test_runtime_model_and_bf16_are_told_apart(points_model: Any) -> None:
    said = repr(told(points_model))
    assert "faster runtime 2.0×" in said
    assert "smaller model 2.5×" in said
    assert "Against the original in bf16: 2.5×" in said
    assert "bf16" not in repr(told(points_model, facts=replace(told(points_model).facts, against_bf16=None)))


def test_processor_time_is_measured_and_energy_estimated(points_model: Any) -> None:
    said = repr(told(points_model))
    assert "About 5.0× less processor time" in said
    assert "4.8× to 5.3×, measured as processor time" in said
    assert "as energy 3.6× to 7.1×, estimated" in said
    assert f"±{100 * POWER_DIFFERENCE:.0f}" in said


def test_measured_joules_stand_with_their_doubt(points_model: Any) -> None:
    result = told(points_model)
    cost = Cost(0.0421, 0.002, 0.002, 0.002)
    rows = [replace(row, cost=cost) for row in result.candidates]
    facts = replace(result.facts, cpu=None)
    said = repr(told(points_model, basis="joules", quality="measured", candidates=rows, facts=facts))
    assert "0.0421 ± 0.002" in said
    assert "less energy per inference" in said
    assert "processor time" not in said
    assert "95 % as energy" not in said


def test_the_doubt_about_power_is_the_processor_model_s_own() -> None:
    from jupyter_green.sensors.core_power import LEAST_BAND

    assert POWER_DIFFERENCE == LEAST_BAND


def test_a_year_at_a_stated_use(points_model: Any) -> None:
    result = told(points_model)
    # 8 ms a time, 10,000 times a day: 8.1 hours a year.
    assert "A year at 10,000 inferences a day: 8.1 processor hours less" in repr(result)
    often = replace(result.facts, per_day=1_000_000)
    assert "A year at 1,000,000 inferences a day: 810 processor hours less" in repr(told(points_model, facts=often))
    assert "Paid back after 37,500 inferences" in repr(result)
    with pytest.raises(ShrinkError, match="from 1 on"):
        green.shrink(points_model, models.points(), per_day=0)


def test_too_few_examples_are_said_with_about_how_many_are_needed(points_model: Any) -> None:
    class Some(torch.nn.Module):
        """Wrong on a few more."""

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            out = points_model(x)
            return torch.where((torch.arange(len(x)) % 31 == 30)[:, None], out.roll(1, -1), out)

    search = searching(points_model, {"some": 0.3}, max_loss=0.033)
    search.entries = [entry("some", 0.3, 1, 0)]
    search.entries[0].product = RecipeResult(Some())
    verdict = evaluate_shortlist(search)
    assert not verdict.proven
    assert verdict.reason is not None
    assert (verdict.reason.code, verdict.reason.examples) == ("loss not proven", verdict.loss.examples)
    assert verdict.reason.needed is not None
    assert verdict.reason.needed > verdict.loss.examples


def test_the_gain_against_bf16_is_measured_in_the_same_rounds(points_model: Any) -> None:
    search = searching(points_model, {"small": 0.2, "bf16": 0.5})
    search.entries = [entry("small", 0.2, 0, 0)]
    search.entries[0].product = RecipeResult(search.subject.copy())
    search.consider("bf16", RecipeResult(search.subject.copy(), steps=({"recipe": "bf16"},)), None)
    verdict = evaluate_shortlist(search)
    assert verdict.against_bf16 is not None
    assert verdict.against_bf16.value == pytest.approx(0.4)


def test_the_runtime_s_part_is_known_though_it_was_no_gain_itself(points_model: Any) -> None:
    """Compiled alone costs as much as before; int8 in it half: all of that is the smaller model's."""
    search = searching(points_model, {"small": 0.5, "compiled": 1.0, "runtime": 1.0})
    search.consider("compiled", RecipeResult(search.subject.copy(), same_numbers=True, runtime="X"), None)
    assert search.entries == []
    search.entries = [entry("small", 0.5, 0, 0)]
    search.entries[0].product = RecipeResult(search.subject.copy(), runtime="X")
    verdict = evaluate_shortlist(search)
    assert verdict.split is not None
    assert [part.value for part in verdict.split] == pytest.approx([1.0, 0.5])
    # Without its reference the two parts can't be told, and nothing is claimed.
    search.entries[0].product = replace(search.entries[0].product, runtime="Y")
    assert evaluate_shortlist(search).split is None


# ---- the front ------------------------------------------------------------------------------------


def test_another_of_the_front_is_taken_and_given_back(points_model: Any, tmp_path: Path) -> None:
    result = told(points_model)
    before, state = result.model, result.state()
    assert result.use("gentle") is result.facts.front[0].product.model
    assert result.recipe == "gentle"
    assert not result.proven
    assert result.why == Reason("chosen by hand")
    assert result.loss == result.facts.front[0].loss.value
    assert result.break_even is None
    said = repr(result)
    assert "not proven" in said
    assert "as energy 1.67× to 2.5×, estimated" in said
    # Nothing that was found of the other one is said of this one.
    for other in ("4.8× to 5.3×", "measured as processor time", "in bf16", "Where it comes from", "fresh process"):
        assert other in repr(told(points_model))
        assert other not in said
    assert {row.name: row.standing for row in result.candidates} == {
        "original": "reference",
        "small": "front",
        "gentle": "kept",
    }
    assert "kept: gentle" in pareto(result)
    assert result.restore(state) is before
    assert result.proven
    with pytest.raises(ShrinkError, match="not on the front; there is 'gentle', 'small'"):
        result.use("<b>")


def test_the_slider_binds_and_undoes(points_model: Any) -> None:
    result, bound = told(points_model), list[Any]()
    widget = slider(result, bound.append)
    choice, said, buttons = widget.children
    use, undo = buttons.children
    assert choice.value == 1
    assert undo.disabled
    choice.value = 0
    assert "gentle: 2.0× less processor time per inference (as energy 1.67–2.5, estimated)" in said.value
    assert bound == []
    use.click()
    assert bound == [result.facts.front[0].product.model]
    assert not undo.disabled
    undo.click()
    assert bound[-1] is result.facts.product.model
    assert result.recipe == "small"
    assert undo.disabled


def test_the_slider_says_what_joules_are_worth(points_model: Any) -> None:
    result = told(points_model, basis="joules", quality="simulated")
    widget = slider(result, lambda _model: None)
    widget.children[0].value = 0
    assert "gentle: 2.0× (1.67–2.5) less energy per inference (simulated)" in widget.children[1].value


def test_names_in_the_slider_are_text(points_model: Any) -> None:
    result = told(points_model)
    evil = replace(result.facts.front[0], name="<img src=x onerror=alert(1)>")
    result.facts = replace(result.facts, front=(evil, result.facts.front[1]))
    widget = slider(result, lambda _model: None)
    widget.children[0].value = 0
    assert "<img" not in widget.children[1].value
    alone = told(points_model)
    alone.facts = replace(alone.facts, front=alone.facts.front[:1])
    assert slider(alone, lambda _model: None) is None


# ---- the data -------------------------------------------------------------------------------------


def test_the_fingerprint_is_of_the_data_and_nothing_else(points_model: Any) -> None:
    subject = source_model_of(points_model)
    x, y = models.points(400, seed=2)
    first = splits_of(subject, (x, y)).fingerprint()
    turned = torch.randperm(400, generator=torch.Generator().manual_seed(3))
    assert splits_of(subject, (x[turned], y[turned])).fingerprint()["digest"] == first["digest"]
    other = x.clone()
    other[7, 3] += 1e-3
    assert splits_of(subject, (other, y)).fingerprint()["digest"] != first["digest"]
    assert first["tune"] + first["select"] + first["judge"] == 400


def test_shrink_json_says_what_was_measured(points_model: Any, tmp_path: Path) -> None:
    result = told(points_model)
    result.facts = replace(result.facts, data={"digest": "ab", "judge": 3}, sample=torch.zeros(2, 12))
    result.save(tmp_path / "saved")
    held = json.loads((tmp_path / "saved" / "shrink.json").read_text())
    assert held["data"] == {"digest": "ab", "judge": 3}
    assert held["figures"]["bf16_ratio"] == 0.4
    assert held["figures"]["break_even"] == 37_500
    assert held["figures"]["why"] == {"code": "proven", "examples": 2000}
    assert held["class"] == "Linear"
    assert held["original"] == "Blocks"
    assert "torchao" in held["versions"]
    assert "5.0× less processor time" in (tmp_path / "saved" / "README.md").read_text()


def test_a_verdict_without_anything_is_no_gain() -> None:
    assert FinalEvaluation(None).proven is False
