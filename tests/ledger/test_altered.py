"""A record that was altered in the database is said in one sentence, and loses nothing else."""

from __future__ import annotations

import json
from importlib import import_module

import pytest
from sqlalchemy import update

from jupyter_green.ledger import Ledger, schema

summary = import_module("jupyter_green.ledger.summary")

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
        assert [one for one in ledger.notices if "altered from outside" in one] == [
            "1 record was altered from outside and can't be read; all others are there."
        ]


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
        assert [one for one in ledger.notices if "altered from outside" in one] == [
            "1 record was altered from outside and can't be added up; all others are in the sum."
        ]


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
