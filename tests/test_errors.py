"""Every exception class of the package derives from GreenError."""

from __future__ import annotations

import ast
import builtins
from pathlib import Path

import jupyter_green
from jupyter_green.errors import GreenError

PACKAGE = Path(jupyter_green.__file__).parent
BUILTIN = {
    name for name, value in vars(builtins).items() if isinstance(value, type) and issubclass(value, BaseException)
}
EXEMPT = {"GreenError", "TimeIsUp"}
"""The root itself, and the deadline's signal: a BaseException, so that no `except Exception` stops it."""


def bases_by_class() -> dict[str, set[str]]:
    """Return the names of the base classes of each class that the package defines, by the class's name."""
    bases: dict[str, set[str]] = {}
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                names = {ast.unparse(base).rpartition(".")[2] for base in node.bases}
                bases.setdefault(node.name, set()).update(names)
    return bases


def ancestors(name: str, bases: dict[str, set[str]]) -> set[str]:
    """Return the names of all base classes, direct and indirect."""
    direct = bases.get(name, set()) - {name}
    return direct.union(*(ancestors(base, bases) for base in direct))


def test_every_exception_derives_from_the_root() -> None:
    bases = bases_by_class()
    exceptions = {name for name in bases if ancestors(name, bases) & (BUILTIN | {"GreenError"})}
    assert len(exceptions) > 20
    assert {name for name in exceptions if "GreenError" not in ancestors(name, bases)} == EXEMPT


def test_the_root_is_public() -> None:
    assert "GreenError" in jupyter_green.__all__
    assert jupyter_green.GreenError is GreenError
    assert issubclass(GreenError, Exception)


def test_errors_about_arguments_are_also_value_errors() -> None:
    from jupyter_green.budgets.limit import InvalidLimit

    assert issubclass(InvalidLimit, ValueError)
    assert issubclass(InvalidLimit, GreenError)
