"""The test suites of the projects that run cells, as their source distributions bring them."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import tarfile
import urllib.request
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

ROOT = Path(__file__).resolve().parents[2]
CONFIG = 'get_config().InteractiveShellApp.extensions = ["jupyter_green"]\n'
"""IPython's configuration of one environment; each kernel and terminal of it then loads the extension."""
OPTIONS = (
    *("-q", "-p", "no:cacheprovider", "--continue-on-collection-errors"),
    *("-o", "asyncio_default_fixture_loop_scope=function", "-o", "log_cli=false"),
)
PATIENCE = 3600.0
"""Seconds after which a suite counts as hung; the longest takes some minutes, on a machine that is very busy many."""

Outcome = Literal["passed", "failed", "skipped"]


@dataclass(frozen=True)
class Suite:
    """One project's tests.

    Parameters
    ----------
    project : str
        Its name on the package index, which is the name of its source distribution too.
    tests : str
        Where they lie in the source distribution.
    options : tuple of str
        More options for pytest.
    """

    project: str
    tests: str
    options: tuple[str, ...] = ()


SUITES = (
    Suite("ipython", "tests"),
    Suite("ipykernel", "tests", ("--timeout=120",)),
    Suite("nbclient", "tests"),
    Suite("papermill", "papermill/tests"),
    Suite("jupyter_client", "tests", ("--timeout=120",)),
    Suite("jupyter_console", "jupyter_console/tests"),
    Suite("ipywidgets", "ipywidgets"),
)
IPYTHON8 = Suite("ipython", "IPython")


class Environment:
    """A virtual environment with jupyter_green, the projects and what their tests need."""

    def __init__(self, python: Path) -> None:
        self.python = python
        self._config = python.parents[1] / "etc" / "ipython" / "ipython_config.py"

    def version(self, project: str) -> str:
        """Return the installed version of a project."""
        return self._ask(f"import importlib.metadata as m; print(m.version({project!r}))")

    def unpack(self, project: str, folder: Path) -> Path:
        """Fetch and unpack the source of the installed version of a project; pip can't, for want of build backends."""
        name = f"{project}-{self.version(project)}"
        index = self._ask("from pip._internal.models.index import PyPI; print(PyPI.simple_url)")
        address = f"{os.environ.get('PIP_INDEX_URL', index).rstrip('/')}/{project.replace('_', '-')}/"
        wanted = urllib.request.Request(address, headers={"Accept": "application/vnd.pypi.simple.v1+json"})
        with urllib.request.urlopen(wanted, timeout=120) as answer:
            files = json.load(answer)["files"]
        file = next(file for file in files if file["filename"] == f"{name}.tar.gz")
        with urllib.request.urlopen(file["url"], timeout=120) as answer:
            content = answer.read()
        assert hashlib.sha256(content).hexdigest() == file["hashes"]["sha256"]
        packed = folder / file["filename"]
        packed.write_bytes(content)
        with tarfile.open(packed) as archive:
            archive.extractall(folder, filter="data")
        return folder / name

    def run(
        self, suite: Suite, source: Path, home: Path, *, extension: bool, only: tuple[str, ...] = ()
    ) -> dict[str, Outcome]:
        """Run a suite and return how each test ended.

        Parameters
        ----------
        suite : Suite
            Which.
        source : Path
            Its unpacked source distribution.
        home : Path
            A home folder of its own.
        extension : bool
            Whether every kernel, terminal and shell loads the extension.
        only : tuple of str
            Names of functions: run only tests of these names.
        """
        self._config.parent.mkdir(parents=True, exist_ok=True)
        self._config.unlink(missing_ok=True)
        plugins = ["-p", "steady"]  # by their last names: some suites have a package `tests` of their own
        if extension:
            self._config.write_text(CONFIG)
            plugins += ["-p", "everywhere"]
        report = home / "report.xml"
        report.unlink(missing_ok=True)
        chosen = ("-k", " or ".join(only)) if only else ()
        command = [self.python, "-m", "pytest", *OPTIONS, *plugins, *suite.options, *chosen, f"--junitxml={report}"]
        log = home / f"{suite.project}-{'with' if extension else 'without'}.log"
        with log.open("w") as out:
            subprocess.run(
                [*command, suite.tests],
                cwd=source,
                env=self._variables(home),
                stdout=out,
                stderr=subprocess.STDOUT,
                timeout=PATIENCE,
                check=False,
            )
        assert report.exists(), log.read_text()[-3000:]
        return outcomes(report)

    def _variables(self, home: Path) -> dict[str, str]:
        kept = {
            name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "JUPYTER_", "XDG_"))
        }
        kept.pop("IPYTHONDIR", None)
        path = f"{self.python.parent}{os.pathsep}{kept['PATH']}"
        modules = os.pathsep.join([str(ROOT / "tests" / "upstream"), *filter(None, [kept.get("PYTHONPATH")])])
        return {**kept, "PATH": path, "HOME": str(home), "PYTHONPATH": modules}

    def _ask(self, code: str) -> str:
        done = subprocess.run([self.python, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
        return done.stdout.strip()


def outcomes(report: Path) -> dict[str, Outcome]:
    """Return how each test of a JUnit report ended."""
    found: dict[str, Outcome] = {}
    for case in ET.parse(report).iter("testcase"):
        name = f"{case.get('classname')}::{case.get('name')}"
        bad = case.find("failure") is not None or case.find("error") is not None
        ended: Outcome = "failed" if bad else "skipped" if case.find("skipped") is not None else "passed"
        found[name] = "failed" if found.get(name) == "failed" else ended  # a test and its teardown may both stand there
    return found
