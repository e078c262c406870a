"""Baselines over HTTP: kept, listed, shown, deleted, each in one person's name."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from jupyter_green.baselines.service import BaselineService, keep_run
from jupyter_green.records import Component, EnergyRecord
from jupyter_green.server import queries
from jupyter_green.server.change_notifier import SCHEMA_ID
from jupyter_green.storage import Ledger
from jupyter_green.storage.privacy import keyed
from tests.server.conftest import Ask, Start, fill
from tests.server.test_place import Browser
from tests.support.jupyter_server import ROOT, Answer, JupyterServer, next_event

Make = Callable[..., EnergyRecord]
PLAN = {"notebook": "plan.ipynb", "run": "run-1", "name": "before"}


@pytest.fixture
def planned(record: Make) -> list[EnergyRecord]:
    """A run of two cells, one of them run twice, and one that failed."""
    common = {"notebook": "plan.ipynb", "run_id": "run-1"}
    return [
        record(1.0, cell_id="a", started_at=1.0, **common),
        record(2.0, cell_id="a", started_at=2.0, **common),
        record(40.0, cell_id="b", started_at=3.0, **common),
        record(100.0, cell_id="c", started_at=4.0, status="error", **common),
        record(5.0, span="gap", started_at=5.0, **common),
    ]


def test_keep_list_show_delete(served: tuple[str, Ask], planned: list[EnergyRecord]) -> None:
    url, ask = served
    fill(url, *planned)
    assert ask("baselines") == {"items": []}
    head = ask("baselines", "POST", 201, PLAN)
    assert (head["kind"], head["name"], head["notebook"], head["cells"], head["runs"]) == (
        "named",
        "before",
        "plan.ipynb",
        2,
        1,
    )
    assert (head["figure"]["joules"], head["figure"]["quality"], head["made_at"]) == (42.0, "measured", 1.0)
    assert ask("baselines") == ask("baselines", notebook="plan.ipynb") == {"items": [head]}
    assert ask("baselines", notebook="other.ipynb") == {"items": []}
    whole = ask("baselines/before", notebook="plan.ipynb")
    assert whole["head"] == head
    assert [cell["cell_id"] for cell in whole["cells"]] == ["a", "b"]
    ask("baselines", "POST", 201, {**PLAN, "name": "  ä/b c?#%  "})
    assert [each["name"] for each in ask("baselines")["items"]] == ["ä/b c?#%", "before"]
    assert ask("baselines/%C3%A4%2Fb%20c%3F%23%25", notebook="plan.ipynb")["head"]["name"] == "ä/b c?#%"
    assert ask("baselines/before", "DELETE", notebook="plan.ipynb") == {"deleted": "before"}
    assert ask("baselines/%C3%A4%2Fb%20c%3F%23%25", "DELETE", notebook="plan.ipynb") == {"deleted": "ä/b c?#%"}
    assert ask("baselines") == {"items": []}
    for method in ("GET", "DELETE"):
        said = ask("baselines/before", method, 404, notebook="plan.ipynb")["message"]
        assert "no baseline 'before' of the notebook 'plan.ipynb'" in said
    with Ledger(url) as ledger:
        assert len(ledger.records()) == len(planned)  # the records stay


def test_a_kept_baseline_is_the_kernels(served: tuple[str, Ask], planned: list[EnergyRecord]) -> None:
    """The magic and the route speak of the same shelf."""
    url, ask = served
    fill(url, *planned)
    book = BaselineService(url, run="run-2", notebook="plan.ipynb", project="solar")
    ask("baselines", "POST", 201, PLAN)
    assert book.show("before").reading.joules == 42.0
    book.keep("mine", run="run-1")
    assert [each["name"] for each in ask("baselines", notebook="plan.ipynb")["items"]] == ["mine", "before"]
    book.use("before")
    ask("baselines/before", "DELETE", notebook="plan.ipynb")
    assert book.refresh().choice.rule == "median"  # what is gone is compared with no more
    book.use("mine")
    ask("baselines", "POST", 201, {**PLAN, "name": "mine"})
    assert book.refresh().choice.name == "mine"


def test_a_baseline_takes_the_place_of_one_of_that_name(
    served: tuple[str, Ask], planned: list[EnergyRecord], record: Make
) -> None:
    url, ask = served
    fill(url, *planned, record(7.0, run_id="run-2", notebook="plan.ipynb", cell_id="a"))
    ask("baselines", "POST", 201, PLAN)
    ask("baselines", "POST", 201, {**PLAN, "run": "run-2"})
    (only,) = ask("baselines")["items"]
    assert (only["name"], only["figure"]["joules"]) == ("before", 7.0)


def test_what_can_not_be_kept(served: tuple[str, Ask], planned: list[EnergyRecord], record: Make) -> None:
    url, ask = served
    fill(
        url,
        *planned,
        record(run_id="failed", notebook="plan.ipynb", status="error"),
        record(None, run_id="unread", notebook="plan.ipynb"),
        record(span="gap", run_id="idle", notebook="plan.ipynb"),
        record(run_id="nameless", notebook=None, cell_id="a"),
    )
    for run in ("failed", "unread", "idle"):
        said = ask("baselines", "POST", 400, {**PLAN, "run": run})["message"]
        assert "no cell yet that finished with a reading" in said
    assert "There is no run 'nobody' in" in ask("baselines", "POST", 404, {**PLAN, "run": "nobody"})["message"]
    said = ask("baselines", "POST", 404, {**PLAN, "notebook": "other.ipynb"})["message"]
    assert "There is no run 'run-1' of the notebook 'other.ipynb'" in said
    assert ask("baselines") == {"items": []}
    # A front end that does not tell the notebook: who asks says so.
    assert ask("baselines", "POST", 201, {**PLAN, "run": "nameless"})["notebook"] == "plan.ipynb"


def test_simulated_is_called_so(served: tuple[str, Ask], record: Make, component: Callable[..., Component]) -> None:
    url, ask = served
    fill(url, record(components=(component(7.0, quality="simulated"),), notebook="plan.ipynb", cell_id="a"))
    assert ask("baselines", "POST", 201, PLAN)["figure"]["quality"] == "simulated"


def test_a_hashed_notebook(
    start: Start, planned: list[EnergyRecord], server_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page gives back the name that it was told of a run."""
    monkeypatch.setenv("LOGNAME", "alice")
    monkeypatch.setenv("JUPYTER_GREEN_SHARE", "owner")
    fill(server_url, *planned)
    common = {"JUPYTER_GREEN_LEDGER": server_url, "XDG_DATA_HOME": os.environ["XDG_DATA_HOME"]}
    server = start(LOGNAME="alice", JUPYTER_GREEN_SHARE="owner", **common)
    told = server.green("runs", notebook="plan.ipynb").json["items"][0]["notebook"]
    assert told == keyed("notebook", "plan.ipynb")
    kept = server.green("baselines", "POST", body={**PLAN, "notebook": told})
    assert (kept.status, kept.json["notebook"]) == (201, told)
    assert BaselineService(server_url, run="x", notebook="plan.ipynb", project=None).show("before").name == "before"
    assert [each["name"] for each in server.green("baselines", notebook="plan.ipynb").json["items"]] == ["before"]
    assert server.green("baselines/before", "DELETE", notebook="plan.ipynb").status == 200


