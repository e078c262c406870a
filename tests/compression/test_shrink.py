"""The whole: searched, judged, reported, on a real model in this process, with every figure where it belongs."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch

import jupyter_green as green
from jupyter_green.compression.cost.cost_meter import CostSample, estimated_watts
from jupyter_green.compression.cost.ratio import Ratio
from jupyter_green.compression.cost.trial import FEWEST_ROUNDS, Cost, Outcome, Trial
from jupyter_green.compression.data.splits import splits_of
from jupyter_green.compression.model.source_model import source_model_of
from jupyter_green.compression.model.workload import workload_of
from jupyter_green.compression.process import deadline
from jupyter_green.compression.quality.loss import counted
from jupyter_green.compression.quality.metric import Metric
from jupyter_green.compression.quality.skill import Constant
from jupyter_green.compression.reasons import Reason
from jupyter_green.compression.recipes.recipe import RecipeContext, RecipeResult
from jupyter_green.compression.recipes.training import Training, train_equally
from jupyter_green.compression.report.pareto_plot import pareto
from jupyter_green.compression.result_builder import _crowded, as_proven, outcome_of, result_of
from jupyter_green.compression.search.candidate import AcceptedCandidate, FinalEvaluation
from jupyter_green.compression.search.evaluator import UNTRIED
from jupyter_green.compression.search.final_evaluation import LISTED, _reason, evaluate_shortlist, shortlist
from jupyter_green.compression.search.search import Search
from jupyter_green.records.shrink_outcome import ShrinkOutcome
from jupyter_green.session import current
from tests.support import models

AMPLE = "1h"
"""More than anything here takes, also on a crowded machine: recipes that don't train end when they are measured."""


class Made:
    """A recipe of the tests' own."""

    trains = False

    def __init__(self, name: str, make: Callable[[RecipeContext], RecipeResult]) -> None:
        self.name, self._make = name, make

    def applies(self, case: RecipeContext) -> str | None:
        return None

    def apply(self, case: RecipeContext) -> RecipeResult:
        return self._make(case)


class Slow(torch.nn.Module):
    """A model that does its work many times."""

    def __init__(self, model: Any, times: int) -> None:
        super().__init__()
        self.model, self.times = model, times

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for _ in range(self.times):
            out = self.model(x)
        return out


def state_of(model: Any) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in model.state_dict().items()}


def unchanged(model: Any, state: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(value, state[name]) for name, value in model.state_dict().items())


@pytest.fixture(scope="module")
def found(points_model: Any) -> Any:
    """A shrink of a slow model whose recipe does the same work once."""
    slow = Slow(points_model, 8)
    quick = Made("once", lambda case: RecipeResult(Slow(case.subject.model.model, 1), same_numbers=True))
    dear = Made("more often", lambda case: RecipeResult(Slow(case.subject.model.model, 32), same_numbers=True))

    def raising(_case: RecipeContext) -> RecipeResult:
        raise RuntimeError("out of cheese\nand more lines")

    before = state_of(slow)
    result = green.shrink(
        slow, models.points(4000, seed=2), time=AMPLE, recipes=[quick, dear, Made("broken", raising)], max_loss="2pt"
    )
    assert unchanged(slow, before)
    return slow, result


def rows(result: Any) -> dict[str, Any]:
    return {row.name: row for row in result.candidates}


def test_what_is_cheaper_is_kept_or_untold_but_never_the_dearer(found: Any) -> None:
    slow, result = found
    assert rows(result)["more often"].standing == "dropped"
    assert rows(result)["original"].standing == "reference"
    if result.recipe is None:  # on a machine this busy nothing is told
        assert result.model is slow
        return
    assert result.recipe == "once"
    assert result.energy_ratio < 0.7
    assert result.energy_ratio_interval[0] < result.energy_ratio < result.energy_ratio_interval[1]
    assert result.runtime_ratio * result.model_ratio == pytest.approx(result.energy_ratio)
    assert result.proven
    assert result.loss == 0


def test_without_a_sensor_nothing_is_called_energy(found: Any) -> None:
    _, result = found
    assert result.basis == "cpu_seconds"
    assert result.quality == "estimated"
    said = repr(result)
    if result.recipe is not None:
        assert "less processor time per inference" in said
        assert "no sensor measures here" in said
    assert "less energy" not in said


def test_a_recipe_that_raises_is_a_row(found: Any) -> None:
    row = rows(found[1])["broken"]
    assert row.standing == "failed"
    assert row.reason == "RuntimeError: out of cheese"


def test_what_it_cost_is_in_the_ledger(found: Any) -> None:
    _, result = found
    assert result.cost_seconds > 0
    assert result.cost_joules is None or result.cost_joules > 0
    if result.recipe is not None:
        assert result.break_even > 0


def test_a_search_is_one_line_in_the_ledger_with_its_laps_inside(points_model: Any) -> None:
    session = current()
    dear = Made("twice", lambda case: RecipeResult(Slow(case.subject.model, 4), same_numbers=True))
    session.settle()
    earlier = {record.id for record in session.finished}
    green.shrink(points_model, models.points(400, seed=2), time=AMPLE, recipes=[dear])
    session.settle()
    records = [record for record in session.finished if record.span == "trial" and record.id not in earlier]
    assert [record.search for record in records if record.search] == [ShrinkOutcome("nothing_gained", "Blocks")]
    laps = [record for record in records if record.label == "shrink: twice"]
    assert len(laps) >= 5
    assert laps[-1].units > 0
    assert laps[-1].unit == "inference"


def test_the_cell_that_it_ran_in_says_what_came_of_it(points_model: Any) -> None:
    session = current()
    with session.window("cell") as cell:
        green.shrink(points_model, models.points(3000, seed=2), time="2s", recipes=[])
    assert cell.record.shrinks == (ShrinkOutcome("nothing_gained", "Blocks"),)
    assert cell.record.notes[-1] == cell.record.shrinks[0].line


def test_what_was_kept_is_said_in_the_ledger(points_model: Any) -> None:
    search = searching(points_model, {"small": 0.25})
    search.entries = [entry("small", 0.25, 0, 0)]
    search.entries[0].product = RecipeResult(search.subject.copy(), same_numbers=True)
    line = "shrink: Blocks → small, 4.0× less energy, proven"
    verdict = evaluate_shortlist(search)
    assert outcome_of(search.subject, verdict).line == f"{line}, 1.0 J → 0.25 J each"
    assert outcome_of(search.subject, verdict).proven
    assert verdict.trial is not None
    laps = {
        name: [(replace(lap, uncertainty=0.12 * (lap.joules or 0)), n) for lap, n in one]
        for name, one in verdict.trial.laps.items()
    }
    verdict.trial = replace(verdict.trial, laps=laps)
    assert outcome_of(search.subject, verdict).line == f"{line}, 1.00 J ± 0.12 → 0.25 J ± 0.03 each"


def test_energy_before_and_after_is_estimated_where_nothing_measures(points_model: Any) -> None:
    search = searching(points_model, {"small": 0.25})
    search.gauge = Timed({"original": 1.0, "small": 0.25})
    search.entries = [entry("small", 0.25, 0, 0)]
    search.entries[0].product = RecipeResult(search.subject.copy(), same_numbers=True)
    verdict = evaluate_shortlist(search)
    said = outcome_of(search.subject, verdict, watts=(6.0, 0.4)).line
    assert said.endswith("proven, ~6 J ± 2 → ~1.5 J ± 0.6 each, estimated")
    assert " J " not in outcome_of(search.subject, verdict).kept
    watts = estimated_watts(current())
    assert watts is not None
    assert watts[0] > 0
    assert 0 < watts[1] <= 1


def test_what_is_said_of_a_loss_names_what_it_is_against() -> None:
    less, bad, good = entry("x", 0.2, 0, 0).outcome, counted(60, 5, 1000), counted(1, 1, 2000)
    unsure = counted(9, 5, 1000)
    assert _reason(0.01, less, good, bad, same=False) == Reason("loss too large", examples=2000, against_control=True)
    assert not _reason(0.01, less, bad, good, same=False).against_control
    unproven = _reason(0.01, less, good, unsure, same=False)
    assert (unproven.code, unproven.against_control) == ("loss not proven", True)
    assert unproven.needed is not None
    assert unproven.needed > 1000
    assert _reason(0.01, less, good, good, same=False) == Reason("proven", examples=2000, against_control=True)
    assert _reason(0.01, less, good, None, same=False) == Reason("proven", examples=2000)


@pytest.mark.parametrize(("cost", "energy"), [(1.2, False), (2.0, True)])
def test_more_processor_time_is_not_called_more_energy_within_the_doubt(
    points_model: Any, cost: float, energy: bool
) -> None:
    search = searching(points_model, {}, seconds=3600)
    search.gauge = Timed({"original": 1.0, "made": cost})
    search.run([Made("made", lambda case: RecipeResult(case.subject.model))])
    assert search.rows[0].why == Reason("costs more", energy=energy)


def test_examples_that_judged_before_are_named(points_model: Any) -> None:
    data, notes = models.points(2500, seed=77), []
    for _ in range(3):
        same = Made("the same", lambda case: RecipeResult(case.subject.model, same_numbers=True))
        search = searching(points_model, {"the same": 0.2})
        search.material = splits_of(search.subject, data)
        with current().window("trial", label="shrink") as window:
            search.begin()
            search.run([same])
            verdict = evaluate_shortlist(search)
        notes.append(" ".join(result_of(search, verdict, window, 1, ()).facts.notes))
    assert "judged" not in notes[0]
    assert "The same examples judged an earlier search in this process" in notes[1]
    assert "judged 2 earlier searches" in notes[2]


def test_facts_show_no_examples(points_model: Any) -> None:
    result = green.shrink(points_model, models.points(600, seed=2), time="2s", recipes=[])
    assert "tensor(" not in repr(result.facts)


def test_the_report(found: Any) -> None:
    _, result = found
    bundle = result._repr_mimebundle_()
    page = bundle["text/html"]
    assert "<script" not in page
    assert "out of cheese" in page
    for name in ("original", "once", "more often", "broken"):
        assert name in bundle["text/plain"]
    picture = pareto(result)
    if result.recipe is not None:
        assert picture.startswith("<svg")
        assert 'role="img"' in picture
        assert "kept: once" in picture
    assert "#" not in picture.replace("&#", "")


def test_names_in_the_report_are_text(points_model: Any) -> None:
    evil = Made("<img src=x onerror=alert(1)>", lambda case: RecipeResult(case.subject.model))
    result = green.shrink(points_model, models.points(400, seed=2), time=AMPLE, recipes=[evil])
    assert "<img" not in result._repr_mimebundle_()["text/html"]


def test_nothing_gained_keeps_the_model(points_model: Any) -> None:
    same = Made("the same", lambda case: RecipeResult(case.subject.model))
    result = green.shrink(points_model, models.points(600, seed=2), time=AMPLE, recipes=[same])
    assert result.model is points_model
    assert result.recipe is None
    assert not result.proven
    assert result.break_even is None
    assert repr(result).startswith(("Nothing gained: keep your model.", "Can't tell"))
    with pytest.raises(green_error(), match="nothing to save"):
        result.save("x")


def green_error() -> type[Exception]:
    from jupyter_green.compression.errors import ShrinkError

    return ShrinkError


def test_a_loss_is_dropped_before_its_cost_is_looked_at(points_model: Any) -> None:
    broken = Made("broken inside", lambda case: RecipeResult(models.Blocks().eval()))
    result = green.shrink(points_model, models.points(1200, seed=2), time=AMPLE, recipes=[broken])
    row = rows(result)["broken inside"]
    assert row.standing == "dropped"
    assert row.why.code == "loses more"
    assert row.cost is None


def test_a_recipe_that_reaches_the_original_is_found_out(points_model: Any) -> None:
    victim = source_model_of(points_model).copy()

    def reach(case: RecipeContext) -> RecipeResult:
        with torch.no_grad():
            victim.first.bias.add_(1e-6)
        return RecipeResult(case.subject.model)

    with pytest.raises(green_error(), match="changed the original"):
        green.shrink(victim, models.points(400, seed=2), time=AMPLE, recipes=[Made("reaching", reach)])


def test_an_interrupt_keeps_the_best_so_far(points_model: Any) -> None:
    def stop(_case: RecipeContext) -> RecipeResult:
        raise KeyboardInterrupt

    slow = Slow(points_model, 8)
    before = state_of(slow)
    quick = Made("once", lambda case: RecipeResult(Slow(case.subject.model.model, 1), same_numbers=True))
    never = Made("never", lambda case: RecipeResult(case.subject.model))
    slow.train()
    result = green.shrink(slow, models.points(1000, seed=2), time=AMPLE, recipes=[quick, Made("stop", stop), never])
    assert unchanged(slow, before)
    assert slow.training
    slow.eval()
    assert not result.proven
    assert result.why.code.startswith("interrupted")
    for name in ("stop", "never"):
        assert (rows(result)[name].standing, rows(result)[name].ratio) == ("not tried", None)
        assert rows(result)[name].why == Reason("interrupted before it was tried")
    assert result.model is slow or result.recipe == "once"
    assert result.undo() is slow
    assert result.model is slow


def test_the_time_is_kept(points_model: Any) -> None:
    def sleep(case: RecipeContext) -> RecipeResult:
        time.sleep(0.7)
        return RecipeResult(case.subject.model)

    recipes = [Made(f"number {place}", sleep) for place in range(20)]
    result = green.shrink(points_model, models.points(400, seed=2), time=2, recipes=recipes)
    late = [row for row in result.candidates if row.why.code == "time up"]
    assert late
    assert len(result.candidates) == 21


# ---- choosing and judging, with laps and losses that are known ------------------------------------


class Still:
    """A gauge that reads what it is told a model costs."""

    measures = True

    def __init__(self, costs: dict[str, float]) -> None:
        self.costs = costs

    def lap(self, name: str, inferences: int, run: Callable[[], None]) -> Callable[[], CostSample]:
        lap = CostSample(1.0, 1.0, self.costs[name] * inferences, 0.0, "measured")
        return lambda: lap

    def others(self) -> float | None:
        return None


class Timed(Still):
    """The same read as processor time, on a machine that others may use much of."""

    measures = False

    def __init__(self, costs: dict[str, float], *, crowded: bool = False) -> None:
        super().__init__(costs)
        self.crowded, self.used = crowded, 0.0

    def lap(self, name: str, inferences: int, run: Callable[[], None]) -> Callable[[], CostSample]:
        lap = CostSample(self.costs[name] * inferences, 1.0)
        return lambda: lap

    def others(self) -> float | None:
        self.used += 1e6 if self.crowded else 0.0  # seconds; more than pass between any two looks
        return self.used


def searching(model: Any, costs: dict[str, float], *, begun: bool = True, **options: Any) -> Search:
    subject = source_model_of(model)
    material = splits_of(subject, models.points(3000, seed=2))
    workload = workload_of(subject, material, batch=None, length=None, new_tokens=None)
    search = Search(
        subject,
        material,
        Metric(),
        Still({"original": 1.0, **costs}),
        workload=workload,
        **{"seconds": 20, "max_loss": 0.01, "options": {}, "say": lambda _w, _s: None, **options},
    )
    if begun:
        Search.begin(search)
    return search


def listed(search: Search) -> list[str]:
    examples = sum(batch.size for batch in search.material.judge)
    return [found.name for found in shortlist(search.entries, examples, search.max_loss)]


def entry(name: str, ratio: float, lost: int, won: int, *, control: tuple[int, int] | None = None) -> AcceptedCandidate:
    against = None if control is None else counted(*control, 1000)
    outcome = Outcome(
        "less", Ratio(ratio, ratio * 0.98, ratio * 1.02, 9), Reason("rounds", rounds=9), Cost(ratio, 0.0, ratio, ratio)
    )
    return AcceptedCandidate(name, RecipeResult(None), counted(lost, won, 1000), 0.9, outcome, against)


