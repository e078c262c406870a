"""Cells while they run and however they end: each with its figure, its doubt, and the word for what it is."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import BOARD_WATTS, Machine
from tests.support.browser_page import Desk

LONG = "import time; time.sleep(1.2)"
FIGURE = re.compile(r"\d.*±")


def test_while_a_cell_runs(desk: Desk) -> None:
    """Power now, the joules of this cell, of the notebook and of today: each marked, none called measured."""
    busy, go = desk.held("# the one that runs")
    notebook = desk.metered([LONG, busy], "whole")
    notebook.run(0)
    desk.panel.settled(1)
    running = notebook.start(1)
    power = desk.panel.power
    expect(power).to_contain_text(re.compile(r"\d+\sW simulated now"))
    expect(power).to_contain_text("no earlier run")
    expect(power).to_contain_text(re.compile(r"\[\*\] .*\d.*J so far, simulated"))
    row = desk.panel.row("# the one that runs")
    expect(row).to_contain_text("so far")
    expect(row).to_contain_text("running")
    expect(desk.panel.total).to_contain_text("simulated")
    expect(desk.panel.root).to_contain_text("All notebooks today")
    first = row.get_attribute("aria-label")
    desk.until("old => ![...document.querySelectorAll('[aria-label]')].some(one => one.ariaLabel === old)", first)
    assert running.goes_on, "it grew while the cell ran"
    desk.shoot("live", whole=True)
    go.touch()
    running.wait()
    desk.panel.settled(2)
    expect(power).not_to_contain_text("now")
    expect(desk.panel.total).to_contain_text(FIGURE)
    expect(desk.panel.total).to_contain_text("simulated")
    expect(desk.panel.root.locator(".jgp-today")).to_contain_text(FIGURE)
    expect(desk.panel.root.locator(".jgp-today")).to_contain_text("simulated")
    key = desk.panel.baseline.locator(".jgp-key")
    for kind in ("GPU", "CPU", "DRAM"):
        expect(key).to_contain_text(kind)
    assert "measured" not in desk.panel.root.inner_text()
    desk.shoot("ended", whole=True)


def test_every_end_of_a_cell(desk: Desk) -> None:
    busy, go = desk.held("# to be interrupted")
    notebook = desk.metered([LONG, "x = 1", "1 / 0", busy], "board")
    notebook.run(0, 1, 2)
    running = notebook.start(3)
    expect(desk.panel.row("# to be interrupted")).to_contain_text("running")
    notebook.interrupt()
    running.wait()
    desk.panel.settled(4)
    assert not go.exists()
    well, short = desk.panel.row(LONG), desk.panel.row("x = 1")
    expect(well).to_contain_text(FIGURE)
    expect(well.locator("svg")).to_have_count(0)
    expect(short).to_contain_text("≤")
    expect(short).to_contain_text("too short")
    expect(short).to_have_attribute("aria-label", re.compile("below what the sensor can resolve, at most|at most"))
    failed, interrupted = desk.panel.row("1 / 0"), desk.panel.row("# to be interrupted")
    expect(failed).to_contain_text("error")
    expect(failed).to_have_attribute("aria-label", re.compile("ended with an error"))
    expect(interrupted).to_contain_text("interrupted")
    expect(interrupted).to_have_attribute("aria-label", re.compile("interrupted"))
    for row in (short, failed, interrupted):
        expect(row.locator("svg")).to_have_count(1)
    desk.shoot("ends", whole=True)


def test_a_cell_that_kills_its_kernel(desk: Desk) -> None:
    """What it used up to the last heartbeat is not lost: it is a run of this notebook."""
    notebook = desk.metered(["import os", "import time; time.sleep(2.5); os._exit(1)"], "board")
    notebook.run(0)
    desk.panel.settled(1)
    running = notebook.start(1)
    expect(desk.panel.row("os._exit")).to_contain_text("so far")
    restarting = desk.page.get_by_role("dialog")
    restarting.get_by_role("button", name=re.compile("Ok|OK|Dismiss")).click()
    expect(desk.panel.empty("live")).to_be_visible()
    assert not running.goes_on
    notebook.run(0)
    desk.panel.settled(1)
    desk.panel.tab("Runs")
    runs = desk.panel.root.get_by_test_id("green-run-row")
    expect(runs).to_have_count(2)
    expect(runs.nth(1)).to_contain_text("2 cells")
    expect(runs.nth(1)).to_contain_text("simulated")
    desk.shoot("killed")


def test_a_gpu_that_others_use_too(desk: Desk, machine: Machine) -> None:
    """A part of the board's energy is attributed to this kernel; the row shows that part, and what the board used."""
    notebook = desk.metered(["import os; os.getpid()", LONG], "crowd")
    notebook.run(0)
    machine.driver.processes({int(notebook.outputs(0)): 0.25, 1: 0.75})
    # It is idle between the cells, and draws more from the second one on: that part is shared out.
    desk.page.wait_for_timeout(700)
    machine.driver.plan([(0.0, 300.0)])
    notebook.run(1)
    desk.panel.settled(2)
    machine.driver.plan([(0.0, BOARD_WATTS)])
    row = desk.panel.row(LONG)
    expect(row).to_contain_text(FIGURE)
    expect(row).to_have_attribute(
        "aria-label", re.compile("attributed to this kernel, because others used the device too")
    )
    expect(row).to_have_attribute("title", re.compile(r"J of .*J attributed"))
    expect(row.locator("svg")).to_have_count(1)
    expect(desk.panel.root).to_contain_text("~ estimated or attributed")
    desk.shoot("shared", whole=True)


