"""Long work beside a cell: all of it is done, in order, and only off the main thread are there rests."""

from __future__ import annotations

import threading
import time

import pytest

from jupyter_green.baselines import throttle
from jupyter_green.records import clock

ITEMS = list(range(5 * throttle.FEW + 3))


@pytest.fixture
def rests(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    taken: list[float] = []
    monkeypatch.setattr(clock, "sleep", taken.append)
    return taken


def test_no_rest_where_a_person_waits(rests: list[float]) -> None:
    assert list(throttle.throttled(ITEMS)) == ITEMS
    assert rests == []


def test_rests_are_longer_than_the_work(rests: list[float]) -> None:
    found: list[int] = []
    worked: list[float] = []

    def work() -> None:
        for item in throttle.throttled(ITEMS):
            began = time.thread_time()
            while time.thread_time() - began < 1e-4:
                pass
            found.append(item)
        worked.append(time.thread_time())

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == ITEMS
    assert len(rests) == 5
    assert min(rests) >= throttle.SHARE * throttle.FEW * 1e-4 * 0.9
