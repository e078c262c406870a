"""The pure parts of the accuracy benchmark: figures, tables, picture and scenes. What it finds is not tested."""

from __future__ import annotations

import math
import random
import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from itertools import pairwise

import pytest

from benchmarks import sheet
from benchmarks.callbacks import QUANTITIES, Costs
from benchmarks.callbacks import markdown as callback_table
from benchmarks.figures import CONTROL, Figure, Result, sums
from benchmarks.goals import GOALS, Goal, Score
from benchmarks.picture import BOTTOM, LINE, TOP, curves, picture
from benchmarks.scene import SCENES, SHAPES, board

SVG = "{http://www.w3.org/2000/svg}"


def result(meter: str, length: float, joules: float | None, half_width: float | None = None, **given) -> Result:
    facts = {"case": "alone", "shape": "square", "tick": 0.1, "group": 0, "seconds": length, "truth": 10.0}
    return Result(meter=meter, length=length, joules=joules, half_width=half_width, **{**facts, **given})


def test_a_figure_counts_errors_zeros_silence_and_coverage() -> None:
    said = [result("a", 1.0, joules, 1.0) for joules in (9.5, 10.0, 12.0, 0.0)] + [result("a", 1.0, None)]
    figure = Figure.of(said)
    assert figure is not None
    assert figure.count == 5
    assert figure.silent == pytest.approx(0.2)
    assert figure.zero == pytest.approx(0.2)
    assert figure.median == pytest.approx((0.05 + 0.2) / 2)
    assert figure.p95 == 1.0
    assert figure.coverage == 0.5
    assert figure.half_width == pytest.approx(0.1)


def test_a_meter_without_figures_has_none() -> None:
    assert Figure.of([]) is None
    assert Figure.of([result("a", 1.0, None)]) is None


def test_cells_in_a_row_add_up_only_where_each_has_a_figure() -> None:
    cells = [result("a", 1.0, 11.0, group=1), result("a", 1.0, 9.0, group=1)]
    cells += [result("a", 1.0, 10.0, group=2), result("a", 1.0, None, group=2)]
    first, second = sums(cells)
    assert (first.joules, first.truth) == (20.0, 20.0)
    assert second.joules is None


@pytest.mark.parametrize(
    ("fraction", "shown"),
    [(0.0, "0"), (1.0, "100"), (12.345, "1,234"), (0.0996, "10"), (0.0149, "1.5"), (0.00123, "0.12"), (1e-6, "<0.001")],
)
def test_per_cent_keeps_two_digits(fraction: float, shown: str) -> None:
    assert sheet.percent(fraction) == shown


def test_every_row_of_a_table_has_as_many_cells_as_its_head() -> None:
    results = [result(name, length, 9.0, 2.0) for name in ("a", "b", CONTROL) for length in (0.005, 2.0)]
    tables = [
        sheet.errors(results, ["a", "b", "c"], {"c": " (1)"}),
        sheet.shapes(results, ["a", "c"]),
        sheet.intervals([("alone", results)], ["a"]),
        sheet.runs(results, ["a", "c"], {}),
        sheet.costs(results, ["a", CONTROL]),
        sheet.goals([Score(goal, reason="no such case") for goal in GOALS] + [Score(GOALS[0], 1, coverage=1.0)]),
    ]
    for table in tables:
        lines = table.splitlines()
        assert len(lines) > 2
        assert len({line.count("|") for line in lines}) == 1, table
    assert "– (1)" in tables[0]
    assert "10 / 10" in tables[0]


def test_what_was_not_met_is_said_plainly() -> None:
    goal = Goal("alone", 0.1, error=0.01, width=0.03)
    assert "| met |" in sheet.goals([Score(goal, 10, error=0.01, coverage=0.93, width=0.03)])
    missed = sheet.goals([Score(goal, 10, error=0.011, coverage=0.92, width=0.031)])
    assert "**not met**: error, coverage, width" in missed


def test_costs_are_told_less_the_control() -> None:
    spent = [result("a", 0.1, 1.0, spent=0.005), result(CONTROL, 0.1, None, spent=0.002)]
    row = next(line for line in sheet.costs(spent, ["a", CONTROL]).splitlines() if line.startswith("| a "))
    assert "| 3.00 |" in row


