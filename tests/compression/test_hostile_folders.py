"""Folders made to do harm: each is refused in one sentence, or loads without what it asked for.

Each case is a whole saved model in which one thing is changed; digests and checksum are made to fit again, as somebody
who means harm would do. docs/security.md shows the same list.
"""

from __future__ import annotations

import builtins
import json
import os
import pickle
import re
import shutil
import socket
import struct
import subprocess
import sys
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch

import jupyter_green as green
from jupyter_green.compression.errors import ShrinkError
from jupyter_green.compression.model.source_model import source_model_of
from jupyter_green.compression.process.offline import offline
from jupyter_green.compression.recipes.onnx_model import wrapped
from jupyter_green.compression.recipes.recipe import RecipeResult
from jupyter_green.compression.store import bounded_load
from jupyter_green.compression.store.folder import CONFIG, NOTE, ONNX, PROBE, WEIGHTS, checksum, digest, opened
from jupyter_green.compression.store.load import made_of
from jupyter_green.compression.store.save import write
from tests.support import models

LOADS = "It loads; that is left out."
DOCS = Path(__file__).parents[2] / "docs" / "security.md"

Edit = Callable[[Path], object]


@dataclass(frozen=True)
class Case:
    """A folder.

    Parameters
    ----------
    form : str
        What it was before: "plain" or "onnx".
    holds : str
        What is changed, for the table.
    said : str
        What is said of it, or a part of that.
    edit : callable
        Makes the change.
    sealed : bool
        Whether digests and checksum are made to fit again.
    first : bool
        Whether only the process that tries it first can tell; all others are asked without it, to be quick.
    """

    form: str
    holds: str
    said: str
    edit: Edit
    sealed: bool = True
    first: bool = False


# ---- edits ----------------------------------------------------------------------------------------


def note(**changes: Any) -> Edit:
    def edit(folder: Path) -> None:
        data = json.loads((folder / NOTE).read_text())
        (folder / NOTE).write_text(json.dumps({**data, **changes}))

    return edit


def text(name: str, content: bytes | str) -> Edit:
    return lambda folder: (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())


def settings(**changes: Any) -> Edit:
    def edit(folder: Path) -> None:
        data = json.loads((folder / CONFIG).read_text())
        (folder / CONFIG).write_text(json.dumps({**data, **changes}))

    return edit


def head(change: Callable[[dict[str, Any]], object], beside: bytes = b"") -> Edit:
    """Change what the weights' own head says of them."""

    def edit(folder: Path) -> None:
        data = (folder / WEIGHTS).read_bytes()
        length = struct.unpack("<Q", data[:8])[0]
        told = json.loads(data[8 : 8 + length])
        told.pop("__metadata__", None)
        change(told)
        said = json.dumps(told).encode()
        said += b" " * (-len(said) % 8)
        (folder / WEIGHTS).write_bytes(struct.pack("<Q", len(said)) + said + data[8 + length :] + beside)

    return edit


