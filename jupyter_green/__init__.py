"""What your AI costs in joules, cell by cell, with an error bar.

The names below are the public ones. Each is loaded when it is first used, so that importing the package
and loading the extension stay light. Some functions share their name with the room they come from
(``green.meter`` and the package ``jupyter_green.meter``): as an attribute the name is the function,
``from jupyter_green.meter import …`` still reaches the room.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .ledger import Ledger
    from .live.widget import panel
    from .records import Component, EnergyRecord, Trace
    from .session import meter
    from .session.track import track
    from .shrink.call import distil, distill, prune, quantize
    from .shrink.comparison import Comparison
    from .shrink.contest import compare
    from .shrink.loading import load
    from .shrink.result import ShrinkResult

__version__ = "0.1.0"

__all__ = [
    "Comparison",
    "Component",
    "EnergyRecord",
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

_WHERE = {
    "Comparison": "shrink.comparison",
    "Component": "records",
    "EnergyRecord": "records",
    "Ledger": "ledger",
    "ShrinkResult": "shrink.result",
    "Trace": "records",
    "compare": "shrink.contest",
    "distil": "shrink.call",
    "distill": "shrink.call",
    "load": "shrink.loading",
    "panel": "live.widget",
    "prune": "shrink.call",
    "quantize": "shrink.call",
    "track": "session.track",
}
_ROOMS = ("accounts", "disclose")
"""Rooms whose functions are public under the room's name: ``green.disclose.stars``."""


def _open_ledger(url: str | None = None, *, everyone: bool = False) -> Ledger:
    """Open the ledger: ``green.ledger().records(...)``, ``totals()``, ``export()``.

    Parameters
    ----------
    url : str, optional
        Database URL or file; defaults to ``JUPYTER_GREEN_LEDGER``, else a file in the user's data folder.
    everyone : bool
        Whether everyone's records of a shared ledger are meant; by default only your own are read and deleted.
    """
    from .ledger import Ledger

    session = sys.modules.get(f"{__name__}.session")
    if session is not None:
        session.settle()  # the cell just run belongs in the answer
    return Ledger(url, everyone=everyone)


def load_ipython_extension(shell: Any) -> None:
    """Load the magics and meter every cell from here on; called by ``%load_ext jupyter_green``."""
    from .live import Link
    from .magics.extension import load

    load(shell, Link)


def unload_ipython_extension(shell: Any) -> None:
    """Stop metering and leave nothing behind; called by ``%unload_ext jupyter_green``."""
    from .magics.extension import unload

    unload(shell)


def _jupyter_server_extension_points() -> list[dict[str, Any]]:
    """Name the extension to Jupyter Server; what that needs is imported here and nowhere earlier."""
    from .server.extension import JupyterGreen

    return [{"module": "jupyter_green.server.extension", "app": JupyterGreen}]


def _load(name: str, where: str) -> Any:
    from importlib import import_module

    return getattr(import_module(f".{where}", __name__), name)


def __getattr__(name: str) -> Any:
    if name in _WHERE:
        return _load(name, _WHERE[name])
    if name in _ROOMS:
        from importlib import import_module

        return import_module(f".{name}", __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*__all__, "__version__", "unload_ipython_extension"]


def _function(load: Callable[[], Any]) -> property:
    """An attribute of the package that importing the room of the same name does not replace."""

    def keep(_package: ModuleType, value: object) -> None:
        if not isinstance(value, ModuleType):
            raise AttributeError("This name belongs to jupyter_green and can't be replaced.")

    return property(lambda _package: load(), keep)


class _Package(ModuleType):
    meter = _function(lambda: _load("meter", "session"))
    ledger = _function(lambda: _open_ledger)
    shrink = _function(lambda: _load("shrink", "shrink.call"))


sys.modules[__name__].__class__ = _Package
