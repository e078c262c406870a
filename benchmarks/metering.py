"""Accuracy of jupyter_green and other meters on the same simulated GPUs with known true energy.

    bash benchmarks/run metering

Everything here is simulated: it shows how a meter uses a sensor, and nothing about real GPUs. Nothing here passes or
fails.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from . import sheet
from .contest import Bout, Contest
from .figures import CONTROL, SO_FAR, Result
from .gauge import METERS
from .goals import Score, campaigns
from .machine import commit, installed, place
from .page import KEPT, page
from .picture import picture
from .scene import SCENES

OUT = Path(__file__).with_name("out")
DOCS = Path(__file__).resolve().parents[1] / "docs"

SINGLE = {0.005: 8, 0.02: 8, 0.1: 8, 0.5: 6, 2.0: 6, 10.0: 2}
FULL = (
    Bout("alone", 0.1, SINGLE),
    Bout("alone", 0.02, SINGLE),
    Bout("warm", 0.1, {0.02: 6, 0.1: 6, 0.5: 6, 2.0: 4}),
    Bout("run all", 0.1, {0.02: 2, 0.15: 3, 1.0: 2}),
    Bout("no counter", 0.1, {0.1: 6, 0.5: 6, 2.0: 6}),
    Bout("old board", 0.02, {0.1: 4, 0.5: 4, 2.0: 4}),
    Bout("alone", 0.1, SINGLE),
    Bout("alone", 0.02, SINGLE),
    Bout("warm", 0.1, {0.02: 6, 0.1: 6, 0.5: 6, 2.0: 4}),
    Bout("run all", 0.1, {0.02: 2, 0.15: 3, 1.0: 2}),
)


@dataclass(frozen=True)
class Case:
    """A case: its name and update period in `contest`, a short name for rows, and a heading."""

    name: str
    tick: float
    short: str
    title: str


CASES = (
    Case("alone", 0.1, "100 ms", "One window, the board idle before and after it, counter every 100 ms"),
    Case("alone", 0.02, "20 ms", "The same, counter every 20 ms"),
    Case(
        "warm",
        0.1,
        "warm",
        "On a warm board: other power before and after, ramps, ticks early or late, a counter up to 20 ms behind",
    ),
    Case("run all", 0.1, "in a row", "Cells in a row, 2 ms apart, each of a power of its own, counter every 100 ms"),
    Case("no counter", 0.1, "no counter", "No counter: power every 100 ms, a mean over the last second"),
    Case("old board", 0.02, "old board", "An old board: no counter, power every 20 ms that looks at half of the time"),
)
QUICK = (
    Bout("alone", 0.1, {0.005: 4, 0.02: 4, 0.1: 4, 0.5: 4, 2.0: 2}),
    Bout("alone", 0.02, {0.005: 2, 0.02: 2, 0.1: 2, 0.5: 2, 2.0: 2}),
    Bout("warm", 0.1, {0.1: 2, 0.5: 2}),
    Bout("run all", 0.1, {0.15: 2}),
    Bout("no counter", 0.1, {0.5: 2, 2.0: 2}),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the comparison and the campaigns, print the tables and write them to ``benchmarks/out``."""
    parser = argparse.ArgumentParser(prog="benchmarks/run metering", description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--quick", action="store_true", help="few windows, to see that it runs")
    parser.add_argument("--only", nargs="+", default=None, metavar="NAME", help="meters whose name contains NAME")
    parser.add_argument("--case", nargs="+", default=None, choices=list(SCENES), help="these cases only, no campaigns")
    parser.add_argument("--seed", type=int, default=2026, help="what boards and scenes are drawn from (default: 2026)")
    parser.add_argument("--publish", action="store_true", help="write docs/metering.md and docs/metering.svg too")
    options = parser.parse_args(arguments)
    # The control is always included: costs are given relative to it.
    keys = [key for key, meter in METERS.items() if _chosen(meter.name, options.only) or key == "control"]
    if len(keys) < 2:
        parser.error("nothing to measure; the meters are: " + "; ".join(meter.name for meter in METERS.values()))
    if options.publish and (options.case or options.only or options.quick):
        parser.error("only a whole run is published; leave out --case, --only and --quick")

    began, load_before = time.time(), os.getloadavg()
    with tempfile.TemporaryDirectory(prefix="green-bench-", ignore_cleanup_errors=True) as folder:
        contest = Contest(keys, Path(folder), options.seed, _tell)
        bouts = [b for b in (QUICK if options.quick else FULL) if not options.case or b.case in options.case]
        for number, bout in enumerate(bouts):
            _tell(f"bout {number + 1} of {len(bouts)}")
            contest.run(number, bout)
    scores = [] if options.case else campaigns(100 if options.quick else 500, _tell)

    heading = _heading(began, load_before, contest, options.seed)
    body = _body(contest, scores)
    text = f"{heading}\n\n{body}\n"
    print(text)
    OUT.mkdir(exist_ok=True)
    raw = {"heading": heading, "results": [asdict(r) for r in contest.results], "scores": [asdict(s) for s in scores]}
    (OUT / "metering.json").write_text(json.dumps(raw, indent=1), encoding="utf-8")
    (OUT / "metering.md").write_text(text, encoding="utf-8")
    drawn = picture(_of(contest.results, CASES[0]), _names(contest.results))
    if drawn:
        (OUT / "metering.svg").write_text(drawn, encoding="utf-8")
    _tell(f"Written: {OUT / 'metering.md'} with its picture and, window by window, {OUT / 'metering.json'}")
    if options.publish:
        DOCS.mkdir(exist_ok=True)
        shown = DOCS / "metering.md"
        _, mark, rest = shown.read_text(encoding="utf-8").partition(f"\n{KEPT}\n")  # not of this run
        shown.write_text(page(heading, body) + mark + rest, encoding="utf-8")
        (DOCS / "metering.svg").write_text(drawn, encoding="utf-8")
        _tell(f"Published: {DOCS / 'metering.md'} and metering.svg")
    return 0


def _body(contest: Contest, scores: Sequence[Score]) -> str:
    results, names = contest.results, _names(contest.results)
    notes: list[str] = []
    parts: list[str] = []
    for case in CASES:
        windows = _of(results, case)
        if not windows:
            continue
        marks = {}
        for key, meter in METERS.items():
            if (case.name, key) in contest.reasons and meter.name in names:
                notes.append(f"({len(notes) + 1}) {meter.name}, {case.short}: {contest.reasons[case.name, key]}.")
                marks[meter.name] = f" ({len(notes)})"
        shown = [name for name in names if name != SO_FAR or case.name != "run all"]
        table = (sheet.runs if case.name == "run all" else sheet.errors)(windows, shown, marks)
        parts += [f"### {case.title}", table]
        if case is CASES[0]:
            parts += ["### The same by the shape of the power inside the window", sheet.shapes(windows, names)]
    ours = [name for name in names if name in (METERS["green"].name, SO_FAR)]
    if ours:
        sections = [(case.short, windows) for case in CASES if (windows := _of(results, case))]
        parts += ["### The 95 % interval that jupyter_green states (the others state none)"]
        parts += [sheet.intervals(sections, ours)]
    lone = [item for item in results if item.case == "alone"]
    if lone:
        parts += ["### Costs, less those of the control", sheet.costs(lone, [*names, CONTROL])]
    if scores:
        parts += ["### Our estimator in virtual time, beside what was aimed at", sheet.goals(scores)]
    for key, hosts in contest.refused.items():
        if hosts:
            notes.append(f"{METERS[key].name} asked the network for {len(hosts)} address(es), which was refused.")
    if contest.late:
        why = "they had another length or opened after their work had begun"
        notes.append(f"{contest.late} windows were left out: the machine was busy, and {why}.")
    return "\n\n".join([*parts, *(["### Notes", "\n".join(f"- {note}" for note in notes)] if notes else [])])


def _heading(began: float, load_before: Sequence[float], contest: Contest, seed: int) -> str:
    keys = [key for key in METERS if any(item.meter == METERS[key].name for item in contest.results)]
    packages = dict.fromkeys(METERS[key].package for key in keys if METERS[key].package)
    versions_by_package = {package: f"{package} {installed(package)}" for package in packages}
    if "jupyter_green" in versions_by_package:
        versions_by_package["jupyter_green"] += commit()
    versions = ", ".join(versions_by_package.values())
    when = time.strftime("%Y-%m-%d %H:%M", time.localtime(began))
    minutes = (time.time() - began) / 60
    return (
        f"Simulated sensor, {when}, {minutes:.0f} minutes on {place(load_before)}; seed {seed}; {versions}. "
        "No GPU was measured."
    )


def _names(results: Sequence[Result]) -> list[str]:
    """Return the rows of the tables in order: ours, our provisional figure, the others; without the control."""
    order = [METERS["green"].name, SO_FAR, *(meter.name for meter in METERS.values())]
    present = {item.meter for item in results} - {CONTROL}
    return [name for name in dict.fromkeys(order) if name in present]


def _of(results: Sequence[Result], case: Case) -> list[Result]:
    return [item for item in results if item.case == case.name and item.tick == case.tick and item.meter != CONTROL]


def _chosen(name: str, only: Sequence[str] | None) -> bool:
    return not only or any(part.casefold() in name.casefold() for part in only)


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
