"""Kernels that die, child processes that live on, and kernels side by side: what the ledger says afterwards."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support.kernel import PATIENCE, Kernel, KernelDied

pytestmark = pytest.mark.shell

ENDS = {
    "_exit": "os._exit(1)",
    "SIGKILL": "os.kill(os.getpid(), signal.SIGKILL)",
    "SIGTERM": "signal.signal(signal.SIGTERM, signal.SIG_DFL); os.kill(os.getpid(), signal.SIGTERM)",
    "segmentation fault": "import ctypes; ctypes.string_at(0)",
}

THREE_HEARTBEATS = """
import os, signal, time
journal = get_ipython()._jupyter_green.session.store._journal.path
before = journal.read_text().count('"beat"')
while journal.read_text().count('"beat"') < before + 3: time.sleep(0.05)
"""
"""They are a second apart, the first may come at once."""


def load(kernel: Kernel) -> Kernel:
    assert kernel.run("%load_ext jupyter_green").status == "ok"
    return kernel


def statuses(kernel: Kernel) -> dict[str, str]:
    """Status by the scene's name of the cell."""
    rows = kernel.rows()
    found = {row["cell_id"].rsplit("-", 2)[0]: row["status"] for row in rows}
    assert len(found) == len(rows), f"a cell stands twice in the ledger: {rows}"
    return found


@pytest.mark.parametrize("how", ENDS)
def test_a_cell_that_killed_its_kernel(start: Callable[..., Kernel], how: str) -> None:
    first = load(start())
    first.run("x = 1", "fine")
    with pytest.raises(KernelDied):
        first.run(f"{THREE_HEARTBEATS}\n{ENDS[how]}", "fatal")
    next_one = start()
    assert statuses(next_one) == {"fine": "ok", "fatal": "killed"}
    killed = next_one.rows()[-1]
    assert killed["final"] is True
    assert killed["seconds"] > 0.5, "counted up to the last heartbeat, which is at most a second old"
    assert killed["notes"]
    assert all(part["joules"] != 0 or part["method"] == "counter" for part in killed["components"])


def test_killed_at_once(start: Callable[..., Kernel]) -> None:
    """The start line is written before the body."""
    first = load(start())
    with pytest.raises(KernelDied):
        first.run("__import__('os')._exit(1)", "fatal")
    assert statuses(start()) == {"fatal": "killed"}


def test_killed_while_idle_loses_nothing(start: Callable[..., Kernel]) -> None:
    first = load(start())
    for name in ("one", "two"):
        first.run("sum(range(1000))", name)
    first.manager.provisioner.process.kill()
    first.manager.provisioner.process.wait()
    found = statuses(start())
    assert found == {"one": "ok", "two": "ok"}


@pytest.mark.parametrize("source", ["exit", "import sys; sys.exit(0)", "quit()"])
def test_leaving_properly(start: Callable[..., Kernel], source: str) -> None:
    first = load(start())
    first.run("x = 1", "fine")
    with contextlib.suppress(KernelDied):  # it may be gone before all is read
        first.run(source, "leaving")
    first.client.shutdown()
    end = time.monotonic() + PATIENCE
    while first.alive and time.monotonic() < end:
        time.sleep(0.1)
    assert not first.alive
    found = statuses(start())
    assert found["fine"] == "ok"
    assert "killed" not in found.values()


def test_a_child_that_outlives_its_killed_kernel(start: Callable[..., Kernel]) -> None:
    """A forked child holds copies of all open files; it must not look like the living owner of the journal."""
    first = load(start())
    go = first.work / "go"
    first.run(
        f"""
import os, time
child = os.fork()
if child == 0:
    while not os.path.exists({str(go)!r}):
        time.sleep(0.05)
    os._exit(0)
""",
        "forking",
    )
    try:
        with pytest.raises(KernelDied):
            first.run("import time; time.sleep(1.5)\nos._exit(1)", "fatal")
        assert statuses(start()) == {"forking": "ok", "fatal": "killed"}
    finally:
        go.write_text("")


def test_a_child_does_not_meter(metered: Kernel) -> None:
    """A forked child that runs a whole cell of its own, and ends in every way a child can, leaves no record."""
    for how in ("os._exit(0)", "os.kill(os.getpid(), 9)"):
        outcome = metered.run(
            f"""
import os
child = os.fork()
if child == 0:
    try:
        get_ipython().run_cell("%%energy -o inner\\nx = sum(range(1000))", store_history=True)
    finally:
        {how}
os.waitpid(child, 0)[0] == child
""",
            f"parent {how[3:7]}",
        )
        assert outcome.status == "ok"
    assert statuses(metered) == {"parent _exi": "ok", "parent kill": "ok"}
    assert metered.run("%%energy\n1").records


def test_a_running_cell_of_a_living_kernel_is_not_killed(start: Callable[..., Kernel], tmp_path: Path) -> None:
    first, second = load(start()), load(start(work=tmp_path / "second"))
    began, go = tmp_path / "began", tmp_path / "go"
    source = f"""
import os, time
open({str(began)!r}, "w").close()
while not os.path.exists({str(go)!r}):
    time.sleep(0.05)
"""
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(first.run, source, "long")
        try:
            end = time.monotonic() + PATIENCE
            while not began.exists() and time.monotonic() < end:
                time.sleep(0.05)
            second.run("x = 1", "short")
            assert statuses(second) == {"short": "ok"}
        finally:
            go.write_text("")
        assert running.result().status == "ok"
    assert statuses(first) == {"short": "ok", "long": "ok"}


def test_two_kernels_at_once(start: Callable[..., Kernel], tmp_path: Path) -> None:
    kernels = [load(start(work=tmp_path / name)) for name in ("left", "right")]

    def work(kernel: Kernel) -> list[str]:
        sources = ["x = sum(range(10_000))", "1 / 0", "%%energy\n3"]
        return [kernel.run(source, kernel.work.name).cell_id for source in sources for _ in range(5)]

    with ThreadPoolExecutor(2) as pool:
        run = [cell_id for cells in pool.map(work, kernels) for cell_id in cells]
    third = start(work=tmp_path / "third")
    for reader in (*kernels, third):
        rows = reader.rows()
        assert sorted(row["cell_id"] for row in rows) == sorted(run)
        assert len({row["id"] for row in rows}) == len(run)
        assert len({row["run_id"] for row in rows}) == 2
