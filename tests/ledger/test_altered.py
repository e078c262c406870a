"""A record that was altered in the database is said in one sentence, and loses nothing else."""

from __future__ import annotations

import json

import pytest
from sqlalchemy import update

from jupyter_green.ledger import Ledger, schema

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
