"""How the search spends its time: what is sure to be worse goes early, dials are turned, whole numbers repaired."""

from __future__ import annotations

import math
import random
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

import jupyter_green as green
from jupyter_green.compression.cost.cost_meter import CostSample
from jupyter_green.compression.data.batch import smaller
from jupyter_green.compression.model.source_model import source_model_of
from jupyter_green.compression.process import deadline
from jupyter_green.compression.process.gpu_idle_wait import wait_for_idle_gpu
from jupyter_green.compression.process.memory import lacking
from jupyter_green.compression.process.state import ProcessState
from jupyter_green.compression.progress import Progress
from jupyter_green.compression.reasons import Reason
from jupyter_green.compression.recipes.recipe import Adjustable, Recipe, RecipeContext, RecipeResult, Repairable
from jupyter_green.compression.recipes.registry import quantizing
from jupyter_green.compression.recipes.student import Student
from jupyter_green.compression.recipes.training import Training, distil, train_equally
from jupyter_green.compression.search.bisection import bisect
from jupyter_green.compression.search.evaluator import CHOOSING_ROUNDS, FIRST_LOOK, LEAST_LOOKED
from jupyter_green.compression.search.final_evaluation import INTERRUPTED, evaluate_shortlist
from jupyter_green.compression.search.search import Search
from jupyter_green.compression.search.sensitivity import by_sensitivity
from tests.compression.test_recipes import case_of
from tests.compression.test_shrink import AMPLE, Made, Still, entry, rows, searching, state_of, unchanged
from tests.support import models


@pytest.mark.parametrize("most", range(-1, 7))
def test_a_dial_finds_the_harshest_that_is_accepted(most: int) -> None:
    tried: list[int] = []

    def accepted(setting: int) -> bool:
        tried.append(setting)
        return setting <= most

    assert bisect(range(7), accepted, tries=9) == (most if most >= 0 else None)
    assert len(tried) == len(set(tried)) <= 3
    assert bisect(range(7), accepted, tries=0) is None


