from __future__ import annotations

import json
import math
import random
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jupyter_green.baselines.baseline import Baseline
from jupyter_green.baselines.comparison import SAME, Comparison
from jupyter_green.baselines.messages import difference, difference_sentence
from tests.support.sample_cells import cell


def held(ours, *old, tolerance: float = 0.0):
    """Hold one cell against a baseline of one run."""
    baseline = Baseline.of_run(old, "last")
    assert baseline is not None
    return Comparison(baseline, tolerance).take("a", ours)


def test_a_difference_beyond_both_intervals_is_called_one() -> None:
    found = held(cell(60.0, random=1.0), cell(100.0, random=1.0))
    assert found.verdict == "less"
    assert found.difference == -40.0
    assert found.difference_uncertainty == pytest.approx(math.sqrt(2))
    assert found.ratio == pytest.approx(-0.4)
    assert (found.excess, found.saved) == (0.0, 40.0)
    assert held(cell(130.0, random=1.0), cell(100.0, random=1.0)).verdict == "more"


def test_a_difference_within_the_intervals_is_not_called_one() -> None:
    found = held(cell(101.0, random=1.0), cell(100.0, random=1.0))
    assert found.verdict == "unproven"
    assert found.difference == 1.0


def usual(*joules: float, **changes):
    """The median of runs of one cell."""
    found = Baseline.median([Baseline.of_run([cell(j, run_id=str(j), **changes)], "last") for j in joules])
    assert found is not None
    return found


def test_what_a_sensor_does_wrong_on_both_sides_cancels_once_runs_are_known_to_be_alike() -> None:
    """A counter that may be off by 10 % still tells 90 J from 100 J, for it is off by the same share in both."""
    ours = cell(90.0, random=0.1, gain=9.0)
    assert Comparison(usual(100.0, 100.1, 99.9, random=0.1, gain=10.0)).take("a", ours).verdict == "less"
    alone = held(ours, cell(100.0, random=0.1, gain=10.0))
    assert alone.verdict == "unproven"
    assert alone.difference_uncertainty == pytest.approx(math.hypot(0.1, 0.1, 9.0, 10.0))


MODEL: dict = {"method": "model", "quality": "estimated", "source": "cpu", "kind": "cpu", "random": 0.0}


def timed(joules: float, *, busy: float | None = 0.0, code: str = "code", device: str = "CPU, a", **changes):
    """A cell whose energy is only estimated, 7 W a core good to ±70 %, beside others that keep so many cores busy."""
    made = cell(joules, code=code, gain=0.7 * joules, **{**MODEL, **changes})
    known = replace(made.components[0], device=device, cpu_seconds=joules / 7, others_busy=busy)
    return made.with_(components=(known,))


def usually(*joules: float, busy: float | None = 0.0, **changes) -> Baseline:
    """The median of runs of one cell whose energy is only estimated."""
    runs = [Baseline.of_run([timed(j, busy=busy, run_id=str(j), **changes)], "last") for j in joules]
    found = Baseline.median([run for run in runs if run is not None])
    assert found is not None
    return found


def test_processor_time_is_compared_where_energy_is_only_estimated_from_it() -> None:
    """The model may be ±70 % off, in both runs alike: half the epochs are told, in code that was edited for it."""
    found = Comparison(usually(100.0, 103.0, 98.0, busy=0.5)).take("a", timed(43.0, busy=0.5, code="edited"))
    assert (found.verdict, found.basis) == ("less", "cpu_time")
    assert found.ratio == pytest.approx(-0.57)
    assert found.ratio_uncertainty is not None
    assert found.ratio_uncertainty < 0.3
    assert Comparison(usually(100.0, 103.0, 98.0, busy=0.5)).take("a", timed(106.0, busy=0.5)).verdict == "unproven"


