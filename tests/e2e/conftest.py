"""The command line as in its own tests."""

from __future__ import annotations

from tests.support.command import green

__all__ = ["green"]
