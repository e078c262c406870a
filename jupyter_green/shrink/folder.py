"""A saved model's folder: what may lie in it, how it is checked before anything in it is used.

Nothing in a folder is ever run: no pickle, no TorchScript, no Python, no class that a file names other than one of
transformers' own. Weights are safetensors or one ONNX file of built-in operators that holds all its data. No link is
followed. Digests in `shrink.json` find what was damaged or half copied; they are no signature.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .fault import ShrinkError, require

SCHEMA = 1
CARD, CONFIG, WEIGHTS, ONNX, PROBE, NOTE = (
    "README.md",
    "config.json",
    "model.safetensors",
    "model.onnx",
    "probe.safetensors",
    "shrink.json",
)
FILES = frozenset({CONFIG, WEIGHTS, ONNX, PROBE})
"""Files that are read; each has its digest in `shrink.json`."""
BESIDE = frozenset({CARD, NOTE, ".gitattributes", ".gitignore"})
MOST_JSON = 20_000_000
DOMAINS = frozenset({"", "ai.onnx", "ai.onnx.ml", "com.microsoft"})
"""Operators of ONNX and those built into ONNX Runtime; any other would be somebody's own code."""
_CODE = (
    ".pkl",
    ".pickle",
    ".pt",
    ".pt2",
    ".pth",
    ".bin",
    ".ckpt",
    ".joblib",
    ".npy",
    ".npz",
    ".py",
    ".so",
    ".dll",
    ".ts",
)
_RUNS_CODE = ("auto_map", "custom_pipelines", "quantization_config", "custom_generate")


def digest(path: Path) -> str:
    """Return the SHA-256 of a file."""
    found = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            found.update(chunk)
    return found.hexdigest()


def opened(folder: Path) -> dict[str, Any]:
    """Check a folder and return what `shrink.json` says.

    Raises
    ------
    ShrinkError
        If it is none of ours, is damaged, or holds anything that could run code; one sentence.
    """
    if not folder.is_dir():
        raise ShrinkError(f"There is no folder {folder}.")
    if not (folder / NOTE).is_file():
        raise ShrinkError(f"There is no {NOTE} in {folder}; it is no model saved by jupyter_green.")
    for entry in sorted(folder.iterdir()):
        _may_lie_there(entry)
    note = _read(folder / NOTE)
    schema = note.get("schema")
    if schema != SCHEMA:
        raise ShrinkError(f"{NOTE} has schema {schema!r}; this jupyter_green reads {SCHEMA}. Upgrade it.")
    files = note.get("files")
    if not isinstance(files, dict) or not set(files) <= FILES or not isinstance(note.get("steps"), list):
        raise ShrinkError(f"{NOTE} is damaged: it doesn't say which files belong to the model.")
    for name, wanted in files.items():
        if not (folder / name).is_file():
            raise ShrinkError(f"{name} is missing in {folder}; copy the whole folder.")
        if digest(folder / name) != wanted:
            raise ShrinkError(f"{name} is not the file that was saved (its checksum differs); copy the folder again.")
    return note


def _may_lie_there(entry: Path) -> None:
    if entry.is_symlink():
        raise ShrinkError(f"{entry.name} is a link; a saved model holds files only.")
    if entry.is_dir():
        raise ShrinkError(f"{entry.name} is a folder; a saved model holds files only.")
    if entry.suffix.lower() in _CODE:
        raise ShrinkError(f"{entry.name} could run code when it is loaded; a saved model holds no such file.")
    if entry.name not in FILES | BESIDE:
        raise ShrinkError(f"{entry.name} does not belong into a saved model; take it out of the folder.")


def _read(path: Path) -> dict[str, Any]:
    if path.stat().st_size > MOST_JSON:
        raise ShrinkError(f"{path.name} is too large to be what was saved.")
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, ValueError, RecursionError):
        raise ShrinkError(f"{path.name} is damaged: it is no JSON.") from None
    if not isinstance(data, dict):
        raise ShrinkError(f"{path.name} is damaged: it holds no object.")
    return data


def settings(folder: Path) -> dict[str, Any]:
    """Return a transformers configuration that names no code.

    Raises
    ------
    ShrinkError
        If it does.
    """
    data = _read(folder / CONFIG)
    for name in (*_RUNS_CODE, *(key for key in data if "implementation" in key or "kernel" in key)):
        if data.get(name):
            raise ShrinkError(f"{CONFIG} has {name!r}, which could run code; a saved model has none.")
    return data


def checked_onnx(data: bytes) -> bytes:
    """Return an ONNX model that holds all its data and only built-in operators.

    Raises
    ------
    ShrinkError
        If it reaches outside itself or brings operators of its own.
    """
    onnx = require("onnx")
    try:
        model = onnx.load_model_from_string(data)
    except Exception as error:  # protobuf's own error class moves from version to version
        raise ShrinkError(f"{ONNX} is damaged: it is no ONNX model.") from error
    # What is imported but not used runs nothing; ONNX Runtime's own tools import a dozen.
    functions = [node for function in model.functions for node in function.node]
    tensors = [*_tensors(model.graph)]
    for node in (*_nodes(model.graph), *functions):
        if node.domain not in DOMAINS:
            raise ShrinkError(f"{ONNX} needs the operator {node.domain}.{node.op_type}, which is somebody's own code.")
        tensors.extend(attribute.t for attribute in node.attribute if attribute.HasField("t"))
    for tensor in tensors:
        if tensor.data_location == onnx.TensorProto.EXTERNAL or len(tensor.external_data):
            raise ShrinkError(f"{ONNX} keeps data in other files; a saved model holds all of it.")
    return data


def _nodes(graph: Any) -> Iterator[Any]:
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            for inner in (attribute.g, *attribute.graphs):
                yield from _nodes(inner)


def _tensors(graph: Any) -> Iterator[Any]:
    yield from graph.initializer
    for sparse in graph.sparse_initializer:
        yield from (sparse.values, sparse.indices)
    for node in graph.node:
        for attribute in node.attribute:
            yield from attribute.tensors
            for inner in (attribute.g, *attribute.graphs):
                yield from _tensors(inner)