def test_a_thousand_are_listed_at_most(tmp_path: Path, planned: list[EnergyRecord]) -> None:
    from jupyter_green.server.arguments import Arguments
    from jupyter_green.server.user_ledger import OwnLedger

    path = tmp_path / "ledger.sqlite"
    fill(str(path), *planned)
    ledger = OwnLedger(f"sqlite:///{path}", timeout=60.0)
    made, _ = keep_run(ledger, "plan.ipynb", "run-1", "first")
    for number in range(3):
        ledger.keep_baseline("plan.ipynb", f"b{number}", head=made.head(), document=made.to_dict(), made_at=1.0)
    assert [kept.name for kept in ledger.baselines("plan.ipynb", 2)] == ["b2", "b1"]
    assert len(queries.baselines(Arguments({}, ()))()(ledger)["items"]) == 4
    ledger.close()


def test_a_baseline_that_can_not_be_read(start: Start, tmp_path: Path, planned: list[EnergyRecord]) -> None:
    path = tmp_path / "ledger.sqlite"
    with Ledger(path) as ledger:
        ledger.add(planned)
        made, _ = keep_run(ledger, "plan.ipynb", "run-1", "before")
        newer = {**made.to_dict(), "version": 99}
        ledger.keep_baseline("plan.ipynb", "before", head=made.head(), document=newer, made_at=1.0)
    server = start(JUPYTER_GREEN_LEDGER=str(path))
    answer = server.green("baselines/before", notebook="plan.ipynb")
    assert answer.status == 503
    assert "The baseline 'before' can't be read: its version is 99" in answer.message
    assert server.green("baselines").json["items"][0]["name"] == "before"


