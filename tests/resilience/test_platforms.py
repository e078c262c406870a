"""Other systems, as far as they can be faked: what Linux alone offers is taken away before anything is imported.

It shows that nothing is imported, called or assumed that the other system lacks; what a real Windows or macOS
machine answers is not shown here.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.resilience.bench import ledger

ROOT = Path(__file__).parents[2]

ELSEWHERE = """
import json, os, signal, sys
import importlib.metadata, multiprocessing, pathlib, platform, psutil, sqlite3, subprocess, tempfile, threading, uuid
import platformdirs, sqlalchemy, alembic.command, IPython.core.magic, traitlets, nbformat  # they look at the platform
name = sys.argv[1]
sys.platform = name
system = {"win32": "Windows", "darwin": "Darwin"}[name]
platform.system = lambda: system
del os.sched_getaffinity
if name == "win32":
    for module in ("fcntl", "resource", "pwd", "grp", "termios"):
        sys.modules[module] = None
    for function in ("pread", "sysconf", "getppid", "fork", "register_at_fork", "O_CLOEXEC",
                     "statvfs", "WNOHANG", "killpg"):
        if hasattr(os, function):
            delattr(os, function)
    for sign in ("SIGCHLD", "SIGKILL", "SIGHUP"):
        delattr(signal, sign)
    os.environ["PROCESSOR_IDENTIFIER"] = "AMD64 Family 25 Model 80 Stepping 0, AuthenticAMD"
    os.environ["USERNAME"] = "somebody"
import jupyter_green as green
import jupyter_green.cli, jupyter_green.magics.extension, jupyter_green.session.progress
from jupyter_green.session import current
session = current()
with green.meter("here") as window:
    sum(range(2_000_000))
for batch in green.track(range(3), desc="bar", disable=True):
    pass
assert window.record.joules > 0, window.record
assert {part.quality for part in window.record.components} == {"estimated"}
session.settle()
session.store.drain()
left = green.meter("left open").__enter__()
broken = [f.detail for f in session.discovery.findings if "could not be asked" in f.detail]
print(json.dumps([broken, session.problem, [r.label for r in green.ledger().records() if r.label]]))
"""


@pytest.mark.parametrize("name", ["win32", "darwin"])
def test_metering_by_estimate_with_journal_and_ledger(name: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", ELSEWHERE, name],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr, done.stderr
    broken, problem, labels = json.loads(done.stdout.strip().splitlines()[-1])
    assert broken == []
    assert problem is None
    assert "here" in labels
    found = ledger()
    assert len(found["here"]) == 1
    assert len(found["left open"]) == 1
