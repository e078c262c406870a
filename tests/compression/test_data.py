"""The data as a person hands it over: what counts as an example, what stays together, and every form of it."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import scipy.sparse
import torch
from torch import nn
from torch.utils.data import (
    ConcatDataset,
    DataLoader,
    Dataset,
    IterableDataset,
    Subset,
    TensorDataset,
    WeightedRandomSampler,
)

from jupyter_green.compression.api import first_outputs
from jupyter_green.compression.data.batch import Batch, independent
from jupyter_green.compression.data.data_loading import ReadData
from jupyter_green.compression.data.groups import groups_of, loss_by_group
from jupyter_green.compression.data.splits import DataSplits, splits_of
from jupyter_green.compression.errors import ShrinkError
from jupyter_green.compression.model.source_model import source_model_of
from jupyter_green.compression.model.task import Task
from jupyter_green.compression.quality.loss import counted
from jupyter_green.compression.quality.metric import F1, Metric, Own, PerPlace, Perplexity, evaluate
from tests.support import models


def read(data: Any, train: Any = None, **options: Any) -> DataSplits:
    return splits_of(source_model_of(models.Blocks()), data, train, **options)


def parts_of(material: DataSplits) -> list[Any]:
    return [material.tune, material.select, material.judge]


def inputs_of(part: Any) -> set[bytes]:
    return {digest for batch in part for digest in batch.digests()}


def disjoint(material: DataSplits) -> bool:
    parts = [inputs_of(part) for part in parts_of(material)]
    return sum(map(len, parts)) == len(set().union(*parts))


def test_repeated_rows_are_one_example() -> None:
    x, y = models.points(300)
    material = read((torch.cat([x] * 4), torch.cat([y] * 4)))
    assert disjoint(material)
    assert sum(batch.size for part in parts_of(material) for batch in part) == 300
    assert "900 of the 1,200 examples repeat others and were left out." in material.notes
    assert material.batch_size > 1


def test_a_loader_that_oversamples_gives_each_item_once() -> None:
    x, y = models.points(400)
    sampler = WeightedRandomSampler(1.0 + 9 * (y == 0).double(), 2000, replacement=True)
    loader = DataLoader(TensorDataset(x, y), batch_size=16, sampler=sampler)
    material = read(loader)
    assert disjoint(material)
    rows = sum(batch.size for part in parts_of(material) for batch in part)
    assert rows == independent([batch for part in parts_of(material) for batch in part]) < 400
    assert any("repeat others" in note for note in material.notes)
    assert loader.sampler is sampler


class Noisy(Dataset[Any]):
    """Gives an item with other noise each time."""

    def __init__(self, x: torch.Tensor, y: torch.Tensor) -> None:
        self.x, self.y = x, y

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, place: int) -> Any:
        return self.x[place] + 0.01 * torch.randn(12), self.y[place]


@pytest.mark.parametrize("wrapped", ["plain", "subset", "end to end"])
def test_augmented_copies_of_an_item_stay_together(wrapped: str) -> None:
    x, y = models.points(100)
    noisy: Any = Noisy(x, y)
    if wrapped == "subset":
        noisy = Subset(noisy, [*range(100), *range(100)])
    elif wrapped == "end to end":
        noisy = ConcatDataset([noisy, noisy])
    sampler = WeightedRandomSampler(torch.ones(len(noisy)), 1000, replacement=True)
    material = read(DataLoader(noisy, batch_size=20, sampler=sampler))
    parts = parts_of(material)
    seen = [{source[1] for batch in part for source in batch.sources} for part in parts]
    assert sum(map(len, seen)) == len(set().union(*seen)) <= 100
    assert all(independent(part) == len(own) for part, own in zip(parts, seen, strict=True))
    assert any("different inputs on each access" in note for note in material.notes)
    assert any("counts as one example" in note for note in material.notes)


def test_an_augmenting_dataset_can_not_train_and_judge() -> None:
    noisy = Noisy(*models.points(100))
    with pytest.raises(ShrinkError, match="in train too"):
        read(DataLoader(noisy, batch_size=10), train=DataLoader(noisy, batch_size=5, shuffle=True))
    first, second = torch.utils.data.random_split(noisy, [60, 40])
    material = read(DataLoader(first, batch_size=10), train=DataLoader(second, batch_size=5))
    assert sum(batch.size for part in (material.select, material.judge) for batch in part) == 60


@pytest.mark.parametrize("form", ["values", "series", "column", "mapping", "loader", "loader column"])
def test_groups_stand_in_one_part(form: str) -> None:
    import pandas as pd

    x, y = models.points(600)
    person = torch.arange(600) % 50
    data: Any = (x, y)
    group: Any = "person"
    if form == "values":
        group = person.tolist()
    elif form == "series":
        group = pd.Series([f"p{one}" for one in person.tolist()], index=range(600, 1200))
    elif form == "column":
        data = pd.DataFrame(x.numpy()).rename(columns=str).assign(person=person.numpy(), label=y.numpy())
    elif form == "mapping":
        data = {"x": x, "person": [str(one) for one in person.tolist()], "label": y}
    elif form == "loader":
        data, group = DataLoader(TensorDataset(x, y), batch_size=16, shuffle=True), person.numpy()
    else:
        rows = [{"x": a, "person": int(p), "label": b} for a, p, b in zip(x, person, y, strict=True)]
        data = DataLoader(rows, batch_size=16, shuffle=True)  # type: ignore[arg-type]  # a list is a dataset too
    material = read(data, group=group)
    whose = dict(zip(Batch(x).digests(), person.tolist(), strict=True))
    found = [{whose[digest] for digest in inputs_of(part)} for part in parts_of(material)]
    assert sum(map(len, found)) == len(set().union(*found)) == 50
    assert [independent(part) for part in parts_of(material)] == list(map(len, found))
    assert any("600 examples are of 50 groups" in note for note in material.notes)


def test_groups_of_train_are_left_out_of_data() -> None:
    x, y = models.points(600)
    person = [place % 60 for place in range(400)]
    own = [place % 20 for place in range(200)]
    material = read((x[:400], y[:400]), train=(x[400:], y[400:]), group=(person, own))
    whose = dict(zip(Batch(x[:400]).digests(), person, strict=True))
    assert {whose[digest] for part in (material.select, material.judge) for digest in inputs_of(part)} == {
        *range(20, 60)
    }
    alone = read((x[:400], y[:400]), train=(x[400:], y[400:]), group=person)
    assert any("groups of train were not given" in note for note in alone.notes)


@pytest.mark.parametrize(
    ("group", "said"),
    [("person", "no column 'person'"), ([1, 2, 3], "3 values of group for 600 examples"), (7, "7 is no column")],
)
def test_groups_that_make_no_sense(group: Any, said: str) -> None:
    with pytest.raises(ShrinkError, match=said):
        read(models.points(600), group=group)
    with pytest.raises(ShrinkError, match="differ and belong to different groups"):
        read(models.points(600), group=[place % 5 for place in range(600)])


def test_losses_stand_on_groups() -> None:
    rng = np.random.default_rng(0)
    groups = [place // 20 for place in range(1000)]
    before = np.ones((1000, 1))
    after = before.copy()
    after[:20] = 0
    metric = Metric()
    loss = loss_by_group(metric, before, after, groups)
    one_each = counted(1, 0, 50)
    assert (loss.examples, loss.value) == (50, pytest.approx(0.02))
    assert loss.high == pytest.approx(one_each.high, abs=1e-6)
    assert loss.high > metric.loss(before, after).high
    assert loss_by_group(metric, before, after, None) == metric.loss(before, after)
    # One group that holds half of all examples counts for little more than itself.
    uneven = loss_by_group(metric, before, before, [0] * 500 + [*range(1, 501)])
    assert (uneven.same, uneven.examples) == (True, 501)
    assert uneven.high > 0.3
    # The class of an example, which stands beside its answer, changes nothing of that.
    classes = np.arange(1000)[:, None] % 3
    assert loss_by_group(metric, *(np.hstack([parts, classes]) for parts in (before, after)), groups) == loss

    scores = np.stack([rng.normal(50, 5, 50).repeat(20), np.full(1000, 20.0), np.zeros(1000)], axis=1)
    worse = scores + np.stack([rng.normal(0.5, 1, 50).repeat(20), np.zeros(1000), np.zeros(1000)], axis=1)
    together, apart = loss_by_group(Perplexity(), scores, worse, groups), Perplexity().loss(scores, worse)
    assert together.value == pytest.approx(apart.value)
    assert together.high - together.low > 3 * (apart.high - apart.low)
    labels = torch.arange(1000) % 2
    metric_f1 = F1(2)
    parts = [metric_f1.parts(nn.functional.one_hot(said, 2), labels, None).numpy() for said in (labels, labels * 0)]
    assert loss_by_group(metric_f1, parts[0], parts[1], groups).value == pytest.approx(
        metric_f1.loss(parts[0], parts[1]).value
    )


def test_right_answers_of_groups_are_counted_with_their_classes_too() -> None:
    labels = torch.arange(1000) % 3
    right = nn.functional.one_hot(labels, 3).float()
    metric, groups = Metric(Task(classes=3)), [place // 20 for place in range(1000)]
    parts = metric.parts(right, labels, None).numpy()
    same = loss_by_group(metric, parts, parts, groups)
    assert (same.same, same.examples, same.high) == (True, 50, pytest.approx(counted(0, 0, 50).high))
    assert not same.within(0.01)


@pytest.mark.parametrize("name", ["token-classification", "f1"])
def test_examples_that_do_not_differ_leave_it_open_by_how_much(name: str) -> None:
    task = Task("token-classification", classes=3)
    metric = F1(3, task) if name == "f1" else PerPlace(task)
    labels = torch.randint(0, 3, (40, 10), generator=torch.Generator().manual_seed(0))
    parts = metric.parts(nn.functional.one_hot(labels, 3).float(), labels, None).numpy()
    for few in (0, 1):
        after = parts.copy()
        if few:
            after[:few] = metric.parts(torch.zeros(few, 10, 3), labels[:few], None).numpy()
        loss = metric.loss(parts, after)
        assert loss.high >= counted(0, 0, 40).high
        assert not loss.within(0.01)


def test_a_metric_of_ones_own_is_drawn_by_group() -> None:
    def mean(outputs: Any, labels: Any) -> float:
        return float(outputs.mean())

    metric = Own(mean)
    outputs = torch.randn(50, generator=torch.Generator().manual_seed(0)).repeat_interleave(20)[:, None] + 10
    worse = outputs - torch.rand(50, generator=torch.Generator().manual_seed(1)).repeat_interleave(20)[:, None]
    parts = [np.asarray(metric.parts(one, torch.zeros(1000), None)) for one in (outputs, worse)]
    together = loss_by_group(metric, parts[0], parts[1], [place // 20 for place in range(1000)])
    apart = metric.loss(parts[0], parts[1])
    assert together.examples == 50
    assert together.value == pytest.approx(apart.value)
    assert together.high - together.low > 2 * (apart.high - apart.low)


# ---- forms ----------------------------------------------------------------------------------------------------------


class Endless(Dataset[Any]):
    """A dataset without a length, as Python's own sequences are gone through."""

    def __init__(self, x: Any, y: Any) -> None:
        self.x, self.y = x, y

    def __getitem__(self, place: int) -> Any:
        return self.x[place], self.y[place]


