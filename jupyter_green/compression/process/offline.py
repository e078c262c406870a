"""No network for a while: what asks Hugging Face's hub is told that there is none, and afterwards all is as it was.

The libraries read the environment once, when they are imported, so they are imported before it is set, and their own
switches are set too. Those are the whole process's: what another thread downloads meanwhile fails.
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
    """Keep this process from asking the hub; one at a time, so that each finds what was before it."""
    with _one:
        found = [(require(module), name) for module, name in _SWITCHES]
        switches = [(module, name, getattr(module, name)) for module, name in found if hasattr(module, name)]
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