# ---- who may ----------------------------------------------------------------------------------


def test_a_page_with_a_cookie_needs_the_xsrf_token_to_write(
    start: Start, planned: list[EnergyRecord], tmp_path: Path
) -> None:
    path = tmp_path / "ledger.sqlite"
    fill(str(path), *planned)
    server = start(JUPYTER_GREEN_LEDGER=str(path))
    browser = Browser(server)
    assert browser.ask("runs").status == 200

    def kept() -> int:
        return len(server.green("baselines").json["items"])

    for method, route in (("POST", "baselines"), ("DELETE", "baselines/before?notebook=plan.ipynb")):
        for headers in ({}, {"X_XSRFToken": "wrong"}):
            refused: Answer = browser.ask(route, method, PLAN if method == "POST" else None, **headers)
            assert refused.status == 403
            assert "xsrf" in refused.message.lower()
        assert kept() == (method == "DELETE")
        done = browser.ask(route, method, PLAN if method == "POST" else None, X_XSRFToken=browser.xsrf)
        assert done.status == (201 if method == "POST" else 200)
    assert kept() == 0


PEOPLE = {"JUPYTER_GREEN_SHARE": "owner"}


def both(start: Start, url: str) -> tuple[JupyterServer, JupyterServer]:
    """Servers of two people on one ledger."""
    common = {"JUPYTER_GREEN_LEDGER": url, **PEOPLE, "XDG_DATA_HOME": os.environ["XDG_DATA_HOME"]}
    return start(LOGNAME="alice", **common), start(LOGNAME="bob", **common)


