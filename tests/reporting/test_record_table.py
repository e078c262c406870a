"""Tables and totals: aligned, summed once, never a simulated joule among real ones."""

from __future__ import annotations

import re
from dataclasses import replace
from html import unescape

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jupyter_green.reporting import Table, Totals
from jupyter_green.reporting.run.totals import total
from jupyter_green.reporting.sanitize import columns
from tests.reporting.arbitrary import records
from tests.support.html_readers import Reader
from tests.support.record_states import CPU, GPU, HOSTILE, record, simulated, states


def run():
    first = record(GPU, CPU, execution_count=1)
    long = record(replace(GPU, joules=1200.0, uncertainty=28.0), seconds=200.0, execution_count=4, status="error")
    drawn = [
        first,
        record(replace(CPU, joules=0.3, uncertainty=0.5), seconds=0.02, execution_count=2),
        record(replace(GPU, joules=55.0, uncertainty=2.8), seconds=2.0, execution_count=3, status="killed"),
        long,
        record(replace(CPU, joules=3.0, uncertainty=1.2), seconds=20.0, span="gap", execution_count=None),
        record(execution_count=5, seconds=1.0),
        record(GPU, span="window", label="inner block", parent=long.id, execution_count=None),
    ]
    return drawn, {first.id: "probs = head(model.encode(batch))", drawn[1].id: "文字 = '日本語'"}


TEXT = """\
train.ipynb
cell  source                                     J     ±  how                    time  status
─────────────────────────────────────────────────────────────────────────────────────────────
 [1]  probs = head(model.encode(batch))       12.4   0.6  90 % measured        1.83 s
 [2]  文字 = '日本語'                        ≤ 0.8     –  estimated             20 ms
 [3]                                        ≥ 52       –  measured              2.0 s  killed
 [4]                                       1,200    30    measured         3 min 20 s  error
      between cells                            3.0   1.2  estimated              20 s
 [5]                                             –     –  no reading           1.00 s
      within: inner block                     11.2   0.3  measured             1.83 s
─────────────────────────────────────────────────────────────────────────────────────────────
      total: 6 with a reading            ≥ 1,270    30    > 99 % measured  3 min 45 s"""


def test_the_table_as_text():
    drawn, texts = run()
    assert Table(drawn, texts, "train.ipynb").text() == TEXT
    assert repr(Table(drawn, texts, "train.ipynb")) == TEXT


def test_the_table_as_html_says_the_same():
    drawn, texts = run()
    source = Table(drawn, texts, "train.ipynb").html()
    Reader(source)
    said = re.findall(r"<tr>(.*?)</tr>", source)
    assert len(said) == 9
    assert said[0].count('<th scope="col"') == 7
    assert '<td class="r" data-unit="J">12.4<' in said[1]
    lines = TEXT.split("\n")
    for line, row in zip([lines[1], *lines[3:10], lines[-1]], said, strict=True):
        assert unescape(re.sub("<[^>]*>", " ", row)).split() == line.split()


def test_no_records_are_told_in_words():
    assert Table([]).text() == "No cell was metered."
    assert "No cell was metered." in Table([], title="This run").html()


def test_simulated_rows_are_named_in_the_title_and_summed_apart():
    drawn = [record(GPU, CPU), record(simulated(GPU), CPU)]
    text = Table(drawn, title="All runs").text()
    assert text.startswith("All runs (with simulated rows, which are not measurements)")
    real, unreal = text.split("\n")[-2:]
    assert real.split()[:3] == ["total", "12.4", "0.6"]
    assert unreal.split()[:4] == ["total,", "simulated", "12.4", "0.6"]
    only = Table(drawn[1:]).text()
    assert only.startswith("Simulated: no figure here is a measurement")
    assert "simulated" not in Table(drawn[:1]).text()


@given(st.lists(records(), max_size=6), st.integers(0, 200))
@settings(max_examples=40, deadline=None)
def test_any_table_is_aligned_and_well_formed(drawn, width):
    table = Table(drawn, {record.id: HOSTILE for record in drawn[:1]}, HOSTILE)
    lines = table.text(width).split("\n")
    if drawn:
        assert max(columns(line) for line in lines[1:]) == columns(lines[2])
        assert "\x1b" not in table.text()
    Reader(table.html())
    Reader(Totals(drawn).html())
    assert "\n" not in Totals(drawn).text()


def test_a_wide_source_line_gives_way_first():
    drawn = [record(GPU, execution_count=1, label="長い" * 60)]
    text = Table(drawn).text(width=80)
    assert max(columns(line) for line in text.split("\n")) <= 80
    assert "…" in text


def test_totals_in_one_line():
    drawn, _ = run()
    assert Totals(drawn).text() == (
        "≥ 1.27 kJ ± 0.03 so far · > 99 % measured · 5 cells, 3 min 45 s · 3.0 J of it between cells · "
        "1 without a reading, not in the sum"
    )
    assert repr(Totals([])) == "no reading yet · 0 cells · %energy doctor"


def test_a_device_that_is_missing_in_a_figure_is_said_beside_it():
    lost = replace(GPU, key="nvidia:b", joules=None, uncertainty=None, note="The GPU is lost.")
    cut = record(GPU, lost, execution_count=2, status="error")
    drawn = [record(GPU, execution_count=1), cut, record(GPU, lost, parent=cut.id, span="window"), record(lost)]
    lines = Table(drawn).text().split("\n")
    assert not lines[2].endswith("counted")
    assert lines[3].endswith("  error, 1 of 2 devices not counted")
    assert lines[4].endswith("  1 of 2 devices not counted")
    assert lines[5].split()[1:4] == ["–", "–", "no"]
    assert not lines[5].endswith("counted"), "without any reading there is no sum that lacks a device"
    assert lines[-1].endswith("  1 with a device not counted"), "what lies inside another is not named twice"
    assert "1 of 2 devices not counted</td>" in Table(drawn).html()
    assert Totals(drawn).text().endswith("· 1 without a reading, not in the sum · 1 with a device not counted")
    assert "not counted" not in Totals(drawn[:1]).text() + Table(drawn[:1]).text()


def test_a_total_counts_what_lies_within_another_once():
    outer = record(GPU)
    inner = record(GPU, span="window", parent=outer.id)
    alone = record(GPU, span="window", parent="a record that is not here")
    assert total([outer, inner]).joules == pytest.approx(11.2)
    assert total([inner, outer, alone]).joules == pytest.approx(22.4)
    assert total([record(GPU, id="x", parent="x")]).joules == pytest.approx(11.2)


def test_gain_errors_of_one_sensor_add_up_and_random_ones_do_not():
    many = [record(replace(GPU, joules=10.0, uncertainty=0.5, gain_uncertainty=0.4)) for _ in range(100)]
    assert total(many).uncertainty == pytest.approx((100 * 0.3**2 + 40.0**2) ** 0.5)


def test_totals_leave_simulated_records_out_of_real_ones():
    mixed = Totals([record(GPU), record(simulated(GPU)), record(simulated(GPU))])
    assert mixed.sum.joules == pytest.approx(11.2)
    assert mixed.text() == "11.2 J ± 0.3 so far · measured · 1 cell, 1.83 s · 2 simulated left out"
    assert "· simulated ·" in Totals([record(simulated(GPU))]).text()


def test_totals_below_resolution_and_of_estimates():
    assert Totals([states()["below"]]).text().startswith("≤ 0.8 J so far")
    estimated = Totals([states()["estimated"]])
    assert estimated.text() == "~20 J ± 8 so far · estimated · 1 cell, 1.30 s"
    assert "%energy doctor" in estimated.html()