class Stream(IterableDataset[Any]):
    def __init__(self, x: Any, y: Any) -> None:
        self.x, self.y = x, y

    def __iter__(self) -> Iterator[Any]:
        return iter(zip(self.x, self.y, strict=True))


def _frame(x: Any, y: Any) -> Any:
    import pandas as pd

    return pd.DataFrame(x.numpy()).rename(columns=str).assign(label=y.numpy())


class Columns:
    """A stream of examples by column, as the datasets library has them: lists, and no length."""

    column_names = ("x", "label")

    def __init__(self, x: Any, y: Any) -> None:
        self.x, self.y = x.tolist(), y.tolist()

    def __iter__(self) -> Iterator[Any]:
        return ({"x": a, "label": b} for a, b in zip(self.x, self.y, strict=True))


class Listed(Dataset[Any]):
    """A dataset whose examples are lists of numbers."""

    def __init__(self, x: Any, y: Any) -> None:
        self.x, self.y = x.tolist(), y.tolist()

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, place: int) -> Any:
        return {"x": self.x[place], "label": self.y[place]}


FORMS: dict[str, Any] = {
    "stream by column": Columns,
    "dataset of lists": Listed,
    "arrays": lambda x, y: (x.numpy(), y.numpy()),
    "float64": lambda x, y: (x.double().numpy(), y.numpy()),
    "lists": lambda x, y: (x.tolist(), y.tolist()),
    "list of arrays": lambda x, y: (list(x.numpy()), list(y.numpy())),
    "list of tensors": lambda x, y: (list(x), list(y)),
    "tuples": lambda x, y: (tuple(x.tolist()), tuple(y.tolist())),
    "examples": lambda x, y: list(zip(x, y, strict=True)),
    "dictionaries": lambda x, y: [{"x": a, "label": b} for a, b in zip(x, y, strict=True)],
    "generator of examples": lambda x, y: ((a, b) for a, b in zip(x, y.tolist(), strict=True)),
    "generator of batches": lambda x, y: ((x[at : at + 20], y[at : at + 20]) for at in range(0, len(x), 20)),
    "without length": Endless,
    "stream": Stream,
    "objects": lambda x, y: (x.numpy().astype(object), y.numpy().astype(object)),
    "sparse": lambda x, y: (scipy.sparse.csr_matrix(x.numpy()), y),
    "sparse tensor": lambda x, y: {"x": x.to_sparse(), "label": y},
    "other byte order": lambda x, y: (x.numpy().astype(">f4"), y.numpy()[::1].astype(">i4")),
    "backwards": lambda x, y: (x.numpy()[::-1], y.numpy()[::-1]),
    "long doubles": lambda x, y: (x.numpy().astype(np.longdouble), y),
    "frame with a name": lambda x, y: _frame(x, y).assign(name="somebody"),
    "column of labels": lambda x, y: (x, y[:, None]),
    "small whole numbers": lambda x, y: (x, y.to(torch.uint8)),
    "frame": _frame,
    "frame and series": lambda x, y: (_frame(x, y).drop(columns="label"), _frame(x, y)["label"]),
    "frame and frame": lambda x, y: (_frame(x, y).drop(columns="label"), _frame(x, y)[["label"]]),
    "y": lambda x, y: {"x": x, "y": y},
    "loader of dictionaries": lambda x, y: DataLoader(
        [{"x": a, "target": b} for a, b in zip(x, y, strict=True)],  # type: ignore[arg-type]  # a list is a dataset too
        batch_size=20,
    ),
    "loader of arrays": lambda x, y: DataLoader(
        TensorDataset(x, y),
        batch_size=20,
        collate_fn=lambda rows: (np.stack([row[0].numpy() for row in rows]), [int(row[1]) for row in rows]),
    ),
}


