"""What a request asks for, checked before anything is read.

A name that is not known is refused, because a filter that is silently left out gives a wrong figure. Jupyter's own
arguments pass, and so does the number that JupyterLab appends against caches.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence

from .refusal import Refusal

_JUPYTERS = frozenset({"token", "_xsrf", "no_track_activity"})
_LONGEST = 4096
_HIGHEST = 10**9


class Arguments:
    """The arguments of one request.

    Parameters
    ----------
    given : mapping
        Each name with its values, as they came.
    known : collection of str
        Names that the route takes.

    Raises
    ------
    Refusal
        If there is a name that is not known, one twice, or one that is no text.
    """

    def __init__(self, given: Mapping[str, Sequence[bytes]], known: Collection[str]) -> None:
        self._values: dict[str, str] = {}
        for name, values in given.items():
            if name in _JUPYTERS or re.fullmatch(r"[0-9]+", name):
                continue
            if name not in known:
                may = f"it takes {', '.join(sorted(known))}" if known else "it takes none"
                raise Refusal(400, f"This route has no argument {name[:80]!r}; {may}.")
            if len(values) > 1:
                raise Refusal(400, f"The argument {name!r} is given {len(values)} times; give it once.")
            try:
                text = values[0].decode("utf-8")
            except UnicodeDecodeError:
                raise Refusal(400, f"The argument {name!r} is no text in UTF-8.") from None
            if len(text) > _LONGEST:
                raise Refusal(400, f"The argument {name!r} is longer than {_LONGEST} characters.")
            self._values[name] = text

    def text(self, name: str) -> str | None:
        """Return a text; None where it is absent or empty."""
        return self._values.get(name) or None

    def needed(self, name: str) -> str:
        """Return a text that must be there.

        Raises
        ------
        Refusal
            If it is absent or empty.
        """
        found = self.text(name)
        if found is None:
            raise Refusal(400, f"The argument {name!r} is missing.")
        return found

    def whole(self, name: str, default: int, low: int = 0, high: int = _HIGHEST) -> int:
        """Return a whole number.

        Raises
        ------
        Refusal
            If it is none, or outside `low` to `high`.
        """
        text = self._values.get(name)
        if text is None:
            return default
        if not re.fullmatch(r"[0-9]{1,10}", text) or not low <= int(text) <= high:
            raise Refusal(400, f"The argument {name!r} must be a whole number from {low} to {high}, not {text[:80]!r}.")
        return int(text)

    def period(self) -> tuple[float | None, float | None]:
        """Return the times ``since`` and ``until`` in seconds since 1970; a time without a zone is one of the server's.

        Raises
        ------
        Refusal
            If one is no time, or the end comes before the start.
        """
        from jupyter_green.storage.time_range import moment, period

        for name in ("since", "until"):
            if (text := self.text(name)) is not None:
                try:
                    moment(text)
                except ValueError as error:
                    raise Refusal(400, f"The argument {name!r} is no time: {error}") from None
        try:
            return period(self.text("since"), self.text("until"))
        except ValueError:
            raise Refusal(
                400, "The argument 'until' lies before 'since'; nothing can have happened in between."
            ) from None
