"""More folders made to do harm: odd files, forged notes, odd heads of weights, settings of every kind, odd graphs.

As in `test_hostile_folders.py`, each is a whole saved model in which one thing is changed.
"""

from __future__ import annotations

import gzip
import json
import os
import re
import socket
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from jupyter_green.compression.errors import ShrinkError
from jupyter_green.compression.model.outputs import alike
from jupyter_green.compression.model.source_model import source_model_of
from jupyter_green.compression.recipes.recipe import RecipeResult
from jupyter_green.compression.store.config_check import known_model
from jupyter_green.compression.store.folder import CONFIG, HELD_AT_ONCE, NOTE, ONNX, WEIGHTS, opened, parsed
from jupyter_green.compression.store.load import made_of
from jupyter_green.compression.store.safetensors_check import tensors
from jupyter_green.compression.store.save import write
from tests.compression.test_hostile_folders import (
    CASES,
    CODE,
    DAMAGED,
    DOCS,
    ELSEWHERE,
    LOADS,
    Case,
    Edit,
    first_of,
    graph,
    head,
    nobody,  # noqa: F401 - a fixture
    note,
    operator,
    outside,
    probe,
    settings,
    text,
    try_folder,
    whole,  # noqa: F401 - a fixture
)
from tests.support import models

# ---- edits ----------------------------------------------------------------------------------------


def instead(name: str, make: Callable[[Path], object]) -> Edit:
    """Put something else into a file's place."""

    def edit(folder: Path) -> None:
        (folder / name).unlink()
        make(folder / name)

    return edit


def rewritten(name: str, change: Callable[[str], bytes]) -> Edit:
    return lambda folder: (folder / name).write_bytes(change((folder / name).read_text()))


def listening(path: Path) -> None:
    before = Path.cwd()
    os.chdir(path.parent)  # the whole path is too long for a socket's name
    try:
        socket.socket(socket.AF_UNIX).bind(path.name)
    finally:
        os.chdir(before)


def holes(size: int) -> Callable[[Path], object]:
    """Make a file that takes no place on the disk, whatever its size."""

    def make(path: Path) -> None:
        with path.open("wb") as file:
            file.truncate(size)

    return make


def tensor(**told: Any) -> Edit:
    """Add a tensor to the weights' head."""

    def change(held: dict[str, Any]) -> None:
        end = max(one["data_offsets"][1] for one in held.values())
        held["more"] = {"dtype": "F32", "shape": [0], "data_offsets": [end, end], **told}

    return head(change)


def only(said: bytes) -> Edit:
    return text(WEIGHTS, struct.pack("<Q", len(said)) + said + b"\0" * 4)


def doing(recipe: str, **step: Any) -> Edit:
    return note(steps=[{"recipe": recipe, **step}])


def onnx_step(**step: Any) -> Edit:
    return doing("onnx", **{"names": ["x"], "outputs": ["tensor"], "threads": 1, **step})


def of(name: str, kind: str, **more: Any) -> Edit:
    return settings(architectures=[name], model_type=kind, **more)


def without_checksum(folder: Path) -> None:
    data = json.loads((folder / NOTE).read_text())
    del data["checksum"]
    (folder / NOTE).write_text(json.dumps(data))


def instead_of_all(*nodes: tuple[str, list[str], list[str], dict[str, Any]], **held: Any) -> Edit:
    """Let a graph consist of other nodes."""

    def change(onnx: Any, model: Any) -> None:
        del model.graph.node[:]
        for name, value in held.items():
            model.graph.initializer.append(onnx.numpy_helper.from_array(np.asarray(value), name))
        for kind, inputs, outputs, attributes in nodes:
            model.graph.node.append(onnx.helper.make_node(kind, inputs, outputs, **attributes))

    return graph(change)


