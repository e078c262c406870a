"""The simulated driver, asked through the real pynvml: what it shows must follow from the truth it was given."""

from __future__ import annotations

import contextlib
import itertools
import math
import os
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.support import driver as module
from tests.support.driver import PastError, SimulatedDriver, SimulationError, Step, build
from tests.support.peer import ROOT, Peer, PeerError

START = 12_345.678
SETUP = """
import time
import pynvml as nvml
nvml.nvmlInit()
h = nvml.nvmlDeviceGetHandleByIndex(0)
now = time.perf_counter
def energy(handle=h):
    return now(), nvml.nvmlDeviceGetTotalEnergyConsumption(handle), now()
def field(number, scope=0):
    answer = nvml.nvmlDeviceGetFieldValues(h, [(number, scope)])[0]
    return answer.nvmlReturn, answer.value.ullVal if answer.valueType == 3 else answer.value.uiVal
"""

Start = Callable[[SimulatedDriver], Peer]


@pytest.fixture
def driver(tmp_path: Path) -> SimulatedDriver:
    return SimulatedDriver(tmp_path / "driver")


@pytest.fixture
def start() -> Any:
    """Open pynvml on a driver in a process of its own."""
    with ExitStack() as stack:

        def one(driver: SimulatedDriver, setup: str = SETUP, **variables: str | None) -> Peer:
            peer = stack.enter_context(Peer({**driver.environment(), **variables}))
            peer.run(setup)
            return peer

        yield one


def possible(driver: SimulatedDriver, before: float, after: float, latency: float = 0.0, board: int = 0) -> set[int]:
    """Return the millijoules that the counter may show to a call that began and ended at these moments."""
    ticks = driver.ticks(board, before - 1.0, after)
    shown = [tick for tick, following in itertools.pairwise([*ticks, math.inf]) if following > before]
    return {math.floor((START + driver.truth(board, driver.origin, tick - latency)) * 1000) for tick in shown}


def assert_true(driver: SimulatedDriver, reading: list[Any], **given: Any) -> None:
    before, shown, after = reading
    assert min(abs(shown - mj) for mj in possible(driver, before, after, **given)) <= 1, reading


# ---- energy ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "board",
    [
        {},
        {"tick": 0.02, "phase": 0.013},
        {"jitter": 0.03, "ripple": 3.0},
        {"latency": 0.015},
    ],
    ids=["plain", "fast", "jitter", "latency"],
)
def test_counter_shows_the_true_integral_at_its_ticks(
    driver: SimulatedDriver, start: Start, board: dict[str, Any]
) -> None:
    driver.board(**board)
    peer = start(driver)
    course = [Step(0, 400.0), Step(0.11, 250.0, tau=0.05), Step(0.23, 600.0, ramp=0.04), Step(0.35, 70.0, tau=0.08)]
    begin = driver.plan(course)
    peer.run(
        "readings = [energy()]\nwhile readings[-1][0] < %r: time.sleep(0.003); readings.append(energy())"
        % (begin + 0.6)
    )
    readings = peer.ask("readings")
    assert len({shown for _, shown, _ in readings}) > 1
    for reading in readings:
        assert_true(driver, reading, latency=board.get("latency", 0.0))
    assert [shown for _, shown, _ in readings] == sorted(shown for _, shown, _ in readings)


def test_truth_is_the_sum_of_what_was_planned(driver: SimulatedDriver) -> None:
    driver.board(idle=70.0, ripple=0.0)
    begin = driver.plan([(0, 400.0), Step(2.0, 100.0, ramp=1.0), (5.0, 70.0)])
    assert driver.truth(0, begin - 1.0, begin) == pytest.approx(70.0)
    assert driver.truth(0, begin, begin + 2.0) == pytest.approx(800.0)
    assert driver.truth(0, begin + 2.0, begin + 3.0) == pytest.approx(250.0)
    assert driver.truth(0, begin + 3.0, begin + 6.0) == pytest.approx(270.0)


def test_gain_leans_the_counter_and_not_the_truth(driver: SimulatedDriver, start: Start) -> None:
    driver.board(gain=1.05, ripple=0.0, idle=100.0, tick=0.1)
    before, shown, after = start(driver).ask("energy()")
    low, high = (1.05 * 100.0 * (moment - driver.origin) for moment in (before - 0.1, after))
    assert low - 0.001 <= shown / 1000 - START <= high


