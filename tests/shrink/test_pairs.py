"""Pairs of texts with a score each: embeddings as sentence-transformers makes them, cross-encoders, functions."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import jupyter_green as green
from jupyter_green.session import Session
from jupyter_green.shrink.correlation import Spearman
from jupyter_green.shrink.examples import examples_of
from jupyter_green.shrink.fault import ShrinkError
from jupyter_green.shrink.recipes.depth import Depth
from jupyter_green.shrink.recipes.precision import BFloat16
from jupyter_green.shrink.utility import metric_for

stats = pytest.importorskip("scipy.stats")
sentence_transformers = pytest.importorskip("sentence_transformers")

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
    found = green.compare(candidates, data, time="1s", session=session, progress=False, max_loss="50pt")
    assert found.metric == "Spearman's rank correlation"
    assert found.best == "words"
    assert found.row("words").utility == pytest.approx(1.0)
    first, second = (encoder.encode([pair[side] for pair in data[0]], convert_to_tensor=True) for side in (0, 1))
    own = torch.nn.functional.cosine_similarity(first, second).tolist()
    assert found.row("encoder").utility == pytest.approx(stats.spearmanr(own, data[1]).statistic, abs=1e-3)
    assert found.row("encoder").utility > 0.5
    scores = both.predict(data[0])
    told = found.row("both at once")
    assert told.standing == "failed" or told.utility == pytest.approx(
        stats.spearmanr(scores, data[1]).statistic, abs=1e-3
    )
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


def test_embeddings_of_single_texts_are_refused(encoder: Any, session: Session) -> None:
    data = (["the cat", "a dog"] * 20, [0, 1] * 20)
    found = green.compare({"encoder": encoder, "no": lambda _: 0}, data, time="1s", session=session, progress=False)
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
