"""On a ledger that several people write to, each reads, exports and deletes their own rows and nobody else's."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from jupyter_green.records import EnergyRecord
from jupyter_green.storage import Journal, Ledger, data_folder, journal_folder
from jupyter_green.storage.access import access
from jupyter_green.storage.privacy import KEY_NAME, SHAREABLE, Privacy, is_keyed, keyed

Make = Callable[..., EnergyRecord]
Become = Callable[[str], None]
JOULES = {"alice": 100.0, "bob": 3.0}


@pytest.fixture(params=["file", "database", "database with names"])
def shared(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The URL of an empty ledger that others can write."""
    if request.param == "file":
        url = str(request.getfixturevalue("file_url"))
        Ledger(url).add([])
        Path(url.removeprefix("sqlite:///")).chmod(0o666)
        return url
    if request.param == "database with names":
        monkeypatch.setenv("JUPYTER_GREEN_SHARE", "owner")
    return str(request.getfixturevalue("server_url"))


@pytest.fixture
def become(monkeypatch: pytest.MonkeyPatch) -> Become:
    return lambda person: monkeypatch.setenv("LOGNAME", person)


@pytest.fixture
def both(shared: str, become: Become, record: Make) -> str:
    """A shared ledger into which Alice and Bob put everything that a person can."""
    for person, joules in JOULES.items():
        become(person)
        with Ledger(shared) as ledger:
            ledger.add([record(joules, run_id=f"run-{person}", notebook="plan.ipynb", project=f"of-{person}")])
            ledger.post("budget", {"amount": joules}, id=f"budget-{person}")
            ledger.keep_baseline("plan.ipynb", person, head={}, document={"by": person}, made_at=1.0)
            ledger.choose("plan.ipynb", {"rule": person})
    return shared


def ledger_ids(url: str, become: Become, person: str) -> set[str]:
    """The identities of a person's records; nobody else is told whether they are there."""
    before = os.environ["LOGNAME"]
    become(person)
    with Ledger(url) as ledger:
        found = {one.id for one in ledger.records()}
    become(before)
    return found


@pytest.mark.parametrize(("person", "other"), [("alice", "bob"), ("bob", "alice")])
def test_each_reads_their_own(both: str, become: Become, tmp_path: Path, person: str, other: str) -> None:
    become(person)
    with Ledger(both) as ledger:
        assert [one.run_id for one in ledger.records()] == [f"run-{person}"]
        assert ledger.records(run=f"run-{other}") == ledger.records(limit=0)
        assert ledger.totals().joules == JOULES[person]
        assert set(ledger.totals(by="project").groups) == {f"of-{person}"}
        assert ledger.totals(run=f"run-{other}").joules is None
        assert [run.run_id for run in ledger.runs()] == [f"run-{person}"]
        assert "holds    1 records of yours" in ledger.describe()
        assert ledger.latest_runs("plan.ipynb", None, but=None, most=9) == [f"run-{person}"]
        assert list(ledger.finished_cells(f"run-{other}")) == []
        theirs = ledger_ids(both, become, other)
        usage_sum = ledger.usage_sum(since=0.0, until=float("inf"), asked=theirs, ended_since=0.0)
        assert (usage_sum.total, usage_sum.known & theirs) == (JOULES[person], set())
        assert ledger.check() == []
        assert [one.id for one in ledger.postings("budget")] == [f"budget-{person}"]
        assert [kept.name for kept in ledger.baselines()] == [person]
        assert ledger.baseline("plan.ipynb", other) is None
        assert ledger.choice("plan.ipynb") == {"rule": person}
        assert ledger.forget_baseline("plan.ipynb", other) is False
        for form in ("jsonl", "csv"):
            assert ledger.export(tmp_path / f"x.{form}") == 1
            assert other not in (tmp_path / f"x.{form}").read_text(encoding="utf-8")


def test_each_deletes_their_own(both: str, become: Become) -> None:
    become("bob")
    with Ledger(both) as ledger:
        assert ledger.purge(before=4e9) == 1
        assert ledger.purge(before=4e9) == 0
        assert ledger.records() == ledger.records(limit=0)
    become("alice")
    with Ledger(both) as ledger:
        assert ledger.totals().joules == JOULES["alice"]


def test_everyone_s_are_shown_where_they_are_asked_for(both: str, become: Become, tmp_path: Path) -> None:
    become("carol")
    with Ledger(both) as ledger:
        assert ledger.totals().joules is None
        assert ledger.export(tmp_path / "x.jsonl") == 0
        assert (tmp_path / "x.jsonl").read_bytes() == b""
    with Ledger(both, everyone=True) as ledger:
        assert ledger.totals().joules == sum(JOULES.values())
        assert "holds    2 records, everyone's" in ledger.describe()
        assert any("all users' records" in notice for notice in ledger.notices)
        assert ledger.postings() == []
        assert ledger.export(tmp_path / "x.jsonl") == 2
        assert ledger.purge(before=4e9) == 2


