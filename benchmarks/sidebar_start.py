"""Cost of the installed extension without metering: server start, page load, size of the bundle.

Two environments with JupyterLab differ only in the package. They alternate, and the one without the package runs twice
per round: the difference of its two runs is the noise of the machine.
"""

from __future__ import annotations

import gzip
import time
import urllib.error
import urllib.request
import zipfile
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser

from tests.support.browser_page import Desk
from tests.support.installation import environment, wheel
from tests.support.lab import Lab

from .guard import processor_seconds
from .sidebar_probe import RESTORED
from .sidebar_sheet import Line, median, spread
from .sidebar_stage import PatientLab, Stage, opened

PATIENCE = 120.0
WITHOUT, WITH, AGAIN = "without", "with", "without, again"
STATIC = "share/jupyter/labextensions/jupyter-green/static/"
QUANTITIES = (
    "server is started → it answers",
    "the same, its processor time",
    "page is asked for → restored, first visit",
    "the same, the page's processor time",
    "page is asked for → restored, later visit",
    "the same, the page's processor time then",
)


@dataclass(frozen=True)
class Plan:
    """Number of repetitions."""

    rounds: int = 10


QUICK = Plan(rounds=2)


class TimedLab(PatientLab):
    """A server that records its start time and the CPU time of the start, in seconds."""

    started = worked = 0.0

    def _wait(self) -> None:
        began = time.perf_counter()
        while True:
            try:
                with urllib.request.urlopen(self.url("api"), timeout=5):
                    self.started = time.perf_counter() - began
                    self.worked = processor_seconds(self._process.pid)
                    return
            except (urllib.error.URLError, ConnectionError, TimeoutError):
                if self._process.poll() is not None or time.perf_counter() - began > PATIENCE:
                    raise RuntimeError(self.said) from None
                time.sleep(0.02)


def starts(browser: Browser, folder: Path, plan: Plan) -> list[Line]:
    """Start servers and load pages alternately."""
    plain = environment("plain", "jupyterlab", "notebook")
    places = {WITHOUT: plain, WITH: environment("lab", "jupyterlab", "notebook", package=wheel()), AGAIN: plain}
    kinds = [*places]
    seconds: dict[str, dict[str, list[float]]] = {name: {kind: [] for kind in kinds} for name in QUANTITIES}
    for turn in range(-1, plan.rounds):
        for kind in kinds[turn % 3 :] + kinds[: turn % 3]:
            lab = TimedLab(folder / f"{turn}-{kinds.index(kind)}", installed=places[kind])
            with lab:
                values = (lab.started, lab.worked, *_loads(browser, lab))
            if turn >= 0:  # the first run compiles and fills caches
                for name, value in zip(QUANTITIES, values, strict=True):
                    seconds[name][kind].append(1000 * value)
    return [_line(name, values) for name, values in seconds.items()]


def _loads(browser: Browser, lab: Lab) -> list[float]:
    """Load the page twice in a new profile; return seconds and CPU seconds of the page for each."""
    times = []
    with opened(browser) as context:
        for _ in range(2):
            desk = Desk(context, lab)
            desk.page.add_init_script(RESTORED)
            stage = Stage.of(desk)
            desk.visit(panel=False)
            desk.until("() => window.greenRestored !== undefined")
            times += [float(desk.ask("() => window.greenRestored")) / 1000, stage.work()]
            desk.close()
    return times


def _line(name: str, values: dict[str, list[float]]) -> Line:
    without = values[WITHOUT]
    added, noise = (
        [value - other for value, other in zip(values[kind], without, strict=True)] for kind in (WITH, AGAIN)
    )
    return Line(
        name,
        "within the noise",
        f"{spread(added)} on {median(without):,.0f} ms",
        f"without the extension a second time: {spread(noise)}",
        values,
    )


def bundle() -> Line:
    """Measure the scripts of the package that a page loads, as they are in the wheel."""
    with zipfile.ZipFile(wheel()) as archive:
        files = {
            name.rsplit("/", 1)[1]: archive.read(name)
            for name in archive.namelist()
            if STATIC in name and name.endswith((".js", ".css"))
        }
    size, packed = sum(map(len, files.values())), sum(len(gzip.compress(data)) for data in files.values())
    return Line(
        "bundle: all scripts and styles in the wheel",
        "≤ 150 kB",
        f"{size / 1e3:.1f} kB",
        f"gzip: {packed / 1e3:.1f} kB",
        {name: len(data) for name, data in files.items()},
    )
