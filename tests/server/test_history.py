"""Runs and their cells: the same figures as the live link gives, in pages that a database makes."""

from __future__ import annotations

import math
import sqlite3
import uuid
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, event

from jupyter_green.baselines import serializers
from jupyter_green.live.run_state import Row, RunState
from jupyter_green.records import Component, EnergyRecord, Trace
from jupyter_green.server import history, queries
from jupyter_green.server.arguments import Arguments
from jupyter_green.server.errors import Refusal
from jupyter_green.server.user_ledger import OwnLedger
from jupyter_green.storage import Ledger
from tests.server.conftest import Ask, fill

Make = Callable[..., EnergyRecord]
Build = Callable[..., Component]
Shape = dict[str, Any]


def asked(ledger: OwnLedger, route: Callable[[Arguments], queries.Question], **arguments: object) -> Shape:
    """Ask as a request does, without a server around it."""
    given = Arguments({name: [str(value).encode()] for name, value in arguments.items()}, set(arguments))
    found: Shape = route(given)()(ledger)
    return found


def paged(ledger: OwnLedger, route: Callable[[Arguments], queries.Question], limit: int, **filters: str) -> list[Shape]:
    """All items, a page at a time."""
    found: list[Shape] = []
    while True:
        page = asked(ledger, route, offset=len(found), limit=limit, **filters)
        assert len(page["items"]) <= limit
        found += page["items"]
        if not page["items"]:
            assert len(found) == page["total"]
            return found


# ---- beside the live link ---------------------------------------------------------------------


def part(of: tuple[Any, str], joules: float | None, width: float | None, gain: float, quality: Any) -> Component:
    """A reading; without a width its interval is not known."""
    kind, source = of
    whole = None if joules is None or width is None else width + gain
    at = {"method": "counter", "quality": quality, "scope": "whole", "source": source}
    return Component(kind, kind, source, joules, whole, None if whole is None else gain, **at)


def drawn(simulated: bool) -> st.SearchStrategy[list[EnergyRecord]]:
    """Records of a few runs: re-runs, gaps, windows inside cells and outside, readings that are absent."""
    figures = st.floats(0, 1e6, allow_nan=False)
    qualities = ["simulated"] if simulated else ["measured", "estimated"]
    parts = st.lists(
        st.builds(
            part,
            st.sampled_from([("gpu", "nvidia"), ("gpu", "amd"), ("cpu", "rapl")]),
            st.none() | figures,
            st.none() | figures,
            st.just(0.0) | figures,
            st.sampled_from(qualities),
        ),
        max_size=3,
    )
    one = st.builds(
        lambda parts, run, cell, span, parent, status, notebook: {
            "components": tuple(parts),
            "run_id": run,
            "cell_id": cell,
            "span": span,
            "parent": parent,
            "status": status,
            "notebook": notebook,
        },
        parts,
        st.sampled_from(["r1", "r2", "r3"]),
        st.sampled_from([None, "", "a", "b", "c", "x" * 256, "x" * 257]),
        st.sampled_from(["cell", "cell", "cell", "gap", "window", "trial"]),
        st.sampled_from([None, None, None, "another"]),
        st.sampled_from(["ok", "error", "interrupted", "killed"]),
        st.sampled_from(["a.ipynb", "b.ipynb"]),
    )
    return st.lists(one, max_size=14).map(
        lambda facts: [
            EnergyRecord(**fact, seconds=1.5, started_at=1.7e9 + 10.0 * place) for place, fact in enumerate(facts)
        ]
    )


RECORDS = st.booleans().flatmap(drawn)


def told(records: Iterable[EnergyRecord], run: str) -> tuple[list[Row], Shape]:
    """Rows and sums of a run as the live link has them."""
    chronicle = RunState(run, lambda _record: "")
    for record in records:
        if record.run_id == run:
            chronicle.keep(record)
    sums = chronicle.sums()
    return chronicle.rows(chronicle.keys()), serializers.totals(sums.whole, sums.count, sums.idle, sums.reruns)


