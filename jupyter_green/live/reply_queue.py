"""What is to be said besides snapshots: answers, and the history of the run in pages.

It leaves by the same pace as everything else, so that no page, however often it asks, makes the kernel talk more
than it may. Pages of a history are made when they are sent: they tell what is known then.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

PAGE = 200
"""Cells on a page."""
MOST_ANSWERS = 50
"""Answers that may wait; of more, the oldest are dropped."""


@dataclass(frozen=True)
class Answer:
    """The answer to one request."""

    to: str
    ok: bool
    message: str


@dataclass(frozen=True)
class Page:
    """One page of the history: the rows on it, by key."""

    keys: tuple[str, ...]
    page: int
    pages: int


class ReplyQueue:
    """Answers and pages that wait for their turn, answers first."""

    def __init__(self) -> None:
        self._answers: deque[Answer] = deque(maxlen=MOST_ANSWERS)
        self._pages: deque[Page] = deque()
        self._again: list[str] | None = None

    def __bool__(self) -> bool:
        return bool(self._answers or self._pages)

    def clear(self) -> None:
        """Nobody is there to be told."""
        self._answers.clear()
        self._pages.clear()
        self._again = None

    def answer(self, answer: Answer) -> None:
        """Put an answer."""
        self._answers.append(answer)

    def recount(self, keys: list[str]) -> None:
        """Put the history of the rows with these keys; where one is being told, it comes once more after that."""
        if self._pages:
            self._again = keys
            return
        stacks = [tuple(keys[start : start + PAGE]) for start in range(0, len(keys), PAGE)] or [()]
        self._pages.extend(Page(stack, number, len(stacks)) for number, stack in enumerate(stacks))

    def take(self) -> Answer | Page | None:
        """Return what is to be said next."""
        if self._answers:
            return self._answers.popleft()
        if not self._pages:
            return None
        page = self._pages.popleft()
        if not self._pages and self._again is not None:
            keys, self._again = self._again, None
            self.recount(keys)
        return page
