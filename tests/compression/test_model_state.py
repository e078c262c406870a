"""Whatever a model holds beside its parameters is put back, and its own randomness is nobody's fault."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import jupyter_green as green
from jupyter_green.compression.errors import ShrinkError
from jupyter_green.compression.model.source_model import SourceModel, source_model_of
from jupyter_green.compression.model.state import ModelState
from jupyter_green.compression.quality.metric import Agreement, Metric
from jupyter_green.compression.recipes.recipe import RecipeContext, RecipeResult
from jupyter_green.compression.search.final_evaluation import evaluate_shortlist
from tests.compression.test_shrink import AMPLE, Made, rows, searching
from tests.support import models


class Cache:
    """A cache of keys as a class of its own."""

    def __init__(self) -> None:
        self.keys: list[torch.Tensor] = []
        self.seen = 0


class Stateful(nn.Module):
    """Everything that changes with a call, and none of it changes an answer."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model
        self.norm = nn.BatchNorm1d(12)
        self.register_buffer("calls", torch.zeros(1))
        self.register_buffer("last", None)
        self.count, self.log, self.held = 0, [1], {"a": torch.ones(2)}
        self.cache, self.table = Cache(), np.zeros(3)
        self.drawn, self.numbers = random.Random(3), np.random.default_rng(3)
        self.noise = torch.Generator().manual_seed(3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.norm.train()(x)
        self.calls += 1
        self.last = x
        self.count += 1
        self.log.append(self.count)
        self.held["a"].add_(1)
        self.held[str(self.count)] = x
        self.cache.keys.append(x)
        self.cache.seen += len(x)
        self.table += 1
        self.new = x
        self.drawn.random(), self.numbers.random(), torch.rand(1, generator=self.noise)
        torch.rand(1), np.random.random(), random.random()
        return self.model(x)


def held(model: Stateful) -> list[Any]:
    tensors = [model.norm.running_mean.tolist(), model.calls.tolist(), model.held["a"].tolist(), model.table.tolist()]
    drawn = [model.drawn.getstate(), str(model.numbers.bit_generator.state), model.noise.get_state().tolist()]
    plain = [model.last, model.count, model.log[:], list(model.held), len(model.cache.keys), model.cache.seen]
    everybody = [torch.get_rng_state().tolist(), str(np.random.get_state()), random.getstate()]
    return [*tensors, *drawn, *plain, *everybody, hasattr(model, "new"), model.norm.training]


def test_all_state_is_put_back_and_billed_to_no_recipe(points_model: Any) -> None:
    model = Stateful(points_model).eval()
    identity = model.held, model.held["a"], model.cache, model.table, model.calls
    before = held(model)
    same = Made("same", lambda case: RecipeResult(case.subject.model, same_numbers=True))

    def touching(case: Any) -> RecipeResult:
        case.original.call(case.sample)
        return RecipeResult(case.subject.model, same_numbers=True)

    result = green.shrink(model, models.points(400, seed=2), time=20, recipes=[same, Made("calling", touching)])
    assert held(model) == before
    assert identity == (model.held, model.held["a"], model.cache, model.table, model.calls)
    assert "varies" not in repr(result)
    for name in ("same", "calling"):
        assert rows(result)[name].standing != "failed"
        assert rows(result)[name].loss.same


def test_in_a_comparison_state_is_put_back_too(points_model: Any) -> None:
    model = Stateful(points_model).eval()
    before = held(model)
    green.compare({"stateful": model, "plain": points_model}, models.points(200, seed=2), time="5s", progress=False)
    assert held(model) == before


def test_parameters_are_told_from_state(points_model: Any) -> None:
    subject = source_model_of(Stateful(points_model))
    before = subject.fingerprint()
    subject.call(torch.randn(8, 12))
    assert subject.fingerprint() == before

    class Learning(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = nn.Linear(12, 3)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            self.inner.weight.data.mul_(0.999)
            return self.inner(x)

    with pytest.raises(ShrinkError, match="changes its own parameters"):
        green.shrink(Learning(), models.points(400, seed=2), time=AMPLE, recipes=[])


def test_what_was_filled_while_gradients_were_on_is_copied() -> None:
    class Cached(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = nn.Linear(12, 3)
            self.cache: Any = None
            self.noise = torch.Generator().manual_seed(1)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            self.cache = self.inner(x)
            return self.cache

    model = Cached()
    model(torch.randn(4, 12))
    made = SourceModel(model).copy()
    assert torch.equal(made.cache, model.cache)
    assert made.cache is not model.cache
    assert torch.equal(made.noise.get_state(), model.noise.get_state())


def dropout(x: torch.Tensor) -> torch.Tensor:
    return nn.functional.dropout(x, 0.3)


def by_torch(x: torch.Tensor) -> torch.Tensor:
    return x + torch.rand(len(x), 1) * torch.tensor([1.0, -1.0] * 6)


def by_numpy(x: torch.Tensor) -> torch.Tensor:
    return x + torch.from_numpy(np.random.normal(size=tuple(x.shape))).to(x)


def by_python(x: torch.Tensor) -> torch.Tensor:
    return x + torch.tensor([[random.gauss(0, 0.5) for _ in range(x.shape[1])] for _ in range(len(x))])


class Varying(nn.Module):
    def __init__(self, model: nn.Module, noise: Callable[[torch.Tensor], torch.Tensor] | None) -> None:
        super().__init__()
        self.model, self.noise = model, noise
        self.own = torch.Generator().manual_seed(5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        noisy = x + torch.randn(x.shape, generator=self.own) if self.noise is None else self.noise(x)
        return self.model(noisy)


@pytest.mark.parametrize(
    ("noise", "metric"),
    [(dropout, Agreement), (by_torch, Agreement), (by_numpy, Metric), (by_python, Agreement), (None, Agreement)],
)
def test_an_original_that_varies_is_its_own_measure(points_model: Any, noise: Any, metric: type[Metric]) -> None:
    """A copy of it is as good as it is: not worse, and not exactly the same."""
    torch.manual_seed(1), np.random.seed(1), random.seed(1)
    search = searching(Varying(points_model, noise), {"copy": 0.5, "ruined": 0.1}, begun=False, max_loss=0.08)
    search.metric = metric()
    search.begin()
    assert search.varies is not None
    assert search.parts is not None
    assert metric is Metric or search.metric.value(search.parts) < 0.99
    assert search.consider("copy", RecipeResult(search.subject.copy(), same_numbers=True), None)
    loss = search.entries[0].loss
    assert not loss.same
    assert loss.low < 0 < loss.high
    assert not search.consider("ruined", RecipeResult(models.Blocks().eval()), None)
    assert search.rows[-1].why.code == "loses more"
    verdict = evaluate_shortlist(search)
    assert verdict.loss is not None
    assert verdict.loss.low < 0 < verdict.loss.high
    assert verdict.reason is not None
    assert verdict.reason.code != "same numbers"


def test_the_report_says_that_the_original_varies(points_model: Any) -> None:
    result = green.shrink(Varying(points_model, dropout), models.points(400, seed=2), time=4, recipes=[])
    assert "Your model varies: asked twice" in repr(result)
    steady = green.shrink(points_model, models.points(400, seed=2), time=4, recipes=[])
    assert "varies" not in repr(steady)


def test_variation_of_whole_runs_is_in_the_interval(points_model: Any) -> None:
    """Noise that is drawn once for a run is seen by no bootstrap of examples."""
    search = searching(points_model, {})
    assert search.parts is not None
    assert search.loss(search.parts, search.parts, 0.03, search.material.select).same
    search.varies = 0.5
    found = search.loss(search.parts, search.parts, 0.03, search.material.select)
    assert not found.same
    assert found.high > 0.03 > -0.03 > found.low


def test_a_state_of_what_is_no_module_is_empty() -> None:
    assert not ModelState(lambda x: x).put_back()
    assert not ModelState(None).put_back()


class Remembering(nn.Module):
    """Adds what is left of the last batch, as a recurrent network does whose state is kept."""

    def __init__(self) -> None:
        super().__init__()
        self.last, self.held = nn.Linear(12, 3), None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        found = self.last(x)
        if self.held is not None:
            found = found + self.held
        self.held = found.mean(0, keepdim=True)
        return found


class InPlace(nn.Module):
    """Writes into what it is called with."""

    def __init__(self) -> None:
        super().__init__()
        self.last = nn.Linear(12, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.last(x.add_(0.5))


class Copy:
    """A recipe that changes nothing."""

    name, trains = "a copy", False

    def applies(self, case: RecipeContext) -> str | None:
        return None

    def apply(self, case: RecipeContext) -> RecipeResult:
        return RecipeResult(case.subject.model)


@pytest.mark.parametrize("kind", [Remembering, InPlace])
def test_what_is_kept_between_calls_and_written_into_inputs_is_no_recipes_fault(kind: type[nn.Module]) -> None:
    torch.manual_seed(3)
    model, (x, _) = kind().eval(), models.points(600)
    before = x.clone()
    y = torch.cat([model(part.clone()).argmax(-1) for part in x.split(32)])
    if isinstance(model, Remembering):
        model.held = None
    data = [(x[at : at + 32], y[at : at + 32]) for at in range(0, len(x), 32)]  # batches of the person's own tensors
    result = green.shrink(model, data, recipes=[Copy()], task="classification", time=3, progress=False)
    row = next(row for row in result.candidates if row.name == "a copy")
    assert row.loss is not None
    assert row.loss.same
    assert torch.equal(x, before)
    said = "keeps something between calls" in repr(result)
    assert said == (kind is Remembering)
    assert "varies" not in repr(result)
