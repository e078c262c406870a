"""Where the server stands: behind a prefix, before a browser's cookie, beside idle kernels, under a slow database."""

from __future__ import annotations

import http.cookiejar
import json
import re
import subprocess
import sys
import threading
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest

from jupyter_green.records import EnergyRecord
from jupyter_green.storage import Ledger
from tests.support.jupyter_server import PATIENCE, ROOT, TOKEN, Answer, JupyterServer

Make = Callable[..., EnergyRecord]
Start = Callable[..., JupyterServer]


@pytest.mark.parametrize("prefix", ["/user/alice/", "/user/zo%C3%AB%40x/lab/"])
def test_behind_a_hub_the_prefix_is_part_of_every_route(start: Start, prefix: str) -> None:
    server = start(base_url=prefix, JUPYTERHUB_SERVICE_PREFIX=prefix)
    assert server.green("health").status == 200
    assert server.green("health", token=None).status == 403
    description = server.green("openapi.json")
    assert description.status == 200
    # Clients resolve the description's server against where they found it.
    found = urllib.parse.urljoin(server.url("jupyter-green/v1/openapi.json"), description.json["servers"][0]["url"])
    assert found == server.url("jupyter-green/v1/")
    bare = f"http://127.0.0.1:{server.port}/jupyter-green/v1/health"
    request = urllib.request.Request(bare, headers={"Authorization": f"token {TOKEN}"})
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=PATIENCE)
    assert refused.value.code == 404


class Browser:
    """Logs in as a person does and keeps cookies."""

    def __init__(self, server: JupyterServer) -> None:
        self._server = server
        self._cookies = http.cookiejar.CookieJar()
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self._cookies))
        with self._opener.open(server.url(f"login?token={TOKEN}"), timeout=PATIENCE):
            pass
        with self._opener.open(server.url("login"), timeout=PATIENCE):
            pass

    @property
    def xsrf(self) -> str:
        return next(str(cookie.value) for cookie in self._cookies if cookie.name == "_xsrf")

    def ask(self, path: str, method: str = "GET", body: Any = None, **headers: str) -> Answer:
        request = urllib.request.Request(
            self._server.url(f"jupyter-green/v1/{path}"),
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={name.replace("_", "-"): value for name, value in headers.items()},
        )
        try:
            with self._opener.open(request, timeout=PATIENCE) as found:
                return Answer(found.status, found.read(), found.headers)
        except urllib.error.HTTPError as refused:
            with refused:
                return Answer(refused.code, refused.read(), refused.headers)


def test_a_page_with_a_cookie_reads(start: Start) -> None:
    server = start()
    browser = Browser(server)
    assert browser.ask("health").status == 200
    assert browser.ask("health", Origin=server.url("").rstrip("/")).status == 200
    foreign = browser.ask("health", Origin="http://evil.example")
    assert foreign.status == 404
    assert b"ledger" not in foreign.body


def test_polling_is_no_activity(start: Start, record: Make, tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    with Ledger(path) as ledger:
        ledger.add([record()])
    server = start(JUPYTER_GREEN_LEDGER=str(path))

    def active() -> str:
        return str(server.ask("api/status", no_track_activity=1).json["last_activity"])

    server.ask("api/contents")
    before = active()
    for route in (
        "health",
        "totals",
        "totals?since=today",
        "totals?nonsense=1",
        "openapi.json",
        "runs",
        "cells?run=run-1",
    ):
        server.green(route)
    body = {"notebook": record().notebook, "run": "run-1", "name": "b"}
    assert server.green("baselines", "POST", body=body).status == 201
    assert server.green("baselines").status == 200
    assert server.green("baselines/b", "DELETE", notebook=record().notebook).status == 200
    assert active() == before
    server.ask("api/contents")
    assert active() != before


def test_the_event_loop_never_waits_for_the_ledger(start: Start, record: Make, server_url: str) -> None:
    with Ledger(server_url) as ledger:
        ledger.add([record()])
    server = start("--JupyterGreen.whole_ledger=True", JUPYTER_GREEN_LEDGER=server_url)
    assert server.green("totals").status == 200
    found: list[Answer] = []
    asking = [threading.Thread(target=lambda: found.append(server.green("totals"))) for _ in range(5)]
    with psycopg.connect(server_url) as connection:
        connection.execute("LOCK TABLE green_records, green_journals IN ACCESS EXCLUSIVE MODE")
        for thread in asking:
            thread.start()
        for _ in range(5):
            assert server.ask("api").status == 200
        assert found == []
        connection.rollback()
    for thread in asking:
        thread.join(PATIENCE)
    assert [answer.status for answer in found] == [200] * 5


def test_nothing_is_kept_by_browsers_or_proxies(start: Start) -> None:
    server = start()
    for route in ("health", "totals", "runs", "cells?run=x", "baselines", "openapi.json"):
        answer = server.green(route)
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


def test_beside_jupyterlab(start: Start) -> None:
    pytest.importorskip("jupyterlab")
    server = start(lab=True)
    assert server.green("health").status == 200
    said = server.said
    assert "jupyter_green | extension was successfully loaded" in said
    assert not re.search(r"jupyter_green.*(error|fail|Traceback)", said, re.IGNORECASE)


def test_the_file_that_enables_it_is_the_one_in_the_wheel() -> None:
    config = json.loads(
        (ROOT / "jupyter-config" / "jupyter_server_config.d" / "jupyter_green.json").read_text(encoding="utf-8")
    )
    assert config == {"ServerApp": {"jpserver_extensions": {"jupyter_green": True}}}


@pytest.mark.parametrize(
    ("what", "absent"),
    [
        ("jupyter_green", ("jupyter_server", "tornado", "sqlalchemy")),
        ("jupyter_green.server", ("jupyter_server", "tornado", "sqlalchemy")),
        ("jupyter_green.server.app", ("sqlalchemy", "alembic", "psycopg", "numpy", "pandas")),
    ],
)
def test_nothing_is_loaded_before_it_is_needed(what: str, absent: tuple[str, ...]) -> None:
    code = f"import sys, {what}; print(*sorted(set({absent!r}) & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == []
