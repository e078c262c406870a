"""What is judged is what the person means: the task comes from the model and the labels, never from shapes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import jupyter_green as green
from jupyter_green.compression.api import first_outputs
from jupyter_green.compression.data.splits import splits_of
from jupyter_green.compression.errors import ShrinkError
from jupyter_green.compression.model.source_model import SourceModel, source_model_of
from jupyter_green.compression.model.task import Task
from jupyter_green.compression.quality.class_scores import ClassScore
from jupyter_green.compression.quality.metric import Metric, evaluate
from jupyter_green.compression.quality.metric_selection import judged_by
from jupyter_green.compression.quality.skill import Constant, without_skill
from jupyter_green.compression.recipes.recipe import RecipeContext, RecipeResult
from jupyter_green.compression.report.shrink_report import classes_in_words, judged_in_words
from jupyter_green.compression.store.folder import opened
from jupyter_green.compression.store.save import write

SIZES = {"vocab_size": 60, "hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}


def judged(model: Any, data: Any, **asked: Any) -> tuple[SourceModel, Metric, float]:
    """Return the subject with its task, the metric, and the model's own score by it."""
    subject = source_model_of(model.eval())
    material = splits_of(subject, data, metric=asked.get("metric"))
    subject, material, metric = judged_by(subject, material, first_outputs(subject, material), **asked)
    return subject, metric, metric.value(evaluate(subject, model, material.judge, metric)[0])


def score(metric: Metric, subject: SourceModel, model: Any, data: Any) -> float:
    return metric.value(evaluate(subject, model.eval(), splits_of(subject, data).judge, metric)[0])


def ids(length: int = 16, count: int = 600) -> torch.Tensor:
    return torch.randint(5, 60, (count, length), generator=torch.Generator().manual_seed(0))


def test_a_label_per_token_is_no_next_token() -> None:
    words = ids()
    tags = words % 3
    tags[:, 0] = -100
    perfect, blind = nn.Embedding(60, 3), nn.Embedding(60, 3)
    perfect.weight.data = 10 * nn.functional.one_hot(torch.arange(60) % 3, 3).float()
    blind.weight.data.zero_()
    subject, metric, best = judged(perfect, (words, tags))
    assert metric.name == "accuracy per token"
    assert best == 1.0
    assert score(metric, subject, blind, (words, tags)) < 0.5
    parts = evaluate(subject, perfect, splits_of(subject, (words, tags)).judge, metric)[0]
    assert set(parts[:, 1].tolist()) == {15.0}  # an example is what is resampled, without what is not labelled
    assert judged(perfect, (words, tags), metric="f1")[2] == 1.0


@pytest.mark.parametrize(
    ("made", "name", "shift"),
    [
        ("BertForTokenClassification", "token-classification", False),
        ("BertForMaskedLM", "masked-lm", False),
        ("LlamaForCausalLM", "causal-lm", True),
    ],
)
def test_the_class_tells_the_task(made: str, name: str, shift: bool) -> None:
    import transformers

    kind = getattr(transformers, made)
    model = kind(kind.config_class(**SIZES, num_labels=60))
    words = ids()
    labels = words.clone() if shift else words.masked_fill(torch.rand(words.shape) > 0.2, -100)
    subject, metric, value = judged(model, {"input_ids": words, "labels": labels})
    assert subject.task is not None
    assert (subject.task.name, subject.task.shift, subject.task.output) == (name, shift, ("logits",))
    if name == "token-classification":
        assert metric.name == "accuracy per token"
        return
    data = splits_of(subject, {"input_ids": words, "labels": labels}).judge
    wanted, given = torch.cat([b.labels for b in data]), torch.cat([model(**b.inputs).logits for b in data])
    own = model.loss_function if shift else nn.functional.cross_entropy
    loss = own(given, wanted, 60) if shift else own(given.flatten(0, 1), wanted.flatten())
    assert value == pytest.approx(float(loss.exp()), rel=1e-4)


