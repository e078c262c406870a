"""The routes of the server extension, and the handlers of those that need more than a read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jupyter_server.auth.decorator import authorized
from tornado import web

from . import queries
from .base_handler import ReadHandler, Route
from .errors import Unavailable
from .ledger_client import Lane

PREFIX = "jupyter-green/v1"
OPENAPI = Path(__file__).parent / "openapi.json"


class Health(Route):
    """Whether the ledger can be read. Answers even if no other route can."""

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """Send the version, the ledger's state and a message for the user."""
        await self.answer(lambda: queries.health(self.arguments_among(())), lane="health")

    def unavailable(self, fault: Unavailable) -> None:
        """Send the reason why the ledger can't be read."""
        self.send(queries.healthy(fault.state, str(fault)))


class Description(Route):
    """The OpenAPI document."""

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """Send the document."""
        self.send(json.loads(OPENAPI.read_text(encoding="utf-8")))


class BaselinesHandler(ReadHandler):
    """The collection of baselines."""

    @web.authenticated
    @authorized
    async def post(self) -> None:
        """Store a run as a baseline."""
        await self.answer(
            lambda: queries.keep(self.arguments_among(()), self.body("notebook", "run", "name")), status=201
        )


class BaselineHandler(ReadHandler):
    """One baseline."""

    @web.authenticated
    @authorized
    async def delete(self, name: str) -> None:
        """Delete the baseline."""
        await self.answer(lambda: queries.forget(self.arguments_among(("notebook",)), name))


def routes(common: Mapping[str, Any]) -> list[tuple[str, type[Route], dict[str, Any]]]:
    """Return all routes as (path, handler, its arguments); `common` are arguments of every handler."""

    def reading(
        path: str, ask: Any, *known: str, route: type[ReadHandler] = ReadHandler, lane: Lane = "one run"
    ) -> tuple[str, type[Route], dict[str, Any]]:
        return f"{PREFIX}/{path}", route, {**common, "ask": ask, "known": known, "lane": lane}

    return [
        (f"{PREFIX}/health", Health, dict(common)),
        (f"{PREFIX}/openapi.json", Description, dict(common)),
        reading("totals", queries.totals, *queries.TOTALS, lane="all records"),
        reading("runs", queries.runs, "notebook", "project", *queries.PAGE, lane="all records"),
        reading("cells", queries.cells, "run", "notebook", *queries.PAGE),
        reading("baselines", queries.baselines, "notebook", route=BaselinesHandler),
        reading("baselines/([^/]+)", queries.baseline, "notebook", route=BaselineHandler),
    ]
