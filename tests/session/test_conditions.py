"""Records keep what their devices were like, as far as the driver and the kernel tell."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from jupyter_green.metering import Meter
from jupyter_green.metering.conditions import ConditionLog
from jupyter_green.records import Component, Conditions
from jupyter_green.sensors import Condition, cpu_throttling
from jupyter_green.sensors.cpu_model import ProcessorModel
from jupyter_green.sensors.nvidia.conditions import causes
from tests.support.driver import SimulatedDriver
from tests.support.peer import Peer

SETUP = """
import json, time
import jupyter_green as green

def metered(until):
    with green.meter("work") as window:
        time.sleep(max(0.0, until - time.perf_counter()))
    part = next(part for part in window.record.components if part.kind == "gpu")
    return json.loads(json.dumps(part.to_dict()))
"""


@pytest.fixture
def driver(tmp_path: Path) -> SimulatedDriver:
    return SimulatedDriver(tmp_path / "driver")


@pytest.fixture
def kernel(driver: SimulatedDriver) -> Iterator[Any]:
    with ExitStack() as stack:

        def one() -> Peer:
            peer = stack.enter_context(Peer({**driver.environment(), "CUDA_VISIBLE_DEVICES": None}))
            peer.run(SETUP)
            return peer

        yield one


def busy(driver: SimulatedDriver, peer: Peer) -> dict[str, Any]:
    """Meter a second of work on the board."""
    peer.ask("metered(0.0)")  # everything is there by now
    start, end = driver.busy(250.0, 1.5, lead=0.1)
    time.sleep(max(0.0, start + 0.1 - time.perf_counter()))
    found: dict[str, Any] = peer.ask(f"metered({end - 0.2!r})")
    return found


def test_a_record_keeps_temperature_clock_and_no_throttling(driver: SimulatedDriver, kernel: Any) -> None:
    driver.board(noise=0.0)
    driver.condition(celsius=71, clock=1650, reasons=["applications clocks", "sync boost"])
    part = busy(driver, kernel())
    assert (part["celsius"], part["clock_mhz"], part["throttle"]) == (71.0, 1650.0, [])
    assert part["clock_spread_mhz"] == 0.0
    assert Component.from_dict(part).conditions == Conditions(71.0, 1650.0, 0.0, ())


@pytest.mark.parametrize("missing", [(), ("event reasons",)])
def test_throttling_is_kept_by_either_name_of_the_call(
    driver: SimulatedDriver, kernel: Any, missing: tuple[str, ...]
) -> None:
    driver.board()
    for what in missing:
        driver.fault("missing", what=what)
    driver.condition(celsius=94, clock=900, reasons=["hardware thermal", "power cap"])
    part = busy(driver, kernel())
    assert (part["celsius"], part["clock_mhz"]) == (94.0, 900.0)
    assert part["throttle"] == ["power_cap", "thermal"]


def test_what_the_driver_does_not_tell_is_absent_and_the_energy_stands(driver: SimulatedDriver, kernel: Any) -> None:
    driver.board(unsupported=["temperature", "clock", "reasons"])
    part = busy(driver, kernel())
    assert Component.from_dict(part).conditions == Conditions()
    assert part["joules"] > 100


def test_an_idle_board_has_no_clock(driver: SimulatedDriver, kernel: Any) -> None:
    driver.board(noise=0.0)
    part = kernel().ask("metered(time.perf_counter() + 0.3)")
    assert (part["clock_mhz"], part["throttle"]) == (None, [])
    assert part["celsius"] is not None


def test_bits_of_the_driver_are_causes() -> None:
    assert causes(0x1 | 0x2 | 0x10 | 0x100) == frozenset()
    assert causes(0x8) == {"hardware"}
    assert causes(0x8 | 0x40) == causes(0x20) == {"thermal"}
    assert causes(0x8 | 0x80 | 0x4) == {"power_brake", "power_cap"}


# ---- the processor, by the counts of the Linux kernel -----------------------------------------------------------


@pytest.fixture
def counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Set how often two cores and their package have been throttled."""
    monkeypatch.setattr(cpu_throttling, "ROOT", tmp_path)

    def put(core: int, package: int = 0) -> None:
        for number in (0, 1):
            folder = tmp_path / f"cpu{number}" / "thermal_throttle"
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "core_throttle_count").write_text(f"{core if number else 0}\n")
            (folder / "package_throttle_count").write_text(f"{package}\n")

    return put


def looked(log: ConditionLog) -> float:
    """Look at once, however long the last look took; return when."""
    log._due = log._rested = 0.0
    log.look(at_edge=True)
    return time.perf_counter()


@pytest.mark.parametrize(("core", "package", "throttle"), [(7, 2, ()), (8, 2, ("thermal",)), (7, 3, ("thermal",))])
def test_a_count_that_rises_within_a_window_is_heat(
    counts: Any, core: int, package: int, throttle: tuple[str, ...]
) -> None:
    counts(7, 2)
    meter = Meter([ProcessorModel()])
    (log,) = meter._conditions.values()
    before = looked(log)
    counts(core, package)
    after = looked(log)
    assert log.over(before, after).throttle == throttle
    (part,) = meter.components(before, after)
    assert part.throttle == throttle
    meter.close()


def test_no_counts_is_nothing_known(counts: Any) -> None:
    meter = Meter([ProcessorModel()])
    (log,) = meter._conditions.values()
    before = looked(log)
    assert log.over(before, looked(log)) == Conditions()
    meter.close()


class Board:
    """Says what it is told to, or raises."""

    def __init__(self, *answers: Condition | Exception) -> None:
        self.answers = list(answers)

    def condition(self) -> Condition | None:
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def test_the_power_limit_counts_where_it_held_half_of_the_busy_time() -> None:
    capped, free = Condition(60.0, 1500.0, frozenset({"power_cap"})), Condition(61.0, 1530.0, frozenset())
    for answers, throttle in (((capped, free, free), ()), ((capped, capped, free), ("power_cap",))):
        log = ConditionLog(Board(*answers))
        start = time.perf_counter()
        for _ in answers:
            end = looked(log)
        found = log.over(start, end)
        assert found.throttle == throttle
        assert (found.celsius, found.clock_spread_mhz) == (61.0, 15.0)


def test_a_sensor_that_raises_costs_its_conditions_only() -> None:
    log = ConditionLog(Board(RuntimeError("no"), Condition(50.0)))
    start = looked(log)
    assert log.over(start - 1, start) == Conditions()
    assert log.over(start - 1, looked(log)).celsius == 50.0


def test_devices_together_are_as_throttled_as_any() -> None:
    cool, hot = Conditions(50.0, 1500.0, 5.0, ()), Conditions(90.0, 1500.0, 5.0, ("thermal",))
    assert Conditions.over([cool, hot]).throttle == ("thermal",)
    assert Conditions.over([cool, Conditions()]) == cool
    assert Conditions.over([]) == Conditions()
    assert Conditions.over([replace(cool, throttle=("power_cap",)), cool, cool]).throttle == ()