def test_labels_tell_a_language_model_that_is_ones_own() -> None:
    model, words = nn.Sequential(nn.Embedding(60, 8), nn.Linear(8, 60)), ids()
    moved = (words[:, :-1], words[:, 1:])
    for data, wanted, shift in (((words, words), "perplexity", True), (moved, None, False)):
        subject, metric, _ = judged(model, data, metric=wanted)
        assert (metric.name, subject.task and subject.task.shift) == ("perplexity", shift)
    with pytest.raises(ShrinkError, match="where it predicts the next one"):  # a copying model is judged otherwise
        judged(model, (words, words))
    with pytest.raises(ShrinkError, match="of the next token or of hidden ones"):
        judged(model, (words, words.flip(1)), metric="perplexity")


@pytest.mark.parametrize("labels", ["float", "flat", "whole", "bool", "signs"])
@pytest.mark.parametrize("probability", [False, True])
def test_one_number_for_yes_or_no(labels: str, probability: bool) -> None:
    x = torch.randn(900, 4, generator=torch.Generator().manual_seed(1))
    yes = x[:, :1] > 0
    y = {"float": yes.float(), "flat": yes.float()[:, 0], "whole": yes.long()[:, 0], "bool": yes[:, 0]}
    y["signs"] = 2 * yes.float() - 1
    sure, blind = nn.Linear(4, 1), nn.Linear(4, 1)
    sure.weight.data, blind.weight.data = torch.tensor([[9.0, 0, 0, 0]]), torch.zeros(1, 4)
    sure.bias.data.zero_()
    blind.bias.data.fill_(0.5)
    models = [nn.Sequential(one, nn.Sigmoid()) if probability else one for one in (sure, blind)]
    subject, metric, best = judged(models[0], (x, y[labels]))
    assert (metric.name, best) == ("accuracy", 1.0)
    assert subject.task is not None
    assert subject.task.threshold == (0.5 if probability else 0.0)
    assert score(metric, subject, models[1], (x, y[labels])) < 0.6


def test_several_yes_or_no_of_one_example() -> None:
    x = torch.randn(600, 6, generator=torch.Generator().manual_seed(1))
    model = nn.Linear(6, 6, bias=False)
    model.weight.data = torch.eye(6)
    for y in ((x > 0).float(), (x > 0).long()):
        _, metric, value = judged(model, (x, y))
        assert (metric.name, value) == ("accuracy per label", 1.0)


@pytest.mark.parametrize("width", [2, 8])
def test_a_map_of_classes(width: int) -> None:
    model = nn.Conv2d(2, width, 1, bias=False)
    model.weight.data = torch.eye(width, 2)[:, :, None, None]
    x = torch.randn(200, 2, 8, 5, generator=torch.Generator().manual_seed(1))
    y = nn.functional.pad(x, (0, 0, 0, 0, 0, width - 2)).argmax(1)
    _, metric, value = judged(model, (x, y))
    assert (metric.name, value) == ("accuracy per pixel", 1.0)
    with pytest.raises(ShrinkError, match="which of it are classes is not known"):
        judged(model, x)


@pytest.mark.parametrize(
    ("made", "said"),
    [
        ({"num_labels": 1}, "give task='binary'"),
        ({"num_labels": 1, "problem_type": "regression"}, "mean squared error"),
        ({"num_labels": 1, "problem_type": "multi_label_classification"}, "accuracy"),
    ],
)
def test_one_output_of_a_classifier(made: dict[str, Any], said: str) -> None:
    from transformers import BertConfig, BertForSequenceClassification

    model = BertForSequenceClassification(BertConfig(**SIZES, **made))
    words = ids()
    data = {"input_ids": words, "labels": (words[:, 0] % 2).float()}
    if "problem_type" in made:
        assert judged(model, data)[1].name == said
        return
    with pytest.raises(ShrinkError, match=said):
        judged(model, data)
    assert judged(model, data, task="binary")[1].name == "accuracy"
    assert judged(model, data, task="regression")[1].name == "mean squared error"