def summed(kind: str, inputs: list[str], **held: Any) -> Edit:
    """Let a graph add up what an operator makes."""
    total: list[tuple[str, list[str], list[str], dict[str, Any]]] = [
        ("ReduceSum", ["large"], ["sum"], {"keepdims": 0}),
        ("Add", ["x", "sum"], ["y"], {}),
    ]
    attributes = held.pop("attributes", {})
    return instead_of_all((kind, inputs, ["large"], attributes), *total, **held)


def doubled(onnx: Any, model: Any) -> None:
    """Put something twice behind itself, 40 times."""
    del model.graph.node[:]
    for place in range(40):
        before = f"c{place - 1}" if place else "x"
        model.graph.node.append(onnx.helper.make_node("Concat", [before, before], [f"c{place}"], axis=0))
    model.graph.node.append(onnx.helper.make_node("ReduceSum", ["c39"], ["sum"], keepdims=0))
    model.graph.node.append(onnx.helper.make_node("Add", ["x", "sum"], ["y"]))


def in_memory(onnx: Any, model: Any) -> None:
    """Name an address in memory for a file, as ONNX Runtime does for itself."""
    held = outside(onnx)
    held.external_data[0].value = "*/_ORT_MEM_ADDR_/*"
    model.graph.initializer.append(held)


def unmarked(onnx: Any, model: Any) -> None:
    entry = model.graph.initializer[0].external_data.add()
    entry.key, entry.value = "location", "/etc/passwd"


def scanned(onnx: Any, model: Any) -> None:
    node = onnx.helper.make_node("Constant", [], ["c"], value=outside(onnx))
    body = onnx.helper.make_graph([node], "body", [], [])
    model.graph.node.append(onnx.helper.make_node("Scan", ["x"], ["z"], body=body, num_scan_inputs=1))


def in_a_circle(onnx: Any, model: Any) -> None:
    del model.graph.node[:]
    node = onnx.helper.make_node
    model.graph.node.extend([node("Add", ["x", "b"], ["y"]), node("Identity", ["y"], ["b"])])


def by_chance(onnx: Any, model: Any) -> None:
    """Count without an end, one time in two."""
    helper, kinds = onnx.helper, onnx.TensorProto
    value, node = helper.make_tensor_value_info, helper.make_node
    body = helper.make_graph(
        [node("Identity", ["go"], ["still"]), node("Identity", ["v"], ["same"])],
        "body",
        [value("i", kinds.INT64, []), value("go", kinds.BOOL, []), value("v", kinds.FLOAT, None)],
        [value("still", kinds.BOOL, []), value("same", kinds.FLOAT, None)],
    )
    del model.graph.node[:]
    model.graph.initializer.append(helper.make_tensor("often", kinds.INT64, [], [1 << 62]))
    model.graph.initializer.append(helper.make_tensor("half", kinds.FLOAT, [], [0.5]))
    model.graph.node.extend(
        [
            node("RandomUniform", [], ["drawn"], shape=[1]),
            node("ReduceSum", ["drawn"], ["one"], keepdims=0),
            node("Less", ["one", "half"], ["on"]),
            node("Mul", ["x", "w"], ["half_x"]),
            node("Loop", ["often", "on", "half_x"], ["y"], body=body),
        ]
    )


def training_dropout(onnx: Any, model: Any) -> None:
    model.graph.initializer.append(onnx.helper.make_tensor("on", onnx.TensorProto.BOOL, [], [True]))
    model.graph.node.append(onnx.helper.make_node("Dropout", ["x", "", "on"], ["z"]))


def dims(*shape: int) -> Edit:
    def change(_onnx: Any, model: Any) -> None:
        del model.graph.initializer[0].dims[:]
        model.graph.initializer[0].dims.extend(shape)

    return graph(change)


