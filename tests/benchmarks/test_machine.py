"""What the benchmarks say of the programs that they ran with."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from benchmarks.machine import installed
from benchmarks.sidebar import _heading
from tests.support import installation


def test_a_version_is_that_of_the_environment_that_is_asked_of(tmp_path: Path) -> None:
    told = tmp_path / "lib" / "python3.11" / "site-packages" / "pytest-1.2.3.dist-info" / "METADATA"
    told.parent.mkdir(parents=True)
    told.write_text("Metadata-Version: 2.1\nName: pytest\nVersion: 1.2.3\n", encoding="utf-8")
    assert installed("pytest") == pytest.__version__
    assert installed("pytest", tmp_path) == "1.2.3"
    assert installed("pytest", tmp_path / "nowhere") == "(not installed)"
    assert installed("no-such-distribution") == "(not installed)"
    assert installed(None) == ""


def test_the_heading_of_the_side_panel_names_the_jupyterlab_that_was_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(installation, "STORE", tmp_path)
    monkeypatch.delenv(installation.GIVEN, raising=False)
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    told = tmp_path / "lab" / "lib" / version / "site-packages" / "jupyterlab-4.9.9.dist-info" / "METADATA"
    told.parent.mkdir(parents=True)
    told.write_text("Metadata-Version: 2.1\nName: jupyterlab\nVersion: 4.9.9\n", encoding="utf-8")
    assert "JupyterLab 4.9.9, Chromium 1" in _heading("today", (0.0, 0.0, 0.0), "1", quick=False)
