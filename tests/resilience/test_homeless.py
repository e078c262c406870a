"""A user without a home, a passwd entry or a writable folder meters all the same, and is told so in one sentence."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from jupyter_green.storage import location

ROOT = Path(__file__).resolve().parents[2]

METER = """
import jupyter_green as green
from jupyter_green.session import current
with green.meter("a") as window:
    sum(range(1_000_000))
assert window.record.final and window.record.joules is not None, window.record
print(current().problem)
"""
UNSHARED = ["unshare", "--user", "--map-user=54321", "--map-group=54321"]


def told(command: list[str], folder: Path, **environment: str) -> list[str]:
    kept = {name: value for name, value in os.environ.items() if name not in {"HOME", "USER", "LOGNAME", "LNAME"}}
    kept = {name: value for name, value in kept.items() if not name.startswith(("JUPYTER_GREEN_", "XDG_"))}
    kept |= {"PYTHONPATH": str(ROOT), "TMPDIR": str(folder), **environment}
    done = subprocess.run(
        [*command, sys.executable, "-c", METER], env=kept, cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def can_unshare() -> bool:
    return shutil.which("unshare") is not None and not subprocess.run([*UNSHARED, "true"], check=False).returncode


@pytest.mark.skipif(not can_unshare(), reason="no user of another number can be had here")
def test_a_user_that_nobody_knows_meters_and_is_told_so(tmp_path: Path) -> None:
    (line,) = told(UNSHARED, tmp_path)
    assert line.startswith(f"This user has no home folder; records are kept in {tmp_path}")
    assert line.count(". ") == 1
    assert list(tmp_path.rglob("*.jsonl"))
    (line,) = told(UNSHARED, tmp_path, JUPYTER_GREEN_LEDGER=str(tmp_path / "ledger.sqlite"))
    assert line == "This user has no home folder. Set HOME to a folder that lasts and can be written."


def test_a_home_that_is_no_folder_costs_a_sentence(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    (line,) = told([], tmp_path, HOME=str(blocked / "home"))
    assert line.startswith("Records can't be written to disk")


def test_a_temporary_folder_that_somebody_else_could_have_made_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(location, "_home_data", lambda: None)
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path))
    own = location.data_folder()
    assert own.is_dir()
    assert not own.stat().st_mode & 0o077
    own.rmdir()
    own.symlink_to(tmp_path / "elsewhere")
    assert location.data_folder() != own
