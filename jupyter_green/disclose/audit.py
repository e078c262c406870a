"""Whether a folder discloses what its models used: what a build server asks, with a sentence for each thing missing.

Every folder that holds weights, or a model card, is looked at; where there is none, the folder itself is. A disclosure
is `disclosure.json` as `Disclosure.to_dict` gives it, and it has to say all that its schema requires.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from .errors import DiscloseError
from .model_card import KEY, parsed

FILE = "disclosure.json"
CARD = "README.md"
WEIGHTS = (".safetensors", ".onnx", ".gguf", ".pt", ".pth", ".ckpt", ".bin", ".keras", ".h5", ".joblib", ".pkl")
"""Endings of files that hold a model; `.bin` counts only beside a `config.json`."""
_SKIPPED = {"node_modules", "__pycache__", "site-packages"}


@dataclass(frozen=True)
class Missing:
    """Something that is not disclosed.

    Parameters
    ----------
    place : Path
        The folder or file.
    what : str
        What is missing or wrong, one sentence.
    """

    place: Path
    what: str

    def __str__(self) -> str:
        return f"{self.place}: {self.what}"


def schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of a disclosure."""
    text = resources.files(__package__).joinpath("disclosure.v1.schema.json").read_text(encoding="utf-8")
    described: dict[str, Any] = json.loads(text)
    return described


def audit(folder: str | Path) -> tuple[list[Path], list[Missing]]:
    """Look at every model below a folder.

    Returns
    -------
    list of Path
        The folders that were looked at.
    list of Missing
        What is not disclosed; empty where all is.

    Raises
    ------
    DiscloseError
        If there is no such folder.
    """
    root = Path(folder)
    if not root.is_dir():
        raise DiscloseError(f"{folder} is no folder; name the one that holds the models.")
    places = _models(root) or [root]
    found: list[Missing] = []
    for place in places:
        found += _judged(place)
    return places, found


def faults(data: Any) -> list[str]:
    """Return what a disclosure's data lacks or has wrong, a clause each."""
    # Brought by nbformat; only who checks pays for it.
    from jsonschema import Draft202012Validator

    found = []
    for error in sorted(Draft202012Validator(schema()).iter_errors(data), key=lambda one: list(map(str, one.path))):
        where = ".".join(map(str, error.path))
        found.append(f"{where}: {error.message}" if where else error.message)
    return found


def _models(root: Path) -> list[Path]:
    found = []
    for where, folders, files in os.walk(root):
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name not in _SKIPPED)
        place = Path(where)
        weights = any(
            Path(name).suffix.lower() in WEIGHTS and (not name.endswith(".bin") or "config.json" in files)
            for name in files
        )
        if weights or FILE in files or (CARD in files and _is_card(place / CARD)):
            found.append(place)
    return found


def _is_card(path: Path) -> bool:
    """Whether a README has the head of a model card."""
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            return file.readline().strip() == "---"
    except OSError:
        return False


def _judged(place: Path) -> list[Missing]:
    target = place / FILE
    if not target.is_file():
        return [Missing(place, f"there is no {FILE}; %disclose NAME --to {FILE} writes one")]
    try:
        data = json.loads(target.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        return [Missing(target, f"it can't be read ({error})")]
    found = [Missing(target, said) for said in faults(data)]
    if isinstance(data, dict) and isinstance(data.get("energy"), dict) and data["energy"].get("quality") == "simulated":
        found.append(Missing(target, "its figures are simulated"))
    card = place / CARD
    if card.is_file() and _is_card(card):
        try:
            told = parsed(card.read_text(encoding="utf-8"))
        except (DiscloseError, OSError) as error:
            return [*found, Missing(card, str(error))]
        if told is None and isinstance(data, dict) and data.get("co2e") is not None:
            found.append(Missing(card, f"it has no {KEY}, which {FILE} tells; %disclose NAME --card {CARD} adds it"))
    return found
