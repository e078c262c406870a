"""The meters of the accuracy benchmark, each in its own process: those whose libraries the tests have too."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from benchmarks.station import Station
from tests.support.driver import SimulatedDriver

PATIENCE = 120.0


@pytest.mark.parametrize("key", ["green", "difference"])
def test_a_meter_reads_a_window(key: str, tmp_path: Path) -> None:
    driver = SimulatedDriver(tmp_path)
    driver.board(idle=100.0, ripple=0.0)
    ledger = {"JUPYTER_GREEN_LEDGER": f"sqlite:///{tmp_path / 'ledger.sqlite'}"}
    station = Station(key, tmp_path, {**os.environ, **driver.environment(), **ledger})
    try:
        station.answer(PATIENCE)
        begin = time.perf_counter() + 0.2
        station.order([(begin, begin + 0.5)])
        (window,) = station.answer(PATIENCE)
    finally:
        station.close()
    truth = driver.truth(0, window["opened"], window["closed"])
    # How near it comes is what the benchmark finds; a counter is up to an update behind at either end.
    assert window["said"]["joules"] >= 0.5 * truth
