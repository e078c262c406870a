"""The command as a person types it."""

from __future__ import annotations

from tests.support.command import green

__all__ = ["green"]
