"""What a newcomer reads and types first: it exists, it says what is missing, and it is what the README says."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BASH = shutil.which("bash")

pytestmark = pytest.mark.skipif(BASH is None, reason="the scripts need bash")


def bash(script: str, folder: Path = ROOT, path: str | None = None) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PATH": os.environ["PATH"] if path is None else path}
    command = [str(BASH), "-c", script]
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=600
    )


def fake(folder: Path, name: str, body: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!{BASH}\n{body}\n")
    (folder / name).chmod(0o755)


def test_no_python_is_one_sentence(tmp_path: Path) -> None:
    done = bash("source examples/environment.sh; find_python", path=str(tmp_path))
    assert done.returncode == 1
    assert done.stderr == (
        "No Python from 3.10 on was found; install one (on Debian and Ubuntu: apt install python3 python3-venv).\n"
    )


def test_an_old_python_is_passed_over(tmp_path: Path) -> None:
    fake(tmp_path / "bin", "python3", "exit 1")  # as an older one answers the question for its version
    fake(tmp_path / "bin", "python3.10", f'exec {sys.executable} "$@"')
    done = bash("source examples/environment.sh; find_python", path=str(tmp_path / "bin"))
    assert done.stdout.strip() == str(tmp_path / "bin" / "python3.10")


def test_a_python_without_venv_is_one_sentence(tmp_path: Path) -> None:
    fake(tmp_path / "bin", "python3", "[[ $2 != *ensurepip* ]]")
    done = bash("source examples/environment.sh; find_python", path=str(tmp_path / "bin"))
    assert done.returncode == 1
    assert done.stderr == (
        "python3 can't make virtual environments; on Debian and Ubuntu 'apt install python3-venv' mends that.\n"
    )


def test_an_environment_is_made_again_only_where_its_key_changed(tmp_path: Path) -> None:
    log = tmp_path / "pip.log"
    # A venv whose pip only writes down that it was called.
    body = f"""case $2 in
      venv) mkdir -p "$4/bin"; cp "$0" "$4/bin/python" ;;
      pip) echo x >>{log} ;;
    esac"""
    fake(tmp_path / "bin", "python3", body)
    (tmp_path / "key").write_text("one")
    path = f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}"
    make = f"source {ROOT}/examples/environment.sh; make_environment env key ."
    for expected in ("x\n", "x\n"):
        assert bash(make, tmp_path, path).returncode == 0
        assert log.read_text() == expected
    (tmp_path / "key").write_text("two")
    assert bash(make, tmp_path, path).returncode == 0
    assert log.read_text() == "x\nx\n"


@pytest.mark.parametrize("script", ["examples/run", "tests/run", "examples/environment.sh", ".ci/run"])
def test_scripts_parse(script: str) -> None:
    assert bash(f"bash -n {script}").returncode == 0


def test_a_wrong_option_of_the_example_is_said() -> None:
    done = bash("bash examples/run --fast")
    assert done.returncode == 2
    assert done.stderr.startswith("Unknown option --fast.\n")


def test_the_two_commands_stand_on_the_first_screen() -> None:
    first = README.splitlines()[:12]
    for command in ("bash examples/run", "bash tests/run"):
        assert any(line.startswith(command) for line in first)
    assert (ROOT / ".ci" / "run").read_text().count("tests/run") == 1


def test_the_readme_points_at_what_exists() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert (ROOT / target).exists(), target


def test_the_readme_lists_every_option() -> None:
    section = README.partition("## Command line")[2].partition("## ")[0]
    source = (ROOT / "jupyter_green" / "cli" / "__init__.py").read_text()
    for option in re.findall(r'"(--[a-z-]+)"', source):
        assert option in section or option == "--version"


def test_the_example_is_committed_without_outputs_and_in_order() -> None:
    book = json.loads((ROOT / "examples" / "quickstart.ipynb").read_text(encoding="utf-8"))
    cells = [cell for cell in book["cells"] if cell["cell_type"] == "code"]
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in cells)
    sources = ["".join(cell["source"]) for cell in cells]
    assert sources[0] == "%load_ext jupyter_green"
    assert sources[-1] == "%energy history"
    assert any(source.startswith("%%energy -u") for source in sources)


def test_material_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    shutil.copy(ROOT / "examples" / "material.py", tmp_path)
    code = "import material; material.sentences(10)"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert "`bash examples/run` fetches them" in done.stderr.splitlines()[-1]


def test_torch_is_pinned_to_one_build() -> None:
    assert "torch==2.13.0" in (ROOT / "constraints.txt").read_text().splitlines()
