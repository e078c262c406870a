"""The time that a person allows bounds all of a search, whatever takes long; on a clock that only the model moves."""

from __future__ import annotations

from typing import Any

import pytest
import torch

import jupyter_green as green
from jupyter_green.shrink import deadline
from jupyter_green.shrink.call import recipes_of
from jupyter_green.shrink.fault import ShrinkError
from jupyter_green.shrink.judgement import judge
from jupyter_green.shrink.trial import Outcome

from . import models
from .test_shrink import entry, searching

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
        self.clock, self.model = [clock], model

    def __deepcopy__(self, memo: Any) -> Dear:
        import copy

        return Dear(self.clock[0], copy.deepcopy(self.model, memo))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.clock[0].seconds += CALL
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
            row.reason for row in result.candidates if row.standing == "not tried" and "The time" not in row.reason
        ] == []
    except ShrinkError as error:
        said = str(error)
    assert "The time" in said
    assert clock.seconds <= 1.1 * seconds + CALL


def test_reading_data_is_a_part_of_the_time(points_model: Any, clock: Clock) -> None:
    class Slow(torch.utils.data.Dataset[Any]):
        def __len__(self) -> int:
            return 400

        def __getitem__(self, place: int) -> Any:
            clock.seconds += CALL
            return torch.zeros(12), place % 3

    loader = torch.utils.data.DataLoader(Slow(), batch_size=2)
    with pytest.raises(ShrinkError, match="The time was up"):
        green.shrink(points_model, loader, time=20, progress=False)
    assert clock.seconds <= 1.1 * 20 + 2 * CALL


def test_what_was_not_judged_and_whose_cost_is_untold_is_not_kept(points_model: Any) -> None:
    """A headline without a figure says nothing, and a model that may cost more is no result."""
    search = searching(points_model, {"small": 0.25})
    untold = entry("small", 0.25, 0, 0)
    untold.outcome = Outcome("can't tell", None, "Too few rounds were run in the time allowed.", untold.outcome.cost)
    search.entries = [untold]
    search.interrupted = True
    verdict = judge(search)
    assert verdict.entry is None
    assert verdict.reason == untold.outcome.reason
