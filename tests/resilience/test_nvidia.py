"""Faults of NVIDIA's driver and boards, from the call that fails to the record in the ledger."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.resilience.bench import Bench, at_least, covered_or_unknown, ledger, right, unknown
from tests.support.driver import SimulatedDriver


@pytest.fixture
def driver(tmp_path: Path) -> SimulatedDriver:
    return SimulatedDriver(tmp_path / "driver")


def begin(bench: Bench, driver: SimulatedDriver, watts: float, seconds: float, boards: int = 1) -> float:
    """Plan the same busy stretch for every board, a moment ahead, and return its start."""
    starts = [driver.busy(watts, seconds, board, lead=0.3)[0] for board in range(boards)]
    return starts[0]


def test_without_a_driver_there_is_no_gpu_and_the_doctor_knows_why() -> None:
    with Bench({"LD_LIBRARY_PATH": None}) as bench:
        now = time.perf_counter()
        told = bench.block("cell", now, now + 0.1, "sum(range(1_000_000))")
        assert not told.has("gpu")
        assert told.part("cpu")["joules"] > 0
        assert told.part("cpu")["quality"] == "estimated"
        (said,) = bench.ask("[f.detail for f in session.discovery.findings if f.source == 'nvidia']")
        assert "No NVIDIA GPU" in said or "no NVIDIA driver" in said or "driver is not visible" in said


def test_no_program_is_run_so_nvidia_smi_need_not_be_there(driver: SimulatedDriver, tmp_path: Path) -> None:
    driver.board(ripple=0.0)
    (tmp_path / "bin").mkdir()
    with Bench({**driver.environment(), "PATH": str(tmp_path / "bin")}, setup="") as bench:
        bench.run(
            "import sys\nran = []\n"
            "sys.addaudithook(lambda name, a: ran.append(name) if name in "
            "('subprocess.Popen', 'os.exec', 'os.posix_spawn', 'os.system') else None)"
        )
        from tests.resilience.bench import SETUP

        bench.run(SETUP)
        start = begin(bench, driver, 400.0, 1.0)
        told = bench.block("cell", start, start + 1.0)
        right(told, driver.truth(0, told.start, told.end))
        assert bench.ask("ran") == []


@pytest.mark.parametrize(
    ("chip", "missing", "method"),
    [
        ("pascal", [], "power"),
        ("volta", ["energy"], "power"),
        ("ampere", ["energy"], "power"),
        ("hopper", ["energy", "fields"], "power"),
        ("ampere", ["power"], "counter"),
        ("hopper", ["power", "fields"], "counter"),
    ],
)
def test_what_a_board_does_not_offer_is_done_without(
    driver: SimulatedDriver, chip: str, missing: list[str], method: str
) -> None:
    driver.board(chip=chip, unsupported=missing, ripple=0.0)
    with Bench(driver.environment()) as bench:
        start = begin(bench, driver, 400.0, 2.0)
        told = bench.block("cell", start, start + 2.0)
        right(told, driver.truth(0, told.start, told.end))
        assert told.part("gpu")["method"] == method
        assert told.part("gpu")["quality"] == "simulated"


@pytest.mark.parametrize("chip", ["pascal", "ampere"])
def test_a_board_without_counter_and_power_is_said_and_not_counted_as_nothing(
    driver: SimulatedDriver, chip: str
) -> None:
    driver.board(chip=chip, unsupported=["energy", "power"])
    with Bench(driver.environment()) as bench:
        now = time.perf_counter()
        told = bench.block("cell", now, now + 0.2)
        assert not told.has("gpu")
        found = bench.ask("[[f.works, f.detail] for f in session.discovery.findings if f.source == 'nvidia']")
        assert [works for works, _ in found] == [False]
        assert "does not offer" in found[0][1]


def test_no_permission_from_the_start_is_said_and_not_counted_as_nothing(driver: SimulatedDriver) -> None:
    driver.board()
    driver.fault("permission")
    with Bench(driver.environment()) as bench:
        now = time.perf_counter()
        told = bench.block("cell", now, now + 0.2)
        assert not told.has("gpu")
        found = bench.ask("[[f.works, f.detail] for f in session.discovery.findings if f.source == 'nvidia']")
        assert any(not works and "may not read" in detail for works, detail in found)


@pytest.mark.parametrize("missing", [[], ["energy"]], ids=["counter", "power"])
@pytest.mark.parametrize(("kind", "words"), [("permission", "may not read"), ("lost", "lost the GPU")])
def test_a_board_that_fails_inside_a_window_and_comes_back(
    driver: SimulatedDriver, kind: str, words: str, missing: list[str]
) -> None:
    """This window: unknown, or a figure that holds; the neighbour's: right; the next window: right."""
    driver.board(ripple=0.0, unsupported=missing)
    driver.board(ripple=0.0, uuid="GPU-51000000-0000-4000-8000-0000000000ff")
    with Bench(driver.environment()) as bench:
        start = begin(bench, driver, 400.0, 2.0, boards=2)
        driver.fault(kind, at=start + 1.0, until=start + 2.5)
        told = bench.block("fault inside", start, start + 2.0)
        right(told, driver.truth(1, told.start, told.end), number=1)
        if kind == "lost" or missing:
            unknown(told, words)
            at_least(told, driver.truth(0, told.start, start + 1.0), needed=not missing)
        else:
            covered_or_unknown(told, driver.truth(0, told.start, told.end))
        bench.run(f"until({start + 2.6!r})")
        start = begin(bench, driver, 300.0, 2.0, boards=2)
        told = bench.block("next", start, start + 2.0)
        right(told, driver.truth(0, told.start, told.end))
        right(told, driver.truth(1, told.start, told.end), number=1)


