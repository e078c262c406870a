from __future__ import annotations

import ctypes
import json
import os
import sqlite3
import subprocess
import sys
import traceback
from pathlib import Path

import pytest

from jupyter_green.storage import Journal, Ledger, LedgerError, journal_folder
from tests.support.databases import ENCODED, PASSWORD

ROOT = Path(__file__).resolve().parents[2]


def path_of(url: str) -> Path:
    return Path(url.removeprefix("sqlite:///"))


def one_sentence(error: BaseException) -> str:
    text = str(error)
    assert text.endswith(".")
    assert "\n" not in text
    return text


# ---- damage ----------------------------------------------------------------------------------------


def test_a_file_that_is_no_database_is_moved_aside_and_said(file_url, record):
    path = path_of(file_url)
    path.parent.mkdir()
    path.write_bytes(b"this is no database " * 100)
    journal = Journal(journal_folder(file_url))
    kept = record()
    journal.write("final", kept.id, 0.0, kept.to_dict())
    with Ledger(file_url) as ledger:
        assert [one.id for one in ledger.records()] == [kept.id]
        (notice,) = ledger.notices
        assert "damaged" in notice
        assert notice in ledger.describe()
    (aside,) = path.parent.glob("ledger.corrupt-*.sqlite")
    assert str(aside) in notice
    assert aside.read_bytes().startswith(b"this is no database")
    journal.close()


def test_a_damaged_page_is_found_while_reading_and_a_new_ledger_takes_what_journals_hold(file_url, record):
    journal = Journal(journal_folder(file_url))
    for place in range(300):
        one = record(started_at=float(place))
        journal.write("final", one.id, 0.0, one.to_dict())
    path = path_of(file_url)
    with Ledger(file_url) as ledger:
        assert len(ledger.records()) == 300
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(8192)
        file.write(os.urandom(size - 8192 - 4096))
    with Ledger(file_url) as ledger:
        assert len(ledger.records()) == 300  # the journal's owner lives, so they are all still there
        assert any("damaged" in notice for notice in ledger.notices)
    assert len(list(path.parent.glob("ledger.corrupt-*.sqlite"))) == 1
    journal.close()


@pytest.mark.skipif(os.name != "posix", reason="a file in use can't be moved there")
def test_the_log_of_a_damaged_file_goes_with_it(file_url, record):
    """Left behind, it would be played into the new file; another program's connection keeps it from vanishing."""
    path = path_of(file_url)
    log = path.with_name(path.name + "-wal")
    with Ledger(file_url) as ledger:
        ledger.add([record(started_at=float(place)) for place in range(300)])
        holder = sqlite3.connect(path, isolation_level=None)
        assert holder.execute("SELECT count(*) FROM green_records").fetchone() == (300,)
        assert log.exists()
        old = log.stat().st_ino
        with path.open("r+b") as file:
            file.write(os.urandom(path.stat().st_size))
        ledger.add([record()])
        assert len(ledger.records()) == 1
        assert any("damaged" in notice for notice in ledger.notices)
        (aside,) = path.parent.glob("ledger.corrupt-*.sqlite-wal")
        assert aside.stat().st_ino == old
        assert not log.exists() or log.stat().st_ino != old
        holder.close()
    with Ledger(file_url) as ledger:
        assert len(ledger.records()) == 1


def test_a_file_that_is_plainly_something_else_is_not_touched(tmp_path, record):
    thesis = tmp_path / "thesis.docx"
    thesis.write_bytes(b"PK\x03\x04 years of work" * 500)
    with Ledger(thesis) as ledger, pytest.raises(LedgerError, match="is not a ledger") as error:
        ledger.add([record()])
    one_sentence(error.value)
    assert thesis.read_bytes().startswith(b"PK\x03\x04")
    assert list(tmp_path.glob("thesis*")) == [thesis]


# ---- locked ----------------------------------------------------------------------------------------


def test_a_locked_ledger_is_one_sentence_and_loses_nothing(file_url, record):
    journal = Journal(journal_folder(file_url))
    with Ledger(file_url, timeout=0.1) as ledger:
        ledger.add([record()])
        holder = sqlite3.connect(path_of(file_url), isolation_level=None)
        holder.execute("BEGIN IMMEDIATE")
        one = record()
        journal.write("final", one.id, 0.0, one.to_dict())
        for use in (ledger.drain, lambda: ledger.add([record()]), lambda: ledger.purge(older_than_seconds=1)):
            with pytest.raises(LedgerError, match=r"locked by another program.*nothing is lost") as error:
                use()
            assert error.value.kind == "locked"
            one_sentence(error.value)
        # Reading goes on, and says that something is missing.
        assert len(ledger.records()) == 1
        assert ledger.notice_of("waiting") is not None
        assert ledger.notice_of("altered") is None
        holder.execute("ROLLBACK")
        holder.close()
        assert len(ledger.records()) == 2
    journal.close()


