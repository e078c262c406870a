"""A record that was altered in the database is said in one sentence, and loses nothing else."""

from __future__ import annotations

import json
from importlib import import_module

import pytest
from sqlalchemy import update

from jupyter_green.baselines.service import keep_run
from jupyter_green.storage import Ledger, LedgerError, schema

summary = import_module("jupyter_green.storage.period_totals")

PART = "components"


@pytest.mark.parametrize(
    "change",
    [
        "no JSON",
        "[]",
        {"schema": "x"},
        {"started_at": "yesterday"},
        {"seconds": float("nan")},
        {"components": 5},
        {"components": [{"joules": "many"}]},
        {PART: {"joules": -5.0}},
        {PART: {"joules": 1e308}},
        {PART: {"joules": float("nan")}},
        {PART: {"joules": "12"}},
        {PART: {"uncertainty": "wide"}},
        {PART: {"kind": "toaster"}},
        {"label": ["a"]},
        {"span": "cells"},
    ],
    ids=str,
)
def test_the_rest_can_be_read(any_url, record, change):
    good, bad = record(1.0), record(2.0)
    with Ledger(any_url) as ledger:
        ledger.add([good, bad])
        data = bad.to_dict()
        if isinstance(change, dict) and isinstance(change.get(PART), dict):
            data[PART][0].update(change[PART])
        elif isinstance(change, dict):
            data.update(change)
        text = change if isinstance(change, str) else json.dumps(data)
        table = schema.records
        ledger._database.write(lambda c: c.execute(update(table).where(table.c.id == bad.id).values(document=text)))
        assert [one.id for one in ledger.records()] == [good.id]
        assert (
            ledger.notice_of("altered") == "1 record was altered from outside and can't be read; all others are there."
        )


COLUMNS = [
    (schema.components, {"joules": "many"}),
    (schema.components, {"joules": -5.0}),
    (schema.components, {"joules": 1e308}),
    (schema.components, {"uncertainty": "wide"}),
    (schema.components, {"quality": "certain"}),
    (schema.components, {"kind": "toaster"}),
    (schema.records, {"seconds": "long"}),
    (schema.records, {"seconds": -1.0}),
    (schema.records, {"started_at": "later"}),
    (schema.records, {"project": b"bytes"}),
]


@pytest.mark.parametrize(("table", "change"), COLUMNS, ids=str)
def test_the_rest_is_added_up(file_url, record, table, change):
    """SQLite keeps anything in any column."""
    good, bad = record(1.0, run_id="good"), record(2.0, run_id="bad")
    words = ", ".join(f"{name} = ?" for name in change)
    key = "id" if table is schema.records else "record_id"
    with Ledger(file_url) as ledger:
        ledger.add([good, bad])
        statement = f"UPDATE {table.name} SET {words} WHERE {key} = ?"
        ledger._database.write(lambda c: c.exec_driver_sql(statement, (*change.values(), bad.id)))
        assert ledger.totals(by="project").joules == 1.0
        assert [run.run_id for run in ledger.runs()] == ["good"]
        said = "1 record was altered from outside and can't be added up; all others are in the sum."
        assert ledger.notice_of("altered") == said


@pytest.mark.parametrize(
    "change", [{"joules": "many"}, {"joules": 1e308}, {"squares": -1.0}, {"quality": "certain"}, {"records": "all"}]
)
def test_altered_sums_give_way_to_the_records(file_url, record, change, monkeypatch):
    monkeypatch.setattr(summary, "FEW", 0)
    words = ", ".join(f"{name} = ?" for name in change)
    with Ledger(file_url) as ledger:
        ledger.add([record(1.0), record(2.0)])
        statement = f"UPDATE green_rollup_lines SET {words} WHERE line = 'sum'"
        ledger._database.write(lambda c: c.exec_driver_sql(statement, tuple(change.values())))
        assert ledger.totals().joules == 3.0
        assert len(ledger.runs()) >= 1
        assert any("mend()" in one for one in ledger.notices)
        ledger.mend()
        assert ledger.totals().joules == 3.0


def alter(ledger: Ledger, table: str, change: dict[str, object], where: str = "1 = 1") -> None:
    """Write into a table as somebody from outside would; both databases take ``%s`` or ``?``."""
    mark = "?" if ledger.url.startswith("sqlite") else "%s"
    words = ", ".join(f"{name} = {mark}" for name in change)
    ledger._database.write(
        lambda c: c.exec_driver_sql(f"UPDATE {table} SET {words} WHERE {where}", tuple(change.values()))
    )


