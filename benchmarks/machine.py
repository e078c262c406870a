"""Description of the machine and software versions, and environment variables for measured processes."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from collections.abc import Sequence
from importlib.metadata import distributions
from pathlib import Path

from tests.support.driver import SimulatedDriver


def installed(package: str | None, environment: Path | None = None) -> str:
    """Return the version of a distribution, in this environment or in that of a given folder."""
    if not package:
        return ""
    folders = sys.path if environment is None else [*map(str, environment.glob("lib/*/site-packages"))]
    return next((distribution.version for distribution in distributions(name=package, path=folders)), "(not installed)")


def commit() -> str:
    """Return the package's commit and whether it has uncommitted changes; empty outside a repository."""
    root = Path(__file__).resolve().parents[1]

    def git(*words: str) -> str | None:
        done = subprocess.run(["git", "-C", str(root), *words], capture_output=True, text=True, check=False)
        return done.stdout.strip() if done.returncode == 0 else None

    try:
        at = git("rev-parse", "--short", "HEAD")
        changed = git("status", "--porcelain", "--", "jupyter_green")
    except FileNotFoundError:
        return ""
    return f" at commit {at}{' with changes' if changed else ''}" if at else ""


def place(load_before: Sequence[float]) -> str:
    """Return a description of the machine, with its load before and after."""
    model = "unknown processor"
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            model = line.split(":", 1)[1].strip()
            break
    load = f"load {load_before[0]:.1f} before and {os.getloadavg()[0]:.1f} after"
    return f"{os.cpu_count()} cores of {model}, {load}; Python {platform.python_version()}"


def environment(driver: SimulatedDriver, folder: Path) -> dict[str, str]:
    """Return the variables that make every meter in a process find the simulated driver."""
    programs = folder / "programs"
    programs.mkdir(parents=True, exist_ok=True)
    # CodeCarbon needs this program to use the library; the other meters don't.
    (programs / "nvidia-smi").write_text("#!/bin/sh\nexit 0\n", encoding="ascii")
    (programs / "nvidia-smi").chmod(0o755)
    return {**driver.environment(), "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"}


def clean(folder: Path, given: dict[str, str]) -> dict[str, str]:
    """Return the environment of a process with `folder` as its home, without the user's settings."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("JUPYTER", "XDG_", "CUDA"))}
    return {**kept, "HOME": str(folder), "IPYTHONDIR": str(folder / "ipython"), **given}
