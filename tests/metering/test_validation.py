"""The gate: what a device can draw is a setting, read again before a reading is called impossible."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest

from jupyter_green.metering import Meter
from jupyter_green.metering.power.timeline import PowerTimeline
from jupyter_green.metering.validation import ValidatedSensor
from jupyter_green.records import clock
from jupyter_green.sensors import Reading, SensorFault, SensorInfo
from tests.support.course import COUNTER


@dataclass
class Board:
    """A board that shows power, held to a limit that others set."""

    traits: SensorInfo
    watts: float
    limit: float

    def read(self) -> Reading:
        return Reading(clock.perf_counter(), self.watts)

    def power_limit_now(self) -> float | None:
        return self.limit

    def close(self) -> None:
        pass


def test_a_power_above_the_limit_at_the_start_is_believed_once_the_limit_is_raised() -> None:
    board = Board(replace(COUNTER, method="power", power_limit=100.0), 90.0, 100.0)
    gate = ValidatedSensor(board)
    assert gate.read().value == 90.0
    board.watts = 650.0
    with pytest.raises(SensorFault):
        gate.read()
    board.limit = 700.0
    assert gate.read().value == 650.0
    assert gate.power_limit == 700.0
    board.watts = -1.0
    with pytest.raises(SensorFault):
        gate.read()


def test_a_limit_that_was_raised_is_known_before_anything_is_bounded_by_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """What happens between two readings is bounded by the limit, also where no reading is impossible."""
    board = Board(replace(COUNTER, method="power", power_limit=100.0), 90.0, 300.0)
    gate = ValidatedSensor(board)
    board.watts = 250.0
    gate.read()
    assert gate.power_limit == 300.0, "power above the limit that was known"
    later = clock.monotonic()
    monkeypatch.setattr(clock, "monotonic", lambda: later)
    board.watts, board.limit = 90.0, 500.0
    gate.read()
    assert gate.power_limit == 300.0
    later += 1.0
    assert gate.refresh_limit() == 500.0, "and before an energy is bounded by it"
    board.limit = 50.0
    later += 1.0
    assert gate.refresh_limit() == 500.0, "it may have drawn more until now"


@pytest.mark.parametrize("method", ["power", "counter"])
def test_a_final_figure_is_bounded_by_the_limit_of_its_time(method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    board = Board(replace(COUNTER, method=method, power_limit=100.0), 90.0, 100.0)
    meter = Meter([board])
    start = clock.perf_counter()
    meter.read()
    board.limit = 500.0
    later = clock.monotonic() + 1.0
    monkeypatch.setattr(clock, "monotonic", lambda: later)
    (timeline,) = meter.timelines.values()
    meter.components(start, clock.perf_counter())
    assert timeline.traits.power_limit == 100.0, "a provisional figure does not ask the driver"
    meter.components(start, clock.perf_counter(), final=True)
    assert timeline.traits.power_limit == 500.0
    if isinstance(timeline, PowerTimeline):
        assert timeline._updates._traits.power_limit == 500.0
