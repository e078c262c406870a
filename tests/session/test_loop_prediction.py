"""Prediction of a loop's joules: its formula, and that its interval covers."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from jupyter_green.records.statistics import t_quantile
from jupyter_green.session.loop_prediction import Iterations, predict
from tests.support.driver import SimulatedDriver
from tests.support.script import run

STEADY = """
bar, told = green.track(range(60), file=open(os.devnull, "w")), []
began = time.perf_counter()
for number in bar:
    # Steps end on a clock: where each sleeps for itself, a machine that is busy for a while makes the loop unsteady.
    while (left := began + 0.1 * (number + 1) - time.perf_counter()) > 0:
        time.sleep(left)
    found = bar.prediction
    if found is not None and (not told or told[-1] != [found.joules, found.uncertainty]):
        told.append([found.joules, found.uncertainty])
print(json.dumps([bar.record.joules, bar.record.uncertainty, told]))
"""


def test_quantiles_are_students() -> None:
    # Tables of Student's t, two-sided 95 %.
    for freedom, value in ((1, 12.706), (5, 2.571), (12, 2.179), (20, 2.086), (60, 2.000), (1000, 1.962)):
        assert t_quantile(freedom) == pytest.approx(value, rel=0.003)


def test_the_warm_up_is_counted_but_not_extrapolated() -> None:
    prediction = predict([Iterations(1, 500.0), Iterations(1, 10.0), Iterations(1, 10.0)], total=10)
    assert prediction is not None
    assert prediction.joules == pytest.approx(500 + 9 * 10)
    assert prediction.uncertainty == pytest.approx(0.0, abs=1e-9)


def test_one_steady_stretch_gives_a_band_of_a_fifth() -> None:
    prediction = predict([Iterations(1, 5.0), Iterations(1, 10.0)], total=12)
    assert prediction is not None
    assert prediction.uncertainty == pytest.approx(0.2 * 100)


def test_nothing_is_predicted_from_the_warm_up_alone() -> None:
    assert predict([Iterations(1, 5.0)], total=12) is None


def test_nothing_is_left_to_predict_at_the_end() -> None:
    prediction = predict([Iterations(2, 5.0), Iterations(3, 8.0), Iterations(5, 12.0)], total=10)
    assert prediction is not None
    assert (prediction.joules, prediction.uncertainty) == (25.0, 0.0)


def test_the_interval_covers_steady_loops() -> None:
    covered = 0
    for seed in range(400):
        draw = random.Random(seed)
        energies = [draw.gauss(10.0, 1.0) for _ in range(60)]
        stretches = [Iterations(1, energy) for energy in energies[:8]]
        prediction = predict(stretches, total=60)
        assert prediction is not None
        covered += abs(prediction.joules - sum(energies)) <= prediction.uncertainty
    assert covered >= 0.92 * 400


def test_a_steady_loop_is_foretold_within_a_tenth_and_the_band_holds_it(tmp_path: Path) -> None:
    driver = SimulatedDriver(tmp_path / "driver")
    driver.board(ripple=0.0)
    driver.busy(300.0, 60.0)
    whole, uncertainty, told = run(STEADY, driver)
    assert len(told) >= 3
    for joules, uncertainty in told:
        assert abs(joules - whole) <= 0.10 * whole
        assert abs(joules - whole) <= uncertainty + uncertainty
