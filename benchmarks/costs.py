"""Cost of metering: CPU time, time and memory added to a plain kernel, by jupyter_green and others in one run.

    bash benchmarks/run costs

The GPU is the tests' simulated driver, whose calls take a microsecond. A real driver's calls take longer, for every
meter. Nothing here passes or fails.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.support.driver import SimulatedDriver

from . import callbacks
from .block import QUICK, Outcome, Plan, measure
from .kernel import KernelFault
from .machine import environment, installed, place
from .sample import Sample
from .subject import SUBJECTS, Subject
from .table import Row, markdown

OUT = Path(__file__).with_name("out")
WATTS = 250.0  # constant power of the simulated GPU


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print the table and write it to ``benchmarks/out``."""
    parser = argparse.ArgumentParser(prog="benchmarks/run costs", description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--blocks", type=int, default=3, help="how often everything is measured (default: 3)")
    parser.add_argument("--quick", action="store_true", help="one short block, to see that it runs")
    parser.add_argument("--only", nargs="+", default=None, metavar="NAME", help="meters whose name contains NAME")
    parser.add_argument("--callbacks", action="store_true", help="only what the callbacks of a cell cost")
    parser.add_argument(
        "--tree", type=Path, metavar="FOLDER", help="another checkout whose callbacks are measured beside"
    )
    options = parser.parse_args(arguments)
    if options.callbacks or options.tree is not None:
        _callbacks(20 if options.quick else 60, options.tree)
        return 0
    plan, blocks = (QUICK, 1) if options.quick else (Plan(), options.blocks)
    subjects = [s for s in SUBJECTS if not options.only or any(n.casefold() in s.name.casefold() for n in options.only)]
    if not subjects or blocks < 1:
        parser.error("nothing to measure; the meters are: " + "; ".join(subject.name for subject in SUBJECTS))

    began, load_before = time.strftime("%Y-%m-%d %H:%M"), os.getloadavg()
    outcomes: dict[Subject, list[Outcome]] = {subject: [] for subject in subjects}
    reasons: dict[Subject, str] = {}
    with tempfile.TemporaryDirectory(prefix="green-bench-", ignore_cleanup_errors=True) as place:
        for number in range(blocks):
            # Alternating order, so that no meter is always the first.
            for subject in subjects if number % 2 == 0 else reversed(subjects):
                if subject in reasons:
                    continue
                print(f"block {number + 1} of {blocks}: {subject.name}", file=sys.stderr, flush=True)
                folder = Path(place) / f"{number}-{subjects.index(subject)}"
                try:
                    outcomes[subject].append(measure(subject, folder, _driver(folder, subject), plan, number))
                except KernelFault as fault:
                    reasons[subject] = str(fault)
                    print(f"    left out: {fault}", file=sys.stderr, flush=True)
    rows = [_row(subject, outcomes[subject], reasons.get(subject)) for subject in subjects]
    text = f"{_heading(began, load_before, blocks, plan)}\n\n{markdown(rows)}\n"
    print(text)
    OUT.mkdir(exist_ok=True)
    (OUT / "costs.md").write_text(text, encoding="utf-8")
    raw = {subject.name: [outcome.__dict__ for outcome in outcomes[subject]] for subject in subjects}
    (OUT / "costs.json").write_text(json.dumps(raw, indent=1), encoding="utf-8")
    print(f"Written: {OUT / 'costs.md'} and, value by value, {OUT / 'costs.json'}", file=sys.stderr)
    if not options.only:
        _callbacks(20 if options.quick else 60, None)
    return 0


def _callbacks(rounds: int, other: Path | None) -> None:
    began, load_before = time.strftime("%Y-%m-%d %H:%M"), os.getloadavg()
    with tempfile.TemporaryDirectory(prefix="green-bench-", ignore_cleanup_errors=True) as folder:
        costs = callbacks.measure(Path(folder), rounds, other)
    software = f"IPython {installed('ipython')}"
    heading = (
        "Processor time of the main thread for the callbacks before and after a cell, and for the whole cell, "
        f"{began}, on {place(load_before)}, {software}. "
        "Medians, in brackets the lowest and highest of four parts of the run."
    )
    text = f"{heading}\n\n{callbacks.markdown(costs)}\n"
    print(text)
    OUT.mkdir(exist_ok=True)
    (OUT / "callbacks.md").write_text(text, encoding="utf-8")


def _driver(folder: Path, subject: Subject) -> dict[str, str]:
    """Set up a simulated driver with one GPU of constant power."""
    driver = SimulatedDriver(folder)
    driver.board(idle=WATTS, tick=subject.tick)
    return environment(driver, folder)


def _row(subject: Subject, outcomes: Sequence[Outcome], reason: str | None) -> Row:
    shown = installed(subject.package)
    if reason is not None or not outcomes:
        return Row(subject.name, shown, reason=reason or "it was not run")
    samples = {key: Sample(tuple(tuple(outcome.values[key]) for outcome in outcomes)) for key in outcomes[0].values}
    remarks = []
    joules = [outcome.joules for outcome in outcomes if outcome.joules is not None]
    if joules:
        low, high = (f"{value:.0f}" for value in (min(joules), max(joules)))
        remarks.append(
            f"it was metering: a cell of one second, longer on a busy machine, read "
            f"{low if low == high else f'{low} to {high}'} J, simulated (the board draws {WATTS:.0f} W; what a meter "
            "assumes of processor, memory and cooling is in it)"
        )
    hosts = {host for outcome in outcomes for host in outcome.refused}
    if hosts:
        remarks.append(f"asked the network for {len(hosts)} address(es), which was refused and took no time here")
    return Row(subject.name, shown, samples, None, remarks)


def _heading(began: str, load_before: Sequence[float], blocks: int, plan: Plan) -> str:
    software = f"IPython {installed('ipython')}, ipykernel {installed('ipykernel')}"
    return (
        f"Costs of metering, {began}, on {place(load_before)}, {software}; simulated GPU driver. Each figure is the "
        "median of differences to a plain kernel that ran beside it, in brackets the lowest and highest of "
        f"{blocks} block(s) with fresh kernels ({plan.rounds} pairs of small cells, one cell of {plan.sleeping:.0f} s "
        f"asleep and one of {plan.busy:.0f} s computing, {plan.idle:.0f} s idle in each). The control compares two "
        "plain kernels: what it shows is noise."
    )


if __name__ == "__main__":
    sys.exit(main())
