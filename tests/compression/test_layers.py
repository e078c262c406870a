"""Layers are left out where they fit each other, by the setting that counts them; else one sentence says why not."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from jupyter_green.compression.errors import ShrinkError
from jupyter_green.compression.recipes.depth import Depth
from jupyter_green.compression.recipes.integer import TorchInteger
from jupyter_green.compression.recipes.integer_weights import rounded
from jupyter_green.compression.recipes.onnx_runtime import OnnxFloat
from jupyter_green.compression.recipes.pruning import Prune
from jupyter_green.compression.store.folder import opened
from jupyter_green.compression.store.load import made_of
from jupyter_green.compression.store.save import write
from tests.compression.test_recipes import case_of
from tests.support import models

IDS = torch.randint(5, 60, (2400, 8), generator=torch.Generator().manual_seed(3))
TOKENS = {"input_ids": IDS, "attention_mask": torch.ones_like(IDS)}
WRITING = {**TOKENS, "labels": IDS}
CLASSES = {**TOKENS, "labels": IDS[:, 0] % 3}
PAIRS = {**TOKENS, "decoder_input_ids": IDS, "labels": IDS}


def t5() -> Any:
    from transformers import T5Config, T5ForConditionalGeneration

    sizes = {"vocab_size": 64, "d_model": 32, "d_kv": 8, "d_ff": 64, "num_heads": 4}
    return T5ForConditionalGeneration(
        T5Config(num_layers=3, num_decoder_layers=3, decoder_start_token_id=0, pad_token_id=0, **sizes)
    )


def bart() -> Any:
    from transformers import BartConfig, BartForConditionalGeneration

    widths = {"d_model": 32, "encoder_ffn_dim": 64, "decoder_ffn_dim": 64}
    heads = {"encoder_attention_heads": 4, "decoder_attention_heads": 4}
    return BartForConditionalGeneration(
        BartConfig(vocab_size=64, encoder_layers=3, decoder_layers=3, **widths, **heads)
    )


def gpt2() -> Any:
    from transformers import GPT2Config, GPT2LMHeadModel

    sizes = {"vocab_size": 64, "n_embd": 32, "n_layer": 3, "n_head": 4, "bos_token_id": 1, "eos_token_id": 2}
    return GPT2LMHeadModel(GPT2Config(scale_attn_by_inverse_layer_idx=True, **sizes))


def gemma() -> Any:
    from transformers import Gemma3ForCausalLM, Gemma3TextConfig

    sizes = {"vocab_size": 64, "hidden_size": 32, "intermediate_size": 64, "head_dim": 8}
    heads = {"num_attention_heads": 4, "num_key_value_heads": 2}
    kinds = ["sliding_attention", "sliding_attention", "full_attention"]
    return Gemma3ForCausalLM(Gemma3TextConfig(num_hidden_layers=3, layer_types=kinds, **sizes, **heads))


@pytest.mark.parametrize(
    ("make", "data", "settings"),
    [
        (models.language, WRITING, {"num_hidden_layers": 2}),
        (gpt2, WRITING, {"n_layer": 2}),
        (lambda: models.bert(3), CLASSES, {"num_hidden_layers": 2}),
        (models.vit, models.pictures(count=2400), {"num_hidden_layers": 2}),
        # transformers makes as many caches as the encoder has layers: there the decoder's are what can go.
        (t5, PAIRS, {"num_layers": 3, "num_decoder_layers": 2}),
        (bart, PAIRS, {"encoder_layers": 2, "decoder_layers": 3}),
        (gemma, WRITING, {"num_hidden_layers": 2, "layer_types": ["sliding_attention", "full_attention"]}),
    ],
    ids=["llama", "gpt2", "bert", "vit", "t5", "bart", "gemma"],
)
def test_the_setting_that_counts_those_layers_follows(
    make: Any, data: Any, settings: dict[str, Any], tmp_path: Path
) -> None:
    model = make().eval()
    case = case_of(model, data, seconds=0.1)
    assert Depth().applies(case) is None
    product = Depth().apply(case)
    config = product.model.config
    assert {name: getattr(config, name) for name in settings} == settings
    assert all(getattr(model.config, name) == getattr(make().config, name) for name in settings)
    if product.model.can_generate():
        written = product.model.generate(**{k: v[:2] for k, v in TOKENS.items()}, max_new_tokens=3, do_sample=False)
        assert len(written) == 2
    assert write(tmp_path / "saved", case.original, product, case.tune[0].part(0, 2).inputs)
    loaded = made_of(opened(tmp_path / "saved"))
    again = type(model).from_pretrained(tmp_path / "saved").eval()
    with torch.inference_mode():
        wanted, first, second = (
            case.original.main(case.original.call(case.sample, one)) for one in (product.model, loaded, again)
        )
    torch.testing.assert_close(first, wanted)
    torch.testing.assert_close(second, wanted)


class Unlike(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        widths = [12, 64, 32, 16, 3]
        self.steps = nn.ModuleList(nn.Linear(*pair) for pair in pairwise(widths))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for step in self.steps:
            x = step(x)
        return x


class Pair(nn.Module):
    """Answers with a tuple whose first is not what the next layer takes."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Linear(16, 16)

    def forward(self, x: torch.Tensor) -> Any:
        return x.sum(), x + self.inner(x).relu()