def test_what_is_refused_in_one_sentence() -> None:
    from transformers import BertConfig, BertForQuestionAnswering

    words = ids()
    x = torch.randn(600, 4)
    shares = torch.rand(600, 3).softmax(-1)
    cases: list[tuple[Any, Any, str]] = [
        (BertForQuestionAnswering(BertConfig(**SIZES)), {"input_ids": words}, "where a passage begins"),
        (nn.Linear(4, 3), (x, shares), "shares of classes"),
        (nn.Linear(4, 3), (x, torch.randint(0, 9, (600, 3))), "give task='regression'"),
        (nn.Embedding(60, 3), (words, words % 3 + 7), "but the model has 3 classes"),
        (nn.Embedding(60, 3), (words, torch.full_like(words, -100)), "Every label is -100"),
    ]
    for model, data, said in cases:
        with pytest.raises(ShrinkError, match=said) as caught:
            judged(model, data)
        assert "\n" not in str(caught.value)
    with pytest.raises(ShrinkError, match="'beauty' is not a task"):
        judged(nn.Linear(4, 3), (x, x.argmax(-1) % 3), task="beauty")


@dataclass
class Answer:
    features: torch.Tensor
    scores: torch.Tensor


class Several(nn.Module):
    """Gives features first, then scores."""

    def __init__(self, form: str) -> None:
        super().__init__()
        self.form, self.inner, self.head = form, nn.Linear(6, 16), nn.Linear(16, 3)

    def forward(self, x: torch.Tensor) -> Any:
        features = self.inner(x)
        scores = self.head(features)
        forms = {"tuple": (features, scores), "list": [features, [scores]]}
        forms |= {"dict": {"features": features, "scores": scores}, "nested": {"a": {"f": features}, "b": [scores]}}
        return Answer(features, scores) if self.form == "dataclass" else forms[self.form]


@pytest.mark.parametrize(
    ("form", "said"),
    [("tuple", "[1]"), ("list", "[1][0]"), ("dict", "scores"), ("dataclass", "scores"), ("nested", "b[0]")],
)
def test_of_several_outputs_the_fitting_one_is_judged_and_named(form: str, said: str) -> None:
    torch.manual_seed(3)
    model, x = Several(form).eval(), torch.randn(900, 6)
    y = model.head(model.inner(x)).argmax(-1)
    subject, metric, value = judged(model, (x, y))
    assert value == 1.0
    words = judged_in_words(metric.kind, metric.name, subject.task)
    assert words == f"Judged: accuracy, 3 classes, of the output {said}."
    with pytest.raises(ShrinkError, match="without labels it is not known which"):
        judged(model, x)


def test_a_metric_of_ones_own_gets_the_labels_whole() -> None:
    x, seen = torch.randn(300, 6), set()

    def share(outputs: torch.Tensor, labels: torch.Tensor) -> float:
        seen.add((tuple(outputs.shape[1:]), tuple(labels.shape[1:]), labels.dtype))
        return float(((outputs > 0) == (labels > 0)).float().mean())

    model = nn.Linear(6, 6, bias=False)
    model.weight.data = torch.eye(6)
    assert judged(model, (x, (x > 0).long()), metric=share)[2] == 1.0
    assert seen == {((6,), (6,), torch.int64)}


class Own(nn.Module):
    """A module of one's own around another, with weights beside it or without."""

    def __init__(self, inner: Any, head: nn.Module | None) -> None:
        super().__init__()
        self.inner, self.head = inner, head

    def forward(self, input_ids: torch.Tensor) -> Any:
        found = self.inner(input_ids).logits
        return found if self.head is None else self.head(found)


def test_a_head_of_ones_own_is_not_judged_as_what_it_stands_on() -> None:
    from transformers import LlamaConfig, LlamaForCausalLM

    words, inner = ids(), LlamaForCausalLM(LlamaConfig(**SIZES))
    assert judged(Own(inner, None), {"input_ids": words, "labels": words})[1].name == "perplexity"
    tagger = Own(inner, nn.Linear(60, 3))
    assert judged(tagger, {"input_ids": words, "labels": words % 3})[1].name == "accuracy per token"
    assert judged(tagger, {"input_ids": words, "labels": words[:, 1:] % 3}, metric=lambda _o, _y: 1.0)[2] == 1.0


@pytest.mark.parametrize(("shape", "named"), [((3, 9), None), ((9, 9), None), ((9, 9), "segmentation")])
def test_classes_along_the_second_axis(shape: tuple[int, int], named: str | None) -> None:
    model = nn.Conv1d(shape[0], shape[0], 1, bias=False)
    model.weight.data = torch.eye(shape[0])[:, :, None]
    x = torch.randn(300, *shape, generator=torch.Generator().manual_seed(1))
    if shape[0] == shape[1] and named is None:  # shapes never choose
        with pytest.raises(ShrinkError, match="along the second axis or the last one"):
            judged(model, (x, x.argmax(1)))
        return
    assert judged(model, (x, x.argmax(1)), task=named)[2] == 1.0


