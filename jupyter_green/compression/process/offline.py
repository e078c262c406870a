"""Disable access to the Hugging Face hub temporarily.

The libraries read the environment once at import, so they are imported before it is changed, and their own switches are
set too. These are global: downloads of other threads fail meanwhile.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from jupyter_green.compression.errors import require

VARIABLES = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_HUB_DISABLE_TELEMETRY")
_SWITCHES = (("huggingface_hub.constants", "HF_HUB_OFFLINE"), ("transformers.utils.hub", "_is_offline_mode"))
_one = threading.RLock()


@contextmanager
def offline() -> Iterator[None]:
    """Disable access to the hub; a lock keeps nested and concurrent uses from restoring wrong values."""
    with _one:
        targets = [(require(module), name) for module, name in _SWITCHES]
        switches = [(module, name, getattr(module, name)) for module, name in targets if hasattr(module, name)]
        variables = {name: os.environ.get(name) for name in VARIABLES}
        try:
            os.environ.update(dict.fromkeys(VARIABLES, "1"))
            for module, name, _ in switches:
                setattr(module, name, True)
            yield
        finally:
            for module, name, before in switches:
                setattr(module, name, before)
            for name, value in variables.items():
                if value is None:
                    os.environ.pop(name, None)
                else:
                    os.environ[name] = value
