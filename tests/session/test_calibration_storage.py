"""Calibrations in their file, on the bench and through ``%energy calibrate``, on the simulated driver."""

from __future__ import annotations

import json
import os
import re
import stat
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from jupyter_green.metering.calibration.model import Calibration
from jupyter_green.sensors import Reading, SensorInfo
from jupyter_green.session.calibration_storage import (
    CalibrationError,
    forget,
    keep,
    kept_calibrations,
    known_calibrations,
)
from jupyter_green.storage.location import data_folder
from tests.support.kernel import Kernel, running
from tests.support.script import run

FOUND = Calibration(0.012, 0.001, 1.0, 0.1, 0.0, 32, idle_watts=60.0, busy_watts=360.0)
TRAITS = SensorInfo(
    key="nvidia:GPU-1",
    kind="gpu",
    device="GPU 0",
    method="counter",
    quality="measured",
    scope="whole board",
    source="nvidia",
    driver="570.1",
)
ROOT = str(Path(__file__).resolve().parents[2])


class Quiet:
    """A sensor that is only asked what it is."""

    def __init__(self, traits: SensorInfo) -> None:
        self.traits = traits

    def read(self) -> Reading:
        raise NotImplementedError

    def close(self) -> None:
        pass


def known(traits: SensorInfo = TRAITS) -> Calibration | None:
    found, problem = known_calibrations([Quiet(traits)])
    assert problem is None
    return found.get(traits.key)


# ---- the file ---------------------------------------------------------------------------------------------


def test_what_was_kept_is_known_under_the_same_driver_alone() -> None:
    assert known() is None
    keep(TRAITS, FOUND)
    keep(replace(TRAITS, key="nvidia:GPU-2"), replace(FOUND, duty=0.25))
    assert known() == FOUND
    assert known(replace(TRAITS, driver="580.0")) is None
    assert known(replace(TRAITS, key="nvidia:GPU-3")) is None
    assert known(replace(TRAITS, method="power")) is None
    keep(TRAITS, replace(FOUND, gain=0.95, gain_doubt=0.02))
    assert known() == replace(FOUND, gain=0.95, gain_doubt=0.02)
    assert forget(TRAITS) is True
    assert forget(TRAITS) is False
    assert known() is None
    assert known(replace(TRAITS, key="nvidia:GPU-2")) == replace(FOUND, duty=0.25)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        '{"version": 2, "devices": {}}',
        '{"version": 1, "devices": []}',
        '{"version": 1, "devices": {"nvidia:GPU-1": 3}}',
        '{"version": 1, "devices": {"nvidia:GPU-1": {"driver": "570.1"}}}',
        '{"version": 1, "devices": {"nvidia:GPU-1": {"driver": "570.1", "found": {"latency": 0.01}}}}',
        "duty 0",
        "latency -1",
        "latency 12",
        "latency NaN",
        "latency true",
        'latency "soon"',
        "gain 0",
        "duty 1e400",
        f"period {'9' * 500}",
    ],
)
def test_a_file_that_makes_no_sense_is_one_sentence(text: str) -> None:
    keep(TRAITS, FOUND)
    path = data_folder() / "calibration.json"
    if text and text[0].isalpha():
        name, _, value = text.partition(" ")
        held = json.loads(path.read_text())
        held["devices"][TRAITS.key]["found"][name] = "HERE"
        text = json.dumps(held).replace('"HERE"', value)
    path.write_text(text)
    found, problem = known_calibrations([Quiet(TRAITS)])
    assert found == {}
    assert problem is not None
    assert problem.endswith("delete the file.")
    assert str(path) in problem
    assert "\n" not in problem


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="rights don't bind here")
def test_a_folder_that_takes_no_file_is_one_sentence() -> None:
    data_folder().mkdir(parents=True)
    data_folder().chmod(stat.S_IRUSR | stat.S_IXUSR)
    with pytest.raises(CalibrationError, match="can't be kept"):
        keep(TRAITS, FOUND)


