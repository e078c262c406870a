"""transformers' own model classes, and a context that silences that library."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from jupyter_green.compression.errors import require


@contextmanager
def unseen() -> Iterator[None]:
    """Silence transformers' progress bars and warnings; errors are raised."""
    logging = require("transformers").utils.logging
    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity(logging.CRITICAL)
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()


def of_transformers(model: Any) -> bool:
    """Whether a model's class is one of transformers' own, so that its configuration suffices to build it."""
    if not type(model).__module__.startswith("transformers."):
        return False
    return getattr(require("transformers"), type(model).__name__, None) is type(model)
