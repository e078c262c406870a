"""What makes no sense is refused with one sentence, before the ledger is touched."""

from __future__ import annotations

import math
from typing import Any

import pytest

from jupyter_green.server.arguments import Arguments
from jupyter_green.server.base_handler import strict
from jupyter_green.server.errors import Refusal
from tests.support.jupyter_server import JupyterServer


@pytest.fixture(scope="module")
def server(shared_start: Any) -> JupyterServer:
    """Without a ledger: what gets as far as that finds an empty one."""
    made: JupyterServer = shared_start()
    return made


LONG = "x" * 5000


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("totals?limit=5", "has no argument 'limit'; it takes notebook, project, since, until, without"),
        ("health?notebook=x", "has no argument 'notebook'; it takes none"),
        ("totals?since=1&since=2", "'since' is given 2 times"),
        ("totals?since=soon", "'since' is not a time: 'soon' is not a date; write 30d"),
        ("totals?since=nan", "'since' is not a time"),
        ("totals?since=inf", "'since' is not a time"),
        ("totals?since=1e999", "'since' is not a time"),
        ("totals?since=-1e300", "'since' is not a time"),
        ("totals?since=1.2.3", "'since' is not a time"),
        ("totals?since=2025-02-30", "'since' is not a time"),
        ("totals?since=0001-01-01T00:00", "'since' is not a time"),
        ("totals?until=0x10", "'until' is not a time"),
        ("totals?since=20&until=10", "'until' is before 'since'"),
        ("totals?since=2025-03-02&until=2025-03-01", "'until' is before 'since'"),
        ("totals?notebook=%FF%FE", "'notebook' is not UTF-8 text"),
        (f"totals?project={LONG}", "'project' is longer than 4096"),
        (f"totals?{LONG}=1", "has no argument 'xxx"),
        ("totals?%3Cscript%3E=1", "has no argument '<script>'"),
        ("totals?100%25=1", "has no argument '100%';"),
        ("runs?run=x", "has no argument 'run'; it takes limit, notebook, offset, project"),
        ("runs?limit=0", "'limit' must be a whole number from 1 to 1000, not '0'"),
        ("runs?limit=1001", "'limit' must be a whole number from 1 to 1000"),
        ("runs?offset=-1", "'offset' must be a whole number from 0 to 1000000000"),
        ("cells?run=a&run=b", "'run' is given 2 times"),
        ("cells?limit=all&run=a", "'limit' must be a whole number"),
        ("cells", "Name a run or a notebook"),
        ("cells?run=&notebook=", "Name a run or a notebook"),
        ("baselines?limit=5", "has no argument 'limit'; it takes notebook"),
        ("baselines/x", "The argument 'notebook' is missing"),
        ("baselines/x?notebook=", "The argument 'notebook' is missing"),
        ("baselines/x?name=y&notebook=n", "has no argument 'name'"),
    ],
)
def test_one_sentence(server: JupyterServer, path: str, said: str) -> None:
    answer = server.green(path)
    assert answer.status == 400
    assert said in answer.message
    assert len(answer.message) < 300
    assert answer.headers["Content-Type"] == "application/json"


