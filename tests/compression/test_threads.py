"""In how many threads a model runs: what makes it hardly faster is left, and the comparison stays one of models."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import torch

import jupyter_green as green
from jupyter_green.compression.cost.ratio import Ratio
from jupyter_green.compression.recipes import threads
from jupyter_green.compression.recipes.onnx_runtime import OnnxDynamic, OnnxFloat
from jupyter_green.compression.recipes.recipe import RecipeResult
from jupyter_green.compression.recipes.threads import EQUALLY_FAST, fewest_threads, limit_threads
from jupyter_green.compression.search.final_evaluation import evaluate_shortlist
from jupyter_green.compression.search.runtime_baselines import Runtimes, threads_of
from tests.compression.test_recipes import answer, case_of
from tests.compression.test_shrink import AMPLE, Timed, entry, searching
from tests.support import models


@pytest.fixture
def two_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


class Clocked:
    """A model that takes so long with each number of threads, on a clock that moves with it alone."""

    def __init__(self, took: dict[int, float]) -> None:
        self.took, self.threads = took, max(took)
        self.now, self.calls = 0.0, 0

    def in_threads(self, number: int) -> Any:
        outer = self

        class Counted(torch.nn.Module):
            def forward(self, *_: Any) -> Any:
                outer.now += outer.took[number]
                outer.calls += 1

        return Counted()


@pytest.mark.parametrize(
    ("took", "best"),
    [
        ({1: 1.0, 2: 0.99}, 1),
        ({1: EQUALLY_FAST - 0.01, 2: 1.0}, 1),
        ({1: EQUALLY_FAST + 0.01, 2: 1.0}, 2),
        ({1: 4.0, 2: 2.1, 4: 1.2, 6: 1.0}, 4),
        ({1: 1.0, 2: 2.0, 4: 3.0}, 1),
        ({1: 5.0}, 1),
    ],
)
def test_no_more_than_make_it_faster(
    took: dict[int, float], best: int, points_model: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    clocked = Clocked(took)
    monkeypatch.setattr(threads.deadline, "now", lambda: clocked.now)
    assert fewest_threads(case_of(points_model, models.points(seed=2)), clocked) == best


@pytest.mark.parametrize(
    ("took", "before", "best"),
    [
        ({1: 1.4, 2: 1.0}, 1.5, 1),
        ({1: 1.4, 2: 1.0}, 1.3, 2),
        ({1: 1.2, 2: 1.0}, 0.5, 1),
        ({1: 9.0, 2: 4.0, 4: 2.0}, 5.0, 2),
    ],
)
def test_no_slower_than_the_original_is_fast_enough(
    took: dict[int, float], before: float, best: int, points_model: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    clocked = Clocked(took)
    monkeypatch.setattr(threads.deadline, "now", lambda: clocked.now)

    def original(_: Any) -> None:
        clocked.now += before

    assert fewest_threads(case_of(points_model, models.points(seed=2)), clocked, original) == best


@pytest.mark.parametrize(("each", "rounds"), [(0.01, 9), (1.0, 2), (60.0, 1)])
def test_a_slow_model_is_timed_in_fewer_rounds(
    each: float, rounds: int, points_model: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Minutes of a search must not go into a number of threads."""
    clocked = Clocked({1: each, 2: each})
    monkeypatch.setattr(threads.deadline, "now", lambda: clocked.now)
    assert fewest_threads(case_of(points_model, models.points(seed=2)), clocked) == 1
    assert clocked.calls == 4 + 2 * rounds * max(1, int(threads.TIMED_SECONDS / each))


def test_the_same_answers_in_any_number(sentence_model: Any, two_threads: None) -> None:
    case = case_of(sentence_model, models.sentences(seed=2))
    product = OnnxFloat().apply(case)
    assert product.steps[-1]["threads"] == product.model.threads in (1, 2)
    for number in (1, 2):
        made = product.model.in_threads(number)
        assert made.threads == number
        torch.testing.assert_close(answer(case, made), answer(case, product.model))
    # Never more than the person gave PyTorch.
    assert product.model.in_threads(64).threads == 2


@pytest.mark.parametrize("number", [1, 2])
def test_a_runtime_is_held_against_itself_in_as_many_threads(points_model: Any, two_threads: None, number: int) -> None:
    search = searching(points_model, {"original": 1.0})
    whole, small = (recipe.apply(search.case(1.0)) for recipe in (OnnxFloat(), OnnxDynamic()))
    small = type(small)(small.model.in_threads(number), "onnx", small.steps, runtime=small.runtime)
    search.runtimes.remember(type(whole)(whole.model.in_threads(2), "onnx", same_numbers=True, runtime=whole.runtime))
    assert search.runtimes.of(small).threads == small.model.threads == number
    assert search.runtimes.of(whole) is None


class InOne(torch.nn.Module):
    """A model in a runtime that works in one thread; it notes how many PyTorch had meanwhile."""

    def __init__(self, inner: Any) -> None:
        super().__init__()
        setattr(self, threads.LIMIT, (1, 8))
        self.inner, self.seen = inner, set[int]()

    def forward(self, x: Any) -> Any:
        self.seen.add(torch.get_num_threads())
        return self.inner(x)


