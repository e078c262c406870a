"""One notebook all the way: driver, sensor, meter, session, journal, ledger, cell, page, export and back."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from jupyter_green.records import EnergyRecord
from jupyter_green.storage import Ledger
from tests.support.command import WORK, Command, notebook
from tests.support.driver import SimulatedDriver

IDLE, BUSY = 20.0, 180.0


@pytest.fixture
def simulated(tmp_path: Path) -> dict[str, str]:
    """Variables of a simulated GPU that works as hard as the kernel does."""
    driver = SimulatedDriver(tmp_path / "driver")
    driver.follow(driver.board(idle=IDLE), idle=IDLE, busy=BUSY)
    return driver.environment()


def records_of(ledger: str) -> list[EnergyRecord]:
    with Ledger(ledger) as opened:
        return list(opened.records())


def test_from_the_driver_to_the_page(green: Command, tmp_path: Path, simulated: dict[str, str]) -> None:
    ledger = f"sqlite:///{tmp_path / 'walk.sqlite'}"
    book = notebook(
        tmp_path / "walk.ipynb",
        [
            "%load_ext jupyter_green",
            f"for _ in range(10): {WORK}",
            f"%%energy -u 10 -o record\nfor _ in range(10): {WORK}",
            "assert record.final and record.quality == 'simulated', record",
            "%energy history",
        ],
    )
    environment = {**simulated, "JUPYTER_GREEN_LEDGER": ledger, "JUPYTER_GREEN_REGION": "FRA"}
    done = green("run", book, "--html", "walk.html", "--json", "walk.json", **environment)
    assert (done.code, done.err) == (0, "")

    # The figures are the board's: between what it draws idle and flat out.
    kept = {record.cell_id: record for record in records_of(ledger) if record.span == "cell"}
    assert list(kept) == ["c2", "c3", "c4"]
    for record in (kept["c2"], kept["c3"]):
        (gpu,) = [part for part in record.components if part.kind == "gpu"]
        assert (gpu.quality, gpu.method) == ("simulated", "counter")
        assert gpu.joules is not None
        assert gpu.uncertainty is not None
        assert gpu.joules + gpu.uncertainty > IDLE * record.seconds
        assert gpu.joules - gpu.uncertainty < (IDLE + BUSY) * record.seconds
        assert record.co2e_grams
    assert kept["c3"].units == 10

    # The same figures everywhere, and nowhere are they called measured.
    report = json.loads((tmp_path / "walk.json").read_text())
    shown = {item["cell_id"]: item["joules"] for item in report["records"] if item["span"] == "cell"}
    assert shown == pytest.approx({name: record.joules for name, record in kept.items()})
    page = (tmp_path / "walk.html").read_text()
    assert "GPU simulated" in page
    for text in (done.out, page):
        assert not re.search(r"GPU measured|\d ?J[^.]{0,30} measured", text)
    assert "no figure here is a measurement" in done.out

    # Out of one ledger and into another, whole.
    assert green("export", "walk.jsonl", JUPYTER_GREEN_LEDGER=ledger).code == 0
    other = f"sqlite:///{tmp_path / 'other.sqlite'}"
    assert green("import", "walk.jsonl", JUPYTER_GREEN_LEDGER=other).code == 0
    assert records_of(other) == records_of(ledger)


def test_the_doctor_knows_a_simulation(green: Command, simulated: dict[str, str]) -> None:
    done = green("doctor", **simulated)
    assert "GPU simulated" in done.out
    assert "GPU measured" not in done.out
