"""Bad input costs one sentence that says what to do, and the model is as it was."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import jupyter_green as green
from jupyter_green.compression.api import seconds_of, share_of
from jupyter_green.compression.data.data_loading import ReadData
from jupyter_green.compression.data.splits import splits_of
from jupyter_green.compression.errors import ShrinkError
from jupyter_green.compression.model.source_model import main_tensor, source_model_of
from jupyter_green.compression.model.task import task_of
from jupyter_green.compression.quality.metric import F1, evaluate
from jupyter_green.compression.quality.metric_selection import metric_of
from jupyter_green.compression.recipes.onnx_runtime import OnnxFloat
from jupyter_green.compression.recipes.recipe import RecipeContext, RecipeResult
from tests.support import models


def refused(model: Any, data: Any, **options: Any) -> str:
    with pytest.raises(ShrinkError) as caught:
        green.shrink(model, data, **{"time": 5, **options})
    said = str(caught.value)
    assert "\n" not in said
    assert said.endswith(".") or "can't be called" in said
    return said


@pytest.mark.parametrize(
    ("labels", "metric", "said"),
    [
        (lambda y: y.float() + 0.5, None, "mean squared error needs a number for each output"),
        (lambda y: y.float()[:, None], None, "mean squared error needs a number for each output"),
        (lambda y: y, "mse", "mean squared error needs a number for each output"),
        (lambda y: y, "perplexity", "perplexity needs tokens and scores of each"),
        (lambda y: [f"class {label}" for label in y.tolist()], None, "The labels are words"),
    ],
)
def test_labels_that_do_not_fit_are_one_sentence(points_model: Any, labels: Any, metric: Any, said: str) -> None:
    x, y = models.points(600, seed=2)
    with pytest.raises(ShrinkError, match=said) as caught:
        green.shrink(points_model, (x, labels(y)), metric=metric, time="1h")
    assert "\n" not in str(caught.value)


def test_a_metric_of_ones_own_that_fails_is_one_sentence(points_model: Any) -> None:
    def broken(outputs: Any, labels: Any) -> float:
        raise ValueError("my metric is broken")

    def wordy(outputs: Any, labels: Any) -> Any:
        return "good"

    for metric, said in (
        (broken, "broken failed: ValueError: my metric is broken"),
        (wordy, "wordy failed: ValueError"),
    ):
        with pytest.raises(ShrinkError, match=f"^Your metric {said}") as caught:
            green.shrink(points_model, models.points(600, seed=2), metric=metric, time="1h")
        assert "\n" not in str(caught.value)


def test_a_metric_that_is_no_number(points_model: Any) -> None:
    def nothing(outputs: Any, labels: Any) -> float:
        return float("nan")

    with pytest.raises(ShrinkError, match=r"^The metric nothing is no number for your own model; [^\n]*$"):
        green.shrink(points_model, models.points(3000, seed=2), metric=nothing, time="1h")


def test_models_that_cannot_be_shrunk() -> None:
    data = models.points()
    assert "not a PyTorch model" in refused("model", data)
    assert "no parameters" in refused(nn.ReLU(), data)
    assert "meta device" in refused(nn.Linear(12, 3, device="meta"), data)
    quantized = torch.ao.quantization.quantize_dynamic(nn.Sequential(nn.Linear(12, 3), nn.Linear(3, 3)))
    assert "quantized already" in refused(quantized, data)
    assert "wraps a model" in refused(nn.DataParallel(nn.Linear(12, 3)), data)


def test_data_that_nothing_can_be_judged_with() -> None:
    model, (x, y) = models.Blocks(), models.points()
    assert "no data" in refused(model, None)
    assert "at least 30" in refused(model, (x[:10], y[:10]))
    assert "at least 30" in refused(model, torch.utils.data.DataLoader([], batch_size=4))
    assert "of class 1" in refused(model, (x, torch.ones_like(y)))
    assert "2400 examples" in refused(model, (x, y[:-1]))
    assert "has 3 classes" in refused(model, (x, y + 1))
    assert "can't be called with the data" in refused(model, (x[:, :5], y))
    assert "need a tokenizer" in refused(model, ["a text"] * 40)
    assert "can't be read as data" in refused(model, object())
    assert "in train too" in refused(model, (x, y), train=(x.clone(), y))
    data = (x, y)
    assert "are the same" in refused(model, data, train=data)
    assert "can't be called with the training data" in refused(model, (x, y), train=(torch.rand(50, 5), y[:50]))


def test_outputs_that_are_no_numbers() -> None:
    model = models.Blocks()
    nn.init.constant_(model.last.bias, float("nan"))
    assert "not numbers" in refused(model, models.points())


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ({"time": "soon"}, "not a duration"),
        ({"time": 0}, "not a duration"),
        ({"metric": "beauty"}, "not a metric"),
        ({"max_loss": "little"}, "not an accepted loss"),
        ({"max_loss": 0.01, "max_relative_loss": 0.01}, "not both"),
        ({"max_loss": "1%"}, "in points"),
        ({"metric": "mse", "max_loss": 0.01}, ""),
        ({"batch": 5000}, "too few to be put together"),
    ],
)
def test_options_that_make_no_sense(option: dict[str, Any], said: str) -> None:
    data = models.points()
    if option.get("metric") == "mse":
        data = (data[0], torch.randn(len(data[0]), 2))
        said = "shape"
        with pytest.raises((ShrinkError, RuntimeError), match=said):
            green.shrink(models.Blocks(), data, time=5, **option)
        return
    assert said in refused(models.Blocks(), data, **option)


def test_times_and_losses_are_read() -> None:
    assert [seconds_of(text) for text in (90, "90s", "5min", "1.5h", "2 min")] == [90, 90, 300, 5400, 120]
    assert [share_of(text) for text in (0.01, "1pt", "0.5%", "2 pt")] == [0.01, 0.01, 0.005, 0.02]


def test_every_module_gets_its_own_mode_back() -> None:
    model = models.Picture()
    model.train()
    model.inner.eval()
    subject = source_model_of(model)
    with subject.quiet():
        assert not any(module.training for module in model.modules())
    assert model.training
    assert model.stem.training
    assert not model.inner[1].training
    assert any("training mode" in note for note in subject.notes)


def test_tied_weights_stay_tied_in_the_copy() -> None:
    subject = source_model_of(models.Tied())
    copied = subject.copy()
    assert copied.out.weight is copied.words.weight
    assert copied.out.weight is not subject.model.out.weight
    assert any("tied" in note for note in subject.notes)
    assert subject.size_bytes == 4 * (50 * 16 + 16 * 16 + 16)


def test_examples_that_were_trained_on_are_counted() -> None:
    x, y = models.points()
    subject = source_model_of(models.Blocks())
    material = splits_of(subject, (x, y), train=(x[:100].clone(), y[:100]))
    assert "100 of the 2400 examples in data are in train too" in material.notes[0]
    assert sum(batch.size for batch in material.tune) == 100


def test_the_parts_never_mix() -> None:
    x, y = models.points()
    material = splits_of(source_model_of(models.Blocks()), (x, y))
    parts = [
        {d for batch in part for d in batch.digests()} for part in (material.tune, material.select, material.judge)
    ]
    assert sum(map(len, parts)) == len(x)
    assert len(set().union(*parts)) == len(x)


def test_padding_is_no_part_of_an_example() -> None:
    data = models.sentences()
    labels = data.pop("labels")
    subject = source_model_of(models.bert())
    wide = {name: nn.functional.pad(value, (0, 4)) for name, value in data.items()}
    first = splits_of(subject, {**data, "labels": labels}).select[0].part(0, 3)
    second = splits_of(subject, {**wide, "labels": labels}).select[0].part(0, 3)
    assert first.digests() == second.digests()


@pytest.mark.parametrize("form", ["loader", "pair", "dict", "dataset", "texts"])
def test_forms_of_data(form: str) -> None:
    x, y = models.points(200)
    forms: dict[str, Any] = {
        "loader": torch.utils.data.DataLoader(torch.utils.data.TensorDataset(x, y), batch_size=8),
        "pair": (x.numpy(), y.tolist()),
        "dict": {"x": x, "labels": y},
        "dataset": torch.utils.data.TensorDataset(x, y),
        "texts": ([f"text {place}" for place in range(200)], y.tolist()),
    }

    def tokenizer(texts: list[str], **_: Any) -> dict[str, Any]:
        return {"input_ids": torch.tensor([[int(text.split()[1])] for text in texts])}

    material = splits_of(source_model_of(models.Blocks()), forms[form], tokenizer=tokenizer)
    assert sum(batch.size for part in (material.tune, material.select, material.judge) for batch in part) == 200
    assert material.labelled


def test_metrics_against_their_definitions() -> None:
    model, (x, y) = models.Blocks().eval(), models.points(300)
    subject = source_model_of(model)
    batches = splits_of(subject, (x, y)).judge
    labels = torch.cat([batch.labels for batch in batches])
    with torch.no_grad():
        out = torch.cat([main_tensor(model(batch.inputs)) for batch in batches])
    said = out.argmax(-1)

    def value(wanted: Any) -> float:
        metric = metric_of(wanted, out, labels, vectors=False)
        return metric.value(evaluate(subject, model, batches, metric)[0])

    assert value("accuracy") == pytest.approx(float((said == labels).float().mean()))
    each = []
    for k in range(3):
        hit = float(((said == k) & (labels == k)).sum())
        each.append(2 * hit / float((said == k).sum() + (labels == k).sum()))
    assert value("f1") == pytest.approx(sum(each) / 3)
    assert value("agreement") == value("cosine") == pytest.approx(1.0)
    assert value(lambda outputs, wanted: float((outputs.argmax(-1) == wanted).float().mean())) == value("accuracy")
    assert isinstance(metric_of("f1", out, labels, vectors=False), F1)
    assert metric_of(None, out, None, vectors=True).name == "cosine agreement with the original"
    assert metric_of(None, out, None, vectors=False).name == "agreement with the original"


def test_perplexity_of_a_language_model() -> None:
    model = models.Tied().eval()
    ids = torch.randint(0, 50, (64, 9), generator=torch.Generator().manual_seed(0))
    subject = source_model_of(model)
    batches = splits_of(subject, (ids, ids)).judge
    outputs, labels = model(batches[0].inputs), batches[0].labels
    task = task_of(outputs, labels, model=model, inputs=batches[0].inputs, task="causal-lm")
    metric = metric_of(None, outputs, labels, vectors=False, task=task)
    assert metric.name == "perplexity"
    parts, _ = evaluate(subject, model, batches, metric)
    all_ids = torch.cat([batch.inputs for batch in batches])
    with torch.no_grad():
        wanted = nn.functional.cross_entropy(model(all_ids)[:, :-1].flatten(0, 1), all_ids[:, 1:].flatten()).exp()
    assert metric.value(parts) == pytest.approx(float(wanted), rel=1e-5)
    assert metric.loss(parts, parts).same


def test_data_of_sixteen_bits_has_a_fingerprint() -> None:
    x, y = models.points(600, seed=2)
    subject = source_model_of(models.Blocks())
    half = splits_of(subject, (x.bfloat16(), y)).fingerprint()
    assert half != splits_of(subject, (x, y)).fingerprint()
    assert half == splits_of(subject, (x.bfloat16(), y)).fingerprint()


def test_one_hot_labels_are_classes(points_model: Any) -> None:
    subject, (x, y) = source_model_of(points_model), models.points(200, seed=2)
    classes = int(y.max()) + 1
    one_hot = torch.nn.functional.one_hot(y, classes)
    plain = splits_of(subject, (x, y))
    for noughts in (one_hot, one_hot.float()):
        read = splits_of(subject, (x, noughts))
        assert [batch.labels.tolist() for batch in read.judge] == [batch.labels.tolist() for batch in plain.judge]
        assert any("one-hot" in note for note in read.notes)
    assert not any("one-hot" in note for note in plain.notes)
    for metric in ("mse", lambda outputs, labels: 0.0):  # what wants numbers gets them
        assert splits_of(subject, (x, one_hot.float()), metric=metric).select[0].labels.dim() == 2
    assert splits_of(subject, (x, torch.ones_like(one_hot))).select[0].labels.dim() == 2
    with pytest.raises(ShrinkError, match="All examples are of class 1"):
        splits_of(subject, (x, torch.nn.functional.one_hot(torch.ones_like(y), classes)))


def test_missing_labels_are_one_sentence(points_model: Any) -> None:
    x, y = models.points(600, seed=2)
    wanted = y.double()
    wanted[7] = float("nan")
    assert "Some labels are missing (NaN)" in refused(points_model, (x, wanted))


@pytest.mark.parametrize("metric", ["accuracy", "f1"])
def test_a_label_beyond_the_classes_is_found_wherever_it_is(points_model: Any, metric: str) -> None:
    x, y = models.points(600, seed=2)
    y[123] = 7
    assert "run from 0 to 7, but the model has 3 classes" in refused(points_model, (x, y), metric=metric)


def test_a_frame_has_its_labels_in_a_column() -> None:
    import pandas as pd

    x, y = models.points(600, seed=2)
    frame = pd.DataFrame(x.numpy()).rename(columns=str)
    batches = ReadData(None, random.Random(0)).of(frame.assign(label=y.numpy()))
    other = ReadData(None, random.Random(0)).of((x, y))
    assert all(torch.allclose(a.inputs, b.inputs) for a, b in zip(batches, other, strict=True))
    assert all(torch.equal(a.labels, b.labels) for a, b in zip(batches, other, strict=True))
    assert ReadData(None, random.Random(0)).of(frame)[0].labels is None
    told = []
    words = pd.DataFrame({"text": ["a", "b"] * 20, "label": [0, 1] * 20}, index=range(100, 140))

    def tokenizer(texts: list[str], **_: Any) -> dict[str, Any]:
        told.extend(texts)
        return {"input_ids": torch.tensor([[ord(text)] for text in texts])}

    read = ReadData(tokenizer, random.Random(0)).of(words)
    assert len(told) == 40
    assert all(torch.equal(batch.inputs["input_ids"][:, 0] - ord("a"), batch.labels) for batch in read)


def test_options_that_mean_nothing_are_not_taken_for_the_usual_ones(points_model: Any) -> None:
    data = models.points(600, seed=2)
    with pytest.raises(ShrinkError, match="A model of 0 layers is invalid"):
        green.distil(points_model, data, layers=0, time=5)
    with pytest.raises(ShrinkError, match=r"A ratio is a number between 0 and 1, and 'half' is not\."):
        green.prune(points_model, data, ratio="half", time=5)
    with pytest.raises(ShrinkError, match=r"A ratio of 0 takes nothing"):
        green.prune(points_model, data, ratio=0, time=5)
    for most in (2, "100pt"):
        assert "accepts any model" in refused(points_model, data, max_loss=most)


class Made:
    """A recipe that gives back what it was told to."""

    trains = False

    def __init__(self, name: str, make: Any) -> None:
        self.name, self._make = name, make

    def applies(self, case: RecipeContext) -> str | None:
        return None

    def apply(self, case: RecipeContext) -> RecipeResult:
        return RecipeResult(self._make(case))


@pytest.mark.parametrize("form", ["dict", "tuple"])
def test_a_forward_of_ones_own_and_outputs_of_any_form(form: str) -> None:
    x, y = models.points(400)
    model = models.Wordy(form).eval()
    data = {"points": x, "scale": torch.ones(len(x)), "labels": y}
    before = {name: value.clone() for name, value in model.state_dict().items()}
    result = green.shrink(model, data, time="1h", recipes=[OnnxFloat(), Made("same", lambda case: case.subject.model)])
    rows = {row.name: row for row in result.candidates}
    assert rows["ONNX Runtime"].standing != "failed", rows["ONNX Runtime"].reason
    assert rows["same"].loss.value == rows["ONNX Runtime"].loss.value == 0
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    subject = source_model_of(model)
    made = OnnxFloat().apply(RecipeContext(subject, subject, splits_of(subject, data).tune, True, F1(3), 0.0)).model
    with torch.no_grad():
        wanted, given = model(points=x[:3], scale=torch.ones(3)), made(points=x[:3], scale=torch.ones(3))
    assert isinstance(given, dict) == (form == "dict")
    torch.testing.assert_close(main_tensor(given), main_tensor(wanted), atol=1e-4, rtol=1e-3)


def test_lengths_that_vary_from_batch_to_batch() -> None:
    batches = []
    for seed, length in enumerate((8, 12, 16) * 20):
        data = models.sentences(8, seed=seed)
        ids = data["input_ids"][:, :length]
        batches.append(
            {"input_ids": ids, "attention_mask": data["attention_mask"][:, :length], "labels": data["labels"]}
        )
    loader = torch.utils.data.DataLoader(batches, batch_size=None)
    result = green.shrink(models.bert(), loader, time="1h", recipes=[OnnxFloat()])
    row = next(row for row in result.candidates if row.name == "ONNX Runtime")
    assert row.standing != "failed", row.reason
    assert row.loss is not None
    assert row.loss.same
    assert "up to 16 tokens per example" in result.facts.key


def test_a_candidate_that_answers_with_no_numbers_is_a_row() -> None:
    def broken(case: RecipeContext) -> Any:
        nn.init.constant_(case.subject.model.last.bias, float("nan"))
        return case.subject.model

    result = green.shrink(models.Blocks().eval(), models.points(400), time="1h", recipes=[Made("broken", broken)])
    row = next(row for row in result.candidates if row.name == "broken")
    assert row.standing == "failed"
    assert "not numbers" in row.reason


@pytest.mark.parametrize("missing", ["torch", "onnxruntime", "torch_pruning", "torchao"])
def test_a_missing_part_says_how_to_install_it(missing: str) -> None:
    """In a process of its own in which the part can't be found."""
    code = f"""
import importlib.util, sys
sys.modules[{missing!r}] = None
find = importlib.util.find_spec
importlib.util.find_spec = lambda name, *rest: None if name == {missing!r} else find(name, *rest)
import jupyter_green as green
from jupyter_green.compression.errors import ShrinkError
if {missing!r} == "torch":
    try:
        green.shrink(object(), [])
    except ShrinkError as error:
        print(error)
else:
    from tests.support import models
    from jupyter_green.compression.plan import plan
    print(plan("shrink", models.bert(), models.sentences(1200), time="1h").text())
"""
    root = str(Path(__file__).parents[2])
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([root, os.environ.get("PYTHONPATH", "")])},
    )
    extra = "torchao" if missing == "torchao" else "shrink"
    assert f"not installed; run: pip install 'jupyter_green[{extra}]'." in done.stdout


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ({"form": "onnx"}, "is not a form"),
        ({"per_day": 0}, "from 1 on"),
        ({"new_tokens": 5}, "can't generate"),
        ({"length": 3}, "has 3 tokens"),
        ({"batch": 0}, "from 1 on"),
    ],
)
def test_wishes_that_make_no_sense(option: dict[str, Any], said: str) -> None:
    assert said in refused(models.Blocks(), models.points(), **option)