@pytest.mark.parametrize(
    "path",
    [
        "totals?since=today",
        "totals?since=0&until=1e9",
        "totals?since=-1.5",
        "totals?since=2025-03-01",
        "totals?since=2025-03-01T14:30:00.5Z",
        "totals?since=2025-03-01T14:30%2B01:00",
        "totals?since=",
        "totals?notebook=a%20b%2F%C3%A4.ipynb&project=%00",
        "totals?1732435200000",
        "totals?no_track_activity=1&_xsrf=2",
        "runs",
        "runs?notebook=n.ipynb&project=p&offset=1000000000&limit=1000",
        "cells?run=%00%27%3B--&no_track_activity=1",
        "cells?notebook=n.ipynb&limit=1",
        "baselines?notebook=",
        "baselines/%3Cscript%3E?notebook=n",
    ],
)
def test_what_makes_sense_gets_as_far_as_the_ledger(server: JupyterServer, path: str) -> None:
    answer = server.green(path)
    assert answer.status == (404 if path.startswith("baselines/") else 200)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "is not JSON; send a JSON object with notebook, run, name"),
        (b"{", "is not JSON"),
        (b"\xff\xfe", "is not JSON"),
        (b"[" * 19_000, "is not JSON"),
        (b'{"notebook": "n", "run": "r", "name": "a", "name": "b"}', "is not JSON; send a JSON object with notebook"),
        (b'{"notebook": NaN, "run": 1e400, "name": Infinity}', "'notebook' must be a text that is not empty"),
        (b"x" * 20_001, "is longer than 20000 bytes"),
        (b"[]", "is not what this route takes"),
        (b"null", "is not what this route takes"),
        ({"notebook": "n", "run": "r"}, "is not what this route takes; send a JSON object with notebook, run, name"),
        ({"notebook": "n", "run": "r", "name": "b", "more": "x"}, "is not what this route takes"),
        ({"notebook": "n", "run": "r", "name": 5}, "'name' must be a text that is not empty"),
        ({"notebook": "n", "run": None, "name": "b"}, "'run' must be a text that is not empty"),
        ({"notebook": " ", "run": "r", "name": "b"}, "'notebook' must be a text that is not empty"),
        ({"notebook": "n", "run": "r", "name": "last"}, "'last' is a reserved name"),
        ({"notebook": "n", "run": "r", "name": " median "}, "'median' is a reserved name"),
        ({"notebook": "n", "run": "r", "name": ".."}, "name has 1 to 200 characters and is not only dots"),
        ({"notebook": "n", "run": "r", "name": "x" * 201}, "name has 1 to 200 characters"),
        ({"notebook": "n", "run": "r", "name": "\0"}, "name has 1 to 200 characters"),
        ({"notebook": "n", "run": "r", "name": "\ud800"}, "name has 1 to 200 characters"),
    ],
    ids=str,
)
def test_what_can_not_be_kept(server: JupyterServer, body: Any, said: str) -> None:
    answer = server.green("baselines", "POST", body=body)
    assert answer.status == 400
    assert said in answer.message
    assert len(answer.message) < 300


def test_arguments_of_what_writes(server: JupyterServer) -> None:
    body = {"notebook": "n", "run": "r", "name": "b"}
    assert "has no argument 'run'; it takes none" in server.green("baselines?run=r", "POST", body=body).message
    assert "The argument 'notebook' is missing" in server.green("baselines/b", "DELETE").message
    assert server.green("baselines/%FF?notebook=n", "DELETE").status == 400


# ---- the arguments themselves -----------------------------------------------------------------


@pytest.mark.parametrize(
    "text", ["", " 5", "5 ", "-1", "+5", "1e3", "0x1", "٣", "1_0", "9999999999", "1001", "5.0", "None"]
)
def test_a_limit_is_a_whole_number(text: str) -> None:
    given = Arguments({"limit": [text.encode()]}, {"limit"})
    with pytest.raises(Refusal, match="must be a whole number from 1 to 1000") as refusal:
        given.whole("limit", 50, 1, 1000)
    assert refusal.value.status == 400


@pytest.mark.parametrize(("text", "number"), [("1", 1), ("1000", 1000), ("007", 7)])
def test_limits(text: str, number: int) -> None:
    assert Arguments({"limit": [text.encode()]}, {"limit"}).whole("limit", 50, 1, 1000) == number
    assert Arguments({}, {"limit"}).whole("limit", 50, 1, 1000) == 50


def test_what_must_be_there() -> None:
    with pytest.raises(Refusal, match="'name' is missing"):
        Arguments({"name": [b""]}, {"name"}).needed("name")


def test_strict_json_has_no_odd_numbers() -> None:
    odd = {"a": [math.nan, (math.inf, -math.inf)], "b": {"c": 1.5, "d": True, "e": None, "f": "nan"}}
    assert strict(odd) == {"a": [None, [None, None]], "b": {"c": 1.5, "d": True, "e": None, "f": "nan"}}
