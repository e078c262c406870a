"""A disclosure leaves nothing out that belongs to it, and a card loses nothing that was in it."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from jupyter_green.disclose import DiscloseError, Disclosure, Utilisation, audit, disclose, model_card, schema
from jupyter_green.disclose.disclosure_report import html, markdown, page, text
from jupyter_green.disclose.folder_check import faults
from jupyter_green.disclose.model_card import BEGIN, END, TITLE, parsed
from jupyter_green.impact import Valuation, embodied_share
from tests.disclose.sample import H100, cpu, gpu, record
from tests.support.sample_cells import cell

hub = pytest.importorskip("huggingface_hub")


def made(*records: Any, **options: Any) -> Disclosure:
    given: dict[str, Any] = {"name": "small", "phase": "training", "valuation": Valuation("FRA", 1.2, "0.25 EUR/kWh")}
    return disclose(records or [record(gpu(), cpu()), record(gpu(), cpu(None))], **(given | options))


def test_what_it_holds() -> None:
    found = made(training_type="fine-tuning", remote=["GPT by API"], embodied=embodied_share(164, reserved_seconds=20))
    data = found.to_dict()
    jsonschema.validate(data, schema())
    assert data["hardware"] == [H100, "CPU, AMD EPYC"]
    assert (data["count"], data["hours"]) == (1, pytest.approx(20 / 3600))
    assert data["measured_share"] == pytest.approx(7200 / 9000)
    assert data["co2e"]["grams"] == pytest.approx(9000 / 3.6e6 * 1.2 * 56.039)
    assert data["energy"]["all_devices_with_pue_over_accelerators"] == pytest.approx(9000 * 1.2 / 7200)
    assert data["estimates"]["water_litres"]["low"] < data["estimates"]["water_litres"]["value"]
    assert any("GPT by API" in said for said in data["unmetered"])
    assert any("AMD EPYC: no reading in 1 of 2" in said for said in data["unmetered"])
    assert "cooling" in data["boundary"]
    json.dumps(data, allow_nan=False)


MANDATORY = ("hardware", "count", "hours", "utilisation", "software", "boundary", "measured_share")


@pytest.mark.parametrize("field", MANDATORY)
def test_nothing_mandatory_can_be_left_out(field: str) -> None:
    found = made()
    empty: dict[str, Any] = {"hardware": (), "software": (), "count": 0, "hours": 0.0, "boundary": ""}
    empty |= {"utilisation": Utilisation(0.5, ""), "measured_share": float("nan")}
    without = replace(found, **{field: empty[field]})
    with pytest.raises(DiscloseError, match=field):
        model_card(without)
    data = found.to_dict()
    del data[field]
    assert any(field in said for said in faults(data))


def test_utilisation_says_what_was_looked_at() -> None:
    later = record(gpu(), started_at=1_750_000_090.0)
    assert made(record(gpu()), later).utilisation.share == pytest.approx(0.2)
    assert made(utilisation=0.7).utilisation == Utilisation(0.7, "of the devices, as stated by the user")
    with pytest.raises(DiscloseError, match="utilisation"):
        made(utilisation=1.5)


def test_simulated_records_are_never_mixed_in() -> None:
    found = made(record(gpu()), record(gpu(1e9, quality="simulated")))
    assert found.joules == pytest.approx(3600)
    only = made(record(gpu(quality="simulated")))
    assert only.quality == "simulated"
    with pytest.raises(DiscloseError, match="simulated figures"):
        model_card(only)


def test_nothing_read_nothing_disclosed() -> None:
    with pytest.raises(DiscloseError, match="no reading"):
        made(record(gpu(None)))
    with pytest.raises(DiscloseError, match="phase"):
        made(phase="dreaming")


def test_the_pages() -> None:
    found = made()
    for form in (text(found), markdown(found), html(found), page(found)):
        assert "Utilisation" in form
        assert "measured" in form
        assert "never measured" in form
        assert "1 (accelerators alone)" in form
    assert "<script" not in page(found)
    assert page(found).count("<svg") == 2
    without = made(valuation=Valuation())
    assert "no region is set" in text(without)
    assert without.to_dict()["co2e"] is None


# ---- cards ------------------------------------------------------------------------------------

CARD = """---
# my own remark
license: apache-2.0
tags:
- text-classification
model-index:
- name: small
  results:
  - task: {type: text-classification}
    dataset: {type: imdb, name: imdb}
    metrics:
    - {type: accuracy, value: 0.91}