def test_a_journal_is_its_writer_s(shared: str, become: Become, record: Make) -> None:
    for person, joules in JOULES.items():
        one = record(joules, run_id=f"run-{person}")
        journal = Journal(journal_folder(shared), {"owner": person, "host": "one"})
        journal.write("final", one.id, 0.0, one.to_dict())
        journal.close()
    for person, joules in JOULES.items():
        become(person)
        with Ledger(shared) as ledger:
            assert ledger.totals().joules == joules


def test_what_is_taken_in_is_the_taker_s(both: str, become: Become, tmp_path: Path, record: Make) -> None:
    become("alice")
    with Ledger(both) as ledger:
        ledger.export(tmp_path / "of-alice.jsonl")
    forged = tmp_path / "forged.jsonl"
    lines = [json.loads(line) for line in (tmp_path / "of-alice.jsonl").read_text().splitlines()]
    forged.write_text("".join(json.dumps({**line, "id": line["id"] + "-new"}) + "\n" for line in lines))
    become("bob")
    with Ledger(both) as ledger:
        ledger.import_(forged)
        assert ledger.totals().joules == sum(JOULES.values())
    become("alice")
    with Ledger(both) as ledger:
        assert ledger.totals().joules == JOULES["alice"]
        assert [one.id for one in ledger.postings("budget")] == ["budget-alice"]


def test_one_s_own_are_found_whether_or_not_the_name_is_told(server_url: str, become: Become, record: Make) -> None:
    become("alice")
    for share in ([], ["owner"]):
        with Ledger(server_url, share=share) as ledger:
            ledger.add([record()])
            ledger.choose("plan.ipynb", {"rule": f"{share}"})
            assert ledger.choice("plan.ipynb") == {"rule": f"{share}"}
    with Ledger(server_url, share=[]) as ledger:
        assert len(ledger.records()) == 2


def test_rows_without_an_owner_are_the_file_owner_s_and_nobody_s_elsewhere(any_url: str, record: Make) -> None:
    from sqlalchemy import update

    from jupyter_green.storage import schema

    with Ledger(any_url) as ledger:
        ledger.add([record()])
        ledger._database.write(lambda connection: connection.execute(update(schema.records).values(owner=None)))
        elsewhere = any_url.startswith("postgresql")
        assert len(ledger.records()) == (0 if elsewhere else 1)
        if not elsewhere:
            Path(any_url.removeprefix("sqlite:///")).chmod(0o666)
            assert len(ledger.records()) == 1
    with Ledger(any_url, everyone=True) as ledger:
        assert len(ledger.records()) == 1


def test_a_file_of_one_person_is_theirs_under_every_name(file_url: str, become: Become, record: Make) -> None:
    for person in ("root", "jovyan"):
        become(person)
        with Ledger(file_url) as ledger:
            ledger.add([record()])
    with Ledger(file_url) as ledger:
        assert len(ledger.records()) == 2
        assert ledger.notices == []


def test_a_name_that_everybody_has_tells_nobody_apart(
    server_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, record: Make
) -> None:
    """In a hub's containers each home folder has a key of its own, and everybody is called alike."""
    monkeypatch.setenv("LOGNAME", "jovyan")
    for person in ("anna", "bert"):
        monkeypatch.setenv("JUPYTERHUB_USER", person)
        monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / person))
        with Ledger(server_url, share=["owner"]) as ledger:
            ledger.add([record(run_id=person)])
            assert [one.run_id for one in ledger.records()] == [person]
            assert "everybody here is called 'jovyan'" in ledger.notices[0]


# ---- the rule ----------------------------------------------------------------------------------------


def test_whose_rows_may_be_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    local, elsewhere = Privacy(local=True), Privacy(local=False)
    assert access(f"sqlite:///{tmp_path / 'none.sqlite'}", local).whole
    assert not (data_folder() / KEY_NAME).exists()  # nothing is to be hidden in a file of one's own
    url = "postgresql+psycopg://host/green"
    assert access(url, elsewhere, everyone=True).whole
    (token, name) = access(url, elsewhere).owners
    assert name == "alice"
    assert is_keyed(token)
    assert access(url, elsewhere).writes == token
    assert access(url, Privacy(local=False, shared=frozenset(SHAREABLE))).writes == "alice"
    monkeypatch.setenv("JUPYTERHUB_USER", "Alice")
    assert access(url, elsewhere).owners == (token, "alice")
    monkeypatch.setenv("JUPYTERHUB_USER", "bob")
    assert access(url, elsewhere).owners == (token,)


def test_a_key_is_one_person_s_and_nobody_else_can_read_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    made = keyed("code", "print(1)")
    path = data_folder() / KEY_NAME
    assert made == keyed("code", "print(1)") != keyed("owner", "print(1)")
    assert path.stat().st_mode & 0o777 == 0o600
    assert len(path.read_bytes()) == 32
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "other"))
    assert keyed("code", "print(1)", make=False) is None
    assert keyed("code", "print(1)") != made
