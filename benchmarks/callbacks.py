"""Cost of the callbacks before and after a cell, without and with a budget; part of `benchmarks/run costs`.

Each arm has a shell in its own process; all run at the same time. They alternate in batches of cells, in rotating
order, so that other load on the machine affects all of them. Ratios are between consecutive batches.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from .machine import clean
from .sample import Sample

SHELL = Path(__file__).with_name("shell.py")
ROOT = SHELL.parents[1]
ARMS = {"plain": "without the extension", "metered": "no budget", "budget": "with a budget"}
CELLS = 20
"""Cells per batch."""
QUANTITIES = {"pre_run_cell": "before, µs", "post_run_cell": "after, µs", "cell": "whole cell, µs"}

Batch = Mapping[str, float]
"""Medians of one batch in seconds, by quantity."""


@dataclass(frozen=True)
class Costs:
    """Batches of one arm in order of execution, and those of the other checkout."""

    arm: str
    batches: Sequence[Batch]
    others: Sequence[Batch] = ()


def measure(folder: Path, rounds: int, other: Path | None = None) -> list[Costs]:
    """Run the arms alternately.

    Parameters
    ----------
    folder : Path
        Folder in which each shell gets its own home folder.
    rounds : int
        Batches of each arm; the first is not counted.
    other : Path, optional
        Another checkout to measure for comparison.
    """
    trees = [ROOT] if other is None else [ROOT, other.resolve()]
    keys = [(arm, tree) for arm in ARMS for tree in (trees if arm != "plain" else [ROOT])]
    batches: dict[tuple[str, Path], list[Batch]] = {key: [] for key in keys}
    with ExitStack() as open_shells:
        shells = {key: open_shells.enter_context(_shell(folder / str(place), *key)) for place, key in enumerate(keys)}
        for turn in range(rounds + 1):
            first = turn % len(keys)
            for key in (*keys[first:], *keys[:first]):
                batch = _batch(shells[key])
                if turn:
                    batches[key].append(batch)
        for shell in shells.values():
            assert shell.stdin is not None, "it is a pipe"
            shell.stdin.close()
    return [Costs(arm, batches[arm, ROOT], batches.get((arm, trees[-1]), ()) if len(trees) > 1 else ()) for arm in ARMS]


def markdown(costs: Sequence[Costs]) -> str:
    """Return the table: CPU time of the main thread, and elapsed time of a cell."""
    plain = next(arm_costs.batches for arm_costs in costs if arm_costs.arm == "plain")
    other = any(arm_costs.others for arm_costs in costs)
    heading = ["", *QUANTITIES.values(), "times a plain cell", "elapsed, ms", *(["times the other checkout"] * other)]
    lines = ["| " + " | ".join(heading) + " |", "|---" * len(heading) + "|"]
    for arm_costs in costs:
        cells = [ARMS[arm_costs.arm], *(_sample(arm_costs.batches, key).text(1e6, 0) for key in QUANTITIES)]
        cells += [_ratio(arm_costs.batches, plain), _sample(arm_costs.batches, "elapsed").text(1e3, 2)]
        if other:
            cells.append(_ratio(arm_costs.batches, arm_costs.others) if arm_costs.others else "–")
        lines.append("| " + " | ".join(cells) + " |")
    batches = len(plain)
    return "\n".join([*lines, "", f"n: {batches} batches of {CELLS} cells `x = 1` in each line."])


def _sample(batches: Sequence[Batch], key: str) -> Sample:
    """Return the medians of batches in four blocks, one for each quarter of the run."""
    size = max(1, len(batches) // 4)
    values = [batch[key] for batch in batches]
    return Sample(tuple(tuple(values[start : start + size]) for start in range(0, len(values), size)))


def _ratio(batches: Sequence[Batch], beside: Sequence[Batch]) -> str:
    return f"{statistics.median(a['cell'] / b['cell'] for a, b in zip(batches, beside, strict=True)):.2f}"


def _shell(folder: Path, arm: str, tree: Path) -> subprocess.Popen[str]:
    folder.mkdir(parents=True)
    environment = {**clean(folder, {}), "PYTHONPATH": os.fspath(tree)}
    return subprocess.Popen(
        [sys.executable, os.fspath(SHELL), arm],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=folder,
        env=environment,
        text=True,
    )


def _batch(shell: subprocess.Popen[str]) -> Batch:
    assert shell.stdin is not None, "it is a pipe"
    assert shell.stdout is not None, "it is a pipe"
    shell.stdin.write(f"{CELLS}\n")
    shell.stdin.flush()
    seconds: dict[str, list[float]] = json.loads(shell.stdout.readline())
    return {key: statistics.median(values) for key, values in seconds.items()}