def agree(found: Shape | None, wanted: Shape | None) -> None:
    """Hold figures against each other; sums are made in another order, so the last digits may differ."""
    if wanted is None or wanted["joules"] is None:
        assert found is None or found["joules"] is None
        return
    assert found is not None
    for name in ("joules", "uncertainty", "measured_share"):
        assert found[name] == (None if wanted[name] is None else pytest.approx(wanted[name], rel=1e-6, abs=1e-6))
    assert found["quality"] == wanted["quality"]


def held(ledger: OwnLedger, records: list[EnergyRecord], names: Callable[[str], str] = str) -> None:
    """Hold every run and cell of the ledger against the live link's."""
    runs = paged(ledger, queries.runs, 2)
    rows_of = {run: told(records, run) for run in dict.fromkeys(record.run_id for record in records)}
    assert {run["run"] for run in runs} == {run for run, (rows, _) in rows_of.items() if rows}
    assert [run["started_at"] for run in runs] == sorted((run["started_at"] for run in runs), reverse=True)
    for run in runs:
        rows, sums = rows_of[run["run"]]
        first = min((row for row in records if row.run_id == run["run"] and is_row(row)), key=lambda r: r.started_at)
        assert (run["cells"], run["started_at"], run["notebook"]) == (len(rows), first.started_at, first.notebook)
        agree(run["figure"], sums["figure"])
        agree(run["idle"], sums["idle"])
        cells = paged(ledger, queries.cells, 3, run=run["run"])
        # The link's rows stand in the order of their last execution.
        by_last = sorted(cells, key=lambda cell: cell["started_at"])
        assert [cell["id"] for cell in by_last] == [row.record.id for row in rows]
        for cell, row in zip(by_last, rows, strict=True):
            agree(cell["figure"], serializers.figure(row.record))
            assert (cell["reruns"], cell["status"]) == (row.reruns, row.record.status)
            agree({**cell["figure"], "joules": cell["rerun_joules"]}, {**cell["figure"], "joules": row.rerun_known})


def is_row(record: EnergyRecord) -> bool:
    return record.parent is None and record.span != "gap"


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(records=RECORDS)
def test_runs_and_cells_are_those_of_the_live_link(
    tmp_path_factory: pytest.TempPathFactory, records: list[EnergyRecord]
) -> None:
    path = tmp_path_factory.mktemp("l") / "l.sqlite"
    fill(str(path), *records)
    ledger = OwnLedger(f"sqlite:///{path}", timeout=60.0)
    held(ledger, records)
    ledger.close()


@settings(deadline=None, max_examples=15, suppress_health_check=list(HealthCheck))
@given(records=RECORDS)
def test_a_shared_database_gives_the_same_to_each_of_its_people(
    server_url: str, monkeypatch: pytest.MonkeyPatch, records: list[EnergyRecord]
) -> None:
    """The database is not emptied between examples; each has people and runs of its own."""
    monkeypatch.setenv("JUPYTER_GREEN_SHARE", "owner notebook cell_id")
    mark = uuid.uuid4().hex
    for person in ("alice", "bob"):
        monkeypatch.setenv("LOGNAME", f"{person}-{mark}")
        theirs = [one.with_(id=f"{one.id}-{person}", run_id=f"{one.run_id}-{mark}") for one in records]
        fill(server_url, *theirs)
    ledger = OwnLedger(server_url.replace("postgresql:", "postgresql+psycopg:"), timeout=60.0)
    held(ledger, theirs)
    ledger.close()


# ---- one rule at a time -----------------------------------------------------------------------


