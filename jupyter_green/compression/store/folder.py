"""A saved model's folder: which files it may contain, and the checks before any of them is used.

Nothing in a folder is executed: no pickle, no TorchScript, no Python, and no class other than transformers' own.
Weights are safetensors or a single ONNX file of built-in operators with all of its data. Links are not followed. Each
file is read once, so the bytes that are checked are those that are used. The digests in `shrink.json` detect damage,
edits and incomplete copies; they are no signature.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jupyter_green.compression.errors import ShrinkError
from jupyter_green.compression.process.memory import free_bytes
from jupyter_green.reporting.sanitize import one_line

SCHEMA = 2
READ = (1, 2)
"""Supported schemas. Schema 1 had no checksum of `shrink.json` itself."""
CARD, CONFIG, WEIGHTS, ONNX, PROBE, NOTE = (
    "README.md",
    "config.json",
    "model.safetensors",
    "model.onnx",
    "probe.safetensors",
    "shrink.json",
)
FILES = frozenset({CONFIG, WEIGHTS, ONNX, PROBE})
"""Files that are read; `shrink.json` has a digest of each."""
BESIDE = frozenset({CARD, NOTE, ".gitattributes", ".gitignore"})
HELD_AT_ONCE = 3
"""Memory needed in multiples of the file sizes: the bytes read here, the child process, and the model."""
MOST_JSON = 8_000_000
MOST_DEPTH = 20
MOST_STEPS = 64
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


@dataclass(frozen=True)
class Contents:
    """The files of a folder, checked against their digests."""

    note: Mapping[str, Any]
    """Contents of `shrink.json`."""
    files: Mapping[str, bytearray]
    """Bytes of each file that it names."""
    digest: str
    """SHA-256 of `shrink.json`, which contains the digests of all other files."""

    @property
    def steps(self) -> list[Mapping[str, Any]]:
        """The recipe steps that made the model, in order."""
        steps: list[Mapping[str, Any]] = self.note["steps"]
        return steps

    @property
    def size_bytes(self) -> int:
        """Bytes of all files."""
        return sum(map(len, self.files.values()))

    def file(self, name: str) -> bytearray:
        """Return a file's bytes. Raises ShrinkError if `shrink.json` does not name it."""
        if name not in self.files:
            raise ShrinkError(f"{NOTE} does not name {name}; the folder is damaged.")
        return self.files[name]


def digest(path: Path) -> str:
    """Return the SHA-256 of a file."""
    sha256 = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            sha256.update(chunk)
    return sha256.hexdigest()


