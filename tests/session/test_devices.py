"""Several devices at once: each against its own truth, the record as their sum, nested and overlapping windows."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.driver import SimulatedDriver
from tests.support.powercap import PowercapTree
from tests.support.script import run


@pytest.fixture
def driver(tmp_path: Path) -> SimulatedDriver:
    made = SimulatedDriver(tmp_path / "driver")
    made.board("A10", ripple=0.0)
    made.board("L4", chip="ada", ripple=0.0, phase=0.03)
    return made


def test_each_board_holds_against_its_own_truth_and_the_record_is_their_sum(driver: SimulatedDriver) -> None:
    first = driver.busy(400.0, 1.5, board=0, lead=3.0)
    driver.power([(first[0] + 0.5, 250.0), (first[1] + 0.5, 70.0)], board=1)
    told = run(
        f"""
while time.perf_counter() < {first[0]}: time.sleep(0.002)
with green.meter("outer") as outer:
    time.sleep(0.4)
    with green.meter("inner") as inner:
        time.sleep(0.8)
    time.sleep(0.6)
print(json.dumps([[w.opened.time, w.closed.time, w.record.to_dict()] for w in (outer, inner)]))
""",
        driver,
    )
    for start, end, record in told:
        boards = [part for part in record["components"] if part["kind"] == "gpu"]
        assert [part["device"] for part in boards] == ["GPU 0, Simulated GPU A10", "GPU 1, Simulated GPU L4"]
        for number, part in enumerate(boards):
            truth = driver.truth(number, start, end)
            assert abs(part["joules"] - truth) <= part["uncertainty"], (number, truth)
            assert part["uncertainty"] < 0.25 * truth
        everything = sum(part["joules"] for part in record["components"])
        assert record["joules"] == pytest.approx(everything)
    outer, inner = told
    assert inner[2]["parent"] == outer[2]["id"]
    assert inner[2]["joules"] < outer[2]["joules"]


def test_overlapping_blocks_of_two_threads_are_each_right(driver: SimulatedDriver) -> None:
    begin, _ = driver.busy(300.0, 2.5, board=0, lead=3.0)
    told = run(
        f"""
while time.perf_counter() < {begin}: time.sleep(0.002)
windows = []
def block(before, length):
    time.sleep(before)
    with green.meter() as window: time.sleep(length)
    windows.append(window)
with green.meter("around") as around:
    threads = [threading.Thread(target=block, args=a) for a in ((0.1, 0.9), (0.5, 1.1))]
    for t in threads: t.start()
    for t in threads: t.join()
print(json.dumps([[w.opened.time, w.closed.time, w.record.to_dict()] for w in windows]))
""",
        driver,
    )
    assert len(told) == 2
    for start, end, record in told:
        part = record["components"][0]
        truth = driver.truth(0, start, end)
        assert abs(part["joules"] - truth) <= part["uncertainty"]
        assert part["uncertainty"] < 0.25 * truth


def test_packages_and_memory_are_added_and_the_cores_are_not(tmp_path: Path) -> None:
    tree = PowercapTree(tmp_path / "powercap")
    tree.package(0)
    tree.part(0, "dram")
    tree.part(0, "core")
    with tree.live("--watts", "50"):
        told = run(
            """
with green.meter() as window: time.sleep(1.2)
print(json.dumps([window.record.to_dict(), window.closed.time - window.opened.time]))
""",
            JUPYTER_GREEN_POWERCAP=str(tmp_path / "powercap"),
        )
    record, _ = told
    assert sorted(part["kind"] for part in record["components"]) == ["cpu", "dram"]
    assert record["quality"] == "simulated"
    assert all(part["joules"] > 0 for part in record["components"])
