"""Sums of records by run and hour: always those of the records, and what totals say of them."""

from __future__ import annotations

import dataclasses
import math
import time
import uuid
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from jupyter_green.records import Component, EnergyRecord
from jupyter_green.storage import Journal, Ledger, journal_folder, period_totals, record_filter, rollups, schema
from jupyter_green.storage import totals as adding
from tests.storage.test_schema import LATER
from tests.storage.test_totals import COMPONENTS

START = 1_700_000_000.0
PLACES = st.sampled_from([None, "a", "b"])
GIVEN = st.lists(
    st.builds(
        lambda parts, seconds, at, run, project, notebook, span, status, parent: {
            "components": tuple(parts),
            "seconds": seconds,
            "started_at": START + at,
            "run_id": run,
            "project": project,
            "notebook": notebook,
            "span": span,
            "status": status,
            "parent": parent,
        },
        st.lists(COMPONENTS, max_size=3),
        st.floats(0, 1e4),
        st.sampled_from([0.0, 0.5, 1600.0, 1700.0, 3600.0, 5200.0, 90_000.0, -5000.0]),
        st.sampled_from(["r1", "r2"]),
        PLACES,
        PLACES,
        st.sampled_from(["cell", "window", "gap"]),
        st.sampled_from(["ok", "error"]),
        st.none() | st.integers(0, 12),
    ),
    max_size=12,
)
MOMENTS = st.sampled_from([None, None, START, START + 1600.0, 1_700_002_800.0, 1_700_006_400.0, START + 1700.5])


def in_order(filters: dict[str, Any]) -> dict[str, Any]:
    """Return filters whose period begins before it ends; another one is refused."""
    since, until = filters["since"], filters["until"]
    if since is None or until is None or since <= until:
        return filters
    return {**filters, "since": until, "until": since}


FILTERS = st.fixed_dictionaries(
    {
        "run": st.sampled_from([None, "r1"]),
        "project": st.sampled_from([None, "a"]),
        "notebook": st.sampled_from([None, "b"]),
        "span": st.sampled_from([None, "window", "cell"]),
        "status": st.sampled_from([None, "ok"]),
        "since": MOMENTS,
        "until": MOMENTS,
    }
).map(in_order)