def test_part_time_counter_misses_work_outside_its_window(driver: SimulatedDriver, start: Start) -> None:
    driver.board(idle=100.0, ripple=0.0, tick=0.1, duty=0.025)
    peer = start(driver)
    tick, lead = 0.0, 0.1
    while not tick:
        begin, lead = time.perf_counter() + lead, 2 * lead
        ahead = driver.ticks(0, begin, begin + 0.2)[0]
        with contextlib.suppress(PastError):
            driver.power([(ahead + 0.01, 600.0), (ahead + 0.06, 100.0)])
            tick = ahead
    peer.run("while now() < %r: time.sleep(0.01)" % (tick + 0.11))
    before, shown, after = peer.ask("energy()")
    assert driver.truth(0, tick, tick + 0.1) == pytest.approx(35.0)
    low, high = (100.0 * (moment - driver.origin) for moment in (before - 0.1, after))
    assert low - 0.002 <= shown / 1000 - START <= high


def test_two_processes_and_two_ways_see_one_counter(driver: SimulatedDriver, start: Start) -> None:
    driver.board(ripple=2.0)
    first, second = start(driver), start(driver)
    for peer in (first, second):
        assert_true(driver, peer.ask("energy()"))
        for number in (83, 191):
            before, (code, shown), after = peer.ask(f"(now(), field({number}), now())")
            assert code == 0
            assert_true(driver, [before, shown, after])


def test_power_cannot_be_planned_for_the_past(driver: SimulatedDriver) -> None:
    driver.board()
    state = driver.state.read_bytes()
    with pytest.raises(SimulationError, match="ahead"):
        driver.power([(time.perf_counter() - 0.1, 300.0)])
    assert driver.state.read_bytes() == state
    began, ended = driver.busy(300.0, 0.5, lead=0.001)
    assert driver.truth(0, began, ended) == pytest.approx(150.0, abs=1.0)


def test_reset_starts_the_counter_from_zero(driver: SimulatedDriver, start: Start) -> None:
    driver.board()
    peer = start(driver)
    before = peer.ask("energy()")[1]
    moment = time.perf_counter()
    driver.fault("reset", at=moment)
    _, shown, after = peer.ask("energy()")
    assert shown < before
    assert 0 <= shown / 1000 <= driver.truth(0, moment - 0.1, after)


# ---- power ----------------------------------------------------------------------------------------------------


def test_power_readings_are_averages_that_are_never_quite_constant(driver: SimulatedDriver, start: Start) -> None:
    driver.board(idle=80.0, noise=0.2, ripple=0.0)
    peer = start(driver)
    peer.run("seen = set()\nwhile len(seen) < 3: seen.add(nvml.nvmlDeviceGetPowerUsage(h)); time.sleep(0.02)")
    for shown in peer.ask("sorted(seen)"):
        assert 80.0 - 6 * 0.2 <= shown / 1000 <= 80.0 + 6 * 0.2


def test_an_average_lags_and_an_instant_does_not(driver: SimulatedDriver, start: Start) -> None:
    driver.board(idle=100.0, noise=0.0, ripple=0.0, chip="hopper")
    peer = start(driver)
    begin = driver.plan([(0.0, 500.0)])
    peer.run("while now() < %r: time.sleep(0.01)" % (begin + 0.25))
    before, average, instant, after = peer.ask("(now(), field(185), field(186), now())")
    assert instant == [0, pytest.approx(500_000, abs=1)]
    mean = 100.0 + 400.0 * min(1.0, after - begin)
    assert 100.0 + 400.0 * min(1.0, max(0.0, before - begin - 0.1)) - 0.01 <= average[1] / 1000 <= mean + 0.01


def test_limits(driver: SimulatedDriver, start: Start) -> None:
    driver.board(limit=300.0)
    peer = start(driver)
    assert peer.ask("nvml.nvmlDeviceGetEnforcedPowerLimit(h)") == 300_000
    assert peer.ask("nvml.nvmlDeviceGetPowerManagementLimitConstraints(h)") == [75_000, 300_000]
    assert peer.ask("field(190)") == [0, 300_000]


# ---- what a board lacks ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("missing", "dead", "alive"),
    [
        (["energy"], ["energy()"], ["nvml.nvmlDeviceGetPowerUsage(h)"]),
        (["power"], ["nvml.nvmlDeviceGetPowerUsage(h)"], ["energy()"]),
        (["energy", "power"], ["energy()", "nvml.nvmlDeviceGetPowerUsage(h)"], ["nvml.nvmlDeviceGetName(h)"]),
        (["limit"], ["nvml.nvmlDeviceGetEnforcedPowerLimit(h)"], ["energy()"]),
        (["processes"], ["nvml.nvmlDeviceGetComputeRunningProcesses(h)"], ["energy()"]),
        (["fields"], ["field(191)"], ["energy()"]),
        (["mig"], ["nvml.nvmlDeviceGetMigMode(h)"], ["energy()"]),
    ],
)
def test_anything_can_be_unsupported(
    driver: SimulatedDriver, start: Start, missing: list[str], dead: list[str], alive: list[str]
) -> None:
    driver.board(unsupported=missing, chip="hopper")
    peer = start(driver)
    for call in dead:
        with pytest.raises(PeerError) as refused:
            peer.ask(call)
        assert refused.value.kind == "NVMLError_NotSupported"
    for call in alive:
        peer.ask(f"str({call})")


def test_each_field_has_its_own_answer(driver: SimulatedDriver, start: Start) -> None:
    driver.board(unsupported=["average"])
    driver.fault("permission", what="instant")
    peer = start(driver)
    peer.run("answers = nvml.nvmlDeviceGetFieldValues(h, [(83, 0), (185, 0), (186, 0), (83, 1), (7777, 0)])")
    assert peer.ask("[answer.nvmlReturn for answer in answers]") == [0, 3, 4, 3, 3]


def test_grace_has_readings_of_the_module_only(driver: SimulatedDriver, start: Start) -> None:
    driver.board(grace="module", chip="hopper")
    peer = start(driver)
    for number in (185, 186, 191):
        assert peer.ask(f"field({number}, 0)[0]") == 3
        assert peer.ask(f"field({number}, 1)[0]") == 0


def test_a_module_with_both_readings_shows_the_processor_in_its_own(driver: SimulatedDriver, start: Start) -> None:
    driver.board(grace="both", processor=50.0, idle=100.0, noise=0.0, ripple=0.0)
    peer = start(driver)
    low, high = peer.ask("(field(185, 0)[1], field(185, 1)[1])")
    assert (low / 1000, high / 1000) == (pytest.approx(100.0, abs=0.01), pytest.approx(150.0, abs=0.01))
    low, high, call = peer.ask("(field(191, 0)[1], field(191, 1)[1], energy()[1])")
    assert low < high <= call


@pytest.mark.parametrize(("chip", "code"), [("pascal", 3), ("ga100", 3), ("ampere", 0), ("hopper", 0)])
def test_generations_differ_in_the_averaged_field(driver: SimulatedDriver, start: Start, chip: str, code: int) -> None:
    driver.board(chip=chip)
    assert start(driver).ask("field(185)[0]") == code


# ---- faults ---------------------------------------------------------------------------------------------------


def test_a_lost_board_returns_to_those_who_open_the_library_again(driver: SimulatedDriver, start: Start) -> None:
    driver.board()
    driver.board()
    peer = start(driver)
    driver.fault("lost", at=time.perf_counter())
    for call in ("energy()", "nvml.nvmlDeviceGetHandleByIndex(0)"):
        with pytest.raises(PeerError, match="GPU is lost"):
            peer.ask(call)
    peer.ask("energy(nvml.nvmlDeviceGetHandleByIndex(1))")
    driver.mend()
    with pytest.raises(PeerError, match="GPU is lost"):
        peer.ask("energy()")
    peer.run("nvml.nvmlShutdown(); nvml.nvmlInit()")
    assert_true(driver, peer.ask("energy()"))


def test_permission_can_be_taken_and_given(driver: SimulatedDriver, start: Start) -> None:
    driver.board()
    peer = start(driver)
    driver.fault("permission", at=time.perf_counter(), what="energy")
    with pytest.raises(PeerError) as refused:
        peer.ask("energy()")
    assert refused.value.code == 4
    driver.mend()
    assert_true(driver, peer.ask("energy()"))