def first_of(told: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = told[next(iter(told))]
    return found


def graph(change: Callable[[Any, Any], object]) -> Edit:
    """Change the ONNX model."""

    def edit(folder: Path) -> None:
        import onnx

        model = onnx.load_model(folder / ONNX)
        change(onnx, model)
        (folder / ONNX).write_bytes(model.SerializeToString())

    return edit


def outside(onnx: Any) -> Any:
    """Return a tensor whose data lies in another file."""
    tensor = onnx.helper.make_tensor("secret", onnx.TensorProto.FLOAT, [1], b"\0" * 4, raw=True)
    onnx.external_data_helper.set_external_data(tensor, location="../../../etc/passwd")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.ClearField("raw_data")
    return tensor


def sparse(onnx: Any) -> Any:
    indices = onnx.helper.make_tensor("at", onnx.TensorProto.INT64, [1], [0])
    return onnx.helper.make_sparse_tensor(outside(onnx), indices, [1])


def constant(onnx: Any, **attribute: Any) -> Any:
    return onnx.helper.make_node("Constant", [], ["unused"], **attribute)


def branch(onnx: Any, *nodes: Any) -> Any:
    inner = onnx.helper.make_graph(list(nodes), "inner", [], [])
    return onnx.helper.make_node("If", ["c"], ["z"], then_branch=inner, else_branch=inner)


def function(onnx: Any, model: Any) -> None:
    inner = branch(onnx, constant(onnx, value=outside(onnx)))
    model.functions.append(onnx.helper.make_function("", "Relu6", [], [], [inner], [onnx.helper.make_opsetid("", 17)]))


def training(onnx: Any, model: Any) -> None:
    graph = onnx.helper.make_graph([constant(onnx, value=outside(onnx))], "more", [], [])
    model.training_info.add().algorithm.CopyFrom(graph)


def operator(domain: str, name: str) -> Edit:
    def change(onnx: Any, model: Any) -> None:
        model.opset_import.append(onnx.helper.make_opsetid(domain, 1))
        model.graph.node.append(branch(onnx, onnx.helper.make_node(name, [], ["y"], domain=domain)))

    return graph(change)


def grown(name: str) -> Edit:
    """Let a few bytes ask for ten thousand million numbers."""

    def change(onnx: Any, model: Any) -> None:
        helper = onnx.helper
        size = helper.make_tensor("size", onnx.TensorProto.INT64, [1], [10**10])
        one = helper.make_tensor("one", onnx.TensorProto.FLOAT, [1], [1.0])
        ends = [helper.make_tensor(n, onnx.TensorProto.INT64, [], [v]) for n, v in (("a", 0), ("b", 10**10), ("d", 1))]
        nodes = {
            "ConstantOfShape": [helper.make_node("ConstantOfShape", ["size"], ["large"])],
            "Expand": [helper.make_node("Expand", ["one", "size"], ["large"])],
            "Tile": [helper.make_node("Tile", ["one", "size"], ["large"])],
            "Range": [
                helper.make_node("Range", ["a", "b", "d"], ["many"]),
                helper.make_node("Cast", ["many"], ["large"], to=onnx.TensorProto.FLOAT),
            ],
        }[name]
        del model.graph.node[:]
        model.graph.initializer.extend([size, one, *ends])
        model.graph.node.extend(
            [
                *nodes,
                helper.make_node("ReduceSum", ["large"], ["sum"], keepdims=0),
                helper.make_node("Add", ["x", "sum"], ["y"]),
            ]
        )

    return graph(change)


def endless(onnx: Any, model: Any) -> None:
    """Count to 2^62."""
    helper, kinds = onnx.helper, onnx.TensorProto
    often = helper.make_tensor("often", kinds.INT64, [], [1 << 62])
    on = helper.make_tensor("on", kinds.BOOL, [], [True])
    value = helper.make_tensor_value_info
    body = helper.make_graph(
        [helper.make_node("Identity", ["go"], ["still"]), helper.make_node("Add", ["v", "v"], ["twice"])],
        "body",
        [value("i", kinds.INT64, []), value("go", kinds.BOOL, []), value("v", kinds.FLOAT, None)],
        [value("still", kinds.BOOL, []), value("twice", kinds.FLOAT, None)],
    )
    del model.graph.node[:]
    model.graph.initializer.extend([often, on])
    model.graph.node.append(helper.make_node("Loop", ["often", "on", "x"], ["y"], body=body))


def probe(**changes: Any) -> Edit:
    def edit(folder: Path) -> None:
        from safetensors.torch import load_file, save_file

        held = {**load_file(folder / PROBE), **changes}
        save_file({name: value for name, value in held.items() if value is not None}, folder / PROBE)

    return edit


def linked(folder: Path) -> None:
    (folder / WEIGHTS).rename(folder.parent / "elsewhere")
    (folder / WEIGHTS).symlink_to(folder.parent / "elsewhere")


def piped(folder: Path) -> None:
    (folder / WEIGHTS).unlink()
    os.mkfifo(folder / WEIGHTS)


def zipped(folder: Path) -> None:
    with zipfile.ZipFile(folder / "weights.npz", "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("large.npy", b"\0" * 10_000_000)


def packed(folder: Path) -> None:
    (folder / "own").mkdir()
    (folder / "own" / "__init__.py").write_text("raise SystemExit")


def unknown_part(onnx: Any, model: Any) -> None:
    model.graph.MergeFromString(b"\xfa\x7f\x04path")  # field 2047


def deep(onnx: Any, model: Any) -> None:
    node = constant(onnx, value=outside(onnx))
    for _ in range(12):
        node = branch(onnx, node)
    model.graph.node.append(node)


class Bomb:
    def __reduce__(self) -> Any:
        return (os.mkdir, ("/tmp/run-by-a-folder",))


KERNELS = "somebody/kernels"
OWN = {"model_type": "bert", "auto_map": {"AutoBackbone": "own.Model"}}
CODE, ELSEWHERE, DAMAGED = "could run code", "does not belong", "is damaged"
BERT = "makes no BertForSequenceClassification"
CASES = [
    # what lies in the folder
    Case("plain", "a pickle beside the weights (`pytorch_model.bin`)", CODE, text("m.bin", pickle.dumps(Bomb()))),
    Case("plain", "a module (`modeling_own.py`)", CODE, text("modeling_own.py", "raise SystemExit")),
    Case("plain", "a package in a folder", "is a folder", packed),
    Case("plain", "a compressed file of zeros (`.npz`)", CODE, zipped),
    Case("plain", "weights that are a link", "is a link", linked),
    Case("plain", "weights that are a pipe", "is a pipe", piped),
    Case("plain", "a file whose name has lines and escapes", ELSEWHERE, text("a\n\x1b[2Jb", "")),
    Case("plain", "an adapter of another model (`adapter_config.json`)", ELSEWHERE, text("adapter_config.json", "{}")),
    Case("plain", "a list of modules by class (`modules.json`)", ELSEWHERE, text("modules.json", "[]")),
    Case("plain", "a tokenizer with code", ELSEWHERE, text("tokenizer_config.json", '{"auto_map": {}}')),
    Case("plain", "a chat template", ELSEWHERE, text("chat_template.jinja", "{{ x }}")),
    Case("plain", "weights in parts", ELSEWHERE, text("model.safetensors.index.json", '{"weight_map": {"a": "../b"}}')),
    Case("plain", "a GGUF file", ELSEWHERE, text("model.gguf", "GGUF")),
    # shrink.json
    Case("plain", "a figure in `shrink.json` changed by hand", "checksum differs", note(figures={}), sealed=False),
    Case("plain", "weights changed by hand", "checksum differs", head(dict.popitem), sealed=False),
    Case("plain", "an empty `shrink.json`", "is not JSON", text(NOTE, ""), sealed=False),
    Case("plain", "`shrink.json` that is no UTF-8", "is not JSON", text(NOTE, b"\xff{}"), sealed=False),
    Case("plain", "`shrink.json` that holds a list", "holds no object", text(NOTE, "[]"), sealed=False),
    Case("plain", "`shrink.json` nested 100,000 deep", DAMAGED, text(NOTE, '{"a":' * 10**5), sealed=False),
    Case("plain", "`shrink.json` nested 50 deep", "nested", text(NOTE, '{"a":' * 50 + "1" + "}" * 50), sealed=False),
    Case("plain", "`shrink.json` of 9 MB", "too large", text(NOTE, " " * 9_000_000), sealed=False),
    Case("plain", "`shrink.json` with a key twice", "twice", text(NOTE, '{"schema": 2, "schema": 1}'), sealed=False),
    Case("plain", "`shrink.json` with NaN", "NaN", text(NOTE, '{"schema": NaN}'), sealed=False),
    Case(
        "plain", "a number of 9,000 digits", "is not JSON", text(NOTE, '{"schema": ' + "9" * 9000 + "}"), sealed=False
    ),
    Case("plain", "a number of 80 bits", "63 bits", note(schema=1 << 80)),
    Case("plain", "a schema that is a word", "has schema 'two'", note(schema="two")),
    Case("plain", "names of files that lead elsewhere", "which files belong", note(files={"../../etc/passwd": ""})),
    Case("plain", "files that are a list", "which files belong", note(files=[WEIGHTS])),
    Case("plain", "no files at all", "does not name config.json", note(files={})),
    Case("plain", "a step that is a number", "what was done", note(steps=[1])),
    Case("plain", "a step whose name is a list", "what was done", note(steps=[{"recipe": ["bf16"]}])),
    Case("plain", "10,000 steps", "what was done", note(steps=[{"recipe": "bf16", "wrapped": True}] * 10_000)),
    Case(
        "plain",
        "a class with lines and escapes in its name",
        "Bert Model",
        note(alone=False, **{"class": "Bert\nModel"}),
    ),
    # weights
    Case("plain", "weights that are a pickle", "is not a safetensors", text(WEIGHTS, pickle.dumps(Bomb()))),
    Case("plain", "empty weights", "is not a safetensors", text(WEIGHTS, b"")),
    Case("plain", "a head of 2^60 bytes", "is not a safetensors", text(WEIGHTS, struct.pack("<Q", 1 << 60) + b"{}")),
    Case("plain", "a head that ends early", DAMAGED, text(WEIGHTS, struct.pack("<Q", 4) + b'{"a"')),
    Case("plain", "a tensor of 10^12 numbers", "size of", head(lambda t: first_of(t).update(shape=[10**12]))),
    Case("plain", "a tensor of another type", "size of", head(lambda t: first_of(t).update(dtype="F64"))),
    Case("plain", "a tensor of an unknown type", "doesn't say", head(lambda t: first_of(t).update(dtype="OBJ"))),
    Case("plain", "a shape below nothing", "doesn't say", head(lambda t: first_of(t).update(shape=[-1, -1]))),
    Case("plain", "two tensors in one place", "size of", head(lambda t: t.update(more=dict(first_of(t))))),
    Case("plain", "a ZIP behind the weights", "more than its tensors", head(lambda t: None, b"PK\3\4" + b"\0" * 60)),
    Case(
        "plain",
        "whole numbers for weights",
        "another kind",
        head(lambda t: [x.update(dtype="I32") for x in t.values()]),
    ),
    # config.json
    Case("plain", "code by `auto_map`", CODE, settings(auto_map={"AutoModel": "own.Model"})),
    Case("plain", "`auto_map` in `backbone_config`", CODE, settings(backbone_config=OWN)),
    Case("plain", "`auto_map` in a list of settings", CODE, settings(layers=[{"inner": OWN}])),
    Case("plain", "`backbone` by name", "names a backbone", settings(backbone="resnet50")),
    Case("plain", "`backbone` by name, in `text_config`", "names a backbone", settings(text_config={"backbone": "x"})),
    Case("plain", "a backbone of timm", CODE, settings(use_timm_backbone=True, backbone_config={})),
    Case("plain", "weights of a backbone (`use_pretrained_backbone`)", CODE, settings(use_pretrained_backbone=True)),
    Case("plain", "kernels of a repository", CODE, settings(attn_implementation=KERNELS)),
    Case("plain", "kernels of a repository, in a part", CODE, settings(sub={"_attn_implementation_internal": KERNELS})),
    Case("plain", "kernels by part", CODE, settings(attn_implementation={"": KERNELS})),
    Case("plain", "a quantizer of somebody's", CODE, settings(quantization_config={"quant_method": "own"})),
    Case("plain", "another model's weights", CODE, settings(base_model_name_or_path="somebody/model")),
    Case("plain", "an address under a known setting", "an address", settings(hidden_act="https://example.org/x")),
    Case("plain", "an address under `_name_or_path`", LOADS, settings(_name_or_path="https://example.org/x")),
    Case("plain", "a part that BERT doesn't have", LOADS, settings(vision_config={"model_type": "own"})),
    Case("plain", "a program for a class", "is not a model of transformers", settings(architectures=["Popen"])),
    Case("plain", "a class that is not named by a word", "The architecture", settings(architectures=[["x"]])),
    Case("plain", "another class than the settings are of", "BertForSeq", settings(model_type="gpt2")),
    Case("plain", "settings that are a list", "holds no object", text(CONFIG, "[]")),
    Case("plain", "settings with NaN", "NaN", text(CONFIG, '{"hidden_size": NaN}')),
    Case("plain", "numbers of an unknown kind", "kind 'compile'", settings(dtype="compile")),
    Case("plain", "a width that is a word", "makes no Bert", settings(hidden_size="many")),
    Case("plain", "no heads", "makes no Bert", settings(num_attention_heads=0)),
    Case("plain", "a width below nothing", BERT, settings(hidden_size=-64)),
    Case("plain", "an unknown activation", BERT, settings(hidden_act="own")),
    Case("plain", "10^8 words", "the weights hold", settings(vocab_size=10**8)),
    Case("plain", "10^10 places", "the weights hold", settings(max_position_embeddings=10**10)),
    Case("plain", "a width of 2^62", BERT, settings(hidden_size=1 << 62, num_attention_heads=1)),
    Case("plain", "10^9 layers", "layers", settings(num_hidden_layers=10**9)),
    Case("plain", "10^9 labels", "It needs more than", settings(num_labels=10**9, id2label=None), first=True),
    # the probe
    Case("plain", "no question", "no question", probe(**{"in.input_ids": None, "in.attention_mask": None})),
    Case("plain", "no answer", "no question", probe(out=None)),
    Case(
        "plain",
        "words that the model doesn't know",
        "can't be called",
        probe(**{"in.input_ids": torch.tensor([[999]])}),
    ),
    Case("plain", "an answer of nothing but NaN", "answers differently", probe(out=torch.full((2, 3), torch.nan))),
    # the graph
    Case("onnx", "data outside, as weights", "other files", graph(lambda o, m: m.graph.initializer.append(outside(o)))),
    Case(
        "onnx",
        "data outside, as sparse weights",
        "other files",
        graph(lambda o, m: m.graph.sparse_initializer.append(sparse(o))),
    ),
    Case(
        "onnx",
        "data outside, in `sparse_value`",
        "other files",
        graph(lambda o, m: m.graph.node.append(constant(o, sparse_value=sparse(o)))),
    ),
    Case(
        "onnx",
        "data outside, in a list of tensors",
        "other files",
        graph(lambda o, m: m.graph.node.append(constant(o, values=[outside(o)]))),
    ),
    Case("onnx", "data outside, 12 branches deep", "other files", graph(deep)),
    Case("onnx", "data outside, in a subgraph of a function", "functions of its own", graph(function)),
    Case("onnx", "data outside, in a graph for training", "for training", graph(training)),
    Case("onnx", "an operator of somebody's", "somebody's own code", operator("evil", "Run")),
    Case(
        "onnx",
        "ONNX Runtime's operator that calls Python",
        "somebody's own code",
        operator("com.microsoft", "PythonOp"),
    ),
    Case(
        "onnx",
        "ONNX Runtime's operator that reads files",
        "somebody's own code",
        operator("com.microsoft", "EPContext"),
    ),
    Case(
        "onnx",
        "settings for ONNX Runtime",
        "settings for",
        graph(lambda o, m: o.helper.set_model_props(m, {"ort_config": "{}"})),
    ),
    Case("onnx", "parts that ONNX doesn't know", "does not know", graph(unknown_part)),
    Case("onnx", "a file that is no graph", DAMAGED, text(ONNX, b"\x00\x01ORTM")),
    Case("onnx", "an empty graph", "can't run", text(ONNX, b"")),
    Case(
        "onnx",
        "names that Python keeps for itself",
        "what the model is called with",
        note(steps=[{"recipe": "onnx", "names": ["x"], "outputs": ["__class__"]}]),
    ),
    Case("onnx", "a loop without an end", "did not answer within", graph(endless), first=True),
    *(
        Case("onnx", f"10^10 numbers by `{name}`", said, grown(name), first=True)
        for name, said in (
            ("ConstantOfShape", "It needs more than"),
            ("Expand", "It needs more than"),
            ("Range", "It needs more than"),
            ("Tile", "can't be called"),
        )
    ),
]


# ---- whole folders --------------------------------------------------------------------------------


def onnx_model() -> Any:
    """Return the smallest model in ONNX Runtime."""
    from onnx import TensorProto, helper

    value = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [None, 12]) for name in "xy"]
    weights = helper.make_tensor("w", TensorProto.FLOAT, [12], [0.5] * 12)
    graph = helper.make_graph([helper.make_node("Mul", ["x", "w"], ["y"])], "g", value[:1], value[1:], [weights])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return wrapped(model.SerializeToString(), ["x"], ["tensor"], 1)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whole")
    model = models.bert(layers=2)
    sample = {name: value[:2] for name, value in models.sentences(8).items() if name != "labels"}
    write(folder / "plain", source_model_of(model), RecipeResult(model), sample)
    runs = onnx_model()
    step = {"recipe": "onnx", "names": ["x"], "outputs": ["tensor"], "threads": 1}
    write(folder / "onnx", source_model_of(models.Blocks()), RecipeResult(runs, "onnx", (step,)), torch.ones(2, 12))
    return folder