OWN_MAP = {"auto_map": {"AutoModel": "own.Model"}}
W = b'{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}'
SIZE, NO_JSON, SAYS = "size of", "is not JSON", "doesn't say"
NUMBERS, FILES, OWN = "numbers of the kind", "other files", "somebody's own code"
CANT, MORE_MEMORY, CALLED = "can't run", "It needs more than", "what the model is called with"
TIMM = "needs the library timm"
MORE = [
    # files
    Case("plain", "a configuration that is a socket", "is a pipe or a device", instead(CONFIG, listening), False),
    Case("plain", "a `shrink.json` that is a folder", "is a folder", instead(NOTE, os.mkdir), False),
    Case("plain", "a `shrink.json` that is a pipe", "is a pipe", instead(NOTE, os.mkfifo), False),
    Case(
        "plain",
        "a `shrink.json` that links to `/proc/self/environ`",
        "is a link",
        instead(NOTE, lambda path: path.symlink_to("/proc/self/environ")),
        False,
    ),
    Case(
        "plain",
        "weights that link to `/proc/self/mem`",
        "is a link",
        instead(WEIGHTS, lambda path: path.symlink_to("/proc/self/mem")),
        False,
    ),
    Case("plain", "a card that links to `/dev/zero`", "is a link", lambda f: (f / "README.md").symlink_to("/dev/zero")),
    Case("plain", "1 TB of holes for weights", "times that", instead(WEIGHTS, holes(1 << 40)), False),
    Case("plain", "1 TB of holes for a card", LOADS, lambda folder: holes(1 << 40)(folder / "README.md")),
    Case(
        "plain",
        "a name that is no UTF-8",
        ELSEWHERE,
        lambda folder: Path(os.fsdecode(os.fsencode(folder) + b"/\xff.json")).write_text(""),
    ),
    Case("plain", "a name of 250 letters", ELSEWHERE, text("a" * 250, "")),
    Case("plain", "a name that looks like another (`config.jsοn`)", ELSEWHERE, text("config.jsοn", "{}")),
    Case("plain", "settings for generating with code", ELSEWHERE, text("generation_config.json", "{}")),
    Case("plain", "a file that Python reads at its start (`x.pth`)", CODE, text("x.pth", "import os")),
    Case("plain", "weights that are compressed", "is not a safetensors", text(WEIGHTS, gzip.compress(b"\0" * 10**6))),
    # shrink.json
    Case("plain", "`shrink.json` with a byte order mark", NO_JSON, text(NOTE, b"\xef\xbb\xbf{}"), False),
    Case("plain", "`shrink.json` with 1e999", "1e999", text(NOTE, '{"schema": 1e999}'), False),
    Case("plain", "a schema that is true", "has schema True", note(schema=True)),
    Case(
        "plain",
        "an older schema beside a figure changed by hand",
        "checksum differs",
        note(schema=1, figures={}),
        False,
    ),
    Case("plain", "no checksum", "checksum differs", without_checksum, False),
    Case("plain", "a form that is a list", LOADS, note(form=["onnx"])),
    Case("plain", "the form of a graph", "what the model is called with", note(form="onnx")),
    Case("plain", "kinds of numbers that run code", "kind of number", note(unsaved={"x": "load"})),
    Case("plain", "kinds of numbers that are lists", "kind of number", note(unsaved={"x": ["float32"]})),
    Case("plain", "versions of 10^6 letters", LOADS, note(versions={"torch": "x" * 10**6})),
    Case("plain", "a way to call it that is unknown", "can't be called", note(call=["named"])),
    Case("plain", "arithmetic that is a list", "not known", doing("autocast", kind=["bf16"], device=["cpu"])),
    Case("plain", "an engine that is a list", "does not have", doing("torch-int8", engine=["x"])),
    Case("plain", "an engine with lines and escapes", "does not have", doing("torch-int8", engine="\x1b[2J\n" * 200)),
    Case("plain", "a number of bits that is true", "number of bits", doing("integer-weights", bits=True)),
    Case("plain", "fewer threads than none", "how many threads", doing("integer-weights", bits=4, threads=-1)),
    Case("plain", "no heads kept", "can have 0 heads", doing("heads", kept=0)),
    Case("plain", "2^62 heads kept", "heads in this model", doing("heads", kept=1 << 62)),
    Case("plain", "a step that nobody knows (`__import__`)", LOADS, doing("__import__", name="os")),
    Case("onnx", "2^62 threads", LOADS, onnx_step(threads=1 << 62)),
    Case("onnx", "threads that are true", "how many threads", onnx_step(threads=True)),
    Case("onnx", "names that are an object", CALLED, onnx_step(names={"x": 1})),
    Case("onnx", "an output that hides a method (`items`)", "can't be called", onnx_step(outputs=["items"])),
    # weights
    Case("plain", "an empty tensor of 2^94 by nothing", SAYS, tensor(shape=[1 << 47, 1 << 47, 0])),
    Case("plain", "a tensor of 17 dimensions", SAYS, tensor(shape=[1] * 17)),
    Case("plain", "a shape of true and false", SAYS, head(lambda held: first_of(held).update(shape=[True]))),
    Case("plain", "a tensor that ends before it begins", SIZE, head(lambda t: first_of(t).update(data_offsets=[8, 0]))),
    Case("plain", "a tensor at 2^62", SAYS, tensor(data_offsets=[1 << 62, 1 << 62])),
    Case("plain", "a tensor twice in the head", "twice", only(W[:-1] + b"," + W[1:])),
    Case("plain", "a head nested 100,000 deep", DAMAGED, only(b'{"w":' + b"[" * 10**5)),
    Case("plain", "a head that is no UTF-8", NO_JSON, only(W.decode().encode("utf-16"))),
    Case("plain", "a tensor whose name is half a letter", "don't fit", only(b'{"\\ud800' + W[3:] + b" ")),
    Case("plain", "a tensor named `__class__`", "left over", head(lambda t: t.update(__class__=t.pop(next(iter(t)))))),
    # config.json
    Case("plain", "settings with a byte order mark", NO_JSON, rewritten(CONFIG, lambda s: s.encode("utf-8-sig"))),
    Case("plain", "a setting twice", "twice", rewritten(CONFIG, lambda s: s.replace("{", '{"dtype": 1,', 1).encode())),
    Case("plain", "attention by `flash_attention_2`", CODE, settings(_attn_implementation="flash_attention_2")),
    Case("plain", "attention by `paged`", CODE, settings(attn_implementation="paged|sdpa")),
    Case("plain", "experts by somebody", CODE, settings(experts_implementation="somebody")),
    Case("plain", "a quantizer in a list in a part", CODE, settings(sub={"x": [{"quantization_config": {"bits": 4}}]})),
    Case("plain", "a quantizer that is a word", CODE, settings(quantization_config="gptq")),
    Case("plain", "code in where a part came from", CODE, settings(own_name_or_path=OWN_MAP)),
    Case("plain", "numbers of the kind `torch.load`", NUMBERS, settings(torch_dtype="torch.load")),
    Case("plain", "numbers of a kind by part", NUMBERS, settings(dtype={"": "float32"})),
    Case("plain", "names of methods for settings", LOADS, settings(from_dict=1, to_dict=2, __init__=3, validate=4)),
    Case("plain", "other names for settings", LOADS, settings(attribute_map={"hidden_size": "auto_map"})),
    Case("plain", "labels that are a word", "makes no Bert", settings(id2label="x")),
    Case("plain", "a file's address for an activation", "an address", settings(hidden_act="file:///etc/passwd")),
    Case("plain", "an activation that is half a letter", "makes no Bert", settings(hidden_act="\ud800")),
    Case("plain", "layers without an end", "layers", settings(num_hidden_layers=float("inf"))),
    Case("plain", "layers below nothing", "left over", settings(num_hidden_layers=-2)),
    Case("plain", "10^9 numbers between", "the weights hold", settings(intermediate_size=10**9)),
    Case("plain", "a class for any class (`AutoModel`)", "is not a model of", settings(architectures=["AutoModel"])),
    Case("plain", "a module for a class", "is not a model of", settings(architectures=["models"])),
    Case(
        "plain", "a class without a network of its own", "is not a model", settings(architectures=["PreTrainedModel"])
    ),
    Case("plain", "a class that fetches by default (`Detr`)", TIMM, of("DetrForObjectDetection", "detr")),
    Case("plain", "timm behind another name (`Gemma3n`)", "timm", of("Gemma3nForConditionalGeneration", "gemma3n")),
    Case(
        "plain",
        "a part of a kind that is somebody's",
        "does not bring",
        of("MaskFormerModel", "maskformer", decoder_config={"model_type": "own"}),
    ),
    # the probe
    Case("plain", "an answer without an end", "answers differently", probe(out=torch.full((2, 3), torch.inf))),
    Case("plain", "an answer of another size", "answers differently", probe(out=torch.zeros(0))),
    Case("plain", "words below nothing", "can't be called", probe(**{"in.input_ids": torch.full((2, 16), -1)})),
    Case("plain", "a question named `self`", "can't be called", probe(**{"in.self": torch.ones(1)})),
    # the graph
    Case("onnx", "an address in memory for a file", FILES, graph(in_memory)),
    Case("onnx", "data outside that is not marked so", FILES, graph(unmarked)),
    Case("onnx", "data outside, in the body of a `Scan`", FILES, graph(scanned)),
    Case("onnx", "a loop that has no end one time in two", "at random by RandomUniform", graph(by_chance)),
    Case("onnx", "dropout that drops", "at random by Dropout", graph(training_dropout)),
    Case("onnx", "a domain that looks like ONNX's", OWN, operator("ai.onnx.ml ", "Run")),
    Case("onnx", "an operator of PyTorch's", OWN, operator("org.pytorch.aten", "ATen")),
    Case("onnx", "an operator for training", OWN, operator("ai.onnx.preview.training", "Adam")),
    Case("onnx", "an operator that holds a graph of ONNX Runtime's", OWN, operator("com.microsoft", "BeamSearch")),
    Case("onnx", "an operator with escapes in its name", OWN, operator("\x1b[2J", "\n")),
    Case("onnx", "a ZIP behind the graph", DAMAGED, lambda f: (f / ONNX).open("ab").write(b"PK\5\6")),
    Case("onnx", "the graph twice", CANT, lambda f: (f / ONNX).write_bytes((f / ONNX).read_bytes() * 2)),
    Case("onnx", "a graph in a circle", CANT, graph(in_a_circle)),
    Case("onnx", "weights of -1 numbers", CANT, dims(-1)),
    Case("onnx", "weights of 2^40 numbers", CANT, dims(1 << 40)),
    Case("onnx", "a version of ONNX of 10^6", CANT, graph(lambda _, m: setattr(m.opset_import[0], "version", 10**6))),
    Case("onnx", "a format of 10^6", CANT, graph(lambda _, m: setattr(m, "ir_version", 10**6))),
    Case("onnx", "a graph without an answer", "can't be called", graph(lambda _, m: m.graph.ClearField("output"))),
    Case("onnx", "an answer in words", CANT, instead_of_all(("Cast", ["x"], ["y"], {"to": 8}))),
    Case("onnx", "a place that isn't there", "can't be called", summed("Gather", ["w", "at"], at=[10**12])),
    Case("onnx", "twice as much, 40 times", MORE_MEMORY, graph(doubled), first=True),
    Case("onnx", "10^12 numbers by `Pad`", MORE_MEMORY, summed("Pad", ["x", "p"], p=[0, 0, 10**6, 10**6]), first=True),
]


