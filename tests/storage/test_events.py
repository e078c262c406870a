"""Budgets, tariffs, overrides, baselines and credits: entered once, never changed, carried from ledger to ledger."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import create_engine, insert, inspect, select, text

from jupyter_green.storage import Ledger, LedgerError, LedgerEvent, data_folder, schema
from jupyter_green.storage.privacy import KEY_NAME, SHAREABLE, keyed
from tests.storage.test_schema import engine_of

KINDS = ("budget", "tariff", "override", "baseline", "credit")
HEAD, DOCUMENT = {"cells": 2}, {"format": "a baseline", "cells": [1, 2]}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(-1e300, 1e300) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
PLACE = st.none() | st.text(st.characters(blacklist_characters="\0", blacklist_categories=["Cs"]), max_size=8)
POSTINGS = st.builds(
    LedgerEvent,
    kind=st.sampled_from(KINDS),
    document=st.dictionaries(st.text(max_size=5), JSON, max_size=4),
    project=PLACE,
    notebook=PLACE,
    made_at=st.floats(0, 4e9),
)


@pytest.fixture(autouse=True)
def alice(monkeypatch):
    monkeypatch.setenv("LOGNAME", "alice")


def rows(url: str) -> list[tuple]:
    """Every row of the tables as they are in the database."""
    engine = create_engine(Ledger(url)._url)
    with engine.connect() as connection:
        found = [
            tuple(row)
            for table in (schema.postings, schema.baselines, schema.records, schema.components)
            for row in connection.execute(select(table).order_by(*table.primary_key.columns))
        ]
    engine.dispose()
    return found


def one_of_each(ledger: Ledger) -> None:
    ledger.post("budget", {"amount": 180000.0, "unit": "J"}, project="solar", notebook="plan.ipynb", made_at=1.0)
    ledger.post("tariff", {"per_kwh": "0.25", "currency": "EUR"}, project="solar", made_at=2.0)
    ledger.post("override", {"reason": "Deadline: Zürich 🌱", "budget": "b"}, project="solar", made_at=3.0)
    ledger.post("credit", {"joules": 12.5}, project="wind", made_at=4.0)
    ledger.keep_baseline("plan.ipynb", "before", head=HEAD, document=DOCUMENT, made_at=5.0)


def test_what_is_entered_is_there_and_entered_once(any_url):
    with Ledger(any_url, share=["owner", "project"]) as ledger:
        made = ledger.post("budget", {"amount": 1}, project="solar", made_at=5.0, id="b1")
        ledger.post("budget", {"amount": 2}, project="solar", made_at=6.0, id="b1")
        assert ledger.postings("budget") == [made]
        assert ledger.postings("tariff") == ledger.postings(project="wind") == []
        assert ledger.postings(project="solar") == [made]


def test_there_is_no_way_to_change_or_delete_one(any_url, record):
    with Ledger(any_url, share=["owner"]) as ledger:
        one_of_each(ledger)
        before = ledger.postings()
        ledger.add([record(started_at=1.0)])
        ledger.purge(before=2e9)
        ledger.keep_baseline("plan.ipynb", "before", head=HEAD, document={"other": 1}, made_at=6.0)
        ledger.forget_baseline("plan.ipynb", "before")
        after = ledger.postings()
        assert after[: len(before)] == before
        log = [one.document["baseline"] for one in after if one.kind == "baseline"]
        assert log == [DOCUMENT, {"other": 1}, None]
        assert ledger.baselines("plan.ipynb") == []


@pytest.mark.parametrize("way", ["to the server", "from the server"])
def test_a_file_and_a_server_hold_the_same_rows(file_url, server_url, tmp_path, record, way):
    first, second = (file_url, server_url) if way == "to the server" else (server_url, file_url)
    kept = [record(started_at=float(n), label="a", purpose="inference", tariff="1a2b3c4d") for n in range(3)]
    with Ledger(first, share=SHAREABLE) as here, Ledger(second, share=SHAREABLE) as there:
        here.add(kept)
        one_of_each(here)
        assert here.export(tmp_path / "x.jsonl") == 3
        done = there.import_(tmp_path / "x.jsonl")
        assert (done.records, done.duplicates, done.postings) == (3, 0, 5)
        assert there.postings() == here.postings()
        assert there.baseline("plan.ipynb", "before") == DOCUMENT
        assert list(there.records()) == kept
        again = there.import_(tmp_path / "x.jsonl")
        assert (again.records, again.duplicates, again.postings) == (0, 3, 0)
        there.export(tmp_path / "y.jsonl")
    assert (tmp_path / "x.jsonl").read_bytes() == (tmp_path / "y.jsonl").read_bytes()
    # A file does not say on which machine a record was made and by whom; all other columns are the same.
    ours, theirs = rows(first), rows(second)
    assert len(ours) == len(theirs) == 5 + 1 + 3 + 3
    place = [column.name for column in schema.records.columns].index("owner")
    for mine, other in zip(ours, theirs, strict=True):
        assert mine == other or (mine[:place] + mine[place + 2 :] == other[:place] + other[place + 2 :])


@settings(deadline=None, max_examples=25)
@given(postings=st.lists(POSTINGS, max_size=5, unique_by=lambda posting: posting.id))
def test_any_posting_comes_back_as_it_was(tmp_path_factory, postings):
    folder = tmp_path_factory.mktemp("t")
    with Ledger(folder / "a.sqlite") as one, Ledger(folder / "b.sqlite") as two:
        for made in postings:
            one.post(made.kind, made.document, project=made.project, notebook=made.notebook, made_at=made.made_at)
        one.export(folder / "all.jsonl")
        assert two.import_(folder / "all.jsonl").postings == len(postings)
        two.export(folder / "again.jsonl")
        assert (folder / "again.jsonl").read_bytes() == (folder / "all.jsonl").read_bytes()
        assert two.postings() == one.postings()


def test_filters_hold_for_postings_too(file_url, tmp_path, record):
    with Ledger(file_url) as ledger:
        one_of_each(ledger)
        ledger.add([record(project="wind")])
        ledger.export(tmp_path / "w.jsonl", project="wind")
        ledger.export(tmp_path / "c.jsonl", span="cell")
        ledger.export(tmp_path / "s.jsonl", since=3.0, until=4.0)
        ledger.export(tmp_path / "t.csv")
    lines = [json.loads(line) for line in (tmp_path / "w.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [line.get("kind") for line in lines] == [None, "credit"]
    assert "posting" not in (tmp_path / "c.jsonl").read_text(encoding="utf-8")
    assert [json.loads(line)["kind"] for line in (tmp_path / "s.jsonl").read_text("utf-8").splitlines()] == ["override"]
    assert len((tmp_path / "t.csv").read_text(encoding="utf-8").splitlines()) == 2


def test_a_newer_baseline_is_not_replaced_by_an_older_one(tmp_path):
    with Ledger(tmp_path / "a.sqlite") as old, Ledger(tmp_path / "b.sqlite") as new:
        old.keep_baseline("plan.ipynb", "before", head=HEAD, document={"is": "old"}, made_at=5.0)
        old.export(tmp_path / "x.jsonl")
        new.keep_baseline("plan.ipynb", "before", head=HEAD, document={"is": "new"}, made_at=5.0)
        new.import_(tmp_path / "x.jsonl")
        assert new.baseline("plan.ipynb", "before") == {"is": "new"}
        assert len(new.postings("baseline")) == 2


def test_elsewhere_it_must_be_told_whose_and_free_text_stays_here(server_url, no_key):
    with Ledger(server_url, share=[]) as ledger:
        with pytest.raises(LedgerError, match=r"can't be identified as yours.*JUPYTER_GREEN_SHARE=owner"):
            ledger.post("budget", {"amount": 1})
        with pytest.raises(LedgerError, match="can't be identified as yours"):
            ledger.postings()
    (data_folder() / KEY_NAME).rmdir()
    with Ledger(server_url, share=["owner"]) as ledger:
        one_of_each(ledger)
        found = {one.kind: one for one in ledger.postings()}
        assert found["override"].document == {"reason": None, "budget": "b"}
        assert found["budget"].notebook == keyed("notebook", "plan.ipynb")
        assert {one.owner for one in found.values()} == {"alice"}


def test_another_person_s_are_not_found(server_url, monkeypatch):
    with Ledger(server_url, share=["owner"]) as ledger:
        one_of_each(ledger)
    monkeypatch.setenv("LOGNAME", "bob")
    with Ledger(server_url, share=["owner"]) as ledger:
        assert ledger.postings() == []


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"posting": 2}, "upgrade it"),
        ({"kind": "wish"}, "no event of the kind 'wish'"),
        ({"document": [1]}, "is empty"),
        ({"made_at": "today"}, "no time"),
        ({"id": ""}, "no id"),
        ({"project": 5}, "wrong type"),
    ],
)
def test_a_damaged_line_brings_nothing_in(file_url, tmp_path, record, change, why):
    good = LedgerEvent("budget", {"amount": 1}).to_dict()
    lines = [json.dumps(record().to_dict()), json.dumps(good), json.dumps({**good, "id": "other", **change})]
    (tmp_path / "x.jsonl").write_text("\n".join(lines), encoding="utf-8")
    with Ledger(file_url) as ledger:
        with pytest.raises(LedgerError, match=rf"Nothing was imported: line 3 of .*{why}"):
            ledger.import_(tmp_path / "x.jsonl")
        assert ledger.postings() == []
        assert len(ledger.records()) == 0


def test_what_is_no_posting_is_refused(file_url):
    with Ledger(file_url) as ledger:
        with pytest.raises(ValueError, match="no event of the kind"):
            ledger.post("wish", {})
        with pytest.raises(ValueError, match="no time"):
            ledger.post("budget", {}, made_at=math.nan)


def test_baselines_of_an_older_ledger_are_entered(any_url):
    engine = engine_of(any_url)
    with engine.begin() as connection:
        schema.upgrade(connection, "0004")
        row = {"notebook": "plan.ipynb", "name": "before", "owner": "alice", "made_at": 5.0, "kept_at": 6.0}
        row |= {"head": json.dumps(HEAD), "document": json.dumps(DOCUMENT)}
        connection.execute(insert(schema.baselines), [row])
        assert "purpose" not in {column["name"] for column in inspect(connection).get_columns("green_records")}
    engine.dispose()
    with Ledger(any_url, share=["owner", "notebook"]) as ledger:
        (entered,) = ledger.postings("baseline")
        assert (entered.made_at, entered.document["baseline"]) == (6.0, DOCUMENT)
        assert ledger.baseline("plan.ipynb", "before") == DOCUMENT
    with engine_of(any_url).connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM green_baselines")).scalar_one() == 1
