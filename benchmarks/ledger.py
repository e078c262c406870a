"""Query times of a ledger by its number of records, with SQLite and with a separate PostgreSQL server.

A row is one query, run three times, with the median: CPU time for SQLite, elapsed time for PostgreSQL, whose server is
another process. The records are synthetic: runs of about two hundred cells with a GPU and a CPU, half a minute apart,
of fifty notebooks and five projects. They are inserted in bulk; of a million records, nine in ten are copies of the
others, each a month earlier.

`--before` is the checkout of an older version: it creates each ledger and is measured first; then this version migrates
the same ledger and is measured. `--keep` is a folder in which ledgers and figures are kept, so that an interrupted run
can be continued.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
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
    "counts": "cells and runs of the server's total",
    "budget": "a budget's sum over 30 days",
    "newest": "the newest 200 records",
    "add": "100 new records",
    "report": "report of the last 30 days",
}
_BATCH = 5000


def main() -> None:
    """Measure, print a table, and write it with every figure to `benchmarks/out`."""
    parser = argparse.ArgumentParser(description=__doc__, prog="benchmarks/run ledger")
    parser.add_argument("--quick", action="store_true", help="no million")
    parser.add_argument("--only", choices=("sqlite", "postgresql"))
    parser.add_argument("--before", type=Path, metavar="FOLDER", help="checkout of an older version to measure first")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="where ledgers and figures stay, to go on from")
    parser.add_argument("--publish", action="store_true", help="write docs/ledger.md and its picture")
    parser.add_argument("--child", nargs=3, metavar=("WHAT", "URL", "SIZE"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        task, url, size = options.child
        print(json.dumps(_fill(url, int(size)) if task == "fill" else _measure(url, int(size))))
        return
    with tempfile.TemporaryDirectory(prefix="green-ledger-") as folder:
        root = Path(folder) if options.keep is None else options.keep.resolve()
        figures = _all(options, root)
    OUT.mkdir(exist_ok=True)
    (OUT / "ledger.json").write_text(json.dumps(figures, indent=1), encoding="utf-8")
    text = table(figures)
    (OUT / "ledger.md").write_text(text, encoding="utf-8")
    print(text)
    if options.publish:
        docs = HERE.parent / "docs"
        (docs / "ledger.svg").write_text(picture(figures), encoding="utf-8")
        page = (docs / "ledger.md").read_text(encoding="utf-8")
        start, end = "<!-- figures -->\n", "<!-- end of figures -->"
        head, tail = page.partition(start)[0], page.partition(end)[2]
        (docs / "ledger.md").write_text(f"{head}{start}{text}{end}{tail}", encoding="utf-8")


Found = dict[str, dict[str, dict[str, dict[str, float]]]]
"""Figures by version ("before", "now"), kind of database, number of records and question."""


def _all(given: argparse.Namespace, root: Path) -> Found:
    """Measure what is missing; each figure is saved at once."""
    root.mkdir(parents=True, exist_ok=True)
    file = root / "figures.json"
    figures: Found = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    for kind in ("sqlite", "postgresql"):
        if given.only not in (None, kind):
            continue
        with _place(kind, root) as place:
            for size in SIZES[:-1] if given.quick else SIZES:
                versions = {"before": given.before, "now": HERE.parent}
                first = given.before or HERE.parent
                for version, task in (("filled", "fill"), ("before", "measure"), ("now", "measure")):
                    tree = first if version == "filled" else versions[version]
                    by_size = figures.setdefault(version, {}).setdefault(kind, {})
                    if tree is None or str(size) in by_size:
                        continue
                    by_size[str(size)] = _in_a_process(task, place(size), size, tree)
                    file.write_text(json.dumps(figures, indent=1), encoding="utf-8")
                    print(version, kind, size, by_size[str(size)], file=sys.stderr, flush=True)
    return figures


# ---- databases -----------------------------------------------------------------------------------


@contextmanager
def _place(kind: str, root: Path) -> Iterator[Callable[[int], str]]:
    """Yield a function that returns the URL of the ledger of a given size."""
    if kind == "sqlite":
        yield lambda size: f"sqlite:///{root}/{size}.sqlite"
        return
    import psycopg

    from tests.support.databases import postgresql

    with postgresql(root / "postgresql") as server:

        def named(size: int) -> str:
            with psycopg.connect(server.url(), autocommit=True) as connection:
                if not connection.execute(
                    "SELECT 1 FROM pg_database WHERE datname = %s", [f"ledger_{size}"]
                ).fetchone():
                    connection.execute(f"CREATE DATABASE ledger_{size}")
            return server.url(f"ledger_{size}")

        yield named


def _in_a_process(what: str, url: str, size: int, tree: Path) -> dict[str, float]:
    root = str(tree.resolve())
    environment = {**os.environ, "PYTHONPATH": root, "JUPYTER_GREEN_SHARE": "owner,notebook,cell_id,label"}
    command = [sys.executable, str(Path(__file__).resolve()), "--child", what, url, str(size)]
    with tempfile.TemporaryDirectory() as data:
        environment["XDG_DATA_HOME"] = data
        result = subprocess.run(command, env=environment, cwd=root, check=True, stdout=subprocess.PIPE, text=True)
    figures: dict[str, float] = json.loads(result.stdout)
    return figures


# ---- measurements -------------------------------------------------------------------------


def _record(number: int, now: float, size: int) -> Any:
    from jupyter_green.records import Component, EnergyRecord

    parts = [
        Component("gpu", "GPU 0, NVIDIA A10", "nvidia:0", 120.5, 3.5, 2.5, "counter", "measured", "board", "nvidia"),
        Component("cpu", "CPU", "model", 11.5, 5.5, 5.5, "model", "estimated", "kernel", "model"),
    ]
    return EnergyRecord(
        components=tuple(parts),
        seconds=5.0,
        started_at=now - 30.0 * (size - number),
        id=f"{number:032x}",
        **_place_of(number),
        span="gap" if number % 10 == 9 else "cell",
        cell_id=f"cell-{number % 150}",
        execution_count=number % 200 + 1,
        code_hash=f"{number % 150:064x}",
    )


def _place_of(number: int) -> dict[str, Any]:
    run = number // 200
    return {"run_id": f"{run:032x}", "notebook": f"notebook-{run % 50}.ipynb", "project": f"project-{run % 5}"}


_KINDS = 150
"""Number of records that are created in full; others differ from them only in id, time, run, notebook and project."""


def _row(kind: Any, number: int, now: float, size: int) -> dict[str, Any]:
    """Return the row of a record, made from that of a similar one, which is much faster."""
    row = {
        **kind.record,
        **_place_of(number),
        "id": f"{number:032x}",
        "started_at": now - 30.0 * (size - number),
        "execution_count": number % 200 + 1,
    }
    document = row["document"]
    for name in ("id", "run_id", "notebook", "project", "started_at", "execution_count"):
        document = document.replace(
            f'"{name}":{json.dumps(kind.record[name])},', f'"{name}":{json.dumps(row[name])},', 1
        )
    return {**row, "document": document}


def _fill(url: str, size: int) -> dict[str, float]:
    """Insert the records in bulk; return the seconds for this and for their sums."""
    from sqlalchemy import insert

    from jupyter_green.storage import Ledger, schema

    now, began = time.time(), time.perf_counter()
    if url.startswith("postgresql"):  # query plans of an older version were made while the tables of sums were empty
        url += "?options=-c%20plan_cache_mode%3Dforce_custom_plan"
    with Ledger(url, timeout=60) as ledger:
        ledger.add([])

        kinds = [ledger._entry(_record(number, 0.0, 0)) for number in range(_KINDS)]

        def write(first: int) -> Callable[[Any], None]:
            rows = [
                _row(kinds[number % _KINDS], number, now, size) for number in range(first, min(size, first + _BATCH))
            ]
            parts = [
                {**part, "record_id": row["id"]}
                for number, row in enumerate(rows, first)
                for part in kinds[number % _KINDS].components
            ]

            def work(connection: Any) -> None:
                connection.execute(insert(schema.records), rows)
                connection.execute(insert(schema.components), parts)

            return work

        whole = size
        size = min(size, _COPIED)
        for first in range(0, size, _BATCH):
            ledger._database.write(write(first))
        written = time.perf_counter()
        ledger.mend()
        made = time.perf_counter()
        for copy in range(1, whole // size):
            ledger._database.write(partial(_copied, copy=copy))
        if url.startswith("postgresql"):
            ledger._database.write(lambda connection: connection.exec_driver_sql("ANALYZE"))
    return {"written": written - began + time.perf_counter() - made, "sums made": made - written}


_COPIED = 100_000
"""Number of records of which a larger ledger contains copies, with their sums, each 35 days earlier."""
_EARLIER = 35 * 86_400.0


def _copied(connection: Any, copy: int) -> None:
    """Copy the first records with devices and sums, a number of times `_EARLIER` earlier."""
    back, ids = copy * _EARLIER, copy * 10_000_000
    mark = f"'c{copy}-' || "
    changed = {
        "green_records": {"id": f"{mark}id", "run_id": f"{mark}run_id", "started_at": f"started_at - {back}"},
        "green_components": {"record_id": f"{mark}record_id"},
        "green_rollups": {"id": f"id + {ids}", "run_id": f"{mark}run_id", "hour": f"hour - {back}"},
        "green_rollup_lines": {
            "rollup_id": f"rollup_id + {ids}",
            "began": f"began - {back}",
            "ended": f"ended - {back}",
        },
    }
    for table, changes in changed.items():
        names = [row[0] for row in connection.exec_driver_sql(f"SELECT * FROM {table} LIMIT 0").cursor.description]
        values = ", ".join(changes.get(name, name) for name in names)
        key = "id" if table == "green_records" else "record_id" if table == "green_components" else None
        first = f"{key} NOT LIKE 'c%%'" if key else f"{'id' if table == 'green_rollups' else 'rollup_id'} < 10000000"
        first = first.replace("%%", "%") if connection.dialect.name == "sqlite" else first
        connection.exec_driver_sql(
            f"INSERT INTO {table} ({', '.join(names)}) SELECT {values} FROM {table} WHERE {first}"
        )


def _measure(url: str, size: int) -> dict[str, float]:
    from datetime import datetime, timedelta, timezone

    from jupyter_green.disclose import record_filter
    from jupyter_green.server import history
    from jupyter_green.server.user_ledger import OwnLedger
    from jupyter_green.storage import Ledger

    figures: dict[str, float] = {}
    with Ledger(url, timeout=60) as ledger, OwnLedger(url, whole=True, timeout=60) as server:
        began = time.perf_counter()
        newest = ledger.records(limit=1, newest_first=True)[0]
        figures["opened"] = time.perf_counter() - began
        now = newest.started_at + 30.0
        since = datetime.fromtimestamp(now, timezone.utc) - timedelta(days=30)
        added = ledger.count()

        def add() -> None:
            nonlocal added
            ledger.add([_record(number, now, added) for number in range(added, added + 100)])
            added += 100

        queries: dict[str, Callable[[], object]] = {
            "totals": ledger.totals,
            "by project": lambda: ledger.totals(by="project"),
            "30 days": lambda: ledger.totals(since=since),
            "runs": ledger.runs,
            "page": lambda: server.look(lambda connection, where: history.runs(connection, where, 0, 50)),
            "counts": lambda: server.numbers(False),
            "budget": lambda: ledger.usage_sum(since=since.timestamp(), until=math.inf),
            "newest": lambda: ledger.records(limit=200, newest_first=True),
            "add": add,
            "report": lambda: record_filter.period_in(ledger, since).text(),
        }
        for name, ask in queries.items():
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            times, spent = [], []
            for _ in range(3):
                began, burnt = time.perf_counter(), time.process_time()
                ask()
                times.append(time.perf_counter() - began)
                spent.append(time.process_time() - burnt)
                if times[-1] > 60:
                    break
            figures[name], figures[f"{name}, processor"] = statistics.median(times), statistics.median(spent)
            figures[f"{name}, MB"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024 - before
    return figures


# ---- output ----------------------------------------------------------------------------

NAMES = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}


def table(found: Found) -> str:
    """Return the figures in seconds as Markdown, with those of the older version in brackets."""
    lines = []
    for kind, named in NAMES.items():
        sizes = found["now"].get(kind, {})
        if not sizes:
            continue
        before = found.get("before", {}).get(kind, {})
        word = "seconds of processor time" if kind == "sqlite" else "seconds"
        lines.append(f"| {named}, {word} | " + " | ".join(f"{int(size):,}" for size in sizes) + " |")
        lines.append("|---" * (len(sizes) + 1) + "|")
        for key, name in QUESTIONS.items():
            cells = []
            for size, figures in sizes.items():
                old = before.get(size)
                cells.append(_told(kind, key, figures) + (f" ({_told(kind, key, old)})" if old else ""))
            lines.append(f"| {name} | " + " | ".join(cells) + " |")
        rows = {
            "memory of the report, MB": (found["now"], "report, MB"),
            "all sums made": (found["filled"], "sums made"),
        }
        if before:
            rows["brought up to this version, once"] = found["now"], "opened"
        for name, (where, key) in rows.items():
            cells = []
            for size in sizes:
                old = before.get(size, {}).get(key) if key.endswith("MB") else None
                write = "{:.0f}".format if key.endswith("MB") else _seconds
                cells.append(write(where[kind][size][key]) + (f" ({write(old)})" if old is not None else ""))
            lines.append(f"| {name} | " + " | ".join(cells) + " |")
        lines.append("")
    return "\n".join(lines)


def _told(kind: str, key: str, figures: dict[str, float]) -> str:
    return _seconds(figures[f"{key}, processor" if kind == "sqlite" else key])


def _seconds(value: float) -> str:
    return f"{value:.3f}" if value < 0.1 else f"{value:.2f}" if value < 10 else f"{value:.0f}"


def picture(found: Found) -> str:
    """Return an SVG plot of the time of a 30-day report over the number of records, with logarithmic axes."""

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
    for word, dash in (("before", ' stroke-dasharray="5 4"'), ("now", "")):
        for kind, sizes in found.get(word, {}).items():
            points = [at(float(size), figures["report"]) for size, figures in sizes.items()]
            line = " ".join(f"{x},{y}" for x, y in points)
            drawn.append(f'<polyline points="{line}" fill="none" stroke="{colours[kind]}" stroke-width="2"{dash}/>')
            x, y = points[-1]
            drawn.append(f'<text x="{x + 8}" y="{y + 4}" fill="{colours[kind]}">{NAMES[kind]}, {word}</text>')
    size = f'width="{left + wide + 160}" height="{top + high + 40}"'
    style = "font-family:sans-serif;font-size:12px"
    title = "<title>Seconds for a report of 30 days, by the number of records</title>"
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size} style="{style}">{title}{"".join(drawn)}</svg>\n'


if __name__ == "__main__":
    main()