def test_what_the_model_does_not_take_is_left_out_and_said() -> None:
    x, y = models.points(200)
    rows = [
        {"x": a, "idx": place, "name": "somebody", "label": b} for place, (a, b) in enumerate(zip(x, y, strict=True))
    ]
    # PyTorch types a dataset as its own class; a list of rows is one too.
    for data in (DataLoader(rows, batch_size=20), rows, {"x": x, "idx": range(200), "label": y}):  # type: ignore[arg-type]  # three forms
        material = read(data)
        assert material.select[0].inputs.keys() == {"x"}
        assert any("which the model does not take: idx" in note for note in material.notes)


@pytest.mark.parametrize(
    ("x", "y", "said"),
    [
        (np.ma.masked_less(np.random.rand(60, 12), 0.1), None, "data are masked"),
        (torch.rand(60, 12), torch.rand(60) / 0, "labels are infinite"),
        (torch.rand(60, 12), torch.rand(60).to(torch.complex64), "complex numbers"),
        (scipy.sparse.csr_matrix((60_000, 100_000)), None, "too large to be made dense"),
    ],
)
def test_numbers_that_are_none(x: Any, y: Any, said: str) -> None:
    with pytest.raises(ShrinkError, match=said):
        read(x if y is None else (x, y))


@pytest.mark.parametrize("form", FORMS)
def test_every_form_is_read_alike(form: str) -> None:
    x, y = models.points(200)
    wanted = dict(zip(Batch(x).digests(), y.tolist(), strict=True))
    material = read(FORMS[form](x, y))
    found = {}
    for batch in (batch for part in parts_of(material) for batch in part):
        values = batch.inputs["x"] if isinstance(batch.inputs, dict) else batch.inputs
        assert batch.labels.dtype == torch.int64
        found.update(zip(Batch(values.float()).digests(), batch.labels.tolist(), strict=True))
    assert found == wanted


