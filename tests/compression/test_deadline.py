"""The time that a person allows bounds all of a search, whatever takes long; on a clock that only the model moves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch

import jupyter_green as green
from jupyter_green.compression.api import recipes_of
from jupyter_green.compression.cost.cost_meter import CostSample
from jupyter_green.compression.cost.trial import Outcome, Runner, _repeats
from jupyter_green.compression.data.splits import splits_of
from jupyter_green.compression.errors import ShrinkError
from jupyter_green.compression.model.source_model import source_model_of
from jupyter_green.compression.process import deadline
from jupyter_green.compression.reasons import Reason
from jupyter_green.compression.recipes.recipe import RecipeResult
from jupyter_green.compression.search.final_evaluation import CHECK_GRACE, TOO_LATE, evaluate_shortlist
from jupyter_green.compression.search.search import Search
from jupyter_green.compression.search.sensitivity import by_sensitivity
from tests.compression.test_shrink import Made, Timed, entry, searching
from tests.support import models

CALL = 2.0
"""Seconds of the clock that one call of the model takes."""


class Clock:
    """A clock that stands still until somebody moves it."""

    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


class Dear(torch.nn.Module):
    """A model each of whose calls takes `CALL` seconds."""

    def __init__(self, clock: Clock, model: Any) -> None:
        super().__init__()
        self.model = model

        def spend() -> None:
            clock.seconds += CALL

        # A function is no state of a model: what is put back after a run leaves the clock alone, and so do copies.
        self.spend = spend

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.spend()
        found: torch.Tensor = self.model(x)
        return found


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(deadline, "now", made)
    return made


@pytest.mark.parametrize("seconds", [1, 10, 60])
@pytest.mark.parametrize("what", ["shrink", "quantize", "distil"])
def test_a_search_keeps_to_its_time(what: str, seconds: int, points_model: Any, clock: Clock) -> None:
    model, options = Dear(clock, points_model), {}
    if what == "distil":
        options["student"] = torch.nn.Linear(12, 3)
    if what == "shrink":
        options["recipes"] = recipes_of("quantize", {})[0]
    call = getattr(green, what)
    said = ""
    try:
        result = call(model, models.points(3000, seed=2), time=seconds, progress=False, **options)
        said = result.reason
        assert not result.proven, [row.reason for row in result.candidates]
        assert [
            row.reason for row in result.candidates if row.standing == "not tried" and row.why.code != "time up"
        ] == []
    except ShrinkError as error:
        said = str(error)
    assert "The time" in said or "One candidate was tried" in said
    assert clock.seconds <= seconds + 2 * CALL


class Ran(Timed):
    """Known costs of laps that are really run."""

    def lap(self, name: str, inferences: int, run: Callable[[], None]) -> Callable[[], CostSample]:
        run()
        return super().lap(name, inferences, run)


def slow(model: Any, clock: Clock, seconds: float) -> Search:
    search = searching(Dear(clock, model), {}, begun=False, seconds=seconds, max_loss=0.05)
    search.gauge = Ran({"original": 1.0, "cheap": 0.2})
    search.run([Made("cheap", lambda case: RecipeResult(case.subject.model))])
    return search


@pytest.mark.parametrize("seconds", [90, 120, 300])
def test_a_slow_model_is_judged_on_as_many_examples_as_fit(seconds: int, points_model: Any, clock: Clock) -> None:
    search = slow(points_model, clock, seconds)
    verdict = evaluate_shortlist(search)
    assert clock.seconds <= seconds + CHECK_GRACE + CALL
    assert verdict.loss is not None
    assert verdict.loss.examples <= sum(batch.size for batch in search.material.judge)
    assert verdict.outcome is not None
    assert verdict.outcome.verdict == "less"
    # Five points without any loss take 73 examples; of fewer nothing is claimed.
    assert verdict.proven == (verdict.loss.examples >= 73)
    assert verdict.reason is not None
    assert verdict.reason.examples == verdict.loss.examples
    assert verdict.proven or seconds == 90


def test_what_does_not_fit_is_left_out_of_judging_and_said(points_model: Any, clock: Clock) -> None:
    search = slow(points_model, clock, 300)
    clock.seconds = 300 - search.trial_seconds - 9 * CALL  # a later end of the search than was planned
    verdict = evaluate_shortlist(search)
    assert clock.seconds <= 300 + CHECK_GRACE + CALL
    assert verdict.loss is not None
    assert verdict.loss.examples == 4 * 32
    assert verdict.proven
    assert search.material.notes[-1].startswith("128 of the ")


def test_where_nothing_more_fits_it_is_said_to_be_unjudged(points_model: Any, clock: Clock) -> None:
    search = slow(points_model, clock, 120)
    clock.seconds = 120 - CALL / 2
    verdict = evaluate_shortlist(search)
    assert not verdict.proven
    assert verdict.reason == TOO_LATE
    assert verdict.scores is None
    assert clock.seconds <= 120 + CALL


def test_the_time_of_a_lap_and_of_layers_is_the_deadlines(points_model: Any, clock: Clock) -> None:
    """On another clock each of these would take a call that lasts two seconds for one of a few microseconds."""
    dear = Dear(clock, points_model)
    runner = Runner(lambda _: dear(torch.zeros(1, 12)), lambda _: 1)
    assert _repeats(runner, 0.1, 60.0) == 1
    batches = splits_of(source_model_of(points_model), models.points(600)).tune
    with deadline.until(clock() + 1000):
        assert by_sensitivity(replace(source_model_of(points_model), model=dear), batches, 1.0) == []
        before = clock.seconds
        assert len(by_sensitivity(replace(source_model_of(points_model), model=dear), batches, 100.0)) == 6
    assert clock.seconds - before <= 100.0
    assert _repeats(Runner(lambda _: None, lambda _: 1), 0.1, 1e-9) > 1  # a lap is never too short to be read


@pytest.mark.parametrize("kind", ["loader", "one batch", "subset", "stream", "examples", "dataset"])
def test_reading_data_is_a_part_of_the_time(kind: str, points_model: Any, clock: Clock) -> None:
    """Also within one batch, of which each item is slow."""

    class Slow(torch.utils.data.Dataset[Any]):
        def __len__(self) -> int:
            return 400

        def __getitem__(self, place: int) -> Any:
            clock.seconds += CALL
            return torch.zeros(12), place % 3

    class Stream(torch.utils.data.IterableDataset[Any]):
        def __iter__(self) -> Any:
            return (Slow()[place] for place in range(400))

    def loader(dataset: Any, size: int = 400) -> Any:
        return torch.utils.data.DataLoader(dataset, batch_size=size)

    data = {
        "loader": loader(Slow(), 2),
        "one batch": loader(Slow()),
        "subset": loader(torch.utils.data.Subset(Slow(), range(400))),
        "stream": loader(Stream()),
        "examples": (Slow()[place] for place in range(400)),
        "dataset": Slow(),
    }[kind]
    with pytest.raises(ShrinkError, match="The time was up"):
        green.shrink(points_model, data, time=20, progress=False)
    assert clock.seconds <= 1.1 * 20 + 2 * CALL


def test_what_was_not_judged_and_whose_cost_is_untold_is_not_kept(points_model: Any) -> None:
    """A headline without a figure says nothing, and a model that may cost more is no result."""
    search = searching(points_model, {"small": 0.25})
    untold = entry("small", 0.25, 0, 0)
    untold.outcome = Outcome("can't tell", None, Reason("too few rounds"), untold.outcome.cost)
    search.entries = [untold]
    search.interrupted = True
    verdict = evaluate_shortlist(search)
    assert verdict.entry is None
    assert verdict.reason == untold.outcome.reason
