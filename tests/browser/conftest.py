"""One browser, one JupyterLab from the wheel, and kernels of every kind, for all tests of the page.

A page is kept from test to test while all goes well: each test opens notebooks of its own and leaves none. What a test
finds in the page it finds with kernels, servers and sockets that are real; only the hardware is simulated, below the
driver and below the files of the kernel.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Error, expect, sync_playwright

from tests.support import installation
from tests.support.browser_page import OUT, PATIENCE, Desk
from tests.support.driver import SimulatedDriver
from tests.support.lab import Lab
from tests.support.planned_powercap import Counter, build
from tests.support.powercap import PowercapTree

FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
)
BOARD_WATTS = 70.0
"""What the simulated board draws all the time."""

FAILED = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Any:
    report = yield
    if report.failed:
        item.stash[FAILED] = True
    return report


# ---- what is installed ------------------------------------------------------------------------


@dataclass(frozen=True)
class Installed:
    """Environments: with JupyterLab and the wheel, and with a kernel alone."""

    lab: Path
    bare: Path


@pytest.fixture(scope="package")
def installed() -> Installed:
    with ThreadPoolExecutor() as both:
        bare = both.submit(installation.environment, "bare", "ipykernel")
        package = installation.wheel()
        lab = installation.environment("lab", "jupyterlab", "notebook", package=package)
        return Installed(lab, bare.result())


# ---- the hardware -----------------------------------------------------------------------------


@dataclass(frozen=True)
class Machine:
    """Simulated machines, each as the variables that make a kernel see it.

    Parameters
    ----------
    closed : dict
        No GPU; a processor whose counters only root may read, and this is not root.
    board : dict
        A simulated GPU; the processor has no counters.
    whole : dict
        A GPU and a processor with memory, all simulated. The processor is the machine's, so others may share it.
    crowd : dict
        A GPU that others use too.
    driver : SimulatedDriver
        The crowd's, where a test writes who uses it.
    """

    closed: dict[str, str]
    board: dict[str, str]
    whole: dict[str, str]
    crowd: dict[str, str]
    driver: SimulatedDriver


@pytest.fixture(scope="package")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    folder = tmp_path_factory.mktemp("machine")
    absent = SimulatedDriver(folder / "absent")
    absent.unload()
    locked = PowercapTree(folder / "locked")
    Counter(locked).refuse(time.perf_counter() - 60, time.perf_counter() + 86_400)
    driver = SimulatedDriver(folder / "driver")
    driver.board("A10", idle=BOARD_WATTS, ripple=0.0)
    shared = SimulatedDriver(folder / "shared")
    shared.board("A10", idle=BOARD_WATTS, ripple=0.0)
    tree = PowercapTree(folder / "open")
    tree.package(0)
    tree.part(0, "dram")
    nothing = folder / "nothing"
    nothing.mkdir()
    with tree.live("--watts", "30"):
        yield Machine(
            closed={
                **absent.environment(),
                "LD_PRELOAD": str(build(folder)),
                "JUPYTER_GREEN_POWERCAP": str(locked.root),
            },
            board={**driver.environment(), "JUPYTER_GREEN_POWERCAP": str(nothing)},
            whole={**driver.environment(), "JUPYTER_GREEN_POWERCAP": str(tree.root)},
            crowd={**shared.environment(), "JUPYTER_GREEN_POWERCAP": str(nothing)},
            driver=shared,
        )


# ---- servers ----------------------------------------------------------------------------------


def furnish(lab: Lab, installed: Installed, machine: Machine) -> Lab:
    """Offer kernels of every kind."""
    lab.kernel("here")
    lab.kernel("closed", environment=machine.closed)
    lab.kernel("board", environment=machine.board)
    lab.kernel("whole", environment=machine.whole)
    lab.kernel("crowd", environment=machine.crowd)
    # The environment that the tests run in has libraries for models, which nobody needs for the panel.
    lab.kernel("models", interpreter=Path(sys.executable))
    lab.kernel("bare", interpreter=installation.python(installed.bare))
    lab.kernel("late", module=Path(__file__).with_name("latecomer.py"))
    lab.kernel("parrot", module=Path(__file__).with_name("wrapper.py"), language="R")
    return lab


@pytest.fixture(scope="package")
def lab(tmp_path_factory: pytest.TempPathFactory, installed: Installed, machine: Machine) -> Iterator[Lab]:
    """The server that most tests share."""
    with furnish(Lab(tmp_path_factory.mktemp("lab"), installed=installed.lab), installed, machine) as running:
        yield running


@pytest.fixture
def start(
    tmp_path_factory: pytest.TempPathFactory, installed: Installed, machine: Machine
) -> Iterator[Callable[..., Lab]]:
    """Start servers that are another way than the shared one; they end with the test."""
    with ExitStack() as life:

        def begin(*options: str, **facts: Any) -> Lab:
            made = Lab(tmp_path_factory.mktemp("lab"), options, **{"installed": installed.lab, **facts})
            return life.enter_context(furnish(made, installed, machine))

        yield begin


# ---- the browser ------------------------------------------------------------------------------


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    program = os.environ.get("CHROMIUM") or shutil.which("chromium")
    if program is None:
        pytest.skip("needs Chromium")
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as play:
        running = play.chromium.launch(executable_path=program, args=FLAGS)
        yield running
        running.close()


@pytest.fixture(scope="package")
def context(browser: Browser) -> Iterator[BrowserContext]:
    with browser.new_context(viewport={"width": 1280, "height": 800}, reduced_motion="reduce") as opened:
        opened.grant_permissions(["clipboard-read", "clipboard-write"])
        yield opened


class Kept:
    """The page that is kept from test to test."""

    desk: Desk | None = None


@pytest.fixture(scope="package")
def kept() -> Kept:
    return Kept()


@pytest.fixture
def desk(request: pytest.FixtureRequest, kept: Kept, context: BrowserContext, lab: Lab) -> Iterator[Desk]:
    """A page on the shared server, with the panel open, and no notebook."""
    if kept.desk is None:
        kept.desk = Desk(context, lab).visit()
    desk = kept.desk
    yield desk
    said = _ended(request, desk)
    try:
        desk.clear()
    except Error:
        kept.desk = None
        desk.close()
        raise
    if request.node.stash.get(FAILED, False):
        kept.desk = None
        desk.close()
    assert said == [], "the page complained"


@pytest.fixture
def visit(request: pytest.FixtureRequest, context: BrowserContext, lab: Lab) -> Iterator[Callable[..., Desk]]:
    """Open pages of a test's own, on the shared server or another."""
    desks: list[Desk] = []

    def open_page(server: Lab | None = None, *, panel: bool = True, base: str | None = None) -> Desk:
        desks.append(Desk(context, server or lab, base))
        return desks[-1].visit(panel=panel)

    yield open_page
    said = [one for desk in desks for one in _ended(request, desk)]
    for desk in desks:
        desk.close()
    assert said == [], "a page complained"


def _ended(request: pytest.FixtureRequest, desk: Desk) -> list[str]:
    """Keep a picture where a test has failed, and return what the page complained of."""
    said = desk.complaints.take()
    if request.node.stash.get(FAILED, False):
        OUT.mkdir(parents=True, exist_ok=True)
        name = re.sub(r"\W+", "-", request.node.name)
        desk.page.screenshot(path=OUT / f"failed-{name}.png")
        print("\n".join(["The page said:", *said, "The server said:", desk.lab.said[-3000:]]))
    return said