def test_a_run_and_its_cells(served: tuple[str, Ask], record: Make, component: Build) -> None:
    url, ask = served
    cpu = component(20.0, kind="cpu", device="CPU", key="cpu", source="processor", method="model", quality="estimated")
    shared = component(50.0, own_joules=30.0, shared=True)
    fill(
        url,
        record(7.0, cell_id="b", started_at=100.0, execution_count=1, status="error"),
        record(9.0, cell_id="a", started_at=110.0, execution_count=2),
        record(1.0, span="gap", started_at=120.0),
        record(cell_id="b", started_at=130.0, execution_count=3, components=(shared, cpu), code_hash="abc", seconds=4),
        record(5.0, cell_id="b", started_at=131.0, parent="the cell", span="window"),
        record(2.0, span="gap", started_at=140.0),
        record(3.0, run_id="run-2", started_at=50.0, notebook="other.ipynb"),
    )
    page = ask("runs")
    assert [one["run"] for one in page["items"]] == ["run-1", "run-2"]
    run = page["items"][0]
    assert (page["total"], run["cells"], run["started_at"], run["ended_at"]) == (2, 2, 100.0, 134.0)
    assert (run["notebook"], run["project"]) == ("/home/alice/work/secret.ipynb", "solar")
    assert (run["figure"]["joules"], run["idle"]["joules"]) == (89.0, 3.0)
    assert (run["figure"]["quality"], run["figure"]["measured_share"]) == ("estimated", pytest.approx(69 / 89))
    # 7, 9, 50, 1 and 2 J of one sensor, 20 J of another: random ±4 each, gains ±3 add up within a sensor.
    assert run["figure"]["uncertainty"] == pytest.approx(math.sqrt(6 * 16 + 15**2 + 3**2))
    assert page["items"][1]["idle"] is None

    cells = ask("cells", run="run-1")
    assert cells["total"] == 2
    again, once = cells["items"]  # in the order in which they were first run
    assert (again["cell_id"], once["cell_id"]) == ("b", "a")
    assert (again["started_at"], again["seconds"], again["execution_count"]) == (130.0, 4.0, 3)
    assert (again["status"], again["reruns"], again["rerun_joules"]) == ("ok", 1, 7.0)
    assert (again["figure"]["joules"], again["figure"]["quality"]) == (70.0, "estimated")
    assert [(each["kind"], each["joules"]) for each in again["parts"]] == [("gpu", 50.0), ("cpu", 20.0)]
    assert (again["shared"], again["own_joules"], again["device_joules"]) == (True, None, 70.0)
    assert (once["reruns"], once["rerun_joules"], once["final"], once["line"]) == (0, None, True, "")
    assert (once["against"], once["last_run"]) == (None, None)
    last = sum(cell["figure"]["joules"] for cell in cells["items"])
    assert last + again["rerun_joules"] + run["idle"]["joules"] == run["figure"]["joules"]


def test_what_is_asked_for(served: tuple[str, Ask], record: Make) -> None:
    url, ask = served
    fill(
        url,
        *(record(1.0, run_id=f"r{day}", started_at=86400.0 * day, cell_id="a", notebook="n.ipynb") for day in range(5)),
        record(1.0, run_id="other", started_at=1.0, notebook="m.ipynb", project="wind"),
        record(1.0, run_id="r0", started_at=9e8, notebook="m.ipynb"),  # a run that began early goes on
    )
    assert [run["run"] for run in ask("runs", notebook="n.ipynb")["items"]] == ["r4", "r3", "r2", "r1", "r0"]
    assert [run["run"] for run in ask("runs", limit=2, offset=1)["items"]] == ["r3", "r2"]
    assert ask("runs", limit=2, offset=9) == {"items": [], "total": 6}
    assert [run["run"] for run in ask("runs", project="wind")["items"]] == ["other"]
    assert ask("runs", notebook="none.ipynb") == {"items": [], "total": 0}
    # Of a run only what is of the notebook.
    assert [(run["run"], run["cells"]) for run in ask("runs", notebook="m.ipynb")["items"]] == [("r0", 1), ("other", 1)]
    assert ask("cells", notebook="n.ipynb")["items"][0]["run"] == "r4"
    assert ask("cells", run="r2")["items"][0]["run"] == "r2"
    assert ask("cells", run="r0")["total"] == 2
    assert ask("cells", run="r0", notebook="n.ipynb")["total"] == 1
    assert ask("cells", run="r0", offset=5) == {"items": [], "total": 2}
    for path, arguments, said in (
        ("cells", {"run": "nobody"}, "no run 'nobody' in the ledger"),
        ("cells", {"run": "nobody\0"}, "no run 'nobody"),
        ("cells", {"notebook": "none.ipynb"}, "no run of the notebook 'none.ipynb'"),
        ("cells", {"run": "r1", "notebook": "m.ipynb"}, "no run 'r1' of the notebook 'm.ipynb'"),
    ):
        assert said in ask(path, status=404, **arguments)["message"]
    assert "Name a run or a notebook" in ask("cells", status=400)["message"]


