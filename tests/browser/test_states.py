"""Why there are no figures: each state has its sentence and its next step, and the step leads on."""

from __future__ import annotations

import os
import signal

import pytest
from playwright.sync_api import expect

from tests.support.browser_page import Desk


def test_no_notebook(desk: Desk) -> None:
    empty = desk.panel.empty("no-notebook")
    expect(empty).to_contain_text("Open a notebook to see its energy.")
    expect(desk.panel.root.get_by_role("button", name="Start metering")).to_have_count(0)
    desk.shoot("no-notebook")
    empty.get_by_role("button", name="Open…").click()
    dialog = desk.page.get_by_role("dialog")
    dialog.get_by_role("textbox").fill(desk.write(["x = 1"]))
    dialog.get_by_role("button", name="Open").click()
    expect(desk.panel.empty("not-loaded")).to_be_visible()


def test_no_kernel(desk: Desk) -> None:
    notebook = desk.metered(["x = 1"], "board")
    notebook.run()
    desk.panel.settled(1)
    used = desk.panel.total.inner_text().split()
    notebook.shut_down()
    empty = desk.panel.empty("no-kernel")
    expect(empty).to_contain_text("This notebook has no kernel.")
    expect(empty).to_contain_text("Its last run used")
    assert used
    desk.shoot("no-kernel")
    empty.get_by_role("button", name="Start kernel").click()
    expect(desk.panel.empty("not-loaded")).to_be_visible()


def test_a_kernel_that_is_not_python(desk: Desk) -> None:
    notebook = desk.open(["x <- 1"], "parrot")
    empty = desk.panel.empty("not-python")
    expect(empty).to_contain_text("This kernel runs R. jupyter_green meters Python kernels.")
    desk.shoot("not-python")
    notebook.run()
    assert notebook.outputs() == "x <- 1"
    expect(empty).to_be_visible()
    empty.get_by_role("button", name="Change kernel").click()
    dialog = desk.page.get_by_role("dialog")
    dialog.get_by_role("combobox").select_option(label="Here")
    dialog.get_by_role("button", name="Select").click()
    expect(desk.panel.empty("not-loaded")).to_be_visible()


def test_a_kernel_that_is_starting(desk: Desk) -> None:
    path = desk.write(["x = 1"], "late/late.ipynb", "late")
    desk.ask("path => void jupyterapp.commands.execute('docmanager:open', { path })", path)
    expect(desk.panel.empty("waiting")).to_contain_text("The kernel is starting.")
    desk.shoot("waiting")
    (desk.lab.root / "late" / "go").touch()
    expect(desk.panel.empty("not-loaded")).to_be_visible()


def test_not_loaded_and_then_metered(desk: Desk) -> None:
    """Pressing the button runs one line in the kernel, and adds nothing to the notebook."""
    notebook = desk.open(["sum(range(10**6))"])
    empty = desk.panel.empty("not-loaded")
    expect(empty).to_contain_text("This kernel is not metered. Start now: cells you run from here on are counted")
    expect(empty).to_contain_text("%load_ext jupyter_green")
    desk.shoot("not-loaded", whole=True)
    empty.get_by_role("button", name="Start metering").click()
    expect(desk.panel.empty("live")).to_contain_text("Metering is on. Run a cell and its energy shows here.")
    desk.shoot("loaded")
    notebook.run()
    desk.panel.settled(1)
    expect(desk.panel.row("sum(range(10**6))")).to_be_visible()
    assert notebook.outputs() == str(sum(range(10**6)))
    assert notebook.ask("() => panel.content.widgets[0].model.executionCount") == 1, "loading took a number"


def test_loaded_by_a_cell(desk: Desk) -> None:
    notebook = desk.open(["%load_ext jupyter_green", "x = sum(range(10**6))"])
    expect(desk.panel.empty("not-loaded")).to_be_visible()
    notebook.run(0)
    expect(desk.panel.empty("live")).to_be_visible()
    notebook.run(1)
    desk.panel.settled(1)


@pytest.mark.parametrize("end", ["", "raise ValueError('the cell before')"], ids=["well", "badly"])
def test_metering_begins_when_the_kernel_is_free(desk: Desk, end: str) -> None:
    """However the cell ended that kept it busy; one that fails takes with it what waits behind it."""
    held, go = desk.held()
    busy = f"{held}\n{end}"
    notebook = desk.open([busy, "x = 1"])
    notebook.idle()  # a cell that comes before JupyterLab knows the kernel leaves it without a status
    running = notebook.start(0)
    notebook.busy()
    desk.panel.empty("not-loaded").get_by_role("button", name="Start metering").click()
    expect(desk.panel.empty("waiting")).to_contain_text("Metering starts when the kernel is free.")
    desk.shoot("loading")
    assert running.goes_on
    go.touch()
    expect(desk.panel.empty("live")).to_be_visible()
    running.wait()
    notebook.run(1)
    desk.panel.settled(1)


