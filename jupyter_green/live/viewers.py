"""Pages and whether they show live figures.

Without any message from a page somebody may be looking, because pages can't send while a cell runs. Once all
known pages are hidden, no snapshots are sent.
"""

from __future__ import annotations

MOST = 100


class Viewers:
    """The known pages, their comms and their visibility."""

    def __init__(self) -> None:
        self._pages: dict[str, tuple[str, bool]] = {}

    def told(self, client: str, comm: str, *, visible: bool) -> None:
        """Register a page; of more than `MOST` pages, those heard from last are kept."""
        self._pages.pop(client, None)
        self._pages[client] = (comm, visible)
        if len(self._pages) > MOST:
            del self._pages[next(iter(self._pages))]

    def gone(self, comm: str) -> None:
        """Forget the pages of a closed comm."""
        self._pages = {client: page for client, page in self._pages.items() if page[0] != comm}

    @property
    def looks(self) -> bool:
        """Whether a page may be visible."""
        return not self._pages or any(visible for _, visible in self._pages.values())
