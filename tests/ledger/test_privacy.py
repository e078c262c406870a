from __future__ import annotations

import hashlib
import json
import platform

import pytest
from sqlalchemy import create_engine, text

from jupyter_green.ledger import Journal, Ledger, journal_folder, ledger_url

PRIVATE = {"notebook": "/home/alice/secret/plan.ipynb", "label": "merger with X", "cell_id": "cell-4711"}


def stored(url: str) -> str:
    """Everything the ledger's tables hold, as one text."""
    engine = create_engine(ledger_url(url))
    found = []
    with engine.connect() as connection:
        for table in ("green_records", "green_components", "green_journals"):
            found += [repr(tuple(row)) for row in connection.execute(text(f"SELECT * FROM {table}"))]
    engine.dispose()
    assert found
    return "\n".join(found)


@pytest.fixture
def private(record):
    notes = ("shrink: MergerModel → int8, 4× less", "an ordinary note")
    return record(project="/home/alice/secret", notes=notes, **PRIVATE)


def fill(url: str, private, tmp_path, **options) -> Ledger:
    """Store a record in each of the three ways: by hand, by a journal, by a file."""
    journal = Journal(journal_folder(url), {"owner": "alice", "host": "alices-laptop"})
    one, two = private.with_(id="by-journal"), private.with_(id="by-file")
    journal.write("final", one.id, 0.0, one.to_dict())
    journal.close()
    (tmp_path / "x.jsonl").write_text(json.dumps(two.to_dict()) + "\n", encoding="utf-8")
    ledger = Ledger(url, **options)
    assert ledger.add([private]) == 1
    assert ledger.drain().records == 1
    assert ledger.import_(tmp_path / "x.jsonl").records == 1
    return ledger


def test_elsewhere_no_path_no_label_no_name_is_stored(server_url, private, tmp_path):
    with fill(server_url, private, tmp_path) as ledger:
        found = stored(server_url)
        for word in ("alice", "/home", "plan.ipynb", "merger", "Merger", "4711", platform.node()):
            assert word not in found
        assert "an ordinary note" in found
        assert "secret" in found  # the project's name, without its path
        shown = hashlib.sha256(PRIVATE["notebook"].encode()).hexdigest()[:12]
        assert {one.notebook for one in ledger.records()} == {shown}
        assert len(ledger.records(notebook=PRIVATE["notebook"])) == 3
        assert set(ledger.totals(by="notebook").groups) == {shown}
        assert set(ledger.totals(by="project").groups) == {"secret"}
        assert "not stored there: notebook, label" in ledger.describe()
        assert all(one.joules == 100.0 for one in ledger.records())


def test_a_person_may_share_what_they_name(server_url, private, tmp_path):
    with fill(server_url, private, tmp_path, share=("notebook", "label")) as ledger:
        assert {one.notebook for one in ledger.records()} == {PRIVATE["notebook"]}
        assert {one.label for one in ledger.records()} == {PRIVATE["label"]}
        assert "MergerModel" in stored(server_url)
        assert "4711" not in stored(server_url)
        assert "alices-laptop" not in stored(server_url)


def test_sharing_by_the_environment(server_url, private, monkeypatch, tmp_path):
    monkeypatch.setenv("JUPYTER_GREEN_SHARE", "cell_id, host owner")
    with fill(server_url, private, tmp_path):
        found = stored(server_url)
    assert "cell-4711" in found
    assert "alices-laptop" in found
    assert "'alice'" in found
    assert "merger" not in found


def test_on_this_machine_everything_is_kept(file_url, private, tmp_path):
    with fill(file_url, private, tmp_path) as ledger:
        by_journal = next(one for one in ledger.records() if one.id == "by-journal")
        assert by_journal == private.with_(id="by-journal")
        found = stored(file_url)
    assert "alices-laptop" in found
    assert "'alice'" in found


def test_an_unknown_thing_to_share_is_one_sentence(file_url, monkeypatch):
    with pytest.raises(ValueError, match="'source' can't be shared; choose from"):
        Ledger(file_url, share=["source"])
    monkeypatch.setenv("JUPYTER_GREEN_SHARE", "everything")
    with pytest.raises(ValueError, match="'everything' can't be shared"):
        Ledger(file_url)
