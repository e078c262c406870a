"""Floor 6: makes a model cheaper to run and proves it, against the original, in turn, on the same examples."""

from __future__ import annotations