def test_a_locked_server_is_one_sentence(server_url, record):
    import psycopg

    with Ledger(server_url, timeout=0.2) as ledger:
        ledger.add([record()])
        with psycopg.connect(server_url) as holder:
            holder.execute("LOCK TABLE green_records IN ACCESS EXCLUSIVE MODE")
            with pytest.raises(LedgerError, match="locked by another program") as error:
                ledger.add([record()])
            one_sentence(error.value)
        assert ledger.add([record()]) == 1


# ---- full ------------------------------------------------------------------------------------------

FILL = """
import json, resource, sys
from jupyter_green.storage import Ledger, LedgerError, journal_folder
from jupyter_green.records import EnergyRecord
with Ledger(sys.argv[1]) as ledger:
    ledger.drain()
    if sys.argv[2] == "limit":
        size = int(sys.argv[3])
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
    try:
        ledger.drain() if sys.argv[4] == "" else ledger.import_(sys.argv[4])
    except LedgerError as error:
        print("error", error)
"""


def filled(url: str, how: str, size: int, source: str = "") -> str:
    done = subprocess.run(
        [sys.executable, "-c", FILL, url, how, str(size), source],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def lines_of(record, count: int) -> str:
    return "".join(json.dumps(record(label="x" * 2000).to_dict()) + "\n" for _ in range(count))


@pytest.mark.skipif(sys.platform == "win32", reason="no limits of this kind")
def test_a_quota_is_one_sentence_and_the_file_stays_whole(file_url, tmp_path, record):
    with Ledger(file_url) as ledger:
        kept = record()
        ledger.add([kept])
    source = tmp_path / "many.jsonl"
    source.write_text(lines_of(record, 300), encoding="utf-8")
    said = filled(file_url, "limit", 200_000, str(source))
    assert said.startswith("error The ledger")
    assert "is full" in said
    with Ledger(file_url) as ledger:
        assert [one.id for one in ledger.records()] == [kept.id]
        assert ledger.import_(source).records == 300


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="mounts a small disk")
def test_a_full_disk_keeps_the_journal(tmp_path, record):
    disk = tmp_path / "disk"
    disk.mkdir()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mount(b"tmpfs", str(disk).encode(), b"tmpfs", 0, b"size=300k") != 0:
        pytest.skip(f"no permission to mount a small disk ({os.strerror(ctypes.get_errno())})")
    try:
        url = f"sqlite:///{disk / 'ledger.sqlite'}"
        with Ledger(url) as ledger:
            ledger.drain()
            journal = Journal(journal_folder(url))
            for _ in range(300):
                one = record(label="x" * 2000)
                journal.write("final", one.id, 0.0, one.to_dict())
            journal.close()
            before = journal.path.read_bytes()
            with pytest.raises(LedgerError, match="is full") as error:
                ledger.drain()
            one_sentence(error.value)
            assert journal.path.read_bytes() == before
            assert len(ledger.records()) == 0
        # Room is made: everything arrives.
        assert libc.mount(b"tmpfs", str(disk).encode(), b"tmpfs", 32, b"size=20m") == 0  # 32: remount
        with Ledger(url) as ledger:
            assert ledger.drain().records == 300
            assert not journal.path.exists()
    finally:
        libc.umount2(str(disk).encode(), 2)


# ---- read only -------------------------------------------------------------------------------------

# The interpreter may lie where another user can't reach it: everything is imported before the user changes.
UNPRIVILEGED = """
import os, sys, tempfile
from jupyter_green.storage import Ledger, LedgerError
from jupyter_green.records import EnergyRecord
with Ledger(sys.argv[2]) as warm:
    warm.add([EnergyRecord(components=(), seconds=1.0, started_at=1.0)])
    assert len(warm.records()) == 1 and warm.totals().count == 1
    warm.describe(), repr(warm.records())
if os.geteuid() == 0:
    os.setgroups([]), os.setgid(65534), os.setuid(65534)
with Ledger(sys.argv[1]) as ledger:
    print(len(ledger.records()), ledger.totals().count, ledger.read_only)
    for use in (lambda: ledger.add([EnergyRecord(components=(), seconds=1.0, started_at=1.0)]),
                lambda: ledger.purge(older_than_seconds=1), ledger.drain):
        try:
            use()
            print("written")
        except LedgerError as error:
            print("refused", error)
    print(*ledger.notices, sep="\\n")
"""


