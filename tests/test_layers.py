"""The rules of the tree that a program can check: layers, sizes, names, and what may be imported before it is used."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "jupyter_green"
LAYERS = {
    "_version": 0,
    "background": 0,
    "errors": 0,
    "records": 0,
    "sensors": 1,
    "metering": 2,
    "impact": 2,
    "storage": 3,
    "reporting": 3,
    "baselines": 4,
    "budgets": 4,
    "market": 4,
    "pricing": 5,
    "accounts": 6,
    "session": 6,
    "compression": 7,
    "comparison": 8,
    "disclose": 9,
    "magics": 10,
    "live": 10,
    "server": 10,
    "cli": 10,
}
MODULES = sorted(PACKAGE.rglob("*.py"))
NAMES_TO_AVOID = {"utils", "util", "helpers", "helper", "common", "manager", "misc", "tools"}
LIMIT = 600
HEAVY = ("sqlalchemy", "alembic", "pandas", "numpy", "torch", "pyarrow", "nbclient", "nbconvert", "nbformat", "tqdm")


def imports(source: str, module: tuple[str, ...], is_package: bool) -> list[tuple[int, str]]:
    """Return line and absolute name of everything a module imports, in functions too."""
    imported: list[tuple[int, str]] = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            imported += [(node.lineno, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = list(module if is_package else module[:-1])
            stem = base[: len(base) - node.level + 1] if node.level else []
            stem += node.module.split(".") if node.module else []
            imported += [(node.lineno, ".".join([*stem, alias.name])) for alias in node.names]
    return imported


def upward_imports(source: str, module: tuple[str, ...], is_package: bool = False) -> list[str]:
    """Return what a module imports from a layer above its own, or from another package of the same layer."""
    package = module[1] if len(module) > 1 else ""
    wrong = []
    for line, name in imports(source, module, is_package):
        parts = name.split(".")
        if parts[0] != "jupyter_green" or package not in LAYERS:
            continue
        target = parts[1] if len(parts) > 1 else ""
        if target in (package, "_version"):
            continue
        if target not in LAYERS:
            wrong.append(f"line {line}: {name} is the top module or an unknown package")
        elif LAYERS[target] >= LAYERS[package]:
            wrong.append(f"line {line}: {package} (layer {LAYERS[package]}) imports {name} (layer {LAYERS[target]})")
    return wrong


def parts_of(path: Path) -> tuple[tuple[str, ...], bool]:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return (parts[:-1], True) if parts[-1] == "__init__" else (parts, False)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_only_downwards(path: Path) -> None:
    module, is_package = parts_of(path)
    assert upward_imports(path.read_text(encoding="utf-8"), module, is_package) == []


@pytest.mark.parametrize(
    "source",
    [
        "from jupyter_green.session import Session",
        "from jupyter_green import session",
        "import jupyter_green.magics.energy.energy",
        "from ..session import Session",
        "def late():\n    from ..magics import energy",
        "from jupyter_green import meter_something_new",
    ],
)
def test_an_upward_import_is_found(source: str) -> None:
    assert upward_imports(source, ("jupyter_green", "metering", "timeline"))


def test_downward_imports_are_allowed() -> None:
    source = (
        "from jupyter_green.records import EnergyRecord\nfrom . import power\nfrom .power import Power\nimport math"
    )
    assert upward_imports(source, ("jupyter_green", "metering", "timeline")) == []


def test_every_package_has_a_layer() -> None:
    packages = {path.name for path in PACKAGE.iterdir() if path.is_dir() and any(path.rglob("*.py"))}
    assert packages <= set(LAYERS)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_modules_are_small_and_have_a_docstring(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    assert source.count("\n") <= LIMIT, "a module this long holds more than one concept"
    assert path.stem not in NAMES_TO_AVOID
    assert ast.get_docstring(ast.parse(source)), "a module opens with a docstring that states its decision"


@pytest.mark.parametrize(
    "what",
    [
        "jupyter_green",
        "jupyter_green.records",
        "jupyter_green.sensors",
        "jupyter_green.metering",
        "jupyter_green.session",
        "jupyter_green.magics",
        "jupyter_green.cli",
    ],
)
def test_nothing_heavy_before_it_is_used(what: str) -> None:
    code = f"import sys, {what}; print(*sorted(set({HEAVY!r}) & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == []
