"""On a busy machine, threads that wait for one another are told as nobody's gain."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch

import jupyter_green as green
from jupyter_green.comparison import benchmark_candidates
from jupyter_green.comparison.decision import CandidateStanding, decide
from jupyter_green.compression.cost.cost_meter import POWER_DIFFERENCE, Basis, CostSample
from jupyter_green.compression.cost.thread_spin_guard import ALONE, crowded, may_wait, told
from jupyter_green.compression.cost.trial import Trial
from jupyter_green.compression.reasons import Reason
from jupyter_green.compression.recipes.recipe import RecipeResult
from jupyter_green.compression.result_builder import _crowded, result_of
from jupyter_green.compression.search.final_evaluation import RUNTIME, THREADS, evaluate_shortlist
from tests.comparison.test_decision import row
from tests.compression.test_shrink import Timed, entry, searching
from tests.compression.test_threads import InOne, two_threads

__all__ = ["two_threads"]


def trial(costs: dict[str, float], others: float | None = 0.5, basis: Basis = "cpu_seconds") -> Trial:
    laps = {}
    for name, cost in costs.items():
        wobbling = [cost * (1 + 0.004 * (turn % 3 - 1)) for turn in range(9)]
        laps[name] = [
            (CostSample(one, one, one if basis == "joules" else None, 0.0, "measured"), 1) for one in wobbling
        ]
    return Trial("original", laps, basis, others)


@pytest.mark.parametrize(
    ("basis", "others", "threads", "expected"),
    [
        ("cpu_seconds", 0.5, 2, True),
        ("cpu_seconds", 0.5, 1, False),
        ("cpu_seconds", 0.05, 2, False),
        ("cpu_seconds", None, 2, False),
        ("joules", 0.5, 2, False),
    ],
)
def test_when_threads_may_have_waited(basis: Basis, others: float | None, threads: int, expected: bool) -> None:
    assert crowded(basis, others, threads) == expected
    made = trial({"original": 10.0, "small": 1.0}, others, basis)
    assert (told(made, "small", None, threads).outcome.verdict == "can't tell") == expected


def test_a_gain_that_waiting_may_be_all_of_is_not_told() -> None:
    """The original took 53 times as much beside others, and hardly more than the candidate in one thread."""
    found = told(trial({"original": 53.0, "small": 1.0, ALONE: 1.3}), "small", ALONE, 2)
    assert found.outcome.verdict == "can't tell"
    assert found.outcome.ratio is None
    assert found.cpu is None
    assert found.outcome.reason == Reason("no gain in one thread", others=0.5)
    assert found.outcome.reason.inconclusive


def test_a_gain_of_several_times_is_told_though_the_two_lie_far_apart() -> None:
    """53 times less beside others and 9 times less in one thread: nine times less is proven by both."""
    found = told(trial({"original": 53.0, "small": 1.0, ALONE: 9.0}), "small", ALONE, 2)
    assert found.outcome.verdict == "less"
    assert found.against == ALONE
    assert found.cpu is not None
    assert found.cpu.value == pytest.approx(1 / 9)
    assert 1 / 10 < found.cpu.low < 1 / 9 < found.cpu.high < 1 / 8  # waiting makes no interval wide
    assert found.outcome.ratio is not None
    assert found.outcome.ratio.high < 0.2


def test_the_lesser_gain_is_told() -> None:
    found = told(trial({"original": 6.0, "small": 1.0, ALONE: 4.0}), "small", ALONE, 2)
    assert found.outcome.verdict == "less"
    assert found.against == ALONE
    assert found.cpu is not None
    assert found.cpu.value == pytest.approx(1 / 4)
    assert 1 / 5 < found.cpu.low < 1 / 4 < found.cpu.high
    assert found.outcome.ratio is not None
    assert found.outcome.ratio.high == pytest.approx(found.cpu.high * (1 + POWER_DIFFERENCE))
    other = told(trial({"original": 4.0, "small": 1.0, ALONE: 6.0}), "small", ALONE, 2)
    assert (other.against, other.outcome.verdict) == ("original", "less")
    assert other.cpu is not None
    assert other.cpu.value == pytest.approx(1 / 4)


def test_a_small_gain_in_one_thread_is_no_proof() -> None:
    found = told(trial({"original": 1.9, "small": 1.0, ALONE: 1.2}), "small", ALONE, 2)
    assert found.outcome.verdict == "no difference"
    assert found.outcome.reason == Reason("busy machine")


@pytest.mark.parametrize(
    ("runtime", "beside"), [("another", THREADS), ("PyTorch", ALONE)], ids=["in one thread", "in as many"]
)
def test_the_original_is_run_in_one_thread_beside(
    points_model: Any, two_threads: None, runtime: str, beside: str
) -> None:
    costs = {"original": 1.0, "quick": 0.1, ALONE: 0.6, THREADS: 0.6, RUNTIME: 0.6}
    search = searching(points_model, {}, begun=False)
    search.gauge = Timed(costs, crowded=True)
    search._others = search.gauge.others()
    search.begin()
    search.lap_seconds = 0.001  # how busy the machine of this test is decides nothing
    search.entries = [entry("quick", 0.1, 0, 0)]
    model = InOne(points_model) if runtime == "another" else points_model
    search.entries[0].product = RecipeResult(model, runtime=runtime, same_numbers=True)
    verdict = evaluate_shortlist(search)
    assert verdict.trial is not None
    assert beside in verdict.trial.laps
    assert verdict.compared_with == beside
    assert verdict.proven
    assert verdict.cpu is not None
    assert verdict.cpu.value == pytest.approx(1 / 6)
    assert verdict.split is None
    search.entries[0].outcome = verdict.outcome
    assert _crowded(verdict.trial, beside)[0].endswith("the lesser gain of the two is told.")


@pytest.mark.parametrize(
    ("measures", "others", "threads", "expected"),
    [
        (False, 0.5, 2, True),
        (True, 0.5, 2, False),
        (False, 0.5, 1, False),
        (False, 0.0, 2, False),
        (False, None, 2, False),
    ],
)
def test_one_thread_is_run_beside_only_where_waiting_would_count(
    measures: bool, others: float | None, threads: int, expected: bool
) -> None:
    assert may_wait(measures, others, threads) == expected


@pytest.mark.parametrize("quiet_before", [False, True])
@pytest.mark.parametrize(("alone", "expected"), [(4.0, 0.25), (1.3, None)])
def test_what_is_found_for_choosing_holds_against_one_thread_too(
    points_model: Any, two_threads: None, alone: float, expected: float | None, quiet_before: bool
) -> None:
    """Rows, the slider and the headline of an interrupted search show what was found for choosing."""
    search = searching(points_model, {}, begun=False)
    search.gauge = Timed({"original": 6.0, "quick": 1.0, ALONE: alone}, crowded=True)
    search._others = search.gauge.others()
    search.begin()
    if quiet_before:  # others came in this trial only: it is done once more, in one thread too
        search._others = 1e18
    assert search.consider("quick", RecipeResult(points_model, same_numbers=True), None)
    found = [one.outcome.ratio for one in search.entries]
    if expected is None:
        assert found == []
        assert search.rows[-1].ratio is None
        assert search.rows[-1].why.inconclusive
    else:
        assert [round(ratio.value, 6) for ratio in found if ratio is not None] == [expected]


def test_nothing_is_run_beside_in_one_thread(points_model: Any) -> None:
    torch.set_num_threads(1)
    search = searching(points_model, {}, begun=False)
    search.gauge = Timed({"original": 1.0, "quick": 0.1}, crowded=True)
    search._others = search.gauge.others()
    search.begin()
    search.entries = [entry("quick", 0.1, 0, 0)]
    search.entries[0].product = RecipeResult(points_model, same_numbers=True)
    verdict = evaluate_shortlist(search)
    assert verdict.trial is not None
    assert set(verdict.trial.laps) == {"original", "quick"}
    assert verdict.proven


def test_the_report_says_what_was_compared(points_model: Any, two_threads: None) -> None:
    from jupyter_green.session import current

    costs = {"original": 1.0, "quick": 0.1, ALONE: 0.5}
    search = searching(points_model, {}, begun=False)
    search.gauge = Timed(costs, crowded=True)
    search._others = search.gauge.others()
    with current().window("trial", label="shrink") as window:
        search.begin()
        search.entries = [entry("quick", 0.1, 0, 0)]
        search.entries[0].product = RecipeResult(points_model, same_numbers=True)
        verdict = evaluate_shortlist(search)
    said = repr(result_of(search, verdict, window, 10_000, ()))
    assert "About 5.0× less processor time" in said
    assert "in one thread, since the machine was busy" in said
    assert "your model was held in one thread too" in said
    assert "500 ms → 100 ms of processor time" in said


def test_in_a_comparison_waiting_is_nobodys_gain_either() -> None:
    for alone, standing in ((1.3, "can't tell"), (40.0, "good enough")):
        costs = {"best": 53.0, "small": 1.0, ALONE: alone}
        made = trial({"original": 1.0, **costs})
        made = replace(made, reference="best", laps={name: made.laps[name] for name in costs})
        rows = [row("best", 0.95, ratio=1.0), row("small", 0.95, 1, 1, ratio=0.02)]
        found, pick, _ = decide(rows, CandidateStanding("best", 0.02, made, {}, threads=2))
        assert found[1].standing.replace("pick", "good enough") == standing
        assert pick == ("best" if standing == "can't tell" else "small")


@pytest.mark.parametrize("crowd", [0.5, 0.0])
def test_the_best_is_run_in_one_thread_beside(two_threads: None, monkeypatch: pytest.MonkeyPatch, crowd: float) -> None:
    monkeypatch.setattr(benchmark_candidates, "_used_by_others", lambda _cost_meter: crowd)
    seen: dict[str, set[int]] = {"best": set(), "small": set()}

    class Counted(torch.nn.Module):
        def __init__(self, name: str) -> None:
            super().__init__()
            self.inner, self.name = torch.nn.Linear(4, 2), name

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            seen[self.name].add(torch.get_num_threads())
            return self.inner(x)

    x = torch.randn(200, 4)
    best, small = Counted("best"), Counted("small")
    y = best(x).argmax(-1)
    seen["best"].clear()
    found = green.compare({"best": best, "small": small}, (x, y), time="1s", progress=False)
    assert {row.name for row in found.rows} == {"best", "small"}
    assert seen == {"best": {1, 2} if crowd else {2}, "small": {2}}
    assert torch.get_num_threads() == 2
