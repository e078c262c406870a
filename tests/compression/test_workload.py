"""What one inference is: batch, length, and for language models a prompt and its answer, told apart."""

from __future__ import annotations

import re
from typing import Any

import pytest
import torch

import jupyter_green as green
from jupyter_green.compression.cost.cost_meter import CostSample
from jupyter_green.compression.cost.trial import Trial
from jupyter_green.compression.data.splits import splits_of
from jupyter_green.compression.errors import ShrinkError
from jupyter_green.compression.model.source_model import source_model_of
from jupyter_green.compression.model.workload import NEW_TOKENS, Workload, generated, workload_of
from jupyter_green.compression.process import deadline
from jupyter_green.compression.quality.metric import Perplexity, evaluate
from jupyter_green.compression.recipes.onnx_runtime import OnnxFloat
from jupyter_green.compression.search.final_evaluation import phases
from tests.compression.test_recipes import case_of
from tests.support import models

NONE: dict[str, Any] = {"batch": None, "length": None, "new_tokens": None}


def test_a_trial_takes_batches_of_one_size() -> None:
    """What is left over at the end is smaller, costs otherwise, and would be the one that the key names."""
    subject = source_model_of(models.Blocks())
    material = splits_of(subject, models.points(32 * 60 + 5))
    assert {batch.size for batch in [*material.select, *material.judge, *material.tune]} == {5, 32}
    workload = workload_of(subject, material, batch=None, length=None, new_tokens=None)
    assert {batch.size for batch in workload.batches} == {32}
    assert workload.key().startswith("batch 32, 12 numbers")


def test_a_trial_may_be_of_more_at_a_time_than_the_data_comes_in() -> None:
    subject = source_model_of(models.Blocks())
    material = splits_of(subject, models.points(3000))
    batches = material.sized(256)
    assert {batch.size for batch in batches} == {256}
    assert len(batches) == sum(batch.size for batch in material.select) // 256
    held = torch.cat([batch.inputs for batch in material.select])
    assert all(bool((held == row).all(-1).any()) for row in batches[0].inputs[:5])
    with pytest.raises(ShrinkError, match="too few to be put together"):
        material.sized(100_000)


def workload(model: Any, data: Any, **options: Any) -> Workload:
    subject = source_model_of(model)
    return workload_of(subject, splits_of(subject, data), **{**NONE, **options})


def test_a_language_model_is_measured_as_it_is_used() -> None:
    found = workload(models.language(), models.texts())
    assert found.new_tokens == NEW_TOKENS == 128
    assert {batch.size for batch in found.batches} == {1}
    assert found.key() == "batch 1, 12 tokens per example, 128 new tokens"
    assert workload(models.language(), models.texts(), new_tokens=0).new_tokens == 0
    assert {batch.size for batch in workload(models.language(), models.texts(), batch=4).batches} == {4}


@pytest.mark.parametrize(("seconds", "tokens"), [(1000, 128), (100, 64), (60, 32), (20, 16), (0.1, 16)])
def test_no_more_tokens_than_the_time_allows(seconds: float, tokens: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A slow machine must not spend minutes on a round and then say that there were too few of them."""
    model = models.language()
    now = [0.0]

    def called(*_: object) -> None:
        now[0] += 1.0

    model.register_forward_hook(called)
    monkeypatch.setattr(deadline, "now", lambda: now[0])
    assert workload(model, models.texts()).within(seconds).new_tokens == tokens
    assert workload(model, models.texts(), new_tokens=100).within(seconds).new_tokens == 100
    assert workload(model, models.texts(), new_tokens=0).within(seconds).new_tokens == 0


def test_fewer_tokens_than_usual_are_said() -> None:
    short = green.shrink(models.language(), models.texts(), time="3s", progress=False, recipes=[])
    said = re.search(r"(\d+) new tokens are written, not 128: the time allowed no more\.", repr(short))
    assert said is not None
    assert f" {said[1]} new tokens" in short.facts.key


def test_exactly_so_many_tokens_are_generated() -> None:
    model, ids = models.language(), models.texts(4)
    with torch.inference_mode():
        assert generated(model, ids, 5).shape == (4, 17)
    seen: list[int] = []
    found = workload(model, models.texts(), new_tokens=6)
    model.register_forward_hook(lambda *_: seen.append(1))
    runner = found.runner(model)
    runner.run(0)
    assert len(seen) == 6
    assert runner.inferences(0) == 1
    found.runner(model, 0).run(0)
    assert len(seen) == 7


def test_a_length_is_cut() -> None:
    found = workload(models.bert(), models.sentences(), length=8, batch=2)
    assert {tuple(batch.inputs["input_ids"].shape) for batch in found.batches} == {(2, 8)}
    assert found.key() == "batch 2, 8 tokens per example"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"batch": 0}, "from 1 on"),
        ({"length": 0}, "from 1 on"),
        ({"length": 500}, "No example in the data has 500 tokens"),
        ({"new_tokens": 5}, "can't generate"),
        ({"batch": 5000}, "too few to be put together"),
    ],
)
def test_wishes_that_make_no_sense(options: dict[str, Any], said: str) -> None:
    with pytest.raises(ShrinkError, match=said):
        workload(models.bert(), models.sentences(), **options)


def test_what_cannot_generate_is_not_tried_and_never_kept() -> None:
    case = case_of(models.language(), models.texts(), new_tokens=4)
    assert "can't generate" in (OnnxFloat().applies(case) or "")
    found = workload(models.language(), models.texts(), new_tokens=4)
    assert "can't generate" in (found.against(torch.nn.Linear(2, 2)) or "")
    assert found.against(models.language()) is None


def test_prompt_and_answer_are_told_apart() -> None:
    """Half the prompt's cost and a quarter of the answer's: neither is hidden in the whole."""
    costs = {"original": 9.0, "small": 1.0 + 2.0, "original, prompt": 1.0, "small, prompt": 1.0}
    laps = {name: [(CostSample(cost, cost, cost, 0.0, "measured"), 1)] * 8 for name, cost in costs.items()}
    found = phases(Trial("original", laps, "joules"), "small", 128)
    assert found["prefill"].value == pytest.approx(1.0)
    assert found["decode"].value == pytest.approx(0.25)
    assert phases(Trial("original", laps, "joules"), "small", 0) == {}


def test_greedy_answers_are_compared_with_the_original_s() -> None:
    subject = source_model_of(models.language())
    batches = splits_of(subject, models.texts()).judge
    metric = Perplexity()
    base, kept = evaluate(subject, subject.model, batches, metric)
    assert metric.agreement(base) == 1.0
    other = subject.copy()
    with torch.no_grad():
        other.model.layers[0].mlp.down_proj.weight.mul_(30)
    changed, _ = evaluate(subject, other, batches, metric, kept)
    agreed = metric.agreement(changed)
    assert agreed is not None
    with torch.inference_mode():
        same = torch.cat(
            [
                (other(**b.inputs).logits.argmax(-1) == subject.model(**b.inputs).logits.argmax(-1))[:, :-1]
                for b in batches
            ]
        )
    assert agreed == pytest.approx(float(same.double().mean()))
    assert agreed < 1.0