@pytest.mark.parametrize("case", MORE, ids=lambda case: case.holds)
def test_another_hostile_folder(
    case: Case,
    whole: Path,  # noqa: F811 - the fixture
    tmp_path: Path,
    nobody: list[str],  # noqa: F811 - the fixture
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    try_folder(case, whole, tmp_path, nobody, monkeypatch)


def test_the_table_of_the_docs_is_these_lists() -> None:
    rows = re.findall(r"^\| (?P<holds>[^|]+) \| “(?P<said>[^|]+)” \|$", DOCS.read_text(encoding="utf-8"), re.M)
    every = [*CASES, *MORE]
    assert rows == [(case.holds, case.said) for case in every]
    assert len({case.holds for case in every}) == len(every)
    assert f"{len(every)} folders, each a whole" in DOCS.read_text(encoding="utf-8")


def test_weights_that_would_not_fit_thrice_are_not_read(
    whole: Path,  # noqa: F811 - the fixture
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """They are in memory here, in the process that tries them, and in its model."""
    from jupyter_green.compression.store import folder

    size = opened(whole / "plain").size_bytes
    monkeypatch.setattr(folder, "free_bytes", lambda _device: (HELD_AT_ONCE * size - 1, 0))
    with pytest.raises(ShrinkError, match="3 times that"):
        opened(whole / "plain")
    monkeypatch.setattr(folder, "free_bytes", lambda _device: (HELD_AT_ONCE * size, 0))
    opened(whole / "plain")


# ---- what is no harm ------------------------------------------------------------------------------


def tokens() -> dict[str, torch.Tensor]:
    return {"input_ids": torch.randint(5, 50, (2, 8))}


SMALL: dict[str, Any] = {"vocab_size": 64, "hidden_size": 32, "num_hidden_layers": 1}


def state_space() -> tuple[Any, Any]:
    """Return one whose settings hold an infinite number."""
    from transformers import Mamba2Config, Mamba2ForCausalLM

    return Mamba2ForCausalLM(Mamba2Config(**SMALL, state_size=4, num_heads=8, head_dim=8, n_groups=1)), tokens()


def experts() -> tuple[Any, Any]:
    """Return one whose settings are saved under another name than its class has."""
    from transformers import Qwen3MoeConfig, Qwen3MoeForCausalLM

    few: dict[str, Any] = {"num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 8}
    config = Qwen3MoeConfig(**SMALL, **few, num_experts=4, num_experts_per_tok=2, moe_intermediate_size=16)
    return Qwen3MoeForCausalLM(config).to(torch.bfloat16), tokens()


def sinusoidal() -> tuple[Any, Any]:
    """Return one with weights that transformers does not save."""
    from transformers import MarianConfig, MarianMTModel

    sizes = {
        f"{side}_{what}": 4 for side in ("encoder", "decoder") for what in ("layers", "attention_heads", "ffn_dim")
    }
    config = MarianConfig(vocab_size=64, d_model=32, max_position_embeddings=64, pad_token_id=0, **sizes)
    inputs = tokens()
    return MarianMTModel(config).to(torch.bfloat16), {**inputs, "decoder_input_ids": inputs["input_ids"]}


def read_in_half(tmp_path: Path) -> tuple[Any, Any]:
    """Return one as `from_pretrained` makes it: its weights in bfloat16, the angles of its places in float32."""
    from transformers import LlamaForCausalLM

    models.language(layers=1).save_pretrained(tmp_path / "own")
    return LlamaForCausalLM.from_pretrained(tmp_path / "own", dtype=torch.bfloat16), tokens()


@pytest.mark.parametrize("make", [state_space, experts, sinusoidal, read_in_half])
def test_each_number_comes_back_in_its_own_kind(make: Callable[..., tuple[Any, Any]], tmp_path: Path) -> None:
    model, sample = make(tmp_path) if make is read_in_half else make()
    write(tmp_path / "saved", source_model_of(model.eval()), RecipeResult(model), sample)
    loaded = made_of(opened(tmp_path / "saved"))
    for own in (dict(model.named_parameters()), dict(model.named_buffers())):
        there = {**dict(loaded.named_parameters()), **dict(loaded.named_buffers())}
        for name, value in own.items():
            assert there[name].dtype == value.dtype, name
            assert torch.equal(there[name], value), name


class Masked(nn.Module):
    """Rules classes out, counts in complex numbers, and holds numbers of several kinds."""

    turn: torch.Tensor
    allowed: torch.Tensor
    scale: torch.Tensor

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(12, 8).double(), nn.Linear(8, 3)
        self.register_buffer("turn", torch.polar(torch.ones(8), torch.arange(8.0)))
        self.register_buffer("seen", torch.zeros(3, dtype=torch.uint16))
        self.register_buffer("allowed", torch.tensor([True, False, True]))
        self.register_buffer("scale", torch.tensor([0.1], dtype=torch.float64), persistent=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        inner: torch.Tensor = (self.first(x.double()) * self.scale).float() * self.turn.real
        answer: torch.Tensor = self.last(inner)
        return answer.masked_fill(~self.allowed, -torch.inf)


def test_a_model_that_answers_with_minus_infinity_loads(tmp_path: Path) -> None:
    model = Masked().eval()
    write(tmp_path / "saved", source_model_of(model), RecipeResult(model), torch.randn(4, 12))
    fresh = Masked()
    fresh.scale = fresh.scale.float()
    loaded = made_of(opened(tmp_path / "saved"), fresh)
    assert loaded.scale.dtype == torch.float64
    assert torch.equal(loaded.turn, model.turn)
    with torch.inference_mode():
        assert alike(loaded(torch.ones(2, 12)), model(torch.ones(2, 12)), 1e-5)
    assert fresh.scale.dtype == torch.float32


@pytest.mark.parametrize(
    ("answer", "same"),
    [
        ([1.0, -torch.inf], True),
        ([1.04, -torch.inf], True),
        ([1.06, -torch.inf], False),
        ([1.0, torch.inf], False),
        ([1.0, 0.0], False),
        ([1.0, torch.nan], False),
        ([torch.nan, -torch.inf], False),
        ([1.0], False),
    ],
)
def test_answers_are_alike_where_infinities_are(answer: list[float], same: bool) -> None:
    assert alike(torch.tensor(answer), torch.tensor([1.0, -torch.inf]), 0.05) is same


def test_a_folder_that_can_only_be_read_loads_by_any_name(
    whole: Path,  # noqa: F811 - the fixture
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import shutil

    import jupyter_green as green

    folder = Path(shutil.copytree(whole / "onnx", tmp_path / "a wide näme 模型" / "ünter"))
    for file in folder.iterdir():
        file.chmod(0o444)
    folder.chmod(0o555)
    before = sorted(folder.iterdir())
    monkeypatch.chdir(folder.parent)
    try:
        for path in (folder, str(folder), "ünter", Path("./ünter/../ünter")):
            assert torch.equal(green.load(path)(torch.ones(1, 12)), torch.full((1, 12), 0.5))
        assert sorted(folder.iterdir()) == before
    finally:
        folder.chmod(0o755)


def test_infinite_settings_are_read_as_transformers_writes_them() -> None:
    said = b'{"limit": [0.0, {"__float__": "Infinity"}], "other": {"__float__": "own"}}'
    assert parsed(said, CONFIG, infinity=True) == {"limit": [0.0, float("inf")], "other": {"__float__": "own"}}
    assert parsed(said, NOTE)["limit"][1] == {"__float__": "Infinity"}
    with pytest.raises(ShrinkError, match="NaN"):
        parsed(b'{"limit": {"__float__": "NaN"}}', CONFIG, infinity=True)


def test_what_a_person_may_set_on_any_model_is_kept() -> None:
    told = {"architectures": ["ViTForImageClassification"], "model_type": "vit", "pad_token_id": 7, "own": 1}
    _, config = known_model(told, 10)
    assert config.pad_token_id == 7
    assert not hasattr(config, "own")


def test_an_empty_tensor_is_one() -> None:
    said = b'{"w":{"dtype":"F32","shape":[3,0],"data_offsets":[0,0]}}'
    held = tensors(bytearray(struct.pack("<Q", len(said)) + said), WEIGHTS)
    assert held["w"].shape == (3, 0)
