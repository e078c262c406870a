"""What the link needs of the shell that it serves: a switch for metering, and the budgets that hold there."""

from __future__ import annotations

from typing import Any, Protocol


class Metering(Protocol):
    """Whether every cell is metered, and a way to change that."""

    enabled: bool


class Budgets(Protocol):
    """What may be used here, and a way to change that; called on threads of the link's own."""

    changes: int
    """How often something was changed here."""

    def told(self) -> list[dict[str, Any]]:
        """Return how each budget stands, as `frame.v1.schema.json` describes it."""

    def ask(self, action: str, *, per: str, amount: str, covers: str, reason: str) -> str:
        """Set, clear or override budgets, and say what came of it."""
