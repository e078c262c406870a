"""A label is drawn only for work that was done, says where it can't be compared, and is the same in all its forms."""

from __future__ import annotations

import io
import json
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest

from jupyter_green.disclose import CompletionCheck, DiscloseError, Label, label, measure, thirds
from jupyter_green.records import EnergyRecord
from jupyter_green.session import Session
from tests.disclose.sample import H100, cpu, gpu, record

GOOD = CompletionCheck(accuracy=0.91, expected_accuracy=0.92)


def runs(count: int = 10, units: float = 1000.0, **more: Any) -> list[EnergyRecord]:
    return [record(gpu(3600.0 + 10 * place, **more), cpu(), units=units, unit="query") for place in range(count)]


def made(**options: Any) -> Label:
    given: dict[str, Any] = {"task": "text classification", "gate": GOOD, "asked": 1000, "date": "2026-01-31"}
    return label(options.pop("model", "small"), options.pop("runs", runs()), **(given | options))


def test_the_figure_its_interval_and_boundary() -> None:
    found = made()
    assert found.wh_per_1000 == pytest.approx(1.0125)
    assert found.low is not None
    assert found.high is not None
    # Runs spread by 30 J around 3,645 J (t = 2.262), and each is known to 36 J.
    assert found.high - found.low == pytest.approx(2 * (2.262**2 * 0.0084101**2 / 10 + 0.01**2) ** 0.5, rel=1e-3)
    assert found.boundary == f"{H100} (whole board)"
    assert found.whole_wh_per_1000 == pytest.approx(1.5125)
    assert found.quality == "measured"
    assert found.comparable
    assert "measured the official way" in repr(found)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"runs": runs(device="GPU 0, NVIDIA A10")}, "not on one NVIDIA H100"),
        ({"runs": runs(3)}, "3 runs, not 10"),
        ({"runs": runs(units=100.0), "asked": 100}, "100 units, not 1,000"),
        ({"batch": 8}, "batch 8, not 1"),
        ({"sets": 2}, "2 data sets, not 3"),
        ({"runs": runs(quality="simulated")}, "energy simulated"),
        ({"runs": runs(shared=True)}, "shared"),
    ],
)
def test_off_the_official_way_it_says_so(options: dict[str, Any], said: str) -> None:
    found = made(**options)
    assert found.valid
    assert not found.comparable
    assert said in " ".join(found.differences)
    for form in (repr(found), found.svg()):
        assert "not comparable with official scores" in form.lower()
    assert found.to_dict()["comparable_with_official_scores"] is False


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"runs": runs(units=100.0)}, "100 of 1,000 units completed"),
        ({"gate": CompletionCheck(accuracy=0.5, expected_accuracy=0.9)}, "accuracy 0.5"),
        ({"gate": CompletionCheck(accuracy=0.5, chance=0.5)}, "not above chance"),
        ({"gate": CompletionCheck(output_length=10, expected_length=128)}, "output length 10"),
        ({"gate": CompletionCheck(accuracy=float("nan"), chance=0.5)}, "not a number"),
    ],
)
def test_without_the_work_there_is_no_figure_and_no_star(options: dict[str, Any], said: str) -> None:
    found = made(peers={"other": 5.0}, **options)
    assert not found.valid
    assert found.wh_per_1000 is None
    assert found.stars is None
    assert said in " ".join(found.problems)
    assert "NOT VALID" in found.svg()
    assert not found.comparable


def test_a_label_without_proof_is_refused() -> None:
    with pytest.raises(DiscloseError, match="proof"):
        made(gate=None)
    with pytest.raises(DiscloseError, match="proof"):
        made(gate=CompletionCheck(accuracy=0.9))


def test_the_published_trick_is_refused() -> None:
    """100 tokens for 10 prompts once had five stars."""
    cheat = made(model="cheat", runs=runs(units=10.0), peers={"honest": 50.0})
    assert (cheat.valid, cheat.stars) == (False, None)


