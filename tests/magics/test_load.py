"""Loading and unloading: one line, nothing a person relies on changed, nothing left behind, nothing done when idle."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.kernel import Kernel, settle

pytestmark = pytest.mark.shell

INSPECTION = "__import__('tests.support.inspection', fromlist=['state'])"
OURS_TO_CHANGE = {
    "cleanup transforms",
    "events",
    "line magics",
    "cell magics",
    "magics classes",
    "configurables",
    "displays",
    "threads",
    "files",
    "attributes",
    "comm targets",
}
"""What loading may change until it is unloaded; all else must be as before while it is loaded, too."""


def state(kernel: Kernel) -> dict[str, object]:
    return kernel.json(f"{INSPECTION}.state({str(kernel.folder / 'data')!r})")


def changed(before: dict[str, object], after: dict[str, object]) -> dict[str, tuple[object, object]]:
    return {name: (before[name], after[name]) for name in before if before[name] != after[name]}


def warm(kernel: Kernel) -> Kernel:
    """Have IPython do what it does once at a first value, a first error and a first use of its own magics."""
    for source in ("1 + 1", "1 / 0", "x = 1\ndel x", "%who", "%unload_ext nothing_of_this_name", "%%time\n1"):
        kernel.run(source)
    return kernel


def use(kernel: Kernel) -> None:
    """Use most of what the extension offers."""
    for source in (
        "1 + 1",
        "%%energy -q -o rec_\nsum(range(100_000))",
        "%%energy\n1 / 0",
        "%energy history",
        "%energy status",
        "%energy doctor",
        "%energy report",
        "%energy report told.html",
        "%energy report --slack",
        "%energy export told.csv",
        "del rec_",
    ):
        kernel.run(source)


def test_one_line(plain: Kernel) -> None:
    outcome = plain.run("%load_ext jupyter_green")
    assert outcome.status == "ok"
    assert [(m.type, m.content["name"]) for m in outcome.others] == [("stream", "stdout")]
    text = outcome.text()
    assert text.endswith("\n")
    assert len(text.splitlines()) == 1
    assert text.startswith("jupyter_green")
    assert plain.rows() == []


def test_loading_changes_nothing_else(plain: Kernel) -> None:
    before = state(warm(plain))
    plain.run("%load_ext jupyter_green")
    use(plain)
    assert set(changed(before, state(plain))) <= OURS_TO_CHANGE


def test_unloading_leaves_nothing(plain: Kernel) -> None:
    before = state(warm(plain))
    plain.run("%load_ext jupyter_green")
    use(plain)
    outcome = plain.run("%unload_ext jupyter_green")
    assert outcome.status == "ok"
    assert outcome.others == []
    settle(lambda: changed(before, state(plain)), lambda left: not left, "left behind")
    rows = len(plain.rows())
    assert plain.run("1 + 1").text() == "2"
    assert plain.run("%%energy\n1").reply["ename"] == "UsageError"
    assert plain.run("%energy status").reply["ename"] == "UsageError"
    assert len(plain.rows()) == rows


def test_unloading_twice_and_loading_again(metered: Kernel) -> None:
    loaded = state(metered)
    assert metered.run("%unload_ext jupyter_green").status == "ok"
    assert metered.run("%unload_ext jupyter_green").status == "ok"
    again = metered.run("%load_ext jupyter_green")
    assert len(again.text().splitlines()) == 1
    counted = metered.run("1 + 1").cell_id
    assert [row["cell_id"] for row in metered.rows()].count(counted) == 1
    assert not {name for name in changed(loaded, state(metered)) if name not in ("threads", "files")}


@pytest.mark.parametrize("again", ["%load_ext jupyter_green", "%reload_ext jupyter_green"])
def test_loading_again_adds_nothing(metered: Kernel, again: str) -> None:
    metered.run("1")
    loaded = state(metered)
    assert metered.run(again).status == "ok"
    one = metered.run("%%energy\n2 + 3")
    assert len(one.records) == 1
    assert [row["cell_id"] for row in metered.rows()].count(one.cell_id) == 1
    left = settle(
        lambda: changed(loaded, state(metered)),
        lambda seen: not set(seen) - {"files"},
        "another state after loading again",
    )
    assert len(state(metered)["files"]) == len(loaded["files"]), left


def test_settings_survive_a_reload_without_hurt(metered: Kernel) -> None:
    metered.run("x = 5")
    metered.run("%reload_ext jupyter_green")
    assert metered.run("x").text() == "5"
    assert [row["status"] for row in metered.rows()] == ["ok", "ok"]


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="only Linux tells how often a thread ran")
def test_nothing_runs_when_idle(plain: Kernel) -> None:
    """None of our threads is scheduled even once in four seconds, once the last figure has settled.

    After three, what other notebooks used today is read once.
    """
    before = plain.json(f"{INSPECTION}.threads()")
    plain.run("%load_ext jupyter_green")
    use(plain)
    tasks = Path(f"/proc/{plain.pid}/task")

    def runs() -> dict[str, str]:
        now = plain.json(f"{INSPECTION}.threads()")
        ours = {number: name for number, name in now.items() if number not in before}
        first = {number: switches(tasks / number) for number in ours}
        time.sleep(4)
        return {name: number for number, name in ours.items() if switches(tasks / number) != first[number]}

    settle(runs, lambda busy: not busy, "our threads go on running")
    plain.listen(0.1)  # what was sent before they stood still
    assert plain.listen(1.0) == []


def switches(task: Path) -> int:
    """Return how often a thread was scheduled away; -1 where it has ended."""
    try:
        lines = (task / "status").read_text().splitlines()
    except OSError:
        return -1
    return sum(int(line.split()[1]) for line in lines if "ctxt_switches" in line)


def test_threads_of_others_are_left_alone(plain: Kernel) -> None:
    plain.run("""