class Listed(nn.Module):
    """Like layers in a list, gone through in one of several ways."""

    def __init__(self, way: str) -> None:
        super().__init__()
        self.way, self.first, self.last = way, nn.Linear(12, 16), nn.Linear(16, 3)
        self.steps = nn.ModuleList(Pair() if way == "pairs" else nn.Linear(16, 16) for _ in range(4))
        if way == "norms":
            self.norms = nn.ModuleList(nn.LayerNorm(16) for _ in range(4))
        if way == "scales":
            self.scales = nn.Parameter(torch.ones(4))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.first(x)
        if self.way == "side by side":
            x = torch.stack([step(x) for step in self.steps]).sum(0)
        for place in range(4 if self.way == "numbered" else len(self.steps)):
            step = self.steps[place]
            if self.way == "pairs":
                x = step(x)[1]
            elif self.way == "norms":
                x = x + self.norms[place](step(x))
            elif self.way == "scales":
                x = x + self.scales[place] * step(x)
            elif self.way == "numbered":
                x = step(x)
        return self.last(x)


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (Unlike, "The layers of steps don't take and give one and the same shape, so none can be left out."),
        (lambda: nn.Sequential(nn.Linear(12, 32), nn.Linear(32, 3)), "No stack of identical layers to remove."),
        (lambda: Listed("side by side"), "The layers of steps stand side by side; none takes what another gives."),
        (lambda: Listed("scales"), "Beside the layers of steps stands a weight per layer, by its number."),
        (lambda: Listed("numbered"), "The model can't be called without some of the layers of steps ("),
    ],
    ids=["unlike", "sequential", "side by side", "scales", "numbered"],
)
def test_layers_that_do_not_fit_each_other_are_one_sentence(make: Any, why: str) -> None:
    model = make().eval()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    assert (Depth().applies(case_of(model, models.points(seed=2))) or "").startswith(why)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


@pytest.mark.parametrize("way", ["pairs", "norms"])
def test_layers_of_ones_own_go_with_what_is_called_in_turn_with_them(way: str, tmp_path: Path) -> None:
    model = Listed(way).eval()
    case = case_of(model, models.points(seed=2), seconds=0.1)
    product = Depth(2).apply(case)
    assert len(product.model.steps) == 2
    assert way != "norms" or len(product.model.norms) == 2
    write(tmp_path / "saved", case.original, product, case.tune[0].part(0, 2).inputs)
    loaded = made_of(opened(tmp_path / "saved"), Listed(way))
    with torch.inference_mode():
        torch.testing.assert_close(loaded(case.sample), product.model(case.sample))


def classes(width: int, labels: int) -> Any:
    from transformers import BertConfig, BertForSequenceClassification

    sizes = {"vocab_size": 64, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4}
    return BertForSequenceClassification(BertConfig(intermediate_size=width, num_labels=labels, **sizes))


def words(tied: bool, head: int) -> Any:
    from transformers import LlamaConfig, LlamaForCausalLM

    sizes = {"vocab_size": 64, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4}
    return LlamaForCausalLM(LlamaConfig(intermediate_size=64, head_dim=head, tie_word_embeddings=tied, **sizes))


@pytest.mark.parametrize(
    ("make", "data"),
    [
        (lambda: classes(64, 64), CLASSES),
        (lambda: words(False, 8), WRITING),
        (lambda: words(True, 8), WRITING),
        (lambda: words(False, 16), WRITING),  # queries are as wide as the feed-forward layers too
    ],
    ids=["labels", "vocabulary", "tied", "queries"],
)
def test_what_is_only_as_wide_as_feed_forward_layers_is_not_narrowed(make: Any, data: Any) -> None:
    case = case_of(make().eval(), data, seconds=0.1)
    assert Prune(0.5).applies(case) is None
    made = Prune(0.5).apply(case).model
    assert made.config.intermediate_size == 32
    with torch.inference_mode():
        wanted, given = (case.original.main(case.original.call(case.sample, one)) for one in (None, made))
    assert given.shape == wanted.shape
    again = type(made)(made.config)
    assert {name: value.shape for name, value in again.state_dict().items()} == {
        name: value.shape for name, value in made.state_dict().items()
    }


