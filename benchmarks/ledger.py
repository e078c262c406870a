"""How long questions to a ledger take, by the number of its records; on SQLite and on a PostgreSQL server of its own.

A row is one question, asked three times; the median is shown. The records are made up: runs of some two hundred cells
with a GPU and a processor, half a minute apart, of fifty notebooks and five projects. They are written as rows, not one
by one, so that a million takes minutes. `--tree` names another checkout whose package is measured instead of this one;
`--against` names the figures of such a run, which then stand beside these.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
OUT = HERE / "out"
SIZES = (10_000, 100_000, 1_000_000)
QUESTIONS = {
    "totals": "sum of everything",
    "by project": "sum by project",
    "30 days": "sum of the last 30 days",
    "runs": "all runs with their sums",
    "page": "one page of 50 runs (server)",
    "newest": "the newest 200 records",
    "report": "report of the last 30 days",
    "add": "100 new records",
}
_BATCH = 5000


def main() -> None:
    """Measure, print a table, and write it with every figure to `benchmarks/out`."""
    parser = argparse.ArgumentParser(description=__doc__, prog="benchmarks/run ledger")
    parser.add_argument("--quick", action="store_true", help="no million")
    parser.add_argument("--only", choices=("sqlite", "postgresql"))
    parser.add_argument("--tree", type=Path, help="checkout whose package is measured")
    parser.add_argument("--against", type=Path, help="figures of another run, to stand beside these")
    parser.add_argument("--publish", action="store_true", help="write docs/ledger.md and its picture")
    parser.add_argument("--child", nargs=2, metavar=("URL", "SIZE"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        print(json.dumps(_measure(given.child[0], int(given.child[1]))))
        return
    sizes = SIZES[:-1] if given.quick else SIZES
    found: dict[str, dict[str, dict[str, float]]] = {}
    for kind in ("sqlite", "postgresql"):
        if given.only not in (None, kind):
            continue
        with _place(kind) as place:
            for size in sizes:
                found.setdefault(kind, {})[str(size)] = _in_a_process(place(), size, given.tree)
                print(kind, size, found[kind][str(size)], file=sys.stderr, flush=True)
    OUT.mkdir(exist_ok=True)
    name = "ledger" if given.tree is None else "ledger-other"
    (OUT / f"{name}.json").write_text(json.dumps(found, indent=1), encoding="utf-8")
    before = json.loads(given.against.read_text(encoding="utf-8")) if given.against else {}
    text = table(found, before)
    (OUT / f"{name}.md").write_text(text, encoding="utf-8")
    print(text)
    if given.publish:
        docs = HERE.parent / "docs"
        (docs / "ledger.svg").write_text(picture(found, before), encoding="utf-8")
        page = (docs / "ledger.md").read_text(encoding="utf-8")
        start, end = "<!-- figures -->\n", "<!-- end of figures -->"
        head, tail = page.partition(start)[0], page.partition(end)[2]
        (docs / "ledger.md").write_text(f"{head}{start}{text}{end}{tail}", encoding="utf-8")


# ---- places -----------------------------------------------------------------------------------


@contextmanager
def _place(kind: str) -> Iterator[Callable[[], str]]:
    """Yield what makes the URL of an empty ledger."""
    with tempfile.TemporaryDirectory(prefix="green-ledger-") as folder:
        if kind == "sqlite":
            yield lambda: f"sqlite:///{tempfile.mkdtemp(dir=folder)}/ledger.sqlite"
            return
        from tests.ledger.conftest import server

        made: Any = server  # pytest's fixture holds the function itself
        running = made.__wrapped__() if hasattr(made, "__wrapped__") else made.__pytest_wrapped__.obj()
        try:
            yield next(running).database
        finally:
            next(running, None)


def _in_a_process(url: str, size: int, tree: Path | None) -> dict[str, float]:
    root = str(HERE.parent if tree is None else tree.resolve())
    environment = {**os.environ, "PYTHONPATH": root, "JUPYTER_GREEN_SHARE": "owner,notebook,cell_id,label"}
    command = [sys.executable, str(Path(__file__).resolve()), "--child", url, str(size)]
    with tempfile.TemporaryDirectory() as data:
        environment["XDG_DATA_HOME"] = data
        done = subprocess.run(command, env=environment, cwd=root, check=True, stdout=subprocess.PIPE, text=True)
    figures: dict[str, float] = json.loads(done.stdout)
    return figures


# ---- what is measured -------------------------------------------------------------------------


def _record(number: int, now: float, size: int) -> Any:
    from jupyter_green.records import Component, EnergyRecord

    parts = [
        Component("gpu", "GPU 0, NVIDIA A10", "nvidia:0", 120.5, 3.5, 2.5, "counter", "measured", "board", "nvidia"),
        Component("cpu", "CPU", "model", 11.5, 5.5, 5.5, "model", "estimated", "kernel", "model"),
    ]
    run = number // 200
    return EnergyRecord(
        components=tuple(parts),
        seconds=5.0,
        started_at=now - 30.0 * (size - number),
        id=f"{number:032x}",
        run_id=f"{run:032x}",
        span="gap" if number % 10 == 9 else "cell",
        cell_id=f"cell-{number % 150}",
        execution_count=number % 200 + 1,
        code_hash=f"{number % 150:064x}",
        notebook=f"notebook-{run % 50}.ipynb",
        project=f"project-{run % 5}",
    )


def _fill(ledger: Any, size: int, now: float) -> float:
    """Write the records as rows; return the seconds that their sums took."""
    from sqlalchemy import insert

    from jupyter_green.ledger import schema

    ledger.add([])

    def write(first: int) -> Callable[[Any], None]:
        entries = [ledger._entry(_record(number, now, size)) for number in range(first, min(size, first + _BATCH))]

        def work(connection: Any) -> None:
            connection.execute(insert(schema.records), [entry.record for entry in entries])
            connection.execute(insert(schema.components), [part for entry in entries for part in entry.components])

        return work

    for first in range(0, size, _BATCH):
        ledger._database.write(write(first))
    began = time.perf_counter()
    if hasattr(ledger, "mend"):
        ledger.mend()
    return time.perf_counter() - began


def _measure(url: str, size: int) -> dict[str, float]:
    from datetime import datetime, timedelta, timezone

    from jupyter_green.disclose import period, scope
    from jupyter_green.ledger import Ledger
    from jupyter_green.server import history
    from jupyter_green.server.own import OwnLedger

    now = time.time()
    found: dict[str, float] = {}
    with Ledger(url, timeout=60) as ledger, OwnLedger(url, whole=True, timeout=60) as server:
        found["sums made"] = _fill(ledger, size, now)
        if ledger.url.startswith("postgresql"):
            ledger._database.write(lambda connection: connection.exec_driver_sql("ANALYZE"))
        since = datetime.now(timezone.utc) - timedelta(days=30)
        added = size

        def add() -> None:
            nonlocal added
            ledger.add([_record(number, now, size) for number in range(added, added + 100)])
            added += 100

        def report() -> None:
            if hasattr(scope, "period_in"):
                scope.period_in(ledger, since).text()
            else:
                period.period_of(scope.records_of(ledger, since), since).text()

        asked: dict[str, Callable[[], object]] = {
            "totals": ledger.totals,
            "by project": lambda: ledger.totals(by="project"),
            "30 days": lambda: ledger.totals(since=since),
            "runs": ledger.runs,
            "page": lambda: server.look(lambda connection, where: history.runs(connection, where, 0, 50)),
            "newest": lambda: ledger.records(limit=200, newest_first=True),
            "add": add,
            "report": report,
        }
        for name, ask in asked.items():
            if name == "report":
                before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            times = []
            for _ in range(3):
                began = time.perf_counter()
                ask()
                times.append(time.perf_counter() - began)
                if times[-1] > 20:
                    break
            found[name] = statistics.median(times)
        found["report MB"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024 - before
    return found


# ---- what is shown ----------------------------------------------------------------------------

NAMES = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}


def table(found: dict[str, Any], before: dict[str, Any]) -> str:
    """Return the figures as Markdown: seconds, those of the other run in brackets."""
    lines = []
    for kind, sizes in found.items():
        lines.append(f"| {NAMES[kind]}, seconds | " + " | ".join(f"{int(size):,}" for size in sizes) + " |")
        lines.append("|---" * (len(sizes) + 1) + "|")
        for key, name in (*QUESTIONS.items(), ("sums made", "all sums made anew")):
            cells = []
            for size, figures in sizes.items():
                old = before.get(kind, {}).get(size, {}).get(key)
                cells.append(_seconds(figures[key]) + (f" ({_seconds(old)})" if old and key != "sums made" else ""))
            lines.append(f"| {name} | " + " | ".join(cells) + " |")
        lines.append("")
    return "\n".join(lines)


def _seconds(value: float) -> str:
    return f"{value:.3f}" if value < 0.1 else f"{value:.2f}" if value < 10 else f"{value:.0f}"


def picture(found: dict[str, Any], before: dict[str, Any]) -> str:
    """Return the time for a sum of everything against the number of records, both on logarithmic axes, as SVG."""
    import math

    left, top, wide, high = 70, 20, 420, 240
    x0, x1, y0, y1 = 4.0, 6.0, -3.0, 2.0
    colours = {"sqlite": "#0072b2", "postgresql": "#d55e00"}

    def at(size: float, seconds: float) -> tuple[float, float]:
        x = left + (math.log10(size) - x0) / (x1 - x0) * wide
        y = top + (y1 - math.log10(max(seconds, 10**y0))) / (y1 - y0) * high
        return round(x, 1), round(y, 1)

    drawn = []
    for power in range(int(y0), int(y1) + 1):
        _, y = at(10**x0, 10.0**power)
        drawn.append(f'<path d="M{left} {y}H{left + wide}" stroke="#ddd"/>')
        drawn.append(f'<text x="{left - 8}" y="{y + 4}" text-anchor="end">{10.0**power:g} s</text>')
    for power in range(int(x0), int(x1) + 1):
        x, _ = at(10.0**power, 1)
        drawn.append(f'<text x="{x}" y="{top + high + 20}" text-anchor="middle">{10**power:,}</text>')
    for which, dash, word in ((before, ' stroke-dasharray="5 4"', "before"), (found, "", "now")):
        for kind, sizes in which.items():
            points = [at(float(size), figures["totals"]) for size, figures in sizes.items()]
            line = " ".join(f"{x},{y}" for x, y in points)
            drawn.append(f'<polyline points="{line}" fill="none" stroke="{colours[kind]}" stroke-width="2"{dash}/>')
            x, y = points[-1]
            drawn.append(f'<text x="{x + 8}" y="{y + 4}" fill="{colours[kind]}">{NAMES[kind]}, {word}</text>')
    size = f'width="{left + wide + 160}" height="{top + high + 40}"'
    style = "font-family:sans-serif;font-size:12px"
    title = "<title>Seconds for the sum of all records, by their number</title>"
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size} style="{style}">{title}{"".join(drawn)}</svg>\n'


if __name__ == "__main__":
    main()
