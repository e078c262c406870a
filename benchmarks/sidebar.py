"""Performance of the side panel: delay of its figures, long notebooks, many short cells, and cost.

    bash benchmarks/run sidebar

A real JupyterLab from the built wheel in a real Chromium, with a simulated GPU. Nothing here passes or fails.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path

from playwright.sync_api import Browser, Error

from tests.support.installation import environment, place_of, wheel

from . import sidebar_delay as delay
from . import sidebar_flood as flood
from . import sidebar_length as length
from . import sidebar_start as start
from .machine import commit, installed, place
from .sidebar_sheet import Line, table
from .sidebar_stage import Missing, Stage, chromium, server, stage

OUT = Path(__file__).with_name("out")


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print the table and write it to ``benchmarks/out``."""
    parser = argparse.ArgumentParser(prog="benchmarks/run sidebar", description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--quick", action="store_true", help="a little of everything, to see that it runs")
    parser.add_argument("--only", nargs="+", default=None, metavar="PART", choices=[*PARTS], help=", ".join(PARTS))
    parser.add_argument("--cells", type=int, default=None, help="cells of the long notebook (default: 10,000)")
    options = parser.parse_args(arguments)

    began, load_before = time.strftime("%Y-%m-%d %H:%M"), os.getloadavg()
    lines: list[Line] = []
    text = ""
    try:
        with (
            tempfile.TemporaryDirectory(prefix="green-bench-", ignore_cleanup_errors=True) as folder,
            chromium() as browser,
        ):
            version = browser.version
            for name in options.only or PARTS:
                print(name, file=sys.stderr, flush=True)
                try:
                    lines += PARTS[name](browser, Path(folder) / name, options)
                except (Error, AssertionError, RuntimeError) as fault:  # the other parts go on
                    traceback.print_exc()
                    lines.append(Line(name, "", f"not measured: {str(fault).splitlines()[0][:160]}"))
                text = f"{_heading(began, load_before, version, quick=options.quick)}\n\n{table(lines)}\n"
                _write(text, lines)  # saved after each part, in case the run is interrupted
    except Missing as missing:
        print(missing, file=sys.stderr)
        return 1
    print(text)
    print(f"Written: {OUT / 'sidebar.md'} and, value by value, {OUT / 'sidebar.json'}", file=sys.stderr)
    return 0


def _write(text: str, lines: Sequence[Line]) -> None:
    OUT.mkdir(exist_ok=True)
    (OUT / "sidebar.md").write_text(text, encoding="utf-8")
    raw = [line.__dict__ for line in lines]
    (OUT / "sidebar.json").write_text(json.dumps(raw, indent=1, ensure_ascii=False), encoding="utf-8")


def _on_stage(
    act: Callable[[Stage], list[Line]], browser: Browser, folder: Path, *, windowed: bool = False
) -> list[Line]:
    """Run a part in a page on a separate server."""
    lab = environment("lab", "jupyterlab", "notebook", package=wheel())
    with server(folder, lab, windowed=windowed) as running, stage(browser, running) as shown:
        return act(shown)


def _delay(browser: Browser, folder: Path, given: argparse.Namespace) -> list[Line]:
    plan = delay.QUICK if given.quick else delay.Plan()
    return _on_stage(lambda shown: delay.delays(shown, plan), browser, folder)


def _flood(browser: Browser, folder: Path, given: argparse.Namespace) -> list[Line]:
    plan = flood.QUICK if given.quick else flood.Plan()
    return _on_stage(lambda shown: flood.flood(shown, plan), browser, folder)


def _length(browser: Browser, folder: Path, given: argparse.Namespace) -> list[Line]:
    plan = length.QUICK if given.quick else length.Plan()
    return _on_stage(lambda shown: length.length(shown, plan.of(given.cells)), browser, folder, windowed=True)


def _start(browser: Browser, folder: Path, given: argparse.Namespace) -> list[Line]:
    return start.starts(browser, folder, start.QUICK if given.quick else start.Plan())


def _bundle(_browser: Browser, _folder: Path, _given: argparse.Namespace) -> list[Line]:
    return [start.bundle()]


PARTS: dict[str, Callable[[Browser, Path, argparse.Namespace], list[Line]]] = {
    "bundle": _bundle,
    "delay": _delay,
    "flood": _flood,
    "length": _length,
    "start": _start,
}


def _heading(began: str, load_before: Sequence[float], chromium_version: str, *, quick: bool) -> str:
    lab = installed("jupyterlab", place_of("lab", packaged=True))
    software = f"JupyterLab {lab}, Chromium {chromium_version}"
    return (
        f"Side panel of jupyter_green{commit()}, {began}, on {place(load_before)}, {software}; simulated GPU driver. "
        f"Medians{', of a quick run' if quick else ''}; what stands under control was taken in turns in the same run."
    )


if __name__ == "__main__":
    sys.exit(main())
