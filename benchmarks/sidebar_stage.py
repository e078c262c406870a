"""Setup of the side-panel benchmarks: JupyterLab from the built wheel in Chromium, with a simulated GPU.

It uses the modules of `tests/browser`, so that what is measured is what is tested. The page's sockets are not
monitored, since that would copy every message.
"""

from __future__ import annotations

import ast
import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext, CDPSession, expect, sync_playwright

from tests.support.browser_page import PATIENCE, Desk, Notebook
from tests.support.driver import SimulatedDriver
from tests.support.lab import Lab

from .sidebar_probe import PROBE

FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
)
WATTS = 70.0
"""Constant power of the simulated GPU in watts."""


class Missing(Exception):
    """A program that the benchmark needs is missing; the message is one sentence."""


@contextmanager
def chromium() -> Iterator[Browser]:
    """Return the path of a browser on this machine.

    Raises
    ------
    Missing
        If there is none.
    """
    program = os.environ.get("CHROMIUM") or shutil.which("chromium")
    if program is None:
        raise Missing("No Chromium is on the PATH; install it, or name it in CHROMIUM.")
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as play:
        running = play.chromium.launch(executable_path=program, args=FLAGS)
        yield running
        running.close()


class PatientLab(Lab):
    """A server that may take long to stop on a busy machine."""

    def __exit__(self, *error: object) -> None:
        with suppress(subprocess.TimeoutExpired):  # it was killed
            super().__exit__(*error)


@contextmanager
def server(folder: Path, installed: Path, *, windowed: bool = False) -> Iterator[Lab]:
    """JupyterLab with two kinds of kernels: "here" without and "board" with a simulated GPU.

    With `windowed`, only the visible cells of a notebook are in the page.
    """
    driver = SimulatedDriver(folder / "driver")
    driver.board("A10", idle=WATTS, ripple=0.0)
    nothing = folder / "nothing"
    nothing.mkdir(parents=True)
    lab = PatientLab(folder / "lab", installed=installed)
    if windowed:
        chosen = lab.settings / "@jupyterlab" / "notebook-extension" / "tracker.jupyterlab-settings"
        chosen.parent.mkdir(parents=True)
        chosen.write_text('{"windowingMode": "full"}', encoding="utf-8")
    with lab:
        lab.kernel("here")
        lab.kernel("board", environment={**driver.environment(), "JUPYTER_GREEN_POWERCAP": str(nothing)})
        yield lab


@dataclass
class Stage:
    """A page with an open panel and the probe."""

    desk: Desk
    tools: CDPSession

    @classmethod
    def of(cls, desk: Desk) -> Stage:
        """Create a stage from a page."""
        tools = desk.page.context.new_cdp_session(desk.page)
        tools.send("HeapProfiler.enable")
        tools.send("Performance.enable", {"timeDomain": "threadTicks"})
        return cls(desk, tools)

    def another(self) -> Stage:
        """Open another page on the same server in the same profile, with the panel closed."""
        return _visited(self.desk.page.context, self.desk.lab, panel=False)

    def wait(self, function: str) -> None:
        """Wait until a function in the page returns a true value, with a long time limit for large pages."""
        self.desk.page.wait_for_function(function, timeout=20 * PATIENCE, polling=200)

    def metered(self, cells: int, source: str, name: str) -> Notebook:
        """Open a notebook with a number of cells on a new kernel, and start metering with the panel's button."""
        return self.metering([source] * cells, name)

    def metering(self, sources: Sequence[str], name: str) -> Notebook:
        """Like `metered`, with the given cells."""
        notebook = self.desk.open(sources, "board", name)
        self.desk.panel.empty("not-loaded").get_by_role("button", name="Start metering").click()
        expect(self.desk.panel.button("Stop metering")).to_be_visible()
        notebook.idle()
        return notebook

    def plain(self, cells: int, source: str, name: str) -> Notebook:
        """Open a notebook without metering."""
        return self.desk.open([source] * cells, "here", name)

    def probe(self, function: str, *arguments: Any) -> Any:
        """Call a function of the probe."""
        return self.desk.ask(f"([...given]) => window.greenProbe.{function}(...given)", list(arguments))

    def kernel(self, notebook: Notebook, code: str, told: str = "None") -> Any:
        """Run code in a notebook's kernel outside cells; return the value of an expression as JSON."""
        text = self.probe("ask", notebook.path, f"import json\n{code}", f"json.dumps({told})")
        return json.loads(ast.literal_eval(text))

    def frames(self) -> list[dict[str, Any]]:
        """Return the snapshots received since the probe was last started."""
        snapshots: list[dict[str, Any]] = self.desk.ask("() => window.greenProbe.frames")
        return snapshots

    def heap(self) -> float:
        """Return the used JavaScript heap in bytes after garbage collection."""
        for _ in range(2):
            self.tools.send("HeapProfiler.collectGarbage")
        return float(self.tools.send("Runtime.getHeapUsage")["usedSize"])

    def work(self) -> float:
        """Return the CPU seconds of the page's main thread so far."""
        metrics = {each["name"]: each["value"] for each in self.tools.send("Performance.getMetrics")["metrics"]}
        return float(metrics["TaskDuration"])


@contextmanager
def stage(browser: Browser, lab: Lab) -> Iterator[Stage]:
    """Open a page on the server, with the panel."""
    with opened(browser) as context:
        yield _visited(context, lab, panel=True)


def _visited(context: BrowserContext, lab: Lab, *, panel: bool) -> Stage:
    desk = Desk(context, lab)
    desk.page.remove_listener("websocket", desk.traffic._follow)
    desk.page.add_init_script(PROBE)
    desk.visit(panel=panel)
    return Stage.of(desk)


@contextmanager
def opened(browser: Browser) -> Iterator[BrowserContext]:
    """A new browser profile."""
    with browser.new_context(viewport={"width": 1280, "height": 800}, reduced_motion="reduce") as context:
        yield context
