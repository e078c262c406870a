"""The course of power: gaps stay gaps, simulated stays said, in the picture and in the line of text."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings

from jupyter_green.records import Trace
from jupyter_green.reporting import sparkline, svg
from jupyter_green.reporting.record.power_chart import summary, thinned
from tests.reporting.arbitrary import TRACES
from tests.support.record_states import HOSTILE, TRACE

SVG = "{http://www.w3.org/2000/svg}"


@given(TRACES)
@settings(deadline=None)
def test_any_trace_is_a_well_formed_picture_and_text(trace):
    # XML knows fewer signs than HTML; what can't be written there is replaced before.
    root = ElementTree.fromstring(svg(trace, standalone=True))
    assert root.find(f"{SVG}title") is not None
    assert root.findtext(f"{SVG}desc") == summary(trace)
    for path in re.findall(' d="([^"]*)"', svg(trace)):
        assert re.fullmatch(r"[MHVZ0-9.,]+", path), path
    lines = sparkline(trace).split("\n")
    assert len(lines) == (len(trace.series) + trace.simulated if trace.series else 1)


def test_a_gap_in_the_readings_is_a_gap_in_the_line():
    whole = Trace({"GPU": tuple((float(i), 5.0) for i in range(10))}, 10.0)
    cut = Trace({"GPU": tuple((float(i), None if 3 <= i < 6 else 5.0) for i in range(10))}, 10.0)
    lines = [re.findall(r'<path d="(M[^"]*)" stroke="var', svg(trace)) for trace in (whole, cut)]
    assert [len(found) for found in lines] == [1, 2]
    before, after = lines[1]
    assert before.endswith("H300.0")
    assert after.startswith("M600.0,")
    assert sparkline(cut, width=10) == "GPU  ███   ████  up to 5.0 W"
    assert sparkline(whole, width=10) == "GPU  ██████████  up to 5.0 W"


def test_each_device_has_a_lane_with_its_name_and_peak():
    drawn = svg(TRACE)
    assert ">GPU 0, RTX A500</text>" in drawn
    assert ">CPU</text>" in drawn
    assert ">peak 32\u202fW</text>" in drawn
    assert ">peak 4.0\u202fW</text>" in drawn
    assert drawn.count("<svg ") == 3
    assert 'role="img" aria-label="Power over 6.0' in drawn


def test_a_simulated_course_says_so_inside_the_picture():
    unreal = Trace(TRACE.series, TRACE.seconds, simulated=True)
    for standalone in (False, True):
        assert ">simulated</text>" in svg(unreal, standalone=standalone)
        assert ">simulated</text>" not in svg(TRACE, standalone=standalone)
    assert "Simulated power" in svg(unreal)
    assert sparkline(unreal).startswith("simulated power\n")


def test_a_picture_that_leaves_the_page_brings_its_own_ground_and_colours():
    alone = svg(TRACE, standalone=True)
    assert 'fill="#ffffff"' in alone
    assert "currentColor" not in alone
    assert 'width="560"' in alone
    assert "#ffffff" not in svg(TRACE)


def test_names_from_outside_stay_text():
    drawn = svg(Trace({HOSTILE: ((0.0, 1.0), (1.0, 2.0))}, 2.0), standalone=True)
    tags = {node.tag.removeprefix(SVG) for node in ElementTree.fromstring(drawn).iter()}
    assert tags == {"svg", "title", "desc", "rect", "g", "text", "path"}


def test_nothing_to_draw_is_said():
    assert sparkline(Trace({}, 1.0)) == "no readings"
    assert "no readings" in svg(Trace({}, 1.0))
    empty = Trace({"GPU": ((0.0, None),)}, 1.0)
    assert "GPU  no readings" in sparkline(empty)
    assert summary(empty).replace("\u202f", " ") == "Power over 1.00 s: GPU no readings"


@given(TRACES)
@settings(deadline=None)
def test_thinning_keeps_devices_and_bounds(trace):
    thin = thinned(trace, 60)
    assert thin.simulated == trace.simulated
    assert set(thin.series) == set(trace.series)
    assert sum(map(len, thin.series.values())) <= max(60, 2 * len(trace.series))


def test_thinning_keeps_a_gap():
    points = tuple((0.1 * i, None if 300 <= i < 600 else 7.0) for i in range(1000))
    means = [w for _, w in thinned(Trace({"a": points}, 100.0), 100).series["a"]]
    assert means[:30] == pytest.approx([7.0] * 30)
    assert means[30:60] == [None] * 30
    assert means[60:] == pytest.approx([7.0] * 40)
