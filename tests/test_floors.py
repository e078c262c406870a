"""The house rules a program can hold: floors, sizes, names, and what may be imported before it is used."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "jupyter_green"
FLOORS = {
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
    "cluster": 10,
    "cli": 10,
}
MODULES = sorted(PACKAGE.rglob("*.py"))
NAMES_TO_AVOID = {"utils", "util", "helpers", "helper", "common", "manager", "misc", "tools"}
LIMIT = 600
HEAVY = ("sqlalchemy", "alembic", "pandas", "numpy", "torch", "pyarrow", "nbclient", "nbconvert", "nbformat", "tqdm")


def imports(source: str, module: tuple[str, ...], is_package: bool) -> list[tuple[int, str]]:
    """Return line and absolute name of everything a module imports, wherever in it the statement stands."""
    found: list[tuple[int, str]] = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = list(module if is_package else module[:-1])
            stem = base[: len(base) - node.level + 1] if node.level else []
            stem += node.module.split(".") if node.module else []
            found += [(node.lineno, ".".join([*stem, alias.name])) for alias in node.names]
    return found


def climbs(source: str, module: tuple[str, ...], is_package: bool = False) -> list[str]:
    """Return what a module imports from a floor above its own, or from another room on the same floor."""
    room = module[1] if len(module) > 1 else ""
    wrong = []
    for line, name in imports(source, module, is_package):
        parts = name.split(".")
        if parts[0] != "jupyter_green" or room not in FLOORS:
            continue
        target = parts[1] if len(parts) > 1 else ""
        if target in (room, "_version"):
            continue
        if target not in FLOORS:
            wrong.append(f"line {line}: {name} is the roof or no room at all")
        elif FLOORS[target] >= FLOORS[room]:
            wrong.append(f"line {line}: {room} (floor {FLOORS[room]}) imports {name} (floor {FLOORS[target]})")
    return wrong


def parts_of(path: Path) -> tuple[tuple[str, ...], bool]:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return (parts[:-1], True) if parts[-1] == "__init__" else (parts, False)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_only_downwards(path: Path) -> None:
    module, is_package = parts_of(path)
    assert climbs(path.read_text(encoding="utf-8"), module, is_package) == []


@pytest.mark.parametrize(
    "source",
    [
        "from jupyter_green.session import Session",
        "from jupyter_green import session",
        "import jupyter_green.magics.energy.magic",
        "from ..session import Session",
        "def late():\n    from ..magics import energy",
        "from jupyter_green import meter_something_new",
    ],
)
def test_a_climb_is_seen(source: str) -> None:
    assert climbs(source, ("jupyter_green", "metering", "timeline"))


def test_the_way_down_is_free() -> None:
    source = (
        "from jupyter_green.records import EnergyRecord\nfrom . import power\nfrom .power import Power\nimport math"
    )
    assert climbs(source, ("jupyter_green", "metering", "timeline")) == []


def test_every_room_has_its_floor() -> None:
    rooms = {path.name for path in PACKAGE.iterdir() if path.is_dir() and any(path.rglob("*.py"))}
    assert rooms <= set(FLOORS)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_modules_are_small_nouns_with_a_reason(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    assert source.count("\n") <= LIMIT, "a module this long holds more than one concept"
    assert path.stem not in NAMES_TO_AVOID
    assert ast.get_docstring(ast.parse(source)), "a module opens with the decision it holds"


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
