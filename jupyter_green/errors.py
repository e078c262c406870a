"""The root of the package's exceptions.

Every exception that the package raises on purpose derives from ``GreenError``, so that one ``except`` clause catches
them all. Errors about a wrong argument derive from ``ValueError`` too.
"""

from __future__ import annotations


class GreenError(Exception):
    """Base class of all exceptions of jupyter_green."""
