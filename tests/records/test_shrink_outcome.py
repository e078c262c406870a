"""What a search came to: each code has its line, and the lines of older versions are read back."""

from __future__ import annotations

from typing import get_args

import pytest

from jupyter_green.records import EnergyRecord
from jupyter_green.records.shrink_outcome import ShrinkCode, ShrinkOutcome

LINES: dict[ShrinkCode, str] = {
    "kept": "shrink: Net → int8, 4.0× less energy, proven, accuracy 91.2 % → 91.0 %",
    "nothing_gained": "shrink: Net, nothing gained",
    "unknown": "shrink: Net, can't be told",
    "interrupted": "shrink: Net, interrupted",
}


def outcome_of(code: ShrinkCode) -> ShrinkOutcome:
    kept = "int8, 4.0× less energy, proven, accuracy 91.2 % → 91.0 %" if code == "kept" else ""
    return ShrinkOutcome(code, "Net", code == "kept", kept)


def old(**fields: object) -> EnergyRecord:
    """A record as a version without outcomes wrote it."""
    data = EnergyRecord((), 1.0, 0.0, **fields).to_dict()  # type: ignore[arg-type]
    del data["shrinks"]
    return EnergyRecord.from_dict(data)


@pytest.mark.parametrize("code", get_args(ShrinkCode))
def test_each_code_has_its_line(code: ShrinkCode) -> None:
    outcome = outcome_of(code)
    assert outcome.line == LINES[code]
    assert outcome.line.endswith(outcome.ending.removeprefix(": "))
    record = EnergyRecord((), 1.0, 0.0, span="trial", shrinks=(outcome,))
    assert EnergyRecord.from_dict(record.to_dict()).search == outcome
    assert old(span="trial", label=LINES[code]).search == outcome


def test_a_cell_of_an_older_version_has_the_outcomes_of_its_notes() -> None:
    cell = old(notes=(LINES["nothing_gained"], "Another cell ran at the same time.", LINES["kept"]))
    assert cell.shrinks == (outcome_of("nothing_gained"), outcome_of("kept"))
    assert cell.search is None, "it is the cell's record, not the search's"


def test_what_is_not_shown_is_not_proven() -> None:
    assert not old(span="trial", label="shrink: A → int8, 4.0× less energy, not proven").shrinks[0].proven


@pytest.mark.parametrize("label", ["shrink: original", "shrink: int8", "shrink", "training", None])
def test_other_labels_tell_no_outcome(label: str | None) -> None:
    assert old(span="trial", label=label).shrinks == ()


@pytest.mark.parametrize("change", [{"code": "sold"}, {"model": None}, {"proven": 1}, {"kept": 3}])
def test_an_outcome_of_the_wrong_kind_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="outcome"):
        ShrinkOutcome.from_dict({**outcome_of("kept").to_dict(), **change})