def drawn() -> list[Result]:
    lengths = (0.005, 0.1, 10.0)
    names = ("jupyter_green", "Zeus", "pyJoules <&>", "EcoML", "CarbonTracker")
    return [result(name, length, 10.0 + 0.01 / length, 1.0) for name in names for length in lengths]


def test_the_picture_is_sound_and_says_that_it_is_simulated() -> None:
    results = drawn()
    names = list(dict.fromkeys(item.meter for item in results))
    root = ET.fromstring(picture(results, names))
    words = " ".join(text.text or "" for text in root.iter(f"{SVG}text"))
    assert "Simulated sensor" in words
    assert all(name in words for name in names)
    for part in ("title", "desc"):
        found = root.find(f"{SVG}{part}")
        assert found is not None
        assert "simulated" in (found.text or "").casefold()
        assert found.attrib["id"] in root.attrib["aria-labelledby"].split()
    style = root.find(f"{SVG}style")
    assert style is not None
    used = set(re.findall(r"var\((--[a-z]+)\)", picture(results, names)))
    light, dark = (style.text or "").split("prefers-color-scheme:dark")
    assert all(f"{name}:" in light and f"{name}:" in dark for name in used)


def test_names_in_the_picture_do_not_lie_over_each_other() -> None:
    results = drawn()
    names = list(dict.fromkeys(item.meter for item in results))
    root = ET.fromstring(picture(results, names))
    places = sorted(float(text.attrib["y"]) for text in root.iter(f"{SVG}text") if text.text in names)
    assert len(places) == len(names)
    assert all(b - a >= LINE - 0.11 for a, b in pairwise(places))
    assert min(places) >= TOP
    assert max(places) <= BOTTOM + LINE


def test_a_meter_that_said_nothing_has_no_line() -> None:
    assert curves([result("a", 1.0, None)], ["a"]) == []
    assert picture([result("a", 1.0, None)], ["a"]) == ""


@pytest.mark.parametrize("case", list(SCENES))
@pytest.mark.parametrize("shape", SHAPES)
def test_scenes_are_in_order_and_the_same_for_the_same_seed(case: str, shape: str) -> None:
    for seed in range(30):
        for length in (0.005, 0.1, 2.0):
            scene = SCENES[case](random.Random(seed), length, shape, 60.0)
            assert scene == SCENES[case](random.Random(seed), length, shape, 60.0)
            assert all(a.time < b.time for a, b in pairwise(scene.steps))
            assert all(a[1] < b[0] for a, b in pairwise(scene.windows))
            assert scene.windows[0][0] == 0.0
            assert scene.before >= scene.rest > 0
            assert all(0 < step.watts <= 650 for step in scene.steps)
            assert math.isclose(scene.after, scene.windows[-1][1])


def test_boards_are_drawn_by_seed() -> None:
    first = board(random.Random(1), "warm", 0.1)
    assert first == board(random.Random(1), "warm", 0.1)
    assert first != board(random.Random(2), "warm", 0.1)
    assert 0 <= first["latency"] <= 0.02


def test_a_window_without_a_figure_is_infinitely_wrong() -> None:
    assert replace(result("a", 1.0, 1.0), joules=None).error == math.inf


def test_costs_of_callbacks_stand_beside_a_plain_cell_and_the_other_checkout() -> None:
    def batches(cell: float) -> list[dict[str, float]]:
        return [dict.fromkeys((*QUANTITIES, "elapsed"), cell * (1 + turn % 2)) for turn in range(8)]

    costs = [Costs("plain", batches(1e-4)), Costs("metered", batches(3e-4), batches(2e-4))]
    plain, metered = (line.split(" | ") for line in callback_table(costs).splitlines()[2:4])
    assert plain[-3:] == ["1.00", "0.15 (0.15 … 0.15)", "– |"]
    assert metered[-3:] == ["3.00", "0.45 (0.45 … 0.45)", "1.50 |"]
    assert metered[1] == "450 (450 … 450)"
