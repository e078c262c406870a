"""On a real NVIDIA GPU: what was never run without one. Untested on hardware until these ran."""

from __future__ import annotations

from typing import Any

import pytest
import torch

import jupyter_green as green
from jupyter_green.compression.model.source_model import source_model_of
from jupyter_green.compression.process.memory import free_bytes
from jupyter_green.compression.recipes.compiled import Compiled
from jupyter_green.compression.recipes.registry import ours
from jupyter_green.compression.recipes.torchao import KINDS, TorchAO
from tests.compression.test_recipes import answer, case_of
from tests.support import models

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an NVIDIA GPU; untested on hardware"),
]


@pytest.fixture
def on_gpu(sentence_model: Any) -> Any:
    return source_model_of(sentence_model).copy().to("cuda")


@pytest.mark.parametrize("kind", KINDS)
def test_torchao(kind: str, on_gpu: Any) -> None:
    case = case_of(on_gpu, models.sentences(seed=2))
    reason = TorchAO(kind).applies(case)
    if reason is not None:
        assert "compute capability" in reason
        pytest.skip(reason)
    product = TorchAO(kind).apply(case)
    torch.testing.assert_close(answer(case, product.model).float(), answer(case, on_gpu), atol=0.5, rtol=0.2)


@pytest.mark.parametrize("recipe", ours(), ids=lambda recipe: recipe.name)
def test_the_original_stays_as_it_was(recipe: Any, on_gpu: Any) -> None:
    case = case_of(on_gpu, models.sentences(seed=2))
    reason = recipe.applies(case)
    if reason is not None:
        assert reason.endswith(".")
        return
    before = case.original.fingerprint()
    product = recipe.apply(case)
    assert case.original.fingerprint() == before
    assert answer(case, product.model).shape == answer(case, on_gpu).shape


def test_compiled(on_gpu: Any) -> None:
    case = case_of(on_gpu, models.sentences(seed=2), seconds=3600)
    assert Compiled().applies(case) is None
    product = Compiled().apply(case)
    torch.testing.assert_close(answer(case, product.model), answer(case, on_gpu), atol=1e-2, rtol=1e-2)


def test_free_memory_is_the_board_s(on_gpu: Any) -> None:
    free, whole = free_bytes(next(on_gpu.parameters()).device)
    assert 0 < free <= whole
    taken = torch.empty(2**28, dtype=torch.uint8, device="cuda")
    assert free_bytes(taken.device)[0] < free


def test_joules_are_the_board_s(on_gpu: Any, tmp_path: Any) -> None:
    data = models.sentences(2400, seed=2)
    result = green.shrink(on_gpu, data, time="2min", max_loss="3pt")
    assert next(on_gpu.parameters()).device.type == "cuda"
    if result.facts.cpu is None:
        assert result.basis == "joules"
        assert result.quality == "measured"
    if result.recipe is not None:
        result.save(tmp_path / "saved")
