"""A counter that its own GPU's power contradicts: each fact has its sentence, and older notes are read back."""

from __future__ import annotations

import pytest

from jupyter_green.records import Component
from jupyter_green.records.power_mismatch import PowerMismatch

SENTENCES = {
    PowerMismatch(0.26): "The GPU's reported power is 26% above its counter; the interval includes both.",
    PowerMismatch(-0.4, recent=True): (
        "The GPU's recently reported power is 40% below its counter; the interval includes both."
    ),
}
OLD = {
    PowerMismatch(0.26): "The board's shown power came to 26% more than its counter; the interval reaches both.",
    PowerMismatch(-0.4, recent=True): (
        "The board's shown power came lately to 40% less than its counter; the interval reaches both."
    ),
}


def component(note: str | None, mismatch: PowerMismatch | None) -> Component:
    return Component(
        *("gpu", "GPU 0", "nvidia:0", 1.0, 0.1, 0.1, "counter", "measured", "whole board"),
        note=note,
        power_mismatch=mismatch,
    )


@pytest.mark.parametrize("mismatch", SENTENCES)
def test_each_fact_has_its_sentence(mismatch: PowerMismatch) -> None:
    assert mismatch.sentence == SENTENCES[mismatch]
    part = component(mismatch.sentence, mismatch)
    assert Component.from_dict(part.to_dict()) == part


@pytest.mark.parametrize("mismatch", OLD)
def test_an_older_component_has_the_fact_of_its_note(mismatch: PowerMismatch) -> None:
    data = component(f"Others used it. {OLD[mismatch]} More is said later.", None).to_dict()
    del data["power_mismatch"]
    assert Component.from_dict(data).power_mismatch == mismatch


def test_a_note_tells_nothing_where_there_is_a_field() -> None:
    (sentence, *_) = OLD.values()
    assert Component.from_dict(component(sentence, None).to_dict()).power_mismatch is None


@pytest.mark.parametrize("change", [{"ratio": None}, {"ratio": True}, {"ratio": float("inf")}, {"recent": "yes"}])
def test_a_fact_of_the_wrong_kind_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="mismatch"):
        PowerMismatch.from_dict({"ratio": 0.2, "recent": False, **change})