def test_nothing_is_an_empty_page(served: tuple[str, Ask]) -> None:
    url, ask = served
    fill(url)
    assert ask("runs") == {"items": [], "total": 0}


def test_a_run_of_gaps_alone_has_no_cells(served: tuple[str, Ask], record: Make) -> None:
    url, ask = served
    fill(url, record(span="gap"), record(parent="a cell that still runs", span="window"))
    assert ask("runs") == {"items": [], "total": 0}
    assert ask("cells", run="run-1") == {"items": [], "total": 0}


def test_absent_is_null_and_an_unknown_interval_is(served: tuple[str, Ask], record: Make, component: Build) -> None:
    url, ask = served
    fill(url, record(None, cell_id="a", started_at=1.0), record(None, span="gap", started_at=2.0))
    run = ask("runs")["items"][0]
    assert (run["cells"], run["idle"]) == (1, None)
    assert (run["figure"]["joules"], run["figure"]["uncertainty"], run["figure"]["measured_share"]) == (None,) * 3
    assert ask("cells", run="run-1")["items"][0]["figure"]["joules"] is None
    wide = component(7.0, uncertainty=math.inf)
    fill(url, record(components=(wide,), cell_id="b", started_at=3.0), record(cell_id="a", started_at=4.0))
    run = ask("runs")["items"][0]
    assert (run["figure"]["joules"], run["figure"]["uncertainty"]) == (107.0, None)
    known = {cell["cell_id"]: cell for cell in ask("cells", run="run-1")["items"]}
    assert (known["a"]["reruns"], known["a"]["rerun_joules"]) == (1, None)
    assert (known["b"]["figure"]["joules"], known["b"]["figure"]["uncertainty"]) == (7.0, None)


@pytest.mark.parametrize(
    "case",
    [(1e-236, 0.0, 0.0), (1e-236, 1e-237, 0.0), (1e200, 0.0, None), (1e300, 1e299, None), (1e99, 0.0, 1e99)],
)
def test_intervals_that_no_database_squares(
    any_url: str,
    record: Make,
    component: Build,
    monkeypatch: pytest.MonkeyPatch,
    case: tuple[float, float, float | None],
) -> None:
    width, gain, told = case
    monkeypatch.setenv("JUPYTER_GREEN_SHARE", "owner")
    monkeypatch.setenv("LOGNAME", "alice")
    odd = component(7.0, uncertainty=width, gain_uncertainty=gain)
    fill(any_url, record(components=(odd,), started_at=1.0), record(components=(odd,), started_at=2.0))
    ledger = OwnLedger(any_url.replace("postgresql:", "postgresql+psycopg:"), timeout=60.0)
    figure = asked(ledger, queries.runs)["items"][0]["figure"]
    assert figure["joules"] == 14.0
    found = figure["uncertainty"] if math.isfinite(figure["uncertainty"] or 0.0) else None
    assert found == (None if told is None else pytest.approx(told * math.sqrt(2), rel=1e-9, abs=1e-9))
    ledger.close()


def test_simulated_and_real_are_never_added(served: tuple[str, Ask], record: Make, component: Build) -> None:
    url, ask = served
    simulated = component(7.0, quality="simulated")
    unread = component(None, quality="simulated")
    fill(
        url,
        record(components=(simulated,), cell_id="a", started_at=1.0, run_id="s"),
        record(components=(unread,), cell_id="b", started_at=2.0, run_id="s"),
        record(components=(simulated,), span="gap", started_at=3.0, run_id="s"),
    )
    run = ask("runs")["items"][0]
    assert (run["cells"], run["figure"]["joules"], run["figure"]["quality"]) == (2, 14.0, "simulated")
    assert (run["figure"]["measured_share"], run["idle"]["quality"]) == (0.0, "simulated")
    fill(
        url,
        record(cell_id="c", started_at=4.0, run_id="s"),
        record(cell_id="a", started_at=5.0, run_id="s"),
        record(cell_id="a", started_at=6.0, run_id="s", components=(component(11.0),)),
    )
    run = ask("runs")["items"][0]
    # What was not read is a cell of either sort.
    assert (run["cells"], run["figure"]["joules"], run["figure"]["quality"]) == (3, 211.0, "measured")
    assert run["idle"] is None
    again = next(cell for cell in ask("cells", run="s")["items"] if cell["cell_id"] == "a")
    assert (again["figure"]["joules"], again["reruns"], again["rerun_joules"]) == (11.0, 2, 100.0)


