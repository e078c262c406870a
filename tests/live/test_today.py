"""Today's energy of all notebooks: other runs from the ledger, also during a long cell and across midnight."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest

from jupyter_green.live import run_state, today
from jupyter_green.live.today import EVERY_SECONDS_BUSY, Today
from jupyter_green.records import clock
from jupyter_green.storage import Ledger
from tests.live.test_run_state import record, source

HOUR = 3600.0


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger(f"sqlite:///{tmp_path / 'ledger.sqlite'}") as opened:
        opened.add([record(5.0, "a", started_at=time.time(), id="first")])
        yield opened


def test_a_long_cell_has_the_others_read_again(ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    changed: list[bool] = []
    read = Today(f"sqlite:///{tmp_path / 'ledger.sqlite'}", "mine", tell=lambda: changed.append(True))

    def asked(seconds: float) -> float | None:
        wait = read.ask_during_cell(seconds)
        if read._thread is not None:
            read._thread.join()
        return wait

    assert asked(1.0) == EVERY_SECONDS_BUSY - 1.0, "the cell has just begun"
    assert asked(HOUR) == EVERY_SECONDS_BUSY
    assert read.others is not None
    assert read.others.joules == 5.0
    ledger.add([record(7.0, "b", started_at=time.time(), id="second")])
    asked(HOUR)
    assert read.others.joules == 5.0, "it was read a moment ago"
    later = clock.monotonic() + EVERY_SECONDS_BUSY + 1
    monkeypatch.setattr(today.clock, "monotonic", lambda: later)
    asked(HOUR)
    assert read.others.joules == 12.0
    assert changed == [True, True]


def test_at_midnight_a_run_has_used_nothing_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Asked by a page that looks again, before the first cell of the new day."""

    class Tomorrow(date):
        @classmethod
        def today(cls) -> date:
            return date.today() + timedelta(days=1)

    chronicle = run_state.RunState("r", source)
    chronicle.keep(record(5.0, "a", started_at=time.time()))
    live = [record(2.0, "b", started_at=time.time(), final=False)]
    assert chronicle.sums(live).today.joules == 7.0
    monkeypatch.setattr(run_state, "date", Tomorrow)
    assert chronicle.sums().today.joules is None
    assert chronicle.sums(live).today.joules is None
    assert chronicle.sums(live).whole.joules == 7.0
    chronicle.keep(record(3.0, "a", started_at=time.time() + 86_400.0))
    assert chronicle.sums(live).today.joules == 3.0
