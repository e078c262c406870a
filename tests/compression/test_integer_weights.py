"""Whole numbers for weights: what is read at once and what is written token by token are the same model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

import jupyter_green as green
from jupyter_green.compression.errors import ShrinkError
from jupyter_green.compression.model.workload import generated
from jupyter_green.compression.recipes import integer_weights, precision
from jupyter_green.compression.recipes.hardware import processor_can
from jupyter_green.compression.recipes.integer_weights import (
    GROUP,
    STEPS,
    IntegerWeights,
    lacking,
    quantize_int4_groupwise,
    quantize_int8_per_channel,
    rounded,
)
from jupyter_green.compression.recipes.recipe import RecipeContext
from jupyter_green.compression.search.runtime_baselines import threads_of
from tests.compression.test_recipes import case_of
from tests.compression.test_save import result_of
from tests.support import models

needs_units = pytest.mark.skipif(not processor_can("bf16"), reason="this processor has no bfloat16 units")
pytestmark = pytest.mark.skipif(bool(lacking(8) or lacking(4)), reason="this PyTorch has no such operators")


@pytest.fixture
def case() -> RecipeContext:
    return case_of(models.language(), models.texts(seed=2), new_tokens=8)


@pytest.mark.parametrize("bits", [8, 4])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("rows", [1, 3, 8, 9, 40])
def test_few_rows_and_many_give_the_same(bits: int, bias: bool, rows: int) -> None:
    """Quality is judged on whole texts and energy on what is written: both must be of the same weights."""
    torch.manual_seed(0)
    held = torch.nn.ModuleDict({"inner": torch.nn.Linear(96, 48, bias=bias)})
    layer = rounded(held, bits).inner
    given = torch.randn(2, rows, 96)[: 1 if rows < 9 else 2].to(torch.bfloat16)
    with torch.inference_mode():
        found, wanted = layer(given), torch.nn.functional.linear(given, layer.weight, layer.bias)
        near = torch.nn.functional.linear(given.float(), held.inner.weight, held.inner.bias)
    assert found.shape == (*given.shape[:-1], 48)
    assert found.dtype == torch.bfloat16
    torch.testing.assert_close(found, wanted, atol=0.02, rtol=0.02)
    off = float((found.float() - near).pow(2).mean().sqrt() / near.pow(2).mean().sqrt())
    assert off < {8: 0.012, 4: 0.12}[bits]
    assert f"bits={bits}" in repr(layer)


def test_int8_is_as_close_as_eight_bits_are() -> None:
    weight = torch.randn(32, 64)
    numbers, scales, near = quantize_int8_per_channel(weight)
    assert numbers.dtype == torch.int8
    assert int(numbers.abs().max()) == 127
    assert bool(((near - weight).abs() <= 0.52 * scales.float()[:, None]).all())
    assert torch.equal(quantize_int8_per_channel(torch.zeros(16, 32))[2], torch.zeros(16, 32))


@pytest.mark.parametrize("steps", STEPS)
def test_weights_that_were_of_four_bits_come_out_as_they_were(steps: int) -> None:
    """A model that was packed in groups of 32 by somebody else has fewer steps in a group than 16 at times."""
    torch.manual_seed(steps)
    grid = torch.randint(0, steps + 1, (16, 4, GROUP))
    grid[..., 0], grid[..., 1] = 0, steps
    weight = (0.25 * grid - 1.5).reshape(16, -1)
    assert torch.equal(quantize_int4_groupwise(weight)[2], weight)
    drawn = torch.randn(16, 64)
    widths = drawn.reshape(16, -1, GROUP)
    step = (widths.amax(-1) - widths.amin(-1)) / 15
    off = (quantize_int4_groupwise(drawn)[2] - drawn).reshape(16, -1, GROUP)
    assert bool((off.pow(2).mean(-1).sqrt() < 0.5 * step).all())
    assert torch.equal(quantize_int4_groupwise(torch.zeros(16, 32))[2], torch.zeros(16, 32))


@pytest.mark.parametrize("bits", [8, 4])
def test_a_model_writes_what_it_wrote(bits: Any, case: RecipeContext) -> None:
    product = IntegerWeights(bits).apply(case)
    prompt = {name: value[:1] for name, value in case.sample.items()}
    with torch.inference_mode():
        written = generated(product.model, prompt, 8)
        again = generated(product.model, prompt, 8)
        # What is written with a cache, token by token, is what reading it at once would have said.
        whole_text = product.model(input_ids=written).logits
    assert written.shape == (1, prompt["input_ids"].shape[1] + 8)
    assert torch.equal(written, again)
    told = whole_text[0, prompt["input_ids"].shape[1] - 1 : -1].argmax(-1)
    assert int((told == written[0, -8:]).sum()) >= 6
    assert product.size_bytes < sum(item.numel() * 4 for item in case.original.model.parameters())


def test_what_ends_in_logits_stays_at_eight_bits(case: RecipeContext) -> None:
    made_of = dict(IntegerWeights(4).apply(case).model.named_modules())
    assert "bits=8" in repr(made_of["lm_head"])
    assert "bits=4" in repr(made_of["model.layers.0.mlp.down_proj"])
    spared = IntegerWeights(4).without(["model.layers.0.mlp.down_proj"])
    assert spared.name == "int4 weights, bf16, 1 layer left out"
    assert type(spared.apply(case).model.get_submodule("model.layers.0.mlp.down_proj")) is torch.nn.Linear


def test_when_it_applies(case: RecipeContext, sentence_model: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision, "processor_can", lambda _: True)
    assert IntegerWeights().applies(case) is None
    single = IntegerWeights().applies(case_of(sentence_model, models.sentences(seed=2)))
    assert single is not None
    assert "one token at a time" in single
    monkeypatch.setattr(precision, "processor_can", lambda _: False)
    assert "no units for bf16" in str(IntegerWeights().applies(case))
    monkeypatch.setattr(precision, "processor_can", lambda _: True)
    monkeypatch.setitem(integer_weights.OPERATORS, 4, "_no_such_operator")
    assert "no operator for int4" in str(IntegerWeights(4).applies(case))
    with pytest.raises(ShrinkError, match=r"^This PyTorch has no operator for int4[^\n]*$"):
        rounded(case.subject.model, 4)


@pytest.mark.parametrize("recipe", [IntegerWeights(8), IntegerWeights(4), IntegerWeights(4, ["lm_head"])])
def test_it_loads_alone_and_writes_the_same(recipe: IntegerWeights, case: RecipeContext, tmp_path: Path) -> None:
    product, prompt = recipe.apply(case), {name: value[:1] for name, value in case.sample.items()}
    result_of(case.original, product, prompt).save(tmp_path / "saved")
    loaded = green.load(tmp_path / "saved")
    with torch.inference_mode():
        assert torch.equal(generated(loaded, prompt, 8), generated(product.model, prompt, 8))


@pytest.mark.parametrize("fastest", [1, 2])
def test_a_token_is_written_in_no_more_threads_than_help(
    fastest: int, case: RecipeContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens: list[int] = []

    def fewest(given: RecipeContext, made: Any, before: Any) -> int:
        assert given.inference is not None
        # Both write some tokens in the threads asked for, and those are put back.
        for write in (made.in_threads(1), before):
            assert write(**given.inference.inputs).shape == (1, 1 + integer_weights.TIMED_TOKENS)
            assert torch.get_num_threads() == 2
        tokens.append(given.inference.inputs["input_ids"].numel())
        return fastest

    monkeypatch.setattr(integer_weights, "fewest_threads", fewest)
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        product = IntegerWeights().apply(case)
        result_of(case.original, product, case.sample).save(tmp_path / "saved")
        loaded = green.load(tmp_path / "saved")
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
    assert tokens == [1]
    assert ["written in 1 thread of" in note for note in product.notes] == ([True] if fastest == 1 else [])
    assert threads_of(product.model) == threads_of(loaded) == (1 if fastest == 1 else None)


@needs_units
def test_a_search_tries_it_where_something_is_written() -> None:
    data = models.texts(seed=2)
    result = green.shrink(models.language(), data, time="60s", new_tokens=8, max_relative_loss="20%", progress=False)
    tried = {row.name: row for row in result.candidates}
    assert {tried[f"int{bits} weights, bf16"].standing for bits in (8, 4)} <= {"kept", "front", "dropped"}
    read = green.shrink(models.language(), data, time="30s", new_tokens=0, progress=False)
    reasons = {row.name: row.reason for row in read.candidates}
    assert "one token at a time" in reasons["int8 weights, bf16"]
