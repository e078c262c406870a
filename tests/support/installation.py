"""The package as a person gets it: a wheel built in isolation, installed into an environment that has no Node.

Nothing of the checkout is on the path of that environment, so what a test sees is what the wheel holds. Wheel and
environments are kept under the environment of the tests and named by what went into them: a second run begins at once.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

ROOT = Path(__file__).resolve().parents[2]
STORE = (Path(sys.prefix) if sys.prefix != sys.base_prefix else Path(tempfile.gettempdir())) / "browser"
GIVEN = "JUPYTER_GREEN_TEST_WHEEL"
"""Names a wheel to test in the place of one that is built here, such as one that is about to be published."""

SOURCES = (
    *("jupyter_green", "jupyter-config", "labextension/src", "labextension/style", "labextension/schema"),
    *("labextension/package.json", "labextension/yarn.lock", "labextension/tsconfig.json", "labextension/install.json"),
    "labextension/build.config.js",
    *("pyproject.toml", "hatch_build.py", "README.md", "LICENSE", "CHANGELOG.md"),
)
BUILT = ROOT / "jupyter_green" / "labextension"


def wheel() -> Path:
    """Return the wheel of this checkout, built where it is not there yet."""
    if os.environ.get(GIVEN):
        return Path(os.environ[GIVEN]).resolve()
    folder = STORE / f"wheel-{_fingerprint()}"
    with _alone("wheel"):
        if not folder.is_dir():
            for old in STORE.glob("wheel-*"):
                shutil.rmtree(old)
            with tempfile.TemporaryDirectory(dir=STORE) as aside:
                _pip("wheel", "--no-deps", "--wheel-dir", aside, str(ROOT))
                shutil.copytree(aside, folder)
    (made,) = folder.glob("*.whl")
    return made


def environment(name: str, *requirements: str, package: Path | None = None, constrained: bool = True) -> Path:
    """Return an environment with these requirements, and with the package where its wheel is given.

    Parameters
    ----------
    name : str
        Its folder.
    requirements : str
        As pip takes them.
    package : Path, optional
        A wheel.
    constrained : bool
        Whether the versions are those of ``constraints.txt``.
    """
    folder = place_of(name, packaged=package is not None)
    constraints = ("--constraint", str(ROOT / "constraints.txt")) if constrained else ()
    key = [sys.version, *requirements]
    key += [(ROOT / part).read_text() for part in ("constraints.txt", "pyproject.toml") if package or constrained]
    wanted = {"requirements.txt": _digest(*key), "package.txt": _digest(package.read_bytes() if package else b"")}

    def lacks(part: str) -> bool:
        path = folder / part
        return not path.exists() or path.read_text() != wanted[part]

    lock = _in_use(folder.name)
    if any(map(lacks, wanted)):
        fcntl.flock(lock, fcntl.LOCK_EX)
        into = ("--python", str(python(folder)), "install")
        if lacks("requirements.txt"):
            venv.create(folder, clear=True, with_pip=False)
            _pip(*into, *constraints, *requirements, *([str(package)] if package else []))
        elif lacks("package.txt"):
            _pip(*into, "--force-reinstall", "--no-deps", str(package))
        for part, text in wanted.items():
            (folder / part).write_text(text)
        fcntl.flock(lock, fcntl.LOCK_SH)
    return folder


def place_of(name: str, *, packaged: bool) -> Path:
    """Where an environment is kept; a wheel that was given has one of its own."""
    return STORE / (f"{name}-given" if packaged and os.environ.get(GIVEN) else name)


def python(folder: Path) -> Path:
    """The Python of an environment."""
    return folder / "bin" / "python"


def _fingerprint() -> str:
    parts: list[bytes] = []
    for source in SOURCES:
        place = ROOT / source
        for path in [place] if place.is_file() else sorted(place.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts and BUILT not in path.parents:
                parts += [str(path.relative_to(ROOT)).encode(), path.read_bytes()]
    return _digest(*parts)[:16]


def _digest(*parts: str | bytes) -> str:
    found = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        found.update(len(data).to_bytes(8, "big") + data)
    return found.hexdigest()


def _pip(*arguments: str) -> None:
    command = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=STORE)
    assert done.returncode == 0, f"pip {' '.join(arguments)} failed:\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"


def _in_use(name: str) -> IO[str]:
    """Keep other runs of the tests from changing an environment as long as this process lives."""
    STORE.mkdir(parents=True, exist_ok=True)
    lock = (STORE / f"{name}.lock").open("w")
    fcntl.flock(lock, fcntl.LOCK_SH)
    _locks.append(lock)
    return lock


_locks: list[IO[str]] = []


@contextmanager
def _alone(name: str) -> Iterator[None]:
    """Let no other run of the tests make the same thing at the same time."""
    STORE.mkdir(parents=True, exist_ok=True)
    with (STORE / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
