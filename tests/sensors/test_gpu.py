"""On a real NVIDIA board: what its driver tells, and the meter beside its counter. Skipped without one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import jupyter_green as green
from jupyter_green.magics.energy.known_load import NoLoadError, known_load
from jupyter_green.sensors import Conditioned, Sensor
from jupyter_green.sensors.nvidia import discover

pytestmark = pytest.mark.gpu


@pytest.fixture
def board() -> Iterator[Sensor]:
    boards = [sensor for sensor in discover().sensors if sensor.traits.quality == "measured"]
    if not boards:
        pytest.skip("No NVIDIA board is measured here.")
    yield boards[0]
    for sensor in boards:
        sensor.close()


def test_it_tells_its_temperature_clock_and_throttling(board: Sensor) -> None:
    assert isinstance(board, Conditioned)
    found = board.condition()
    assert found is not None
    assert found.celsius is None or 0 < found.celsius < 130
    assert found.clock_mhz is None or 0 < found.clock_mhz < 10_000
    assert found.throttle is not None


def test_the_meter_agrees_with_the_counter(board: Sensor) -> None:
    if board.traits.method != "counter":
        pytest.skip(f"{board.traits.device} shows its power only.")
    try:
        load = known_load(board.traits)
    except NoLoadError as error:
        pytest.skip(str(error))
    load(1.0)
    before = board.read().value
    with green.meter("load") as window:
        load(5.0)
    after = board.read().value
    part = next(part for part in window.record.components if part.key == board.traits.key)
    assert part.joules is not None
    assert part.uncertainty is not None
    # A tick on each side is all that the plain difference may miss.
    step = 2 * board.traits.period[1] * part.joules / window.record.seconds
    assert abs(after - before - part.joules) <= part.uncertainty + step
    assert part.clock_mhz is not None
