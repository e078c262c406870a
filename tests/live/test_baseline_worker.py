"""What pages are told of the baseline, on real kernels: one kernel is one run."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest

from jupyter_green.baselines.comparison import SAME
from tests.live.page import Page

pytestmark = pytest.mark.shell

WORK = "sum(i * i for i in range({millions}_000_000))"


@pytest.fixture
def begin(visit: Callable[..., Page], tmp_path: Path) -> Callable[[], Page]:
    """Return a function that starts a new run of the same notebook."""

    def begin() -> Page:
        page = visit(JPY_SESSION_NAME=str(tmp_path / "films.ipynb"))
        page.run("%load_ext jupyter_green", "load")
        return page

    return begin


@pytest.fixture
def second(begin: Callable[[], Page]) -> Page:
    """A page on the second run."""
    page = begin()
    page.run(WORK.format(millions=8), "a")
    page.run(WORK.format(millions=3), "b")
    page.settled("b")
    page.kernel.manager.shutdown_kernel()
    return begin()


def ask(page: Page, action: str, name: str | None = None) -> dict:
    request = page.request("baseline", id=uuid.uuid4().hex, action=action, name=name)
    page.say(page.comm, request)
    found = page.wait(
        lambda: next((frame for frame in page.heard if frame.type == "answer" and frame["to"] == request["id"]), None),
        "the answer",
    )
    return dict(found.data)


def compared(page: Page) -> dict:
    """Wait until the run is compared with something."""
    page.wait(lambda: page.snapshots[-1]["baseline"] is not None, "a baseline")
    return dict(page.snapshots[-1].data)


def test_the_first_run_is_compared_with_nothing(page: Page) -> None:
    page.run(WORK.format(millions=3), "a")
    cell = page.settled("a")
    page.silence(4)
    assert (cell["last_run"], cell["against"]) == (None, None)
    last = page.snapshots[-1]
    assert (last["baseline"], last["totals"]["against"], last["totals"]["compared"]) == (None, None, 0)


def test_a_later_run_is_compared_cell_by_cell_and_in_total(second: Page) -> None:
    second.run(WORK.format(millions=8), "a")
    second.settled("a")
    snapshot = compared(second)
    assert (snapshot["baseline"]["kind"], snapshot["baseline"]["runs"]) == ("median", 1)
    second.wait(lambda: second.settled("a")["against"] is not None, "the comparison")
    cell = second.settled("a")
    assert cell["last_run"]["joules"] == pytest.approx(cell["against"]["baseline"])
    assert cell["against"]["difference"] == pytest.approx(cell["figure"]["joules"] - cell["last_run"]["joules"])
    assert cell["against"]["verdict"] in ("more", "less", "unproven")
    total = second.snapshots[-1]["totals"]
    assert total["compared"] == 1
    assert total["against"]["baseline"] == pytest.approx(cell["last_run"]["joules"])  # over the cells run so far


def test_a_running_cell_shows_what_it_used_last(second: Page) -> None:
    second.run("1", "other")
    compared(second)
    second.hold("a")
    running = second.wait(
        lambda: next((f["running"] for f in second.snapshots if (f["running"] or {}).get("cell_id") == "a"), None),
        "the running cell",
    )
    second.release()
    assert running["last_run"]["joules"] > 0
    assert running["against"] is None


def test_changed_code_is_marked(second: Page) -> None:
    second.run(WORK.format(millions=1), "a")
    compared(second)
    against = second.wait(lambda: second.settled("a")["against"], "the comparison")
    assert against["edited"] is True


def test_a_page_keeps_chooses_and_clears(second: Page) -> None:
    second.run(WORK.format(millions=5), "a")
    second.settled("a")
    kept = ask(second, "set", "mine")
    assert kept["ok"], kept
    assert "'mine'" in kept["message"]
    second.wait(lambda: (second.snapshots[-1]["baseline"] or {}).get("name") == "mine", "the new baseline")
    # A run is not compared with itself.
    second.wait(lambda: (second.settled("a")["against"] or {}).get("reason") == SAME, "no comparison with itself")
    assert ask(second, "use", "last")["ok"]
    second.wait(lambda: second.snapshots[-1]["baseline"]["kind"] == "last", "the last run")
    refused = ask(second, "use", "nobody")
    assert not refused["ok"]
    assert "There is no baseline 'nobody'" in refused["message"]
    assert second.snapshots[-1]["baseline"]["kind"] == "last"
    assert ask(second, "clear")["ok"]
    second.wait(lambda: second.snapshots[-1]["baseline"] is None, "no baseline")
    assert second.settled("a")["against"] is None


def test_the_magic_and_the_page_speak_of_one_baseline(second: Page) -> None:
    second.run(WORK.format(millions=5), "a")
    second.settled("a")
    second.run("%baseline set typed", "b")
    second.wait(lambda: (second.snapshots[-1]["baseline"] or {}).get("name") == "typed", "the typed baseline")


def test_comparing_is_silent_once_all_is_told(second: Page) -> None:
    second.run(WORK.format(millions=3), "a")
    compared(second)
    second.silence(6)
    time.sleep(0.5)
    assert second.silence(5) == []
