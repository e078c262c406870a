"""Interfaces that the publisher needs from the magics: the metering switch and the budgets."""

from __future__ import annotations

from typing import Any, Protocol


class Metering(Protocol):
    """Switch: whether every cell is metered."""

    enabled: bool


class Budgets(Protocol):
    """The budgets of a notebook; called on background threads."""

    changes: int
    """Number of changes made here."""

    def told(self) -> list[dict[str, Any]]:
        """Return the usage of each budget, as `frame.v1.schema.json` describes it."""

    def ask(self, action: str, *, per: str, amount: str, covers: str, reason: str) -> str:
        """Set, clear or override budgets, and return a sentence on the result."""