@pytest.mark.parametrize("busy", [0.5, None])
def test_one_run_beside_one_is_no_proof_on_a_machine_that_others_use(busy: float | None) -> None:
    for ours in (5.0, 20.0, 100.0):
        found = Comparison(usually(20.0, busy=busy)).take("a", timed(ours, busy=busy))
        assert (found.verdict, found.reason) == ("unproven", "one run")
    assert Comparison(usually(20.0, busy=0.0)).take("a", timed(9.0, busy=busy)).reason == "one run"
    assert Comparison(usually(20.0)).take("a", timed(9.0)).verdict == "less"  # nobody else was there


def test_a_load_that_only_one_side_bore_widens_the_interval() -> None:
    quiet = usually(100.0, 101.0, 99.0, busy=0.0)
    assert Comparison(quiet).take("a", timed(135.0, busy=0.0)).verdict == "more"
    assert Comparison(quiet).take("a", timed(135.0, busy=0.9)).verdict == "unproven"


def test_a_small_cell_is_not_told_by_what_any_cell_may_take_longer() -> None:
    """10 ms once and 21 ms later: a collection of memory, not +110 %."""
    assert Comparison(usually(0.07, 0.071, 0.069)).take("a", timed(0.15)).verdict == "unproven"


def test_first_executions_are_held_against_first_ones() -> None:
    run = [timed(50.0, run_id="old"), *(timed(20.0 + n / 10, run_id="old") for n in range(4))]
    old = Baseline.of_run(run, "last")
    assert old is not None
    comparison = Comparison(old)
    assert comparison.take("a", timed(51.0)).verdict == "unproven"
    assert comparison.take("a", timed(20.5)).verdict == "unproven"
    assert comparison.take("a", timed(50.0)).verdict == "more"
    assert old.cells[0].repeats == pytest.approx((20.0, 20.1, 20.2, 20.3))
    assert Baseline.from_dict(old.to_dict(), "last", None) == old


def test_repeats_that_lie_far_apart_widen_the_interval() -> None:
    runs = [[timed(50.0 + n, run_id=str(n)), *(timed(j, run_id=str(n)) for j in (20.0, 35.0, 27.0))] for n in range(2)]
    old = Baseline.median([made for run in runs if (made := Baseline.of_run(run, "last")) is not None])
    assert old is not None
    comparison = Comparison(old)
    comparison.take("a", timed(50.0))
    assert comparison.take("a", timed(40.0)).verdict == "unproven"


def test_processor_times_of_two_machines_are_not_compared() -> None:
    """Another processor's seconds are others: only the energies are left, with all that the models may be wrong."""
    found = Comparison(usually(100.0, 101.0, 99.0, device="CPU, b")).take("a", timed(50.0, code="edited"))
    assert (found.verdict, found.basis) == ("unproven", "energy")


def test_a_table_of_watts_that_changed_since_is_no_difference() -> None:
    old = usually(100.0, 101.0, 99.0)
    same_work = timed(100.0)
    twice = replace(same_work.components[0], joules=200.0, gain_uncertainty=140.0, uncertainty=140.0)
    found = Comparison(old).take("a", same_work.with_(components=(twice,)))
    assert found.verdict == "unproven"
    assert found.ratio == pytest.approx(0.0)


def test_sums_of_processor_time_come_and_go() -> None:
    comparison = Comparison(usually(20.0, busy=0.9))
    comparison.take("a", timed(10.0, busy=0.9))
    assert comparison.total().reason == "one run"
    comparison.take("a", timed(0.0, method="counter", quality="measured"))
    again = comparison.take("a", timed(10.0, busy=0.9), again=True)
    assert comparison.total().difference_uncertainty == pytest.approx(again.difference_uncertainty)


