"""What `pip install` of the wheel gives on a machine without Node."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

from tests.browser.conftest import Installed
from tests.support.browser_page import Desk
from tests.support.installation import python
from tests.support.lab import Lab


def said(installed: Installed, lab: Lab, *command: str) -> str:
    program = python(installed.lab).with_name("jupyter")
    done = subprocess.run(
        [python(installed.lab), program, *command],
        capture_output=True,
        text=True,
        check=True,
        env=lab.variables,
        cwd=lab.folder,
    )
    return re.sub(r"\x1b\[[0-9;]*m", "", done.stdout + done.stderr)


def test_there_is_no_node(lab: Lab) -> None:
    path = lab.variables["PATH"]
    for program in ("node", "npm", "npx", "yarn"):
        assert shutil.which(program, path=path) is None
    looked = "import shutil; print(shutil.which('node'))"
    done = subprocess.run(
        [python(lab.installed), "-c", looked], env=lab.variables, capture_output=True, text=True, check=True
    )
    assert done.stdout == "None\n"


def test_the_package_is_the_wheels_and_not_the_checkouts(installed: Installed, lab: Lab) -> None:
    where = "import jupyter_green; print(jupyter_green.__file__)"
    done = subprocess.run(
        [python(installed.lab), "-c", where], env=lab.variables, capture_output=True, text=True, check=True, cwd="/"
    )
    assert installed.lab in Path(done.stdout.strip()).parents


def test_the_pages_part_is_enabled(installed: Installed, lab: Lab) -> None:
    listed = said(installed, lab, "labextension", "list")
    assert re.search(r"jupyter-green v\S+ enabled\s+OK \(python, jupyter_green\)", listed), listed


def test_the_servers_part_is_enabled(installed: Installed, lab: Lab) -> None:
    listed = said(installed, lab, "server", "extension", "list")
    assert re.search(r"jupyter_green \S+ OK", listed), listed
    assert re.search(r"^\s*jupyter_green enabled", listed, re.MULTILINE), listed


def test_both_parts_are_of_one_release(installed: Installed, lab: Lab) -> None:
    page = installed.lab / "share" / "jupyter" / "labextensions" / "jupyter-green" / "package.json"
    kernel = "import importlib.metadata as m; print(m.version('jupyter_green'))"
    done = subprocess.run([python(installed.lab), "-c", kernel], capture_output=True, text=True, check=True)
    assert json.loads(page.read_text())["version"] == done.stdout.strip() == lab.green("health").json["version"]


def test_everything_of_it_is_started_in_the_page(desk: Desk) -> None:
    plugins = desk.ask("() => jupyterapp.listPlugins().filter(id => id.startsWith('jupyter-green:'))")
    assert plugins
    assert desk.ask("ids => ids.filter(id => !jupyterapp.isPluginActivated(id))", plugins) == []