NORMS = [
    nn.utils.parametrizations.spectral_norm,
    nn.utils.parametrizations.weight_norm,
    nn.utils.spectral_norm,
    nn.utils.weight_norm,
]


@pytest.mark.filterwarnings("ignore:.*weight_norm")
@pytest.mark.parametrize("norm", NORMS, ids=["spectral", "weight", "old spectral", "old weight"])
def test_weights_that_a_norm_makes_are_left_alone_by_whole_numbers(norm: Any) -> None:
    torch.manual_seed(0)
    plain = (nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 3))
    model = nn.Sequential(norm(nn.Linear(12, 64)), nn.ReLU(), *plain).eval()
    case = case_of(model, models.points(seed=2))
    assert TorchInteger().applies(case) is None
    product = TorchInteger().apply(case)
    assert [type(one).__module__.startswith("torch.ao") for one in product.model] == [False, False, True, False, True]
    near = rounded(model, 8)
    with torch.inference_mode():
        wanted = model(case.sample)
        for given in (product.model(case.sample), near(case.sample.bfloat16()).float()):
            assert float((given - wanted).abs().max()) < 0.05 * float(wanted.abs().max())
    alone = nn.Sequential(norm(nn.Linear(12, 64)), nn.ReLU(), norm(nn.Linear(64, 3))).eval()
    assert "hold 0 % of these weights" in (TorchInteger().applies(case_of(alone, models.points(seed=2))) or "")


class Worded(nn.Module):
    """Embeds whole numbers; the way says what is written into its code."""

    def __init__(self, way: str) -> None:
        super().__init__()
        self.way, self.words, self.last = way, nn.Embedding(64, 16), nn.Linear(16, 3)

    def forward(self, ids: torch.Tensor, more: torch.Tensor | None = None) -> torch.Tensor:
        held = self.words(ids)
        if more is not None:
            held = held + self.words(more)
        if self.way == "batch":
            held = held.reshape(int(ids.shape[0]), -1, 16)
        if self.way == "branch" and ids.shape[1] > 20:
            held = -held
        if self.way == "far" and ids.shape[1] > 50:
            held = -held
        if self.way == "length":
            held = held * torch.arange(int(ids.shape[1]))[None, :, None]
        return self.last(held.mean(1))


def exported(way: str, inputs: Any) -> Any:
    torch.manual_seed(0)
    return OnnxFloat().apply(case_of(Worded(way).eval(), (inputs, IDS[:, 0] % 3)))


def test_lengths_are_free_only_where_the_export_holds_at_other_ones() -> None:
    free = exported("plain", IDS)
    tried = "Exported, these sizes are variable, with equal outputs in tests: input_0 axis 1 at 1, 4, 7, 9, 16, 31."
    assert free.notes == (tried,)
    with torch.inference_mode():
        assert free.model(IDS[:3, :5]).shape == (3, 3)
    branched = exported("branch", IDS)
    assert "Exported it takes input_0 with axis 1 of size 8 alone." in branched.notes
    first, second = exported("far", IDS).notes  # beyond what is tried: free, and said
    assert first == tried
    assert second.startswith("Your code decides by a size or a value (line ")
    assert " of test_layers.py)" in second
    with pytest.raises(ShrinkError, match="can't be called with input_0 2 x 30"):
        branched.model(torch.ones(2, 30, dtype=torch.long))


def test_inputs_of_one_length_are_changed_together() -> None:
    product = exported("plain", (IDS, IDS.flip(1)))
    assert [note.count("input_0 and input_1 axis 1 at") for note in product.notes] == [1]
    torch.manual_seed(0)
    model = Worded("plain").eval()
    long = torch.arange(33)[None] % 60
    with torch.inference_mode():
        torch.testing.assert_close(product.model(long, long), model(long, long), atol=1e-5, rtol=1e-4)


class Frozen(nn.Module):
    """Goes through its examples by their number."""

    def __init__(self) -> None:
        super().__init__()
        self.last = nn.Linear(12, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.stack([self.last(x[place]) for place in range(int(x.shape[0]))])


def test_a_number_of_examples_in_the_code_is_one_sentence_and_nothing_is_printed(
    capfd: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(ShrinkError, match=r"does not take 1 example as the original does: a size is written into"):
        OnnxFloat().apply(case_of(Frozen().eval(), models.points(seed=2)))
    assert capfd.readouterr() == ("", "")
