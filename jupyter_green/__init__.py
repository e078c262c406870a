"""What your AI costs in joules, cell by cell, with an error bar.

The names below are the public ones. Each is loaded when it is first used, so that importing the package
and loading the extension stay light.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .ledger import Ledger
    from .records import Component, EnergyRecord, Trace
    from .session import meter
    from .session.track import track

__version__ = "0.1.0"

__all__ = ["Component", "EnergyRecord", "Ledger", "Trace", "ledger", "load_ipython_extension", "meter", "track"]

_WHERE = {
    "Component": "records",
    "EnergyRecord": "records",
    "Trace": "records",
    "Ledger": "ledger",
    "meter": "session",
    "track": "session.track",
}


def ledger(url: str | None = None) -> Ledger:
    """Open the ledger: ``green.ledger().records(...)``, ``totals()``, ``export()``.

    Parameters
    ----------
    url : str, optional
        Database URL or file; defaults to ``JUPYTER_GREEN_LEDGER``, else a file in the user's data folder.
    """
    from .ledger import Ledger

    return Ledger(url)


def load_ipython_extension(shell: Any) -> None:
    """Load the magics and meter every cell from here on; called by ``%load_ext jupyter_green``."""
    from .magics.extension import load

    load(shell)


def unload_ipython_extension(shell: Any) -> None:
    """Stop metering and leave nothing behind; called by ``%unload_ext jupyter_green``."""
    from .magics.extension import unload

    unload(shell)


def __getattr__(name: str) -> Any:
    if name in _WHERE:
        from importlib import import_module

        return getattr(import_module(f".{_WHERE[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*__all__, "__version__", "unload_ipython_extension"]
