"""A saved model's folder: what may lie in it, how it is checked before anything in it is used.

Nothing in a folder is ever run: no pickle, no TorchScript, no Python, no class that a file names other than one of
transformers' own. Weights are safetensors or one ONNX file of built-in operators that holds all its data. No link is
followed. Each file is read once: what was checked is what is used, whatever happens to the folder meanwhile. Digests
in `shrink.json` find what was damaged, edited or half copied; they are no signature.
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
"""Schemas that are read; the first had no checksum of its own."""
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
HELD_AT_ONCE = 3
"""How many times the files' bytes are in memory at once: here, in the process that tries them, and its model."""
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
    """What was read from a folder, checked against its digests.

    Parameters
    ----------
    note : mapping
        What `shrink.json` says.
    files : mapping
        The bytes of each file that it names.
    digest : str
        SHA-256 of `shrink.json`, which holds the digests of all others.
    """

    note: Mapping[str, Any]
    files: Mapping[str, bytearray]
    digest: str

    @property
    def steps(self) -> list[Mapping[str, Any]]:
        """What was done to the model, in order."""
        steps: list[Mapping[str, Any]] = self.note["steps"]
        return steps

    @property
    def size_bytes(self) -> int:
        """Bytes of all files."""
        return sum(map(len, self.files.values()))

    def file(self, name: str) -> bytearray:
        """Return a file's bytes.

        Raises
        ------
        ShrinkError
            If `shrink.json` does not name it.
        """
        if name not in self.files:
            raise ShrinkError(f"{NOTE} does not name {name}; the folder is damaged.")
        return self.files[name]


def digest(path: Path) -> str:
    """Return the SHA-256 of a file."""
    found = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            found.update(chunk)
    return found.hexdigest()


def checksum(note: Mapping[str, Any]) -> str:
    """Return the SHA-256 of what `shrink.json` says, whatever its layout and without its own checksum."""
    rest = {name: value for name, value in note.items() if name != "checksum"}
    return hashlib.sha256(json.dumps(rest, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def opened(folder: Path) -> Contents:
    """Read a folder, and check it.

    Raises
    ------
    ShrinkError
        If it is none of ours, is damaged, or holds anything that could run code; one sentence.
    """
    try:
        return _opened(folder)
    except (OSError, UnicodeError) as error:
        said = one_line(getattr(error, "strerror", None) or error)
        raise ShrinkError(f"{one_line(folder)} can't be read: {said}.") from error


def _opened(folder: Path) -> Contents:
    if not folder.is_dir():
        raise ShrinkError(f"There is no folder {one_line(folder)}.")
    if not (folder / NOTE).exists():
        raise ShrinkError(f"There is no {NOTE} in {one_line(folder)}; it is no model saved by jupyter_green.")
    with os.scandir(folder) as entries:
        for entry in entries:
            _may_lie_there(entry)
    said = _read(folder / NOTE, MOST_JSON)
    note = parsed(said, NOTE)
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
    held = {}
    for name, wanted in files.items():
        held[name] = _read(folder / name, MOST_JSON if name.endswith(".json") else sizes[name])
        if hashlib.sha256(held[name]).hexdigest() != wanted:
            raise ShrinkError(f"{name} is not the file that was saved (its checksum differs); copy the folder again.")
    return Contents(note, held, hashlib.sha256(said).hexdigest())


def _may_lie_there(entry: os.DirEntry[str]) -> None:
    name = one_line(entry.name, 80)
    if entry.is_symlink():
        raise ShrinkError(f"{name} is a link; a saved model holds files only.")
    if entry.is_dir():
        raise ShrinkError(f"{name} is a folder; a saved model holds files only.")
    if Path(entry.name).suffix.lower() in _CODE:
        raise ShrinkError(f"{name} could run code when it is loaded; a saved model holds no such file.")
    if entry.name not in FILES | BESIDE:
        raise ShrinkError(f"{name} does not belong into a saved model; take it out of the folder.")
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
    """Read a file once, whole; no link, no pipe, and nothing that others swap in meanwhile."""
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    with os.fdopen(os.open(path, flags), "rb") as file:
        found = os.fstat(file.fileno())
        if not stat.S_ISREG(found.st_mode):
            raise ShrinkError(f"{path.name} is no file; a saved model holds files only.")
        if found.st_size > most:
            raise ShrinkError(f"{path.name} is too large to be what was saved.")
        data = bytearray(found.st_size)
        del data[file.readinto(data) :]
    return data


def parsed(data: bytes | bytearray, name: str, infinity: bool = False) -> dict[str, Any]:
    """Return the object that a JSON file holds.

    Parameters
    ----------
    data : bytes
        What was read.
    name : str
        Of the file, for the sentence.
    infinity : bool
        Whether numbers may be infinite; transformers' settings may.

    Raises
    ------
    ShrinkError
        If it holds none, names anything twice, is nested without end, or holds numbers that are none.
    """

    def constant(word: str) -> float:
        if infinity and word != "NaN":
            return float(word)
        raise ShrinkError(f"{name} is damaged: it holds {one_line(word, 40)}, which is no number.")

    def number(digits: str) -> float:
        value = float(digits)
        return value if math.isfinite(value) else constant(digits)

    def once(pairs: list[tuple[str, Any]]) -> Any:
        if len(found := dict(pairs)) < len(pairs):
            raise ShrinkError(f"{name} is damaged: it says something twice.")
        infinite = found.get("__float__") if infinity and len(found) == 1 else None  # how transformers writes them
        return constant(infinite) if infinite in ("Infinity", "-Infinity", "NaN") else found

    try:
        found = json.loads(data.decode("utf-8"), parse_constant=constant, parse_float=number, object_pairs_hook=once)
    except ShrinkError:
        raise
    except (UnicodeDecodeError, ValueError, RecursionError):
        raise ShrinkError(f"{name} is damaged: it is no JSON.") from None
    if not isinstance(found, dict):
        raise ShrinkError(f"{name} is damaged: it holds no object.")
    _plain(found, name)
    return found


def _plain(found: Any, name: str) -> None:
    """See that values are not nested without end, and that whole numbers are of a size that anything could have."""
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
