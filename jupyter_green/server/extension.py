"""The extension as Jupyter Server loads it: settings, routes, the event's schema, and an orderly end.

Its settings have the same section as the kernel's, so that one line of a config file names the ledger for both. What
it needs of the ledger is loaded with the first request; a server starts as fast as without it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jupyter_events import EventLogger
from jupyter_server.auth.decorator import authorized
from jupyter_server.extension.application import ExtensionApp
from tornado import web
from traitlets import Bool, Unicode

from . import question
from .census import Change
from .refusal import Unavailable
from .route import Reading, Route
from .source import Lane, Source
from .watch import SCHEMA_ID, Watch

PREFIX = "jupyter-green/v1"
_HERE = Path(__file__).parent
OPENAPI = _HERE / "openapi.json"
EVENT = _HERE / "ledger_event.yaml"


class Health(Route):
    """Whether the ledger can be read; answers where nothing else can."""

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """Answer with the version, the ledger's state and a sentence for a person."""
        await self.answer(lambda: question.health(self.arguments_among(())), lane="health")

    def unavailable(self, fault: Unavailable) -> None:
        """Say what is wrong with the ledger."""
        self.send(question.healthy(fault.state, str(fault)))


class Description(Route):
    """The OpenAPI file."""

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """Send the file."""
        self.send(json.loads(OPENAPI.read_text(encoding="utf-8")))


class Shelf(Reading):
    """The baselines that were kept."""

    @web.authenticated
    @authorized
    async def post(self) -> None:
        """Keep a run as one."""
        await self.answer(
            lambda: question.keep(self.arguments_among(()), self.body("notebook", "run", "name")), status=201
        )


class Kept(Reading):
    """One of them."""

    @web.authenticated
    @authorized
    async def delete(self, name: str) -> None:
        """Delete it."""
        await self.answer(lambda: question.forget(self.arguments_among(("notebook",)), name))


class JupyterGreen(ExtensionApp):
    """Figures of the ledger over HTTP."""

    name = "jupyter_green"
    description = "What your AI costs in joules, over HTTP."

    ledger = Unicode("", help="Database URL of the ledger; empty: JUPYTER_GREEN_LEDGER, else a local file.").tag(
        config=True
    )
    whole_ledger = Bool(
        False,
        help="Show all records of a ledger that others could write to as well; only where it is one person's.",
    ).tag(config=True)

    def initialize_handlers(self) -> None:
        """List the routes."""
        self._source = Source(self.ledger, self.whole_ledger)
        self._watch = Watch(self._source, self._tell, self.log)
        common: Mapping[str, Any] = {"source": self._source, "watch": self._watch}

        def reading(
            path: str, ask: Any, *known: str, route: type[Reading] = Reading, lane: Lane = "one run"
        ) -> tuple[str, type[Route], dict[str, Any]]:
            return f"{PREFIX}/{path}", route, {**common, "ask": ask, "known": known, "lane": lane}

        self.handlers.extend(
            [
                (f"{PREFIX}/health", Health, dict(common)),
                (f"{PREFIX}/openapi.json", Description, dict(common)),
                reading("totals", question.totals, *question.TOTALS, lane="all records"),
                reading("runs", question.runs, "notebook", "project", *question.PAGE, lane="all records"),
                reading("cells", question.cells, "run", "notebook", *question.PAGE),
                reading("baselines", question.baselines, "notebook", route=Shelf),
                reading("baselines/([^/]+)", question.baseline, "notebook", route=Kept),
            ]
        )
        self._events.register_event_schema(EVENT)

    async def stop_extension(self) -> None:
        """Let go of the ledger."""
        self._watch.stop()
        self._source.close()

    def _tell(self, change: Change) -> None:
        self._events.emit(schema_id=SCHEMA_ID, data=dict(change))

    @property
    def _events(self) -> EventLogger:
        assert self.serverapp is not None
        assert self.serverapp.event_logger is not None
        return self.serverapp.event_logger
