"""What the build of the page's part depends on, and how large what comes of it may be."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
BUILT = ROOT / "jupyter_green" / "labextension"
MOST_BYTES = 150_000


@pytest.fixture(scope="module")
def hook() -> ModuleType:
    # Only a build's own environment has hatchling; of it the module needs no more than a name to inherit from.
    interface = "hatchling.builders.hooks.plugin.interface"
    made = {interface.rsplit(".", depth)[0]: ModuleType("stand-in") for depth in range(4)}
    made[interface] = ModuleType(interface)
    made[interface].BuildHookInterface = object
    known = {name: sys.modules.get(name) for name in made}
    described = importlib.util.spec_from_file_location("hatch_build", ROOT / "hatch_build.py")
    assert described is not None
    assert described.loader is not None
    module = importlib.util.module_from_spec(described)
    try:
        sys.modules.update(made)
        described.loader.exec_module(module)
    finally:
        for name, before in known.items():
            if before is None:
                del sys.modules[name]
            else:
                sys.modules[name] = before
    return module


@pytest.mark.parametrize(
    "changed",
    ["build.config.js", "tsconfig.json", "package.json", "yarn.lock", "install.json", "src/a.ts", "schema/plugin.json"],
)
def test_a_changed_source_is_built_anew(hook: ModuleType, tmp_path: Path, changed: str) -> None:
    source, built = tmp_path / "labextension", tmp_path / "built"
    for made in (source / changed, source / "src" / "b.ts", built / "static" / "style.js", built / "package.json"):
        made.parent.mkdir(parents=True, exist_ok=True)
        made.write_text("")
        os.utime(made, (1000, 1000))
    assert hook._fresh(source, built)
    os.utime(source / changed, (2000, 2000))
    assert not hook._fresh(source, built)


def test_every_file_that_the_build_reads_is_watched(hook: ModuleType) -> None:
    # Checks of the sources, and what tools leave behind, make no difference to what is built.
    other = {"eslint.config.mjs", "jest.config.js", "tsconfig.tsbuildinfo"}
    files = (path.name for path in (ROOT / "labextension").iterdir() if path.is_file())
    found = {name for name in files if not name.startswith(".")}
    assert found - other == set(hook.SOURCES)


def test_the_page_is_small() -> None:
    """All that a page may load, before compression."""
    if not BUILT.is_dir():
        pytest.skip("the page is not built")
    sizes = {path.name: path.stat().st_size for path in (BUILT / "static").iterdir() if path.suffix == ".js"}
    assert sum(sizes.values()) <= MOST_BYTES, sizes
