"""A real JupyterLab from the built wheel in a real Chromium, with a simulated board below: where the figures are taken.

Everything is the tests' (`tests/browser`), so that what is measured is what is tested. Nothing listens to the page's
sockets here, since that would cost the machine a copy of every message.
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

from tests.browser.lab import Lab
from tests.browser.page import PATIENCE, Desk, Notebook
from tests.hardware.driver import SimulatedDriver

from .sidebar_probe import PROBE

FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
)
WATTS = 70.0
"""What the simulated board draws all the time."""


class Missing(Exception):
    """Something that the measurement needs is not on this machine; one sentence."""


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser of this machine.

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
    """A server that a busy machine may be slow to end."""

    def __exit__(self, *error: object) -> None:
        with suppress(subprocess.TimeoutExpired):  # it was killed then
            super().__exit__(*error)


@contextmanager
def server(folder: Path, installed: Path, *, windowed: bool = False) -> Iterator[Lab]:
    """JupyterLab with two kinds of kernels: "here" as the machine is, and "board" with a simulated GPU.

    A notebook that is `windowed` has only those cells in the page that are in sight.
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
    """A page with the panel open, and the probe in it."""

    desk: Desk
    tools: CDPSession

    @classmethod
    def of(cls, desk: Desk) -> Stage:
        """Make one of a page."""
        tools = desk.page.context.new_cdp_session(desk.page)
        tools.send("HeapProfiler.enable")
        tools.send("Performance.enable", {"timeDomain": "threadTicks"})
        return cls(desk, tools)

    def another(self) -> Stage:
        """Open another page on the same server in the same profile, with the panel closed."""
        return _visited(self.desk.page.context, self.desk.lab, panel=False)

    def wait(self, function: str) -> None:
        """Wait until a function of the page returns something true, much longer than for a page of the usual size."""
        self.desk.page.wait_for_function(function, timeout=20 * PATIENCE, polling=200)

    def metered(self, cells: int, source: str, name: str) -> Notebook:
        """Open a notebook with so many cells on a kernel of its own, and start metering by the panel's button."""
        return self.metering([source] * cells, name)

    def metering(self, sources: Sequence[str], name: str) -> Notebook:
        """The same with these cells."""
        notebook = self.desk.open(sources, "board", name)
        self.desk.panel.empty("not-loaded").get_by_role("button", name="Start metering").click()
        expect(self.desk.panel.button("Stop metering")).to_be_visible()
        notebook.idle()
        return notebook

    def plain(self, cells: int, source: str, name: str) -> Notebook:
        """The same without metering."""
        return self.desk.open([source] * cells, "here", name)

    def probe(self, function: str, *arguments: Any) -> Any:
        """Call a function of the probe."""
        return self.desk.ask(f"([...given]) => window.greenProbe.{function}(...given)", list(arguments))

    def kernel(self, notebook: Notebook, code: str, told: str = "None") -> Any:
        """Have a notebook's kernel do something that is no cell; return what an expression is then worth, by JSON."""
        said = self.probe("ask", notebook.path, f"import json\n{code}", f"json.dumps({told})")
        return json.loads(ast.literal_eval(said))

    def frames(self) -> list[dict[str, Any]]:
        """The frames heard since the probe was last told to listen."""
        found: list[dict[str, Any]] = self.desk.ask("() => window.greenProbe.frames")
        return found

    def heap(self) -> float:
        """Bytes of JavaScript's heap in use once everything unneeded was collected."""
        for _ in range(2):
            self.tools.send("HeapProfiler.collectGarbage")
        return float(self.tools.send("Runtime.getHeapUsage")["usedSize"])

    def work(self) -> float:
        """Processor seconds of the page's main thread so far."""
        found = {each["name"]: each["value"] for each in self.tools.send("Performance.getMetrics")["metrics"]}
        return float(found["TaskDuration"])


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
    """A browser's profile that has never been anywhere."""
    with browser.new_context(viewport={"width": 1280, "height": 800}, reduced_motion="reduce") as context:
        yield context