def checksum(note: Mapping[str, Any]) -> str:
    """Return the SHA-256 of the contents of `shrink.json`, independent of layout and without the checksum itself."""
    rest = {name: value for name, value in note.items() if name != "checksum"}
    return hashlib.sha256(json.dumps(rest, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def opened(folder: Path) -> Contents:
    """Read and check a folder.

    Raises ShrinkError if jupyter_green did not write it, or it is damaged or contains anything that could run code.
    """
    try:
        return _opened(folder)
    except (OSError, UnicodeError) as error:
        message = one_line(getattr(error, "strerror", None) or error)
        raise ShrinkError(f"{one_line(folder)} can't be read: {message}.") from error


def _opened(folder: Path) -> Contents:
    if not folder.is_dir():
        raise ShrinkError(f"There is no folder {one_line(folder)}.")
    if not (folder / NOTE).exists():
        raise ShrinkError(f"There is no {NOTE} in {one_line(folder)}; it is not a model saved by jupyter_green.")
    with os.scandir(folder) as entries:
        for entry in entries:
            _check_entry(entry)
    note_bytes = _read(folder / NOTE, MOST_JSON)
    note = parsed(note_bytes, NOTE)
    schema = note.get("schema")
    if type(schema) is not int or schema not in READ:
        raise ShrinkError(
            f"{NOTE} has schema {one_line(repr(schema), 40)}; this jupyter_green reads {SCHEMA}. Upgrade it."
        )
    if (schema > 1 or "checksum" in note) and note.get("checksum") != checksum(note):
        raise ShrinkError(f"{NOTE} is not what was saved (its checksum differs); copy the folder again.")
    files, steps = note.get("files"), note.get("steps")
    if not isinstance(files, dict) or not set(files) <= FILES or not isinstance(steps, list):
        raise ShrinkError(f"{NOTE} is damaged: it doesn't say which files belong to the model.")
    if len(steps) > MOST_STEPS or not all(isinstance(s, dict) and isinstance(s.get("recipe"), str) for s in steps):
        raise ShrinkError(f"{NOTE} is damaged: it doesn't say what was done to the model.")
    for name in files:
        if not (folder / name).is_file():
            raise ShrinkError(f"{name} is missing in {one_line(folder)}; copy the whole folder.")
    sizes = {name: (folder / name).stat().st_size for name in files}
    _fits_memory(sum(sizes.values()))
    contents = {}
    for name, expected in files.items():
        contents[name] = _read(folder / name, MOST_JSON if name.endswith(".json") else sizes[name])
        if hashlib.sha256(contents[name]).hexdigest() != expected:
            raise ShrinkError(f"{name} is not the file that was saved (its checksum differs); copy the folder again.")
    return Contents(note, contents, hashlib.sha256(note_bytes).hexdigest())


def _check_entry(entry: os.DirEntry[str]) -> None:
    name = one_line(entry.name, 80)
    if entry.is_symlink():
        raise ShrinkError(f"{name} is a link; a saved model holds files only.")
    if entry.is_dir():
        raise ShrinkError(f"{name} is a folder; a saved model holds files only.")
    if Path(entry.name).suffix.lower() in _CODE:
        raise ShrinkError(f"{name} could run code when it is loaded; a saved model holds no such file.")
    if entry.name not in FILES | BESIDE:
        raise ShrinkError(f"{name} does not belong in a saved model; take it out of the folder.")
    if not entry.is_file():
        raise ShrinkError(f"{name} is a pipe or a device; a saved model holds files only.")


def _fits_memory(size: int) -> None:
    import torch

    free, _ = free_bytes(torch.device("cpu"))
    if HELD_AT_ONCE * size > free:
        raise ShrinkError(
            f"The files hold {size / 1e9:,.1f} GB, loading takes {HELD_AT_ONCE} times that, and {free / 1e9:,.1f} GB "
            "are free here."
        )


def _read(path: Path, most: int) -> bytearray:
    """Read a whole file once; refuse links and pipes, and check type and size of the open file."""
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    with os.fdopen(os.open(path, flags), "rb") as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise ShrinkError(f"{path.name} is not a file; a saved model holds files only.")
        if status.st_size > most:
            raise ShrinkError(f"{path.name} is too large to be what was saved.")
        data = bytearray(status.st_size)
        del data[file.readinto(data) :]
    return data


def parsed(data: bytes | bytearray, name: str, infinity: bool = False) -> dict[str, Any]:
    """Return the object in a JSON file; its name is for error messages.

    `infinity`: numbers may be infinite, as in transformers' configurations. Raises ShrinkError if it isn't a JSON
    object, has a duplicate key, is nested too deeply, or contains a number that is out of range or not finite.
    """

    def constant(word: str) -> float:
        if infinity and word != "NaN":
            return float(word)
        raise ShrinkError(f"{name} is damaged: it holds {one_line(word, 40)}, which is not a number.")

    def number(digits: str) -> float:
        value = float(digits)
        return value if math.isfinite(value) else constant(digits)

    def once(pairs: list[tuple[str, Any]]) -> Any:
        if len(document := dict(pairs)) < len(pairs):
            raise ShrinkError(f"{name} is damaged: it says something twice.")
        infinite = document.get("__float__") if infinity and len(document) == 1 else None  # transformers' notation
        return constant(infinite) if infinite in ("Infinity", "-Infinity", "NaN") else document

    try:
        document = json.loads(data.decode("utf-8"), parse_constant=constant, parse_float=number, object_pairs_hook=once)
    except ShrinkError:
        raise
    except (UnicodeDecodeError, ValueError, RecursionError):
        raise ShrinkError(f"{name} is damaged: it is not JSON.") from None
    if not isinstance(document, dict):
        raise ShrinkError(f"{name} is damaged: it holds no object.")
    _plain(document, name)
    return document


def _plain(found: Any, name: str) -> None:
    """Check the nesting depth, and that integers have at most 63 bits."""
    level = [found]
    for _ in range(MOST_DEPTH):
        if any(type(value) is int and abs(value) >= 1 << 63 for value in level):
            raise ShrinkError(f"{name} is damaged: it holds a number of more than 63 bits.")
        level = [
            inner
            for value in level
            if isinstance(value, (dict, list))
            for inner in (value.values() if isinstance(value, dict) else value)
        ]
        if not level:
            return
    raise ShrinkError(f"{name} is damaged: it is nested more than {MOST_DEPTH} deep.")