def test_names_that_no_page_reads_are_fitted(served: tuple[str, Ask], record: Make) -> None:
    url, ask = served
    fill(url, record(notebook="d/" * 1000 + "end.ipynb", cell_id="c" * 300, project="p" * 1024))
    run = ask("runs")["items"][0]
    assert (len(run["notebook"]), len(run["project"])) == (500, 500)
    assert run["notebook"].startswith("…")
    assert run["notebook"].endswith("end.ipynb")
    assert ask("cells", run="run-1")["items"][0]["cell_id"] is None


# ---- what a page costs ------------------------------------------------------------------------


def test_no_course_of_power_is_read(record: Make, tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    trace = Trace({"GPU": ((0.0, 1.0), (1.0, 2.0))}, 2.0)
    fill(str(path), record(cell_id="a", trace=trace), record(cell_id="a", trace=trace), record(trace=trace))
    with closing(sqlite3.connect(path)) as connection, connection:
        assert connection.execute("UPDATE green_records SET trace = 'no JSON'").rowcount == 3
    ledger = OwnLedger(f"sqlite:///{path}", timeout=60.0)
    assert asked(ledger, queries.runs)["items"][0]["figure"]["joules"] == 300.0
    assert asked(ledger, queries.cells, run="run-1")["total"] == 2
    ledger.close()


def test_a_page_reads_no_more_rows_in_a_longer_ledger(record: Make, tmp_path: Path) -> None:
    """However many cells there are, the database adds them up: rows that come out of it are those of the page."""
    path = tmp_path / "ledger.sqlite"

    def rows(work: Callable[[Connection, history.Where], Shape], **filters: str) -> int:
        """Rows that a page's queries return."""
        count = 0

        def look(connection: Connection, where: history.Where) -> None:
            nonlocal count
            execute = connection.execute

            def counted(statement: Any) -> Any:
                nonlocal count
                found = execute(statement).freeze()
                count += len(found().all())
                return found()

            connection.execute = counted
            work(connection, where)

        ledger = OwnLedger(f"sqlite:///{path}", timeout=60.0)
        ledger.look(look, **filters)
        ledger.close()
        return count

    def costs() -> tuple[int, int]:
        return (
            rows(lambda connection, where: history.runs(connection, where, 0, 5)),
            rows(lambda connection, where: history.cells(connection, where, 0, 5), run="r0"),
        )

    def store(runs: Iterable[int], cells: Iterable[int]) -> None:
        places = [*cells]
        fill(
            str(path),
            *(
                record(run_id=f"r{run}", cell_id=f"c{cell}", started_at=1e6 * run + cell, span=span)
                for run in runs
                for cell in places
                for span in ("cell", "gap")
            ),
        )

    store(range(10), range(10))
    small = costs()
    store(range(10), range(10, 60))
    store(range(10, 60), range(10))
    assert costs() == small


def test_earlier_executions_that_can_not_be_told_from_nothing(served: tuple[str, Ask], record: Make) -> None:
    url, ask = served
    small = [record(0.1, cell_id="a", started_at=float(place)) for place in range(3)]
    large = [record(100.0, cell_id="b", started_at=10.0 + place) for place in range(3)]
    fill(url, *small, *large)
    cells = {cell["cell_id"]: cell for cell in ask("cells", run=small[0].run_id)["items"]}
    assert (cells["a"]["reruns"], cells["a"]["rerun_joules"]) == (2, None)
    assert (cells["b"]["reruns"], cells["b"]["rerun_joules"]) == (2, 200.0)


def test_long_lists_are_split(record: Make, any_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "_MANY", 3)
    monkeypatch.setenv("LOGNAME", "alice")
    monkeypatch.setenv("JUPYTER_GREEN_SHARE", "owner notebook cell_id")
    records = [
        record(10.0 * (1 + cell), run_id=f"r{run}", cell_id=f"c{cell}", started_at=1e6 * run + 100 * again + cell)
        for run in range(8)
        for again in range(1 + run % 2)
        for cell in range(7)
    ]
    fill(any_url, *records)
    url = any_url.replace("postgresql:", "postgresql+psycopg:")
    ledger = OwnLedger(url, timeout=60.0)
    runs = asked(ledger, queries.runs)
    assert [(run["run"], run["cells"], run["figure"]["joules"]) for run in runs["items"]] == [
        (f"r{run}", 7, 280.0 * (1 + run % 2)) for run in reversed(range(8))
    ]
    cells = asked(ledger, queries.cells, run="r1")["items"]
    assert [(cell["cell_id"], cell["reruns"], cell["rerun_joules"]) for cell in cells] == [
        (f"c{cell}", 1, 10.0 * (1 + cell)) for cell in range(7)
    ]
    ledger.close()


def test_what_is_deleted_while_it_is_read_is_left_out(record: Make, tmp_path: Path) -> None:
    """On PostgreSQL each query sees what is there when it begins."""
    path = tmp_path / "ledger.sqlite"
    fill(str(path), record(cell_id="a", started_at=1.0), record(cell_id="b", started_at=2.0))
    ledger = OwnLedger(f"sqlite:///{path}", timeout=60.0)

    def look(connection: Connection, where: history.Where) -> Shape:
        def sweep(_connection: Connection, _cursor: Any, statement: str, *_rest: Any) -> None:
            if "document" in statement:
                connection.connection.driver_connection.execute("DELETE FROM green_records WHERE cell_id = 'a'")

        event.listen(connection, "before_cursor_execute", sweep)
        return history.cells(connection, where, 0, 10)

    assert [cell["cell_id"] for cell in ledger.look(look, run="run-1")["items"]] == ["b"]
    ledger.close()


def test_a_cell_of_a_newer_version_is_said(record: Make, tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    fill(str(path), record(cell_id="a"))
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("""UPDATE green_records SET document = replace(document, '"schema":1', '"schema":99')""")
    ledger = OwnLedger(f"sqlite:///{path}", timeout=60.0)
    assert asked(ledger, queries.runs)["items"][0]["figure"]["joules"] == 100.0
    with pytest.raises(Exception, match="This record has schema 99"):
        asked(ledger, queries.cells, run="run-1")
    ledger.close()


def test_a_run_of_others_is_no_run(record: Make, server_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUPYTER_GREEN_SHARE", "owner")
    monkeypatch.setenv("LOGNAME", "bob")
    fill(server_url, record(run_id="bobs", notebook="plan.ipynb"))
    monkeypatch.setenv("LOGNAME", "alice")
    ledger = OwnLedger(server_url.replace("postgresql:", "postgresql+psycopg:"), timeout=60.0)
    assert asked(ledger, queries.runs) == {"items": [], "total": 0}
    for filters in ({"run": "bobs"}, {"notebook": "plan.ipynb"}):
        with pytest.raises(Refusal, match="There is no run") as refusal:
            asked(ledger, queries.cells, **filters)
        assert refusal.value.status == 404
    ledger.close()


def test_a_hashed_notebook_is_found_by_either_name(
    record: Make, server_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JUPYTER_GREEN_SHARE", "owner")
    monkeypatch.setenv("LOGNAME", "alice")
    with Ledger(server_url) as kept:
        kept.add([record(notebook="plan.ipynb")])
    ledger = OwnLedger(server_url.replace("postgresql:", "postgresql+psycopg:"), timeout=60.0)
    found = asked(ledger, queries.runs, notebook="plan.ipynb")
    name = found["items"][0]["notebook"]
    assert name != "plan.ipynb"
    assert asked(ledger, queries.runs, notebook=name) == found
    ledger.close()
