"""How often baseline comparisons are right, if energy is only estimated and others use the machine too.

One process repeatedly runs a notebook of two cells, while 0, 1 and 2 other processes are busy. Each round has a
baseline run, and runs with half the work, 20 % less, the same and 20 % more. Each of the four is compared with the
median of the three baseline runs before it, and with the last one alone, by the rule of `baselines.comparison`. Cells
are metered as in a kernel; nothing is simulated.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from .machine import place

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jupyter_green.records import EnergyRecord

CHANGES = (-0.5, -0.2, 0.0, 0.2)
BURNERS = (0, 1, 2)
RUNS = 3
LOOPS, PRODUCTS = 800_000, 50
OUT = Path(__file__).with_name("out")

Run = list["EnergyRecord"]


def work(share: float) -> tuple[Callable[[], object], Callable[[], object]]:
    """Return the two cells of a notebook with a given share of its work."""
    import numpy as np

    matrix = np.random.default_rng(0).random((300, 300))

    def count() -> int:
        return sum(number * number % 7 for number in range(int(LOOPS * share)))

    def multiply() -> None:
        for _ in range(int(PRODUCTS * share)):
            matrix @ matrix

    return count, multiply


def metered(name: str, share: float) -> Run:
    """Run the notebook once and return the records of its cells."""
    import jupyter_green as green

    records = []
    for place_of, cell in enumerate(work(share)):
        with green.meter(f"cell {place_of}") as window:
            cell()
        code = f"{place_of} {share}"
        records.append(window.record.with_(span="cell", run_id=name, cell_id=str(place_of), code_hash=code))
    return records


@contextmanager
def burners(count: int) -> Iterator[None]:
    """Keep a number of processes busy."""
    started = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        time.sleep(0.5)
        yield
    finally:
        for process in started:
            process.kill()
            process.wait()


def verdict(ours: Run, base: Sequence[Run]) -> str:
    """Return the result of comparing a run with the median of others."""
    from jupyter_green.baselines.baseline import Baseline
    from jupyter_green.baselines.comparison import Comparison

    baselines = [last for run in base if (last := Baseline.of_run(run, "last")) is not None]
    baseline = Baseline.median(baselines)
    assert baseline is not None, "every cell finished"
    comparison = Comparison(baseline)
    for record in ours:
        comparison.take(record.cell_id or "", record)
    return comparison.total().verdict


def counted(runs: Sequence[dict[float, Run]], before: int) -> dict[float, Counter[str]]:
    """Return how often each change was stated rightly, wrongly, or not at all."""
    counts: dict[float, Counter[str]] = {change: Counter() for change in CHANGES}
    for number in range(RUNS, len(runs)):
        base = [run[-1.0] for run in runs[number - before : number]]
        for change in CHANGES:
            result = verdict(runs[number][change], base)
            right = "less" if change < 0 else "more" if change > 0 else "unproven"
            open_ = result == "unproven" and change != 0
            counts[change]["open" if open_ else "right" if result == right else "wrong"] += 1
    return counts


def measured(pairs: int) -> list[dict[str, list[object]]]:
    """Run the rounds; the baseline run, with the key -1, is the first of each."""
    metered("warm", 1.0)
    shares = {-1.0: 1.0, **{change: 1.0 + change for change in CHANGES}}
    return [
        {
            str(change): [record.to_dict() for record in metered(f"{n} {change}", share)]
            for change, share in shares.items()
        }
        for n in range(pairs + RUNS)
    ]


def beside(count: int, pairs: int) -> list[dict[str, list[object]]]:
    """Measure with busy processes, in a separate process: the busy ones must not be children of the metered one."""
    OUT.mkdir(exist_ok=True)
    target = OUT / f"busy-{count}.json"
    with burners(count):
        subprocess.run(
            [sys.executable, "-m", "benchmarks.busy", "--measure", str(target), "--pairs", str(pairs)], check=True
        )
    runs: list[dict[str, list[object]]] = json.loads(target.read_text(encoding="utf-8"))
    return runs


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(prog="busy", description=__doc__)
    parser.add_argument("--pairs", type=int, default=100)
    parser.add_argument("--again", action="store_true", help="judge the runs that were measured last")
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        options.measure.write_text(json.dumps(measured(options.pairs)), encoding="utf-8")
        return
    from jupyter_green.records import EnergyRecord

    load, began = os.getloadavg(), time.monotonic()
    print("| burners | others, busy | change | 3 runs: right | wrong | open | 1 run: right | wrong | open |")
    print("|---|---|---|---|---|---|---|---|---|")
    for count in BURNERS:
        target = OUT / f"busy-{count}.json"
        raw = json.loads(target.read_text(encoding="utf-8")) if options.again else beside(count, options.pairs)
        runs = [
            {float(change): [EnergyRecord.from_dict(record) for record in run] for change, run in single.items()}
            for single in raw
        ]
        triple, single = counted(runs, RUNS), counted(runs, 1)
        parts = [part for each in runs for run in each.values() for record in run for part in record.components]
        loads = [part.others_busy for part in parts if part.others_busy is not None]
        load_text = f"{sum(loads) / len(loads):.0%}" if loads else "–"
        for change in CHANGES:
            cells = [counts[change][word] for counts in (triple, single) for word in ("right", "wrong", "open")]
            print(f"| {count} | {load_text} | {change:+.0%} | " + " | ".join(map(str, cells)) + " |", flush=True)
    print(f"\n{place(load)}; {time.monotonic() - began:.0f} s.")


if __name__ == "__main__":
    main()