def test_all_that_is_kept_is_told_under_whatever_driver() -> None:
    keep(TRAITS, FOUND)
    keep(replace(TRAITS, key="nvidia:GPU-2", driver="535.0"), FOUND)
    kept = kept_calibrations()
    assert [(one.key, one.device, one.driver, one.found) for one in kept] == [
        (TRAITS.key, "GPU 0", "570.1", FOUND),
        ("nvidia:GPU-2", "GPU 0", "535.0", FOUND),
    ]
    path = data_folder() / "calibration.json"
    held = json.loads(path.read_text())
    for entry in held["devices"].values():
        entry["found_at"] = 1e300
    path.write_text(json.dumps(held))
    assert [one.found_at for one in kept_calibrations()] == [None, None]


def test_a_file_in_the_folders_place_is_one_sentence() -> None:
    data_folder().parent.mkdir(parents=True, exist_ok=True)
    data_folder().write_text("mine")
    with pytest.raises(CalibrationError, match="can't be"):
        keep(TRAITS, FOUND)
    assert data_folder().read_text() == "mine"


# ---- the bench --------------------------------------------------------------------------------------------

DRIVER = """
import pathlib, time
from tests.support.driver import SimulatedDriver
driver = SimulatedDriver(pathlib.Path({folder!r}))
driver.board({board})
driver.preload()
def load(seconds):
    start, end = driver.busy({watts}, seconds)
    while time.perf_counter() < end: time.sleep(0.002)
    return start, end
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the simulated driver runs on Linux")
def test_a_part_time_counter_on_the_bench(tmp_path: Path) -> None:
    script = (
        DRIVER.format(folder=str(tmp_path), board="latency=0.007, duty=0.025", watts=350.0)
        + """
from dataclasses import asdict
from jupyter_green.metering.calibration.fit import calibration_of
from jupyter_green.session.calibration_runner import observe
sensor = current().discovery.sensors[0]
seen = observe(sensor, load, 12)
print(json.dumps(asdict(calibration_of(seen.ticks, seen.loads))))
"""
    )
    found = run(script, PYTHONPATH=ROOT)
    assert found["duty"] == pytest.approx(0.25, abs=0.1)
    assert abs(found["latency"] - 0.007) <= found["latency_doubt"]
    assert found["period"] == pytest.approx(0.1, rel=1e-3)


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    folder = tmp_path_factory.mktemp("calibrate")
    with running(folder) as kernel:
        code = DRIVER.format(folder=str(folder / "driver"), board="latency=0.013", watts=300.0)
        for source in (code, "%load_ext jupyter_green"):
            outcome = kernel.run(source)
            assert outcome.status == "ok", outcome.text()
        yield kernel


TELL = (
    "[(t.latency_low, t.latency, t.duty, t.scale, t.driver) "
    "for t in __import__('jupyter_green.session', fromlist=['x']).current().meter.traits if t.kind == 'gpu'][0]"
)


def calibrated(kernel: Kernel) -> str:
    """The doctor's line on the calibration."""
    lines = kernel.run("%energy doctor").text().splitlines()
    return next(line.strip() for line in lines if line.strip().startswith("Calibrated on "))