def test_yes_and_no_are_classes() -> None:
    x, y = models.points(200)
    for labels in (y == 0, (y == 0).numpy(), (y == 0).tolist(), (y == 0).numpy().astype(object)):
        batches = ReadData(None, random.Random(0)).of((x, labels))
        assert {batch.labels.dtype for batch in batches} == {torch.int64}


def test_several_inputs_come_before_the_labels() -> None:
    x, y = models.points(200)
    batch = ReadData(None, random.Random(0)).of((x, x[:, :3].numpy(), y))[0]
    assert [leaf.shape[1] for leaf in batch.inputs] == [12, 3]
    assert len(batch.labels) == batch.size


def test_labels_that_are_words_are_the_models_own_names() -> None:
    data = models.sentences(200)
    model = models.bert()
    names = [model.config.id2label[int(one)] for one in data.pop("labels")]
    material = splits_of(source_model_of(model), {**data, "labels": names})
    assert {int(one) for batch in material.judge for one in batch.labels} == {0, 1, 2}


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ("one text", "str can't be read as data"),
        ({"train": TensorDataset(torch.ones(3)), "test": TensorDataset(torch.ones(3))}, "several sets in the data"),
        ((torch.ones(40, 2), {"a": torch.ones(40)}), "The labels are a dict"),
        ((torch.ones(40, 2), [1, None] * 20), "Some labels are missing"),
        ({"a": torch.ones(40), "b": torch.ones(39)}, "hold 39 and 40 examples"),
        ((torch.ones(40, 2), torch.tensor(1)), "one label for all examples"),
        ({}, "no examples"),
        (({}, torch.ones(40)), "no examples"),
    ],
)
def test_data_that_is_not_read_is_one_sentence(data: Any, said: str) -> None:
    with pytest.raises(ShrinkError, match=said) as caught:
        ReadData(None, random.Random(0)).of(data)
    assert "\n" not in str(caught.value)