@pytest.mark.parametrize("kind", ["file", "database"])
def test_nobody_reads_or_deletes_anothers(
    start: Start, record: Make, kind: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = str(request.getfixturevalue("file_url" if kind == "file" else "server_url"))
    monkeypatch.setenv("JUPYTER_GREEN_SHARE", "owner")
    for person in ("alice", "bob"):
        monkeypatch.setenv("LOGNAME", person)
        fill(url, record(run_id=f"of-{person}", notebook="plan.ipynb", cell_id="c"))
    if kind == "file":
        Path(url.removeprefix("sqlite:///")).chmod(0o666)
    alices, bobs = both(start, url)
    body = {"notebook": "plan.ipynb", "run": "of-alice", "name": "secret"}
    assert bobs.green("baselines", "POST", body=body).status == 404
    assert alices.green("baselines", "POST", body=body).status == 201
    assert bobs.green("baselines").json == {"items": []}
    for method in ("GET", "DELETE"):
        assert bobs.green("baselines/secret", method, notebook="plan.ipynb").status == 404
    # The same name is another baseline.
    assert bobs.green("baselines", "POST", body={**body, "run": "of-bob"}).status == 201
    assert bobs.green("baselines/secret", "DELETE", notebook="plan.ipynb").status == 200
    assert [each["name"] for each in alices.green("baselines").json["items"]] == ["secret"]
    assert [run["run"] for run in bobs.green("runs").json["items"]] == ["of-bob"]


def test_where_names_tell_nobody_apart_nothing_is_kept_or_deleted(
    start: Start, planned: list[EnergyRecord], server_url: str, monkeypatch: pytest.MonkeyPatch, no_key: None
) -> None:
    monkeypatch.setenv("LOGNAME", "jovyan")
    monkeypatch.setenv("JUPYTER_GREEN_SHARE", "owner notebook")
    fill(server_url, *planned)
    with Ledger(server_url) as ledger:
        keep_run(ledger, "plan.ipynb", "run-1", "before")
    common = {"JUPYTER_GREEN_LEDGER": server_url, "JUPYTERHUB_USER": "alice", "LOGNAME": "jovyan"}
    for options in (PEOPLE, {}):
        server = start(**common, **options, XDG_DATA_HOME=os.environ["XDG_DATA_HOME"])
        assert server.green("baselines").json == {"items": []}
        assert server.green("baselines/before", notebook="plan.ipynb").status == 404
        sentence = server.green("health").json["sentence"]
        for answer in (
            server.green("baselines", "POST", body=PLAN),
            server.green("baselines/before", "DELETE", notebook="plan.ipynb"),
        ):
            assert (answer.status, answer.message) == (503, sentence)
    with Ledger(server_url) as ledger:
        assert [kept.name for kept in ledger.baselines()] == ["before"]


# ---- faults -----------------------------------------------------------------------------------


# Root may write everywhere, so another user asks; everything is imported before the user changes.
UNPRIVILEGED = """
import asyncio, json, os, sys
from jupyter_green.server import queries as question
from jupyter_green.server.arguments import Arguments
from jupyter_green.server.errors import Refusal
from jupyter_green.server.ledger_client import LedgerClient

nothing, one = Arguments({}, ()), Arguments({"notebook": [b"plan.ipynb"]}, ["notebook"])
keep = question.keep(nothing, {"notebook": "plan.ipynb", "run": "run-1", "name": "after"})
cells = Arguments({"run": [b"run-1"]}, ["run"])
asked = (question.runs(nothing), question.cells(cells), question.baselines(nothing), question.baseline(one, "before"),
         keep, question.forget(one, "before"))

async def ask(url):
    source, found = LedgerClient(url), []
    for plan in asked:
        try:
            found.append(await source.ask(plan))
        except Refusal as refusal:
            found.append([refusal.status, str(refusal)])
    source.close()
    return found

asyncio.run(ask(sys.argv[2]))
if os.geteuid() == 0:
    os.setgroups([]), os.setgid(65534), os.setuid(65534)
print(json.dumps(asyncio.run(ask(sys.argv[1]))))
"""


@pytest.mark.skipif(os.name != "posix", reason="permissions of this kind are POSIX")
def test_a_ledger_that_can_only_be_read(
    reachable: Path,
    tmp_path: Path,
    planned: list[EnergyRecord],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LOGNAME", "alice")
    path, warm = reachable / "ledger.sqlite", tmp_path / "warm.sqlite"
    for place in (path, warm):
        with Ledger(place) as ledger:
            ledger.add(planned)
            keep_run(ledger, "plan.ipynb", "run-1", "before")
    path.chmod(0o444)
    done = subprocess.run(
        [sys.executable, "-c", UNPRIVILEGED, str(path), str(warm)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    runs, cells, baselines, baseline, *refused = json.loads(done.stdout)
    assert (runs["total"], cells["total"], baselines["items"][0]["name"], len(baseline["cells"])) == (1, 3, "before", 2)
    for status, said in refused:
        assert status == 503
        assert "can't be written" in said


def test_pages_are_told(
    start: Start, planned: list[EnergyRecord], any_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOGNAME", "alice")
    monkeypatch.setenv("JUPYTER_GREEN_SHARE", "owner notebook")
    fill(any_url, *planned)
    server = start(JUPYTER_GREEN_LEDGER=any_url, LOGNAME="alice", JUPYTER_GREEN_SHARE="owner notebook")
    unknown = {"notebook": None, "run": None, "records": 0}

    async def follow() -> None:
        connection = await server.subscribe()

        async def told() -> None:
            event = await next_event(connection, SCHEMA_ID)
            assert {name: event[name] for name in unknown} == unknown

        assert server.green("baselines").status == 200
        for body in (PLAN, PLAN, {**PLAN, "name": "other"}):  # the second takes the place of the first
            assert server.green("baselines", "POST", body=body).status == 201
            await told()
        assert server.green("baselines/before", "DELETE", notebook="plan.ipynb").status == 200
        await told()
        BaselineService(any_url, run="x", notebook="plan.ipynb", project=None).clear("other")  # as %baseline clear does
        await told()
        connection.close()

    asyncio.run(follow())
    assert json.loads(server.green("baselines").body) == {"items": []}