def test_stars_stand_among_like_labels() -> None:
    dear = made(model="dear", runs=[record(gpu(36_000.0), units=1000.0) for _ in range(10)])
    found = made(model="cheap", peers={"dear": dear}, edition="ours, January 2026")
    assert found.stars == 5
    assert made(model="dear", runs=[record(gpu(36_000.0), units=1000.0)] * 10, peers={"cheap": found}).stars == 1
    assert "ours, January 2026" in repr(found)
    with pytest.raises(DiscloseError, match="like with like"):
        made(task="another", peers={"dear": dear})
    with pytest.raises(DiscloseError, match="not valid"):
        made(peers={"bad": made(model="bad", runs=runs(units=1.0))})


@pytest.mark.parametrize("valid", [True, False])
def test_the_forms_are_whole(tmp_path: Path, valid: bool) -> None:
    image = pytest.importorskip("PIL.Image")
    found = made(
        model="a/model <b>&\u202e" * 9,
        runs=runs(units=1000.0 if valid else 9.0),
        peers={"other": 5.0},
        parameters=7e9,
        precision="float16",
    )
    for suffix in (".svg", ".png", ".json"):
        found.save(tmp_path / f"label{suffix}")
    root = ET.parse(tmp_path / "label.svg").getroot()
    assert (root.get("width"), root.get("height")) == ("260", "364")
    opened = image.open(io.BytesIO((tmp_path / "label.png").read_bytes()))
    assert (opened.format, opened.size) == ("PNG", (260, 364))
    assert len(opened.convert("L").getcolors()) > 10
    data = json.loads((tmp_path / "label.json").read_text(encoding="utf-8"))
    assert data["valid"] is valid
    assert (data["class"], data["precision"]) == ("A", "float16")
    assert "prefill" in data["phases"]
    with pytest.raises(DiscloseError, match="must end in"):
        found.save(tmp_path / "label.gif")


def test_no_reading_no_label() -> None:
    with pytest.raises(DiscloseError, match="no reading"):
        made(runs=[record(gpu(None), units=1000.0)])
    with pytest.raises(DiscloseError, match="asked"):
        label("m", runs(), task="t", gate=GOOD)
    with pytest.raises(DiscloseError, match="no runs"):
        made(runs=[])


def test_equal_thirds() -> None:
    sets = {"a": range(500), "b": range(400), "c": range(333)}
    chosen = thirds(sets)
    counts = {name: sum(found == name for found, _ in chosen) for name in sets}
    assert counts == {"a": 334, "b": 333, "c": 333}
    assert len(set(chosen)) == 1000
    assert thirds(sets) == chosen
    with pytest.raises(DiscloseError, match="11 are needed"):
        thirds({"a": range(10)}, 11)


def test_runs_are_metered_and_failures_counted() -> None:
    session = Session()
    try:

        def answer(example: int) -> int:
            if example == 7:
                raise KeyError("seven")
            return sum(range(2000)) + example

        found = measure(answer, list(range(40)), runs=3, name="mine", session=session)
    finally:
        session.end()
    assert found.completed == (39, 39, 39)
    assert found.asked == 40
    assert found.faults == ("KeyError: 'seven'",)
    assert found.answers[7] is None
    assert [item.units for item in found.records] == [39.0] * 3
    assert all(item.joules is not None and item.span == "trial" for item in found.records)
    bad = label("mine", found, task="sums", gate=CompletionCheck(accuracy=1.0, chance=0.5))
    assert bad.problems == ("39 of 40 units completed (KeyError: 'seven')",)


@pytest.mark.parametrize("wrong", [float("nan"), -1.0, 0.0, 7.0, float("inf")])
def test_what_can_not_be_expected_is_one_sentence(wrong: float) -> None:
    with pytest.raises(DiscloseError, match="expected accuracy is a number above 0 up to 1, not"):
        CompletionCheck(accuracy=0.5, expected_accuracy=wrong)
    if wrong != 0.0:
        with pytest.raises(DiscloseError, match="tolerance is a number from 0 up to 1, not"):
            CompletionCheck(accuracy=0.5, chance=0.2, tolerance=wrong)


def test_nothing_below_what_is_expected_may_be_asked_for() -> None:
    assert CompletionCheck(accuracy=0.5, expected_accuracy=0.5, tolerance=0.0).problems() == []
    assert CompletionCheck(accuracy=0.5, chance=0.0, tolerance=0.0).problems() == []
