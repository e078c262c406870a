"""A Python process of its own that evaluates what a test asks, one expression at a time.

The library and `pynvml` are loaded once for each process, so whatever depends on the environment needs
another process; asking it step by step lets a test change the driver in between without any sleeping.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

ROOT = Path(__file__).resolve().parents[2]

LOOP = """
import json, sys
scope = {}
for line in sys.stdin:
    kind, text = json.loads(line)
    try:
        answer = {"value": exec(text, scope) if kind == "run" else eval(text, scope)}
    except BaseException as error:
        name = type(error).__name__
        answer = {"error": name, "text": str(error), "code": getattr(error, "value", None)}
    print("\\x1e" + json.dumps(answer, default=str), flush=True)
"""


class PeerError(Exception):
    """The other process raised; `kind` names the exception, `code` is NVML's error where there is one."""

    def __init__(self, answer: Mapping[str, Any]) -> None:
        super().__init__(f"{answer['error']}: {answer['text']}")
        self.kind: str = answer["error"]
        self.text: str = answer["text"]
        self.code: int | None = answer["code"]


class Peer:
    """Start a process with these variables on top of ours; None removes one."""

    def __init__(self, variables: Mapping[str, str | None]) -> None:
        merged = {**os.environ, **variables}
        environment = {name: value for name, value in merged.items() if value is not None}
        self._process = subprocess.Popen(
            [sys.executable, "-W", "error", "-c", LOOP],
            env=environment,
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.printed: list[str] = []

    def run(self, code: str) -> None:
        """Execute statements."""
        self._send("run", code)

    def ask(self, expression: str) -> Any:
        """Return the value of an expression as JSON carries it; raises `PeerError` where it raised."""
        return self._send("ask", expression)

    def _send(self, kind: str, text: str) -> Any:
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps([kind, text]) + "\n")
        process.stdin.flush()
        for line in process.stdout:
            before, mark, answer = line.partition("\x1e")
            if mark:
                told = json.loads(answer)
                if "error" in told:
                    raise PeerError(told)
                return told["value"]
            self.printed.append(before)
        assert process.stderr is not None
        raise AssertionError(f"the other process ended: {process.stderr.read()}")

    def __enter__(self) -> Peer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the process; what it wrote to standard error fails the test, for it should be silent."""
        _, complaints = self._process.communicate(timeout=600)
        if error is None:
            assert complaints == ""
            assert self._process.returncode == 0
