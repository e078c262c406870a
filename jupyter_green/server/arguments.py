"""Validation of query arguments, before anything is read.

Unknown names are rejected, because an ignored filter gives a wrong figure. Jupyter's own arguments are accepted, and so
is the cache-busting number that JupyterLab appends.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence

from .errors import Refusal

_JUPYTERS = frozenset({"token", "_xsrf", "no_track_activity"})
_LONGEST = 4096
_HIGHEST = 10**9


class Arguments:
    """The arguments of one request, by name.

    Raises Refusal if a name is not one that the route accepts or repeated, or a value is not UTF-8 text.
    """

    def __init__(self, given: Mapping[str, Sequence[bytes]], known: Collection[str]) -> None:
        self._values: dict[str, str] = {}
        for name, values in given.items():
            if name in _JUPYTERS or re.fullmatch(r"[0-9]+", name):
                continue
            if name not in known:
                accepted = f"it takes {', '.join(sorted(known))}" if known else "it takes none"
                raise Refusal(400, f"This route has no argument {name[:80]!r}; {accepted}.")
            if len(values) > 1:
                raise Refusal(400, f"The argument {name!r} is given {len(values)} times; give it once.")
            try:
                text = values[0].decode("utf-8")
            except UnicodeDecodeError:
                raise Refusal(400, f"The argument {name!r} is not UTF-8 text.") from None
            if len(text) > _LONGEST:
                raise Refusal(400, f"The argument {name!r} is longer than {_LONGEST} characters.")
            self._values[name] = text

    def text(self, name: str) -> str | None:
        """Return a text; None if absent or empty."""
        return self._values.get(name) or None

    def needed(self, name: str) -> str:
        """Return a required text. Raises Refusal if it is absent or empty."""
        text = self.text(name)
        if text is None:
            raise Refusal(400, f"The argument {name!r} is missing.")
        return text

    def whole(self, name: str, default: int, low: int = 0, high: int = _HIGHEST) -> int:
        """Return an integer. Raises Refusal if it is not an integer, or outside `low` to `high`."""
        text = self._values.get(name)
        if text is None:
            return default
        if not re.fullmatch(r"[0-9]{1,10}", text) or not low <= int(text) <= high:
            raise Refusal(400, f"The argument {name!r} must be a whole number from {low} to {high}, not {text[:80]!r}.")
        return int(text)

    def period(self) -> tuple[float | None, float | None]:
        """Return ``since`` and ``until`` in seconds since 1970. Times without a zone are in the server's zone.

        Raises Refusal if a time is invalid, or the end is before the start.
        """
        from jupyter_green.storage.time_range import moment, period

        for name in ("since", "until"):
            if (text := self.text(name)) is not None:
                try:
                    moment(text)
                except ValueError as error:
                    raise Refusal(400, f"The argument {name!r} is not a time: {error}") from None
        try:
            return period(self.text("since"), self.text("until"))
        except ValueError:
            raise Refusal(400, "The argument 'until' is before 'since'.") from None
