"""The last check: the winner in a process of its own, with inputs of other sizes, and nothing slips through."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch

from jupyter_green.compression.data.splits import splits_of
from jupyter_green.compression.model.source_model import source_model_of
from jupyter_green.compression.quality.loss import counted
from jupyter_green.compression.recipes.depth import keep_layers
from jupyter_green.compression.recipes.onnx_runtime import OnnxFloat
from jupyter_green.compression.recipes.recipe import RecipeResult
from jupyter_green.compression.recipes.student import Student
from jupyter_green.compression.search.candidate import AcceptedCandidate
from jupyter_green.compression.search.final_evaluation import evaluate_shortlist
from jupyter_green.compression.store import reload_check
from jupyter_green.compression.store.reload_check import inspect
from tests.compression.test_recipes import case_of
from tests.compression.test_shrink import entry, searching
from tests.support import models


def product_of(model: Any, data: Any, recipe: Any) -> tuple[Any, RecipeResult, Any]:
    case = case_of(model, data, seconds=0.2)
    return case.original, recipe.apply(case), case.tune


def test_an_exported_model_in_a_fresh_process(sentence_model: Any) -> None:
    original, product, batches = product_of(sentence_model, models.sentences(seed=2), OnnxFloat())
    found = inspect(original, product, batches)
    assert found.passed, found.said
    assert found.fresh
    assert found.memory_bytes is not None
    assert "a fresh process" in found.said
    assert "9 inputs of other sizes" in found.said


def test_one_that_does_not_answer_in_time_has_not_passed(sentence_model: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reload_check, "PATIENCE_SECONDS", 0.05)
    found = inspect(*product_of(sentence_model, models.sentences(seed=2), OnnxFloat()))
    assert not found.passed
    assert "did not answer within 0.05 s" in found.said


def test_a_language_model_generates_the_same_there() -> None:
    model = models.language()
    subject = source_model_of(model)
    shorter = subject.copy()
    keep_layers(shorter, "model.layers", [0, 2])
    batches = splits_of(subject, models.texts()).judge
    found = inspect(subject, RecipeResult(shorter), batches)
    assert found.passed, found.said
    assert "generated the same" in found.said


def test_a_class_of_the_notebook_is_loaded_here_and_that_is_said(points_model: Any) -> None:
    case = case_of(points_model, models.points(seed=2))
    found = inspect(case.original, RecipeResult(case.subject.model), case.tune)
    assert found.passed, found.said
    assert not found.fresh
    assert "this process, since Blocks is no class of a library" in found.said


def test_a_student_of_the_same_class_may_be_of_another_size() -> None:
    """Two of torch's own containers differ in what they hold, not in their class."""
    teacher, small = (
        torch.nn.Sequential(torch.nn.Linear(12, width), torch.nn.ReLU(), torch.nn.Linear(width, 3)).eval()
        for width in (32, 8)
    )
    teacher.append(torch.nn.ReLU()).append(torch.nn.Linear(3, 3))
    original, product, batches = product_of(teacher, models.points(seed=2), Student(small))
    found = inspect(original, product, batches)
    assert found.passed, found.said


def test_a_student_of_another_class_is_saved_under_its_own_name(points_model: Any) -> None:
    original, product, batches = product_of(points_model, models.points(seed=2), Student(_Small()))
    found = inspect(original, product, batches)
    assert found.passed, found.said
    assert "since _Small is no class" in found.said


class _Small(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.only = torch.nn.Linear(12, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.only(x)


def test_what_hangs_on_this_process_is_found(sentence_model: Any) -> None:
    """A model that answers with help from outside itself is another one when it is loaded."""
    subject = source_model_of(sentence_model)
    batches = splits_of(subject, models.sentences(seed=2)).judge
    helped = subject.copy()
    helped.classifier.register_forward_hook(lambda _module, _given, out: out + 5)
    found = inspect(subject, RecipeResult(helped), batches)
    assert not found.passed
    assert "answers differently" in found.said


def test_a_process_that_ends_badly_is_a_finding(sentence_model: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    original, product, batches = product_of(sentence_model, models.sentences(seed=2), OnnxFloat())
    monkeypatch.setattr(reload_check.sys, "executable", "/bin/false")
    assert "it failed" in inspect(original, product, batches).said


def test_what_does_not_pass_is_not_kept(points_model: Any) -> None:
    """Proven, but it can't be saved and loaded: the surer one before it is kept, else nothing."""

    class Bound(torch.nn.Module):
        """Holds its weights where saving does not see them."""

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return points_model(x)

    search = searching(points_model, {"bound": 0.3, "sure": 0.5}, seconds=60)
    search.entries = [entry("sure", 0.5, 0, 0), entry("bound", 0.3, 1, 0)]
    search.entries[1].product = RecipeResult(Bound())
    search.entries[0].product = RecipeResult(search.subject.copy())
    search.entries[0].loss = counted(0, 0, 1000)
    verdict = evaluate_shortlist(search)
    assert verdict.entry is not None
    assert verdict.entry.name == "sure"
    assert verdict.proven
    only = searching(points_model, {"bound": 0.3}, seconds=60)
    only.entries = [_copied(search.entries[1])]
    verdict = evaluate_shortlist(only)
    assert not verdict.proven
    assert verdict.reason is not None
    assert verdict.reason.code == "reload failed"
    assert "saved and loaded" in verdict.reason.detail


def _copied(found: AcceptedCandidate) -> AcceptedCandidate:
    return replace(found)
