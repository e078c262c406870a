from __future__ import annotations

import csv
import json
import math
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jupyter_green.records import SCHEMA_VERSION, Component, EnergyRecord, Trace
from jupyter_green.storage import Ledger, LedgerError

TEXT = st.none() | st.text(max_size=12)
NUMBER = st.none() | st.floats(-1e12, 1e12)
WIDTH = st.none() | st.just(math.inf) | st.floats(0, 1e100)
PARTS = st.builds(
    Component,
    kind=st.sampled_from(["gpu", "cpu", "dram", "other"]),
    device=st.text(max_size=8),
    key=st.text(max_size=8),
    joules=st.none() | st.floats(0, 1e12),
    uncertainty=WIDTH,
    gain_uncertainty=WIDTH,
    method=st.sampled_from(["counter", "power", "model"]),
    quality=st.sampled_from(["measured", "estimated", "simulated"]),
    scope=st.text(max_size=8),
    source=st.text(max_size=4),
    idle_joules=NUMBER,
    own_joules=NUMBER,
    shared=st.none() | st.booleans(),
    tick_seconds=NUMBER,
    note=TEXT,
    celsius=NUMBER,
    clock_mhz=NUMBER,
    throttle=st.none() | st.lists(st.sampled_from(["thermal", "power_cap"]), max_size=2).map(tuple),
)
TRACES = st.none() | st.builds(
    Trace,
    series=st.dictionaries(
        st.text(max_size=5), st.lists(st.tuples(st.floats(0, 10), st.none() | st.floats(0, 1e4)), max_size=4).map(tuple)
    ),
    seconds=st.floats(0, 10),
    simulated=st.booleans(),
)
ANY_RECORD = st.builds(
    EnergyRecord,
    components=st.lists(PARTS, max_size=3).map(tuple),
    seconds=st.floats(0, 1e6),
    started_at=st.floats(0, 4e9),
    run_id=st.text(max_size=8),
    parent=TEXT,
    span=st.sampled_from(["cell", "window", "gap", "trial"]),
    status=st.sampled_from(["ok", "error", "interrupted", "killed"]),
    label=TEXT,
    cell_id=TEXT,
    execution_count=st.none() | st.integers(0, 10**6),
    code_hash=TEXT,
    notebook=TEXT,
    project=TEXT,
    units=NUMBER,
    unit=TEXT,
    overhead_seconds=st.floats(0, 10),
    co2e_grams=NUMBER,
    co2e_source=TEXT,
    cost=NUMBER,
    currency=TEXT,
    notes=st.lists(st.text(max_size=10), max_size=2).map(tuple),
    trace=TRACES,
)


@settings(deadline=None, max_examples=40)
@given(records=st.lists(ANY_RECORD, max_size=4))
def test_json_lines_come_back_as_they_were(tmp_path_factory, records):
    folder = tmp_path_factory.mktemp("t")
    with Ledger(folder / "a.sqlite") as one, Ledger(folder / "b.sqlite") as two:
        assert one.add(records) == len(records)
        assert one.export(folder / "all.jsonl") == len(records)
        assert two.import_(folder / "all.jsonl").records == len(records)
        assert two.import_(folder / "all.jsonl").duplicates == len(records)
        assert two.export(folder / "again.jsonl") == len(records)
        assert (folder / "again.jsonl").read_bytes() == (folder / "all.jsonl").read_bytes()
        back = {found.id: found for found in two.records()}
        assert back == {record.id: record for record in records}
        assert all(back[record.id].trace == record.trace for record in records)


@pytest.mark.skipif(sys.platform == "win32", reason="file names are text there")
@pytest.mark.parametrize("odd", ["/home/b\udce4r/x.ipynb", "nul\0nul", "emoji 🌱"])
def test_odd_text_survives(any_url, record, odd):
    one = record(notebook=odd, label=odd, project="solar")
    with Ledger(any_url, share=["notebook", "label"]) as ledger:
        ledger.add([one])
        assert list(ledger.records(notebook=odd)) == [one]


def test_a_server_and_a_file_exchange_records(file_url, server_url, tmp_path, record):
    share = ["notebook", "label", "cell_id", "project"]
    trace = Trace({"GPU 0": ((0.0, 50.0), (0.5, None))}, 1.0)
    kept = [record(started_at=float(place), label="a", trace=trace) for place in range(3)]
    with Ledger(file_url) as here, Ledger(server_url, share=share) as there:
        here.add(kept)
        here.export(tmp_path / "x.jsonl")
        assert there.import_(tmp_path / "x.jsonl").records == 3
        assert list(there.records()) == kept
        there.export(tmp_path / "y.jsonl")
    assert (tmp_path / "x.jsonl").read_bytes() == (tmp_path / "y.jsonl").read_bytes()