def test_the_kernels_python_lacks_the_package(desk: Desk) -> None:
    notebook = desk.open(["x = 1"], "bare")
    desk.panel.empty("not-loaded").get_by_role("button", name="Start metering").click()
    empty = desk.panel.empty("not-installed")
    expect(empty).to_contain_text("This kernel’s Python lacks jupyter_green.")
    expect(empty.locator("pre")).to_have_text("%pip install jupyter_green")
    desk.shoot("not-installed")
    empty.get_by_role("button", name="Copy the command").click()
    expect(desk.panel.root.get_by_text("Copied.")).to_be_visible()
    assert desk.ask("() => navigator.clipboard.readText()") == "%pip install jupyter_green"
    notebook.run()
    assert notebook.outputs() == "", "the failed attempt left something in the notebook"
    empty.get_by_role("button", name="Start metering").click()
    expect(empty).to_be_visible()


def test_off_and_on_again(desk: Desk) -> None:
    notebook = desk.metered(["a = 1", "b = 2"], "board")
    notebook.run(0)
    desk.panel.settled(1)
    desk.panel.button("Stop metering").click()
    empty = desk.panel.empty("off")
    expect(empty).to_contain_text("Metering is switched off: cells run without being counted.")
    notebook.run(1)
    desk.panel.settled(1)
    desk.shoot("off")
    expect(desk.panel.row("b = 2")).to_have_count(0)
    empty.get_by_role("button", name="Start metering").click()
    expect(empty).to_have_count(0)
    notebook.run(1)
    desk.panel.settled(2)


def test_no_sensor_can_be_read(desk: Desk) -> None:
    """Everything is estimated, is said to be, and the doctor's way out stands beside it."""
    notebook = desk.metered(["total = sum(range(10**7))"], "closed")
    notebook.run()
    desk.panel.settled(1)
    expect(desk.panel.total).to_contain_text("~")
    expect(desk.panel.total).to_contain_text("±")
    expect(desk.panel.total).to_contain_text("estimated")
    expect(desk.panel.root.get_by_text("measured", exact=False)).to_have_count(0)
    sensor = desk.panel.empty("no-sensor")
    expect(sensor).to_contain_text("No energy sensor can be read.")
    expect(sensor).to_contain_text("this total to about ±")
    expect(sensor.locator("pre")).to_contain_text("sudo tee /etc/udev/rules.d/70-jupyter-green.rules")
    desk.shoot("no-sensor", whole=True)
    sensor.get_by_role("button", name="Copy the command").click()
    expect(desk.panel.root.get_by_text("Copied.")).to_be_visible()
    assert "udevadm trigger" in desk.ask("() => navigator.clipboard.readText()")
    sensor.get_by_role("button", name="Open the doctor").click()
    transcript = desk.page.get_by_test_id("green-transcript")
    expect(transcript).to_contain_text("%energy doctor")
    expect(transcript).to_contain_text("CPU energy counters (RAPL)")
    desk.page.screenshot(path=desk.out("doctor"))


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="a process can't be held here")
def test_a_kernel_that_says_nothing_any_more(desk: Desk) -> None:
    busy, go = desk.held()
    notebook = desk.metered(["import os; print(os.getpid())", busy], "board")
    notebook.run(0)
    kernel = int(notebook.outputs(0))
    running = notebook.start(1)
    expect(desk.panel.power).to_contain_text("simulated now")
    os.kill(kernel, signal.SIGSTOP)
    try:
        stale = desk.panel.empty("stale")
        expect(stale).to_contain_text("No word from the kernel for")
        expect(stale).to_contain_text("Figures are from")
        expect(desk.panel.total).to_be_visible()
        expect(desk.panel.power).not_to_contain_text("simulated now")
        desk.shoot("stale")
    finally:
        os.kill(kernel, signal.SIGCONT)
    expect(stale).to_have_count(0)
    expect(desk.panel.power).to_contain_text("simulated now")
    go.touch()
    running.wait()
    desk.panel.settled(2)
