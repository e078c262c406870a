"""Pairs of texts with a score each: embeddings as sentence-transformers makes them, cross-encoders, functions."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import jupyter_green as green
from jupyter_green.comparison.correlation import Spearman
from jupyter_green.comparison.examples import examples_of
from jupyter_green.comparison.utility import metric_for
from jupyter_green.compression.errors import ShrinkError
from jupyter_green.compression.recipes.autocast import Autocast
from jupyter_green.compression.recipes.depth import Depth
from jupyter_green.compression.recipes.onnx_model import in_threads, session_of
from jupyter_green.compression.recipes.onnx_runtime import OnnxDynamic, OnnxFloat
from jupyter_green.compression.recipes.precision import BFloat16
from jupyter_green.compression.recipes.recipe import RecipeContext
from jupyter_green.compression.search.runtime_baselines import threads_of
from jupyter_green.session import Session
from tests.compression.test_recipes import case_of
from tests.compression.test_save import note, result_of

stats = pytest.importorskip("scipy.stats")
sentence_transformers = pytest.importorskip("sentence_transformers")

pytestmark = pytest.mark.usefixtures("few_rounds")

WORDS = ["the", "a", "cat", "dog", "bird", "runs", "sleeps", "sings", "on", "in", "mat", "tree", "car", "red", "blue"]
WORDS += ["green", "old", "new", "house", "river"]


@pytest.fixture
def session() -> Iterator[Session]:
    held = Session()
    yield held
    held.end()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small encoder with random weights: what has words in common comes out alike all the same."""
    from tokenizers import Tokenizer, pre_tokenizers, processors
    from tokenizers.models import WordLevel
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    made = tmp_path_factory.mktemp("encoder")
    special = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    words = Tokenizer(WordLevel({word: place for place, word in enumerate([*special.values(), *WORDS])}, "[UNK]"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    words.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=words, **special)
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        num_hidden_layers=4,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=64,
    )
    BertModel(config).save_pretrained(made)
    tokenizer.save_pretrained(made)
    return made


@pytest.fixture
def encoder(folder: Path) -> Any:
    return sentence_transformers.SentenceTransformer(str(folder), device="cpu")


def alike(first: str, second: str) -> float:
    a, b = set(first.split()), set(second.split())
    return len(a & b) / len(a | b)


def pairs(count: int, seed: int = 0) -> tuple[list[tuple[str, str]], list[float]]:
    rng = random.Random(seed)
    found = []
    for _ in range(count):
        first = rng.sample(WORDS, 6)
        kept = rng.randrange(7)
        found.append((" ".join(first), " ".join([*first[:kept], *rng.sample(WORDS, 6 - kept)])))
    return found, [alike(*pair) for pair in found]


@pytest.mark.parametrize("seed", range(20))
def test_the_correlation_is_that_of_others(seed: int) -> None:
    rng = np.random.default_rng(seed)
    parts = np.stack([rng.integers(0, 2 + seed, 40), rng.normal(size=40)], axis=-1).astype(float)
    assert Spearman().value(parts) == pytest.approx(stats.spearmanr(*parts.T).statistic, abs=1e-12)


def test_a_loss_of_correlation_has_an_interval() -> None:
    rng = np.random.default_rng(0)
    labels = rng.normal(size=500)
    good, bad = (np.stack([labels + s * rng.normal(size=500), labels], axis=-1) for s in (0.5, 2.0))
    loss = Spearman().loss(good, bad)
    assert loss.value == pytest.approx(Spearman().value(good) - Spearman().value(bad))
    assert 0 < loss.low < loss.value < loss.high
    assert Spearman().loss(good, good).same
    assert np.isnan(Spearman().value(np.array([[1.0, 1.0], [1.0, 2.0]])))
    assert np.isnan(Spearman().value(np.array([[1.0, 1.0], [np.nan, 2.0], [3.0, 3.0]])))


