"""Queue of replies to pages: answers to requests, and the history of the run in pages.

Replies count towards the rate limit like snapshots, however often a page asks. Pages of the history are built when they
are sent, with the figures of that moment.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

PAGE = 200
"""Cells on a page."""
MOST_ANSWERS = 50
"""Most queued answers; beyond that the oldest are dropped."""


@dataclass(frozen=True)
class Answer:
    """The answer to one request."""

    to: str
    ok: bool
    message: str


@dataclass(frozen=True)
class Page:
    """One page of the history: keys of its rows, its number from 0, and the number of pages."""

    keys: tuple[str, ...]
    page: int
    pages: int


class ReplyQueue:
    """Queued answers and pages; answers are sent first."""

    def __init__(self) -> None:
        self._answers: deque[Answer] = deque(maxlen=MOST_ANSWERS)
        self._pages: deque[Page] = deque()
        self._again: list[str] | None = None

    def __bool__(self) -> bool:
        return bool(self._answers or self._pages)

    def clear(self) -> None:
        """Drop everything: no comm is open."""
        self._answers.clear()
        self._pages.clear()
        self._again = None

    def answer(self, answer: Answer) -> None:
        """Queue an answer."""
        self._answers.append(answer)

    def recount(self, keys: list[str]) -> None:
        """Queue the history of the rows with these keys; if one is being sent, after that."""
        if self._pages:
            self._again = keys
            return
        chunks = [tuple(keys[start : start + PAGE]) for start in range(0, len(keys), PAGE)] or [()]
        self._pages.extend(Page(chunk, number, len(chunks)) for number, chunk in enumerate(chunks))

    def take(self) -> Answer | Page | None:
        """Remove and return the next reply; None if there is none."""
        if self._answers:
            return self._answers.popleft()
        if not self._pages:
            return None
        page = self._pages.popleft()
        if not self._pages and self._again is not None:
            keys, self._again = self._again, None
            self.recount(keys)
        return page