@pytest.mark.shell
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the simulated driver runs on Linux")
class TestMagic:
    """In the order of a person's steps, in one kernel."""

    def test_without_a_load_it_says_so(self, kernel: Kernel) -> None:
        outcome = kernel.run("%energy calibrate")
        assert outcome.reply["ename"] == "UsageError"
        assert "There is no known load for GPU 0" in outcome.text()
        assert "Nothing was changed" in outcome.text()

    @pytest.mark.parametrize(
        ("options", "why"),
        [
            ("--wall 100 400", "First run %energy calibrate --hold"),
            ("--wall 100", "expected 2 arguments"),
            ("--wall cold hot", "invalid float"),
            ("--device 7", "0 to 0"),
            ("--device x", "invalid int"),
            ("--stretches 2", "6 or more"),
            ("--hold 1", "4 seconds or more"),
            ("--efficiency 0.9", "goes with --wall"),
            ("--frobnicate", "unrecognized"),
            ("now", "unrecognized"),
        ],
    )
    def test_a_mistake_is_one_sentence(self, kernel: Kernel, options: str, why: str) -> None:
        outcome = kernel.run(f"%energy calibrate {options}")
        assert outcome.reply["ename"] == "UsageError"
        assert why in outcome.text()
        assert len(outcome.text().strip().splitlines()) == 1
        assert "Traceback" not in outcome.text()

    def test_it_says_what_it_does_and_what_it_found_and_the_next_load_uses_it(self, kernel: Kernel) -> None:
        assert kernel.json(TELL)[:3] == [0.0, 0.03, 1.0]
        give = "from jupyter_green.magics.energy.known_load import loads\nloads.insert(0, lambda traits: load)"
        assert kernel.run(give).status == "ok"
        outcome = kernel.run("%energy calibrate --stretches 8 --hold 4")
        assert outcome.status == "ok", outcome.text()
        lines = outcome.text().strip().splitlines()
        assert lines[0].startswith("Calibrating GPU 0, Simulated GPU A10: 8 stretches of full load in about ")
        assert "using at most" in lines[0]
        assert "read the wall meter" in lines[1]
        assert "simulated, 16 edges" in lines[3]
        assert "samples continuously" in lines[3]
        shown = re.search(r"The counter showed (\d+) W and (\d+) W; add what the wall meter showed", lines[4])
        assert shown is not None
        assert [float(watts) for watts in shown.groups()] == pytest.approx([70.0, 300.0], rel=0.02)
        assert kernel.json(TELL)[:2] == [0.0, 0.03], "what a session uses does not change under it"
        assert calibrated(kernel).endswith("; used from the next %reload_ext on")
        assert kernel.run("%reload_ext jupyter_green").status == "ok"
        low, high, duty, scale, _ = kernel.json(TELL)
        assert low <= 0.013 <= high
        assert high - low < 0.01
        assert (duty, scale) == (1.0, 1.0)
        told = calibrated(kernel)
        assert "samples continuously and ticks every" in told
        assert told.split(": ")[1] in lines[3], "the doctor says what was said when it was found"
        (record,) = kernel.run("%%energy\nimport time; time.sleep(0.3)").records
        assert record["components"][0]["quality"] == "simulated"

    def test_a_wall_meter_that_agrees_changes_nothing(self, kernel: Kernel) -> None:
        outcome = kernel.run("%energy calibrate --wall 120 375")
        assert outcome.status == "ok", outcome.text()
        assert "no correction is applied" in outcome.text()

    def test_a_wall_meter_that_contradicts_corrects(self, kernel: Kernel) -> None:
        outcome = kernel.run("%energy calibrate --wall 120 520 --efficiency 0.95")
        assert "corrected from the next" in outcome.text()
        kernel.run("%reload_ext jupyter_green")
        assert kernel.json(TELL)[3] == pytest.approx(400 * 0.95 / 230, rel=0.03)

    def test_what_was_found_under_another_driver_is_told_and_not_used(self, kernel: Kernel) -> None:
        path = kernel.folder / "data" / "jupyter_green" / "calibration.json"
        text = path.read_text()
        held = json.loads(text)
        (entry,) = held["devices"].values()
        entry["driver"] = "1.0"
        path.write_text(json.dumps(held))
        lines = kernel.run("%energy doctor").text().splitlines()
        assert any("under driver 1.0, now" in line and "not used" in line for line in lines)
        path.write_text(text)

    def test_forgetting(self, kernel: Kernel) -> None:
        assert "is deleted" in kernel.run("%energy calibrate --forget").text()
        assert "has no calibration" in kernel.run("%energy calibrate --forget").text()
        kernel.run("%reload_ext jupyter_green")
        assert kernel.json(TELL)[:4] == [0.0, 0.03, 1.0, 1.0]

    def test_too_weak_a_load_changes_nothing(self, kernel: Kernel) -> None:
        weak = ["def load(seconds):", "start = time.perf_counter()", "time.sleep(seconds)"]
        kernel.run("\n    ".join([*weak, "return start, time.perf_counter()"]))
        outcome = kernel.run("%energy calibrate --stretches 6")
        assert outcome.reply["ename"] == "UsageError"
        assert "too little to calibrate" in outcome.text()
        assert "Nothing was changed" in outcome.text()
        assert "has no calibration" in kernel.run("%energy calibrate --forget").text()