def test_embeddings_a_cross_encoder_and_a_function(encoder: Any, folder: Path, session: Session) -> None:
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    torch.manual_seed(1)
    folder_of_scores = folder / "scores"
    AutoModelForSequenceClassification.from_pretrained(folder, num_labels=1).save_pretrained(folder_of_scores)
    AutoTokenizer.from_pretrained(folder).save_pretrained(folder_of_scores)
    both = sentence_transformers.CrossEncoder(str(folder_of_scores), device="cpu")
    data = pairs(200)
    candidates = {"encoder": encoder, "both at once": both, "words": lambda pair: alike(*pair)}
    found = green.compare(candidates, data, time="1min", session=session, progress=False, max_loss="50pt")
    assert found.metric == "Spearman's rank correlation"
    assert found.best == "words"
    assert found.row("words").utility == pytest.approx(1.0)
    first, second = (encoder.encode([pair[side] for pair in data[0]], convert_to_tensor=True) for side in (0, 1))
    own = torch.nn.functional.cosine_similarity(first, second).tolist()
    assert found.row("encoder").utility == pytest.approx(stats.spearmanr(own, data[1]).statistic, abs=1e-3)
    assert found.row("encoder").utility > 0.5
    scores = both.predict(data[0])
    assert found.row("both at once").utility == pytest.approx(stats.spearmanr(scores, data[1]).statistic, abs=1e-3)
    assert found.row("encoder").parameters == sum(item.numel() for item in encoder.parameters())


def test_whatever_form_pairs_come_in(encoder: Any) -> None:
    given, scores = pairs(40)
    first, second = [pair[0] for pair in given], [pair[1] for pair in given]
    columns = {"sentence1": first, "sentence2": second, "score": scores}
    for data in ((given, scores), ((first, second), scores), columns, ([list(pair) for pair in given], scores)):
        found = examples_of(data)
        assert found.form == "pairs"
        assert [tuple(one) for place in range(len(found.batches)) for one in found.singles(place)] == given
        assert found.labels == scores
    with pytest.raises(ShrinkError, match="40 first texts and 39 second ones"):
        examples_of(((first, second[:-1]), scores))
    assert metric_for(None, [0, 1, 1, 0], pairs=True).name == "accuracy"
    assert metric_for(None, [0, 1, 3, 5, 2], pairs=True).name == "Spearman's rank correlation"


def test_verdicts_on_pairs_name_the_metric_that_suits_an_encoder(encoder: Any, session: Session) -> None:
    given, _ = pairs(40)
    data = (given, [place % 2 for place in range(40)])
    found = green.compare({"encoder": encoder, "no": lambda _: 0}, data, time="1min", session=session, progress=False)
    assert found.metric == "accuracy"
    assert "metric='spearman'" in found.row("encoder").reason


def test_scores_that_are_all_the_same_are_refused(session: Session) -> None:
    given, _ = pairs(40)
    both = {"a": lambda _: 0.1, "b": lambda _: 0.2}
    with pytest.raises(ShrinkError, match=r"^All pairs have the same score, [^\n]*$"):
        green.compare(both, (given, [0.5] * 40), metric="spearman", time="1min", session=session, progress=False)


def test_embeddings_of_single_texts_are_refused(encoder: Any, session: Session) -> None:
    data = (["the cat", "a dog"] * 20, [0, 1] * 20)
    found = green.compare({"encoder": encoder, "no": lambda _: 0}, data, time="1min", session=session, progress=False)
    assert found.row("encoder").standing == "failed"
    assert "embeddings, which have no right answer" in found.row("encoder").reason


def test_an_encoder_is_shrunk_and_encodes_as_before(encoder: Any) -> None:
    before = {name: tensor.clone() for name, tensor in encoder.state_dict().items()}
    texts = [" ".join(random.Random(seed).sample(WORDS, 6)) for seed in range(600)]
    result = green.shrink(encoder, texts, time="8s", recipes=[BFloat16(), Depth(2)], max_loss="90pt")
    assert result.facts.metric == "cosine agreement with the original"
    rows = {row.name: row for row in result.candidates}
    assert "failed" not in {row.standing for row in rows.values()}
    assert all(torch.equal(tensor, before[name]) for name, tensor in encoder.state_dict().items())
    assert result.model.encode(["the cat"]).shape == (1, 32)


@pytest.fixture
def told(encoder: Any) -> RecipeContext:
    return case_of(encoder, [" ".join(random.Random(seed).sample(WORDS, 2 + seed % 8)) for seed in range(600)])


