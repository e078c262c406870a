from __future__ import annotations

import importlib
import os
import sqlite3
import stat
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, insert, select, text, update

from jupyter_green.records.shrink_outcome import ShrinkOutcome
from jupyter_green.storage import Journal, Ledger, LedgerError, journal_folder, ledger_url, schema, sqlite_file
from jupyter_green.storage.record_rows import RecordRow
from tests.records.flat import flat_of

ROOT = Path(__file__).resolve().parents[2]


def engine_of(url: str):
    Path(url.removeprefix("sqlite:///")).parent.mkdir(parents=True, exist_ok=True)
    return create_engine(ledger_url(url))


def test_the_known_revisions_are_those_on_disk():
    config = Config()
    config.set_main_option("script_location", str(Path(schema.__file__).with_name("migrations")))
    script = ScriptDirectory.from_config(config)
    assert tuple(reversed([one.revision for one in script.walk_revisions()])) == schema.REVISIONS


def test_a_fresh_database_has_the_tables_the_code_speaks_of(any_url):
    with Ledger(any_url) as ledger:
        ledger.drain()
    engine = engine_of(any_url)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": schema.VERSION_TABLE})
        assert compare_metadata(context, schema.metadata) == []
        assert schema.revision(connection) == schema.REVISIONS[-1]
    engine.dispose()


LATER = ("cpu_seconds", "others_busy", "celsius", "clock_mhz", "clock_spread_mhz", "shared", "throttle")
"""Columns of a device that came with the seventh revision."""


def test_a_database_of_the_first_revision_is_upgraded_with_its_rows(any_url, record, component):
    told = component(cpu_seconds=2.5, others_busy=0.1, celsius=61.0, clock_mhz=1500.0, clock_spread_mhz=15.0)
    told = replace(told, shared=True, throttle=("power_cap", "thermal"))
    real = record(label="real", started_at=1.0, components=(told,))
    simulated = record(label="simulated", started_at=2.0, components=(component(quality="simulated"),))
    unread = record(label="unread", started_at=3.0, components=(component(None, quality="simulated"),))
    absent = record(label="absent", started_at=4.0, components=(component(None),), parent=None)
    inner = record(label="inner", started_at=5.0, parent=real.id)
    kept = [real, simulated, unread, absent, inner]
    engine = engine_of(any_url)
    with engine.begin() as connection:
        schema.upgrade(connection, "0001")
        columns = [column for column in schema.records.columns if column.name not in ("simulated", "parent", "purpose")]
        names = ", ".join(column.name for column in columns)
        marks = ", ".join(f":{column.name}" for column in columns)
        for one in kept:
            entry = RecordRow.of(one, "alice", "here")
            row = {column.name: entry.record[column.name] for column in columns}
            connection.execute(text(f"INSERT INTO green_records ({names}) VALUES ({marks})"), row)
            for part in entry.components:
                connection.execute(insert(schema.components), {name: part[name] for name in part if name not in LATER})
        assert schema.revision(connection) == "0001"
    engine.dispose()
    with Ledger(any_url) as ledger:
        assert [one.label for one in ledger.records()] == [one.label for one in kept]
        assert [one.components for one in ledger.records()] == [one.components for one in kept]
        totals = ledger.totals()
        assert (totals.count, totals.joules, totals.simulated_left_out, totals.inside) == (2, 100.0, 2, 1)
        assert [one.parts for one in ledger.flat(list)] == [flat_of(one, False).parts for one in kept]
        assert ledger.check() == []
        assert ledger.add([record()]) == 1


def test_the_outcome_of_a_search_is_read_from_its_record(any_url, record):
    new, old = ShrinkOutcome("kept", "Net", True, "int8"), ShrinkOutcome("unknown", "Old")
    kept = [
        record(span="trial", label="renamed", started_at=1.0, shrinks=(new,)),
        record(span="trial", label=old.line, started_at=2.0),
        record(span="trial", label=new.line, started_at=3.0),
        record(span="cell", started_at=4.0, shrinks=(new,)),
    ]
    with Ledger(any_url, share=["label"]) as ledger:
        ledger.add(kept)
        with ledger._database._opened().begin() as connection:  # as a version without outcomes stored it
            stored = schema.records.c
            of_old = connection.execute(select(stored.document).where(stored.id == kept[1].id)).scalar_one()
            changed = update(schema.records).where(stored.id == kept[1].id)
            connection.execute(changed.values(document=of_old.replace('"shrinks":[],', "")))
        assert [one.search for one in ledger.flat(list)] == [new, old, None, None]


def test_a_database_of_a_newer_version_is_left_as_it_is(any_url, record):
    with Ledger(any_url) as ledger:
        ledger.add([record()])
    engine = engine_of(any_url)
    with engine.begin() as connection:
        connection.execute(text(f"UPDATE {schema.VERSION_TABLE} SET version_num = '0099'"))
    journal = Journal(journal_folder(any_url))
    journal.close()
    with Ledger(any_url) as ledger:
        for use in (ledger.records, ledger.totals, ledger.drain, lambda: ledger.add([record()]), ledger.describe):
            with pytest.raises(LedgerError, match=r"written by a newer jupyter_green.*upgrade jupyter_green") as error:
                use()
            assert error.value.kind == "newer"
            assert "\n" not in str(error.value)
            assert "ge%20h" not in str(error.value)
    assert journal.path.exists()
    with engine.connect() as connection:
        assert schema.revision(connection) == "0099"
        assert connection.execute(text("SELECT count(*) FROM green_records")).scalar_one() == 1
    engine.dispose()


