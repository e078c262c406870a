"""Who looks: pages that said whether they show live figures.

A page that has said nothing counts as looking, because it can't say anything while a cell runs. Once all that
are known said that nobody looks, nothing is sent.
"""

from __future__ import annotations

MOST = 100


class Viewers:
    """The pages that have spoken, and through which comm."""

    def __init__(self) -> None:
        self._pages: dict[str, tuple[str, bool]] = {}

    def told(self, client: str, comm: str, *, visible: bool) -> None:
        """A page spoke through a comm; of more than a hundred pages, those that spoke last are kept."""
        self._pages.pop(client, None)
        self._pages[client] = (comm, visible)
        if len(self._pages) > MOST:
            del self._pages[next(iter(self._pages))]

    def gone(self, comm: str) -> None:
        """A comm was closed, and the pages that spoke through it with it."""
        self._pages = {client: place for client, place in self._pages.items() if place[0] != comm}

    @property
    def looks(self) -> bool:
        """Whether somebody may be looking."""
        return not self._pages or any(visible for _, visible in self._pages.values())
