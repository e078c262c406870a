"""A ledger that is missing, locked, newer or out of reach: 503 and one sentence; then it works again."""

from __future__ import annotations

import os
import shutil
import socket
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from jupyter_green.records import EnergyRecord
from jupyter_green.storage import Journal, Ledger, journal_folder
from tests.support.jupyter_server import JupyterServer

Make = Callable[..., EnergyRecord]
Start = Callable[..., JupyterServer]


# Each route, and what it answers where the ledger can be read.
ROUTES: tuple[tuple[str, str, Any, int], ...] = (
    ("GET", "totals", None, 200),
    ("GET", "runs", None, 200),
    ("GET", "cells?run=nobody", None, 404),
    ("GET", "baselines", None, 200),
    ("POST", "baselines", {"notebook": "none.ipynb", "run": "nobody", "name": "mine"}, 404),
    ("DELETE", "baselines/mine?notebook=none.ipynb", None, 404),
)


def kept(path: Path, *records: EnergyRecord) -> Path:
    with Ledger(path) as ledger:
        ledger.add(records)
    return path


def state(server: JupyterServer) -> str:
    """The ledger's state; what health says and what the other routes say must agree."""
    health = server.green("health")
    assert health.status == 200
    told = health.json
    assert set(told) == {"version", "ledger", "sentence"}
    with ThreadPoolExecutor(len(ROUTES)) as askers:  # each may wait for the ledger as long as the server does
        answers = [askers.submit(server.green, path, method, body=body) for method, path, body, _ in ROUTES]
    for (method, *_, status), asked in zip(ROUTES, answers, strict=True):
        answer = asked.result()
        if told["ledger"] == "missing" and "Nothing was metered yet" in told["sentence"]:  # an empty ledger stands in
            assert answer.status in ((200,) if method == "GET" else (404, 503)), answer.body
        elif told["ledger"] == "ok":
            assert answer.status == status, answer.body
        else:
            assert answer.status == 503
            assert answer.message == told["sentence"]
    return str(told["ledger"])


