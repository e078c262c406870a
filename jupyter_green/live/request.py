"""What a page may ask of the kernel, checked: everything else is refused in one sentence.

Anybody who can reach the kernel can send anything through a comm, so that nothing is taken as it comes.
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
    """A message that is no request; one sentence.

    Parameters
    ----------
    sentence : str
        What is wrong with it.
    to : str or None
        Identity of the request where it has one, so that it can be answered.
    """

    def __init__(self, sentence: str, to: str | None) -> None:
        super().__init__(sentence)
        self.to = to


@dataclass(frozen=True)
class Sync:
    """A page wants all cells of the run."""

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
    """Meter every cell, or only those with a header."""

    id: str
    on: bool


@dataclass(frozen=True)
class Notebook:
    """The notebook has another name than the kernel knows.

    Parameters
    ----------
    id : str
        Of the request.
    name : str
        What it is called, without folders.
    formerly : str or None
        What the same notebook was called before.
    """

    id: str
    name: str
    formerly: str | None


@dataclass(frozen=True)
class Budget:
    """Set a budget, clear the one over this, or set aside what is used up.

    Parameters
    ----------
    id : str
        Of the request.
    action : {"set", "clear", "override"}
        What to do.
    per, amount, covers : str
        Over what, how much and what counts; for "set", and over what for "clear". Else empty.
    reason : str
        Why, for "override"; else empty.
    """

    id: str
    action: BudgetAction
    per: str
    amount: str
    covers: str
    reason: str


Request = Sync | Visible | Baseline | Meter | Notebook | Budget


def parse(data: Any) -> Request:
    """Return the request that a message holds.

    Raises
    ------
    RequestError
        If it holds none.
    """
    if not isinstance(data, dict):
        raise RequestError("This message is no request of jupyter_green.", None)
    found = data.get("id")
    to = found if isinstance(found, str) and 0 < len(found) <= MOST_CHARACTERS else None
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
        told = {name: _text(data, name) for name in _NEEDS[cast("BudgetAction", action)]}
        names = ("per", "amount", "covers", "reason")
        return Budget(_text(data, "id"), cast("BudgetAction", action), *(told.get(name, "") for name in names))
    raise ValueError("The page may ask for sync, visible, baseline, meter, notebook or budget.")


def _file(data: dict[str, Any], name: str) -> str:
    """Return the name of a notebook; of a path the last part, as the kernel takes it from its environment."""
    found = _text(data, name).rsplit("/", 1)[-1]
    if not found:
        raise ValueError(f"In a {data['type']} message, {name!r} is the name of a notebook.")
    return found


def _text(data: dict[str, Any], name: str) -> str:
    found = data.get(name)
    if not isinstance(found, str) or not 0 < len(found) <= MOST_CHARACTERS:
        raise ValueError(f"In a {data['type']} message, {name!r} is a text of 1 to {MOST_CHARACTERS} characters.")
    return found


def _flag(data: dict[str, Any], name: str) -> bool:
    found = data.get(name)
    if not isinstance(found, bool):
        raise ValueError(f"In a {data['type']} message, {name!r} is true or false.")
    return found