def test_a_map_with_its_classes_last() -> None:
    model = nn.Linear(3, 3, bias=False)
    model.weight.data = torch.eye(3)
    x = torch.randn(200, 8, 5, 3, generator=torch.Generator().manual_seed(1))
    assert judged(model, (x, x.argmax(-1)))[2] == 1.0


def test_outputs_that_are_no_scores_are_refused() -> None:
    class Said(nn.Linear):
        def forward(self, x: torch.Tensor) -> Any:
            return super().forward(x).argmax(-1) if self.out_features == 3 else torch.fft.fft(super().forward(x))

    x = torch.randn(300, 4)
    for width, y in ((3, torch.arange(300) % 3), (4, x), (4, None)):
        with pytest.raises(ShrinkError, match="which are no scores"):
            judged(Said(4, width), x if y is None else (x, y))


def test_yes_and_no_of_several_stay_that_where_each_has_a_single_yes() -> None:
    from transformers import BertConfig, BertForSequenceClassification

    words, kind = ids(), "multi_label_classification"
    one_hot = nn.functional.one_hot(words[:, 0] % 3, 3).float()
    model = BertForSequenceClassification(BertConfig(**SIZES, num_labels=3, problem_type=kind))
    assert judged(model, {"input_ids": words, "labels": one_hot})[1].name == "accuracy per label"


