"""What a command prints may go nowhere: its files are written and its exit code holds all the same."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.command import ROOT, WORK, notebook

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="pipes and devices as POSIX has them")


def printed(folder: Path, words: list[str], to: str, **environment: str) -> tuple[int, str]:
    """Run a command in a shell; return its exit code and what it says on standard error."""
    python = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")]))
    done = subprocess.run(
        ["bash", "-c", f'"$@" {to}; exit ${{PIPESTATUS[0]}}', "-", sys.executable, "-m", "jupyter_green.cli", *words],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": python, **environment},
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    return done.returncode, done.stderr


def test_a_reader_that_has_gone(tmp_path: Path) -> None:
    """Nobody reads: the run ends over its budget, as it would, and its file is there."""
    book = notebook(tmp_path / "book.ipynb", [WORK])
    code, said = printed(tmp_path, ["run", str(book), "--json", "run.json", "--budget", "0.000001J"], "| head -0")
    assert code == 3
    assert said.startswith("Over budget")
    assert json.loads((tmp_path / "run.json").read_text())["records"]
    assert printed(tmp_path, ["report"], "| head -0") == (0, "")
    assert printed(tmp_path, ["report"], ">&-") == (0, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no such device here")
def test_a_full_disk_is_one_sentence(tmp_path: Path) -> None:
    said = "jupyter green: the output can't be written: No space left on device.\n"
    assert printed(tmp_path, ["report"], "> /dev/full") == (2, said)


def test_a_terminal_that_knows_few_characters(tmp_path: Path) -> None:
    code, said = printed(tmp_path, ["report"], "> out.txt", PYTHONIOENCODING="ascii")
    assert (code, said) == (0, "")
    assert "+/- is the half-width" in (tmp_path / "out.txt").read_text(encoding="ascii")
