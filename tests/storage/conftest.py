"""Databases and records, under the name that the tests' journals give."""

from __future__ import annotations

import pytest

from tests.support.databases import any_url, component, file_url, no_key, reachable, record, server, server_url

__all__ = ["any_url", "component", "file_url", "no_key", "own_name", "reachable", "record", "server", "server_url"]


@pytest.fixture(autouse=True)
def own_name(monkeypatch: pytest.MonkeyPatch) -> str:
    """Work under the name that the tests' journals give."""
    monkeypatch.setenv("LOGNAME", "alice")
    return "alice"
