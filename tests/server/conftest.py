"""A Jupyter Server and ledgers for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

# Databases and records as the ledger's own tests have them.
from tests.ledger.conftest import any_url, component, file_url, record, server, server_url  # noqa: F401

from .jupyter import JupyterServer

Start = Callable[..., JupyterServer]


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