language: [en, "no"]
---

# Small

Text of mine, with --- rules and `co2_eq_emissions` in it.
"""


def test_the_hub_reads_it_back_and_nothing_is_lost(tmp_path: Path) -> None:
    target = tmp_path / "README.md"
    target.write_text(CARD, encoding="utf-8")
    found = made(training_type="fine-tuning")
    model_card(found, target)
    written = target.read_text(encoding="utf-8")
    read = hub.ModelCard.load(target)
    told = read.data.to_dict()["co2_eq_emissions"]
    assert told["emissions"] == pytest.approx(9000 / 3.6e6 * 1.2 * 56.039, rel=5e-3)
    assert told["training_type"] == "fine-tuning"
    assert told["geographical_location"] == "France"
    assert H100 in told["hardware_used"]
    assert read.data.license == "apache-2.0"
    assert read.data.eval_results is not None
    assert read.data.eval_results[0].metric_value == 0.91
    for line in CARD.splitlines():
        assert line in written
    for fact in ("Hardware", "Hours", "Utilisation", "Boundary", "Measured share"):
        assert fact in written
    assert parsed(written) == told


def test_writing_again_changes_only_ours(tmp_path: Path) -> None:
    target = tmp_path / "README.md"
    target.write_text(CARD, encoding="utf-8")
    first = model_card(made(), target)
    assert model_card(made(), target) == first
    third = model_card(made(record(gpu(7200.0))), target)
    assert third.count(BEGIN) == 1
    assert third.count("co2_eq_emissions:") == 1
    assert third != first


@pytest.mark.parametrize("old", ["co2_eq_emissions: 123.4", "co2_eq_emissions:\n  emissions: 5\n  source: me"])
def test_somebody_elses_figure_is_not_lost(tmp_path: Path, old: str) -> None:
    target = tmp_path / "README.md"
    target.write_text(f"---\n{old}\nlicense: mit\n---\nHello\n", encoding="utf-8")
    before = target.read_text(encoding="utf-8")
    assert parsed(before) is not None
    with pytest.raises(DiscloseError, match="replace=True"):
        model_card(made(), target)
    assert target.read_text(encoding="utf-8") == before
    model_card(made(), target, replace=True)
    card = model_card(made(), target)
    assert "Earlier figure" in card
    assert ("123.4" in card) or ("'emissions': 5" in card)
    assert hub.ModelCard(card).data.license == "mit"


def test_a_new_card_and_a_broken_one(tmp_path: Path) -> None:
    card = model_card(made())
    assert hub.ModelCard(card).data.to_dict()["co2_eq_emissions"]["emissions"] > 0
    broken = tmp_path / "README.md"
    broken.write_text("---\na: [1\n---\ntext\n", encoding="utf-8")
    with pytest.raises(DiscloseError, match="can't be read"):
        model_card(made(), broken)
    assert broken.read_text(encoding="utf-8") == "---\na: [1\n---\ntext\n"
    with pytest.raises(DiscloseError, match="region"):
        model_card(made(valuation=Valuation()))


@given(st.text(alphabet=st.characters(exclude_categories=["Cs", "Cc"]), max_size=200))
def test_any_text_of_the_persons_stays(body: str) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "README.md"
        target.write_text(f"---\nlicense: mit\n---\n{body}\n", encoding="utf-8")
        model_card(made(), target)
        assert body.rstrip() in target.read_text(encoding="utf-8")


QUOTED = f"````\n{BEGIN}\n{TITLE}\nas it may look\n{END}\n````"


LINES = [BEGIN, END, QUOTED, "~~~~ python", "mine", "", "---", "  " + BEGIN]


@settings(deadline=None)
@given(st.lists(st.sampled_from(LINES), max_size=8))
@example([BEGIN, "mine"])
@example([END, "mine"])
@example([QUOTED])
@example(["```", "mine"])
def test_marks_of_the_persons_own_are_text(lines: list[str]) -> None:
    import tempfile

    body = "\n".join(["begin", *lines, "end"])
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "README.md"
        target.write_text(f"---\nlicense: mit\n---\n{body}\n", encoding="utf-8")
        first = model_card(made(), target)
        assert model_card(made(), target) == first
        assert model_card(made(record(gpu(7200.0))), target).count(TITLE) == 1 + body.count(TITLE)
        assert body in target.read_text(encoding="utf-8")


@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_marks_and_line_ends_of_the_file_stay(tmp_path: Path, mark: str, end: str) -> None:
    target = tmp_path / "README.md"
    theirs = end.join(["---", "license: mit", "---", "# Mine", "", "text", ""])
    target.write_bytes((mark + theirs).encode())
    model_card(made(), target)
    once = target.read_bytes()
    model_card(made(), target)
    assert target.read_bytes() == once
    text = once.decode()
    assert text.startswith(f"{mark}---{end}license: mit{end}")
    assert f"---{end}# Mine{end}{end}text{end}" in text
    assert text.count("---\r\n" if end == "\r\n" else "---\n") == 2
    assert ("\r" in text) == (end == "\r\n")
    assert not re.search(r"(?<!\r)\n", text) or end == "\n"
    data = hub.ModelCard(text[len(mark) :]).data
    assert (data.license, data.co2_eq_emissions["emissions"] > 0) == ("mit", True)


def test_a_card_that_is_no_utf_8_is_one_sentence(tmp_path: Path) -> None:
    target = tmp_path / "README.md"
    target.write_bytes("café".encode("latin-1"))
    with pytest.raises(DiscloseError, match="not UTF-8 text, so nothing was written"):
        model_card(made(), target)
    assert target.read_bytes() == "café".encode("latin-1")


# ---- folders ----------------------------------------------------------------------------------


def test_a_folder_is_checked(tmp_path: Path) -> None:
    model = tmp_path / "models" / "small"
    model.mkdir(parents=True)
    (model / "model.safetensors").write_bytes(b"")
    places, missing = audit(tmp_path)
    assert places == [model]
    assert "there is no disclosure.json" in str(missing[0])
    data = made().to_dict()
    (model / "disclosure.json").write_text(json.dumps(data))
    assert audit(tmp_path)[1] == []
    (model / "README.md").write_text("---\nlicense: mit\n---\nHi\n")
    assert "co2_eq_emissions" in str(audit(tmp_path)[1][0])
    model_card(made(), model / "README.md")
    assert audit(tmp_path)[1] == []
    del data["utilisation"]
    data["hours"] = 0
    (model / "disclosure.json").write_text(json.dumps(data))
    said = " ".join(map(str, audit(tmp_path)[1]))
    assert "utilisation" in said
    assert "hours" in said
    (model / "disclosure.json").write_text("{")
    assert "can't be read" in str(audit(tmp_path)[1][0])


def test_an_empty_folder_discloses_nothing(tmp_path: Path) -> None:
    places, missing = audit(tmp_path)
    assert places == [tmp_path]
    assert len(missing) == 1
    with pytest.raises(DiscloseError, match="not a folder"):
        audit(tmp_path / "nowhere")


ESTIMATED = {"kind": "cpu", "method": "model", "quality": "estimated", "source": "processor"}


def test_hours_agree_with_the_utilisation_and_what_is_never_read_is_named() -> None:
    """A minute of work and three between cells: a quarter of the time, not four minutes of work."""
    work = cell(100.0, seconds=60.0, started_at=1000.0, units=10.0, unit="images", **ESTIMATED)
    between = cell(1.0, seconds=180.0, started_at=1060.0, span="gap", **ESTIMATED)
    found = disclose([work, between], name="small")
    assert found.hours * 3600 == pytest.approx(60.0)
    assert found.utilisation.share == pytest.approx(found.hours * 3600 / 240.0)
    assert (found.units, found.unit) == (10.0, "images")
    said = " ".join(found.unmetered)
    assert "network" in said
    assert "cooling" in said
    assert "idle" in said
    assert "nothing is known to be missing" not in repr(found)
    assert "60 s of work" in repr(found) or "1 min" in repr(found)