@pytest.fixture(autouse=True)
def sums_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few records are not added up themselves."""
    monkeypatch.setattr(period_totals, "FEW", -1)


def alike(one: Any, other: Any) -> None:
    """Figures agree but for rounding; everything else is the same."""
    assert type(one) is type(other)
    if isinstance(one, adding.Totals):
        for item in dataclasses.fields(one):
            alike(getattr(one, item.name), getattr(other, item.name))
    elif isinstance(one, dict):
        assert [*one] == [*other]
        for key in one:
            alike(one[key], other[key])
    elif isinstance(one, float) and math.isfinite(one):
        assert one == pytest.approx(other, rel=1e-9, abs=1e-6)
    else:
        assert one == other


def sound(ledger: Ledger) -> None:
    assert ledger._database.read(rollups.differences) == []


def named(given: list[dict[str, Any]], start: str) -> list[EnergyRecord]:
    """Return records whose parents are named by their place, if there is one."""
    return [
        EnergyRecord(
            **{**one, "parent": None if one["parent"] is None else f"{start}{one['parent']}"}, id=f"{start}{place}"
        )
        for place, one in enumerate(given)
    ]


def check(ledger: Ledger, filters: dict[str, Any], by: Any, simulated: Any) -> None:
    since, until = filters.get("since"), filters.get("until")
    if since is not None and until is not None and until < since:  # such a period is refused
        filters = {**filters, "since": until, "until": since}
    where = record_filter.conditions(filters, ledger._privacy, ledger._scope)
    expected = ledger._database.read(lambda c: adding.total(record_filter.lines(c, where, set()), by, simulated))
    alike(ledger.totals(by=by, simulated=simulated, **filters), expected)
    firsts = {}
    for line in ledger._database.read(lambda c: [*record_filter.lines(c, where, set())]):
        firsts.setdefault(line.run_id, (line.started_at, line.notebook, line.project))
    parts = ledger._database.read(lambda c: adding.total(record_filter.lines(c, where, set()), "run")).groups
    runs = {run.run_id: run for run in ledger.runs(**filters)}
    assert runs.keys() == parts.keys()
    for name, run in runs.items():
        assert (run.started_at, run.notebook, run.project) == firsts[name]
        alike(run.totals, parts[name])


BY = st.sampled_from([None, "project", "notebook", "day", "kind", "run"])
SORT = st.sampled_from([None, True, False])
ORDINARY = {"deadline": None, "suppress_health_check": [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]}


@settings(max_examples=120, **ORDINARY)
@given(given=GIVEN, cut=st.integers(0, 12), purge=MOMENTS, filters=FILTERS, by=BY, simulated=SORT)
def test_totals_are_those_of_the_records(tmp_path_factory, *, given, cut, purge, filters, by, simulated):
    records = named(given, "x")
    with Ledger(tmp_path_factory.mktemp("l") / "l.sqlite") as ledger:
        ledger.add(records[cut:])
        ledger.add(records[:cut])
        sound(ledger)
        check(ledger, filters, by, simulated)
        if purge is not None:
            ledger.purge(before=purge)
            sound(ledger)
            check(ledger, filters, by, simulated)


@settings(max_examples=15, **ORDINARY)
@given(given=GIVEN, cut=st.integers(0, 12), filters=FILTERS, by=BY)
def test_so_they_are_in_postgresql(server_url, given, cut, filters, by):
    with Ledger(server_url, share=["notebook"]) as ledger:
        ledger._database.write(lambda c: rollups.delete_records(c, [record_filter.schema.records.c.id != ""]))
        records = named(given, uuid.uuid4().hex)
        ledger.add(records[cut:])
        ledger.add(records[:cut])
        sound(ledger)
        check(ledger, filters, by, None)


def test_days_of_a_zone_whose_midnight_is_no_full_hour(tmp_path, record, monkeypatch):
    monkeypatch.setenv("TZ", "Asia/Kolkata")
    time.tzset()
    try:
        with Ledger(tmp_path / "l.sqlite") as ledger:
            ledger.add(record(started_at=START + 600 * place) for place in range(300))
            check(ledger, {}, "day", None)
    finally:
        monkeypatch.undo()
        time.tzset()


def test_every_way_in_and_out_keeps_the_sums(any_url, tmp_path, record):
    """Drain, a killed kernel's window, import, and a purge of a cell whose block stays."""
    journal = Journal(journal_folder(any_url))
    cell = record(started_at=START, id="cell")
    block = record(started_at=START + 4000, id="block", parent="cell", span="window")
    for one in (block, cell):
        journal.write("final", one.id, 0.0, one.to_dict())
    left = record(started_at=START + 9000, final=False)
    journal.write("open", left.id, 0.0, left.to_dict())
    journal.close()
    with Ledger(any_url) as ledger:
        assert ledger.drain().records == 3
        sound(ledger)
        assert (ledger.totals().count, ledger.totals().inside) == (2, 1)
        ledger.export(tmp_path / "all.jsonl")
        assert ledger.purge(before=START + 1) == 1
        sound(ledger)
        assert (ledger.totals().count, ledger.totals().inside) == (2, 0)
        assert ledger.import_(tmp_path / "all.jsonl").records == 1
        sound(ledger)
        assert (ledger.totals().count, ledger.totals().inside) == (2, 1)


def test_a_check_names_the_run_whose_sums_are_wrong(any_url, record):
    with Ledger(any_url) as ledger:
        ledger.add([record(run_id="right"), record(run_id="wrong")])
        ledger._database.write(
            lambda c: c.exec_driver_sql(
                "UPDATE green_rollup_lines SET joules = 1 WHERE line = 'sum' AND rollup_id IN "
                "(SELECT id FROM green_rollups WHERE run_id = 'wrong' AND hour IS NULL)"
            )
        )
        assert ledger.check() == ["wrong"]
        ledger.mend()
        assert ledger.check() == []


def test_figures_that_no_database_adds_up_stop_nothing(any_url, record, component):
    part: Component = component(1.0, uncertainty=1e300, gain_uncertainty=1e300)
    with Ledger(any_url) as ledger:
        ledger.add([record(components=(part,)), record(5.0)])
        sound(ledger)
        assert ledger.totals().joules == 6.0


def test_a_server_keeps_no_plan_from_the_time_when_tables_were_empty(server_url):
    with Ledger(server_url) as ledger:
        ledger.add([])

        def work(connection):
            for run in range(20):
                connection.execute(select(schema.rollups.c.id).where(schema.rollups.c.run_id == str(run))).all()
            return connection.exec_driver_sql("SELECT count(*) FROM pg_prepared_statements").scalar_one()

        assert ledger._database.write(work) == ledger._database.read(work) == 0


@pytest.mark.parametrize(
    "beyond", [{"joules": 1.1e20}, {"parts": 2, "joules": 6e19}, {"seconds": 1.1e11}, {"started_at": 2.6e11}]
)
def test_what_would_read_as_altered_is_refused(any_url, record, component, beyond):
    """A record is never accepted and then said to be altered from outside."""
    changes = dict(beyond)
    parts, joules = changes.pop("parts", 1), changes.pop("joules", 1.0)
    made = record(components=(component(joules),) * parts, **changes)
    with Ledger(any_url) as ledger:
        with pytest.raises(ValueError, match=r"^record '.*' holds more joules or seconds, or a later time, than .*$"):
            ledger.add([made])
        ledger.add([record(components=(component(1e20),), seconds=1e11)])
        assert len(ledger.records()) == ledger.totals().count == 1
        assert ledger.notices == []


def test_an_older_ledger_gets_its_sums(tmp_path: Path, record):
    path = tmp_path / "l.sqlite"
    with Ledger(path) as ledger:
        ledger.add(record(started_at=START + place) for place in range(5))
        ledger._database.write(
            lambda c: [
                c.exec_driver_sql(statement)
                for statement in (
                    "DROP TABLE green_rollup_lines",
                    "DROP TABLE green_rollups",
                    *(f"DROP INDEX green_records_{name}" for name in ("parent", "code", "cell")),
                    *(f"ALTER TABLE green_components DROP COLUMN {name}" for name in LATER),
                    "UPDATE green_schema SET version_num = '0005'",
                )
            ]
        )
    with Ledger(path) as ledger:
        assert ledger.totals().joules == 500.0
        sound(ledger)


def test_a_page_of_runs_is_chosen_by_the_sums_as_by_the_records(any_url, record, monkeypatch):
    history = pytest.importorskip("jupyter_green.server.history")
    with Ledger(any_url, share=["notebook"]) as ledger:
        ledger.add(
            record(
                started_at=START + 7 * (place % 13),
                run_id=f"r{place % 6}",
                notebook="ab"[place % 2],
                span=["cell", "gap", "window"][place % 3],
                parent="away" if place % 5 == 0 else None,
            )
            for place in range(40)
        )
        for filters in ({}, {"notebook": "a"}, {"project": "none"}):
            where = record_filter.conditions(filters, ledger._privacy, ledger._scope)
            by_sums = ledger._database.read(lambda c, w=where: history.runs(c, w, 1, 3))
            monkeypatch.setattr(history, "_of_sums", lambda where: None)
            assert by_sums == ledger._database.read(lambda c, w=where: history.runs(c, w, 1, 3))
            monkeypatch.undo()