@pytest.mark.parametrize("shape", [(1,), ()])
@pytest.mark.parametrize("metric", [None, "agreement", "cosine"])
def test_one_number_without_labels_proves_nothing(shape: tuple[int, ...], metric: str | None) -> None:
    """The likeliest of one class is always that one: whatever a ruined model says would agree."""

    class Single(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = torch.nn.Linear(12, 1)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.inner(x).reshape(len(x), *shape)

    said = refused(Single().eval(), models.points(600, seed=2)[0], metric=metric)
    assert said.startswith("The model gives one number for each example")


def test_labels_of_a_series_go_to_their_own_texts() -> None:
    """A frame that was shuffled keeps the names of its rows, which are no places."""
    pandas = pytest.importorskip("pandas")
    texts = [f"{'good' if place % 2 else 'bad'} {'x' * (place % 7)}" for place in range(60)]
    labels = pandas.Series([place % 2 for place in range(60)], index=list(range(1000, 1060))[::-1])

    def tokenizer(given: list[str], **_: Any) -> dict[str, torch.Tensor]:
        return {"input_ids": torch.tensor([[int(text.startswith("good"))] for text in given])}

    found = ReadData(tokenizer, random.Random(0)).of((texts, labels))
    assert sum(batch.size for batch in found) == 60
    assert all(torch.equal(batch.inputs["input_ids"][:, 0], batch.labels) for batch in found)


@pytest.mark.parametrize("form", ["texts", "loader"])
def test_words_as_labels_are_one_sentence_in_every_form(form: str, points_model: Any) -> None:
    words = ["good", "bad"] * 300
    x = models.points(600, seed=2)[0]
    data: Any = (["a text"] * 600, words)
    if form == "loader":
        data = torch.utils.data.DataLoader(list(zip(x, words, strict=True)), batch_size=30)
    said = refused(points_model, data, tokenizer=lambda *_args, **_named: {"input_ids": torch.ones(1, 1)})
    assert said.startswith("The labels are words")


def test_columns_of_lists_and_of_tensors_are_read() -> None:
    """A tokenized dataset gives each column as a list of examples."""
    ids = [[place, place + 1] for place in range(60)]
    for column in (ids, [torch.tensor(row) for row in ids]):
        found = ReadData(None, random.Random(0)).of({"input_ids": column, "label": list(range(60))})
        assert {tuple(batch.inputs["input_ids"].shape[1:]) for batch in found} == {(2,)}
        assert all(torch.equal(batch.inputs["input_ids"][:, 0], batch.labels) for batch in found)
    with pytest.raises(ShrinkError, match=r"^The data can't be made into a tensor[^\n]*$"):
        ReadData(None, random.Random(0)).of({"points": [[1], [1, 2]] * 30})
    padded = ReadData(None, random.Random(0)).of({"input_ids": [[1], [1, 2]] * 30})
    assert sum(int(batch.inputs["attention_mask"].sum()) for batch in padded) == 90
