"""Models and data as people hand them over: read as they mean it, or refused with what to do."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import Dataset

import jupyter_green as green
from jupyter_green.comparison.adapter_factory import adapter_of
from jupyter_green.comparison.examples import examples_of
from jupyter_green.comparison.model_adapter import ModuleAdapter
from jupyter_green.compression.api import first_outputs
from jupyter_green.compression.data.groups import classes_by_group
from jupyter_green.compression.data.splits import DataSplits, splits_of
from jupyter_green.compression.errors import ShrinkError
from jupyter_green.compression.model.source_model import COMPILED, SourceModel, source_model_of
from jupyter_green.compression.model.task_names import of_model
from jupyter_green.compression.plan import plan
from jupyter_green.compression.process.output_capture import KEPT, heard, thinned
from jupyter_green.compression.quality.class_scores import ClassScore
from jupyter_green.compression.quality.metric import Metric
from jupyter_green.compression.quality.metric_selection import VOID_LABEL_NOTE, judged_by
from jupyter_green.compression.reasons import Reason
from jupyter_green.compression.result_details import Late
from jupyter_green.compression.store.load import _renamed
from jupyter_green.session import Session
from tests.support import models

COUNT = 120


def drawn(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def judged(model: nn.Module, data: Any, **options: Any) -> tuple[SourceModel, DataSplits, Metric]:
    subject = source_model_of(model.eval())
    material = splits_of(subject, data, **options)
    return judged_by(subject, material, first_outputs(subject, material))


class Two(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Linear(10, 2)

    def forward(self, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        return self.inner(a - b)


A, B = drawn(COUNT, 10), drawn(COUNT, 10, seed=1)
Y = ((A - B).norm(dim=1) > 4.4).long()
SEVERAL = {
    "nested": ((A, B), Y),
    "flat": (A, B, Y),
    "examples": [((a, b), int(y)) for a, b, y in zip(A, B, Y, strict=True)],
    "arrays": ((A.numpy(), B.numpy()), Y.numpy()),
}


@pytest.mark.parametrize("form", SEVERAL)
def test_several_inputs(form: str) -> None:
    _, _, metric = judged(Two(), SEVERAL[form])
    assert metric.name == "accuracy"
    found = examples_of(SEVERAL[form])
    assert found.form == "tensors"
    assert torch.equal(torch.cat([batch[1] for batch in found.batches]), B)
    assert found.labels == Y.tolist()


def test_several_inputs_with_words_as_labels() -> None:
    found = examples_of(((A, B), [["far", "near"][y] for y in Y.tolist()]))
    assert found.labels == [["far", "near"][y] for y in Y.tolist()]


@pytest.mark.parametrize(
    "form",
    [lambda x, y: [x, y], lambda x, y: [[a, int(b)] for a, b in zip(x, y, strict=True)], lambda x, y: {"X": x, "y": y}],
)
def test_lists_and_names_of_inputs_and_labels(form: Any) -> None:
    x, y = models.points(COUNT)
    _, material, metric = judged(models.Blocks(), form(x, y))
    assert metric.name == "accuracy"
    assert sum(batch.size for part in (material.tune, material.select, material.judge) for batch in part) == COUNT


def test_batches_without_labels_are_no_columns() -> None:
    x, _ = models.points(64)
    material = splits_of(source_model_of(models.Blocks().eval()), [x[:32], x[32:]])
    assert material.select[0].labels is None


class Rows(Dataset[Any]):
    """As for the Trainer of transformers: tokens of unlike lengths in dictionaries, padded by whoever reads them."""

    def __len__(self) -> int:
        return COUNT

    def __getitem__(self, place: int) -> dict[str, Any]:
        ids = torch.randint(5, 60, (4 + place % 5,), generator=torch.Generator().manual_seed(place)).tolist()
        return {"input_ids": ids, "label": ids[0] % 2, "idx": place}


def test_tokens_of_unlike_lengths_in_a_dataset() -> None:
    _, material, metric = judged(models.bert(), Rows())
    assert metric.name == "accuracy"
    batch = material.select[0]
    assert int(batch.inputs["attention_mask"].sum(1).min()) < batch.inputs["input_ids"].shape[1]
    assert "idx" not in batch.inputs


def test_the_decoder_is_given_the_labels_moved_on_by_one() -> None:
    """Of BART, which else takes its own input as what it has written so far."""
    from transformers import BartConfig, BartForConditionalGeneration

    sizes = {f"{side}_{what}": 2 for side in ("encoder", "decoder") for what in ("attention_heads", "ffn_dim")}
    config = BartConfig(
        vocab_size=40, d_model=16, encoder_layers=1, decoder_layers=1, max_position_embeddings=32, **sizes
    )
    model = BartForConditionalGeneration(config).eval()
    ids = torch.randint(3, 40, (COUNT, 8), generator=torch.Generator().manual_seed(0))
    _, material, metric = judged(model, {"input_ids": ids, "labels": ids.flip(1)})
    batch = material.select[0]
    assert metric.name == "perplexity"
    assert torch.equal(batch.inputs["decoder_input_ids"][:, 1:], batch.labels[:, :-1])
    with torch.inference_mode():
        own = float(model(input_ids=batch.inputs["input_ids"], labels=batch.labels).loss)
        logits = model(**batch.inputs).logits
    parts = metric.parts(logits, batch.labels, metric.reference(logits))
    assert metric.value(parts.numpy()) == pytest.approx(float(np.exp(own)), rel=1e-4)


def test_255_is_no_class_of_a_map() -> None:
    labels = torch.randint(0, 3, (COUNT, 8, 8), generator=torch.Generator().manual_seed(0))
    labels[:, :2] = 255
    subject, material, _ = judged(nn.Conv2d(3, 3, 1), (drawn(COUNT, 3, 8, 8), labels))
    assert subject.task is not None
    assert subject.task.ignored == 255
    assert VOID_LABEL_NOTE in material.notes


def test_labels_that_count_from_one() -> None:
    x, y = models.points(COUNT)
    with pytest.raises(ShrinkError, match=r"labels that count from 1 are given as y - 1"):
        judged(models.Blocks(), (x, y + 1))


class Mixed(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(12, 8).double(), nn.Linear(8, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.last(self.first(x).float())


class Wants(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Linear(12, 3)

    def forward(self, x: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        return self.inner(x)


class Leaves(Wants):
    def forward(self, x: torch.Tensor) -> torch.Tensor:  # type: ignore[override]  # it never returns
        raise SystemExit(2)


def test_doubles_stay_where_a_part_of_the_model_takes_them() -> None:
    x, y = models.points(COUNT)
    assert judged(Mixed(), (x.double(), y))[2].name == "accuracy"


@pytest.mark.parametrize(
    ("model", "said"), [(Wants, r"its forward takes \(x, labels\)"), (Leaves, r"It called sys\.exit\(2\)")]
)
def test_what_a_model_raises_is_one_sentence(model: type[nn.Module], said: str) -> None:
    with pytest.raises(ShrinkError, match=said):
        judged(model(), models.points(COUNT))


def test_vectors_of_length_one_are_no_scores_of_labels() -> None:
    class Vectors(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = nn.Linear(12, 8)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return nn.functional.normalize(self.inner(x), dim=-1)

    with pytest.raises(ShrinkError, match="gives embeddings"):
        judged(Vectors(), models.points(COUNT))


def test_a_plan_asks_recipes_that_raise() -> None:
    norm = nn.BatchNorm1d(16, track_running_stats=False)  # takes no batch of one
    model = nn.Sequential(nn.Linear(12, 16), norm, nn.ReLU(), nn.Linear(16, 3)).eval()
    assert "would be tried" in str(plan("shrink", model, models.points(COUNT)))


def test_a_class_counts_different_examples() -> None:
    parts = np.array([[1.0, 0.0]] * 6 + [[1.0, 1.0]] * 4)
    found = classes_by_group(Metric(), parts, parts, [0, 0, 0, 1, 1, 1, 2, 2, 2, 2])
    assert {number: (score.examples, score.different) for number, score in found.items()} == {0: (6, 2), 1: (4, 1)}
    assert ClassScore(12, 1.0, 0.5, 12).held == "12"
    assert ClassScore(40, 1.0, 0.5, 12).held == "40 in 12 different examples"


# ---- comparisons ----------------------------------------------------------------------------------------------------


@pytest.fixture
def session() -> Iterator[Session]:
    held = Session()
    yield held
    held.end()


def compared(candidates: Any, data: Any, session: Session, **options: Any) -> green.Comparison:
    return green.compare(candidates, data, **({"time": "20s", "session": session, "progress": False} | options))


@pytest.mark.usefixtures("few_rounds")
def test_who_ends_the_process_or_writes_into_its_inputs_harms_nobody(session: Session) -> None:
    x, y = models.points(60)
    kept = x.clone()

    def ends(point: torch.Tensor) -> int:
        raise SystemExit("no licence")

    def writes(point: torch.Tensor) -> int:
        point += 5
        return int((point - 5).sum() > 0)

    found = compared({"ends": ends, "writes": writes, "reads": lambda p: int(p.sum() > 0)}, (x, y), session)
    assert found.row("ends").reason == "It gave no answer to any example: It called sys.exit('no licence')."
    assert found.row("writes").utility == found.row("reads").utility
    assert torch.equal(x, kept)


@pytest.mark.usefixtures("few_rounds")
def test_nothing_is_taken_where_the_best_is_no_better_than_a_constant(session: Session) -> None:
    labels = [0] * 50 + [1] * 10
    found = compared({"always": lambda _: 0, "cheap": lambda _: 0}, ([*range(60)], labels), session)
    assert found.keep
    assert found.why.cause is not None
    assert (found.why.code, found.why.cause.code) == ("no proof possible", "no skill")
    assert "no better than always saying 0 (83.3" in found.why.cause.detail
    assert {row.standing for row in found.rows} == {"best", "can't tell"}
    knows = compared({"knows": lambda x: int(x >= 50), "always": lambda _: 0}, ([*range(60)], labels), session)
    assert not any("no better" in note for note in knows.row("knows").notes)
    assert any("no better" in note for note in knows.row("always").notes)


def test_labels_without_an_order_ask_for_a_metric(session: Session) -> None:
    candidates = {"a": lambda x: {x % 3}, "b": lambda _: {2}}
    data = [*range(40)], [{place % 3} for place in range(40)]
    with pytest.raises(ShrinkError, match=r"metric= with a function\(answers, labels\)"):
        compared(candidates, data, session)
    found = compared(candidates, data, session, metric=lambda said, wanted: np.mean([*map(set.__eq__, said, wanted)]))
    assert found.best == "a"


async def awaited(_: Any) -> int:
    return 1


def test_an_async_function_is_refused(session: Session) -> None:
    with pytest.raises(ShrinkError, match="is an async function"):
        compared({"a": awaited, "b": lambda _: 1}, ([*range(40)], [0, 1] * 20), session)


# ---- what is said ---------------------------------------------------------------------------------------------------


def test_what_a_model_prints_again_and_again_is_kept_short(capsys: pytest.CaptureFixture[str]) -> None:
    with thinned(), thinned():
        for place in range(100):
            print("shape", place)
        with heard():
            print("the bar")
    print("after")
    assert capsys.readouterr().out.splitlines() == [
        *(f"shape {place}" for place in range(KEPT)),
        "the bar",
        f"… and {100 - KEPT} more lines, printed as the model was called again and again.",
        "after",
    ]


def test_a_search_that_the_time_ended_says_what_was_tried(points_model: Any) -> None:
    result = green.shrink(points_model, models.points(3000, seed=2), time="2s", recipes=[])
    late = Late(120.0, 2, ("bf16", "fp16", "int8", "pruned", "heads"), True, 30.0, "compiled")
    said = repr(replace(result, why=Reason("not tested in time"), facts=replace(result.facts, late=late)))
    assert said.startswith(
        "Not finished in 2 min (2 candidates tried, none judged): keep your model, or give more time."
    )
    assert (
        "The time was up before 5 of the recipes were tried: bf16, fp16, int8, pruned and 1 more. Use --time 4min."
        in said
    )
    assert "30 s more than the 2 min allowed: what had begun (compiled) can't be stopped." in said


def test_weights_under_older_names_keep_their_own_kinds_of_number() -> None:
    model = models.bert()
    model.bert.encoder.layer[0].to(torch.bfloat16)
    model.classifier.to(torch.float16)
    older = {
        name.replace("LayerNorm.weight", "LayerNorm.gamma"): one.clone() for name, one in model.state_dict().items()
    }
    loaded = _renamed(type(model), model.config, older).state_dict()
    assert all(
        torch.equal(loaded[name], one) and loaded[name].dtype == one.dtype for name, one in model.state_dict().items()
    )


class Masked(nn.Module):
    """Takes a second input, if there is one."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(6, 1)

    def forward(self, x: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
        return self.head(x)[:, 0] if mask is None else self.head(x)[:, 0] * mask.float()


@pytest.mark.parametrize("form", ["columns", "examples", "dataset", "loader"])
def test_sample_weights_are_asked_about(form: str) -> None:
    """The labels would be taken for a mask, and the weights for labels."""
    columns = (drawn(300, 6), torch.randint(0, 2, (300,)), torch.rand(300))
    data: Any = {
        "columns": columns,
        "examples": [*zip(*columns, strict=True)],
        "dataset": torch.utils.data.TensorDataset(*columns),
        "loader": torch.utils.data.DataLoader(torch.utils.data.TensorDataset(*columns), batch_size=20),
    }[form]
    said = r"^The data has three columns, so either its last holds sample weights, which are not used"
    with pytest.raises(ShrinkError, match=said):
        splits_of(source_model_of(Masked()), data)
    with pytest.raises(ShrinkError, match=said):
        green.compare({"one": Masked(), "two": Masked()}, data, time=20, progress=False)
    named = {"x": columns[0], "mask": columns[1], "labels": columns[2]}
    assert splits_of(source_model_of(Masked()), named).select[0].inputs.keys() == {"x", "mask"}


def test_a_second_input_that_is_needed_is_no_question() -> None:
    class Needs(Masked):
        def forward(self, x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:  # type: ignore[override]  # two inputs
            return super().forward(x, mask)

    data = (drawn(300, 6), torch.randint(0, 2, (300,)), torch.rand(300))
    assert len(splits_of(source_model_of(Needs()), data).select[0].inputs) == 2


def test_a_compiled_model_is_the_module_inside() -> None:
    model = models.Blocks()
    wrapped = torch.compile(model)
    subject = source_model_of(wrapped)
    assert subject.model is model
    assert subject.notes[0] == COMPILED
    assert subject.name == "Blocks"
    assert not any("_orig_mod" in name for name in subject.copy().state_dict())
    outer = nn.Sequential(torch.compile(model), nn.ReLU())
    with pytest.raises(ShrinkError, match=r"^The part 0 of Sequential was compiled by torch.compile; put the module "):
        source_model_of(outer)
    adapter = adapter_of("one", wrapped)
    assert isinstance(adapter, ModuleAdapter)
    assert (adapter.kind, adapter.subject.model, adapter.runs) == ("Blocks", model, wrapped)


def test_a_compiled_transformer_keeps_its_task() -> None:
    transformers = pytest.importorskip("transformers")
    config = transformers.BertConfig(
        vocab_size=40, hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8, num_labels=3
    )
    inner = transformers.BertForTokenClassification(config)
    subject = source_model_of(torch.compile(inner))
    assert (subject.kind, subject.model, of_model(subject.model)) == ("transformers", inner, "token-classification")
