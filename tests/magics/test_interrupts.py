"""Interrupts wherever they fall: each cell has one record with the right status, and the cells behind it are stopped."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.magics.kernel import ROOT

pytestmark = pytest.mark.shell

PYTHON = os.environ.get("JUPYTER_GREEN_TEST_KERNEL_PYTHON", sys.executable)


@pytest.mark.parametrize("budget", [False, True], ids=["plain", "budget"])
def test_an_interrupt_at_each_line_of_the_callbacks(budget: bool) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}
    done = subprocess.run(
        [PYTHON, "-m", "tests.magics.interrupted", *(["budget"] if budget else [])],
        env=environment,
        cwd=Path.cwd(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["wrong"] == []
    assert told["tried"] > 200
    assert told["problem"] is None
    assert told["twice"] < 0.05  # no time is in two records
