"""Energy metering of notebooks, cell by cell, with uncertainties.

The names in ``__all__`` are public. Each is imported on first use, so that importing the package and
loading the extension stay fast.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from ._version import __version__ as __version__

if TYPE_CHECKING:
    from .comparison.api import compare
    from .comparison.result import Comparison
    from .compression.api import distil, distill, prune, quantize, shrink
    from .compression.result import ShrinkResult
    from .compression.store.load import load
    from .errors import GreenError
    from .live.widget import panel
    from .records import Component, EnergyRecord, Trace
    from .session import meter
    from .session.progress import track
    from .storage import Ledger

__all__ = [
    "Comparison",
    "Component",
    "EnergyRecord",
    "GreenError",
    "Ledger",
    "ShrinkResult",
    "Trace",
    "compare",
    "distil",
    "distill",
    "ledger",
    "load",
    "load_ipython_extension",
    "meter",
    "panel",
    "prune",
    "quantize",
    "shrink",
    "track",
]

_NAMES = {
    "comparison.api": ("compare",),
    "comparison.result": ("Comparison",),
    "compression.api": ("distil", "distill", "prune", "quantize", "shrink"),
    "compression.result": ("ShrinkResult",),
    "compression.store.load": ("load",),
    "errors": ("GreenError",),
    "live.widget": ("panel",),
    "records": ("Component", "EnergyRecord", "Trace"),
    "session": ("meter",),
    "session.progress": ("track",),
    "storage": ("Ledger",),
}
_WHERE = {name: module for module, names in _NAMES.items() for name in names}
_MODULES = ("accounts", "disclose")
"""Public modules, used by their name: ``green.disclose.stars``."""


def ledger(url: str | None = None, *, everyone: bool = False) -> Ledger:
    """Open the ledger: ``green.ledger().records(...)``, ``totals()``, ``export()``.

    Parameters
    ----------
    url : str, optional
        Database URL or file; defaults to ``JUPYTER_GREEN_LEDGER``, else a file in the user's data folder.
    everyone : bool
        Whether to read and delete everyone's records of a shared ledger; by default only your own.
    """
    from .storage import Ledger
    from .storage.location import hidden

    url = hidden(url)
    session = sys.modules.get(f"{__name__}.session")
    if session is not None:
        session.settle()  # include the cell that has just run
    return Ledger(url, everyone=everyone)


def load_ipython_extension(shell: Any) -> None:
    """Load the magics and meter every following cell; called by ``%load_ext jupyter_green``."""
    from .live import LivePublisher
    from .magics.extension import load

    load(shell, LivePublisher)


def unload_ipython_extension(shell: Any) -> None:
    """Stop metering and remove the magics; called by ``%unload_ext jupyter_green``."""
    from .magics.extension import unload

    unload(shell)


def _jupyter_server_extension_points() -> list[dict[str, Any]]:
    """Return the server extension; called by Jupyter Server."""
    from .server.app import JupyterGreen

    return [{"module": "jupyter_green.server.app", "app": JupyterGreen}]


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name in _WHERE:
        return getattr(import_module(f".{_WHERE[name]}", __name__), name)
    if name in _MODULES:
        return import_module(f".{name}", __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*__all__, "__version__", "unload_ipython_extension"]
