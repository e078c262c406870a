"""A statement of a run: sums that never count twice, figures with their standing, and forms that say the same."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jupyter_green.baselines.baseline import Baseline
from jupyter_green.impact import Valuation
from jupyter_green.records import EnergyRecord
from jupyter_green.reporting import Statement
from jupyter_green.reporting.numbers import plain
from jupyter_green.reporting.run.run_report import BOUNDARY, INTERVAL, MOST_ROWS
from jupyter_green.reporting.run.totals import total
from jupyter_green.reporting.section import Section, literal
from tests.reporting.arbitrary import records
from tests.support.html_readers import PageReader, Reader
from tests.support.record_states import CPU, FINDINGS, GPU, HOSTILE, TRAITS, record, simulated, states

HERE = Valuation("FRA", tariff="0.25 EUR/kWh")
A = record(GPU, CPU, cell_id="a", execution_count=1)
AGAIN = record(GPU, cell_id="a", execution_count=3)
B = record(CPU, cell_id="b", execution_count=2)
GAP = record(CPU, span="gap", execution_count=None)


def statement(*drawn: EnergyRecord, **facts: Any) -> Statement:
    given = {"valuation": HERE, "findings": FINDINGS, "traits": TRAITS, "notebook": "sentiment.ipynb", **facts}
    return Statement(drawn, 1_800_000_000.0, **given)


# ---- what is counted --------------------------------------------------------------------------------------


def test_a_cell_counts_by_its_last_execution() -> None:
    said = statement(A, B, AGAIN, GAP)
    assert said.cells.records == (B, AGAIN)
    assert said.cells.sum.joules == pytest.approx(1.2 + 11.2)
    assert said.reruns == [A]
    assert said.gaps == [GAP]
    assert total(said.counted).joules == pytest.approx(said.cells.sum.joules + 12.4 + 1.2)
    text = said.text()
    assert "Cells: 12.4 J ± 0.6 · 90 % measured · 2 cells, 3.7 s" in text
    assert "Earlier runs of cells: 12.4 J ± 0.6 · 90 % measured · 1.83 s" in text
    assert "Idle between cells: ~1.2 J ± 0.5 · estimated · 1.83 s" in text
    assert "Total used: 26.0 J" in text


def test_what_lies_inside_another_is_not_counted_again() -> None:
    inner = record(GPU, span="window", parent=A.id)
    assert statement(A, inner).cells.records == (A,)


def test_simulated_records_are_never_added_to_real_ones() -> None:
    unreal = record(simulated(GPU), cell_id="c")
    said = statement(A, unreal)
    assert said.cells.records == (A,)
    assert "Simulated: 1 records left out" in said.text()
    alone = statement(unreal).text()
    assert re.search(r"Cells: 11.2 J ± 0.3 · simulated", alone)
    assert "measured 1" not in alone


def test_how_much_is_measured() -> None:
    assert "By quality: measured 11.2 J ± 0.3 (90 %) · estimated ~1.2 J ± 0.5 (10 %)" in statement(A).text()


def test_a_killed_cell_makes_a_lower_bound() -> None:
    assert "Cells: ≥ " in statement(states()["killed"]).text()


# ---- what is said -----------------------------------------------------------------------------------------


def test_what_was_not_read_and_why() -> None:
    absent = record(replace(GPU, joules=None, uncertainty=None, note="It fell off the bus."), CPU, cell_id="c")
    text = statement(A, absent, absent.with_(id="x", cell_id="d")).text()
    assert "package 0: Its energy counter may only be read by root. %energy doctor prints the commands" in text
    assert "AMD GPUs: No AMD GPU is in this machine." in text
    assert "GPU 0, RTX A500: It fell off the bus, in 2 cells." in text


def test_a_device_that_was_not_read_is_named_once() -> None:
    note = "It could not be read: it fell off the bus."
    absent = record(replace(GPU, joules=None, uncertainty=None, note=note), CPU)
    assert f"{GPU.device}: It could not be read: it fell off the bus, in 1 cell." in statement(absent).text()


def test_each_device_with_what_its_sensor_is() -> None:
    text = statement(A).text()
    assert "11.2 J ± 0.3 · GPU 0, RTX A500: measured by its counter, whole board, ±5 %, ticks every" in text
    shared = record(replace(GPU, shared=True))
    assert "shared with other processes, counted as a whole" in statement(shared).text()


def test_co2e_and_cost_or_how_to_have_them() -> None:
    text = statement(A).text()
    assert "CO2e: 0.19 mg CO₂e ± 5 % (56.039 g CO2e/kWh, France" in text
    assert "Cost: €0.86 per million runs ± 5 % (at 0.25 EUR/kWh)" in text
    unset = statement(A, valuation=Valuation()).text()
    assert "%config JupyterGreen.region = 'FRA'" in unset
    assert "%config JupyterGreen.tariff = '0.25 EUR/kWh'" in unset
    nothing = statement(record()).text()
    assert "CO2e: no reading" in nothing
    assert "Cost: no reading" in nothing
    bound = statement(states()["below"]).text()
    assert "CO2e: ≤ 13 µg CO₂e" in bound
    assert "only an upper bound" in bound
    unknown = statement(states()["± not known"]).text()
    assert "CO2e: 0.19 mg CO₂e (" in unknown
    assert "upper bound" not in unknown


def test_boundary_date_and_versions() -> None:
    text = statement(A, versions=("jupyter_green 0.1.0", "Python 3"), run="abc", project="films").text()
    for said in (BOUNDARY, INTERVAL, "jupyter_green 0.1.0, Python 3", "Run: abc", "Project: films", "Made: 2027-01-15"):
        assert said in text


def test_an_empty_run_says_so() -> None:
    text = statement().text()
    assert "Cells: none was metered yet" in text
    assert "Devices" not in text
    Reader(statement().html())
    json.dumps(statement().data(), allow_nan=False)


def test_of_many_cells_the_dearest_are_listed_and_all_are_summed() -> None:
    many = [
        record(replace(CPU, joules=float(n), uncertainty=0.1), cell_id=f"c{n}", execution_count=n)
        for n in range(1, MOST_ROWS + 101)
    ]
    said = statement(*many)
    text = said.text()
    assert "100 others are in the .json form" in text
    assert not re.search(r"\[100\] ", text)
    assert re.search(r"\[101\] ", text)
    assert f"{sum(range(1, MOST_ROWS + 101)):,}" in text.replace(" ", "")
    assert len(said.data()["records"]) == MOST_ROWS + 100


# ---- forms ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("drawn", [[A, B, AGAIN, GAP], [*states().values()], []])
def test_all_forms_say_the_same(drawn: list[EnergyRecord]) -> None:
    said = statement(*drawn, against="the baseline 'before'. No proven difference.", problem="The ledger is locked.")
    text, page = said.text(), plain("".join(Reader(said.html()).words))
    unescaped = re.sub(r"\\(.)", r"\1", said.markdown())
    for section in said.sections():
        for term, told in section.facts:
            for form in (text, page, unescaped):
                assert term in form
                assert plain(told) in form
        for line in section.lines:
            assert all(plain(line) in form for form in (text, page, unescaped))


def test_the_page_stands_alone() -> None:
    page = statement(A, B).page()
    PageReader().feed(page)
    assert page.startswith("<!doctype html>")
    assert "default-src 'none'" in page
    assert "<title>Energy of sentiment.ipynb</title>" in page


def test_a_baseline_is_read_from_the_data() -> None:
    data = json.loads(json.dumps(statement(A, B, AGAIN, GAP).data(), allow_nan=False))
    made = Baseline.of_run([EnergyRecord.from_dict(item) for item in data["records"]], "file", "x")
    assert made is not None
    assert made.reading.joules == pytest.approx(data["total"]["joules"])
    assert data["cells"] == 2


@given(st.lists(records(), max_size=6))
@settings(max_examples=40, deadline=None)
def test_any_run_can_be_stated(drawn: list[EnergyRecord]) -> None:
    said = statement(*drawn)
    Reader(said.html())
    PageReader().feed(said.page())
    json.dumps(said.data(), allow_nan=False)
    (said.text() + said.markdown() + said.page()).encode()


def test_hostile_words_stay_text() -> None:
    said = statement(
        states()["hostile names"].with_(cell_id=HOSTILE, status="error"),
        texts={states()["hostile names"].id: HOSTILE},
        notebook=HOSTILE,
        project=HOSTILE,
        run=HOSTILE,
        versions=(HOSTILE,),
        against=HOSTILE,
        problem=HOSTILE,
    )
    Reader(said.html())
    PageReader().feed(said.page())
    for form in (said.text(), said.markdown(), said.html(), said.page()):
        assert "\x1b" not in form
        assert "\u202e" not in form
    assert "<script" not in said.page()
    assert not re.search(r"(?<!\\)<", said.markdown())


def test_markdown_takes_nothing_for_a_mark() -> None:
    hostile = "[x](javascript:1) ![](http://x) `a` *b* _c_ <b> | $d$ # ~~e~~ \\"
    assert re.sub(r"\\(.)", r"\1", literal(hostile)) == hostile
    assert not re.search(r"(?<!\\)[\[\]`*_<>|$#~]", re.sub(r"\\\\", "", literal(hostile)))
    table = Section("a|b", facts=[("c", "d|e")], lines=["f|g"]).markdown()
    assert table == "## a\\|b\n\n- **c:** d\\|e\n- f\\|g"
