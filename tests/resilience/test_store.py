"""Places to write that fail while cells run: nothing is lost, and one sentence says what to do."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from jupyter_green.records import EnergyRecord
from jupyter_green.session import Settings, record_writer
from jupyter_green.storage import Ledger
from jupyter_green.storage.journal import journals, replay
from jupyter_green.storage.location import journal_folder
from tests.resilience.bench import SETUP, Bench, ledger, one_sentence, right
from tests.support.driver import SimulatedDriver
from tests.support.script import run

CELLS = """
session = current()
def cells(name, count=5):
    for number in range(count):
        with green.meter(f"{name} {number}"): sum(range(1000))
    session.settle()
def drained():
    session.store.drain()
    return session.problem
"""

EAGER = """
import jupyter_green.session.record_writer as store
store.QUIET_SECONDS, store.DRAIN_EVERY_SECONDS = 0.0, 0.0
"""
"""The sampler drains as soon as nothing runs, not some seconds later."""


def names(*groups: str, count: int = 5) -> list[str]:
    return sorted(f"{group} {number}" for group in groups for number in range(count))


def kept() -> list[str]:
    """Labels in the ledger; each is there once."""
    found = ledger()
    assert all(len(records) == 1 for label, records in found.items() if label)
    return sorted(label for label in found if label)


@pytest.fixture
def driver(tmp_path: Path) -> SimulatedDriver:
    made = SimulatedDriver(tmp_path / "driver")
    made.board(ripple=0.0)
    return made


@pytest.fixture
def file() -> Path:
    """Where the ledger's file is."""
    with Ledger() as opened:
        opened.drain()
        return Path(opened.url.removeprefix("sqlite:///"))


@pytest.mark.skipif(sys.platform == "win32", reason="no limits of this kind")
def test_a_disk_that_is_full_for_a_while() -> None:
    told = run(
        CELLS
        + """
import resource, signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
cells("before")
first = drained()
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
cells("full")
second = drained()
cells("still full")
resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
session.store._next_try = 0.0
cells("after")
third = drained()
print(json.dumps([first, second, third]))
"""
    )
    assert told[0] is None
    one_sentence(told[1].split(". ")[0] + ".")
    assert "Free some space" in told[1] or "is full" in told[1]
    assert told[2] is None
    assert kept() == names("before", "full", "still full", "after")


@pytest.mark.skipif(sys.platform == "win32", reason="no limits of this kind")
def test_what_waits_is_written_though_nothing_runs_any_more() -> None:
    told = run(
        CELLS
        + """
import os, resource, signal, time
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (64, hard))
cells("full")
waited = session.store.waiting
resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
session.store._next_try = 0.0
session.hurry()
end = time.monotonic() + 600
while session.store.waiting and time.monotonic() < end: time.sleep(0.02)
print(json.dumps([waited, session.store.waiting, session.problem]), flush=True)
os._exit(0)
"""
    )
    assert told[0] >= 5
    assert told[1:] == [0, None]
    assert kept() == names("full")


def test_a_home_that_can_not_be_written_and_then_can(tmp_path: Path) -> None:
    """The data folder lies below a file; the file makes room for a folder while the session runs."""
    block = tmp_path / "block"
    block.write_text("")
    told = run(
        CELLS
        + f"""
import pathlib
block = pathlib.Path({str(block)!r})
cells("closed")
first, waiting = session.problem, session.store.waiting
block.unlink()
session.store._next_try = 0.0
cells("open")
print(json.dumps([first, waiting, session.problem]))
""",
        XDG_DATA_HOME=str(block / "data"),
    )
    assert "can't be written" in told[0]
    assert told[1] >= 5
    assert told[2] is None
    os.environ["XDG_DATA_HOME"] = str(block / "data")  # put back by the fixture that set it
    assert kept() == names("closed", "open")


def test_a_home_that_stays_closed_ends_with_a_sentence_and_figures(tmp_path: Path) -> None:
    (tmp_path / "block").write_text("")
    told = run(
        CELLS
        + """
cells("closed")
problem = drained()
print(json.dumps([problem, [r.joules is not None for r in session.finished if r.label]]))
""",
        XDG_DATA_HOME=str(tmp_path / "block" / "data"),
    )
    assert "can't be written" in told[0]
    assert told[1] == [True] * 5


HOLD = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN EXCLUSIVE")
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def lock(file: Path) -> Iterator[subprocess.Popen[str]]:
    """Another program has the ledger to itself until its input is closed."""
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(file)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    assert holder.stdout.readline().strip() == "held"
    yield holder
    holder.communicate()


