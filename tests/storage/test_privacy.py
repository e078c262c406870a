from __future__ import annotations

import hashlib
import json
import platform
import re
from pathlib import Path

import pytest
from sqlalchemy import create_engine, select, text

from jupyter_green.records.shrink_outcome import ShrinkOutcome
from jupyter_green.storage import Journal, Ledger, journal_folder, ledger_url, schema
from jupyter_green.storage.privacy import comparable, hashed, is_keyed, is_same_code, keyed

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
    outcome = ShrinkOutcome("kept", "MergerModel", True, "int8, 4× less, proven")
    notes = (outcome.line, "an ordinary note")
    return record(project="/home/alice/secret", notes=notes, shrinks=(outcome,), **PRIVATE)


def fill(url: str, private, tmp_path, **options) -> Ledger:
    """Store a record in each of the three ways: by hand, by a journal, by a file."""
    journal = Journal(journal_folder(url), {"owner": "alice", "host": "alices-laptop"})
    one, two = private.with_(id="by-journal"), private.with_(id="by-file", shrinks=())
    journal.write("final", one.id, 0.0, one.to_dict())
    journal.close()
    old = {name: value for name, value in two.to_dict().items() if name != "shrinks"}  # of an older version
    (tmp_path / "x.jsonl").write_text(json.dumps(old) + "\n", encoding="utf-8")
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
        shown = keyed("notebook", PRIVATE["notebook"])
        assert hashlib.sha256(PRIVATE["notebook"].encode()).hexdigest()[:12] not in found
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


def test_code_and_notebook_go_elsewhere_under_a_key_and_are_found_either_way(server_url, file_url, record, tmp_path):
    raw = hashlib.sha256(b"print(1)").hexdigest()[:16]
    with Ledger(server_url) as ledger:
        ledger.add([record(code_hash=raw)])
        (one,) = ledger.records(code_hash=raw)
        assert raw not in stored(server_url)
        assert one.code_hash == comparable(raw) == comparable(one.code_hash) != raw
        assert len(ledger.records(code_hash=one.code_hash, notebook=one.notebook)) == 1
        ledger.export(tmp_path / "x.jsonl")
    with Ledger(file_url) as ledger:  # what comes back is still found by what the person calls it
        ledger.import_(tmp_path / "x.jsonl")
        assert len(ledger.records(code_hash=raw, notebook="/home/alice/work/secret.ipynb")) == 1


def test_codes_are_compared_in_whatever_form_they_are_stored():
    one, other = "a" * 64, "b" * 64
    stored_elsewhere = keyed("code", one)
    for form in (one, stored_elsewhere):
        assert is_same_code(one, form)
        assert is_same_code(form, stored_elsewhere)
        assert not is_same_code(form, other)
        assert not is_same_code(form, None)
    assert is_same_code(None, None)


def test_what_an_older_version_hashed_without_a_key_is_still_found(server_url, record):
    with Ledger(server_url) as ledger:
        ledger.add([record(notebook=hashed("plan.ipynb"))])
        assert len(ledger.records(notebook="plan.ipynb")) == 1
        ledger.keep_baseline(hashed("plan.ipynb"), "before", head={}, document={"a": 1}, made_at=1.0)
        ledger.choose(hashed("plan.ipynb"), {"rule": "last"})
        assert ledger.baseline("plan.ipynb", "before") == {"a": 1}
        assert ledger.choice("plan.ipynb") == {"rule": "last"}


def test_without_a_key_what_would_be_hashed_is_withheld(server_url, record, no_key):
    with Ledger(server_url) as ledger:
        ledger.add([record(code_hash="0123456789abcdef")])
        found = stored(server_url)
    for word in ("secret", "0123456789abcdef", "alice"):
        assert word not in found


def test_the_page_lists_what_leaves_the_machine(server_url, private):
    page = (Path(__file__).parents[2] / "docs" / "server.md").read_text(encoding="utf-8")
    lines = page.partition("has these columns by default:")[2].partition("`document` repeats")[0].split("\n- ")[1:]
    plain, project, keyed_ones, nothing = (set(re.findall(r"`(\w+)`", line)) for line in lines)
    with Ledger(server_url) as ledger:
        ledger.add([private.with_(code_hash="0123456789abcdef")])
        row = ledger._database.read(lambda c: c.execute(select(schema.records)).mappings().one())
    assert plain | project | keyed_ones | nothing == set(row)
    assert {name for name in nothing if row[name] is not None} == set()
    assert all(is_keyed(row[name]) for name in keyed_ones)
    assert row["project"] == "secret"
    document = json.loads(row["document"])
    assert {document[name] for name in ("label", "cell_id")} == {None}
    assert (document["notebook"], document["code_hash"]) == (row["notebook"], row["code_hash"])