class Broken(Dataset[Any]):
    def __len__(self) -> int:
        return 200

    def __getitem__(self, place: int) -> Any:
        if place == 150:
            raise OSError("picture 150 can't be opened")
        return torch.ones(12), 0


@pytest.mark.parametrize("workers", [0, 1])
def test_what_a_dataset_raises_is_one_sentence(workers: int) -> None:
    with pytest.raises(ShrinkError, match=r"^The data can't be read: OSError: picture 150 can't be opened\.$"):
        read(DataLoader(Broken(), batch_size=16, num_workers=workers))


# ---- texts ----------------------------------------------------------------------------------------------------------

WORDS = ["the", "council", "met", "to", "discuss", "a", "new", "budget", "for", "schools", "roads", "parks", "and"]


def words_tokenizer(**options: Any) -> Any:
    """Return a real tokenizer of a few words, without a token to pad with unless one is asked for."""
    from tokenizers import Tokenizer, pre_tokenizers
    from tokenizers import models as kinds
    from transformers import PreTrainedTokenizerFast

    made = Tokenizer(kinds.WordLevel({word: place for place, word in enumerate(["<unk>", *WORDS])}, unk_token="<unk>"))
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    return PreTrainedTokenizerFast(tokenizer_object=made, unk_token="<unk>", **options)


