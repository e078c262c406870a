"""Reduces the energy of a model's inference and tests the result against the original on the same examples.

`ShrinkResult` is plain data: this module connects it to the functions that render and save it, so that `result.py`
imports neither.
"""

from __future__ import annotations

from .report import shrink_report as _shrink_report  # noqa: F401 - registers how a `ShrinkResult` is rendered
from .result import ShrinkResult as _ShrinkResult
from .store.save import save as _save

_ShrinkResult._write = _save
