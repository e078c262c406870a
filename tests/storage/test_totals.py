from __future__ import annotations

import math
import uuid
from datetime import date, datetime, timedelta, timezone

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jupyter_green.records import Component, EnergyRecord
from jupyter_green.storage import Ledger, Records, rollups, schema

# ---- against sums made by hand -----------------------------------------------------------------------

FIGURES = st.floats(0, 1e7, allow_nan=False)
COMPONENTS = st.builds(
    lambda kind, device, joules, width, gain, quality, source: Component(
        kind=kind,
        device=device,
        key=f"key of {device}",
        joules=joules,
        uncertainty=None if joules is None else width + gain,
        gain_uncertainty=None if joules is None or gain == 0 else gain,
        method="counter",
        quality=quality,
        scope="whole",
        source=source,
    ),
    st.sampled_from(["gpu", "cpu", "dram"]),
    st.sampled_from(["A", "B", "C"]),
    st.none() | FIGURES,
    FIGURES,
    st.just(0.0) | FIGURES,
    st.sampled_from(["measured", "estimated", "simulated"]),
    st.sampled_from(["nvidia", "rapl", ""]),
)
RECORDS = st.lists(
    st.builds(
        lambda parts, seconds, hours, project, notebook, span: EnergyRecord(
            components=tuple(parts),
            seconds=seconds,
            started_at=1_700_000_000.0 + 3600 * hours,
            run_id=uuid.uuid4().hex,
            project=project,
            notebook=notebook,
            span=span,
        ),
        st.lists(COMPONENTS, max_size=3),
        st.floats(0, 1e5, allow_nan=False),
        st.integers(0, 100),
        st.sampled_from([None, "solar", "wind"]),
        st.sampled_from([None, "a.ipynb", "b.ipynb"]),
        st.sampled_from(["cell", "window", "gap", "trial"]),
    ),
    max_size=12,
)


def counts_as_simulated(record: EnergyRecord) -> bool:
    read = [part for part in record.components if part.joules is not None]
    return any(part.quality == "simulated" for part in (read or record.components))


def by_hand(records: list[EnergyRecord], kind: str | None = None) -> tuple[float | None, float | None]:
    """Sum and half-width, written out as the definition says."""
    joules, random, gains, read = 0.0, 0.0, {"nvidia": 0.0, "rapl": 0.0}, False
    for record in records:
        for part in record.components:
            if part.joules is None or kind not in (None, part.kind):
                continue
            read = True
            joules += part.joules
            gain = part.gain_uncertainty or 0.0
            random += (part.uncertainty - gain) * (part.uncertainty + gain)
            source = part.source or part.key
            gains[source] = gains.get(source, 0.0) + gain
    return (joules, math.sqrt(random + sum(gain**2 for gain in gains.values()))) if read else (None, None)


def agree(found: tuple[float | None, float | None], expected: tuple[float | None, float | None]) -> None:
    for one, other in zip(found, expected, strict=True):
        assert (one is None) == (other is None)
        if one is not None:
            assert one == pytest.approx(other, rel=1e-6, abs=1e-6)


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(records=RECORDS)
def test_totals_equal_sums_made_by_hand(tmp_path_factory, records):
    with Ledger(tmp_path_factory.mktemp("l") / "l.sqlite") as ledger:
        ledger.add(records)
        real = [one for one in records if not counts_as_simulated(one)]
        fake = [one for one in records if counts_as_simulated(one)]
        chosen = real if real and (by_hand(real)[0] is not None or by_hand(fake)[0] is None) else fake
        totals = ledger.totals(by="project")
        agree((totals.joules, totals.uncertainty), by_hand(chosen))
        assert totals.count == len(chosen)
        assert totals.simulated_left_out == (len(fake) if chosen is real else 0)
        assert totals.real_left_out == (len(real) if chosen is fake else 0)
        assert totals.unread == sum(one.joules is None for one in chosen)
        assert totals.seconds == pytest.approx(sum(one.seconds for one in chosen))
        parts = (totals.measured_joules, totals.estimated_joules, totals.simulated_joules)
        assert math.fsum(parts) == pytest.approx(totals.joules or 0.0)
        if chosen is real:
            assert totals.simulated_joules == 0.0
        for project in {one.project for one in chosen}:
            group = totals.groups[project]
            agree((group.joules, group.uncertainty), by_hand([one for one in chosen if one.project == project]))
        kinds = ledger.totals(by="kind").groups
        for kind in {part.kind for one in chosen for part in one.components}:
            agree((kinds[kind].joules, kinds[kind].uncertainty), by_hand(chosen, kind))
        days = ledger.totals(by="day").groups
        for day, group in days.items():
            here = [one for one in chosen if datetime.fromtimestamp(one.started_at).date().isoformat() == day]
            agree((group.joules, group.uncertainty), by_hand(here))
        agree((ledger.totals(simulated=True).joules, ledger.totals(simulated=True).uncertainty), by_hand(fake))
        assert ledger.records().totals(by="notebook") == ledger.totals(by="notebook")