def test_export_takes_the_filters(file_url, tmp_path, record):
    with Ledger(file_url) as ledger:
        ledger.add([record(project="solar"), record(project="wind")])
        assert ledger.export(tmp_path / "w.jsonl", project="wind") == 1


def test_a_table_for_other_programs(any_url, tmp_path, record, component):
    parts = (component(), component(50.0, kind="cpu"), component(None, kind="dram", device="memory"))
    with Ledger(any_url) as ledger:
        ledger.add([record(components=parts, execution_count=3), record(components=(), started_at=1.7e9 + 1)])
        assert ledger.export(tmp_path / "t.csv") == 2
        assert ledger.export(tmp_path / "t.parquet") == 2
    with (tmp_path / "t.csv").open(encoding="utf-8", newline="") as file:
        first, second = csv.DictReader(file)
    assert (first["joules"], first["gpu_joules"], first["cpu_joules"]) == ("150.0", "100.0", "50.0")
    assert (first["dram_joules"], first["unread"], second["joules"]) == ("", "memory", "")
    assert first["started_at"] == "2023-11-14T22:13:20+00:00"
    assert first["quality"] == "measured"

    import pandas as pd

    table = pd.read_parquet(tmp_path / "t.parquet")
    assert list(table.columns) == list(first)
    assert table["joules"][0] == 150.0
    assert math.isnan(table["joules"][1])
    assert table["execution_count"][0] == 3


def test_an_empty_export_is_a_whole_file(file_url, tmp_path):
    import pandas as pd

    with Ledger(file_url) as ledger:
        for name in ("e.csv", "e.jsonl", "e.parquet"):
            assert ledger.export(tmp_path / name) == 0
    assert len(pd.read_parquet(tmp_path / "e.parquet")) == 0
    assert len(pd.read_csv(tmp_path / "e.csv")) == 0


def test_a_large_export_is_complete_in_every_format(file_url, tmp_path, record):
    import pandas as pd

    with Ledger(file_url) as ledger:
        ledger.add([record(started_at=float(place)) for place in range(1203)])
        for name in ("e.csv", "e.jsonl", "e.parquet"):
            assert ledger.export(tmp_path / name) == 1203
    assert len(pd.read_parquet(tmp_path / "e.parquet")) == 1203
    assert len(pd.read_csv(tmp_path / "e.csv")) == 1203
    assert len((tmp_path / "e.jsonl").read_text(encoding="utf-8").splitlines()) == 1203


def test_the_format_may_be_said(file_url, tmp_path, record):
    with Ledger(file_url) as ledger:
        ledger.add([record()])
        ledger.export(tmp_path / "data.txt", format="csv")
        assert (tmp_path / "data.txt").read_text(encoding="utf-8").startswith("id,")
        with pytest.raises(ValueError, match="no known format"):
            ledger.export(tmp_path / "data.txt")
        with pytest.raises(ValueError, match="no known format"):
            ledger.export(tmp_path / "data.csv", format="xlsx")