def test_what_fewer_threads_give_alone_is_told(points_model: Any, two_threads: None) -> None:
    """Whoever reads of a faster runtime must see what of it they can have without one."""
    search = searching(points_model, {"quick": 0.2, "threads": 0.5})
    search.entries = [entry("quick", 0.2, 0, 0)]
    search.entries[0].product = RecipeResult(InOne(points_model), runtime="another")
    verdict = evaluate_shortlist(search)
    assert verdict.in_threads is not None
    assert verdict.in_threads.value == pytest.approx(0.5)
    torch.set_num_threads(1)
    assert evaluate_shortlist(search).in_threads is None


def test_in_pytorch_fewer_threads_are_the_runtime(points_model: Any, two_threads: None) -> None:
    search = searching(points_model, {"quick": 0.2, "runtime": 0.5})
    search.entries = [entry("quick", 0.2, 0, 0)]
    search.entries[0].product = RecipeResult(limit_threads(copy.deepcopy(points_model), 1, rows=8))
    verdict = evaluate_shortlist(search)
    assert verdict.trial is not None
    assert set(verdict.trial.laps) == {"original", "runtime", "quick"}
    assert verdict.in_threads is not None
    assert verdict.in_threads.value == pytest.approx(0.5)
    assert verdict.split is not None
    assert [part.value for part in verdict.split] == pytest.approx([0.5, 0.4])


def test_a_run_in_fewer_threads_puts_them_back(points_model: Any, two_threads: None) -> None:
    search = searching(points_model, {})
    for wanted, seen in ((None, 2), (1, 1)):
        model = InOne(points_model)
        search.workload.runner(model, threads=wanted).run(0)
        assert model.seen == {seen}
        assert torch.get_num_threads() == 2


def test_the_report_says_how_to_have_it(points_model: Any, two_threads: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "EQUALLY_FAST", 1e9)
    result = green.shrink(points_model, models.points(3000, seed=2), time=AMPLE, recipes=[OnnxFloat()])
    facts = replace(result.facts, in_threads=Ratio(0.5, 0.45, 0.55, 9))
    told = repr(replace(result, facts=facts, recipe="ONNX Runtime", model=InOne(points_model)))
    assert "2.0× (1.82–2.2) is fewer threads" in told
    assert "torch.set_num_threads(1)" in told


class Nosy(torch.nn.Module):
    """Says in how many threads it was called, and fails where asked to."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[int] = []

    def forward(self, input_ids: torch.Tensor, *, fails: bool = False) -> torch.Tensor:
        self.seen.append(torch.get_num_threads())
        if fails:
            raise RuntimeError("out of memory")
        return input_ids


def test_what_is_small_is_taken_in_fewer_threads_and_the_number_is_put_back(two_threads: None) -> None:
    model = limit_threads(Nosy(), 1, rows=8)
    model(torch.ones(1, 1))
    model(input_ids=torch.ones(8, 1))
    model(torch.ones(1, 9))
    model(torch.ones(3, 3))
    assert model.seen == [1, 1, 2, 2]
    assert torch.get_num_threads() == 2
    with pytest.raises(RuntimeError, match="out of memory"):
        model(torch.ones(1, 1), fails=True)
    assert torch.get_num_threads() == 2
    copied = copy.deepcopy(model)
    copied(torch.ones(1, 1))
    assert copied.seen[-1] == 1
    assert threads_of(copied) == 1
    torch.set_num_threads(1)
    model(torch.ones(1, 1))
    assert (model.seen[-1], torch.get_num_threads()) == (1, 1)
    # A person's own attribute is not ours.
    plain = Nosy()
    plain.threads = 7
    assert threads_of(plain) is None


def test_fewer_threads_are_no_smaller_model(two_threads: None) -> None:
    """The original writes in as few threads, or their gain would be told as the model's."""
    model = models.language()
    case = case_of(model, models.texts(seed=2), new_tokens=8)
    runtimes = Runtimes(lambda: case_of(model, models.texts(seed=2), new_tokens=8))
    product = RecipeResult(limit_threads(copy.deepcopy(model), 1, rows=8))
    beside = runtimes.of(product)
    assert threads_of(beside) == 1
    assert torch.equal(answer(case, beside), answer(case, model))
    assert runtimes.of(product) is beside
    assert runtimes.of(RecipeResult(copy.deepcopy(model))) is None


@pytest.mark.parametrize("crowd", [True, False])
def test_what_is_not_timed_is_done_in_one_thread_beside_others(
    points_model: Any, two_threads: None, crowd: bool
) -> None:
    """Threads that wait for one another beside others take the time of the search, and give nothing."""
    seen: set[int] = set()

    class Counted(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = points_model

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            seen.add(torch.get_num_threads())
            return self.inner(x)

    search = searching(Counted(), {}, begun=False)
    search.gauge = Timed({"original": 1.0, "same": 1.0, "one thread": 1.0}, crowded=crowd)
    search.begin()
    assert 1 in seen if crowd else seen == {2}
    seen.clear()
    search.look(search.subject.model)
    assert seen == ({1} if crowd else {2})
    seen.clear()
    search.workload.runner(search.subject.model).run(0)  # what is timed runs as the person's settings say
    assert seen == {2}
    assert torch.get_num_threads() == 2