@pytest.mark.parametrize("recipe", [OnnxFloat(), OnnxDynamic()], ids=lambda recipe: recipe.name)
def test_what_is_inside_runs_elsewhere_and_it_encodes_as_before(recipe: Any, encoder: Any, told: RecipeContext) -> None:
    assert recipe.applies(told) is None
    product = recipe.apply(told)
    texts = ["the cat runs", "a dog", " ".join(WORDS)]
    torch.testing.assert_close(
        product.model.encode(texts, convert_to_tensor=True),
        encoder.encode(texts, convert_to_tensor=True),
        atol=0.1,
        rtol=0.1,
    )
    assert product.size_bytes == len(session_of(product.model).onnx) > 0
    assert not list(product.model.parameters())
    assert threads_of(product.model) == 1
    again = in_threads(product.model, 1)
    torch.testing.assert_close(
        again.encode(texts, convert_to_tensor=True), product.model.encode(texts, convert_to_tensor=True)
    )


def test_a_layer_inside_is_left_out_by_its_own_name(encoder: Any, told: RecipeContext) -> None:
    name = next(name for name, module in encoder.named_modules() if name.endswith("intermediate.dense"))
    whole, spared = (OnnxDynamic(layers).apply(replace(told, subject=told.original)) for layers in ((), (name,)))
    assert spared.size_bytes > whole.size_bytes


def test_a_saved_encoder_asks_for_an_instance(encoder: Any, told: RecipeContext, tmp_path: Path) -> None:
    product = OnnxDynamic().apply(told)
    result = result_of(told.original, product, told.tune[0].part(0, 2).inputs)
    result.save(tmp_path / "small")
    with pytest.raises(ShrinkError, match=r"green\.load\(path, model=SentenceTransformer"):
        green.load(tmp_path / "small")
    with pytest.raises(ShrinkError, match="model is Linear"):
        green.load(tmp_path / "small", model=torch.nn.Linear(2, 2))
    loaded = green.load(tmp_path / "small", model=encoder)
    texts = ["the cat runs", "a dog"]
    assert np.allclose(loaded.encode(texts), product.model.encode(texts), atol=1e-6)
    assert list(encoder.parameters())
    steps = [{**product.steps[-1], "inside": "nothing.there"}]
    note(tmp_path / "small", steps=steps)
    with pytest.raises(ShrinkError, match="it has no part 'nothing"):
        green.load(tmp_path / "small", model=encoder)


def test_an_encoder_in_another_runtime_is_told_from_a_smaller_one(encoder: Any) -> None:
    texts = [" ".join(random.Random(seed).sample(WORDS, 6)) for seed in range(600)]
    result = green.shrink(encoder, texts, time="10s", recipes=[OnnxDynamic()], max_loss="50pt")
    row = next(row for row in result.candidates if row.name == "ONNX Runtime int8")
    assert row.standing != "failed"
    assert result.model.encode(["the cat"]).shape == (1, 32)


def test_any_saved_encoder_is_asked_its_probe(encoder: Any, told: RecipeContext, tmp_path: Path) -> None:
    product = BFloat16().apply(told)
    result_of(told.original, product, told.tune[0].part(0, 2).inputs).save(tmp_path / "half")
    loaded = green.load(tmp_path / "half", model=encoder)
    assert np.allclose(loaded.encode(["the cat"]), product.model.encode(["the cat"]), atol=1e-3)
    assert next(loaded.parameters()).dtype == torch.bfloat16
    assert next(encoder.parameters()).dtype == torch.float32
    assert "encodes as before" in (Autocast("bf16").applies(told) or "")


def test_batches_are_read_as_the_examples_in_them_one_at_a_time_where_that_is_asked() -> None:
    """A label asks one example at a time, however the person's data is cut."""
    x, y = torch.randn(50, 4), torch.arange(50) % 3
    loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(x, y), batch_size=16)
    batches = [(x[at : at + 10].numpy(), y[at : at + 10].numpy()) for at in range(0, 50, 10)]
    for data in (loader, batches):
        found = examples_of(data, batch=1)
        assert list(found.sizes) == [1] * 50
        assert list(found.labels) == y.tolist()
    assert list(examples_of(loader).sizes) == [16, 16, 16, 2]
    rows = examples_of(list(zip(x.numpy(), y.tolist(), strict=True)), batch=1)  # one example after the other
    assert list(rows.labels) == y.tolist()
