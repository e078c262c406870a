"""Checks whether a folder discloses the energy of its models, for use in CI; each finding is a sentence.

Every folder with model weights or a model card is checked; if there is none, the given folder itself. A disclosure is
a `disclosure.json` as written by `Disclosure.to_dict`, and must be valid against its JSON Schema.
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
"""Suffixes of files with model weights; `.bin` counts only beside a `config.json`."""
_SKIPPED = {"node_modules", "__pycache__", "site-packages"}


@dataclass(frozen=True)
class Missing:
    """A finding: something that is not disclosed."""

    place: Path
    """The folder or file."""
    what: str
    """What is missing or wrong, one sentence."""

    def __str__(self) -> str:
        return f"{self.place}: {self.what}"


def schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of a disclosure."""
    text = resources.files(__package__).joinpath("disclosure.v1.schema.json").read_text(encoding="utf-8")
    result: dict[str, Any] = json.loads(text)
    return result


def audit(folder: str | Path) -> tuple[list[Path], list[Missing]]:
    """Check every model below a folder.

    Returns
    -------
    list of Path
        The folders that were checked.
    list of Missing
        The findings; empty if everything is disclosed.

    Raises
    ------
    DiscloseError
        If there is no such folder.
    """
    root = Path(folder)
    if not root.is_dir():
        raise DiscloseError(f"{folder} is not a folder; name the one that holds the models.")
    folders = _models(root) or [root]
    findings: list[Missing] = []
    for model_folder in folders:
        findings += _judged(model_folder)
    return folders, findings


def faults(data: Any) -> list[str]:
    """Return what is missing or wrong in a disclosure's data, one clause each."""
    # A dependency of nbformat; imported here because it is slow to import.
    from jsonschema import Draft202012Validator

    messages = []
    for error in sorted(Draft202012Validator(schema()).iter_errors(data), key=lambda one: list(map(str, one.path))):
        path = ".".join(map(str, error.path))
        messages.append(f"{path}: {error.message}" if path else error.message)
    return messages


def _models(root: Path) -> list[Path]:
    model_folders = []
    for where, folders, files in os.walk(root):
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name not in _SKIPPED)
        folder = Path(where)
        weights = any(
            Path(name).suffix.lower() in WEIGHTS and (not name.endswith(".bin") or "config.json" in files)
            for name in files
        )
        if weights or FILE in files or (CARD in files and _is_card(folder / CARD)):
            model_folders.append(folder)
    return model_folders


def _is_card(path: Path) -> bool:
    """Return whether a README begins with the header of a model card."""
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
    findings = [Missing(target, message) for message in faults(data)]
    if isinstance(data, dict) and isinstance(data.get("energy"), dict) and data["energy"].get("quality") == "simulated":
        findings.append(Missing(target, "its figures are simulated"))
    card = place / CARD
    if card.is_file() and _is_card(card):
        try:
            emissions = parsed(card.read_text(encoding="utf-8"))
        except (DiscloseError, OSError) as error:
            return [*findings, Missing(card, str(error))]
        if emissions is None and isinstance(data, dict) and data.get("co2e") is not None:
            findings.append(Missing(card, f"it has no {KEY}, which {FILE} tells; %disclose NAME --card {CARD} adds it"))
    return findings