def sealed(folder: Path) -> None:
    """Make digests and checksum fit, as somebody who means harm would."""
    data = json.loads((folder / NOTE).read_text())
    if isinstance(data["files"], dict):
        data["files"] = {
            name: digest(folder / name)
            if name in (CONFIG, WEIGHTS, ONNX, PROBE) and (folder / name).is_file()
            else wanted
            for name, wanted in data["files"].items()
        }
    (folder / NOTE).write_text(json.dumps({**data, "checksum": checksum(data)}))


@pytest.fixture
def nobody(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Note who asks the network, a person, or for what was pickled; none of it is answered."""
    asked: list[str] = []

    def refuse(name: str) -> Callable[..., Any]:
        def refused(*_arguments: Any, **_named: Any) -> Any:
            asked.append(name)
            raise OSError(name)

        return refused

    monkeypatch.setattr(socket.socket, "connect", refuse("connect"))
    monkeypatch.setattr(socket, "getaddrinfo", refuse("getaddrinfo"))
    monkeypatch.setattr(builtins, "input", refuse("input"))
    monkeypatch.setattr(pickle, "loads", refuse("pickle"))
    return asked


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.holds)
def test_a_hostile_folder(
    case: Case, whole: Path, tmp_path: Path, nobody: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    try_folder(case, whole, tmp_path, nobody, monkeypatch)


def try_folder(case: Case, whole: Path, tmp_path: Path, nobody: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Change a whole folder as a case says, load it, and see what is said."""
    folder = Path(shutil.copytree(whole / case.form, tmp_path / case.form))
    case.edit(folder)
    if case.sealed:
        sealed(folder)
    if "did not answer" in case.said:
        monkeypatch.setattr(
            bounded_load, "SECONDS", 4.0
        )  # however little: a loop without an end is not through by then
    if not case.first:
        monkeypatch.setattr(bounded_load, "_answered", _All())
    if case.said == LOADS:
        green.load(folder)
    else:
        with pytest.raises(ShrinkError) as caught:
            green.load(folder)
        said = str(caught.value)
        assert case.said in said, said
        assert said.isprintable(), said
        assert len(said) < 600
    assert nobody == []
    assert not Path("/tmp/run-by-a-folder").exists()


class _All(set[str]):
    """Every folder counts as tried."""

    def __contains__(self, _digest: object) -> bool:
        return True


# ---- the process that tries it first ---------------------------------------------------------------

REACHES = """
import builtins, socket, sys
from jupyter_green.compression.store import bounded_load_child

def reach(contents):
    try:
        {what}
    except OSError:
        pass  # as libraries do, which go on with what they have

bounded_load_child.tried = reach
bounded_load_child.child(sys.argv[1], sys.argv[2], "1", str(1 << 30), "60")
"""


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("socket.getaddrinfo('example.org', 443)", "It asks for the network"),
        ("socket.socket().connect(('127.0.0.1', 9))", "It asks for the network"),
        ("builtins.input('Run it? [y/N]')", "It asks for an answer of a person"),
    ],
)
def test_whoever_reaches_outside_is_found_out_even_where_a_library_hides_it(whole: Path, what: str, said: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", REACHES.format(what=what), str(whole / "onnx"), opened(whole / "onnx").digest],
        input="y\n",
        capture_output=True,
        text=True,
        check=False,
    )
    assert json.loads(done.stdout)["refused"].startswith(said), done.stderr


