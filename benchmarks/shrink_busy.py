"""Results of `green.shrink` on small models while other processes keep the CPU busy.

    python -m benchmarks.shrink_busy --burners 0 1 2 --repeats 3
    python -m benchmarks.shrink_busy --same 40

Each search runs in its own process, with a number of busy processes per core. The second form compares a model with a
copy of itself in a number of trials, as candidates are selected, and counts the results. Nothing here passes or fails.
"""

from __future__ import annotations

import argparse
import copy
import json
import os
import subprocess
import sys
import time as clock
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

WORKS = ("mlp", "cnn", "gru")
BURN = "while True: pass"
TRAINED_STEPS = 150


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the requested searches, and print a table row for each."""
    parser = argparse.ArgumentParser(prog="benchmarks.shrink_busy", description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--work", nargs="+", choices=WORKS, default=list(WORKS), help="which models")
    parser.add_argument("--burners", nargs="+", type=int, default=[0, 1, 2], help="for each core")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--time", default="60s", help="for each search (default: 60s)")
    parser.add_argument("--rows", action="store_true", help="print the rows of each search too")
    parser.add_argument("--one", choices=WORKS, help="run one search in this process and print it as JSON")
    parser.add_argument("--same", type=int, default=0, help="so many trials of a model against its copy, no search")
    options = parser.parse_args(arguments)
    if options.same:
        for work in options.work:
            print(f"{work}: {against_itself(work, options.same)}", flush=True)
        return 0
    if options.one is not None:
        print(json.dumps(searched(options.one, options.time)))
        return 0
    print("| model | burners for each core | used by others | kept | less (95 % interval) | proven | what is said |")
    print("|---|---:|---:|---|---|---|---|")
    for work in options.work:
        for burners in options.burners:
            for _ in range(options.repeats):
                with burning(burners * (os.cpu_count() or 1)):
                    command = [sys.executable, "-m", "benchmarks.shrink_busy", "--one", work, "--time", options.time]
                    process = subprocess.run(command, capture_output=True, text=True, check=False)
                if process.returncode:
                    print(f"| {work} | {burners} | | failed: {(process.stderr.strip().splitlines() or ['?'])[-1]} |")
                    continue
                result = json.loads(process.stdout.strip().splitlines()[-1])
                print(f"| {work} | {burners} | {_line(result)} |", flush=True)
                if options.rows:
                    print("\n".join(result["rows"]), flush=True)
    return 0


def _line(found: dict[str, Any]) -> str:
    others, less = found["others"], found["less"]
    return " | ".join(
        (
            "–" if others is None else f"{100 * others:.0f} %",
            found["kept"] or "–",
            "–" if less is None else "{:.1f}× ({:.1f}–{:.1f})".format(*less),
            "yes" if found["proven"] else "no",
            found["reason"],
        )
    )


@contextmanager
def burning(number: int) -> Iterator[None]:
    """Keep the CPU busy with a number of processes inside the block."""
    burners = [subprocess.Popen([sys.executable, "-c", BURN]) for _ in range(number)]
    try:
        yield
    finally:
        for burner in burners:
            burner.kill()
            burner.wait()


def searched(work: str, time: str) -> dict[str, Any]:
    """Return the result of a search on a model."""
    import jupyter_green as green
    from jupyter_green.sensors.cpu_model import busy_seconds

    model, data = made(work)
    began, before = clock.perf_counter(), busy_seconds() - clock.process_time()
    result = green.shrink(model, data, batch=1, time=time, progress=False)
    ratio = result.energy_ratio_interval
    cpu = result.facts.cpu
    others = (busy_seconds() - clock.process_time() - before) / (os.cpu_count() or 1) / (clock.perf_counter() - began)
    rows = [
        f"    {row.name} | {row.standing} | {'' if row.ratio is None else f'{row.ratio.value:.3f}'} | {row.reason}"
        for row in result.candidates
    ]
    return {
        "kept": result.recipe,
        "less": None if ratio is None else [1 / float(result.energy_ratio or 1), 1 / ratio[1], 1 / ratio[0]],
        "cpu": None if cpu is None else [1 / cpu.value, 1 / cpu.high, 1 / cpu.low],
        "proven": result.proven,
        "reason": result.reason,
        "others": others,
        "rows": rows,
    }


def against_itself(work: str, trials: int, seconds: float = 4.8) -> dict[str, int]:
    """Return how often each result was stated for a copy of a model, from measured trials."""
    import torch

    from jupyter_green.compression.cost.cost_meter import SessionCostMeter
    from jupyter_green.compression.cost.thread_spin_guard import ALONE, told
    from jupyter_green.compression.cost.trial import Runner, run_trial
    from jupyter_green.compression.model.workload import in_threads
    from jupyter_green.session import current

    model, (inputs, _) = made(work)
    threads, gauge = torch.get_num_threads(), SessionCostMeter(current())

    def runner(held: Any, number: int = threads) -> Runner:
        def run(turn: int) -> None:
            with torch.inference_mode(), in_threads(number):
                held(inputs[turn : turn + 1])

        return Runner(run, lambda _turn: 1, held)

    counts = Counter[str]()
    runners = {"original": runner(model), "same": runner(copy.deepcopy(model)), ALONE: runner(model, 1)}
    for seed in range(trials):
        trial = run_trial(runners, gauge, seconds=seconds, rounds=12, seed=seed, drop="same")
        counts[told(trial, "same", ALONE, threads).outcome.verdict] += 1
    return dict(counts)


def made(work: str) -> tuple[Any, Any]:
    """Return a model trained for a few seconds, and examples that it was not trained on."""
    import torch
    from torch import nn

    torch.manual_seed(0)

    class Last(nn.Module):
        """A recurrent network that classifies by its last state."""

        def __init__(self) -> None:
            super().__init__()
            self.gru, self.head = nn.GRU(12, 64, batch_first=True), nn.Linear(64, 3)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            scores: torch.Tensor = self.head(self.gru(x)[0][:, -1])
            return scores

    rule = torch.randn(12, 3)
    if work == "mlp":
        layers = [nn.Linear(12, 512), nn.ReLU(), *(m for _ in range(4) for m in (nn.Linear(512, 512), nn.ReLU()))]
        model: Any = nn.Sequential(*layers, nn.Linear(512, 3))
        inputs = torch.randn(8000, 12)
        labels = (inputs @ rule).argmax(-1)
    elif work == "cnn":
        channels = ((1, 32), (32, 32), (32, 32))
        layers = [m for a, b in channels for m in (nn.Conv2d(a, b, 3, padding=1), nn.BatchNorm2d(b), nn.ReLU())]
        model = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, 3))
        labels = torch.randint(0, 3, (8000,))
        kinds, line = torch.zeros(3, 12, 12), torch.arange(12)
        kinds[0, 5:7, :], kinds[1, :, 5:7], kinds[2, line, line] = 1, 1, 1
        inputs = kinds[labels][:, None] + 0.3 * torch.randn(8000, 1, 12, 12)
    else:
        model = Last()
        inputs = torch.randn(8000, 10, 12)
        labels = (inputs[:, -1] @ rule).argmax(-1)
    optimizer = torch.optim.Adam(model.parameters(), 2e-3)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # on a busy machine, threads that wait for one another take minutes for this
    for _ in range(TRAINED_STEPS):
        places = torch.randint(0, 4000, (128,))
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(inputs[places]), labels[places]).backward()
        optimizer.step()
    torch.set_num_threads(threads)
    return model.eval(), (inputs[4000:], labels[4000:])


if __name__ == "__main__":
    sys.exit(main())
