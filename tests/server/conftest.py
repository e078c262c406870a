"""A Jupyter Server and ledgers for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine

from jupyter_green.records import EnergyRecord
from jupyter_green.storage import Ledger, schema
from tests.server.description import described

# Databases and records as the ledger's own tests have them.
from tests.support.databases import any_url, component, file_url, no_key, reachable, record, server, server_url  # noqa: F401 - a fixture, which pytest finds by its name
from tests.support.jupyter_server import JupyterServer

Start = Callable[..., JupyterServer]
Ask = Callable[..., Any]
SHARE = "owner notebook cell_id"


@pytest.fixture
def start(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Start]:
    """Start servers that end with the test."""
    with ExitStack() as stack:

        def run(*options: str, base_url: str = "/", lab: bool = False, **environment: str) -> JupyterServer:
            folder: Path = tmp_path_factory.mktemp("jupyter")
            made = JupyterServer(folder, options, environment, base_url, lab)
            return stack.enter_context(made)

        yield run


@pytest.fixture(scope="module")
def shared_start(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Start servers that a module's tests share."""
    with ExitStack() as stack:

        def run(*options: str, **environment: str) -> JupyterServer:
            return stack.enter_context(JupyterServer(tmp_path_factory.mktemp("jupyter"), options, environment))

        yield run


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def module_ledger(
    request: pytest.FixtureRequest, shared_start: Any, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, JupyterServer]:
    """A ledger of each kind and a server for it, which a module's tests share."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path_factory.mktemp('served') / 'kept' / 'ledger.sqlite'}"
    else:
        url = request.getfixturevalue("server").database()
    return url, shared_start(JUPYTER_GREEN_LEDGER=url, LOGNAME="alice", JUPYTER_GREEN_SHARE=SHARE)


@pytest.fixture
def served(module_ledger: tuple[str, JupyterServer], monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, Ask]]:
    """An empty ledger of each kind, and a way to ask a server for it; each answer is held against the description."""
    monkeypatch.setenv("LOGNAME", "alice")
    monkeypatch.setenv("JUPYTER_GREEN_SHARE", SHARE)
    url, started = module_ledger

    def ask(path: str, method: str = "GET", status: int = 200, body: Any = None, **arguments: Any) -> Any:
        answer = started.green(path, method, body=body, **arguments)
        assert answer.status == status, answer.body
        route = "baselines/{name}" if path.startswith("baselines/") else path
        described(f"/{route}", method.lower(), status).validate(answer.json)
        return answer.json

    yield url, ask
    engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    with engine.begin() as connection:
        for table in reversed(schema.metadata.sorted_tables):
            connection.execute(table.delete())
    engine.dispose()


def fill(url: str, *records: EnergyRecord) -> None:
    """Store records."""
    with Ledger(url) as ledger:
        ledger.add(records)
