"""What all routes have in common: who may ask, how an answer leaves, and what a refusal looks like.

Each method names both of Jupyter Server's guards itself, because the server looks for them there when it starts. No
request counts as activity: a page that shows figures must not keep an idle server alive. Answers are strict JSON; a
figure that is no number leaves as null.
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
from .ledger_client import Lane, LedgerClient
from .queries import Question
from .refusal import Refusal, Unavailable

AUTH_RESOURCE = "jupyter_green"
"""What an Authorizer is asked about: ``read`` for figures, ``write`` for keeping and deleting baselines."""

_LONGEST_BODY = 20_000


def strict(value: Any) -> Any:
    """Return the value with null in place of every float that JSON has no word for."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(name): strict(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [strict(item) for item in value]
    return value


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object of JSON; ValueError where a name stands in it twice, because programs differ in which counts."""
    made = dict(pairs)
    if len(made) < len(pairs):
        raise ValueError("a name stands twice")
    return made


class Route(APIHandler):
    """One route under ``jupyter-green/v1``."""

    auth_resource = AUTH_RESOURCE
    _track_activity = False

    def initialize(self, source: LedgerClient, watch: ChangeNotifier) -> None:
        """Take what the extension hands to every route."""
        self._source, self._watch = source, watch

    def arguments_among(self, known: Collection[str]) -> Arguments:
        """Return the request's arguments; raises Refusal for one that is not known."""
        return Arguments(self.request.query_arguments, known)

    def body(self, *names: str) -> dict[str, str]:
        """Return the texts of the request's JSON body.

        Raises
        ------
        Refusal
            If it is not an object with exactly these names, each a text that is not empty.
        """
        how = f"send a JSON object with {', '.join(names)}"
        if len(self.request.body) > _LONGEST_BODY:
            raise Refusal(400, f"The request is longer than {_LONGEST_BODY} bytes; {how}.")
        try:
            found = json.loads(self.request.body.decode("utf-8"), object_pairs_hook=_once)
        except (ValueError, RecursionError):
            raise Refusal(400, f"The request is no JSON; {how}.") from None
        if not isinstance(found, dict) or set(found) != set(names):
            raise Refusal(400, f"The request is not what this route takes; {how}.")
        for name, value in found.items():
            if not isinstance(value, str) or not value.strip():
                raise Refusal(400, f"The request's {name!r} must be a text that is not empty.")
        return found

    async def answer(self, prepare: Callable[[], Question], status: int = 200, lane: Lane = "one run") -> None:
        """Send what the question finds, or one sentence why not.

        Parameters
        ----------
        prepare : callable
            Makes the question from the request; may raise Refusal.
        status : int
            The HTTP status where all went well.
        lane : Lane
            What the question is about; see `LedgerClient.ask`.
        """
        try:
            question = prepare()
            await self._watch.asked(wait=lane != "health")
            found = await self._source.ask(question, lane)
        except Unavailable as fault:
            self.unavailable(fault)
            return
        except Refusal as refusal:
            self.refuse(refusal)
            return
        self.set_status(status)
        self.send(found)

    def refuse(self, refusal: Refusal) -> None:
        """Send the sentence of a refusal."""
        self.set_status(refusal.status)
        self.send({"message": str(refusal)})

    def unavailable(self, fault: Unavailable) -> None:
        """Say that the ledger can't be read."""
        self.refuse(fault)

    def send(self, data: Any) -> None:
        """Send strict JSON that nobody keeps."""
        self.set_header("Cache-Control", "no-store")
        self.finish(json.dumps(strict(data), allow_nan=False))

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Say in one sentence what went wrong outside of `answer`: not allowed, no such method, a fault of ours."""
        error = kwargs.get("exc_info", (None, None, None))[1]
        said = error.log_message if isinstance(error, web.HTTPError) else None
        if status_code >= 500:
            said = "The server could not answer; its log says why."
        said = said or responses.get(status_code, "Error")
        self.send({"message": said if said.endswith(".") else f"{said}."})


class ReadHandler(Route):
    """A route that reads.

    Its question is given where the routes are listed.
    """

    def initialize(  # type: ignore[override]  # tornado hands each route its own arguments
        self,
        source: LedgerClient,
        watch: ChangeNotifier,
        ask: Callable[..., Question],
        known: Collection[str] = (),
        lane: Lane = "one run",
    ) -> None:
        """Take the question of this route, the names of its arguments and what it is about."""
        super().initialize(source, watch)
        self._ask, self._known, self._lane = ask, known, lane

    @web.authenticated
    @authorized
    async def get(self, *path: str) -> None:
        """Answer the question."""
        await self.answer(lambda: self._ask(self.arguments_among(self._known), *path), lane=self._lane)