def test_a_kept_run_has_the_spread_of_the_runs_around_it() -> None:
    kept = Baseline.of_run([cell(50.0, gain=5.0, random=0.1)], "named", "it")
    assert kept is not None
    ours = cell(45.0, gain=4.5, random=0.1)
    assert Comparison(kept).take("a", ours).verdict == "unproven"
    steady = kept.steadied(usual(100.0, 100.2, 99.8, gain=10.0, random=0.1))
    assert steady.cells[0].values == pytest.approx((50.0, 50.1, 49.9))
    assert Comparison(steady).take("a", ours).verdict == "less"
    assert Comparison(kept.steadied(usual(100.0, 130.0, 90.0))).take("a", ours).verdict == "unproven"
    assert kept.steadied(usual(100.0, 101.0, code="other")).cells == kept.cells


def test_an_edited_cell_measured_by_a_counter_is_compared_and_marked() -> None:
    found = held(cell(50.0, code="edited"), cell(100.0))
    assert found.verdict == "less"
    assert found.edited


@pytest.mark.parametrize(
    ("ours", "why"),
    [
        (cell(9.0, status="error"), "error"),
        (cell(9.0, status="interrupted"), "interrupted"),
        (cell(9.0, status="killed"), "killed"),
        (cell(None), "no reading"),
        (cell(9.0, "other", "other"), "no baseline"),
        (cell(9.0, quality="simulated"), "other devices"),
        (cell(9.0, source="rapl", kind="cpu"), "other devices"),
        (cell(9.0, shared=True), "shared"),
        (cell(9.0, random=10.0), "too short"),
    ],
)
def test_what_is_not_alike_is_not_compared_and_says_why(ours, why: str) -> None:
    found = held(ours, cell(10.0))
    assert (found.verdict, found.reason) == ("none", why)
    assert found.difference is None
    assert (found.excess, found.saved) == (0.0, 0.0)


def test_a_processor_that_others_use_too_is_compared_all_the_same() -> None:
    package = {"kind": "cpu", "source": "rapl", "shared": True}
    assert held(cell(50.0, **package), cell(100.0, **package)).verdict == "less"


def test_more_work_is_granted_more() -> None:
    found = held(cell(150.0, units=200, unit="images"), cell(100.0, units=100, unit="images"))
    assert found.baseline == pytest.approx(200.0)
    assert found.verdict == "less"
    assert held(cell(150.0, units=200, unit="images"), cell(100.0, units=100, unit="tokens")).baseline == 100.0


def test_a_tolerance_moves_the_excess_and_not_the_difference() -> None:
    found = held(cell(104.0), cell(100.0), tolerance=0.05)
    assert found.verdict == "more"
    assert found.excess == 0.0
    assert held(cell(110.0), cell(100.0), tolerance=0.05).excess == pytest.approx(5.0)


def test_an_excess_over_the_tolerance_is_told_apart_from_it_too_and_what_is_tolerated_is_not_saved() -> None:
    near = held(cell(119.0, random=5.0), cell(105.0, random=5.0), tolerance=0.1)
    assert near.verdict == "more"  # than the baseline; whether than what is allowed is open
    assert near.excess == 0.0
    far = held(cell(175.0, random=5.0), cell(105.0, random=5.0), tolerance=0.5)
    assert far.excess == pytest.approx(17.5)
    assert held(cell(63.0, random=3.0), cell(105.0, random=3.0), tolerance=0.2).saved == pytest.approx(42.0)


# ---- the total ------------------------------------------------------------------------------------


def base(*values: float, random: float = 0.1) -> Baseline:
    found = Baseline.of_run([cell(v, str(n), str(n), random=random) for n, v in enumerate(values)], "last")
    assert found is not None
    return found


def test_the_total_is_compared_over_the_cells_run_so_far() -> None:
    comparison = Comparison(base(10.0, 20.0, 1000.0))
    comparison.take("0", cell(8.0, "0", "0"))
    comparison.take("1", cell(19.0, "1", "1"))
    comparison.take("9", cell(500.0, "9", "9"))
    found = comparison.total()
    assert comparison.compared == 2
    assert (found.baseline, found.difference) == (30.0, -3.0)


