"""Every recipe: called like the original, which stays bit-identical; refusals say why; a third party's is tried too."""

from __future__ import annotations

import pickle
from dataclasses import replace
from typing import Any

import pytest
import torch

from jupyter_green.shrink.material import material_of
from jupyter_green.shrink.metric import metric_of
from jupyter_green.shrink.recipe import GROUP, Case, Chain, Product, known_recipes
from jupyter_green.shrink.recipes import ours
from jupyter_green.shrink.recipes.depth import Depth, evenly
from jupyter_green.shrink.recipes.integer import TorchInteger
from jupyter_green.shrink.recipes.onnx_runtime import OnnxDynamic, OnnxFloat
from jupyter_green.shrink.recipes.pruning import Prune
from jupyter_green.shrink.recipes.student import Student
from jupyter_green.shrink.subject import has_hooks, main_tensor, subject_of

from . import models

DATA = {"points": models.points, "pictures": models.pictures, "sentences": models.sentences}


@pytest.fixture(params=["points", "pictures", "sentences"])
def situation(request: pytest.FixtureRequest) -> tuple[Any, Any]:
    name = {"points": "points_model", "pictures": "picture_model", "sentences": "sentence_model"}[request.param]
    return request.getfixturevalue(name), DATA[request.param](seed=2)


def case_of(model: Any, data: Any, seconds: float = 1.0, **options: Any) -> Case:
    subject = subject_of(model)
    material = material_of(subject, data)
    first = material.select[0]
    with torch.no_grad():
        metric = metric_of(None, main_tensor(subject.call(first.inputs)), first.labels, vectors=False)
    copied = replace(subject, model=subject.copy())
    return Case(copied, subject, material.tune, material.labelled, metric, seconds, options)


def answer(case: Case, model: Any, begin: int = 0, end: int = 5) -> torch.Tensor:
    with torch.inference_mode():
        found: torch.Tensor = main_tensor(case.original.call(case.tune[0].part(begin, end).inputs, model))
    return found


@pytest.mark.parametrize("recipe", ours(), ids=lambda recipe: recipe.name)
def test_the_original_is_bit_identical_after_every_recipe(recipe: Any, situation: tuple[Any, Any]) -> None:
    model, data = situation
    case = case_of(model, data)
    reason = recipe.applies(case)
    if reason is not None:
        assert reason.endswith(".")
        assert len(reason) < 160
        return
    before, out = {k: v.clone() for k, v in model.state_dict().items()}, answer(case, model)
    random, gradients = torch.get_rng_state(), [None for parameter in model.parameters()]
    engine, modes = torch.backends.quantized.engine, [module.training for module in model.modules()]
    product = recipe.apply(case)
    assert torch.equal(answer(case, model), out)
    assert list(before) == list(model.state_dict())
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert torch.equal(torch.get_rng_state(), random)
    assert torch.backends.quantized.engine == engine
    assert [module.training for module in model.modules()] == modes
    assert not has_hooks(model)
    assert [parameter.grad for parameter in model.parameters()] == gradients
    # Called like the original, with one example or five; answers of the original's form.
    for end in (1, 5):
        assert answer(case, product.model, 0, end).shape == answer(case, model, 0, end).shape
    whole = case.original.call(case.tune[0].inputs, model)
    shrunk = case.original.call(case.tune[0].inputs, product.model)
    assert hasattr(shrunk, "logits") == hasattr(whole, "logits")
    assert (product.training is None) == (not recipe.trains)


def test_the_same_numbers_in_another_runtime(situation: tuple[Any, Any]) -> None:
    model, data = situation
    case = case_of(model, data)
    product = OnnxFloat().apply(case)
    assert product.same_numbers
    torch.testing.assert_close(answer(case, product.model), answer(case, model), atol=1e-4, rtol=1e-3)
    with pytest.raises(TypeError, match="is missing"):
        product.model()
    with pytest.raises(TypeError, match=r"result\.save"):
        pickle.dumps(product.model)
    assert b"/tests/" not in product.model.onnx


def test_lengths_that_change(sentence_model: Any) -> None:
    case = case_of(sentence_model, models.sentences(seed=2))
    for recipe in (OnnxFloat(), OnnxDynamic(), TorchInteger()):
        made = recipe.apply(case_of(sentence_model, models.sentences(seed=2))).model
        for length in (4, 16, 30):
            ids = torch.randint(10, 100, (3, length))
            inputs = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
            with torch.inference_mode():
                torch.testing.assert_close(
                    made(**inputs).logits, case.original.model(**inputs).logits, atol=0.15, rtol=0.1
                )