def test_slow_and_hanging_calls(driver: SimulatedDriver, start: Start) -> None:
    driver.board(call_seconds=0.02)
    peer = start(driver)
    before, _, after = peer.ask("energy()")
    assert after - before >= 0.02
    until = time.perf_counter() + 0.3
    driver.fault("hang", until=until, what="energy")
    with pytest.raises(PeerError, match="Timeout"):
        peer.ask("energy()")
    assert time.perf_counter() >= until


def test_no_state_no_driver(driver: SimulatedDriver, start: Start, tmp_path: Path) -> None:
    peer = start(driver, setup="import pynvml as nvml", SIMULATED_NVML_STATE=None)
    with pytest.raises(PeerError, match="Driver Not Loaded"):
        peer.ask("nvml.nvmlInit()")
    peer = start(driver, setup="import pynvml as nvml", SIMULATED_NVML_STATE=str(tmp_path / "nothing"))
    with pytest.raises(PeerError, match="Driver Not Loaded"):
        peer.ask("nvml.nvmlInit()")
    peer.run(f"import os; os.environ['SIMULATED_NVML_STATE'] = {str(driver.state)!r}")
    peer.run("nvml.nvmlInit()")
    assert peer.ask("nvml.nvmlDeviceGetCount()") == 0


def test_a_reloaded_driver_counts_anew_and_wants_to_be_opened_anew(driver: SimulatedDriver, start: Start) -> None:
    driver.board()
    peer = start(driver)
    driver.unload()
    with pytest.raises(PeerError, match="Driver Not Loaded"):
        peer.ask("energy()")
    driver.load()
    with pytest.raises(PeerError, match="GPU is lost"):
        peer.ask("energy()")
    peer.run("nvml.nvmlShutdown(); nvml.nvmlInit()")
    assert peer.ask("energy()")[1] / 1000 < START


def test_calls_before_the_opening_are_refused(driver: SimulatedDriver, start: Start) -> None:
    driver.board()
    peer = start(driver)
    peer.run("nvml.nvmlShutdown()")
    with pytest.raises(PeerError, match="Uninitialized"):
        peer.ask("energy()")


# ---- identity, MIG, processes ---------------------------------------------------------------------------------


def test_it_says_that_it_is_simulated(driver: SimulatedDriver, start: Start) -> None:
    driver.board("H100", uuid="GPU-aaaa")
    peer = start(driver)
    assert "simulated" in peer.ask("nvml.nvmlSystemGetDriverVersion()")
    assert peer.ask("nvml.nvmlDeviceGetName(h)") == "Simulated GPU H100"
    assert peer.ask("nvml.nvmlDeviceGetUUID(nvml.nvmlDeviceGetHandleByUUID('GPU-aaaa'))") == "GPU-aaaa"
    assert peer.ask("nvml.nvmlDeviceGetPciInfo(h).busId") == "00000000:01:00.0"
    with pytest.raises(PeerError, match="Not Found"):
        peer.ask("nvml.nvmlDeviceGetHandleByUUID('GPU-b')")


def test_slices_have_no_meter(driver: SimulatedDriver, start: Start) -> None:
    driver.board(chip="hopper", slices=["MIG-one", "MIG-two"])
    peer = start(driver)
    assert peer.ask("nvml.nvmlDeviceGetMigMode(h)") == [1, 1]
    peer.run("part = nvml.nvmlDeviceGetMigDeviceHandleByIndex(h, 1)")
    assert peer.ask("nvml.nvmlDeviceGetUUID(part)") == "MIG-two"
    assert peer.ask("nvml.nvmlDeviceGetIndex(nvml.nvmlDeviceGetDeviceHandleFromMigDeviceHandle(part))") == 0
    for call in ("energy(part)", "nvml.nvmlDeviceGetPowerUsage(part)", "nvml.nvmlDeviceGetProcessUtilization(h, 0)"):
        with pytest.raises(PeerError, match="Not Supported"):
            peer.ask(call)
    with pytest.raises(PeerError, match="Not Found"):
        peer.ask("nvml.nvmlDeviceGetMigDeviceHandleByIndex(h, 2)")
    assert_true(driver, peer.ask("energy()"))