def texts_of_lengths(lengths: list[int]) -> list[str]:
    drawn = random.Random(0)
    return [" ".join(drawn.choices(WORDS, k=length)) for length in lengths]


@pytest.mark.parametrize("side", ["right", "left"])
def test_perplexity_knows_no_padding(side: str) -> None:
    """Whatever the batch, each token is told from those before it alone."""
    model = models.language()
    tokenizer = words_tokenizer(padding_side=side)
    texts = texts_of_lengths([*range(2, 92)])
    material = splits_of(source_model_of(model), texts, tokenizer=tokenizer)
    batches = [batch for part in parts_of(material) for batch in part]
    assert sum(batch.size for batch in batches) == 90
    metric = Perplexity()
    found = metric.value(evaluate(source_model_of(model), model, batches, metric)[0])
    lost = tokens = 0.0
    for text in texts:
        ids = torch.tensor([tokenizer(text)["input_ids"]])
        with torch.no_grad():
            lost += float(model(input_ids=ids, labels=ids).loss) * (ids.shape[1] - 1)
        tokens += ids.shape[1] - 1
    assert found == pytest.approx(np.exp(lost / tokens), rel=1e-4)
    assert tokenizer.pad_token is None
    assert {batch.size for batch in batches} != {1}
    cut = [one.part(0, 1) for one in batches]
    assert all(one.inputs["input_ids"].shape == one.labels.shape for one in cut)


def test_texts_are_cut_where_the_model_ends_and_what_says_nothing_is_left_out() -> None:
    model = models.language()
    texts = texts_of_lengths([1, 1, 300, 2000, *range(2, 60)])
    material = splits_of(source_model_of(model), [*texts, ""], tokenizer=words_tokenizer())
    batches = [batch for part in parts_of(material) for batch in part]
    assert max(batch.inputs["input_ids"].shape[1] for batch in batches) == 256
    assert sum(batch.size for batch in batches) == 60
    assert any(note.startswith("2 of the 63 texts are longer than 256 tokens") for note in material.notes)
    assert any(note.startswith("3 of the 63 texts have fewer than two tokens") for note in material.notes)


@pytest.mark.parametrize("form", ["lists", "arrays", "series", "frame", "mapping", "loader", "examples", "other name"])
def test_texts_with_labels_in_every_form(form: str) -> None:
    import pandas as pd

    texts, labels = texts_of_lengths([3 + place % 9 for place in range(120)]), [place % 3 for place in range(120)]
    forms: dict[str, Any] = {
        "lists": (texts, labels),
        "arrays": (np.array(texts), np.array(labels)),
        "series": (pd.Series(texts, index=range(500, 620)), pd.Series(labels)),
        "frame": pd.DataFrame({"text": texts, "label": labels}),
        "mapping": {"sentence": texts, "label": labels},
        "loader": DataLoader(list(zip(texts, labels, strict=True)), batch_size=10),
        "examples": [{"text": text, "label": label} for text, label in zip(texts, labels, strict=True)],
        "other name": pd.DataFrame({"review": texts, "label": labels}),
    }
    tokenizer = words_tokenizer(pad_token="<unk>")
    material = splits_of(source_model_of(models.bert()), forms[form], tokenizer=tokenizer)
    wanted = {tuple(tokenizer(text)["input_ids"]): label for text, label in zip(texts, labels, strict=True)}
    for batch in (batch for part in parts_of(material) for batch in part):
        for ids, mask, label in zip(
            batch.inputs["input_ids"], batch.inputs["attention_mask"], batch.labels, strict=True
        ):
            assert wanted[tuple(ids[mask.bool()].tolist())] == int(label)


