"""The figures of a GPU are in their file, whatever becomes of the part that is measured last."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from pathlib import Path

from benchmarks.gpu import Figures

ROOT = Path(__file__).resolve().parents[2]


def measure(out: Path) -> None:
    figures = Figures(out)
    figures.machine = {"cores": 2}
    figures.part("first", lambda: figures.add("idle", 12.0, "J", "simulated", 0.5), math.inf)
    figures.part("second", lambda: figures.add("power", None, "W", "simulated"), math.inf)
    figures.part("third", lambda: list[int]().pop(), math.inf)
    figures.part("late", lambda: None, -math.inf)
    figures.part("last", lambda: os._exit(1), math.inf)  # as one that hangs until it is killed


def test_a_part_that_never_ends_loses_its_own_figures_only(tmp_path: Path) -> None:
    out = tmp_path / "out" / "gpu.json"
    program = "import pathlib, sys; from tests.benchmarks.test_gpu import measure; measure(pathlib.Path(sys.argv[1]))"
    subprocess.run([sys.executable, "-c", program, str(out)], cwd=ROOT, timeout=600, check=False)
    report = json.loads(out.read_text())
    assert report["machine"] == {"cores": 2}
    (idle,) = report["figures"]
    assert (idle["name"], idle["value"], idle["quality"]) == ("idle", 12.0, "simulated")
    reasons = {absence["name"]: absence["why"] for absence in report["absent"]}
    assert list(reasons) == ["power", "third", "late", "last"]
    assert reasons["third"].startswith("IndexError: ")
    assert reasons["last"] == "It had not ended when everything was stopped."