@settings(deadline=None, max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(records=RECORDS)
def test_both_databases_give_the_same_totals(server_url, tmp_path_factory, records):
    with Ledger(tmp_path_factory.mktemp("l") / "l.sqlite") as here, Ledger(server_url, share=["notebook"]) as there:
        there._database.write(lambda connection: rollups.delete_records(connection, [schema.records.c.id != ""]))
        here.add(records)
        there.add(records)
        assert here.totals(by="notebook") == there.totals(by="notebook")


# ---- one rule at a time ------------------------------------------------------------------------------


def test_random_parts_add_in_quadrature_and_gains_linearly(file_url, record, component):
    part = component(100.0, uncertainty=5.0, gain_uncertainty=3.0)
    other = component(100.0, uncertainty=5.0, gain_uncertainty=3.0, source="rapl", kind="cpu")
    with Ledger(file_url) as ledger:
        ledger.add([record(components=(part,), started_at=float(place)) for place in range(100)])
        ledger.add([record(components=(other,), started_at=1e6)])
        totals = ledger.totals()
    assert totals.joules == 10_100.0
    assert totals.uncertainty == pytest.approx(math.sqrt(101 * 16 + 300**2 + 3**2))


def test_one_record_totals_to_itself(any_url, record, component):
    parts = (component(70.0), component(30.0, kind="cpu", source="rapl", quality="estimated"), component(None))
    one = record(components=parts)
    with Ledger(any_url) as ledger:
        ledger.add([one])
        totals = ledger.totals()
    assert (totals.joules, totals.quality) == (one.joules, one.quality)
    assert totals.uncertainty == pytest.approx(one.uncertainty, rel=1e-12)
    assert totals.measured_share == one.measured_share == 0.7
    assert totals.interval == pytest.approx(one.interval, rel=1e-12)


def test_a_reading_without_an_interval_leaves_the_total_without_one(any_url, record, component):
    with Ledger(any_url) as ledger:
        ledger.add([record(), record(components=(component(1.0, uncertainty=None, gain_uncertainty=None),))])
        totals = ledger.totals()
    assert totals.joules == 101.0
    assert totals.uncertainty == math.inf
    assert "unknown" in repr(totals)


def test_cells_without_a_reading_are_counted_and_their_devices_named(any_url, record, component):
    dram = component(None, kind="dram", device="memory", note="no permission")
    with Ledger(any_url) as ledger:
        ledger.add([record(components=(dram,)), record(components=(component(), dram)), record(components=())])
        totals = ledger.totals(by="kind")
    assert (totals.count, totals.unread, totals.joules) == (3, 2, 100.0)
    assert totals.unmetered == {"memory": 2}
    assert totals.absent_share == pytest.approx(2 / 3)
    assert totals.groups["dram"].joules is None
    assert "memory (2)" in repr(totals)
    assert "2 without a reading" in repr(totals)


def test_nothing_read_is_not_nothing_used(any_url, record, component):
    with Ledger(any_url) as ledger:
        assert ledger.totals().joules is None
        ledger.add([record(components=(component(None),))])
        totals = ledger.totals()
    assert (totals.joules, totals.uncertainty, totals.quality) == (None, None, None)
    assert "no reading" in repr(totals)


def test_simulated_records_never_join_real_ones(any_url, record, component):
    simulated = [record(components=(component(7.0, quality="simulated"),), project="demo") for _ in range(3)]
    with Ledger(any_url) as ledger:
        ledger.add(simulated)
        alone = ledger.totals()
        assert (alone.joules, alone.quality, alone.simulated_share, alone.simulated_left_out) == (21, "simulated", 1, 0)
        ledger.add([record(), record()])
        both = ledger.totals(by="project")
        assert (both.joules, both.quality, both.simulated_joules, both.simulated_left_out) == (200, "measured", 0, 3)
        assert both.groups["demo"].joules is None
        assert both.groups["demo"].simulated_left_out == 3
        assert "3 simulated left out" in repr(both)
        asked = ledger.totals(simulated=True)
        assert (asked.joules, asked.quality, asked.real_left_out) == (21, "simulated", 2)


def test_a_real_record_without_a_reading_does_not_stand_for_simulated_ones(any_url, record, component):
    with Ledger(any_url) as ledger:
        ledger.add([record(components=(component(7.0, quality="simulated"),)), record(components=())])
        assert (ledger.totals().joules, ledger.totals().real_left_out) == (7, 1)
        assert ledger.totals(simulated=False).joules is None
        ledger.add([record()])
        assert (ledger.totals().joules, ledger.totals().simulated_left_out) == (100, 1)


def test_a_window_inside_a_cell_adds_nothing(any_url, record):
    cell = record(started_at=100.0, seconds=10.0)
    window = record(started_at=101.0, seconds=2.0, span="window", parent=cell.id)
    inner = record(started_at=101.2, seconds=1.0, span="window", parent=window.id)
    trial = record(started_at=101.5, seconds=0.5, span="trial", parent=inner.id)
    elsewhere = record(started_at=101.0, seconds=2.0, span="window", run_id="run-2")
    gap = record(started_at=110.0, seconds=50.0, span="gap")
    orphan = record(started_at=99.0, span="window", parent="a record that is not here")
    with Ledger(any_url) as ledger:
        ledger.add([window, trial, inner, elsewhere, cell, gap, orphan])
        totals = ledger.totals(by="run")
        assert (totals.joules, totals.count, totals.inside) == (400.0, 4, 3)
        assert totals.groups["run-1"].joules == 300.0
        # Asked for windows alone, they are what is meant; the cell is not among them.
        assert ledger.totals(span="window").joules == 300.0
        assert ledger.totals(span="trial").joules == 100.0
        assert ledger.records().totals(by="run") == totals
        assert ledger.records(span="window").totals() == ledger.totals(span="window")
        assert sum(one.joules for one in ledger.runs()) == 400.0


def test_a_wrong_split_is_one_sentence(file_url):
    with Ledger(file_url) as ledger, pytest.raises(ValueError, match="can't be split by 'month'"):
        ledger.totals(by="month")


# ---- reading -----------------------------------------------------------------------------------------


def test_filters(any_url, record):
    kept = [
        record(started_at=1.0, run_id="a", notebook="/x/n.ipynb", project="solar", cell_id="c1", code_hash="h1"),
        record(started_at=2.0, run_id="a", notebook="/x/m.ipynb", project="wind", status="error"),
        record(started_at=3.0, run_id="b", notebook="/x/n.ipynb", span="gap"),
    ]
    with Ledger(any_url, share=["cell_id"]) as ledger:
        ledger.add(kept)

        def starts(**filters) -> list[float]:
            found = [one.started_at for one in ledger.records(**filters)]
            assert ledger.totals(**filters).count == len(found)
            return found

        assert starts(run="a") == [1, 2]
        assert starts(notebook="/x/n.ipynb") == [1, 3]
        assert starts(project="wind") == [2]
        assert starts(span="gap") == [3]
        assert starts(cell_id="c1") == [1]
        assert starts(code_hash="h1") == [1]
        assert starts(status="error") == [2]
        assert starts(since=2.0) == [2, 3]
        assert starts(until=2.0) == [1]
        assert starts(since=datetime(1970, 1, 1, 0, 0, 2, tzinfo=timezone.utc)) == [2, 3]
        assert starts(since="1970-01-01T00:00:02Z", until="1970-01-01T00:00:02.500000+00:00") == [2]
        assert starts(since=date.today()) == []
        assert starts(run="a", notebook="/x/n.ipynb") == [1]
        assert [one.started_at for one in ledger.records(newest_first=True, limit=2)] == [3, 2]
        assert [one.started_at for one in ledger.records(limit=0)] == []


@pytest.mark.parametrize("filters", [{"span": "cells"}, {"status": "fine"}, {"since": "long ago"}, {"limit": -1}])
def test_a_filter_that_nothing_can_meet_is_one_sentence(file_url, filters):
    with Ledger(file_url) as ledger, pytest.raises(ValueError, match=r"\.$"):
        ledger.records(**filters)


def test_runs(any_url, record):
    with Ledger(any_url, share=["notebook"]) as ledger:
        ledger.add([record(run_id="b", started_at=5.0, notebook="b.ipynb")])
        ledger.add([record(run_id="a", started_at=1.0 + place, notebook="a.ipynb") for place in range(3)])
        runs = ledger.runs()
        assert [(one.run_id, one.started_at, one.notebook, one.joules) for one in runs] == [
            ("a", 1.0, "a.ipynb", 300.0),
            ("b", 5.0, "b.ipynb", 100.0),
        ]
        assert [one.run_id for one in ledger.runs(since=4.0)] == ["b"]


def test_records_are_a_sequence_that_shows_itself(file_url, record, component):
    kept = [record(started_at=float(place), label=f"cell {place}", execution_count=place) for place in range(30)]
    kept.append(record(started_at=99.0, components=(component(1.0, uncertainty=4.0, gain_uncertainty=0.0),)))
    with Ledger(file_url) as ledger:
        ledger.add(kept)
        found = ledger.records()
    assert list(found) == kept
    assert found[0] == kept[0]
    assert found[-3:] == Records(kept[-3:])
    text = repr(found)
    assert "… 11 more" in text
    assert "100.0 J ± 5.0" in text
    assert "measured" in text
    assert "below 5 J" in repr(found[-1:])
    assert repr(Records()) == "<no records>"


def test_to_pandas(any_url, record, component):
    with Ledger(any_url) as ledger:
        ledger.add([record(), record(components=(component(None),), started_at=1.7e9 + 5)])
        table = ledger.records().to_pandas()
        empty = ledger.records(run="none").to_pandas()
    assert list(table["joules"].isna()) == [False, True]
    assert table["gpu_joules"][0] == 100.0
    assert table["started_at"][0].to_pydatetime() == datetime.fromtimestamp(1.7e9, timezone.utc)
    assert table["started_at"][1] - table["started_at"][0] == timedelta(seconds=5)
    assert list(table.columns) == list(empty.columns)


def test_without_pandas_a_sentence_says_what_to_install(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match="pip install pandas"):
        Records().to_pandas()