def test_tokens_of_unlike_lengths_are_padded_by_their_mask() -> None:
    tokenizer = words_tokenizer()
    made = tokenizer(texts_of_lengths([2 + place % 30 for place in range(120)]))
    material = splits_of(source_model_of(models.language()), dict(made))
    assert sum(batch.size for part in parts_of(material) for batch in part) == 120
    assert material.labelled


# ---- what the model says of it --------------------------------------------------------------------------------------


def refused(model: Any, data: Any, **options: Any) -> str:
    subject = source_model_of(model)
    before = dict(vars(subject.model.config)) if hasattr(subject.model, "config") else {}
    with pytest.raises(ShrinkError) as caught, subject.quiet():
        first_outputs(subject, splits_of(subject, data, **options))
    assert "\n" not in str(caught.value)
    assert not before or dict(vars(subject.model.config)) == before
    return str(caught.value)


def test_what_a_model_says_of_its_data_is_one_sentence() -> None:
    from transformers import GPT2Config, GPT2ForSequenceClassification, T5Config, T5ForConditionalGeneration

    ids = torch.randint(5, 60, (100, 12), generator=torch.Generator().manual_seed(0))
    data = {"input_ids": ids, "attention_mask": torch.ones_like(ids), "labels": ids[:, 0] % 2}
    small: dict[str, Any] = {"vocab_size": 60, "n_embd": 32, "n_layer": 1, "n_head": 2, "pad_token_id": None}
    gpt = GPT2ForSequenceClassification(GPT2Config(**small, n_positions=32, bos_token_id=1, eos_token_id=1)).eval()
    assert "set model.config.pad_token_id" in refused(gpt, data)
    t5 = T5ForConditionalGeneration(
        T5Config(vocab_size=60, d_model=32, d_kv=8, d_ff=64, num_layers=1, num_heads=2, decoder_start_token_id=0)
    ).eval()
    assert "give decoder_input_ids beside input_ids" in refused(t5, {"input_ids": ids})
    far = {**data, "input_ids": ids + 100}
    assert "the tokens run from 10" in refused(models.bert(), far)
    long = {"input_ids": ids.repeat(1, 4), "attention_mask": torch.ones(100, 48).long(), "labels": ids[:, 0] % 2}
    assert "an example has 48 tokens and it has places for 32" in refused(models.bert(), long)
    x, y = models.points(200)
    assert "the inputs are uint8 and its weights float32" in refused(models.Blocks(), ((100 * x).abs().byte(), y))
    assert "KeyError" in refused(Picky(), (x, y))


class Picky(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Linear(12, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        raise KeyError("no such key")


def test_a_model_that_fails_on_one_example_is_one_sentence() -> None:
    class Words(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.table, self.last = nn.Embedding(50, 8), nn.Linear(8, 3)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.last(self.table(x).mean(1))

    x = torch.randint(0, 50, (200, 6), generator=torch.Generator().manual_seed(0))
    x[:, 0] = torch.arange(200) % 50
    material = read((x, x[:, 0] % 3))
    material.select[-1].inputs[-1, 0] = 50
    subject = source_model_of(Words().eval())
    which = material.select[-1].sources[-1][1]
    said = rf"^The model can't be called with example {which} \(counted from 0\) of the data: IndexError.*; fix that or"
    with pytest.raises(ShrinkError, match=said):
        evaluate(subject, subject.model, material.select, Metric())
    assert groups_of(material.select) is None


def test_candidates_are_given_texts_of_any_length() -> None:
    """A tokenizer without a token to pad with, and texts beyond the positions, are no fault of a candidate."""
    import jupyter_green as green

    texts, labels = texts_of_lengths([1 + place % 60 for place in range(60)]), [place % 3 for place in range(60)]
    found = green.compare(
        {"small": models.bert(1), "large": models.bert(2)},
        (texts, labels),
        tokenizer=words_tokenizer(),
        time=1,
        progress=False,
    )
    assert [row.failures for row in found.rows] == [0, 0]
    assert "failed" not in {row.standing for row in found.rows}