def test_embeddings_are_no_classes_and_of_two_that_a_name_tells_none_is_picked() -> None:
    from transformers import BertConfig, BertModel

    class Towers(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.text, self.image = nn.Linear(4, 3), nn.Linear(4, 3)

        def forward(self, x: torch.Tensor) -> Any:
            return {"text": {"last_hidden_state": self.text(x)}, "image": {"last_hidden_state": self.image(x)}}

    words, x = ids(), torch.randn(300, 4)
    with pytest.raises(ShrinkError, match="gives embeddings"):
        judged(BertModel(BertConfig(**SIZES)), {"input_ids": words, "labels": words[:, 0] % 3})
    with pytest.raises(ShrinkError, match="it is not known which"):
        judged(Towers(), x)
    with pytest.raises(ShrinkError, match="your metric gets one"):
        judged(Several("tuple"), (torch.randn(300, 6), torch.rand(300, 7)), metric=lambda _o, _y: 1.0)


def test_without_labels_vectors_of_length_one_are_embeddings() -> None:
    class Normed(nn.Linear):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return nn.functional.normalize(super().forward(x), dim=-1)

    x = torch.randn(300, 4)
    assert judged(Normed(4, 16), x)[1].name == "cosine agreement with the original"
    sure = nn.Linear(4, 3, bias=False)
    sure.weight.data *= 1e6
    subject, metric, _ = judged(nn.Sequential(sure, nn.Softmax(-1)), x)
    said = "Judged: agreement with the original on which of 3 outputs is largest."
    assert judged_in_words(metric.kind, metric.name, subject.task) == said


def test_numbers_near_nought_and_one_are_no_logits() -> None:
    x = torch.randn(900, 4, generator=torch.Generator().manual_seed(1))
    y = (x[:, :1] > 0).float()
    model = nn.Linear(4, 1)
    model.weight.data, model.bias.data = torch.tensor([[0.4, 0.0, 0.0, 0.0]]), torch.tensor([0.5])
    with pytest.raises(ShrinkError, match="it may be no logit"):
        judged(model, (x, y))
    assert judged(model, (x, y), task="regression")[1].name == "mean squared error"
    # Within 0 and 1 in the first batch alone: a logit all the same.
    model.weight.data, model.bias.data = torch.tensor([[9.0, 0.0, 0.0, 0.0]]), torch.zeros(1)
    subject, _, best = judged(model, (x, y))
    assert (best, subject.task is not None and subject.task.threshold) == (1.0, 0.0)


def test_an_original_without_skill_proves_nothing() -> None:
    x = torch.randn(600, 4, generator=torch.Generator().manual_seed(1))
    right, y = nn.Linear(4, 3), (x @ torch.eye(4)[:, :3]).argmax(-1)
    right.weight.data, right.bias.data = torch.eye(3, 4), torch.zeros(3)

    def constant(model: Any, data: Any, **asked: Any) -> Constant | None:
        subject, metric, _ = judged(model, data, **asked)
        batches = splits_of(subject, data).select
        return without_skill(metric, evaluate(subject, model, batches, metric)[0], batches)

    assert constant(right, (x, y)) is None
    encoder = nn.Linear(4, 64)
    with pytest.raises(ShrinkError, match="its output may mean something else"):
        constant(encoder, (x, y))
    told = constant(encoder, (x, y), task="classification")
    assert told is not None
    said = judged_in_words("accuracy", "accuracy", Task(classes=64), told).replace("\u202f", " ")
    assert f"no better than always saying class {told.answer} ({100 * told.score:.1f} %)" in said
    log = nn.Sequential(nn.Linear(4, 1), nn.LogSigmoid())
    with pytest.raises(ShrinkError, match="its output may mean something else"):
        constant(log, (x, (x[:, 0] > 0).float()))
    # A rare class that is told well is skill, though the mean hardly shows it.
    rare = nn.Linear(4, 2)
    rare.weight.data, rare.bias.data = torch.tensor([[0.0] * 4, [9.0, 0, 0, 0]]), torch.tensor([0.0, -18.0])
    assert constant(rare, (x, (x[:, 0] > 2).long())) is None


def test_doubles_stay_doubles() -> None:
    x = torch.randn(300, 4, dtype=torch.float64)
    model = nn.Linear(4, 3).double()
    assert judged(model, (x.numpy(), model(x).argmax(-1)))[2] == 1.0
    single = nn.Linear(4, 3)
    assert judged(single, (x.numpy(), single(x.float()).argmax(-1)))[2] == 1.0


def test_a_rare_class_is_said_in_the_headline() -> None:
    always_no = {0: ClassScore(3980, 1.0, 1.0), 1: ClassScore(20, 0.95, 0.0)}
    said = classes_in_words(always_no).replace("\u202f", " ")
    assert said == " (class 1 loses most, 95 points on its 20; balanced accuracy 97.5 % → 50.0 %)"
    assert not classes_in_words({0: ClassScore(50, 1.0, 0.9), 1: ClassScore(50, 0.9, 0.9)})


def test_what_was_chosen_by_counts_groups_and_the_judged_output_is_saved(tmp_path: Path) -> None:
    class Same:
        name, trains = "a copy in half the layers", False

        def applies(self, case: RecipeContext) -> str | None:
            return None

        def apply(self, case: RecipeContext) -> RecipeResult:
            return RecipeResult(case.subject.model, steps=())

    torch.manual_seed(3)
    model, x = Several("nested").eval(), torch.randn(600, 6)
    y = model.head(model.inner(x)).argmax(-1)
    result = green.shrink(
        model, (x, y), recipes=[Same()], group=[place // 5 for place in range(600)], time=2, progress=False
    )
    assert result.facts.chosen_by is not None
    assert 30 <= result.facts.chosen_by[0] <= 40  # about three tenths of 120 groups, not of 600 examples
    assert result.facts.sample is not None
    write(tmp_path, result.facts.original, RecipeResult(model, steps=()), result.facts.sample)
    assert opened(tmp_path).note["output"] == ["b", 0]
    loaded = green.load(tmp_path, model=Several("nested"))
    torch.testing.assert_close(loaded(x)["b"][0], model(x)["b"][0])
    other = Several("nested")
    other.load_state_dict(model.state_dict())
    other.form = "tuple"  # answers otherwise: what was judged is no more where it was
    with pytest.raises(ShrinkError, match="answers differently"):
        green.load(tmp_path, model=other)


def test_the_first_line_names_what_was_judged() -> None:
    x = torch.randn(600, 4)
    model = nn.Linear(4, 3).eval()
    result = green.quantize(model, (x, model(x).argmax(-1)), time=2, form="torch", progress=False)
    assert repr(result).splitlines()[0].endswith("Judged: accuracy, 3 classes.")