@pytest.mark.parametrize(
    ("change", "url"),
    [
        ({"joules": "many"}, "file_url"),
        ({"uncertainty": b"wide"}, "file_url"),
        ({"joules": -5.0}, "server_url"),
        ({"joules": float("nan")}, "server_url"),
        ({"gain_uncertainty": float("inf")}, "server_url"),
        ({"quality": "certain"}, "server_url"),
    ],
    ids=str,
)
def test_an_hour_that_is_made_anew_leaves_altered_records_out(request, record, change, url, monkeypatch):
    """A long ledger's totals come from sums; what was altered must not slip into one that is made again."""
    monkeypatch.setattr(summary, "FEW", -1)
    with Ledger(request.getfixturevalue(url), share=["owner"]) as ledger:
        ledger.add([record(1.0, id="good"), record(2.0, id="bad")])
        alter(ledger, "green_components", change, "record_id = 'bad'")
        assert ledger.check() == ["run-1"]
        ledger.add([record(4.0, id="later")])
        for by in (None, "kind", "project", "day", "run"):
            assert ledger.totals(by=by).joules == 5.0
        assert [run.joules for run in ledger.runs()] == [5.0]
        assert ledger.check() == []
        ledger.mend()
        assert ledger.check() == []
        assert ledger.totals(since=record(1.0).started_at - 0.5).joules == 5.0
        said = "1 record was altered from outside and can't be added up; all others are in the sum."
        assert [one for one in ledger.notices if "in the sum" in one] == [said]
        usage_sum = ledger.usage_sum(since=0.0, until=float("inf"))
        assert (usage_sum.count, usage_sum.total) == (2, 5.0)


@pytest.mark.parametrize(
    "change",
    [
        ("green_records", {"document": "{"}, "id = 'bad'"),
        ("green_records", {"document": '{"schema": 99}'}, "id = 'bad'"),
        ("green_records", {"started_at": 1e300}, "id = 'bad'"),
        ("green_records", {"seconds": float("inf")}, "id = 'bad'"),
        ("green_baselines", {"head": "[]", "document": "[1]"}, "name = 'base'"),
        ("green_baselines", {"head": "null", "document": "{"}, "name = 'base'"),
        ("green_choices", {"choice": '{"formerly": [1, ["a"], ["b", "c"]]}'}, "1 = 1"),
        ("green_choices", {"choice": "{"}, "1 = 1"),
        ("green_postings", {"document": "[]"}, "kind = 'tariff'"),
        ("green_postings", {"kind": "gift"}, "kind = 'tariff'"),
        ("green_postings", {"made_at": float("inf")}, "kind = 'tariff'"),
    ],
    ids=str,
)
def test_whatever_is_altered_loses_nothing_else(any_url, record, change, tmp_path):
    with Ledger(any_url, share=["owner", "notebook"]) as ledger:
        ledger.add([record(1.0, id="good", notebook="n"), record(2.0, id="bad", notebook="n", cell_id="c")])
        for name in ("base", "other"):
            keep_run(ledger, "n", "run-1", name)
        ledger.choose("n", {"rule": "last"})
        ledger.post("tariff", {"version": 1})
        ledger.post("credit", {"joules": 1})
        alter(ledger, *change)
        assert {one.id for one in ledger.records()} >= {"good"}
        assert {one.id for one in ledger.finished_cells("run-1")} >= {"good"}
        assert ledger.totals(by="day").joules in (1.0, 3.0)
        assert {one.name for one in ledger.baselines("n")} >= {"other"}
        assert ledger.baseline("n", "other") is not None
        assert ledger.former("n") == []
        assert ledger.choice("n") in (None, {"rule": "last"})
        assert "credit" in {one.kind for one in ledger.postings()}
        for suffix in ("jsonl", "csv"):
            assert ledger.export(tmp_path / f"all.{suffix}") in (1, 2)
        if change[0] == "green_baselines":
            with pytest.raises(LedgerError, match=r"'base' was altered from outside .*; delete it and set it again\.$"):
                ledger.baseline("n", "base")
    with Ledger(tmp_path / "other.sqlite") as other:
        assert other.import_(tmp_path / "all.jsonl").records in (1, 2)


@pytest.mark.parametrize(
    "change", [{"run_id": b"x"}, {"project": b"x"}, {"hour": "noon"}, {"simulated": "many"}], ids=str
)
def test_altered_keys_of_sums_give_way_to_the_records(file_url, record, change, monkeypatch):
    monkeypatch.setattr(summary, "FEW", -1)
    with Ledger(file_url) as ledger:
        ledger.add([record(1.0), record(2.0)])
        alter(ledger, "green_rollups", change, "hour IS NULL" if "hour" not in change else "hour IS NOT NULL")
        for by in ("project", "run", "day", None):
            ledger.totals(by=by)
        ledger.runs()
        assert ledger.check()
        ledger.mend()
        assert (ledger.check(), ledger.totals(by="day").joules) == ([], 3.0)