def test_another_programs_database_is_refused_and_kept(tmp_path, record):
    path = tmp_path / "photos.db"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE photos (name TEXT)")
    connection.commit()
    connection.close()
    before = path.read_bytes()
    with Ledger(path) as ledger, pytest.raises(LedgerError, match="another program"):
        ledger.add([record()])
    assert path.read_bytes() == before


def test_a_shared_server_database_keeps_its_other_tables(server_url, record):
    engine = engine_of(server_url)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE records (name TEXT)"))
        connection.execute(text("CREATE TABLE alembic_version (version_num TEXT)"))
        connection.execute(text("INSERT INTO alembic_version VALUES ('theirs')"))
    with Ledger(server_url) as ledger:
        ledger.add([record()])
    with engine.connect() as connection:
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one() == "theirs"
        assert connection.execute(text("SELECT count(*) FROM records")).scalar_one() == 0
    engine.dispose()


OPENER = """
import sys
from jupyter_green.storage import Ledger
import jupyter_green.storage.ledger, alembic.command
print("ready", flush=True)
sys.stdin.readline()
with Ledger(sys.argv[1], timeout=60) as ledger:
    print(len(ledger.records()), flush=True)
"""


def test_two_processes_open_a_fresh_database_at_once(any_url):
    openers = [
        subprocess.Popen(
            [sys.executable, "-c", OPENER, any_url],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    for one in openers:
        assert one.stdout.readline() == "ready\n"
    for one in openers:
        one.stdin.write("go\n")
        one.stdin.flush()
    assert [one.communicate(timeout=600)[0] for one in openers] == ["0\n", "0\n"]
    assert [one.returncode for one in openers] == [0, 0]


@pytest.mark.skipif(os.name != "posix", reason="permissions of this kind are POSIX")
def test_the_file_and_its_folder_are_for_one_person(monkeypatch, record, own_folders):
    journal = Journal(journal_folder())  # made first, as in a kernel, with the usual permissions
    with Ledger() as ledger:
        ledger.add([record()])
        path = Path(ledger.url.removeprefix("sqlite:///"))
        modes = {one.name: stat.S_IMODE(one.stat().st_mode) for one in path.parent.glob("ledger.sqlite*")}
    journal.close()
    assert own_folders in path.parents
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert set(modes.values()) == {0o600}


def test_a_folder_that_was_there_keeps_its_permissions(tmp_path, record):
    folder = tmp_path / "lab"
    folder.mkdir(mode=0o755)
    folder.chmod(0o755)
    with Ledger(folder / "l.sqlite") as ledger:
        ledger.add([record()])
    assert stat.S_IMODE(folder.stat().st_mode) == 0o755


def test_the_write_ahead_log_is_for_local_disks_only(file_url, monkeypatch, record):
    path = Path(file_url.removeprefix("sqlite:///"))

    def mode() -> str:
        connection = sqlite3.connect(path)
        try:
            return str(connection.execute("PRAGMA journal_mode").fetchone()[0])
        finally:
            connection.close()

    with Ledger(file_url) as ledger:
        ledger.add([record()])
        assert "write-ahead log" in ledger.describe()
        assert mode() == "wal"
    monkeypatch.setattr(sqlite_file, "on_network_filesystem", lambda folder: True)
    with Ledger(file_url) as ledger:
        ledger.add([record()])
        assert "network file system" in ledger.describe()
        assert mode() == "delete"
        assert len(ledger.records()) == 2


@pytest.mark.parametrize("name", ["a b%20c.sqlite", "ünï#x.sqlite", "100%.sqlite"])
def test_odd_file_names_work(tmp_path, record, name):
    with Ledger(tmp_path / name) as ledger:
        ledger.add([record()])
        assert len(ledger.records()) == 1
    assert (tmp_path / name).exists()


def test_the_room_is_light_until_the_ledger_is_used():
    code = (
        "import sys, importlib\n"
        "room = importlib.import_module('jupyter_green.storage')\n"
        "assert room.Journal and room.ledger_url()\n"
        "print(*sorted({'sqlalchemy', 'alembic', 'pandas', 'psycopg', 'sqlite3'} & set(sys.modules)))\n"
        "room.Ledger\n"
        "print(*sorted({'sqlalchemy', 'alembic', 'pandas', 'pyarrow'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[:2] == ["", "sqlalchemy"]


def test_a_ledger_that_is_up_to_date_opens_without_the_migration_library(file_url, record):
    with Ledger(file_url) as ledger:
        ledger.add([record()])
    code = (
        "import sys\nfrom jupyter_green.storage import Ledger\n"
        "with Ledger(sys.argv[1]) as ledger:\n    print(len(ledger.records()), 'alembic' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code, file_url], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "1 False\n"


def test_all_names_of_the_room_can_be_had():
    room = importlib.import_module("jupyter_green.storage")
    for name in room.__all__:
        assert getattr(room, name) is not None
    with pytest.raises(AttributeError, match="no attribute"):
        _ = room.nothing
