"""Runs beside each other in the panel: the usual baseline, a named one, changed code, and runs of before."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.support.browser_page import WIDTHS, Desk, Notebook

LONG = "import time\nwhile not __import__('os').path.exists({path!r}): time.sleep(0.05)"
SLEEP = "import time; time.sleep({seconds})"
"""On the simulated board energy is power × time, so that a cell twice as long uses twice as much."""


def again(desk: Desk, notebook: Notebook) -> None:
    """Restart the kernel, which goes on being metered."""
    notebook.restart()
    expect(desk.panel.empty("live")).to_be_visible()


def edit(notebook: Notebook, index: int, source: str) -> None:
    notebook.ask(
        "([index, source]) => panel.content.widgets[index].model.sharedModel.setSource(source)", [index, source]
    )


def test_a_run_beside_the_one_before(desk: Desk) -> None:
    notebook = desk.metered([SLEEP.format(seconds=2), SLEEP.format(seconds=1.2)], "board")
    expect(desk.panel.root).to_contain_text("Metering is on")
    notebook.run()
    desk.panel.settled(2)
    expect(desk.panel.baseline).to_contain_text("Nothing to compare with yet.")
    desk.shoot("no-baseline")

    again(desk, notebook)
    edit(notebook, 0, SLEEP.format(seconds=0.8))
    running = notebook.start(0)
    running.wait()
    notebook.run(1)
    desk.panel.settled(2)
    changed = desk.panel.row("time.sleep(0.8)")
    expect(changed).to_contain_text(re.compile("−[0-9]+"))
    word = changed.get_by_text("code changed", exact=True)
    for width in (*WIDTHS.values(), 340):
        desk.widen(width)
        assert word.evaluate("word => word.scrollWidth <= word.clientWidth"), f"cut at {width} px"
    expect(changed).to_have_attribute("aria-label", re.compile("percent below .*code changed since the baseline"))
    expect(desk.panel.baseline).to_contain_text("saved")
    expect(desk.panel.baseline).to_contain_text("on the 2 cells both runs finished")
    expect(desk.panel.baseline).to_contain_text("95")
    desk.shoot("saved", whole=True)


def test_a_running_cell_says_what_it_used_last(desk: Desk) -> None:
    busy, go = desk.held()
    notebook = desk.metered([SLEEP.format(seconds=0.5), busy], "board")
    notebook.run(0)
    running = notebook.start(1)
    expect(desk.panel.power).to_contain_text("simulated now")
    go.touch()
    running.wait()
    desk.panel.settled(2)
    go.unlink()
    again(desk, notebook)
    notebook.run(0)
    desk.panel.settled(1)
    expect(desk.panel.baseline).to_contain_text("both runs finished")
    running = notebook.start(1)
    expect(desk.panel.root).to_contain_text("last run")
    desk.shoot("last-run")
    go.touch()
    running.wait()
    desk.panel.settled(2)


def test_this_run_is_kept_from_the_panel_and_more_is_excess(desk: Desk) -> None:
    notebook = desk.metered([SLEEP.format(seconds=0.6)], "board")
    notebook.run()
    desk.panel.settled(1)
    desk.panel.baseline.get_by_role("button", name="Set as baseline").click()
    expect(desk.panel.root).to_contain_text("Kept as the baseline")
    expect(desk.panel.baseline).to_contain_text("Not compared yet")
    again(desk, notebook)
    edit(notebook, 0, SLEEP.format(seconds=1.5))
    notebook.run()
    desk.panel.settled(1)
    expect(desk.panel.baseline).to_contain_text("excess")
    expect(desk.panel.row("time.sleep(1.5)")).to_contain_text(re.compile(r"\+[0-9]+"))
    desk.shoot("excess")


def test_the_magic_and_the_panel_speak_of_one_baseline(desk: Desk) -> None:
    notebook = desk.metered([SLEEP.format(seconds=0.6), "%baseline set 'as it was'", "%baseline clear"], "board")
    notebook.run(0)
    desk.panel.settled(1)
    notebook.run(1)
    expect(desk.panel.baseline).to_contain_text("as it was")
    desk.panel.tab("Runs")
    expect(desk.panel.root.get_by_role("button", name="as it was")).to_have_attribute("aria-pressed", "true")
    above = desk.panel.root.get_by_test_id("green-run-row").last.bounding_box()
    below = desk.panel.button("Export report").bounding_box()
    assert above is not None
    assert below is not None
    assert below["y"] - above["y"] - above["height"] >= 4, "the button sticks to the last row"
    desk.shoot("runs")
    desk.panel.tab("Now")
    notebook.run(2)
    expect(desk.panel.baseline).not_to_contain_text("as it was")


def test_a_name_that_is_no_baseline_is_said_in_a_sentence(desk: Desk) -> None:
    notebook = desk.metered([SLEEP.format(seconds=0.6)], "board")
    notebook.run()
    desk.panel.settled(1)
    desk.panel.tab("Runs")
    desk.panel.root.get_by_label("Name, or path of a file").fill("nobody")
    desk.panel.button("Use").click()
    expect(desk.panel.root).to_contain_text("There is no baseline 'nobody'")
