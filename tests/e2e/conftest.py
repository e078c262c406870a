"""The command line as in its own tests."""

from tests.cli.conftest import green

__all__ = ["green"]
