"""Runs a metering script in a process of its own, on the simulated driver, and returns what it printed as JSON."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from jupyter_green.storage.journal import Replay, journals, replay
from tests.support.driver import SimulatedDriver

PRELUDE = """
import json, os, sys, threading, time
import jupyter_green as green
from jupyter_green.session import current
"""


def start(code: str, driver: SimulatedDriver | None = None, **environment: str) -> subprocess.Popen[str]:
    """Start a script; what it prints last must be JSON."""
    settings = {**os.environ, **(driver.environment() if driver is not None else {}), **environment}
    return subprocess.Popen(
        [sys.executable, "-c", PRELUDE + code],
        env=settings,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        stdin=subprocess.PIPE,
        text=True,
    )


def run(code: str, driver: SimulatedDriver | None = None, **environment: str) -> Any:
    """Run a script to its end and return the JSON of its last line."""
    process = start(code, driver, **environment)
    out, err = process.communicate(timeout=600)
    assert process.returncode == 0, err
    assert "Traceback" not in err, err
    return json.loads(out.strip().splitlines()[-1])


def written() -> list[Replay]:
    """What the journals of the test's own data folder hold."""
    root = Path(os.environ["XDG_DATA_HOME"]) / "jupyter_green" / "journal"
    return [replay(path) for folder in sorted(root.glob("*")) for path in journals(folder)]
