"""The JupyterLabs before the newest that the package is made for, with the same wheel."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.support import installation
from tests.support.browser_page import Desk
from tests.support.lab import Lab

pytestmark = pytest.mark.long

WORK = "import time; time.sleep(0.6)"


@pytest.fixture(params=["4.2", "4.3", "4.4", "4.5"])
def version(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def older(version: str) -> Path:
    package = installation.wheel()
    return installation.environment(f"lab-{version}", f"jupyterlab=={version}.*", package=package, constrained=False)


def test_a_metered_cell(version: str, older: Path, start: Callable[..., Lab], visit: Callable[..., Desk]) -> None:
    desk = visit(start(installed=older))
    assert desk.ask("() => jupyterapp.version").startswith(f"{version}.")
    busy, go = desk.held("# live")
    notebook = desk.metered([WORK, busy], "board")
    notebook.run(0)
    desk.panel.settled(1)
    running = notebook.start(1)
    expect(desk.panel.power).to_contain_text("simulated now")
    go.touch()
    running.wait()
    desk.panel.settled(2)
    expect(desk.page.get_by_test_id("green-badge")).to_have_count(2)
    expect(desk.page.get_by_test_id("green-status")).to_contain_text("J simulated")
    desk.panel.row("# live").click()
    desk.shoot(f"lab-{version}", whole=True)
    notebook.restart()
    expect(desk.panel.empty("live")).to_be_visible()
