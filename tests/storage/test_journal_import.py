from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jupyter_green.records import SCHEMA_VERSION, Component, EnergyRecord, Trace
from jupyter_green.storage import Journal, Ledger, LedgerError, journal_folder, journal_import, journals, replay

ROOT = Path(__file__).resolve().parents[2]


def write(journal: Journal, record: EnergyRecord, upto: str = "final") -> None:
    """Write a window's lines as far as named."""
    journal.write("open", record.id, record.started_at, record.with_(final=False, components=(), seconds=0.0).to_dict())
    if upto == "open":
        return
    running = record.with_(final=False, seconds=record.seconds / 2)
    beat = {key: running.to_dict()[key] for key in ("components", "seconds")}
    journal.write("beat", record.id, record.started_at + record.seconds / 2, beat)
    if upto == "beat":
        return
    journal.write("close", record.id, record.started_at + record.seconds, record.with_(final=False).to_dict())
    if upto == "close":
        return
    journal.write("final", record.id, record.started_at + record.seconds, record.to_dict())


def python(code: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


# ---- once, and only once ---------------------------------------------------------------------------


def test_settled_records_arrive_once_and_as_they_were(any_url, record):
    trace = Trace({"GPU 0": ((0.0, 50.0), (0.5, None))}, 1.0)
    kept = [record(label=f"cell {place}", started_at=1e9 + place, trace=trace) for place in range(3)]
    journal = Journal(journal_folder(any_url))
    for one in kept:
        write(journal, one)
    with Ledger(any_url) as ledger:
        assert ledger.drain().records == 3
        assert ledger.drain().records == 0
        found = ledger.records()
    with Ledger(any_url, share=["notebook", "label"]) as again:
        assert again.drain().records == 0
        assert len(again.records()) == 3
    assert [one.id for one in found] == [one.id for one in kept]
    assert [one.components for one in found] == [one.components for one in kept]
    assert found[0].trace == trace
    journal.close()


def test_reading_brings_in_what_was_metered_meanwhile(file_url, record):
    journal = Journal(journal_folder(file_url))
    with Ledger(file_url) as ledger:
        assert len(ledger.records()) == 0
        write(journal, record())
        assert len(ledger.records()) == 1
        assert ledger.totals().joules == 100.0
    journal.close()


def test_a_living_owner_keeps_its_file_and_its_open_cell(any_url, record):
    journal = Journal(journal_folder(any_url))
    write(journal, record())
    write(journal, record(), upto="beat")
    with Ledger(any_url) as ledger:
        found = ledger.drain()
        assert (found.records, found.closed) == (1, 0)
        assert journal.path.exists()
        assert [one.status for one in ledger.records()] == ["ok"]
    journal.close()


def test_a_dead_owners_journal_is_closed_and_removed(any_url, record):
    journal = Journal(journal_folder(any_url))
    settled, ended, running = record(started_at=1.0), record(started_at=2.0, status="error"), record(started_at=3.0)
    write(journal, settled)
    write(journal, ended, upto="close")
    write(journal, running, upto="beat")
    journal.close()
    with Ledger(any_url) as ledger:
        found = ledger.drain()
        assert (found.records, found.closed, found.skipped) == (3, 1, 0)
        assert not list(journals(journal_folder(any_url)))
        one, two, three = ledger.records()
        assert (one.status, two.status, three.status) == ("ok", "error", "killed")
        assert (two.seconds, three.seconds) == (1.0, 0.5)
        assert all(entry.final for entry in (one, two, three))
        assert three.notes
        assert ledger.drain().closed == 0


KERNEL = """
import json, sys, time
from pathlib import Path
from jupyter_green.storage import Journal
from jupyter_green.records import EnergyRecord
record = EnergyRecord.from_dict(json.loads(sys.argv[2]))
journal = Journal(Path(sys.argv[1]), {"owner": "alice", "host": "here"})
journal.write("open", record.id, record.started_at, record.with_(final=False, components=(), seconds=0.0).to_dict())
for beat in (1.0, 2.0, 3.0):
    part = record.components[0].to_dict() | {"joules": 10 * beat}
    journal.write("beat", record.id, record.started_at + beat, {"seconds": beat, "components": [part]})
print("beating", flush=True)
time.sleep(600)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no kill -9 on this system")
def test_a_kernel_killed_mid_cell_is_counted_up_to_its_last_beat(any_url, record):
    one = record(execution_count=7)
    kernel = python(KERNEL, str(journal_folder(any_url)), json.dumps(one.to_dict()))
    try:
        assert kernel.stdout.readline() == "beating\n"
        with Ledger(any_url) as ledger:
            assert ledger.drain().records == 0  # it lives
            kernel.kill()
            kernel.wait(timeout=600)
            found = ledger.drain()
            assert (found.records, found.closed) == (1, 1)
            (killed,) = ledger.records()
    finally:
        kernel.kill()
        kernel.communicate()
    assert (killed.id, killed.status, killed.seconds, killed.joules) == (one.id, "killed", 3.0, 30.0)
    assert killed.execution_count == 7


def test_a_torn_last_line_costs_only_itself(file_url, record):
    journal = Journal(journal_folder(file_url))
    whole, cut = record(), record()
    write(journal, whole)
    write(journal, cut)
    journal.close()
    text = journal.path.read_bytes()
    journal.path.write_bytes(text[:-40])
    with Ledger(file_url) as ledger:
        found = ledger.drain()
        assert (found.records, found.closed, found.skipped) == (2, 1, 1)
        assert {one.id for one in ledger.records()} == {whole.id, cut.id}


def test_a_line_that_is_still_being_written_is_taken_later(file_url, record):
    journal = Journal(journal_folder(file_url))
    one, two = record(), record()
    write(journal, one)
    line = json.dumps({"event": "final", "id": two.id, "at": 0, "record": two.to_dict()}) + "\n"
    with journal.path.open("a", encoding="utf-8") as owner, Ledger(file_url) as ledger:
        owner.write(line[:50])
        owner.flush()
        assert ledger.drain().records == 1
        owner.write(line[50:])
        owner.flush()
        assert ledger.drain().records == 1
        assert ledger.drain().records == 0
        assert {entry.id for entry in ledger.records()} == {one.id, two.id}
    journal.close()


@pytest.mark.skipif(sys.platform == "win32", reason="no limits of this kind")
def test_a_line_that_a_full_disk_cut_takes_no_other_with_it(file_url, record):
    import resource

    before, cut, after = record(), record(), record()
    journal = Journal(journal_folder(file_url))
    write(journal, before)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (journal.size + 10, hard))
    try:
        for _ in range(2):  # the second finds no room at all
            with pytest.raises(OSError, match=r"[Nn]o space|too large"):
                write(journal, cut)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    for one in (cut, after):
        journal.write("final", one.id, one.started_at, one.to_dict())
    with Ledger(file_url) as ledger:
        assert ledger.drain().records == 3
        assert {one.id for one in ledger.records()} == {before.id, cut.id, after.id}


def test_a_journal_that_comes_back_after_its_removal_adds_nothing(any_url, record):
    """As after a crash between the commit and the deletion of the file."""
    journal = Journal(journal_folder(any_url))
    write(journal, record())
    write(journal, record(), upto="beat")
    journal.close()
    copy = journal.path.with_suffix(".copy")
    shutil.copy(journal.path, copy)
    with Ledger(any_url) as ledger:
        assert ledger.drain().records == 2
        assert ledger.purge(before=time.time()) == 2
        shutil.copy(copy, journal.path)
        found = ledger.drain()
        assert (found.records, found.closed) == (0, 1)
        assert not journal.path.exists()
        assert len(ledger.records()) == 0


def test_a_newer_versions_journal_waits_untouched(file_url, record):
    journal = Journal(journal_folder(file_url))
    write(journal, record())
    newer = record().to_dict() | {"schema": SCHEMA_VERSION + 1}
    journal.write("final", newer["id"], 0.0, newer)
    journal.close()
    before = journal.path.read_bytes()
    with Ledger(file_url) as ledger:
        assert ledger.drain().records == 0
        assert any("newer jupyter_green" in notice for notice in ledger.notices)
    assert journal.path.read_bytes() == before


def test_a_journal_that_holds_no_records_waits_untouched(file_url, record):
    journal = Journal(journal_folder(file_url))
    odd = record().to_dict() | {"status": "fine"}
    journal.write("final", odd["id"], 0.0, odd)
    journal.close()
    good = Journal(journal_folder(file_url))
    write(good, record())
    good.close()
    with Ledger(file_url) as ledger:
        found = ledger.drain()
        assert (found.records, found.closed) == (1, 1)
        assert any("lines that are not records" in notice for notice in ledger.notices)
    assert journal.path.exists()


@pytest.mark.parametrize("odd", [{"status": "fine"}, {"schema": SCHEMA_VERSION + 1}])
def test_a_journal_that_is_left_is_not_read_again_until_it_changes(any_url, record, odd, monkeypatch):
    paths = []
    monkeypatch.setattr(journal_import, "replay", lambda path, *args: paths.append(path) or replay(path, *args))
    journal = Journal(journal_folder(any_url))
    journal.write("final", "odd", 0.0, record().to_dict() | {"id": "odd"} | odd)
    with Ledger(any_url) as ledger:
        for alive in (True, False):
            if not alive:
                journal.close()
            for _ in range(5):
                assert ledger.drain().records == 0
            assert paths == [journal.path] * len(paths)
            assert len(paths) == (1 if alive else 2)
        whole = record()
        line = {"event": "final", "id": whole.id, "at": 0.0, "record": whole.to_dict()}
        with journal.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
        ledger.drain()
        assert len(paths) == 3
        assert len(ledger.records()) == ("status" in odd)  # a newer version's file waits as a whole
    assert journal.path.exists()


def test_another_ledgers_journals_are_left_alone(tmp_path, record):
    mine, other = tmp_path / "mine.sqlite", tmp_path / "other.sqlite"
    journal = Journal(journal_folder(other))
    write(journal, record())
    journal.close()
    with Ledger(mine) as ledger:
        assert ledger.drain().records == 0
    with Ledger(other) as ledger:
        assert ledger.drain().records == 1


def test_a_purged_record_never_comes_back_from_a_living_journal(any_url, record):
    journal = Journal(journal_folder(any_url))
    old, new = record(started_at=1e9), record(started_at=2e9)
    write(journal, old)
    write(journal, new)
    with Ledger(any_url) as ledger:
        assert ledger.purge(before=1.5e9) == 1
        write(journal, record(started_at=1.9e9))
        assert ledger.drain().records == 1
        assert old.id not in {one.id for one in ledger.records()}
    with Ledger(any_url) as another:
        assert another.drain().records == 0
        assert [one.started_at for one in another.records()] == [1.9e9, 2e9]
    journal.close()


def test_a_new_database_gets_what_living_journals_hold(file_url, tmp_path, record):
    """Someone deleted the ledger's file under an open ledger: what is still in the journals is saved."""
    journal = Journal(journal_folder(file_url))
    write(journal, record())
    with Ledger(file_url) as ledger:
        assert len(ledger.records()) == 1
        for path in (tmp_path / "kept").iterdir():
            path.unlink()
        write(journal, record())
        assert len(ledger.records()) == 2
    journal.close()


# ---- several at once -------------------------------------------------------------------------------

DRAINER = """
import sys
from jupyter_green.storage import Ledger
import jupyter_green.storage.ledger, alembic.command
print("ready", flush=True)
sys.stdin.readline()
with Ledger(sys.argv[1], timeout=60) as ledger:
    found = [ledger.drain() for _ in range(3)]
print(sum(one.records for one in found), sum(one.closed for one in found), flush=True)
"""


def test_two_processes_drain_at_once_and_nothing_counts_twice(any_url, record):
    folder = journal_folder(any_url)
    ids = set()
    for _ in range(6):
        journal = Journal(folder)
        for place in range(20):
            one = record(components=(), started_at=float(place))
            ids.add(one.id)
            write(journal, one, upto="final" if place < 18 else "beat")
        journal.close()
    living = Journal(folder)
    for _ in range(20):
        one = record()
        ids.add(one.id)
        write(living, one)
    drainers = [python(DRAINER, any_url) for _ in range(2)]
    for one in drainers:
        assert one.stdout.readline() == "ready\n"
    for one in drainers:
        one.stdin.write("go\n")
        one.stdin.flush()
    said = [one.communicate(timeout=600)[0].split() for one in drainers]
    assert [one.returncode for one in drainers] == [0, 0]
    assert sum(int(records) for records, _ in said) == len(ids)
    assert sum(int(closed) for _, closed in said) == 6
    with Ledger(any_url) as ledger:
        assert ledger.drain().records == 0
        found = [one.id for one in ledger.records()]
    assert len(found) == len(ids)
    assert set(found) == ids
    living.close()


def test_add_and_drain_agree_on_identities(any_url, record):
    one, two = record(), record()
    journal = Journal(journal_folder(any_url))
    write(journal, one)
    with Ledger(any_url) as ledger:
        assert ledger.add([one, two]) == 2
        assert ledger.add([one, two, two]) == 0
        assert ledger.drain().records == 0
        assert len(ledger.records()) == 2
    journal.close()


def test_a_provisional_record_is_not_taken(file_url, record):
    with Ledger(file_url) as ledger, pytest.raises(ValueError, match="not final"):
        ledger.add([record(final=False)])


def test_a_closed_ledger_says_so(file_url):
    ledger = Ledger(file_url)
    ledger.close()
    with pytest.raises(LedgerError, match="was closed"):
        ledger.records()


# ---- reading on ------------------------------------------------------------------------------------

PART = Component("cpu", "CPU", "rapl:0", 1.0, 0.1, 0.1, "counter", "measured", "package", "rapl")
EVENTS = st.lists(
    st.tuples(st.integers(0, 4), st.sampled_from(["open", "beat", "close", "final"]), st.booleans()), max_size=30
)


@settings(deadline=None, max_examples=150)
@given(events=EVENTS)
def test_reading_on_finds_what_reading_anew_finds(tmp_path_factory, events):
    """Windows that overlap in any way, looked at after any of their lines."""
    journal = Journal(tmp_path_factory.mktemp("journal"))
    states: dict[int, tuple[str, int]] = {}
    resume = resume_settled = 0
    seen: list[str] = []
    for slot, event, look in events:
        state, number = states.get(slot, ("none", 0))
        allowed = {"none": ["open"], "open": ["beat", "close", "final"], "close": ["final"]}[state]
        if event not in allowed:
            continue
        record = EnergyRecord(components=(PART,), seconds=1.0, started_at=0.0, id=f"{slot}-{number}")
        carried = record.to_dict() if event != "beat" else {"seconds": 0.5}
        journal.write(event, record.id, 0.0, carried)
        states[slot] = {"final": ("none", number + 1), "beat": (state, number)}.get(event, (event, number))
        if look:
            found = replay(journal.path, resume, resume_settled)
            assert resume_settled <= len(seen)
            seen += [one.id for one in found.settled[len(seen) - resume_settled :]]
            resume, resume_settled = found.resume, found.resume_settled
    last = replay(journal.path, resume, resume_settled)
    seen += [one.id for one in last.settled[len(seen) - resume_settled :]]
    whole = replay(journal.path)
    assert seen == [one.id for one in whole.settled]
    assert {one.id for one in last.open} == {one.id for one in whole.open}
    assert last.head == whole.head
    journal.close()


def test_a_long_session_is_not_read_again_and_again(file_url, record):
    journal = Journal(journal_folder(file_url))
    for _ in range(50):
        write(journal, record())
    size = journal.size
    found = replay(journal.path)
    assert (found.resume, found.resume_settled) == (size, 50)
    write(journal, record(), upto="beat")
    write(journal, record())
    found = replay(journal.path, found.resume, found.resume_settled)
    assert (len(found.settled), len(found.open), found.resume) == (1, 1, size)
    journal.close()


# ---- a journal that goes on in another file --------------------------------------------------------


def carried_over(old: Journal, folder: Path, running: EnergyRecord) -> Journal:
    """Go on in a new file, as far as the old one's last line."""
    return Journal(folder, {"owner": "alice"}, [("open", running.id, running.with_(final=False).to_dict())])


def test_a_complete_part_of_a_living_journal_is_moved_and_removed_once(any_url, record):
    folder = journal_folder(any_url)
    settled, running = record(started_at=1.0), record(started_at=2.0)
    old = Journal(folder)
    write(old, settled)
    write(old, running, upto="beat")
    new = carried_over(old, folder, running)
    old.end([running.id])
    with Ledger(any_url) as ledger:
        found = ledger.drain()
        assert (found.records, found.closed) == (1, 1)
        assert list(journals(folder)) == [new.path]
        write(new, running)
        assert ledger.drain().records == 1
        assert [(one.id, one.status) for one in ledger.records()] == [(settled.id, "ok"), (running.id, "ok")]
    new.close()


def test_a_complete_part_needs_no_lock_to_be_known_as_such(file_url, record):
    """As on a file system without locks, where a part's writer seems to be at it as long as the process lives."""
    journal = Journal(journal_folder(file_url))
    write(journal, record())
    with journal.path.open("rb") as held:
        fcntl = pytest.importorskip("fcntl")
        journal.end([])
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        with Ledger(file_url) as ledger:
            found = ledger.drain()
    assert (found.records, found.closed) == (1, 1)


def test_a_kill_between_the_two_parts_counts_a_window_once(any_url, record):
    folder = journal_folder(any_url)
    settled, running = record(started_at=1.0), record(started_at=2.0)
    old = Journal(folder)
    write(old, settled)
    write(old, running, upto="beat")
    new = carried_over(old, folder, running)
    for journal in (old, new):  # a kill gives up both locks
        journal.close()
    with Ledger(any_url) as ledger:
        assert ledger.drain().records == 2
        assert [one.status for one in ledger.records()] == ["ok", "killed"]
        assert not list(journals(folder))