def test_processes_and_their_shares(driver: SimulatedDriver, start: Start) -> None:
    driver.board()
    peer = start(driver)
    listed = "sorted(one.pid for one in nvml.nvmlDeviceGetComputeRunningProcesses(h))"
    used = "sorted({(one.pid, one.smUtil) for one in nvml.nvmlDeviceGetProcessUtilization(h, 0)})"
    assert peer.ask(listed) == []
    driver.processes({101: 0.7, 102: 0.2, 103: 0.0})
    assert peer.ask(listed) == [101, 102, 103]
    assert peer.ask(used) == [[101, 70], [102, 20]]
    assert peer.ask("nvml.nvmlDeviceGetUtilizationRates(h).gpu") == 90
    assert peer.ask("nvml.nvmlDeviceGetGraphicsRunningProcesses(h)") == []
    with pytest.raises(PeerError, match="Not Found"):
        peer.ask("nvml.nvmlDeviceGetProcessUtilization(h, int(time.time() * 1e6) + 1_000_000)")
    driver.processes({101: 0.7}, visible=False)
    assert peer.ask(listed) == []


# ---- following the processor, building, running as a program --------------------------------------------------


def test_following_board_is_billed_for_processor_time(driver: SimulatedDriver, start: Start) -> None:
    driver.board()
    driver.follow(idle=20.0, busy=100.0, cores=1.0)
    peer = start(driver)
    peer.run("cpu = time.process_time(); a = energy()\nwhile time.process_time() < cpu + 0.5: pass")
    peer.run("energy(); time.sleep(0.25); b = energy(); cpu = time.process_time()")
    (_, low, began), (ended, high, _), used = peer.ask("(a, b, cpu)")
    joules, idle = (high - low) / 1000, 20.0 * (ended - began)
    # The counter may be up to a tick behind at either end; all of the 0.5 s lies between the two readings.
    assert idle - 20.0 * 0.1 + 100.0 * 0.5 - 0.1 <= joules <= idle + (20.0 + 100.0) * 0.1 + 100.0 * used
    assert peer.ask("nvml.nvmlDeviceGetComputeRunningProcesses(h)[0].pid == __import__('os').getpid()")
    with pytest.raises(SimulationError, match="follows"):
        driver.truth(0, began, ended)


def test_processes_that_build_at_once_do_not_meet(tmp_path: Path) -> None:
    code = (
        "from pathlib import Path; from tests.support.driver import build;"
        f"print(build(Path({str(tmp_path / 'new')!r})))"
    )
    many = [
        subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(3)
    ]
    paths = {one.communicate(timeout=600)[0].strip() for one in many}
    assert [one.returncode for one in many] == [0, 0, 0]
    assert len(paths) == 1
    assert [path.name for path in Path(paths.pop()).parent.iterdir()] == ["libnvidia-ml.so.1"]


def test_without_a_compiler_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SimulationError, match="apt install gcc"):
        build(tmp_path / "new")


def test_elsewhere_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module.sys, "platform", "darwin")
    with pytest.raises(SimulationError, match="Linux only"):
        build(tmp_path)


def test_as_a_program_it_prints_what_a_shell_evaluates(tmp_path: Path) -> None:
    script = (
        'eval "$("$0" tests/support/driver.py --follow --boards 2 --folder "$1")" && "$0" -c "'
        "import pynvml; pynvml.nvmlInit(); print(pynvml.nvmlDeviceGetCount(), pynvml.nvmlSystemGetDriverVersion())"
        '"'
    )
    folder = tmp_path / "a folder"
    done = subprocess.run(
        ["bash", "-c", script, sys.executable, str(folder)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.stdout == "2 999.0.simulated\n", done.stderr
    assert done.stderr == ""


def test_preload_serves_this_process(driver: SimulatedDriver) -> None:
    driver.board()
    code = (
        "from pathlib import Path; from tests.support.driver import SimulatedDriver;"
        f"d = SimulatedDriver(Path({str(driver.state.parent)!r})); d.board('here'); d.preload();"
        "import pynvml as n; n.nvmlInit(); print(n.nvmlDeviceGetName(n.nvmlDeviceGetHandleByIndex(0)))"
    )
    clean = {name: value for name, value in os.environ.items() if name != "LD_LIBRARY_PATH"}
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=clean, capture_output=True, text=True, check=True)
    assert done.stdout == "Simulated GPU here\n"
