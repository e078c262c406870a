"""One thread, so that tests side by side don't crowd each other out, and models trained once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch

from jupyter_green.comparison import benchmark_candidates
from jupyter_green.compression.cost.trial import FEWEST_ROUNDS
from tests.support import models


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def points_model() -> Any:
    torch.manual_seed(0)  # its first weights too are the same each time
    return models.trained(models.Blocks(), *models.points(seed=1))


@pytest.fixture(scope="session")
def picture_model() -> Any:
    torch.manual_seed(0)
    return models.trained(models.Picture(), *models.pictures(seed=1), steps=30)


@pytest.fixture(scope="session")
def sentence_model() -> Any:
    data = models.sentences(seed=1)
    labels = data.pop("labels")
    return models.trained(models.bert(), data, labels, steps=50, rate=2e-3)


@pytest.fixture
def few_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Candidates run in turn a few times, however much time there is: no clock decides how much is asked."""
    monkeypatch.setattr(benchmark_candidates, "ROUNDS", FEWEST_ROUNDS)
