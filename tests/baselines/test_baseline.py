from __future__ import annotations

import json
import random
import statistics

import pytest

from jupyter_green.baselines.baseline import Baseline, Matching, spread
from tests.support.sample_cells import cell


def run(*cells, name: str = "old") -> Baseline:
    found = Baseline.of_run([one.with_(run_id=name) for one in cells], "last")
    assert found is not None
    return found


def joules(baseline: Baseline) -> dict[str | None, float]:
    return {one.cell_id: one.reading.joules for one in baseline.cells}


def test_a_cell_counts_by_its_last_execution_that_finished_well() -> None:
    found = run(cell(1.0, "a"), cell(2.0, "b"), cell(3.0, "a"), cell(9.0, "a", status="error"))
    assert joules(found) == {"b": 2.0, "a": 3.0}


@pytest.mark.parametrize(
    "left_out",
    [
        cell(1.0, status="interrupted"),
        cell(1.0, status="killed"),
        cell(None),
        cell(1.0, span="gap"),
        cell(1.0, parent="outer"),
        cell(1.0, final=False),
    ],
)
def test_what_did_not_finish_or_is_no_cell_makes_no_baseline(left_out) -> None:
    assert Baseline.of_run([left_out], "last") is None


def test_the_median_is_taken_cell_by_cell() -> None:
    runs = [
        run(cell(a, "a"), cell(b, "b", "other"), name=f"r{n}") for n, (a, b) in enumerate([(1, 9), (2, 8), (30, 7)])
    ]
    found = Baseline.median(runs)
    assert found is not None
    assert joules(found) == {"a": 2.0, "b": 8.0}
    assert found.runs == ("r0", "r1", "r2")
    assert found.cells[0].values == (1.0, 2.0, 30.0)


def test_of_an_even_number_the_median_lies_between_the_two_in_the_middle() -> None:
    found = Baseline.median([run(cell(value, "a"), name=str(value)) for value in (1.0, 2.0, 4.0, 50.0)])
    assert found is not None
    assert joules(found) == {"a": 3.0}


def test_runs_whose_cells_have_other_identities_meet_by_their_code() -> None:
    found = Baseline.median([run(cell(2.0, "new", "same"), name="1"), run(cell(4.0, "old", "same"), name="2")])
    assert found is not None
    assert joules(found) == {"new": 3.0}


def test_what_was_read_otherwise_is_left_out_of_a_median() -> None:
    estimated = cell(50.0, "a", method="model", quality="estimated", source="cpu", kind="cpu")
    found = Baseline.median([run(cell(2.0, "a"), name="1"), run(estimated, name="2"), run(cell(4.0, "a"), name="3")])
    assert found is not None
    assert joules(found) == {"a": 3.0}
    assert found.cells[0].values == (2.0, None, 4.0)


def test_a_first_execution_that_was_read_otherwise_is_kept_where_no_run_has_another() -> None:
    """A board that answers only from a cell's second execution on."""
    estimated = [cell(1.0, kind="cpu", method="model", source="model") for _ in range(2)]
    later = [cell(value) for value in (5.0, 7.0)]
    runs = [run(*pair, name=str(place)) for place, pair in enumerate(zip(estimated, later, strict=True))]
    found = Baseline.median(runs)
    assert found is not None
    assert joules(found) == {"a": 6.0}
    first = found.cells[0].first
    assert first is not None
    assert (first.joules, first.boundary == found.cells[0].reading.boundary) == (1.0, False)


def test_a_cell_of_an_older_run_alone_is_a_part_of_the_median_too() -> None:
    found = Baseline.median([run(cell(1.0, "a"), name="1"), run(cell(2.0, "b", "b"), name="2")])
    assert found is not None
    assert joules(found) == {"a": 1.0, "b": 2.0}


def test_runs_that_did_other_amounts_of_work_are_brought_to_the_newest_ones() -> None:
    few, many = (cell(j, "a", units=u, unit="images") for j, u in ((10.0, 100), (40.0, 200)))
    found = Baseline.median([run(few, name="1"), run(many, name="2")])
    assert found is not None
    assert joules(found) == {"a": pytest.approx(15.0)}  # 10 J and 40 J / 2


@pytest.mark.parametrize("count", [2, 3, 4, 5])
def test_one_more_value_lies_within_the_spread_as_often_as_said(count: int) -> None:
    draw = random.Random(count)
    hits = 0
    for _ in range(4000):
        *values, new = (draw.gauss(10, 1) for _ in range(count + 1))
        hits += abs(new - statistics.median(values)) <= spread(values)
    assert 0.94 <= hits / 4000 <= 0.96
    assert spread([10.0]) == spread([]) == 0.0


def test_a_baseline_comes_back_from_json_as_it_was() -> None:
    found = Baseline.median(
        [run(cell(1.0, "a", random=float("inf")), cell(2.0, None, "b"), name="1"), run(cell(3.0, "a"))]
    )
    assert found is not None
    text = json.dumps(found.to_dict(), allow_nan=False)
    again = Baseline.from_dict(json.loads(text), "named", "kept")
    assert again.cells == found.cells
    assert (again.kind, again.name, again.runs, again.made_at) == ("named", "kept", found.runs, found.made_at)


@pytest.mark.parametrize(
    "data",
    [
        None,
        [],
        {},
        {"format": "jupyter_green.baseline", "version": 2},
        {"format": "jupyter_green.baseline", "version": 1},
    ],
)
def test_what_is_no_baseline_is_said_to_be_none(data) -> None:
    with pytest.raises(ValueError, match=r"its? "):
        Baseline.from_dict(data, "file", "x")


def test_figures_that_can_t_be_are_refused() -> None:
    data = run(cell(1.0)).to_dict()
    for wrong in (float("nan"), float("inf")):
        data["cells"][0]["reading"]["parts"][0]["joules"] = wrong
        with pytest.raises(ValueError, match="impossible value"):
            Baseline.from_dict(data, "file", "x")


# ---- matching -------------------------------------------------------------------------------------


def test_identity_goes_before_code() -> None:
    old = run(cell(1.0, "a", "same"), cell(2.0, "b", "same"))
    found = Matching(old).find("b", "b", "edited")
    assert found is not None
    assert found.reading.joules == 2.0


def test_the_same_code_in_several_cells_is_taken_in_order_and_stays_so() -> None:
    matching = Matching(run(cell(1.0, "a", "same"), cell(2.0, "b", "same")))
    first, second, copy = (matching.find(key, key, "same") for key in ("x", "y", "z"))
    assert [one and one.reading.joules for one in (first, second, copy)] == [1.0, 2.0, 1.0]
    assert matching.find("y", "y", "same") is second


def test_a_copy_beside_its_original_has_the_original_s_history() -> None:
    matching = Matching(run(cell(1.0, "a", "same")))
    original, copy = matching.find("a", "a", "same"), matching.find("copy", "copy", "same")
    assert original is copy is not None


def test_what_was_never_there_is_not_found() -> None:
    matching = Matching(run(cell(1.0, "a", "same")))
    assert matching.find("b", "b", "other") is None
    assert matching.find("#1", None, None) is None