def test_the_short_list_is_surest_first(points_model: Any) -> None:
    search = searching(points_model, {})
    search.entries = [entry("sure", 0.5, 0, 0), entry("bold", 0.2, 4, 2), entry("ruined", 0.1, 60, 5)]
    assert listed(search) == ["sure", "bold"]


def test_one_whose_proof_is_not_likely_is_asked_last(points_model: Any) -> None:
    """In a fixed order up to the first failure one more question costs the others nothing."""
    search = searching(points_model, {})
    unlikely, rest = entry("unlikely", 0.1, 12, 4), [entry(f"sure {n}", 0.5 - n / 20, n, n) for n in range(5)]
    assert unlikely.lost <= search.max_loss < unlikely.expected_high(1500)
    search.entries = [unlikely, *rest, entry("ruined", 0.05, 60, 5)]
    assert listed(search)[-1] == "unlikely"
    assert len(listed(search)) == LISTED
    search.entries = [unlikely, entry("sure", 0.1, 0, 0)]
    assert listed(search) == ["sure"]


def test_a_gain_that_is_training_alone_is_seen(points_model: Any) -> None:
    """Better than the given original, but worse than one that was trained as much: not chosen as if it were free."""
    search = searching(points_model, {})
    search.entries = [entry("sure", 0.5, 0, 0), entry("fake", 0.1, 2, 20, control=(40, 10))]
    assert listed(search) == ["sure"]


@pytest.mark.parametrize("flips", [0.0, 0.2])
def test_the_judging_part_has_the_last_word(points_model: Any, flips: float) -> None:
    """A candidate that did well on the choosing part by chance is not accepted."""

    class Flipping(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            out = points_model(x)
            wrong = torch.arange(len(x)) < flips * len(x)
            return torch.where(wrong[:, None], -out, out)

    search = searching(points_model, {"lucky": 0.3})
    search.entries = [entry("lucky", 0.3, 0, 0)]
    search.entries[0].product = RecipeResult(Flipping())
    verdict = evaluate_shortlist(search)
    assert verdict.proven == (flips == 0.0)
    assert verdict.reason is not None
    assert (verdict.reason.code in ("proven", "same numbers")) == verdict.proven
    assert verdict.outcome is not None
    assert verdict.outcome.ratio is not None
    assert verdict.outcome.ratio.value == pytest.approx(0.3)


def test_a_cost_that_can_not_be_told_stops_no_other(points_model: Any) -> None:
    """The fixed order is one of losses: twelve times less was never judged behind a surer one of unsteady cost."""

    class Unsteady(Still):
        turn = 0

        def lap(self, name: str, inferences: int, run: Callable[[], None]) -> Callable[[], CostSample]:
            self.turn += 1
            wild = 10.0 ** (self.turn % 7 - 3) if name in self.wild else 1.0
            lap = CostSample(1.0, 1.0, wild * self.costs[name] * inferences, 0.0, "measured")
            return lambda: lap

        wild: tuple[str, ...] = ("sure",)

    search = searching(points_model, {})
    search.gauge = Unsteady({"original": 1.0, "sure": 0.5, "bold": 1 / 12})
    search.entries = [entry("sure", 0.5, 0, 0), entry("bold", 1 / 12, 1, 1)]
    for found in search.entries:
        found.product = RecipeResult(search.subject.copy())
    verdict = evaluate_shortlist(search)
    assert verdict.entry is not None
    assert (verdict.entry.name, verdict.proven) == ("bold", True)

    search.gauge.wild = ("bold",)  # and the other way round: the surer one is kept, and the bold one says why
    verdict = evaluate_shortlist(search)
    assert verdict.entry is not None
    assert (verdict.entry.name, verdict.proven) == ("sure", True)
    assert verdict.refused["bold"].inconclusive


class Failing(Still):
    """A gauge that reads no cost of some, or raises where they run."""

    def __init__(self, costs: dict[str, float], how: str) -> None:
        super().__init__(costs)
        self.how = how

    def lap(self, name: str, inferences: int, run: Callable[[], None]) -> Callable[[], CostSample]:
        if name == "bold" and self.how == "raises":
            raise RuntimeError("out of order")
        read = super().lap(name, inferences, run)
        return read if name != "bold" else lambda: replace(read(), joules=float(self.how))


def two(search: Search) -> Search:
    search.entries = [entry("sure", 0.5, 0, 0), entry("bold", 1 / 12, 1, 1)]
    for found in search.entries:
        found.product = RecipeResult(search.subject.copy())
    return search


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ("raises", Reason("benchmark failed", detail="RuntimeError: out of order")),
        ("nan", Reason("no reading")),
        ("0", Reason("no reading")),
    ],
)
def test_a_cost_that_fails_or_is_none_stops_no_other(how: str, reason: Reason, points_model: Any) -> None:
    search = two(searching(points_model, {}))
    search.gauge = Failing({"original": 1.0, "sure": 0.5, "bold": 1 / 12}, how)
    verdict = evaluate_shortlist(search)
    assert verdict.entry is not None
    assert (verdict.entry.name, verdict.proven) == ("sure", True)
    assert verdict.refused["bold"] == reason