def test_cells_that_run_while_the_ledger_is_locked(lock: subprocess.Popen[str], driver: SimulatedDriver) -> None:
    """A drain waits for the ledger when a cell begins: the cell's figure holds as ever, later all is there."""
    with Bench(driver.environment(), setup=EAGER + SETUP) as bench:
        start, end = driver.busy(300.0, 0.5, lead=0.3)
        bench.block("before", start, end)
        while not bench.ask("'jupyter_green drain' in [thread.name for thread in threading.enumerate()]"):
            time.sleep(0.01)
        start, end = driver.busy(400.0, 1.0, lead=0.3)
        told = bench.block("locked", start, end)
        right(told, driver.truth(0, told.start, told.end))
        while bench.ask("session.store.drain_problem") is None:
            time.sleep(0.05)
        said = bench.ask("session.problem")
        one_sentence(said.split(". ")[0] + ".")
        assert "locked" in said or "another" in said
        lock.communicate()
        start, end = driver.busy(400.0, 0.5, lead=0.3)
        told = bench.block("after", start, end)
        bench.run("session.store.drain()")
        assert bench.ask("session.problem") is None


@pytest.mark.parametrize("how", ["corrupt", "cut", "missing", "folder missing"])
def test_a_ledger_that_is_hurt_while_cells_run(file: Path, how: str) -> None:
    hurt = {
        "corrupt": "bytes = file.read_bytes(); file.write_bytes(bytes[:100] + os.urandom(len(bytes) - 100))",
        "cut": "file.write_bytes(file.read_bytes()[:5000])",
        "missing": "file.unlink()",
        "folder missing": "import shutil; shutil.rmtree(file.parent)",
    }[how]
    told = run(
        CELLS
        + f"""
import pathlib
file = pathlib.Path({str(file)!r})
cells("before")
first = drained()
for end in ("-wal", "-shm"): pathlib.Path(str(file) + end).unlink(missing_ok=True)
{hurt}
cells("after")
second = drained()
print(json.dumps([first, second]))
"""
    )
    damaged = how in {"corrupt", "cut"}
    assert told[0] is None
    assert "was damaged" in (told[1] or "") if damaged else told[1] is None
    expected = names("after") if how == "folder missing" else names("before", "after")
    assert kept() == expected
    assert bool(list(file.parent.glob("*.corrupt-*"))) is damaged


def test_a_journal_that_is_removed_while_cells_run() -> None:
    """What was drained is safe; what comes after the removal goes into a new journal."""
    told = run(
        CELLS
        + """
import pathlib
cells("drained")
drained()
for path in pathlib.Path(os.environ["XDG_DATA_HOME"]).rglob("*.jsonl"): path.unlink()
cells("after")
print(json.dumps(session.problem))
"""
    )
    assert told is None
    assert kept() == names("drained", "after")


@pytest.mark.parametrize("after", ["", "mine = open(path, 'w+b', buffering=0); assert mine.fileno() == handle"])
def test_a_descriptor_that_a_cell_closes_and_that_is_a_persons_file_then(tmp_path: Path, after: str) -> None:
    """Nothing is written to that file, nor is it closed; the cell in which it happens is whole too."""
    path = tmp_path / "mine.txt"
    told = run(
        CELLS
        + f"""
path, mine = {str(path)!r}, None
cells("before")
with green.meter("across 0"):
    handle = session.store._journal._handle
    os.closerange(handle, handle + 1)
    {after}
cells("after")
session.store.drain()
session.store.close()
if mine is not None: mine.write(b"my own line")
print(json.dumps(session.problem))
"""
    )
    assert told is None
    assert kept() == sorted([*names("before", "after"), "across 0"])
    assert {record.status for records in ledger().values() for record in records} == {"ok"}
    if after:
        assert path.read_bytes() == b"my own line"


def test_a_drain_that_can_not_even_begin_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    """The database library is broken: cells are metered, the journal keeps them, the sampler goes on."""
    told = run(
        EAGER
        + CELLS
        + """
sys.modules["sqlalchemy"] = None
cells("one")
time.sleep(0.3)
cells("two")
print(json.dumps([session.problem, [r.label for r in session.finished if r.label]]))
"""
    )
    assert told[0]
    assert told[1] == [*names("one"), *names("two")]
    assert kept() == names("one", "two")


def test_an_end_that_is_noted_late_begins_no_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sampler may settle a window, and go on in another file, before the cell has noted its end."""
    url = f"sqlite:///{tmp_path / 'ledger.sqlite'}"
    monkeypatch.setattr(record_writer, "ROTATE_BYTES", 0)
    writer = record_writer.RecordWriter(Settings(url, "project"))
    record = EnergyRecord(components=(), seconds=1.0, started_at=1.7e9)
    writer.note("open", record.id, {**record.to_dict(), "seconds": 0.0})
    writer.keep(record)
    writer.note("close", record.id, {"status": "ok", "seconds": 1.0})
    writer.note("beat", record.id, {"seconds": 1.0})
    writer.close()
    found = [replay(path) for path in journals(journal_folder(url))]
    assert len(found) == 2
    assert [(len(one.settled), len(one.open), one.skipped) for one in found] == [(1, 0, 0), (0, 0, 0)]
