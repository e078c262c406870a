"""The command as a person types it, and notebooks to give it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

ROOT = Path(__file__).resolve().parents[2]
WORK = "sum(i * i for i in range(2_000_000))"
"""About a tenth of a second of processor time: enough for the processor model to see something."""


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str


Command = Callable[..., Done]


@pytest.fixture
def green() -> Command:
    """Run ``jupyter green`` with these words in a process of its own."""

    def run(*words: str | Path, **environment: str) -> Done:
        python = [str(ROOT), os.environ.get("PYTHONPATH", "")]
        done = subprocess.run(
            [sys.executable, "-m", "jupyter_green.cli", *map(str, words)],
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, python)), **environment},
        )
        return Done(done.returncode, done.stdout, done.stderr)

    return run


def notebook(path: Path, sources: Sequence[str], **metadata: Any) -> Path:
    """Write a notebook of code cells; their ids are c1, c2 and so on."""
    cells = [new_code_cell(source, id=f"c{number}") for number, source in enumerate(sources, 1)]
    nbformat.write(new_notebook(cells=cells, metadata=metadata), path)
    return path
