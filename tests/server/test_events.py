"""Pages are told that the ledger has changed, and only while they ask."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from jupyter_green.records import EnergyRecord
from jupyter_green.server import change_notifier as watching
from jupyter_green.server.change_notifier import SCHEMA_ID, ChangeNotifier
from jupyter_green.server.ledger_client import LedgerClient
from jupyter_green.server.record_counts import UNKNOWN, RecordCounts
from jupyter_green.storage import Journal, Ledger, journal_folder
from tests.support.jupyter_server import PATIENCE, JupyterServer, next_event

Make = Callable[..., EnergyRecord]
Start = Callable[..., JupyterServer]


def drained(url: str, *records: EnergyRecord) -> None:
    """Store records as a kernel does."""
    journal = Journal(journal_folder(url), {})
    for one in records:
        journal.write("final", one.id, 0.0, one.to_dict())
    journal.close()
    with Ledger(url, share=["owner", "notebook"]) as ledger:
        assert ledger.drain().records == len(records)


@pytest.fixture
def new(record: Make) -> Make:
    """A record of just now; runs are told apart among these."""

    def make(**changes: Any) -> EnergyRecord:
        return record(**{"started_at": time.time(), **changes})

    return make


def what(event: dict[str, Any]) -> tuple[Any, Any, Any]:
    return event["notebook"], event["run"], event["records"]


def test_what_comes_in_is_told(start: Start, new: Make, any_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGNAME", "alice")
    server = start(JUPYTER_GREEN_LEDGER=any_url, JUPYTER_GREEN_SHARE="owner", LOGNAME="alice")

    async def follow() -> None:
        connection = await server.subscribe()
        drained(any_url, new(notebook="one.ipynb", run_id="before"))
        # Nobody has asked so far; the first request is the beginning.
        assert server.green("totals").status == 200
        drained(any_url, new(notebook="one.ipynb", run_id="r1"), new(notebook="one.ipynb", run_id="r1"))
        assert what(await next_event(connection, SCHEMA_ID)) == ("one.ipynb", "r1", 2)
        drained(any_url, new(notebook=None, run_id="r2"))
        assert what(await next_event(connection, SCHEMA_ID)) == (None, "r2", 1)
        connection.close()

    asyncio.run(follow())


def test_the_first_ledger_is_told(start: Start, new: Make, tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    server = start(JUPYTER_GREEN_LEDGER=str(path))

    async def follow() -> None:
        connection = await server.subscribe()
        assert server.green("totals").status == 200
        drained(str(path), new(notebook="one.ipynb", run_id="r1"))
        assert what(await next_event(connection, SCHEMA_ID)) == ("one.ipynb", "r1", 1)
        connection.close()

    asyncio.run(follow())


def test_what_others_do_is_not_told(start: Start, new: Make, server_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    server = start(JUPYTER_GREEN_LEDGER=server_url, JUPYTER_GREEN_SHARE="owner", LOGNAME="alice")

    async def follow() -> None:
        connection = await server.subscribe()
        assert server.green("totals").status == 200
        monkeypatch.setenv("LOGNAME", "bob")
        drained(server_url, new(notebook="bobs.ipynb"))
        monkeypatch.setenv("LOGNAME", "alice")
        drained(server_url, new(notebook="alices.ipynb"))
        assert what(await next_event(connection, SCHEMA_ID))[0] == "alices.ipynb"
        connection.close()

    asyncio.run(follow())


# ---- the watch itself -------------------------------------------------------------------------


class Counting(LedgerClient):
    """A source that counts how often the ledger is looked at, and how often its records are."""

    looks = counts = 0

    def stamp(self) -> Any:
        self.looks += 1
        return super().stamp()

    def census(self, since: float) -> RecordCounts:
        self.counts += 1
        return super().census(since)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """No waiting between two looks."""
    monkeypatch.setattr(watching, "_EVERY", 0.0)


LOG = logging.getLogger("test")
NAME = "jupyter_green watch"


async def until(true: Callable[[], bool]) -> None:
    async def wait() -> None:
        while not true():
            await asyncio.sleep(0.01)

    await asyncio.wait_for(wait(), PATIENCE)


@pytest.mark.usefixtures("quick")
def test_it_ends_when_nobody_asks_any_more(tmp_path: Path, record: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "ledger.sqlite"
    drained(str(path), record())
    source = Counting(str(path))
    told: list[Any] = []

    async def scene() -> None:
        watch = ChangeNotifier(source, told.append, LOG)
        assert source.looks == 0
        monkeypatch.setattr(watching, "_LINGER", PATIENCE)
        await watch.asked()
        assert source.looks >= 1  # it may be looking again by now
        assert any(task.get_name() == NAME for task in asyncio.all_tasks())
        await until(lambda: source.looks > 5)
        assert source.counts == 1  # nothing has changed, so nothing was counted again
        monkeypatch.setattr(watching, "_LINGER", 0.0)
        await until(lambda: not any(task.get_name() == NAME for task in asyncio.all_tasks()))
        ended = source.looks
        drained(str(path), record())
        await asyncio.sleep(0)
        assert (source.looks, told) == (ended, [])
        await watch.asked()
        assert source.looks > ended

    asyncio.run(scene())
    source.close()


@pytest.mark.usefixtures("quick")
def test_a_ledger_that_was_locked_may_have_changed(tmp_path: Path, record: Make) -> None:
    path = tmp_path / "ledger.sqlite"
    drained(str(path), record())
    source = Counting(str(path))
    told: list[Any] = []

    async def scene() -> None:
        watch = ChangeNotifier(source, told.append, LOG)
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.execute("PRAGMA locking_mode = EXCLUSIVE")
            connection.execute("BEGIN EXCLUSIVE")
            await watch.asked()
            connection.execute("ROLLBACK")
        await until(lambda: bool(told))
        watch.stop()

    asyncio.run(scene())
    source.close()
    assert told == [UNKNOWN]


@pytest.mark.usefixtures("quick")
def test_a_cell_that_was_killed_is_told(tmp_path: Path, new: Make) -> None:
    """Its record waits in the journal of a kernel that will not import it any more."""
    path = str(tmp_path / "ledger.sqlite")
    cell = new(notebook="one.ipynb", run_id="r1", final=False)
    journal = Journal(journal_folder(path), {})
    journal.write("open", cell.id, 0.0, cell.to_dict())
    source = Counting(path)
    told: list[Any] = []

    async def scene() -> None:
        watch = ChangeNotifier(source, told.append, LOG)
        await watch.asked()
        await until(lambda: source.looks > 5)
        assert told == [], "its kernel lives"
        journal.abandon()
        await until(lambda: bool(told))
        looks, counts = source.looks, source.counts
        await until(lambda: source.looks > looks + 5)
        assert source.counts <= counts + 1, "the import changed the file; then nothing is counted any more"
        watch.stop()

    asyncio.run(scene())
    source.close()
    assert [(change["notebook"], change["run"], change["records"]) for change in told] == [("one.ipynb", "r1", 1)]


@pytest.mark.usefixtures("quick")
def test_purging_is_told_and_tidying_is_not(tmp_path: Path, record: Make) -> None:
    path = tmp_path / "ledger.sqlite"
    drained(str(path), record(started_at=1.0), record(started_at=2.0))
    source = Counting(str(path))
    told: list[Any] = []

    async def scene() -> None:
        watch = ChangeNotifier(source, told.append, LOG)
        await watch.asked()
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("VACUUM")
        await until(lambda: source.counts > 1)
        assert told == []
        with Ledger(path) as ledger:
            ledger.purge(before=1.5)
        await until(lambda: bool(told))
        watch.stop()

    asyncio.run(scene())
    source.close()
    assert told == [UNKNOWN]


def test_a_fault_of_ours_is_logged_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    class Broken(LedgerClient):
        def stamp(self) -> Any:
            raise ZeroDivisionError("a fault of ours")

    source = Broken(str(tmp_path / "ledger.sqlite"))

    async def scene() -> None:
        await ChangeNotifier(source, print, LOG).asked()
        await until(lambda: bool(caplog.records))

    asyncio.run(scene())
    source.close()
    assert [one.getMessage() for one in caplog.records] == [
        "jupyter_green | changes of the ledger are no longer announced"
    ]


# ---- counting ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        (RecordCounts(), RecordCounts(), []),
        (RecordCounts(), RecordCounts(2, {("r", "n"): 2}), [("n", "r", 2)]),
        (RecordCounts(2, {("r", "n"): 2}), RecordCounts(3, {("r", "n"): 3}), [("n", "r", 1)]),
        (RecordCounts(9, {("r", "n"): 2}), RecordCounts(12, {("r", "n"): 2}), [(None, None, 3)]),
        (RecordCounts(9, {("r", "n"): 2}), RecordCounts(13, {("r", "n"): 3}), [("n", "r", 1), (None, None, 3)]),
        (RecordCounts(9, {("r", "n"): 2}), RecordCounts(7, {}), [("n", "r", 0)]),
        (RecordCounts(9), RecordCounts(5), [(None, None, 0)]),
        (RecordCounts(), RecordCounts(2, {("a", None): 1, ("b", "n"): 1}), [(None, "a", 1), ("n", "b", 1)]),
        (RecordCounts(), RecordCounts(30, {(f"r{number}", None): 1 for number in range(30)}), [(None, None, 30)]),
        (RecordCounts(shelf=(1, 5.0)), RecordCounts(shelf=(1, 5.0)), []),
        (RecordCounts(), RecordCounts(shelf=(1, 5.0)), [(None, None, 0)]),
        (RecordCounts(shelf=(1, 5.0)), RecordCounts(shelf=(1, 6.0)), [(None, None, 0)]),
        (RecordCounts(shelf=(2, 5.0)), RecordCounts(shelf=(1, 5.0)), [(None, None, 0)]),
        (RecordCounts(), RecordCounts(1, {("r", "n"): 1}, (1, 5.0)), [("n", "r", 1), (None, None, 0)]),
        (RecordCounts(5), RecordCounts(4, {}, (1, 5.0)), [(None, None, 0)]),
    ],
)
def test_differences(before: RecordCounts, after: RecordCounts, told: list[tuple[Any, Any, Any]]) -> None:
    assert [what(dict(change)) for change in after.since(before)] == told
