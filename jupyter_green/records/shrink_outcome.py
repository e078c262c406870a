"""Outcome of a search for a cheaper model: a code with parameters, and its one-line text.

The line is the label of the search's own record, and a note of the cell that it ran in. Code reads the outcome. Only
`old_outcomes` parses lines, for records stored before outcomes existed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

ShrinkCode = Literal["kept", "nothing_gained", "unknown", "interrupted"]

_PREFIX = "shrink: "
_ARROW = " → "
_WORDS: dict[ShrinkCode, str] = {
    "nothing_gained": "nothing gained",
    "unknown": "can't be told",
    "interrupted": "interrupted",
}
_PROVEN = re.compile(r", proven(,|$)")


@dataclass(frozen=True)
class ShrinkOutcome:
    """Outcome of one search."""

    code: ShrinkCode
    """Whether a candidate was selected, and if not, why."""
    model: str
    """Name of the original model."""
    proven: bool = False
    """Whether lower cost within the accepted quality loss is statistically significant."""
    kept: str = ""
    """The selected candidate and its saving, for display; empty if none was selected."""

    @property
    def ending(self) -> str:
        """The text without the model's name: " → int8, 4.0× less energy, proven", ": nothing gained"."""
        return f"{_ARROW}{self.kept}" if self.code == "kept" else f": {_WORDS[self.code]}"

    @property
    def line(self) -> str:
        """The whole line: "shrink: Net → int8, 4.0× less energy, proven", "shrink: Net, nothing gained"."""
        return f"{_PREFIX}{self.model}{self.ending if self.code == 'kept' else f', {_WORDS[self.code]}'}"

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready data."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> ShrinkOutcome:
        """Rebuild an outcome from the output of `to_dict`; unknown keys are ignored.

        Raises ValueError if a value has the wrong type.
        """
        code = next((valid_code for valid_code in get_args(ShrinkCode) if valid_code == data.get("code")), None)
        model, proven, kept = (data.get(name) for name in ("model", "proven", "kept"))
        if code is None or not isinstance(proven, bool):
            raise ValueError("a search's outcome has an unknown code")
        if not isinstance(model, str) or not isinstance(kept, str):
            raise ValueError("a search's outcome names no model")
        return cls(code, model, proven, kept)


def old_outcomes(label: object, notes: Sequence[object]) -> tuple[ShrinkOutcome, ...]:
    """Return the outcomes parsed from the label and notes of a record that was stored without them.

    Labels of a search's cost measurements start with the same prefix ("shrink: original") but contain no outcome.
    """
    outcomes = map(_parsed, dict.fromkeys(text for text in (*notes, label) if isinstance(text, str)))
    return tuple(outcome for outcome in outcomes if outcome is not None)


def _parsed(line: str) -> ShrinkOutcome | None:
    if not line.startswith(_PREFIX):
        return None
    model, arrow, kept = line.removeprefix(_PREFIX).partition(_ARROW)
    if arrow:
        return ShrinkOutcome("kept", model, _PROVEN.search(kept) is not None, kept)
    model, _, words = model.rpartition(", ")
    code = next((code for code, ending in _WORDS.items() if ending == words), None)
    return None if code is None or not model else ShrinkOutcome(code, model)
