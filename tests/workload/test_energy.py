"""The energy of the phases, on the simulated driver: its edges are the generation's own, and nothing is lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.driver import SimulatedDriver
from tests.support.script import run

pytest.importorskip("torch", reason="PyTorch is not installed here")
pytest.importorskip("transformers", reason="transformers is not installed here")

SCRIPT = """
import torch
from tests.workload.models import decoder, prompts
model = decoder()
model.generate(prompts(1, 5), max_new_tokens=2)
time.sleep(0.3)
# Readings that were dropped meanwhile would give another sum when they are asked again.
current().meter.thin = current().meter.forget = lambda *_: None
with green.meter("counted", units="tokens") as window:
    time.sleep(0.2)
    for new in (100, 150, 60):
        model.generate(prompts(8, 60), max_new_tokens=new)
        time.sleep(0.05)
session, whole = current(), window.record
parts = [r for r in session.finished if r.parent == whole.id]
calls = window.unit_counter._calls
lines = session.meter.timelines.items()
def part(record, key): return next(p for p in record.components if p.key == key)
told = {key: {
    "generating": sum(line.energy(c.began.time, c.ended.time).joules for c in calls),
    "parts": [part(r, key).joules for r in parts],
    "widths": [part(r, key).uncertainty for r in parts],
    "whole": part(whole, key).joules, "width": part(whole, key).uncertainty,
    "quality": part(whole, key).quality,
} for key, line in lines}
print(json.dumps([told, [[r.label, r.units, r.joules, r.joules_per_unit, r.final] for r in parts], whole.units]))
"""


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> list:
    driver = SimulatedDriver(tmp_path_factory.mktemp("driver"))
    driver.board(ripple=0.0)
    driver.follow()
    root = str(Path(__file__).resolve().parents[2])
    with pytest.MonkeyPatch.context() as patch:
        for name in ("HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME"):
            patch.setenv(name, str(tmp_path_factory.mktemp("home")))
        return run(SCRIPT, driver, PYTHONPATH=root)


def test_prefill_and_decode_add_up_to_the_generating(told: list) -> None:
    devices, _, _ = told
    assert len(devices) == 2
    for device in devices.values():
        assert sum(device["parts"]) == pytest.approx(device["generating"], abs=1e-9)
        assert 0 < device["generating"] <= device["whole"]
    assert {device["quality"] for device in devices.values()} == {"simulated", "estimated"}


def test_joules_per_unit_times_units_is_the_energy(told: list) -> None:
    _, parts, units = told
    assert [label for label, *_ in parts] == ["prefill", "decode"]
    assert sum(each * n for _, n, _, each, _ in parts) == pytest.approx(sum(j for _, _, j, *_ in parts), abs=1e-9)
    assert [n for _, n, *_ in parts] == [3 * 8 * 60, units]
    assert all(final for *_, final in parts)


def test_no_half_width_reaches_beyond_the_window(told: list) -> None:
    devices, _, _ = told
    for device in devices.values():
        top = device["whole"] + device["width"]
        for joules, width in zip(device["parts"], device["widths"], strict=True):
            assert width > 0
            assert joules + width <= max(top, 2 * joules) + 1e-9
