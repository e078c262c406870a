"""Base classes of the routes: authorization, responses and errors.

Each method is decorated with both of Jupyter Server's guards itself, because the server checks that at startup.
Requests do not count as activity: a page that shows figures must not keep an idle server alive. Responses are strict
JSON; non-finite numbers become null.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Collection
from http.client import responses
from typing import Any

from jupyter_server.auth.decorator import authorized
from jupyter_server.base.handlers import APIHandler
from tornado import web

from .arguments import Arguments
from .change_notifier import ChangeNotifier
from .errors import Refusal, Unavailable
from .ledger_client import Lane, LedgerClient
from .queries import Question

AUTH_RESOURCE = "jupyter_green"
"""Resource passed to an Authorizer: ``read`` for figures, ``write`` for storing and deleting baselines."""

_LONGEST_BODY = 20_000


def strict(value: Any) -> Any:
    """Return the value with null in place of non-finite floats."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(name): strict(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [strict(item) for item in value]
    return value


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Build a JSON object. Raises ValueError for duplicate names, which parsers treat differently."""
    data = dict(pairs)
    if len(data) < len(pairs):
        raise ValueError("a name occurs twice")
    return data


class Route(APIHandler):
    """One route under ``jupyter-green/v1``."""

    auth_resource = AUTH_RESOURCE
    _track_activity = False

    def initialize(self, source: LedgerClient, watch: ChangeNotifier) -> None:
        """Store what the extension passes to every route."""
        self._source, self._watch = source, watch

    def arguments_among(self, known: Collection[str]) -> Arguments:
        """Return the request's arguments. Raises Refusal for unknown names."""
        return Arguments(self.request.query_arguments, known)

    def body(self, *names: str) -> dict[str, str]:
        """Return the fields of the request's JSON body.

        Raises Refusal if it is not an object with exactly these names and non-empty strings.
        """
        how = f"send a JSON object with {', '.join(names)}"
        if len(self.request.body) > _LONGEST_BODY:
            raise Refusal(400, f"The request is longer than {_LONGEST_BODY} bytes; {how}.")
        try:
            data = json.loads(self.request.body.decode("utf-8"), object_pairs_hook=_once)
        except (ValueError, RecursionError):
            raise Refusal(400, f"The request is not JSON; {how}.") from None
        if not isinstance(data, dict) or set(data) != set(names):
            raise Refusal(400, f"The request is not what this route takes; {how}.")
        for name, value in data.items():
            if not isinstance(value, str) or not value.strip():
                raise Refusal(400, f"The request's {name!r} must be a text that is not empty.")
        return data

    async def answer(self, prepare: Callable[[], Question], status: int = 200, lane: Lane = "one run") -> None:
        """Send the result of a query, or an error message.

        `prepare` makes the query from the request; it may raise Refusal.
        """
        try:
            question = prepare()
            await self._watch.asked(wait=lane != "health")
            result = await self._source.ask(question, lane)
        except Unavailable as error:
            self.unavailable(error)
            return
        except Refusal as refusal:
            self.refuse(refusal)
            return
        self.set_status(status)
        self.send(result)

    def refuse(self, refusal: Refusal) -> None:
        """Send the message of a refusal."""
        self.set_status(refusal.status)
        self.send({"message": str(refusal)})

    def unavailable(self, fault: Unavailable) -> None:
        """Send the message that the ledger can't be read."""
        self.refuse(fault)

    def send(self, data: Any) -> None:
        """Send strict JSON that must not be cached."""
        self.set_header("Cache-Control", "no-store")
        self.finish(json.dumps(strict(data), allow_nan=False))

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Send a message for errors outside of `answer`: not authorized, unknown method, internal error."""
        error = kwargs.get("exc_info", (None, None, None))[1]
        message = error.log_message if isinstance(error, web.HTTPError) else None
        if status_code >= 500:
            message = "The server could not answer; its log says why."
        message = message or responses.get(status_code, "Error")
        self.send({"message": message if message.endswith(".") else f"{message}."})


class ReadHandler(Route):
    """A route that reads. Its query is set in the list of routes."""

    def initialize(  # type: ignore[override]  # tornado hands each route its own arguments
        self,
        source: LedgerClient,
        watch: ChangeNotifier,
        ask: Callable[..., Question],
        known: Collection[str] = (),
        lane: Lane = "one run",
    ) -> None:
        """Store this route's query, the names of its arguments, and its lane."""
        super().initialize(source, watch)
        self._ask, self._known, self._lane = ask, known, lane

    @web.authenticated
    @authorized
    async def get(self, *path: str) -> None:
        """Send the result of the query."""
        await self.answer(lambda: self._ask(self.arguments_among(self._known), *path), lane=self._lane)
