"""Requests from pages, parsed and validated; anything else raises RequestError.

Any client of the kernel can send anything through a comm, so no input is trusted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, cast, get_args

from jupyter_green.errors import GreenError

VERSION = 1
Action = Literal["set", "use", "clear"]
BudgetAction = Literal["set", "clear", "override"]
_NEEDS = {"set": ("per", "amount", "covers"), "clear": ("per",), "override": ("reason",)}
MOST_CHARACTERS = 256


class RequestError(GreenError, ValueError):
    """A message is not a valid request; the text is one sentence.

    Parameters
    ----------
    sentence : str
        What is wrong.
    to : str or None
        Id of the request if it has one, so that it can be answered.
    """

    def __init__(self, sentence: str, to: str | None) -> None:
        super().__init__(sentence)
        self.to = to


@dataclass(frozen=True)
class Sync:
    """A page requests all cells of the run."""

    client: str


@dataclass(frozen=True)
class Visible:
    """A page shows live figures, or stopped showing them."""

    client: str
    visible: bool


@dataclass(frozen=True)
class Baseline:
    """Keep this run as a baseline, compare with another one, or with none."""

    id: str
    action: Action
    name: str | None


@dataclass(frozen=True)
class Meter:
    """Meter every cell, or only those with a ``%%energy`` header."""

    id: str
    on: bool


@dataclass(frozen=True)
class Notebook:
    """The notebook was renamed."""

    id: str
    """Id of the request."""
    name: str
    """Its name, without folders."""
    formerly: str | None
    """Its previous name."""


@dataclass(frozen=True)
class Budget:
    """Set, clear or override a budget."""

    id: str
    """Id of the request."""
    action: BudgetAction
    """What to do."""
    per: str
    amount: str
    covers: str
    """Period or scope, limit, and which cells count. "set" uses all, "clear" only `per`; else empty."""
    reason: str
    """Reason for "override"; else empty."""


Request = Sync | Visible | Baseline | Meter | Notebook | Budget


def parse(data: Any) -> Request:
    """Return the request that a message holds. Raises RequestError if it holds no valid request."""
    if not isinstance(data, dict):
        raise RequestError("This message is not a request of jupyter_green.", None)
    request_id = data.get("id")
    to = request_id if isinstance(request_id, str) and 0 < len(request_id) <= MOST_CHARACTERS else None
    try:
        return _parse(data)
    except ValueError as error:
        raise RequestError(str(error), to) from None


def _parse(data: dict[str, Any]) -> Request:
    if data.get("v") != VERSION or isinstance(data["v"], bool):
        raise ValueError(f"This kernel understands version {VERSION} of the page's messages; reload the page.")
    kind = data.get("type")
    if kind == "sync":
        return Sync(_text(data, "client"))
    if kind == "visible":
        return Visible(_text(data, "client"), _flag(data, "visible"))
    if kind == "meter":
        return Meter(_text(data, "id"), _flag(data, "on"))
    if kind == "baseline":
        action = data.get("action")
        if action not in get_args(Action):
            raise ValueError(f"In a baseline message, 'action' is one of {', '.join(get_args(Action))}.")
        name = None if data.get("name") is None else _text(data, "name")
        return Baseline(_text(data, "id"), cast("Action", action), name)
    if kind == "notebook":
        formerly = None if data.get("formerly") is None else _file(data, "formerly")
        return Notebook(_text(data, "id"), _file(data, "name"), formerly)
    if kind == "budget":
        action = data.get("action")
        if action not in get_args(BudgetAction):
            raise ValueError(f"In a budget message, 'action' is one of {', '.join(get_args(BudgetAction))}.")
        values = {name: _text(data, name) for name in _NEEDS[cast("BudgetAction", action)]}
        names = ("per", "amount", "covers", "reason")
        return Budget(_text(data, "id"), cast("BudgetAction", action), *(values.get(name, "") for name in names))
    raise ValueError("The page may ask for sync, visible, baseline, meter, notebook or budget.")


def _file(data: dict[str, Any], name: str) -> str:
    """Return the name of a notebook: the last part of a path."""
    file_name = _text(data, name).rsplit("/", 1)[-1]
    if not file_name:
        raise ValueError(f"In a {data['type']} message, {name!r} is the name of a notebook.")
    return file_name


def _text(data: dict[str, Any], name: str) -> str:
    text = data.get(name)
    if not isinstance(text, str) or not 0 < len(text) <= MOST_CHARACTERS:
        raise ValueError(f"In a {data['type']} message, {name!r} is a text of 1 to {MOST_CHARACTERS} characters.")
    return text


def _flag(data: dict[str, Any], name: str) -> bool:
    flag = data.get(name)
    if not isinstance(flag, bool):
        raise ValueError(f"In a {data['type']} message, {name!r} is true or false.")
    return flag