def test_fewer_layers_are_a_setting(sentence_model: Any, points_model: Any) -> None:
    product = Depth(2).apply(case_of(sentence_model, models.sentences(seed=2)))
    assert product.model.config.num_hidden_layers == 2
    assert len(product.model.bert.encoder.layer) == 2
    assert len(sentence_model.bert.encoder.layer) == sentence_model.config.num_hidden_layers == 4
    assert len(Depth(3).apply(case_of(points_model, models.points(seed=2))).model.blocks) == 3
    assert evenly(6, 4) == [0, 2, 3, 5]
    assert "can't be kept as fewer" in (Depth(9).applies(case_of(points_model, models.points(seed=2))) or "")


def test_pruning_narrows_and_keeps_what_layers_share(sentence_model: Any, picture_model: Any) -> None:
    text = Prune(0.5).apply(case_of(sentence_model, models.sentences(seed=2))).model
    assert text.config.intermediate_size == 128
    assert {layer.intermediate.dense.out_features for layer in text.bert.encoder.layer} == {128}
    assert text.config.hidden_size == 64
    picture = Prune(0.5).apply(case_of(picture_model, models.pictures(seed=2))).model
    assert picture.stem[0].out_channels == picture.inner[3].out_channels == 16
    assert picture.head.out_features == 3


def test_repair_brings_the_answers_back(points_model: Any) -> None:
    x, y = models.points(seed=3)
    product = Depth(2).apply(case_of(points_model, models.points(seed=2), seconds=4))
    raw = subject_of(points_model).copy()
    raw.blocks = torch.nn.ModuleList([raw.blocks[0], raw.blocks[3]])
    with torch.no_grad():
        repaired, broken = ((model(x).argmax(-1) == y).float().mean() for model in (product.model, raw))
    assert repaired > broken
    assert product.training is not None
    assert product.training.labels


def test_a_student_of_ones_own(points_model: Any) -> None:
    small = models.Blocks(1, 16)
    state = {name: value.clone() for name, value in small.state_dict().items()}
    product = Student(small).apply(case_of(points_model, models.points(seed=2)))
    assert all(torch.equal(state[name], value) for name, value in small.state_dict().items())
    assert product.model is not small
    other = torch.nn.Linear(12, 7)
    assert "answers in shape" in (Student(other).applies(case_of(points_model, models.points(seed=2))) or "")


def test_a_chain_keeps_what_each_did(sentence_model: Any) -> None:
    chain = Chain((Depth(2), OnnxDynamic()))
    case = case_of(sentence_model, models.sentences(seed=2))
    assert chain.applies(case) is None
    product = chain.apply(case)
    assert product.form == "onnx"
    assert [step["recipe"] for step in product.steps] == ["depth", "onnx"]
    assert product.training is not None
    assert not product.same_numbers


@pytest.mark.parametrize("recipe", ours(), ids=lambda recipe: recipe.name)
def test_hooks_are_never_lost_silently(recipe: Any, points_model: Any) -> None:
    hooked = subject_of(points_model).copy()
    hooked.first.register_forward_hook(lambda _module, _inputs, output: output * 2)
    case = case_of(hooked, models.points(seed=2))
    if recipe.applies(case) is None and not recipe.trains:
        close = {"atol": 0.3, "rtol": 0.1}
        torch.testing.assert_close(answer(case, recipe.apply(case).model), answer(case, hooked), **close)


class _Entry:
    def __init__(self, name: str, make: Any) -> None:
        self.name, self._make = name, make

    def load(self) -> Any:
        return self._make


class _Own:
    name = "a third party's"
    trains = False

    def applies(self, case: Case) -> str | None:
        return None

    def apply(self, case: Case) -> Product:
        return Product(case.subject.model)


def test_recipes_of_third_parties(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> Any:
        raise RuntimeError("no")

    entries = [_Entry("own", _Own), _Entry("broken", broken), _Entry("thing", dict)]
    monkeypatch.setattr("importlib.metadata.entry_points", lambda *, group: entries if group == GROUP else [])
    found, problems = known_recipes()
    assert found[-1].name == "a third party's"
    assert len(problems) == 2
    assert "broken" in problems[0]
