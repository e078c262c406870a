"""The bundle is exactly three MIME types; its data is strict JSON and what the schema describes."""

from __future__ import annotations

import json
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from jsonschema import Draft202012Validator

from jupyter_green.records import SCHEMA_VERSION, Component, EnergyRecord, Kind, Method, Quality, Span, Status, Trace
from jupyter_green.records.shrink_outcome import ShrinkCode
from jupyter_green.reporting import MIME, bundle, schema, sentence
from jupyter_green.reporting.record.text_line import line
from jupyter_green.storage import Ledger
from tests.reporting.arbitrary import records
from tests.schema_example import definition, example
from tests.support.record_states import GPU, record, states

VALIDATOR = Draft202012Validator(schema())


def strict(data: Any) -> Any:
    text = json.dumps(data, allow_nan=False, ensure_ascii=False)
    text.encode()
    return json.loads(text)


def test_the_schema_is_one():
    Draft202012Validator.check_schema(schema())
    assert schema()["properties"]["schema"]["const"] == SCHEMA_VERSION
    assert f".v{SCHEMA_VERSION}+json" in MIME


@pytest.mark.parametrize("state", states())
def test_bundles_of_every_state(state):
    drawn = states()[state]
    made = bundle(drawn)
    assert list(made) == ["application/vnd.jupyter-green.cell.v1+json", "text/html", "text/plain"]
    VALIDATOR.validate(strict(made[MIME]))
    assert made["text/plain"] == line(drawn)
    assert made["text/plain"].startswith(sentence(drawn))


@given(records())
@settings(max_examples=80, deadline=None)
def test_bundles_of_any_record(drawn):
    data = strict(bundle(drawn)[MIME])
    VALIDATOR.validate(data)
    EnergyRecord.from_dict({**data, "trace": None})


def test_the_schema_the_dataclasses_and_their_plain_data_have_the_same_fields(tmp_path):
    """A field that one of them lacks is lost on the way, or added."""
    described = example(schema(), schema())
    VALIDATOR.validate(described)
    read = EnergyRecord.from_dict(described)
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        ledger.add([read])
        (stored,) = ledger.records()
    for back in (read, stored):
        derived = {name: value for name, value in back.to_dict().items() if name not in EnergyRecord.__annotations__}
        assert back.to_dict() == {**described, **derived}
    assert {name for name in derived if name != "schema"} <= set(dir(EnergyRecord))
    assert set(bundle(read)[MIME]) == set(described)


@pytest.mark.parametrize(
    ("path", "codes"),
    [
        ("properties/span", Span),
        ("properties/status", Status),
        ("$defs/quality", Quality),
        ("$defs/component/properties/kind", Kind),
        ("$defs/component/properties/method", Method),
        ("$defs/shrink/properties/code", ShrinkCode),
    ],
)
def test_the_schema_and_the_types_have_the_same_codes(path, codes):
    assert set(definition(path, schema())["enum"]) == set(get_args(codes))


def test_every_field_is_described():
    for part in (schema(), *(part for part in schema()["$defs"].values() if "properties" in part)):
        for name, field in part["properties"].items():
            assert field.get("description"), name


@pytest.mark.parametrize(
    "change",
    [
        {"joules": "12"},
        {"quality": "guessed"},
        {"uncertainty": -1.0},
        {"components": [{"kind": "gpu"}]},
        {"trace": {"series": {"a": [[0.0, 1.0, 2.0]]}, "seconds": 1.0, "simulated": False}},
        {"schema": 2},
    ],
)
def test_the_schema_refuses_what_is_wrong(change):
    assert not VALIDATOR.is_valid({**bundle(record(GPU))[MIME], **change})


def test_numbers_that_json_has_no_word_for_become_null():
    odd = Component("gpu", "a\ud800b", "k", float("nan"), float("inf"), None, "counter", "measured", "")
    data = strict(bundle(record(odd))[MIME])
    assert data["components"][0]["joules"] is None
    assert data["components"][0]["uncertainty"] is None
    assert data["joules"] is None
    assert data["components"][0]["device"] == "a?b"


def test_a_long_trace_is_thinned_and_keeps_its_energy():
    points = tuple((0.01 * i, 100.0 + i % 7) for i in range(5000))
    data = bundle(record(GPU, seconds=50.0, trace=Trace({"a": points, "b": points[:30]}, 50.0)))[MIME]["trace"]
    assert sum(len(pairs) for pairs in data["series"].values()) <= 120
    times = [t for t, _ in data["series"]["a"]]
    means = [w for _, w in data["series"]["a"]]
    energy = sum(w * (end - t) for t, w, end in zip(times, means, [*times[1:], 50.0], strict=True))
    assert energy == pytest.approx(sum(w for _, w in points) * 0.01, rel=1e-9)


def test_the_folder_of_a_notebook_stays_at_home():
    for path in ("/home/lovelace/secret/train.ipynb", "C:\\Users\\lovelace\\train.ipynb", "train.ipynb"):
        made = bundle(record(GPU, notebook=path))
        assert made[MIME]["notebook"] == "train.ipynb"
        assert "lovelace" not in str(made)
