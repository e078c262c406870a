"""What goes wrong with a ledger, said in one sentence; light, so that any room may catch it."""

from __future__ import annotations


class LedgerError(Exception):
    """A ledger that can't do what was asked; the text says why and what to do."""
