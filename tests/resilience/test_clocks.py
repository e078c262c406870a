"""Time that does odd things: clocks that are set, a machine that sleeps, a sampler that gets no turn."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path

import pytest

from tests.resilience.bench import Bench, covered_or_unknown, right, unknown
from tests.support.driver import SimulatedDriver
from tests.support.planned_powercap import Counter, build
from tests.support.powercap import PowercapTree

STARVE = "import ctypes; ctypes.PyDLL(None).usleep({})"
"""A call into C that keeps the interpreter to itself, for so many microseconds."""


@pytest.fixture
def driver(tmp_path: Path) -> SimulatedDriver:
    made = SimulatedDriver(tmp_path / "driver")
    made.board(ripple=0.0)
    return made


@pytest.mark.parametrize("shift", [86_400.0, -86_400.0, -3.0])
def test_setting_the_clock_changes_no_duration_and_no_joule(driver: SimulatedDriver, shift: float) -> None:
    with Bench(driver.environment()) as bench:
        bench.run("import time as clock\nshifted = [0.0]\nreal = clock.time\nclock.time = lambda: real() + shifted[0]")
        start, end = driver.busy(400.0, 1.0, lead=0.3)
        told = bench.block("set back", start, end, f"until({start + 0.5!r}); shifted[0] = {shift!r}")
        right(told, driver.truth(0, told.start, told.end))
        assert told.record["seconds"] == pytest.approx(told.end - told.start, abs=1e-9)
        start, end = driver.busy(300.0, 0.6, lead=0.3)
        told = bench.block("next", start, end)
        right(told, driver.truth(0, told.start, told.end))
        assert told.record["seconds"] == pytest.approx(told.end - told.start, abs=1e-9)


def test_a_clock_set_back_between_cells_leaves_gaps_positive(driver: SimulatedDriver) -> None:
    """The ledger's own check holds no negative second against any gap; see `ledger` in `bench`."""
    with Bench(driver.environment()) as bench:
        bench.run("import time as clock\nshifted = [0.0]\nreal = clock.time\nclock.time = lambda: real() + shifted[0]")
        for label in ("a", "b", "c"):
            now = time.perf_counter() + 0.6
            bench.block(label, now, now + 0.2)
            bench.run("shifted[0] -= 3600.0")


def asleep(bench: Bench, since: float, until: float) -> threading.Thread:
    """Stop the whole metering process between two moments, as a machine that sleeps does."""
    pid = bench.ask("os.getpid()")

    def stop_and_go() -> None:
        for moment, sign in ((since, signal.SIGSTOP), (until, signal.SIGCONT)):
            while time.perf_counter() < moment:
                time.sleep(0.002)
            os.kill(pid, sign)

    thread = threading.Thread(target=stop_and_go)
    thread.start()
    return thread


@pytest.mark.parametrize(("since", "until"), [(-0.4, 0.5), (0.5, 2.5), (1.0, 2.5), (1.2, 3.0)])
def test_a_sleep_around_an_edge_or_inside_a_window(driver: SimulatedDriver, since: float, until: float) -> None:
    """The process stands still, the board goes on; someone else uses the board before and after the window."""
    with Bench(driver.environment()) as bench:
        start = driver.plan([(0.0, 70.0), (1.0, 400.0), (2.0, 70.0), (2.2, 600.0), (2.4, 70.0)], lead=0.3) + 1.0
        sleep = asleep(bench, start + since, start + until)
        told = bench.block("slept", start, start + 1.0)
        covered_or_unknown(told, driver.truth(0, told.start, told.end))
        sleep.join()
        start, end = driver.busy(300.0, 1.0, lead=0.3)
        told = bench.block("next", start, end)
        right(told, driver.truth(0, told.start, told.end))


def test_a_sleep_in_which_a_counter_may_have_wrapped_twice(tmp_path: Path) -> None:
    tree = PowercapTree(tmp_path / "powercap")
    counter = Counter(tree, span=50.0, limit=50.0, start=0.0, watts=5.0)
    variables = {"LD_PRELOAD": str(build(tmp_path)), "JUPYTER_GREEN_POWERCAP": str(tree.root)}
    with Bench(variables) as bench:
        start = counter.plan([(0.0, 80.0), (3.0, 5.0)])
        sleep = asleep(bench, start + 0.5, start + 2.5)
        told = bench.block("slept", start, start + 3.0)
        # Where the sleep began in the middle of a read, it is the read that took so long.
        slow = "to answer" in str(told.part("cpu")["note"])
        unknown(told, "took 2" if slow else "count was broken", kind="cpu")
        sleep.join()
        start = counter.plan([(0.0, 40.0), (0.8, 5.0)])
        told = bench.block("next", start, start + 0.8)
        right(told, counter.truth(told.start, told.end), kind="cpu")


@pytest.mark.parametrize("missing", [[], ["energy"]], ids=["counter", "power"])
def test_an_extension_that_keeps_the_interpreter_to_itself(driver: SimulatedDriver, missing: list[str]) -> None:
    """The sampler gets no turn from the opening to the closing; others use the board before and after."""
    driver = SimulatedDriver(driver.state.parent / "another")
    driver.board(ripple=0.0, unsupported=missing)
    with Bench(driver.environment()) as bench:
        start, end = driver.busy(300.0, 1.0, lead=0.3)
        bench.block("before", start, end)
        course = [(0.0, 500.0), (1.0, 70.0), (1.5, 400.0), (3.0, 70.0), (3.3, 600.0), (3.6, 70.0)]
        start = driver.plan(course, lead=0.1) + 1.5
        told = bench.block("starved", start, start + 1.5, STARVE.format(1_500_000))
        covered_or_unknown(told, driver.truth(0, told.start, told.end))
        start, end = driver.busy(300.0, 1.5, lead=0.6)
        told = bench.block("next", start, end)
        right(told, driver.truth(0, told.start, told.end), width=1.0)


def test_an_extension_that_keeps_the_interpreter_again_and_again(driver: SimulatedDriver) -> None:
    with Bench(driver.environment()) as bench:
        start, end = driver.busy(400.0, 3.0, lead=0.3)
        work = f"import ctypes\nfor _ in range(14): ctypes.PyDLL(None).usleep(200_000); until({start!r})"
        told = bench.block("hog", start, end, work)
        right(told, driver.truth(0, told.start, told.end))
        start, end = driver.busy(300.0, 1.0, lead=0.3)
        told = bench.block("next", start, end)
        right(told, driver.truth(0, told.start, told.end))


def test_a_busy_interpreter(driver: SimulatedDriver) -> None:
    """Four threads that never wait: the sampler's turns come late, the figure holds."""
    with Bench(driver.environment()) as bench:
        bench.run("over = threading.Event()")
        bench.run("def spin():\n    while not over.is_set(): sum(range(1000))")
        bench.run("threads = [threading.Thread(target=spin, daemon=True) for _ in range(4)]")
        start, end = driver.busy(400.0, 1.5, lead=0.6)
        told = bench.block("busy", start, end, f"until({start!r}); [t.start() for t in threads]")
        bench.run("over.set()")
        right(told, driver.truth(0, told.start, told.end))