@contextmanager
def lock(path: Path) -> Iterator[None]:
    """Hold a ledger so that nobody else can read it either."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        connection.execute("BEGIN EXCLUSIVE")
        connection.execute("UPDATE green_schema SET version_num = version_num")
        yield
        connection.execute("ROLLBACK")


def test_no_ledger_yet_and_asking_makes_none(start: Start, record: Make) -> None:
    server = start()
    assert state(server) == "missing"
    assert "Nothing was metered yet" in server.green("health").json["sentence"]
    path = server.data / "ledger.sqlite"
    assert not server.data.exists()
    kept(path, record())
    assert state(server) == "ok"
    assert server.green("totals").json["figure"]["joules"] == 100.0


def test_a_ledger_that_is_locked(start: Start, record: Make, tmp_path: Path) -> None:
    path = kept(tmp_path / "ledger.sqlite", record())
    server = start(JUPYTER_GREEN_LEDGER=str(path))
    assert state(server) == "ok"
    with lock(path):
        assert state(server) == "locked"
        assert "try again" in server.green("totals").message
    assert state(server) == "ok"


def test_a_ledger_that_is_locked_from_the_start(start: Start, record: Make, tmp_path: Path) -> None:
    path = kept(tmp_path / "ledger.sqlite", record())
    server = start(JUPYTER_GREEN_LEDGER=str(path))
    with lock(path):
        assert state(server) == "locked"
    assert state(server) == "ok"


def test_a_ledger_of_a_newer_version(start: Start, record: Make, tmp_path: Path) -> None:
    path = kept(tmp_path / "ledger.sqlite", record())
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE green_schema SET version_num = '9999'")
    before = path.read_bytes()
    server = start(JUPYTER_GREEN_LEDGER=str(path))
    assert state(server) == "newer"
    assert "upgrade jupyter_green" in server.green("totals").message
    assert path.read_bytes() == before


def test_a_record_of_a_newer_version_is_left_out_of_no_total(start: Start, record: Make, tmp_path: Path) -> None:
    path = kept(tmp_path / "ledger.sqlite", record())
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("""UPDATE green_records SET document = replace(document, '"schema":1', '"schema":99')""")
    server = start(JUPYTER_GREEN_LEDGER=str(path))
    assert server.green("totals").json["figure"]["joules"] == 100.0


def test_a_ledger_that_vanishes(start: Start, record: Make, tmp_path: Path) -> None:
    path = kept(tmp_path / "place" / "ledger.sqlite", record())
    server = start(JUPYTER_GREEN_LEDGER=str(path))
    assert state(server) == "ok"
    shutil.rmtree(path.parent)
    assert state(server) == "missing"
    assert not path.exists()
    kept(path, record(), record())
    assert state(server) == "ok"
    assert server.green("totals").json["figure"]["joules"] == 200.0


def test_a_database_that_does_not_answer(start: Start) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # nobody listens
        port = taken.getsockname()[1]
        server = start(JUPYTER_GREEN_LEDGER=f"postgresql://alice:s3cret@127.0.0.1:{port}/green")
        assert state(server) == "unreachable"
        said = server.green("totals").message
    assert "can't be reached" in said
    assert "s3cret" not in said
    assert "s3cret" not in server.said


def test_a_ledger_somebody_misspelt(start: Start) -> None:
    server = start(JUPYTER_GREEN_LEDGER="mysql://alice:s3cret@host/green")
    assert state(server) == "unreachable"
    assert "use an SQLite file" in server.green("totals").message
    assert "s3cret" not in server.said


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="the root user may read everything")
def test_a_ledger_that_is_somebody_elses(start: Start, record: Make, tmp_path: Path) -> None:
    path = kept(tmp_path / "ledger.sqlite", record())
    path.chmod(0)
    server = start(JUPYTER_GREEN_LEDGER=str(path))
    assert state(server) == "unreachable"


def test_another_programs_file(start: Start, tmp_path: Path) -> None:
    path = tmp_path / "notes.sqlite"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE notes (text)")
    server = start(JUPYTER_GREEN_LEDGER=str(path))
    assert state(server) == "unreachable"
    assert "database of another program" in server.green("totals").message


def test_a_damaged_ledger_is_moved_aside_and_said(start: Start, record: Make, tmp_path: Path) -> None:
    path = kept(tmp_path / "ledger.sqlite", record())
    path.write_bytes(b"SQLite format 3\x00" + b"damage" * 2000)
    server = start(JUPYTER_GREEN_LEDGER=str(path))
    assert state(server) == "ok"
    assert "was damaged" in server.green("health").json["sentence"]
    assert server.green("totals").json["figure"]["joules"] is None
    assert list(tmp_path.glob("ledger.corrupt-*"))


def test_the_configuration_names_the_ledger(start: Start, record: Make, tmp_path: Path) -> None:
    path = kept(tmp_path / "configured.sqlite", record())
    server = start(f"--JupyterGreen.ledger={path}", JUPYTER_GREEN_LEDGER=str(tmp_path / "other.sqlite"))
    assert state(server) == "ok"
    assert server.green("totals").json["figure"]["joules"] == 100.0


def test_what_lies_in_a_journal_is_in_the_answer(start: Start, record: Make) -> None:
    server = start()
    made = record(12.0)
    # In the data folder of the server's person, not the test's own.
    folder = server.data / "journal" / journal_folder(server.data / "ledger.sqlite").name
    journal = Journal(folder, {})
    journal.write("final", made.id, 0.0, made.to_dict())
    assert state(server) == "ok"
    assert server.green("totals").json["figure"]["joules"] == 12.0
    journal.close()


def test_long_questions_keep_nobody_else_waiting(start: Start, server_url: str, record: Make) -> None:
    """Their tables are locked, so that none of them can end before the lock does."""
    import psycopg

    with Ledger(server_url, share=["owner", "notebook"]) as ledger:
        ledger.add([record()])
    server = start(JUPYTER_GREEN_LEDGER=server_url, LOGNAME="alice", JUPYTER_GREEN_SHARE="owner notebook")
    with ThreadPoolExecutor(12) as askers:
        with psycopg.connect(server_url) as other:
            other.execute("LOCK TABLE green_records, green_components, green_rollups IN ACCESS EXCLUSIVE MODE")
            long = [askers.submit(server.green, route) for route in ("runs", "totals") * 6]
            assert server.green("health").json["ledger"] == "ok"
            short = server.green("baselines")
            assert (short.status, short.json) == (200, {"items": []})
            assert not any(one.done() for one in long)
        assert {one.result().status for one in long} == {200}