@pytest.mark.long
def test_hundreds_of_cells(visit: Callable[..., Desk]) -> None:
    """Each has its row, of which only those in sight are drawn, in a page that is loaded again as well."""
    desk, many = visit(), 300
    notebook = desk.metered([f"{number}" for number in range(many)], "board", "many.ipynb")
    notebook.ask(
        """async () => {
            const { kernel } = panel.sessionContext.session;
            const cells = [...panel.content.model.cells];
            const run = ({ id, sharedModel }) =>
                kernel.requestExecute({ code: sharedModel.source }, false, { cellId: id }).done;
            await Promise.all(cells.map(run));
        }"""
    )
    for again in range(2):
        if again:
            desk.reload()
            desk.show_panel()
        rows, heading = desk.panel.rows, desk.panel.root.get_by_role("heading", name=re.compile("^Cells"))
        expect(heading).to_contain_text("300")
        expect(rows.first).to_have_attribute("aria-setsize", "300")
        expect(desk.panel.root.get_by_test_id("green-baseline")).to_be_visible()
        assert rows.count() < 60
        rows.first.focus()
        desk.page.keyboard.press("End")
        last = desk.panel.root.locator('[data-testid="green-cell-row"][aria-posinset="300"]')
        expect(last).to_be_focused()
        expect(last).to_contain_text("299")
        expect(last).to_be_in_viewport()
    desk.panel.tab("Runs")
    expect(desk.panel.root.get_by_test_id("green-run-row").first).to_contain_text("300 cells")
    desk.shoot("hundreds", whole=True)


@pytest.mark.parametrize("kernel", ["board", "whole", "closed"])
def test_nothing_is_called_measured_that_is_not(desk: Desk, kernel: str) -> None:
    notebook = desk.metered([LONG], kernel)
    notebook.run()
    desk.panel.settled(1)
    for tab in ("Now", "Runs"):
        desk.panel.tab(tab)
        html = desk.panel.root.evaluate("panel => panel.outerHTML")
        assert "measured" not in re.sub(r"<svg.*?</svg>", "", html), tab


def test_a_record_under_its_cell_is_final_in_its_own_place(desk: Desk) -> None:
    """It is HTML that JupyterLab draws; what was shown before its figures were final is replaced."""
    notebook = desk.metered([f"%%energy\n{LONG}"], "board")
    notebook.run()
    record = notebook.cell(0).locator(".jg-rec")
    expect(record).to_have_count(1)
    expect(record).to_have_js_property("localName", "details")
    expect(record.locator("summary")).to_contain_text(re.compile(r"J ±.*GPU simulated"))
    record.locator("summary").click()
    expect(record.locator("tbody tr").first).to_contain_text("simulated")
    expect(record.locator("summary")).to_have_css("list-style-type", "none")
    desk.shoot("record", whole=True)


def test_a_shrink_says_in_its_row_what_came_of_it(desk: Desk) -> None:
    pytest.importorskip("onnxruntime")
    making = """
        # a model
        import torch
        torch.manual_seed(0)
        x = torch.randn(1200, 16)
        y = (x[:, 0] > 0).long()
        model = torch.nn.Sequential(torch.nn.Linear(16, 512), torch.nn.ReLU(), torch.nn.Linear(512, 2))
        optimizer = torch.optim.Adam(model.parameters(), 1e-3)
        for _ in range(30):
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(model(x), y).backward()
            optimizer.step()
        test = (torch.randn(800, 16), None)
        test = (test[0], (test[0][:, 0] > 0).long())
    """
    notebook = desk.metered([textwrap.dedent(making).strip(), "%shrink model --data test --time 8s"], "models")
    notebook.run(0, 1)
    desk.panel.settled(2)
    row = desk.panel.row("%shrink model")
    expect(row).to_contain_text(re.compile(r"%shrink model.*(→|nothing gained|can't be told)"))
    notebook.idle()
    desk.shoot("shrunk", whole=True)