def test_a_cell_run_again_takes_the_place_of_the_one_before() -> None:
    comparison = Comparison(base(10.0))
    comparison.take("0", cell(8.0, "0", "0"))
    comparison.take("0", cell(12.0, "0", "0"))
    assert comparison.total().difference == pytest.approx(2.0)
    assert comparison.compared == 1


def test_an_execution_that_failed_leaves_the_finished_one_before_it_in_the_total() -> None:
    comparison = Comparison(base(10.0))
    comparison.take("0", cell(8.0, "0", "0"))
    comparison.take("0", cell(1.0, "0", "0", status="error"))
    assert comparison.total().difference == pytest.approx(-2.0)
    found = comparison.against("0")
    assert found is not None
    assert found.reason == "error"


def test_nothing_compared_is_no_saving() -> None:
    found = Comparison(base(10.0)).total()
    assert (found.verdict, found.excess, found.saved, found.baseline) == ("none", 0.0, 0.0, None)


@settings(max_examples=60)
@given(st.lists(st.tuples(st.integers(0, 5), st.floats(5, 100), st.floats(0.01, 2)), min_size=1, max_size=40))
def test_sums_kept_while_cells_come_and_go_are_those_of_the_last_executions(seen) -> None:
    grown, last, verdicts = Comparison(base(10, 20, 30, 40, 50, 60)), {}, {}
    counted = Comparison(grown.baseline)
    for place, joules, unsure in seen:
        last[place] = cell(joules, str(place), str(place), random=unsure)
        verdicts[str(place)] = grown.take(str(place), last[place])
        counted.add(str(place), last[place])
    assert {key: counted.against(key) for key in verdicts} == verdicts
    assert counted.total() == grown.total()
    fresh = Comparison(base(10, 20, 30, 40, 50, 60))
    for place, one in last.items():
        fresh.take(str(place), one)
    ours, theirs = grown.total(), fresh.total()
    assert grown.compared == fresh.compared
    assert ours.difference == pytest.approx(theirs.difference, abs=1e-6)
    assert ours.difference_uncertainty == pytest.approx(theirs.difference_uncertainty, rel=1e-6)


@pytest.mark.parametrize("cells", [1, 6])
def test_where_nothing_changed_a_difference_is_rarely_called(cells: int) -> None:
    """Sensor with a gain and noise of its own, work that varies from run to run: at most 5 % of runs are called."""
    draw = random.Random(cells)
    called = 0
    rounds = 1500
    for _ in range(rounds):
        gain = 1 + draw.gauss(0, 0.05)

        def once(name: str, gain: float = gain) -> list:
            common = draw.gauss(0, 0.03)
            return [
                cell(
                    100.0 * (1 + common + draw.gauss(0, 0.02)) * gain + draw.gauss(0, 0.5),
                    str(n),
                    str(n),
                    random=0.98,
                    gain=9.8,
                    run_id=name,
                )
                for n in range(cells)
            ]

        old = [Baseline.of_run(once(str(n)), "last") for n in range(5)]
        baseline = Baseline.median([one for one in old if one is not None])
        assert baseline is not None
        comparison = Comparison(baseline)
        for n, one in enumerate(once("now")):
            comparison.take(str(n), one)
        called += comparison.total().proven
    assert called / rounds <= 0.05


def test_a_real_saving_is_found() -> None:
    draw = random.Random(1)
    old = [
        Baseline.of_run([cell(100.0 + draw.gauss(0, 1), run_id=str(n), random=0.5, gain=5.0)], "last") for n in range(5)
    ]
    baseline = Baseline.median([one for one in old if one is not None])
    assert baseline is not None
    found = Comparison(baseline).take("a", cell(80.0, random=0.5, gain=4.0))
    assert found.verdict == "less"


def test_an_interval_that_is_not_known_proves_nothing() -> None:
    comparison = Comparison(base(1.0, random=float("inf")))
    found = comparison.take("0", cell(100.0, "0", "0"))
    assert (found.verdict, found.reason) == ("none", "too short")


