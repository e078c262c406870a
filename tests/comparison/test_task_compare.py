"""Comparing reads answers by the same rule of tasks as shrinking."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import jupyter_green as green
from jupyter_green.comparison.compare_report import text
from jupyter_green.comparison.examples import examples_of
from jupyter_green.comparison.result import Comparison
from jupyter_green.compression.errors import ShrinkError
from jupyter_green.compression.quality.class_scores import ClassScore

pytestmark = pytest.mark.usefixtures("few_rounds")


def compared(models: dict[str, Any], data: Any, **asked: Any) -> Comparison:
    return green.compare(models, data, time=60, progress=False, **asked)


def taggers() -> tuple[nn.Module, nn.Module]:
    perfect, blind = nn.Embedding(60, 3), nn.Embedding(60, 3)
    perfect.weight.data = 10 * nn.functional.one_hot(torch.arange(60) % 3, 3).float()
    blind.weight.data.zero_()
    return perfect, blind


def test_a_label_per_token() -> None:
    words = torch.randint(5, 60, (200, 8))
    tags = (words % 3).masked_fill(torch.arange(8) == 0, -100)
    perfect, blind = taggers()
    given = {"good": perfect, "blind": blind, "rule": lambda ids: (ids % 3).tolist()}
    for data in ((words, tags), (words, tags.tolist())):
        found = compared(given, data)
        assert found.metric == "accuracy per token"
        assert found.row("good").utility == found.row("rule").utility == 1.0
        assert (found.row("blind").utility or 1) < 0.5


def test_one_logit_and_two_scores_of_the_same_question() -> None:
    x = torch.randn(300, 4)
    one, two, blind = nn.Linear(4, 1), nn.Linear(4, 2), nn.Linear(4, 1)
    one.weight.data, one.bias.data = torch.tensor([[9.0, 0, 0, 0]]), torch.zeros(1)
    two.weight.data, two.bias.data = torch.tensor([[-9.0, 0, 0, 0], [9.0, 0, 0, 0]]), torch.zeros(2)
    blind.weight.data, blind.bias.data = torch.zeros(1, 4), torch.full((1,), 0.5)
    models = {"one": one, "two": two, "blind": blind}
    for y in ((x[:, 0] > 0).float(), (x[:, 0] > 0).long(), x[:, 0] > 0):
        found = compared(models, (x, y))
        assert (found.metric, found.row("one").utility, found.row("two").utility) == ("accuracy", 1.0, 1.0)
        assert (found.row("blind").utility or 1) < 0.7


def test_several_labels_and_several_numbers() -> None:
    x = torch.randn(200, 3)
    right, blind = nn.Linear(3, 3, bias=False), nn.Linear(3, 3, bias=False)
    right.weight.data, blind.weight.data = torch.eye(3), torch.zeros(3, 3)
    found = compared({"right": right, "blind": blind}, (x, (x > 0).float()))
    assert found.metric == "accuracy per label"
    assert found.row("right").utility == 1.0
    found = compared({"right": right, "blind": blind}, (x, x))
    assert (found.metric, found.best, found.row("right").utility) == ("mean squared error", "right", 0.0)
    blind_row = found.row("blind")
    assert (blind_row.loss, blind_row.standing) == (None, "can't tell")
    assert "the mean squared error of right is 0" in blind_row.reason
    assert "no loss is a share of 0" in text(found)


def test_the_fitting_output_is_named_and_a_rare_class_is_in_the_headline() -> None:
    class Two(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.head = nn.Linear(4, 2)

        def forward(self, x: torch.Tensor) -> Any:
            for _ in range(300):  # it costs more than the one that always says no
                x = x + 0.0
            return torch.cat([x, x], 1), self.head(x)

    x = torch.randn(3000, 4, generator=torch.Generator().manual_seed(0))
    y = (x[:, 0] > 2.4).long()
    model = Two()
    model.head.weight.data = torch.tensor([[0.0, 0, 0, 0], [1.0, 0, 0, 0]])
    model.head.bias.data = torch.tensor([0.0, -2.4])
    found = green.compare({"model": model, "no": lambda _: 0}, (x, y), max_loss="2pt", time=60, progress=False)
    assert found.best == "model"
    first = found._repr_mimebundle_()["text/plain"].splitlines()[0]
    assert first.endswith("Judged: accuracy, 2 classes, of the output [1].")
    taken = text(replace(found, pick="no", by_class={1: ClassScore(20, 1.0, 0.0), 0: ClassScore(2980, 1.0, 1.0)}))
    assert "class 1 loses most, 100 points" in taken.splitlines()[0]
    assert any("Class 1 loses most, 100 points" in note for note in found.row("no").notes)
    assert any("balanced accuracy 100.0" in note for note in found.row("no").notes)


def test_models_of_different_tasks_are_refused() -> None:
    from transformers import BertConfig, BertForMaskedLM, BertForTokenClassification

    sizes = {"vocab_size": 60, "hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = BertConfig(**sizes, intermediate_size=32, num_labels=3)
    words = torch.randint(5, 60, (64, 8))
    models = {"tags": BertForTokenClassification(config), "words": BertForMaskedLM(config)}
    with pytest.raises(ShrinkError, match="made for different tasks"):
        compared(models, ({"input_ids": words}, words % 3))


def test_sparse_rows_are_counted_by_their_shape() -> None:
    sparse = pytest.importorskip("scipy.sparse")

    class First:
        def predict(self, rows: Any) -> Any:
            return np.asarray(rows[:, 0].todense()).ravel() > 0

    for kind in ("csr", "coo", "lil"):
        x = sparse.random(90, 20, 0.3, kind, random_state=0)
        y = np.asarray(x.tocsr()[:, 0].todense()).ravel() > 0
        assert compared({"a": First(), "b": First()}, (x, y)).row("a").utility == 1.0


@pytest.mark.parametrize("form", ["tensors", "rows", "loader"])
def test_near_copies_count_as_one(form: str) -> None:
    x = torch.randn(80, 1, 8, 10, generator=torch.Generator().manual_seed(0))
    noisy = torch.cat([x, x + 0.05 * torch.randn(x.shape, generator=torch.Generator().manual_seed(1)), x.flip(-1)])
    y = torch.arange(240) % 2
    flat = noisy.flatten(1).numpy()
    data: dict[str, Any] = {
        "tensors": (noisy, y),
        "rows": (flat, y.numpy()),
        "loader": torch.utils.data.DataLoader(torch.utils.data.TensorDataset(noisy, y), batch_size=16),
    }
    examples = examples_of(data[form], rng=random.Random(0))
    kinds = 160 if form == "rows" else 80  # a row of numbers has no mirror
    assert len(set(examples.together or ())) == kinds
    assert examples.notes == (
        f"The 240 examples are of {kinds} inputs that are not nearly the same; those of one input count as one.",
    )
    assert examples_of((noisy[:80], y[:80]), rng=random.Random(0)).together is None
