"""An interrupt anywhere in a command: one sentence, exit code 130, and a ledger that is whole."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from jupyter_green.records import EnergyRecord
from jupyter_green.storage import Ledger

ROOT = Path(__file__).resolve().parents[2]
INTERRUPTED = """
import signal, sys
from jupyter_green.cli import main
signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job of a shell ignores it
left = int(sys.argv[1])
def count(frame, event, argument):
    global left
    left -= event == "call"
    if left == 0 and event == "call":
        sys.setprofile(None)
        signal.raise_signal(signal.SIGINT)
sys.setprofile(count)
code = main(sys.argv[2:])
sys.setprofile(None)
print("calls", int(sys.argv[1]) - left, file=sys.stderr)
sys.exit(code)
"""
"""Runs a command, and interrupts it at its n-th call of a Python function."""


def run(at: int, *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", INTERRUPTED, str(at), *command],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )


@pytest.mark.skipif(sys.platform == "win32", reason="no such signals")
@pytest.mark.parametrize(
    ("command", "shares"),
    [
        (["check", "--mend"], (0.02, 0.9)),
        *(
            pytest.param(command, tuple(n / 12 for n in range(12)), marks=pytest.mark.long)
            for command in (
                ["check"],
                ["check", "--mend"],
                ["report"],
                ["export", "out.jsonl"],
                ["import", "in.jsonl"],
                ["doctor"],
            )
        ),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, list) else str(len(value)),
)
def test_an_interrupt_anywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: list[str], shares: tuple[float, ...]
) -> None:
    monkeypatch.chdir(tmp_path)
    with Ledger() as ledger:
        ledger.add(EnergyRecord(components=(), seconds=1.0, started_at=1e9 + n, run_id=f"run-{n}") for n in range(50))
        ledger.export(tmp_path / "in.jsonl")
    calls = int(run(10**9, *command).stderr.rpartition("calls ")[2])
    for share in shares:
        done = run(2 + int(share * calls * 0.98), *command)
        said = done.stderr.rpartition("calls ")[0]
        assert (done.returncode, said) == (130, "jupyter green: interrupted.\n"), share
    with Ledger() as ledger:
        assert (len(ledger.records()), ledger.check()) == (50, [])