def test_one_that_fails_on_the_judging_examples_stops_no_other(points_model: Any) -> None:
    class Broken(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            raise RuntimeError("no such size")

    search = two(searching(points_model, {"sure": 0.5, "bold": 0.1}))
    search.entries[0].product = RecipeResult(Broken())
    verdict = evaluate_shortlist(search)
    assert verdict.entry is not None
    assert (verdict.entry.name, verdict.proven) == ("bold", True)
    failed = Reason("failed in the test", detail="RuntimeError: no such size")
    assert verdict.refused["sure"] == failed
    search.entries[1].product = RecipeResult(Broken())
    verdict = evaluate_shortlist(search)
    assert not verdict.proven
    assert verdict.reason == failed


def test_time_that_is_up_between_two_costs_loses_no_loss(points_model: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    search = two(searching(points_model, {}))
    late = [0.0]
    monkeypatch.setattr(deadline, "now", lambda: search.began + late[0])

    class Late(Failing):
        def lap(self, name: str, inferences: int, run: Callable[[], None]) -> Callable[[], CostSample]:
            late[0] = 100.0
            return super().lap(name, inferences, run)

    search.gauge = Late({"original": 1.0, "sure": 0.5, "bold": 1 / 12}, "nan")
    verdict = evaluate_shortlist(search)
    assert verdict.entry is not None
    assert (verdict.entry.name, verdict.proven, search.unjudged) == ("sure", False, True)
    assert verdict.scores is not None
    assert verdict.loss is not None
    assert verdict.reason == Reason(
        "cost not tested", cause=Reason("not tested in time"), examples=verdict.loss.examples
    )
    assert set(verdict.refused) == {"bold"}


def test_a_gain_told_for_choosing_is_kept_unproven_where_it_can_not_be_told_again(points_model: Any) -> None:
    """Its loss is proven, and it stood at a twelfth of the cost: that is not nothing."""
    search = two(searching(points_model, {}))
    del search.entries[0]
    search.gauge = Failing({"original": 1.0, "bold": 1 / 12}, "nan")
    verdict = evaluate_shortlist(search)
    assert verdict.entry is not None
    assert (verdict.entry.name, verdict.proven, search.unjudged) == ("bold", False, True)
    assert verdict.outcome is not None
    assert verdict.outcome.ratio is not None
    assert verdict.loss is not None
    assert verdict.reason == Reason("cost not tested", cause=Reason("no reading"), examples=verdict.loss.examples)


@pytest.mark.parametrize("how", ["raises", "nan"])
def test_an_original_that_fails_on_one_judging_example_loses_nothing(how: str, points_model: Any) -> None:
    """The example is named by its number in the data, and the best so far is kept, unproven."""

    class Touchy(torch.nn.Module):
        bad = torch.zeros(12)

        def __init__(self) -> None:
            super().__init__()
            self.model = points_model

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            hit = (x == self.bad).all(-1)
            if how == "raises" and bool(hit.any()):
                raise IndexError("no such place")
            out: torch.Tensor = self.model(x)
            return torch.where(hit[:, None], torch.nan, out) if how == "nan" else out

    search = two(searching(Touchy(), {"sure": 0.5, "bold": 0.1}))
    batch = search.material.judge[3]
    Touchy.bad = batch.inputs[5]
    number = int((models.points(3000, seed=2)[0] == Touchy.bad).all(-1).nonzero()[0, 0])
    verdict = evaluate_shortlist(search)
    assert verdict.entry is not None
    assert (verdict.entry.name, verdict.proven, search.unjudged) == ("bold", False, True)
    assert verdict.reason is not None
    assert verdict.reason.code == "original failed"
    assert f"example {number} (counted from 0) of the data" in verdict.reason.detail
    assert verdict.reason.detail.endswith("leave it out.")
    assert verdict.scores is None


def test_a_loss_that_is_not_proven_stops_those_behind_it(points_model: Any) -> None:
    class Flipping(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            out = points_model(x)
            return torch.where((torch.arange(len(x)) < 0.2 * len(x))[:, None], -out, out)

    search = searching(points_model, {"sure": 0.5, "unproven": 0.3, "behind": 0.1})
    search.entries = [entry("sure", 0.5, 0, 0), entry("unproven", 0.3, 1, 1), entry("behind", 0.1, 2, 2)]
    for found in search.entries:
        found.product = RecipeResult(Flipping() if found.name == "unproven" else search.subject.copy())
    assert listed(search) == ["sure", "unproven", "behind"]
    verdict = evaluate_shortlist(search)
    assert verdict.entry is not None
    assert (verdict.entry.name, verdict.proven) == ("sure", True)
    assert set(verdict.refused) == {"unproven"}
    assert verdict.refused["unproven"].code == "loss too large"


def test_what_looks_far_cheaper_than_what_is_told_is_judged_too(points_model: Any) -> None:
    """It could not be told while choosing; the final trial is longer."""
    search = searching(points_model, {"told": 0.5, "untold": 1 / 12})
    search.entries = [entry("told", 0.5, 0, 0)]
    unsure = entry("untold", 1 / 12, 1, 1)
    unsure.outcome = replace(unsure.outcome, verdict="can't tell", ratio=None, about=1 / 12)
    search._untold = [unsure]
    for found in (*search.entries, unsure):
        found.product = RecipeResult(search.subject.copy())
    verdict = evaluate_shortlist(search)
    assert verdict.entry is not None
    assert (verdict.entry.name, verdict.proven) == ("untold", True)


def test_a_late_judgement_is_short_and_tells_all_the_same(points_model: Any) -> None:
    """Several are proven in the last part of the time: the boldest is kept, not the first that was looked at."""
    search = searching(points_model, {"sure": 0.5, "bold": 0.3}, seconds=2000)
    search.entries = [entry("sure", 0.5, 0, 0), entry("bold", 0.3, 1, 1)]
    for found in search.entries:
        found.product = RecipeResult(search.subject.copy())
    search.began -= 1800
    verdict = evaluate_shortlist(search)
    assert verdict.entry is not None
    assert (verdict.entry.name, verdict.proven) == ("bold", True)
    assert verdict.trial is not None
    assert len(verdict.trial.laps["bold"]) == FEWEST_ROUNDS


def test_what_was_trained_is_held_against_its_control(points_model: Any) -> None:
    """The given original is hardly trained: training alone makes it better, and that is no gain of the recipe."""
    raw = models.trained(models.Blocks(), *models.points(seed=1), steps=4)
    steps = 60

    def train(case: RecipeContext) -> RecipeResult:
        training = Training(steps, 1e-3, True, 0.0)
        train_equally(case.subject, case.tune, training)
        return RecipeResult(case.subject.model, training=training)

    made = Made("trained on", train)
    made.trains = True
    result = green.shrink(raw, models.points(3000, seed=2), time=AMPLE, recipes=[made], max_loss="2pt")
    row, control = rows(result)["trained on"], rows(result)["original, trained on"]
    assert control.standing == "control"
    assert control.score > rows(result)["original"].score
    assert row.loss.value < -0.01
    assert row.against_control.value == pytest.approx(0.0, abs=1e-9)


@pytest.mark.long
def test_layers_are_dropped_and_repaired(sentence_model: Any) -> None:
    result = green.distil(
        sentence_model,
        models.sentences(2400, seed=2),
        layers=2,
        time=60,
        max_loss="5pt",
        train=models.sentences(seed=5),
    )
    assert "control" in [row.standing for row in result.candidates]
    trained = next(row for row in result.candidates if row.name.startswith("2 layers"))
    assert trained.against_control is not None


def test_agreement_without_labels(points_model: Any) -> None:
    x, _ = models.points(600, seed=2)
    same = Made("the same", lambda case: RecipeResult(case.subject.model))
    result = green.shrink(points_model, x, time=AMPLE, recipes=[same])
    assert result.facts.metric == "agreement with the original"


def test_one_recipe_each(points_model: Any, picture_model: Any) -> None:
    quantized = green.quantize(points_model, models.points(600, seed=2), time=5)
    assert {"ONNX Runtime int8", "int8 in PyTorch"} <= set(rows(quantized))
    assert not any("distilled" in name for name in rows(quantized))
    with pytest.raises(green_error(), match="between 0 and 1"):
        green.prune(picture_model, models.pictures(), ratio=1.5)
    with pytest.raises(green_error(), match="not both"):
        green.distil(points_model, models.points(), layers=1, student=models.Blocks(1))


@pytest.mark.parametrize(
    ("reason", "headline", "code"),
    [
        (Reason("noisy", variation=0.5, others=0.7), "Can't tell: the machine was busy", "unknown"),
        (Reason("threads may spin", others=0.7), "Can't tell: the machine was busy", "unknown"),
        (Reason("no reading"), "Can't tell: the machine was busy", "unknown"),
        (Reason("throttled", name="a", reference="b"), "Can't tell: the device was throttled on one side", "unknown"),
        (Reason("too few rounds"), "Can't tell: there was too little time.", "unknown"),
        (Reason("less not proven", cause=Reason("rounds")), "Nothing gained: keep your model.", "nothing_gained"),
        # Text of a library decides nothing, whatever it says.
        (Reason("failed", detail="The machine was busy"), "Nothing gained: keep your model.", "nothing_gained"),
    ],
)
def test_what_was_not_told_is_not_called_nothing_gained(
    reason: Reason, headline: str, code: str, points_model: Any
) -> None:
    result = green.shrink(points_model, models.points(3000, seed=2), time="2s", recipes=[])
    assert headline in repr(replace(result, why=reason))
    assert outcome_of(source_model_of(points_model), FinalEvaluation(None, reason=reason)).code == code


def test_nothing_is_proven_of_a_model_without_skill(points_model: Any) -> None:
    entry = AcceptedCandidate("int8", RecipeResult(points_model), counted(0, 0, 900), 0.9, UNTRIED)
    verdict = FinalEvaluation(entry, entry.loss, reason=Reason("proven", examples=900), proven=True)
    assert as_proven(verdict, None) is verdict
    blind = as_proven(verdict, Constant(0.5, 1))
    assert not blind.proven
    assert blind.reason == Reason("no skill")
    same = replace(entry.loss, same=True)
    alike = replace(verdict, entry=replace(entry, product=replace(entry.product, same_numbers=True)), loss=same)
    assert as_proven(alike, Constant(0.5, 1)).proven


@pytest.mark.parametrize(
    ("others", "basis", "said"),
    [(0.5, "cpu_seconds", 1), (0.05, "cpu_seconds", 0), (None, "cpu_seconds", 0), (0.5, "joules", 0)],
)
def test_a_busy_machine_is_said_beside_a_gain_in_processor_time(
    others: float | None, basis: Any, said: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
    found = _crowded(Trial("original", {}, basis, others))
    assert len(found) == said
    assert all("used 50 % of the machine" in sentence for sentence in found)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 1)
    assert _crowded(Trial("original", {}, basis, others)) == []
