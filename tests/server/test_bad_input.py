"""What makes no sense is refused with one sentence, before the ledger is touched."""

from __future__ import annotations

import math
from typing import Any

import pytest

from jupyter_green.server.argument import Arguments
from jupyter_green.server.refusal import Refusal
from jupyter_green.server.route import strict

from .jupyter import JupyterServer


@pytest.fixture(scope="module")
def server(shared_start: Any) -> JupyterServer:
    """Without a ledger: what gets as far as that is answered by 503."""
    made: JupyterServer = shared_start()
    return made


LONG = "x" * 5000


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("totals?limit=5", "has no argument 'limit'; it takes notebook, project, since, until"),
        ("health?notebook=x", "has no argument 'notebook'; it takes none"),
        ("totals?since=1&since=2", "'since' is given 2 times"),
        ("totals?since=yesterday", "'since' is no time: 'yesterday'; write seconds since 1970"),
        ("totals?since=nan", "'since' is no time"),
        ("totals?since=inf", "'since' is no time"),
        ("totals?since=1e999", "'since' is no time"),
        ("totals?since=-1e300", "'since' is no time"),
        ("totals?since=1.2.3", "'since' is no time"),
        ("totals?since=2025-02-30", "'since' is no time"),
        ("totals?since=0001-01-01T00:00", "'since' is no time"),
        ("totals?until=0x10", "'until' is no time"),
        ("totals?since=20&until=10", "'until' lies before 'since'"),
        ("totals?since=2025-03-02&until=2025-03-01", "'until' lies before 'since'"),
        ("totals?notebook=%FF%FE", "'notebook' is no text"),
        (f"totals?project={LONG}", "'project' is longer than 4096"),
        (f"totals?{LONG}=1", "has no argument 'xxx"),
        ("totals?%3Cscript%3E=1", "has no argument '<script>'"),
        ("totals?100%25=1", "has no argument '100%';"),
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
    ],
)
def test_what_makes_sense_gets_as_far_as_the_ledger(server: JupyterServer, path: str) -> None:
    answer = server.green(path)
    assert answer.status == 503
    assert "Nothing was metered yet" in answer.message


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