def conditioned(joules: float, cell_id: str = "a", *, run_id: str = "now", **conditions):
    """A cell whose device was like that."""
    made = cell(joules, cell_id, random=0.5, run_id=run_id)
    return made.with_(components=(replace(made.components[0], **conditions),))


COOL: dict = {"celsius": 60.0, "clock_mhz": 1700.0, "clock_spread_mhz": 15.0, "throttle": ()}


@pytest.mark.parametrize(
    ("ours", "base", "reason"),
    [
        ({"throttle": ("thermal",)}, {}, "throttled"),
        ({"throttle": ("power_brake",)}, {}, "throttled"),
        ({}, {"throttle": ("hardware", "power_cap")}, "baseline throttled"),
        ({"clock_mhz": 1400.0}, {}, "other clocks"),
    ],
)
def test_what_was_throttled_on_one_side_alone_is_not_proven(ours: dict, base: dict, reason: str) -> None:
    """The difference of such a cell proves nothing; what other cells show beside it still does."""
    old = Baseline.of_run([conditioned(100.0, run_id="old", **{**COOL, **base})], "last")
    assert old is not None
    comparison = Comparison(Baseline.from_dict(json.loads(json.dumps(old.to_dict())), "last", None))  # as it is stored
    found = comparison.take("a", conditioned(50.0, **{**COOL, **ours}))
    assert (found.verdict, found.reason) == ("unproven", reason)
    assert found.difference == -50.0
    assert reason in difference(found)
    assert (comparison.total().verdict, comparison.total().reason) == ("unproven", reason)
    assert "No proven difference" in difference_sentence(comparison.total(), 1)
    # Run again under like conditions it is proven: nothing is left of the other.
    again = comparison.take("a", conditioned(50.0, **{**COOL, **base}))
    assert (again.verdict, again.reason, comparison.total().verdict) == ("less", None, "less")


@pytest.mark.parametrize(
    ("ours", "base"),
    [
        ({"throttle": ("thermal",)}, {"throttle": ("hardware",)}),
        ({"throttle": ("power_cap",)}, {"throttle": ("power_cap",)}),
        ({}, {"throttle": ("power_cap",), "clock_mhz": 1400.0}),
        ({"throttle": ("power_cap",)}, {}),
        ({"throttle": None}, {"throttle": ("thermal",)}),
        ({"clock_mhz": 1650.0}, {}),
        ({"clock_mhz": 1400.0, "clock_spread_mhz": None}, {}),
        ({"celsius": 85.0}, {}),
    ],
)
def test_conditions_that_were_alike_or_not_told_prove_as_before(ours: dict, base: dict) -> None:
    old = Baseline.of_run([conditioned(100.0, run_id="old", **{**COOL, **base})], "last")
    assert old is not None
    assert Comparison(old).take("a", conditioned(50.0, **{**COOL, **ours})).verdict == "less"


def test_a_throttled_cell_does_not_hide_what_the_others_prove() -> None:
    old = Baseline.of_run(
        [conditioned(j, name, run_id="old", **COOL) for name, j in (("a", 10.0), ("b", 100.0))], "last"
    )
    assert old is not None
    comparison = Comparison(old)
    comparison.take("a", conditioned(12.0, "a", **{**COOL, "throttle": ("thermal",)}))
    comparison.take("b", conditioned(50.0, "b", **COOL))
    total = comparison.total()
    assert (total.verdict, total.reason) == ("less", None)
    assert total.difference_uncertainty == pytest.approx(2.0, abs=1.5)


def test_a_run_is_not_compared_with_itself() -> None:
    """What was kept is no other run; what is run after it is compared."""
    record = cell(100.0)
    kept = Baseline.of_run([record], "named", "mine")
    assert kept is not None
    comparison = Comparison(kept)
    assert comparison.take("a", record).reason == SAME
    assert comparison.compared == 0
    assert comparison.take("a", cell(90.0), again=True).difference == -10.0
    assert comparison.compared == 1