def test_what_is_changed_meanwhile_is_not_loaded(whole: Path, tmp_path: Path) -> None:
    """It was read once here; what the other process finds is something else."""
    folder = Path(shutil.copytree(whole / "onnx", tmp_path / "onnx"))
    note(more=31)(folder)  # what was tried in this process before is not tried again
    sealed(folder)
    before = opened(folder)
    note(more=32)(folder)
    sealed(folder)
    with pytest.raises(ShrinkError, match="was changed while it was read"):
        bounded_load.bounded_first_call(folder, before)


def test_it_is_tried_once(whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = Path(shutil.copytree(whole / "onnx", tmp_path / "onnx"))
    note(more=2)(folder)
    sealed(folder)
    program = sys.executable
    monkeypatch.setattr(bounded_load.sys, "executable", "/bin/false")
    with pytest.raises(ShrinkError, match="in which it was tried first ended with 1"):
        green.load(folder)
    monkeypatch.setattr(bounded_load.sys, "executable", program)
    assert torch.equal(green.load(folder)(torch.ones(1, 12)), torch.full((1, 12), 0.5))
    monkeypatch.setattr(bounded_load.sys, "executable", "/bin/false")
    assert green.load(folder) is not None


def test_offline_is_put_back(monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    with offline():
        with pytest.raises(KeyError), offline():
            raise KeyError
        assert constants.is_offline_mode()
        assert os.environ["HF_HUB_OFFLINE"] == "1"
    assert not constants.is_offline_mode()
    assert "HF_HUB_OFFLINE" not in os.environ


def test_a_library_that_is_imported_meanwhile_is_not_offline_for_good() -> None:
    code = """
from jupyter_green.compression.process.offline import offline
with offline():
    pass
from huggingface_hub import constants
assert not constants.HF_HUB_OFFLINE
"""
    environment = {name: value for name, value in os.environ.items() if "OFFLINE" not in name}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment, capture_output=True)


def test_no_format_is_guessed(tmp_path: Path) -> None:
    """ONNX Runtime would run its own format too, which nobody has checked."""
    import onnxruntime

    settings = onnxruntime.SessionOptions()
    settings.optimized_model_filepath = str(tmp_path / "model.ort")
    settings.add_session_config_entry("session.save_model_format", "ORT")
    onnxruntime.InferenceSession(onnx_model().onnx, settings, providers=["CPUExecutionProvider"])
    data = (tmp_path / "model.ort").read_bytes()
    assert data[4:8] == b"ORTM"
    assert onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"]).get_inputs()
    with pytest.raises(Exception, match="protobuf parsing failed"):
        wrapped(data, ["x"], ["tensor"], 1)


# ---- what is no harm ------------------------------------------------------------------------------


def segmenter() -> tuple[Any, Any]:
    from transformers import ResNetConfig, UperNetConfig, UperNetForSemanticSegmentation

    stages = ["stage1", "stage2", "stage3", "stage4"]
    inner = ResNetConfig(
        embedding_size=8, hidden_sizes=[8, 16, 16, 32], depths=[1] * 4, layer_type="basic", out_features=stages
    )
    config = UperNetConfig(backbone_config=inner, hidden_size=16, auxiliary_channels=8, auxiliary_in_channels=16)
    return UperNetForSemanticSegmentation(config), {"pixel_values": torch.randn(2, 3, 64, 64)}


def translator() -> tuple[Any, Any]:
    from transformers import BertConfig, EncoderDecoderConfig, EncoderDecoderModel

    size: Any = {"vocab_size": 60, "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    parts = [BertConfig(**size, intermediate_size=32) for _ in range(2)]
    ids = torch.randint(5, 50, (2, 8))
    made = EncoderDecoderModel(EncoderDecoderConfig.from_encoder_decoder_configs(*parts))
    return made, {"input_ids": ids, "decoder_input_ids": ids}


def named() -> tuple[Any, Any]:
    """Return one with words of the person's own, and with numbers of 64 bits."""
    model = models.bert(layers=1).double()
    model.config.id2label = {0: "art/music", 1: "C:\\sport", 2: "http://x"}
    model.config.update({"own_setting": "kept by nobody", "task_specific_params": {"t": {"prefix": "say: "}}})
    return model, {name: value[:2] for name, value in models.sentences(8).items() if name != "labels"}


@pytest.mark.parametrize("make", [segmenter, translator, named])
def test_parts_that_transformers_brings_itself_load(make: Callable[[], tuple[Any, Any]], tmp_path: Path) -> None:
    model, sample = make()
    model.eval()
    write(tmp_path / "saved", source_model_of(model), RecipeResult(model), sample)
    loaded = made_of(opened(tmp_path / "saved"))
    assert next(loaded.parameters()).dtype == next(model.parameters()).dtype
    assert loaded.config.id2label == model.config.id2label


def test_what_was_saved_before_there_was_a_checksum_loads(whole: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(whole / "plain", tmp_path / "plain"))
    data = json.loads((folder / NOTE).read_text())
    del data["checksum"]
    (folder / NOTE).write_text(json.dumps({**data, "schema": 1}))
    assert made_of(opened(folder)) is not None
    (folder / NOTE).write_text(json.dumps(data))
    with pytest.raises(ShrinkError, match="checksum differs"):
        opened(folder)


@pytest.mark.parametrize("path", [None, 3, "a\0b", b"folder"])
def test_what_is_no_folder(path: Any) -> None:
    with pytest.raises(ShrinkError, match="is not a folder"):
        green.load(path)


def test_every_test_that_the_docs_name_is_there() -> None:
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", DOCS.read_text(encoding="utf-8"))
    assert len(named) >= 10
    for path, name in named:
        assert f"def {name}(" in (DOCS.parents[1] / path).read_text(encoding="utf-8"), (path, name)
