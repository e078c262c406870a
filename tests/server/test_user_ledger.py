"""On a ledger that several people write to, each sees their own records and nobody else's."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from jupyter_green.baselines.service import keep_run
from jupyter_green.records import EnergyRecord
from jupyter_green.storage import Ledger
from tests.support.jupyter_server import JupyterServer

Make = Callable[..., EnergyRecord]
Start = Callable[..., JupyterServer]
ROUTES = (
    *(
        "totals",
        "runs",
        "runs?notebook=plan.ipynb",
        "runs?project=of-alice",
        "baselines",
        "baselines?notebook=plan.ipynb",
    ),
    *("cells?run=run-alice", "cells?notebook=plan.ipynb", "baselines/kept?notebook=plan.ipynb"),
)


@pytest.fixture
def write(monkeypatch: pytest.MonkeyPatch, record: Make) -> Callable[..., None]:
    """Have a person store a record of so many joules."""

    def store(url: str, person: str, joules: float, share: tuple[str, ...] = ("owner",)) -> None:
        monkeypatch.setenv("LOGNAME", person)
        with Ledger(url, share=share) as ledger:
            made = record(joules, run_id=f"run-{person}", notebook="plan.ipynb", project=f"of-{person}", cell_id="c1")
            ledger.add([made])
            if "owner" in share:
                keep_run(ledger, "plan.ipynb", made.run_id, "kept")

    return store


def joules(server: JupyterServer, **arguments: str) -> float | None:
    """The sum that a server shows."""
    found: float | None = server.green("totals", **arguments).json["figure"]["joules"]
    return found


def everything(server: JupyterServer) -> str:
    """All that the reading routes give away."""
    return "\n".join(server.green(route).body.decode() for route in ROUTES)


def test_two_people_on_one_database(start: Start, write: Callable[..., None], server_url: str) -> None:
    write(server_url, "alice", 100.0)
    write(server_url, "bob", 3.0)
    common = {"JUPYTER_GREEN_LEDGER": server_url, "JUPYTER_GREEN_SHARE": "owner"}
    common["XDG_DATA_HOME"] = os.environ["XDG_DATA_HOME"]  # where the key lies that their names of notebooks go under
    alices, bobs = start(LOGNAME="alice", **common), start(LOGNAME="bob", **common)
    assert (joules(alices), joules(bobs)) == (100.0, 3.0)
    assert joules(bobs, project="of-alice") is None
    for route in ROUTES[:-3]:
        assert alices.green(route).status == 200
    assert bobs.green("cells?run=run-alice").status == 404
    assert alices.green("cells?run=run-alice").json["items"][0]["figure"]["joules"] == 100.0
    shown = [one.green("baselines/kept?notebook=plan.ipynb").json["head"] for one in (alices, bobs)]
    assert [head["figure"]["joules"] for head in shown] == [100.0, 3.0]
    assert bobs.green("totals").json["cells"] == 1
    assert "alice" not in everything(bobs).replace("'run-alice'", "")
    assert "bob" not in everything(alices)
    assert bobs.green("health").json == {**alices.green("health").json, "ledger": "ok", "sentence": None}


def test_a_database_that_is_not_told_names_shows_each_person_their_own(
    start: Start, write: Callable[..., None], server_url: str
) -> None:
    write(server_url, "alice", 100.0, share=())
    write(server_url, "bob", 3.0, share=())
    common = {"JUPYTER_GREEN_LEDGER": server_url, "XDG_DATA_HOME": os.environ["XDG_DATA_HOME"]}
    alices, bobs = (start(LOGNAME=name, **common) for name in ("alice", "bob"))
    assert (joules(alices), joules(bobs)) == (100.0, 3.0)
    assert alices.green("health").json["sentence"] is None
    assert bobs.green("cells?run=run-alice").status == 404


def test_a_database_where_nobody_can_be_told_apart_shows_nothing(
    start: Start, write: Callable[..., None], server_url: str, no_key: None
) -> None:
    write(server_url, "alice", 100.0, share=())
    server = start(LOGNAME="alice", JUPYTER_GREEN_LEDGER=server_url, XDG_DATA_HOME=os.environ["XDG_DATA_HOME"])
    health = server.green("health").json
    assert health["ledger"] == "ok"
    assert "JUPYTER_GREEN_SHARE=owner" in health["sentence"]
    assert joules(server) is None
    assert server.green("runs").json == {"items": [], "total": 0}
    assert server.green("baselines").json == {"items": []}
    assert "joules" not in everything(server).replace('"joules": null', "")


def test_a_database_of_one_person(start: Start, write: Callable[..., None], server_url: str) -> None:
    write(server_url, "alice", 100.0, share=())
    server = start("--JupyterGreen.whole_ledger=True", LOGNAME="alice", JUPYTER_GREEN_LEDGER=server_url)
    assert server.green("health").json["sentence"] is None
    assert joules(server) == 100.0


def test_containers_where_everybody_has_one_name(start: Start, write: Callable[..., None], server_url: str) -> None:
    write(server_url, "jovyan", 100.0)
    common = {"JUPYTER_GREEN_LEDGER": server_url, "JUPYTER_GREEN_SHARE": "owner", "JUPYTERHUB_USER": "alice"}
    server = start(LOGNAME="jovyan", **common)
    assert joules(server) is None
    assert "everybody here is called 'jovyan'" in server.green("health").json["sentence"]
    named = start(LOGNAME="alice", **common)
    assert joules(named) is None
    assert named.green("health").json["sentence"] is None


@pytest.mark.parametrize(("mode", "seen"), [(0o600, 103.0), (0o644, 103.0), (0o660, 3.0), (0o666, 3.0)])
def test_a_file_that_others_may_write_is_shared(
    start: Start, write: Callable[..., None], tmp_path: Path, mode: int, seen: float
) -> None:
    path = tmp_path / "ledger.sqlite"
    write(str(path), "alice", 100.0)
    write(str(path), "bob", 3.0)
    path.chmod(mode)
    server = start(LOGNAME="bob", JUPYTER_GREEN_LEDGER=str(path))
    assert joules(server) == seen
    assert server.green("runs").json["total"] == (2 if seen > 100 else 1)
    assert server.green("cells?run=run-alice").status == (200 if seen > 100 else 404)
    # A baseline is one person's wherever it lies.
    assert [head["figure"]["joules"] for head in server.green("baselines").json["items"]] == [3.0]


def test_permissions_count_when_asked(start: Start, write: Callable[..., None], tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    write(str(path), "alice", 100.0)
    server = start(LOGNAME="bob", JUPYTER_GREEN_LEDGER=str(path))
    assert joules(server) == 100.0
    path.chmod(0o660)
    assert joules(server) is None


def test_an_unknown_word_to_share_is_said(start: Start, server_url: str) -> None:
    server = start(LOGNAME="alice", JUPYTER_GREEN_LEDGER=server_url, JUPYTER_GREEN_SHARE="everything")
    assert "can't be shared" in server.green("totals").message