def unprivileged(url: str, warm: Path) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", UNPRIVILEGED, url, str(warm)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.mark.skipif(os.name != "posix", reason="permissions of this kind are POSIX")
@pytest.mark.parametrize("what", ["file", "folder", "both"])
def test_a_read_only_ledger_is_read_and_says_that_it_takes_nothing(reachable, tmp_path, record, what):
    path = reachable / "kept" / "ledger.sqlite"
    with Ledger(path) as ledger:
        ledger.add([record()])
    path.parent.chmod(0o755 if what in ("folder", "both") else 0o777)
    path.chmod(0o444 if what in ("file", "both") else 0o666)
    if what in ("folder", "both"):
        path.parent.chmod(0o555)
    said = unprivileged(str(path), tmp_path / "warm.sqlite")
    assert said[0] == "1 1 True"
    assert said[1].startswith("refused The ledger")
    assert "can't be written" in said[1]
    assert [line.split()[0] for line in said[1:4]] == ["refused"] * 3
    assert "can only be read" in said[4]
    with Ledger(path) as ledger:
        assert len(ledger.records()) == 1


@pytest.mark.skipif(os.name != "posix", reason="permissions of this kind are POSIX")
def test_a_read_only_home_without_a_ledger_reads_as_empty(reachable, tmp_path):
    home = reachable / "home"
    home.mkdir()
    home.chmod(0o555)
    said = unprivileged(str(home / "deep" / "ledger.sqlite"), tmp_path / "warm.sqlite")
    assert said[0] == "0 0 True"
    assert said[1].startswith("refused")
    assert "none can be made" in said[4]
    assert list(home.iterdir()) == []


# ---- passwords -------------------------------------------------------------------------------------


def assert_masked(text: str) -> None:
    for word in (PASSWORD, ENCODED, "h@im", "h%40im", "im/Zw", "im%2FZw"):
        assert word not in text


def test_a_password_is_in_no_error_and_no_text(server, server_url, record, monkeypatch):
    wrong = server_url.replace(ENCODED, "wr%40ng-but-secret")
    query = server_url.replace(f":{ENCODED}@", "@") + f"?password={ENCODED}"
    nowhere = f"postgresql://green:{ENCODED}@127.0.0.1:1/x"
    odd = f"postgresql://green:{ENCODED}@127.0.0.1:{server.port}/x?sslmode=nonsense"
    absent = server.url("no_such_database")
    same = server_url.replace(f"green:{ENCODED}", "user-or-password:user-or-password")
    with Ledger(same) as ledger, pytest.raises(LedgerError, match=r'for user "\*\*\*"'):
        ledger.records()  # the server's own words hold what the URL gives as a password
    for url in (wrong, nowhere, odd, absent):
        ledger = Ledger(url, timeout=2)
        assert_masked(repr(ledger) + ledger.url)
        with pytest.raises(LedgerError) as error:
            ledger.records()
        told = "".join(traceback.format_exception(error.value))
        assert_masked(told)
        assert "but-secret" not in told
        one_sentence(error.value)
    with Ledger(query) as ledger:
        ledger.add([record()])
        assert_masked(repr(ledger) + ledger.describe())
        assert "password=***" in ledger.url


def test_a_missing_driver_says_what_to_install(file_url):
    code = (
        "import sys\nsys.modules['psycopg'] = None\n"
        "from jupyter_green.storage import Ledger, LedgerError\n"
        "try:\n    Ledger('postgresql://u:geheim@h/d').records()\n"
        "except LedgerError as error:\n    print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "pip install 'psycopg[binary]'" in done.stdout
    assert "geheim" not in done.stdout


def test_a_server_that_is_away_keeps_the_journal(record):
    url = "postgresql://green@127.0.0.1:1/x"
    journal = Journal(journal_folder(url))
    journal.close()
    with Ledger(url, timeout=1) as ledger, pytest.raises(LedgerError, match=r"can't be reached.*wait in the journal"):
        ledger.drain()
    assert journal.path.exists()
