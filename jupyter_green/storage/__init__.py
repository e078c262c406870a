"""Durable storage of energy records: the journal of each kernel, and the ledger.

The journal and the ledger's location need few imports. The ledger itself, with SQLAlchemy, is imported when one of its
names is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .errors import LedgerError
from .journal import Journal, Replay, journals, owner_lives, replay
from .location import data_folder, is_local, journal_folder, ledger_url, mask, on_network_filesystem

if TYPE_CHECKING:
    from .event import LedgerEvent
    from .export_import import Imported
    from .journal_import import Drained
    from .ledger import Ledger
    from .reader import Run
    from .record_list import Records
    from .totals import Totals

_LATER = {
    "Drained": ".journal_import",
    "Imported": ".export_import",
    "Ledger": ".ledger",
    "LedgerEvent": ".event",
    "Run": ".reader",
    "Records": ".record_list",
    "Totals": ".totals",
}

__all__ = [
    "Drained",
    "Imported",
    "Journal",
    "Ledger",
    "LedgerError",
    "LedgerEvent",
    "Records",
    "Replay",
    "Run",
    "Totals",
    "data_folder",
    "is_local",
    "journal_folder",
    "journals",
    "ledger_url",
    "mask",
    "on_network_filesystem",
    "owner_lives",
    "replay",
]


def __getattr__(name: str) -> Any:
    if name in _LATER:
        return getattr(import_module(_LATER[name], __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