import threading, time
ticks, stop = [], threading.Event()
def tick():
    while not stop.wait(0.01):
        ticks.append(threading.get_ident())
worker = threading.Thread(target=tick, name="worker of a person")
worker.start()
""")
    plain.run("%load_ext jupyter_green")
    use(plain)
    plain.run("%unload_ext jupyter_green")
    assert plain.json("worker.is_alive()") is True
    count = plain.json("len(ticks)")
    settle(lambda: plain.json("len(ticks)"), lambda now: now > count, "the worker stands still")
    plain.run("stop.set()\nworker.join()")
    assert plain.json("len(set(ticks))") == 1


# ---- places that can't be written -------------------------------------------------------------------------


@pytest.fixture(params=["home is no folder", "data folder is no folder", "data folder is read-only", "no home"])
def unwritable(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, str | None]:
    """Environment of a kernel that has nowhere to keep its data."""
    (tmp_path / "file").write_text("")
    blocked = str(tmp_path / "file" / "below")
    if request.param == "home is no folder":
        names = ("XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME")
        return {"HOME": blocked, **dict.fromkeys(names)}
    if request.param == "no home":
        return {"HOME": "/nowhere/at/all", "XDG_DATA_HOME": "/proc/nowhere"}
    if request.param == "data folder is read-only":
        if os.geteuid() == 0:
            pytest.skip("root may write everywhere")
        closed = tmp_path / "closed"
        closed.mkdir(mode=0o500)
        return {"XDG_DATA_HOME": str(closed)}
    return {"XDG_DATA_HOME": blocked}


def test_without_a_place_to_write(start: Callable[..., Kernel], unwritable: dict[str, str | None]) -> None:
    kernel = start(**unwritable)
    loaded = kernel.run("%load_ext jupyter_green")
    assert loaded.status == "ok", loaded.text()
    assert len(loaded.text().splitlines()) == 1, loaded.text()
    assert "writ" in loaded.text(), "loading does not say that nothing can be written"
    assert kernel.run("6 * 7").text() == "42"
    shown = kernel.run("%%energy -o rec\nsum(range(10))")
    assert shown.status == "ok"
    assert len(shown.records) == 1
    assert kernel.json("rec.final") is True
    assert "writ" in kernel.run("%energy status").text()
    told = kernel.run("%energy history")
    assert told.status == "ok"
    assert kernel.run("1 / 0").reply["ename"] == "ZeroDivisionError"
    for source in ("%energy history --all", "%energy export told.csv"):
        outcome = kernel.run(source)
        assert not [m for m in outcome.messages if m.type == "error"], outcome.text()
        assert len(outcome.text().strip().splitlines()) >= 1


@pytest.mark.parametrize(
    "url", ["no url at all", "sqlite:////proc/nowhere/ledger.db", "postgresql://u:secret@127.0.0.1:1/x"]
)
def test_a_ledger_that_can_not_be_reached(start: Callable[..., Kernel], url: str) -> None:
    """Loading says so in one sentence, or works and meters; cells run in any case, passwords are never shown."""
    kernel = start(JUPYTER_GREEN_LEDGER=url)
    outcomes = [kernel.run(source) for source in ("%load_ext jupyter_green", "6 * 7", "%energy status")]
    assert not [m for outcome in outcomes for m in outcome.messages if m.type == "error"]
    assert len(outcomes[0].text().strip().splitlines()) == 1
    assert outcomes[1].text() == "42"
    assert "secret" not in "".join(outcome.text() for outcome in outcomes)