def test_without_pyarrow_a_sentence_says_what_to_install(file_url, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with Ledger(file_url) as ledger, pytest.raises(LedgerError, match=r"pip install pyarrow"):
        ledger.export(tmp_path / "x.parquet")
    assert list(tmp_path.glob("*x.parquet*")) == []


def test_a_failed_export_keeps_the_old_file(file_url, tmp_path, record, monkeypatch):
    with Ledger(file_url) as ledger:
        ledger.add([record()])
        ledger.export(tmp_path / "x.jsonl")
        before = (tmp_path / "x.jsonl").read_bytes()

        def refuse(*_args, **_kwargs):
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(EnergyRecord, "to_dict", refuse)
        with pytest.raises(LedgerError, match="can't be written"):
            ledger.export(tmp_path / "x.jsonl")
        with pytest.raises(LedgerError, match="can't be written"):
            ledger.export(tmp_path / "no" / "such" / "x.jsonl")
    assert (tmp_path / "x.jsonl").read_bytes() == before
    assert [path.name for path in tmp_path.glob("*x.jsonl*")] == ["x.jsonl"]


# ---- import ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["t.csv", "t.parquet"])
def test_a_table_is_not_taken_in(file_url, tmp_path, name):
    (tmp_path / name).write_text("id\n1\n", encoding="utf-8")
    with Ledger(file_url) as ledger, pytest.raises(ValueError, match="file holds whole records"):
        ledger.import_(tmp_path / name)


def broken(record) -> dict[str, str]:
    good = record().to_dict()
    return {
        "no json": "{nonsense",
        "not utf-8": "\udcff",
        "no record": "[1, 2]",
        "another object": '{"a": 1}',
        "newer": json.dumps(good | {"schema": SCHEMA_VERSION + 1}),
        "status": json.dumps(good | {"status": "fine"}),
        "quality": json.dumps(good | {"components": [good["components"][0] | {"quality": "certain"}]}),
        "no components": json.dumps(good | {"components": [{}]}),
        "components": json.dumps(good | {"components": 3}),
        "text for joules": json.dumps(good | {"components": [good["components"][0] | {"joules": "many"}]}),
        "text for seconds": json.dumps(good | {"seconds": "long"}),
        "no seconds": json.dumps({name: value for name, value in good.items() if name != "seconds"}),
        "no id": json.dumps({name: value for name, value in good.items() if name != "id"}),
        "nan": json.dumps(good | {"seconds": math.nan}),
        "trace": json.dumps(good | {"trace": {"series": {"a": [1]}}}),
        "label": json.dumps(good | {"label": 5}),
        "not final": json.dumps(good | {"final": False}),
    }


BROKEN = [
    *("no json", "not utf-8", "no record", "another object", "newer", "status", "quality", "no components"),
    *("components", "text for joules", "text for seconds", "no seconds", "no id", "nan", "trace", "label"),
    "not final",
]


@pytest.mark.parametrize("what", BROKEN)
def test_a_bad_line_is_named_and_nothing_is_stored(file_url, tmp_path, record, what):
    source = tmp_path / "x.jsonl"
    good = json.dumps(record().to_dict())
    source.write_text(f"{good}\n\n{broken(record)[what]}\n", encoding="utf-8", errors="surrogateescape")
    with Ledger(file_url) as ledger:
        with pytest.raises(LedgerError, match=r"Nothing was imported: line 3 of .*\)\.$") as error:
            ledger.import_(source)
        assert "\n" not in str(error.value)
        assert len(ledger.records()) == 0


def test_a_missing_file_is_one_sentence(file_url, tmp_path):
    with Ledger(file_url) as ledger, pytest.raises(LedgerError, match="There is no file"):
        ledger.import_(tmp_path / "absent.jsonl")


# ---- purge -------------------------------------------------------------------------------------------


def test_purge_removes_records_their_devices_and_their_text(any_url, record):
    old = [record(started_at=1e9 + place, label="zebra-crossing") for place in range(200)]
    with Ledger(any_url, share=["label"]) as ledger:
        ledger.add([*old, record(started_at=2e9)])
        assert ledger.purge(before="2010-01-01") == 200
        assert [one.started_at for one in ledger.records()] == [2e9]
        assert ledger.totals().joules == 100.0
        assert ledger.purge(before=1.9e9) == 0
        assert ledger.purge(before=4e9) == 1
        assert ledger.totals().count == 0
        path = any_url.removeprefix("sqlite:///")
        if path != any_url:
            for end in ("", "-wal"):
                if Path(path + end).exists():
                    assert b"zebra-crossing" not in Path(path + end).read_bytes()


@pytest.mark.parametrize("wrong", [{}, {"before": 1.0, "older_than_seconds": 1.0}])
def test_purge_wants_exactly_one_limit(file_url, wrong):
    with Ledger(file_url) as ledger, pytest.raises(ValueError, match="either older_than_seconds or before"):
        ledger.purge(**wrong)


@pytest.mark.parametrize("age", [-1, 0, -0.0, float("nan"), float("inf"), True, "a while", 10**400, [1.0]])
def test_an_age_that_is_none_deletes_nothing(file_url, record, age):
    with Ledger(file_url) as ledger:
        ledger.add([record()])
        with pytest.raises(ValueError, match=r"^[^\n]+ is no age in seconds; give a positive number[^\n]+$"):
            ledger.purge(older_than_seconds=age)
        assert len(ledger.records()) == 1


def test_size_counts_the_log_and_shrinks_with_a_purge(file_url, server_url, record):
    with Ledger(file_url) as ledger:
        assert ledger.size == 0
        ledger.add([record(started_at=1.0, label="x" * 1000) for _ in range(500)])
        before = ledger.size
        assert before > 500_000
        ledger.purge(before=2.0)
        assert ledger.size < before / 2
    with Ledger(server_url) as ledger:
        assert ledger.size is None
