"""A pytest plugin: every shell that is made in the process of the tests loads the extension."""

from __future__ import annotations

from typing import Any

from IPython.core.interactiveshell import InteractiveShell

_make = InteractiveShell.__init__


def _make_and_load(self: InteractiveShell, *arguments: Any, **options: Any) -> None:
    _make(self, *arguments, **options)
    self.extension_manager.load_extension("jupyter_green")


InteractiveShell.__init__ = _make_and_load  # type: ignore[method-assign]  # the plugin is this replacement