def test_a_board_lost_for_good_is_unknown_with_its_reason_and_the_rest_goes_on(driver: SimulatedDriver) -> None:
    driver.board(ripple=0.0)
    with Bench(driver.environment()) as bench:
        start = begin(bench, driver, 400.0, 1.0)
        driver.fault("lost", at=start + 0.5)
        for label in ("first", "second", "third"):
            told = bench.block(label, start, start + 0.6, "sum(range(1_000_000))")
            if label == "first":  # lost in its last tenth of a second
                covered_or_unknown(told, driver.truth(0, told.start, told.end))
            else:
                unknown(told, "lost the GPU")
            assert told.part("cpu")["joules"] > 0
            start = time.perf_counter()


@pytest.mark.parametrize("when", ["inside", "between"])
def test_a_counter_that_is_reset(driver: SimulatedDriver, when: str) -> None:
    driver.board(ripple=0.0)
    with Bench(driver.environment()) as bench:
        start = begin(bench, driver, 400.0, 2.0)
        told = bench.block("before", start, start + 1.0)
        right(told, driver.truth(0, told.start, told.end))
        if when == "inside":
            at = time.perf_counter() + 0.8
            driver.fault("reset", at=at)
            told = bench.block("reset inside", at - 0.6, at + 0.6)
            unknown(told, "count was broken")
            at_least(told, driver.truth(0, told.start, at), needed=True)
        else:
            bench.ask("session.settle()")
            driver.fault("reset", at=time.perf_counter())
        start = begin(bench, driver, 300.0, 1.0)
        told = bench.block("next", start, start + 1.0)
        right(told, driver.truth(0, told.start, told.end))
    gaps = [part for record in ledger().get(None, []) for part in record.components if part.kind == "gpu"]
    assert all(part.joules is None or part.joules < 1000.0 for part in gaps), "a reset was counted as energy"


def test_a_reloaded_driver(driver: SimulatedDriver) -> None:
    driver.board(ripple=0.0)
    with Bench(driver.environment()) as bench:
        start = begin(bench, driver, 400.0, 1.0)
        told = bench.block("before", start, start + 1.0)
        right(told, driver.truth(0, told.start, told.end))
        driver.unload()
        now = time.perf_counter()
        unknown(bench.block("without", now, now + 0.7), "driver")
        driver.load()
        start = begin(bench, driver, 300.0, 2.0)
        told = bench.block("next", start, start + 2.0)
        right(told, driver.truth(0, told.start, told.end))


@pytest.mark.parametrize("missing", [[], ["energy"]], ids=["counter", "power"])
def test_a_call_of_ten_milliseconds(driver: SimulatedDriver, missing: list[str]) -> None:
    driver.board(ripple=0.0, unsupported=missing, call_seconds=0.01)
    driver.board(ripple=0.0, uuid="GPU-51000000-0000-4000-8000-0000000000ff")
    with Bench(driver.environment()) as bench:
        start = begin(bench, driver, 400.0, 1.0, boards=2)
        told = bench.block("cell", start, start + 1.0)
        right(told, driver.truth(0, told.start, told.end), width=1.0)
        right(told, driver.truth(1, told.start, told.end), number=1)


@pytest.mark.parametrize("missing", [[], ["energy"]], ids=["counter", "power"])
def test_a_call_that_hangs(driver: SimulatedDriver, missing: list[str]) -> None:
    """The block is not held, its record is kept, the neighbour's figure holds, the next window is right."""
    driver.board(ripple=0.0, unsupported=missing)
    driver.board(ripple=0.0, uuid="GPU-51000000-0000-4000-8000-0000000000ff")
    with Bench(driver.environment()) as bench:
        start = begin(bench, driver, 400.0, 1.0, boards=2)
        driver.fault("hang", at=start + 0.5, until=start + 5.5)
        told = bench.block("hanging", start, start + 1.0, patience=0.05)
        assert told.end < start + 5.5, "the block waited for the sensor"
        assert not told.record["final"]
        told = bench.again("hanging")
        covered_or_unknown(told, driver.truth(0, told.start, told.end))
        right(told, driver.truth(1, told.start, told.end), number=1, width=1.0)
        bench.run(f"until({start + 5.6!r})")
        start = begin(bench, driver, 300.0, 1.5, boards=2)
        told = bench.block("next", start, start + 1.5)
        right(told, driver.truth(0, told.start, told.end))
        right(told, driver.truth(1, told.start, told.end), number=1)


