"""Nobody gets a figure without being known and allowed: each route of the application is tried."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.support.jupyter_server import ROOT, JupyterServer

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
OPENAPI = ROOT / "jupyter_green" / "server" / "openapi.json"

# Loads the extension as a server does and lists what the application routes.
LIST = """
import json
from jupyter_server.serverapp import ServerApp
from tornado.web import RequestHandler
app = ServerApp()
app.initialize(argv=["--no-browser", "--allow-root", "--ServerApp.base_url=/"], new_httpserver=False)
found = []
none = RequestHandler._unimplemented_method


def walk(router):
    for rule in router.rules:
        if hasattr(rule.target, "rules"):
            walk(rule.target)
        elif hasattr(rule.matcher, "regex"):
            handler = rule.target
            own = [name for name in handler.SUPPORTED_METHODS if getattr(handler, name.lower()) is not none]
            found.append([rule.matcher.regex.pattern, handler.__module__, own])


walk(app.web_app.default_router)
print(json.dumps(found))
"""

GATEKEEPER = """
from jupyter_server.auth import Authorizer

class Gatekeeper(Authorizer):
    def is_authorized(self, handler, user, action, resource):
        return f"{action}:{resource}" in handler.request.headers.get("X-May", "").split()
"""


class Known(NamedTuple):
    """A route: its pattern, a path that matches it, and what it implements."""

    pattern: str
    path: str
    methods: tuple[str, ...]


@pytest.fixture(scope="module")
def routes(tmp_path_factory: pytest.TempPathFactory) -> list[Known]:
    folder = tmp_path_factory.mktemp("list")
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("JUPYTER")},
        "PYTHONPATH": str(ROOT),
        "HOME": str(folder),
        "JUPYTER_CONFIG_DIR": str(folder),
        "JUPYTER_DATA_DIR": str(folder),
        "JUPYTER_RUNTIME_DIR": str(folder),
        "JUPYTER_CONFIG_PATH": str(ROOT / "jupyter-config"),
    }
    done = subprocess.run(
        [sys.executable, "-c", LIST],
        env=environment,
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    listed = json.loads(done.stdout.strip().splitlines()[-1])
    assert len(listed) > 30, "Jupyter Server's own routes are among them"
    ours = [one for one in listed if one[1].startswith("jupyter_green") or "jupyter-green" in one[0]]
    return [
        Known(pattern, re.sub(r"\([^)]*\)", "a-name", pattern).strip("/$").replace("\\", ""), tuple(methods))
        for pattern, _, methods in ours
    ]


@pytest.fixture(scope="module")
def server(shared_start: Any) -> JupyterServer:
    """Access is granted to the unknown by default, as everywhere, so that each route must guard itself."""
    made: JupyterServer = shared_start()
    return made


@pytest.fixture(scope="module")
def guarded(shared_start: Any, tmp_path_factory: pytest.TempPathFactory) -> JupyterServer:
    place: Path = tmp_path_factory.mktemp("gatekeeper")
    (place / "gatekeeper.py").write_text(GATEKEEPER, encoding="utf-8")
    made: JupyterServer = shared_start(
        "--ServerApp.authorizer_class=gatekeeper.Gatekeeper",
        "--ServerApp.allow_unauthenticated_access=False",
        PYTHONPATH=str(place),
    )
    return made


def let_in(server: JupyterServer, routes: list[Known], **options: Any) -> list[tuple[str, str, int]]:
    """Return each route and method that did something other than refuse."""
    found = []
    for route in routes:
        for method in METHODS:
            answer = server.ask(route.path, method, **options)
            refused = answer.status == 403 or (answer.status == 405 and method not in route.methods)
            if not refused or b"joules" in answer.body:
                found.append((method, route.path, answer.status))
    return found


def test_the_routes_are_those_of_the_description(routes: list[Known]) -> None:
    described = json.loads(OPENAPI.read_text(encoding="utf-8"))["paths"]
    wanted = {
        (f"jupyter-green/v1{re.sub('{[^}]*}', 'a-name', path)}", method.upper())
        for path, methods in described.items()
        for method in methods
    }
    assert {(route.path, method) for route in routes for method in route.methods if method != "OPTIONS"} == wanted


@pytest.mark.parametrize("token", [None, "wrong", ""])
def test_the_unknown_get_nothing(server: JupyterServer, routes: list[Known], token: str | None) -> None:
    assert routes
    assert let_in(server, routes, token=token) == []


def test_the_unknown_get_nothing_where_the_server_refuses_them_itself(
    guarded: JupyterServer, routes: list[Known]
) -> None:
    assert let_in(guarded, routes, token=None) == []


def test_an_open_route_would_be_seen(server: JupyterServer) -> None:
    assert let_in(server, [Known("/api", "api", ("GET",))], token=None) == [("GET", "api", 200)]


def test_a_preflight_says_nothing_of_the_ledger(server: JupyterServer, routes: list[Known]) -> None:
    for route in routes:
        answer = server.ask(route.path, "OPTIONS", token=None)
        assert (answer.status, answer.body) == (200, b"")


@pytest.mark.parametrize("may", ["", "read:contents write:contents execute:jupyter_green"])
def test_the_known_who_may_not_get_nothing(guarded: JupyterServer, routes: list[Known], may: str) -> None:
    assert let_in(guarded, routes, headers={"X-May": may}) == []


def test_who_may_read_may_not_write(guarded: JupyterServer, routes: list[Known]) -> None:
    found = let_in(guarded, routes, headers={"X-May": "read:jupyter_green"})
    readable = [("GET", route.path) for route in routes if "GET" in route.methods]
    assert [(method, path) for method, path, _ in found] == readable
    assert {status for _, _, status in found} <= {200, 400, 503}


def test_who_may_write_may_not_read(guarded: JupyterServer, routes: list[Known]) -> None:
    found = let_in(guarded, routes, headers={"X-May": "write:jupyter_green"})
    writable = [(m, route.path) for route in routes for m in METHODS if m in route.methods and m != "GET"]
    assert [(method, path) for method, path, _ in found] == writable


def test_a_refusal_is_one_sentence(guarded: JupyterServer) -> None:
    assert guarded.green("totals", token=None).message == "Forbidden."
    said = guarded.green("totals", headers={"X-May": ""}).message
    assert "not authorized to read" in said
    assert guarded.green("totals", "PUT", headers={"X-May": "write:jupyter_green"}).message == "Method Not Allowed."
    body = {"notebook": "n.ipynb", "run": "r", "name": "b"}
    refused = guarded.green("baselines", "POST", body=body, headers={"X-May": "read:jupyter_green"})
    assert "not authorized to write" in refused.message


def test_routes_elsewhere_are_not_ours(server: JupyterServer) -> None:
    for path in ("jupyter-green/v1", "jupyter-green/v2/totals", "jupyter-green/v1/total", "jupyter-green/v1/healthy"):
        assert server.ask(path).status == 404
    for path in ("runs/r1", "cells/c1", "baselines/a/b", "baselines/../../v2/health"):
        assert server.green(path).status == 404
