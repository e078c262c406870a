"""What a kernel's process looks like from inside; imported by the kernel under test, so standard library only."""

from __future__ import annotations

import builtins
import logging
import os
import signal
import sys
import threading
import warnings
from pathlib import Path
from typing import Any


def state(data: str = "") -> dict[str, Any]:
    """Return everything that an extension could leave behind, as plain data; `data` is where our files lie."""
    from comm import get_comm_manager
    from IPython import get_ipython

    shell = get_ipython()
    manager = shell.input_transformer_manager
    formatters = {**shell.display_formatter.formatters, "bundle": shell.display_formatter.mimebundle_formatter}
    return {
        "cleanup transforms": [name_of(f) for f in manager.cleanup_transforms],
        "line transforms": [name_of(f) for f in manager.line_transforms],
        "token transformers": [name_of(f) for f in manager.token_transformers],
        "post transforms": [name_of(f) for f in shell.input_transformers_post],
        "syntax tree transforms": [name_of(f) for f in shell.ast_transformers],
        "events": {event: [name_of(f) for f in found] for event, found in shell.events.callbacks.items()},
        "line magics": sorted(shell.magics_manager.magics["line"]),
        "cell magics": sorted(shell.magics_manager.magics["cell"]),
        "magics classes": sorted(shell.magics_manager.registry),
        "configurables": sorted(type(part).__name__ for part in shell.configurables),
        "attributes": sorted(vars(shell)),
        "displays": {mime: displays(formatter) for mime, formatter in formatters.items()},
        "custom errors": repr(shell.custom_exceptions),
        "comm targets": sorted(get_comm_manager().targets),
        "names": sorted(name for name in shell.user_ns if not name.lstrip("_i").isdigit()),
        "hidden names": sorted(name for name in shell.user_ns_hidden if not name.lstrip("_i").isdigit()),
        "aliases": sorted(shell.alias_manager.aliases),
        "hooks": {name: repr(hook) for name, hook in hooks().items()},
        "signals": {str(number): repr(signal.getsignal(number)) for number in signal.valid_signals()},
        "builtins": sorted(vars(builtins)),
        "environment": dict(os.environ),
        "path": list(sys.path),
        "finders": [name_of(finder) for finder in sys.meta_path],
        "logging": [repr(logging.root.level), *map(repr, logging.root.handlers)],
        "limits": [sys.getrecursionlimit(), sys.getswitchinterval(), threading.stack_size()],
        "threads": sorted(thread.name for thread in threading.enumerate()),
        "files": sorted(name for name in open_files() if data and name.startswith(data)),
    }


def hooks() -> dict[str, Any]:
    return {
        "sys.excepthook": sys.excepthook,
        "sys.unraisablehook": sys.unraisablehook,
        "sys.displayhook": sys.displayhook,
        "threading.excepthook": threading.excepthook,
        "trace": sys.gettrace(),
        "profile": sys.getprofile(),
        "threads' trace": threading._trace_hook,
        "threads' profile": threading._profile_hook,
        "showwarning": warnings.showwarning,
        "import": builtins.__import__,
        "print": builtins.print,
        "stdout": sys.stdout,
        "stderr": sys.stderr,
    }


def displays(formatter: Any) -> list[str]:
    found = [*formatter.type_printers, *formatter.deferred_printers, *formatter.singleton_printers]
    return sorted(map(repr, found))


def name_of(thing: Any) -> str:
    return str(getattr(thing, "__qualname__", type(thing).__qualname__))


def threads() -> dict[str, str]:
    """Return names of the threads by their number in the operating system."""
    return {str(thread.native_id): thread.name for thread in threading.enumerate()}


def open_files() -> list[str]:
    """Return the names of open files; none where the system does not tell."""
    found = []
    for handle in Path("/proc/self/fd").glob("*"):
        try:
            found.append(str(handle.readlink()))
        except OSError:  # closed meanwhile
            continue
    return found


def rows() -> list[dict[str, Any]]:
    """Return the cells in the ledger, oldest first."""
    import jupyter_green as green

    return [record.to_dict() for record in green.ledger().records() if record.span == "cell"]
