"""Notebook 7 has one notebook a page and no side bar with icons: the panel is there all the same."""

from __future__ import annotations

from playwright.sync_api import BrowserContext, expect

from tests.support.browser_page import PATIENCE, Desk, Panel
from tests.support.jupyter_server import TOKEN
from tests.support.lab import Lab

WORK = "import time; time.sleep(0.6)"


def test_a_metered_cell_in_notebook_7(lab: Lab, context: BrowserContext) -> None:
    desk = Desk(context, lab)
    # Notebook 7.6 says these of itself, the first also without us, the second where it starts slowly.
    own = ("reading 'schema'", "Command 'filebrowser:open-path' not registered")
    desk.complaints.expect(*(rf"{each}[\s\S]*notebook_core" for each in own))
    path = desk.write([WORK], kernel="board")
    desk.page.goto(f"{desk.base}/notebooks/{path}?token={TOKEN}")
    desk.until("() => Boolean(window.jupyterapp)")
    desk.ask("async () => { await jupyterapp.started; await jupyterapp.restored; }")
    desk.until("() => jupyterapp.shell.currentWidget?.sessionContext?.session?.kernel?.status === 'idle'")
    desk.command("jupyter-green:show-panel")
    panel = Panel(desk.page.get_by_test_id("green-panel"))
    panel.empty("not-loaded").get_by_role("button", name="Start metering").click()
    expect(panel.empty("live")).to_be_visible()
    desk.command("notebook:run-all-cells")
    panel.settled(1)
    expect(panel.total).to_contain_text("simulated")
    panel.row(WORK).click()
    desk.page.screenshot(path=desk.out("notebook7"), timeout=PATIENCE)
    assert desk.complaints.take() == []
    desk.close()
