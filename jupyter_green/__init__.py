"""What your AI costs in joules, cell by cell, with an error bar."""

from __future__ import annotations

__version__ = "0.1.0"