class Dialled:
    """A recipe that costs less and loses more the further it is turned."""

    trains = True

    def __init__(self, turned: float, tried: list[float], *, fixed: bool = False) -> None:
        self.turned, self.tried, self.fixed = turned, tried, fixed
        self.name = f"turned {turned}"

    def applies(self, case: RecipeContext) -> str | None:
        return None

    def apply(self, case: RecipeContext) -> RecipeResult:
        self.tried.append(self.turned)
        model, share = case.subject.model, max(0.0, self.turned - 0.5)

        class Wrong(torch.nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.inner = model

            def forward(self, x: torch.Tensor) -> torch.Tensor:
                out = self.inner(x)
                return torch.where((torch.arange(len(x)) < share * len(x))[:, None], -out, out)

        return RecipeResult(Wrong(), training=Training(1, 1e-3, False, 0.0))

    def dial(self, case: RecipeContext) -> tuple[Sequence[Recipe], int]:
        settings = [0.1, 0.3, 0.5, 0.7, 0.9]
        return ([], 0) if self.fixed else ([Dialled(x, self.tried, fixed=True) for x in settings], 1)


def test_a_dial_is_turned_until_it_loses_too_much(points_model: Any) -> None:
    tried: list[float] = []
    names = {f"turned {x}": 1 - x for x in (0.1, 0.3, 0.5, 0.7, 0.9)}
    search = searching(points_model, {**names, "first": 0.7}, seconds=3600)
    first = Dialled(0.3, tried)
    assert isinstance(first, Adjustable)
    first.name = "first"
    search.run([first])
    assert tried[0] == 0.3
    assert 0.1 not in tried
    assert "turned 0.5" in {entry.name for entry in search.entries}
    assert {row.name for row in search.rows if row.standing == "dropped"} <= {"turned 0.7", "turned 0.9"}
    assert evaluate_shortlist(search).entry is not None


def test_of_those_that_train_the_better_half_goes_on(points_model: Any) -> None:
    tried: list[float] = []
    good, bad = Dialled(0.3, tried, fixed=True), Dialled(0.9, tried, fixed=True)
    search = searching(points_model, {good.name: 0.5, bad.name: 0.1}, seconds=8, max_loss=0.05)
    search.run([bad, good])
    dropped = {row.name: row for row in search.rows}
    assert dropped[bad.name].why.code == "other trained on"
    assert [entry.name for entry in search.entries] == [good.name]
    training = search.entries[0].product.training
    assert training is not None
    assert training.parts[0] == 1
    assert len(training.parts) == 2


@pytest.mark.parametrize(("labelled", "longer", "part"), [(True, None, 0.4), (True, 3.0, 0.25), (False, 3.0, 0.8)])
def test_training_leaves_time_for_its_control(
    points_model: Any, labelled: bool, longer: float | None, part: float
) -> None:
    """A small student's step is short; one of the original, trained equally, takes up to three times as long."""
    search = searching(points_model, {})
    search.material = replace(search.material, labelled=labelled)
    recipe = Made("learner", lambda case: RecipeResult(case.subject.model))
    if longer is not None:
        recipe.control_takes = longer
    assert search._share(recipe) == pytest.approx(part)
    assert Student(points_model).control_takes == 3.0


def test_a_control_is_looked_at_once(points_model: Any) -> None:
    """It is a model as large as the original, and much is made of one structure."""

    class Counting(torch.nn.Module):
        """Counts in its class: what it holds itself is put back after each run."""

        calls = 0

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            type(self).calls += 1
            return points_model(x)

    search, control = searching(points_model, {"a": 0.5, "b": 0.4}, seconds=3600), Counting()
    for name in "ab":
        search.consider(name, RecipeResult(search.subject.copy()), control)
    assert control.calls == len(search.material.select)
    assert [row.standing for row in search.rows] == ["control"]
    assert all(entry.against_control == entry.loss for entry in search.entries)
    search.consider("b", RecipeResult(search.subject.copy()), Counting())
    assert Counting.calls == 2 * len(search.material.select)


class Restless(Still):
    """Costs that vary wildly until the machine has come to rest."""

    def __init__(self, costs: dict[str, float], laps: int) -> None:
        super().__init__(costs)
        self.left, self.drawn = laps, random.Random(0)

    def lap(self, name: str, inferences: int, run: Callable[[], None]) -> Callable[[], CostSample]:
        self.left -= 1
        wild = math.exp(self.drawn.gauss(0, 3)) if self.left >= 0 else 1.0
        lap = CostSample(1.0, 1.0, wild * self.costs[name] * inferences, 0.0, "measured")
        return lambda: lap


@pytest.mark.parametrize("laps", [2 * CHOOSING_ROUNDS, 1000])
def test_what_a_busy_machine_left_untold_is_tried_once_more(points_model: Any, laps: int) -> None:
    search = searching(points_model, {}, seconds=3600)
    search.gauge = Restless({"original": 1.0, "made": 0.2}, laps)
    search.run([Made("made", lambda case: RecipeResult(case.subject.model))])
    rows = [row.name for row in search.rows]
    if laps == 1000:
        assert (rows, search.entries) == (["made"], [])
        assert search.rows[0].why.code == "noisy"
    else:
        assert (rows, [entry.name for entry in search.entries]) == ([], ["made"])


@pytest.mark.parametrize(("laps", "proven"), [(6 * CHOOSING_ROUNDS, True), (1000, False)])
def test_what_stays_untold_is_judged_where_nothing_else_is_left(points_model: Any, laps: int, proven: bool) -> None:
    search = searching(points_model, {}, seconds=3600)
    search.gauge = Restless({"original": 1.0, "made": 0.2 if proven else 0.9}, laps)
    search.run([Made("made", lambda case: RecipeResult(case.subject.model, same_numbers=True))])
    assert search.rows[0].why.code == "noisy"
    verdict = evaluate_shortlist(search)
    assert (search.rows, verdict.entry) == ([], search.entries[0])
    assert verdict.proven == proven
    if not proven:
        assert verdict.reason is not None
        assert verdict.reason.inconclusive


def test_an_interrupted_search_keeps_nothing_untold(points_model: Any) -> None:
    search = searching(points_model, {}, seconds=3600)
    search.gauge = Restless({"original": 1.0, "made": 0.2}, 1000)
    search.run([Made("made", lambda case: RecipeResult(case.subject.model))])
    search.interrupted = True
    verdict = evaluate_shortlist(search)
    assert verdict.entry is None
    assert search.entries == []


class Integers:
    """A recipe of whole numbers that ruins the model unless its worst layers are left out."""

    trains = False

    def __init__(self, spared: Sequence[str] = ()) -> None:
        self.spared = tuple(spared)
        self.name = f"int, {len(self.spared)} out"

    def applies(self, case: RecipeContext) -> str | None:
        return None

    def without(self, layers: Sequence[str]) -> Integers:
        return Integers(layers)

    def apply(self, case: RecipeContext) -> RecipeResult:
        model = case.subject.model
        if "last" not in self.spared:
            model.last.weight.data.zero_()
        return RecipeResult(model)


def test_whole_numbers_are_repaired_by_leaving_the_worst_out(
    points_model: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = ["last", *(f"blocks.{place}.0" for place in range(19))]
    monkeypatch.setattr(sys.modules[Search.__module__], "by_sensitivity", lambda *_: order)
    costs = {f"int, {count} out": 0.5 for count in range(21)}
    search = searching(points_model, costs)
    assert isinstance(Integers(), Repairable)
    search.run([Integers()])
    assert "int, 0 out" in {row.name for row in search.rows if row.standing == "dropped"}
    # As few as suffice: one.
    assert min(int(entry.name.split()[1]) for entry in search.entries) == 1


def test_layers_that_take_too_long_to_look_at_are_not_looked_at(
    points_model: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a language model with hundreds of layers that took ten minutes of a search of three."""
    calls: list[int] = []
    subject, tune = source_model_of(points_model), case_of(points_model, models.points(seed=2)).tune
    handle = points_model.register_forward_hook(lambda *_: calls.append(1))
    assert by_sensitivity(subject, tune, 0.0) == []
    handle.remove()
    assert len(calls) == 2
    monkeypatch.setattr(sys.modules[Search.__module__], "by_sensitivity", lambda *_: [])
    search = searching(points_model, {})
    search._repair(Integers(), 1.0)
    assert "would take too long" in search.remarks["int, 0 out"][0]


def test_the_layer_that_suffers_most_is_found(points_model: Any) -> None:
    subject = source_model_of(source_model_of(points_model).copy())
    with torch.no_grad():
        # One weight a thousand times the others leaves the others no steps.
        subject.model.blocks[2][0].weight[:, 0] *= 1000
    before = state_of(subject.model)
    data = case_of(points_model, models.points(seed=2)).tune
    assert by_sensitivity(subject, data)[0] == "blocks.2.0"
    assert unchanged(subject.model, before)
    assert not any(module._forward_pre_hooks for module in subject.model.modules())


def test_what_is_surely_worse_is_not_looked_at_to_the_end(points_model: Any) -> None:
    seen = 0

    class Random(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            nonlocal seen
            seen += len(x)
            return torch.randn(len(x), 3)

    search = searching(points_model, {"random": 0.1})
    total = sum(batch.size for batch in search.material.select)
    assert not search.consider("random", RecipeResult(Random()), None)
    assert seen <= total / FIRST_LOOK + search.material.batch_size
    assert search.lost("random")
    assert search.rows[0].why == Reason("loses more", examples=seen)


def test_nothing_is_dropped_for_one_example(points_model: Any) -> None:
    """A quarter of few examples is hardly one, whose interval has no width."""
    search = searching(points_model, {}, begun=False)
    search.material = replace(search.material, select=smaller(search.material.select[:1], 1)[:16])
    search._affordable = lambda material: material
    search.begin()

    class Ruined(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return -points_model(x)

    loss, _ = search.look(Ruined())
    assert loss.examples == LEAST_LOOKED


def test_settings_of_the_process_are_put_back(points_model: Any) -> None:
    threads, precision = torch.get_num_threads(), torch.get_float32_matmul_precision()
    drawn = torch.get_rng_state(), random.getstate(), np.random.get_state()[1]

    def leak(case: RecipeContext) -> RecipeResult:
        import os

        import torch._inductor.config as inductor

        torch.set_num_threads(threads + 1)
        torch.set_float32_matmul_precision("medium" if precision != "medium" else "high")
        torch.set_default_dtype(torch.float64)
        inductor.epilogue_fusion = not inductor.epilogue_fusion
        os.environ["SOMEBODYS_SETTING"] = "1"
        torch.manual_seed(5)
        np.random.seed(5)
        random.seed(5)
        return RecipeResult(models.Blocks().eval())  # ruined, so that nothing is timed under these settings

    import os

    import torch._inductor.config as inductor

    fusion = inductor.epilogue_fusion
    result = green.shrink(points_model, models.points(400, seed=2), time=AMPLE, recipes=[Made("leaking", leak)])
    assert torch.get_num_threads() == threads
    assert torch.get_float32_matmul_precision() == precision
    assert torch.get_default_dtype() == torch.float32
    assert inductor.epilogue_fusion == fusion
    assert "SOMEBODYS_SETTING" not in os.environ
    assert torch.equal(torch.get_rng_state(), drawn[0])
    assert random.getstate() == drawn[1]
    assert np.array_equal(np.random.get_state()[1], drawn[2])
    said = " ".join(rows(result)["leaking"].notes)
    assert "put back" in said
    for name in ("number of threads", "default dtype", "_inductor.config.epilogue_fusion", "SOMEBODYS_SETTING"):
        assert name in said


def test_what_changed_nothing_is_not_blamed() -> None:
    before = ProcessState()
    assert before.put_back() == []


def test_no_room_for_copies_is_said_before_they_are_made() -> None:
    subject = source_model_of(models.Blocks())
    assert lacking(subject, False, (10**9, 2 * 10**9)) is None
    said = lacking(subject, True, (2 * 10**8, 2 * 10**9))
    assert said is not None
    assert said.startswith("Not enough memory")
    # A tenth of the memory is others', however much seems free.
    assert lacking(subject, True, (2 * 10**8, 2 * 10**9 - 1)) is not None


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("CUDA out of memory. Tried to allocate 2 GiB")])
def test_out_of_memory_is_a_row(points_model: Any, error: Exception) -> None:
    def grab(_case: RecipeContext) -> RecipeResult:
        raise error

    result = green.shrink(points_model, models.points(400, seed=2), time=AMPLE, recipes=[Made("large", grab)])
    assert rows(result)["large"].reason == "There was not enough memory for it."


@pytest.mark.parametrize("when", ["the original", "made", "judging"])
def test_an_interrupt_at_any_moment(points_model: Any, when: str) -> None:
    """The original stays as it was, and what was found so far is kept; in a first look nothing is found yet."""
    before, modes = state_of(points_model), [module.training for module in points_model.modules()]

    class Half(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return points_model(x)

    said: list[str] = []

    def say(what: str, _share: float) -> None:
        said.append(what)
        if what == when:
            raise KeyboardInterrupt

    search = searching(points_model, {"made": 0.4}, begun=when != "the original", say=say)
    search.run([Made("made", lambda case: RecipeResult(Half()))])
    verdict = evaluate_shortlist(search)
    assert search.interrupted
    assert said[-1] == when
    assert unchanged(points_model, before)
    assert [module.training for module in points_model.modules()] == modes
    assert (verdict.entry is not None) == (when == "judging")
    assert not verdict.proven
    if when == "judging":
        assert verdict.reason == INTERRUPTED


def test_an_interrupted_search_is_reported(points_model: Any) -> None:
    def say(what: str, _share: float) -> None:
        raise KeyboardInterrupt

    result = green.shrink(points_model, models.points(400, seed=2), time=AMPLE, recipes=[], say=say)
    assert result.model is points_model
    assert result.why.code == "interrupted"
    assert repr(result).startswith("Interrupted before anything was found: keep your model.")
    nothing = green.shrink(points_model, models.points(400, seed=2), time=AMPLE, recipes=[])
    assert repr(nothing).startswith("Nothing to try: keep your model.")
    assert "original" in repr(result)


def test_training_in_parts_is_answered_by_a_control_in_parts(points_model: Any) -> None:
    case = case_of(points_model, models.points(seed=2))
    twice = Training(3, 1e-3, True, 1.0).then(Training(4, 1e-3, True, 1.0))
    assert (twice.steps, twice.parts) == (7, (3, 4))
    assert twice.then(Training(2, 1e-3, False, 0.0)).parts == (3, 4, 2)
    steps: list[int] = []
    done = train_equally(case.subject, case.tune, twice, tick=lambda: steps.append(1))
    assert done.parts == twice.parts
    assert len(steps) == done.steps == 7


def test_training_moves_the_bar(points_model: Any) -> None:
    case = case_of(points_model, models.points(seed=2))
    ticks: list[int] = []
    done = distil(case.subject, case.original, case.tune, seconds=0.3, labels=False, tick=lambda: ticks.append(1))
    assert len(ticks) == done.steps > 0


def test_the_bar_shows_time_and_joules(capsys: pytest.CaptureFixture[str]) -> None:
    from jupyter_green.session import current

    with current().window("trial", label="bar") as window:
        bar = Progress(window, 300, shown=True)
        sum(value * value for value in range(300_000))
        bar("pruned", 0.5)
        bar.close()
    said = capsys.readouterr().err
    assert "pruned" in said
    assert "150/300 s" in said
    assert "J" in said
    assert "estimated" in said


def test_no_bar_where_nobody_looks(points_model: Any, capsys: pytest.CaptureFixture[str]) -> None:
    green.shrink(points_model, models.points(400, seed=2), time=5, recipes=[])
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(("busy_for", "said"), [(0, None), (3, None), (99, "Others use the GPU")])
def test_a_shared_board_is_waited_for_a_little(busy_for: int, said: str | None) -> None:
    looks: list[int] = []
    paused: list[float] = []

    def busy() -> bool:
        looks.append(1)
        return len(looks) <= busy_for

    found = wait_for_idle_gpu(busy, 4.0, paused.append)
    assert (found is None) == (said is None)
    assert sum(paused) == pytest.approx(min(busy_for * 0.5, 4.0))
    if said is not None:
        assert found is not None
        assert found.startswith(said)


def test_whole_numbers_are_not_repaired_where_another_is_cheaper_as_it_is(points_model: Any) -> None:
    search = searching(points_model, {})
    search.entries = [entry("doubtful", 0.5, 60, 55), entry("dear", 0.7, 0, 0)]
    assert not search.is_dominated("doubtful")
    assert not search.is_dominated("dear")
    search.entries.append(entry("cheap", 0.4, 0, 0))
    assert search.is_dominated("doubtful")
    # What was dropped for its loss alone may cost anything.
    assert not search.is_dominated("dropped")


@pytest.mark.parametrize("able", [True, False])
def test_time_is_kept_for_training_only_where_something_can_be_trained(points_model: Any, able: bool) -> None:
    class Trains(Made):
        trains = True

        def applies(self, case: RecipeContext) -> str | None:
            return None if able else "It can't."

    search = searching(points_model, {"late": 0.5, "trained": 0.5}, seconds=1e6)
    search.began -= 0.5 * search.seconds
    same = Made("late", lambda case: RecipeResult(case.subject.model))
    search._train = lambda _recipes: None
    search.run([same, Trains("trained", lambda case: RecipeResult(case.subject.model))])
    assert (("late", "time up") in [(row.name, row.why.code) for row in search.rows]) == able


@pytest.mark.parametrize("by_example", [True, False])
def test_batches_that_are_too_dear_are_cut(
    by_example: bool, points_model: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ten long texts at a time would take all of the time for choosing; the same examples come fewer at once.

    Where a call is as dear with fewer of them, there are fewer calls.
    """
    clock = [0.0]
    monkeypatch.setattr(deadline, "now", lambda: clock[0])

    class Slow(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = points_model

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            spend(len(x) / 32 if by_example else 1.0)
            out: torch.Tensor = self.model(x)
            return out

    def spend(seconds: float) -> None:
        clock[0] += seconds

    search = searching(Slow(), {}, begun=False, seconds=50)
    before = search.material
    after = search._affordable(before)
    assert (max(batch.size for batch in after.select) < 32) == by_example
    assert (len(after.select) >= 6) == by_example
    assert sum(batch.size for batch in after.select) >= 28
    ample = searching(Slow(), {}, begun=False, seconds=1e6)
    assert ample._affordable(before).batch_size == before.batch_size


@pytest.mark.parametrize("large", [False, True])
def test_the_likeliest_gain_is_tried_first(points_model: Any, large: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another runtime before fewer bits, but of a large model what is made in a second before what is exported."""
    tried: list[str] = []

    def noted(_search: Search, recipe: Recipe, _until: float) -> bool:
        tried.append(recipe.name)
        return False

    monkeypatch.setattr(Search, "_applies", noted)
    if large:
        monkeypatch.setattr(sys.modules[Search.__module__], "LARGE_BYTES", 0)
    searching(points_model, {})._first(quantizing(), 1.0)
    assert tried.index("bf16") > tried.index("ONNX Runtime int8") or large
    assert tried[-3:] == ["ONNX Runtime", "ONNX Runtime int8", "ONNX Runtime int8, static"] or not large
    assert len(tried) == len(quantizing())
