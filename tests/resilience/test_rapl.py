"""Faults of the processor's energy counters, from the read of the file to the record in the ledger."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.resilience.bench import Bench, covered_or_unknown, ledger, right, unknown
from tests.support.driver import SimulatedDriver
from tests.support.planned_powercap import Counter, build
from tests.support.powercap import PowercapTree


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("library"))


@pytest.fixture
def tree(tmp_path: Path) -> PowercapTree:
    return PowercapTree(tmp_path / "powercap")


@pytest.fixture
def driver(tmp_path: Path) -> SimulatedDriver:
    """A board beside the package, which must stay right."""
    made = SimulatedDriver(tmp_path / "driver")
    made.board(ripple=0.0)
    return made


@pytest.fixture
def variables(library: Path, tree: PowercapTree, driver: SimulatedDriver) -> Mapping[str, str]:
    return {**driver.environment(), "LD_PRELOAD": str(library), "JUPYTER_GREEN_POWERCAP": str(tree.root)}


def test_a_window_is_right_and_called_simulated(variables: Mapping[str, str], tree: PowercapTree) -> None:
    counter = Counter(tree)
    with Bench(variables) as bench:
        for label in ("first", "second"):
            start = counter.plan([(0.0, 150.0), (0.5, 20.0)])
            told = bench.block(label, start, start + 0.5)
            right(told, counter.truth(told.start, told.end), kind="cpu")
            assert told.part("cpu")["quality"] == "simulated"
            assert told.part("cpu")["method"] == "counter"


def test_a_wrap_within_fifty_milliseconds(variables: Mapping[str, str], tree: PowercapTree) -> None:
    """10 J are 10 J, whatever the counter starts again from."""
    counter = Counter(tree, span=262_143.0, start=262_143.0 - 4.0, watts=0.0)
    with Bench(variables) as bench:
        start = counter.plan([(0.0, 200.0), (0.05, 0.0)])
        told = bench.block("wraps", start, start + 0.05)
        truth = counter.truth(told.start, told.end)
        part = told.part("cpu")
        assert part["joules"] is not None
        assert abs(part["joules"] - truth) <= part["uncertainty"]
        assert part["joules"] < 20.0


def test_several_wraps_in_one_window(variables: Mapping[str, str], tree: PowercapTree) -> None:
    counter = Counter(tree, span=100.0, limit=50.0, start=10.0, watts=5.0)
    with Bench(variables) as bench:
        start = counter.plan([(0.0, 90.0), (4.0, 5.0)])
        told = bench.block("wraps", start, start + 4.0)
        right(told, counter.truth(told.start, told.end), kind="cpu")
        assert told.part("cpu")["joules"] > 3 * 100.0


def test_a_reset_is_told_from_a_wrap(variables: Mapping[str, str], tree: PowercapTree) -> None:
    counter = Counter(tree)
    with Bench(variables) as bench:
        start = counter.plan([(0.0, 150.0), (1.0, 20.0)])
        counter.reset(start + 0.5)
        told = bench.block("reset", start, start + 1.0)
        unknown(told, "count was broken", kind="cpu")
        start = counter.plan([(0.0, 100.0), (0.6, 20.0)])
        told = bench.block("next", start, start + 0.6)
        right(told, counter.truth(told.start, told.end), kind="cpu")
    parts = [part for records in ledger().values() for record in records for part in record.components]
    assert all(part.joules is None or part.joules < 10_000.0 for part in parts), "a reset was counted as a wrap"


def test_a_reset_between_windows(variables: Mapping[str, str], tree: PowercapTree) -> None:
    counter = Counter(tree)
    with Bench(variables) as bench:
        start = counter.plan([(0.0, 150.0), (0.5, 20.0)])
        told = bench.block("before", start, start + 0.5)
        right(told, counter.truth(told.start, told.end), kind="cpu")
        counter.reset(time.perf_counter())
        start = counter.plan([(0.0, 100.0), (0.6, 20.0)])
        told = bench.block("next", start, start + 0.6)
        right(told, counter.truth(told.start, told.end), kind="cpu")


@pytest.mark.parametrize("side", ["before", "after"])
def test_a_read_of_ten_milliseconds(
    variables: Mapping[str, str], tree: PowercapTree, driver: SimulatedDriver, side: str
) -> None:
    counter = Counter(tree)
    counter.slow(0.0, 1e9, **{side: 0.01})
    with Bench(variables) as bench:
        driver.busy(400.0, 1.0, lead=0.3)
        start = counter.plan([(0.0, 150.0), (1.0, 20.0)])
        told = bench.block("slow", start, start + 1.0)
        right(told, counter.truth(told.start, told.end), kind="cpu")
        right(told, driver.truth(0, told.start, told.end))


@pytest.mark.parametrize("side", ["before", "after"])
def test_a_read_that_hangs(
    variables: Mapping[str, str], tree: PowercapTree, driver: SimulatedDriver, side: str
) -> None:
    counter = Counter(tree)
    with Bench(variables) as bench:
        driver.busy(400.0, 1.0, lead=0.3)
        start = counter.plan([(0.0, 150.0), (1.0, 20.0)])
        counter.slow(start + 0.4, start + 0.9, **{side: 5.0})
        told = bench.block("hanging", start, start + 1.0, patience=0.05)
        assert told.end < start + 5.4, "the block waited for the sensor"
        assert not told.record["final"]
        told = bench.again("hanging")
        covered_or_unknown(told, counter.truth(told.start, told.end), kind="cpu")
        covered_or_unknown(told, driver.truth(0, told.start, told.end))
        driver.busy(300.0, 1.0, lead=0.3)
        start = counter.plan([(0.0, 100.0), (1.0, 20.0)])
        told = bench.block("next", start, start + 1.0)
        right(told, counter.truth(told.start, told.end), kind="cpu")
        right(told, driver.truth(0, told.start, told.end))


def test_ending_the_session_does_not_wait_for_a_read_that_hangs(
    variables: Mapping[str, str], tree: PowercapTree
) -> None:
    counter = Counter(tree)
    with Bench(variables) as bench:
        start = counter.plan([(0.0, 150.0)])
        counter.slow(start, start + 1.0, before=30.0)
        bench.run("session.patience_seconds = lambda: 0.1")
        bench.block("hanging", start, start + 0.5, patience=0.05)
        bench.run("session.end()")
        assert time.perf_counter() < start + 30.0, "the end waited for the sensor"


@pytest.mark.parametrize("code", ["EACCES", "EIO", "ENODATA"])
def test_a_counter_that_is_refused_inside_a_window(
    variables: Mapping[str, str], tree: PowercapTree, driver: SimulatedDriver, code: str
) -> None:
    import errno

    counter = Counter(tree)
    with Bench(variables) as bench:
        driver.busy(400.0, 1.0, lead=0.3)
        start = counter.plan([(0.0, 150.0), (1.0, 20.0)])
        counter.refuse(start + 0.3, start + 3.0, getattr(errno, code))
        told = bench.block("refused", start, start + 1.0)
        covered_or_unknown(told, counter.truth(told.start, told.end), kind="cpu")
        assert "could not be read" in told.part("cpu")["note"]
        right(told, driver.truth(0, told.start, told.end))
        bench.run(f"until({start + 3.1!r})")
        start = counter.plan([(0.0, 100.0), (1.0, 20.0)])
        told = bench.block("next", start, start + 1.0)
        right(told, counter.truth(told.start, told.end), kind="cpu")