def test_others_work_while_a_sensor_hangs_is_not_billed_to_the_cell(driver: SimulatedDriver) -> None:
    """The neighbour board is used by somebody else while nothing can be read: that is not this cell's."""
    driver.board(ripple=0.0)
    driver.board(ripple=0.0, uuid="GPU-51000000-0000-4000-8000-0000000000ff")
    with Bench(driver.environment()) as bench:
        start = driver.plan([(0.0, 400.0), (1.0, 70.0), (2.0, 500.0), (4.5, 70.0)], board=1, lead=0.3)
        driver.fault("hang", at=start + 0.5, until=start + 5.5)
        bench.block("hanging", start, start + 1.0)
        told = bench.again("hanging")
        covered_or_unknown(told, driver.truth(1, told.start, told.end), number=1)


def test_asking_who_uses_a_board_may_hang_too(driver: SimulatedDriver) -> None:
    """The figure is there, only late; whose it was is not told."""
    driver.board(ripple=0.0)
    driver.processes({1: 0.5})
    with Bench(driver.environment()) as bench:
        start = begin(bench, driver, 400.0, 0.8)
        driver.fault("hang", at=start, until=start + 3.0, what="processes")
        told = bench.block("cell", start, start + 0.8, patience=0.05)
        assert not told.record["final"]
        told = bench.again("cell")
        right(told, driver.truth(0, told.start, told.end))
        start = begin(bench, driver, 300.0, 0.8)
        told = bench.block("next", start, start + 0.8)
        right(told, driver.truth(0, told.start, told.end))


def test_a_power_call_that_hangs_beside_a_counter_that_works(driver: SimulatedDriver) -> None:
    """Power is looked at beside the counter once a second; it is soon left alone, and then the figures are as ever."""
    driver.board(ripple=0.0)
    driver.board(ripple=0.0, uuid="GPU-51000000-0000-4000-8000-0000000000ff")
    with Bench(driver.environment()) as bench:
        start = begin(bench, driver, 400.0, 6.0, boards=2)
        for second in range(50):
            for what in ("fields", "power call"):
                driver.fault("hang", at=start + second, until=start + second + 1.0, what=what)
        told = bench.block("hanging", start, start + 6.0)
        # A hang may lie over an edge: then the figures hold, and are wide.
        covered_or_unknown(told, driver.truth(0, told.start, told.end))
        covered_or_unknown(told, driver.truth(1, told.start, told.end), number=1)
        assert [told.part("gpu", board)["joules"] is not None for board in (0, 1)] == [True, True]
        # A look that comes late in a hang is short and does not count, so that a busy machine needs more of them.
        left = "min(gate._tries for gate in session.meter._validated_sensors.values() if gate._traits.kind == 'gpu')"
        for n in range(5):
            if int(bench.ask(left)) == 0:
                break
            start = begin(bench, driver, 400.0, 3.0, boards=2)
            bench.block(f"hanging on {n}", start, start + 3.0)
        assert int(bench.ask(left)) == 0
        start = begin(bench, driver, 300.0, 1.5, boards=2)
        told = bench.block("next", start, start + 1.5)
        right(told, driver.truth(0, told.start, told.end))
        right(told, driver.truth(1, told.start, told.end), number=1)


def test_the_energy_of_a_sliced_board_is_the_boards_and_never_called_own(driver: SimulatedDriver) -> None:
    """Slices have no meter and the driver does not tell who used them, although our process is there."""
    driver.board("A100", chip="ga100", slices=["MIG-1111", "MIG-2222"], ripple=0.0)
    with Bench({**driver.environment(), "CUDA_VISIBLE_DEVICES": "MIG-2222"}) as bench:
        driver.processes({int(bench.ask("os.getpid()")): 0.9})
        start = begin(bench, driver, 400.0, 1.0)
        told = bench.block("slice", start, start + 1.0)
        covered_or_unknown(told, driver.truth(0, told.start, told.end))
        part = told.part("gpu")
        assert part["joules"] is not None
        assert part["scope"] == "whole GPU; MIG slices have no energy sensor of their own"
        assert part["shared"] is True
        assert part["own_joules"] is None
