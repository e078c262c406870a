"""The panel under a person's hands: pointing, sorting, keys, settings, places, commands."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from playwright.sync_api import Locator, expect

from tests.support.browser_page import WIDTHS, Desk, Notebook, Panel
from tests.support.lab import Lab

SMALL, DEAR, MIDDLE = "import time; time.sleep(0.5)", "time.sleep(2) # dear", "time.sleep(1)"
"""On the simulated board energy is power × time. What is shorter may be told as a bound where a first look is late."""


def three(desk: Desk, *more: str) -> Notebook:
    """A notebook whose second cell used most and whose first used least."""
    notebook = desk.metered([SMALL, DEAR, MIDDLE, *more], "board")
    notebook.run()
    desk.panel.settled(3 + len(more))
    return notebook


def lines(panel: Panel) -> list[str]:
    """The first lines of the rows, from top to bottom."""
    return [text.strip() for text in panel.rows.locator("code").all_inner_texts()]


# ---- the list of cells ------------------------------------------------------------------------


def test_cells_stand_as_in_the_notebook_and_by_joules_on_demand(desk: Desk) -> None:
    notebook = three(desk)
    assert lines(desk.panel) == [SMALL, DEAR, MIDDLE]
    button = desk.panel.button("Sort by joules")
    expect(button).to_have_attribute("aria-pressed", "false")
    button.click()
    expect(button).to_have_attribute("aria-pressed", "true")
    expect(desk.panel.rows.first).to_contain_text("# dear")
    assert lines(desk.panel) == [DEAR, MIDDLE, SMALL]
    button.click()
    expect(desk.panel.rows.first).to_contain_text(SMALL)
    notebook.ask("() => panel.content.model.sharedModel.moveCell(0, 2)")
    expect(desk.panel.rows.last).to_contain_text(SMALL)


def test_the_order_is_kept(lab: Lab, visit: Callable[..., Desk]) -> None:
    """It is the same behind another tab and after a reload."""
    with lab.preferring(order="notebook") as preferred:
        desk = visit()
        three(desk).save()
        button = desk.panel.button("Sort by joules")
        expect(button).to_have_attribute("aria-pressed", "false")
        button.click()
        expect(button).to_have_attribute("aria-pressed", "true")
        desk.panel.tab("Runs")
        desk.panel.tab("Now")
        expect(button).to_have_attribute("aria-pressed", "true")
        desk.patiently(lambda: "joules" in preferred.read_text(encoding="utf-8"), "the order was not kept")
        desk.reload()
        expect(button).to_have_attribute("aria-pressed", "true")
        expect(desk.panel.rows.first).to_contain_text("# dear")


def test_a_click_goes_to_the_cell_and_keys_move_along_one_tab_stop(desk: Desk) -> None:
    notebook = three(desk, *(f"# filler {number}\nx = 1" for number in range(12)))
    active = "path => jupyterapp.shell.currentWidget.content.activeCellIndex"
    last = desk.panel.row("# filler 11")
    last.click()
    desk.until(f"wanted => ({active})() === wanted", 14)
    expect(notebook.cell(14)).to_be_in_viewport()
    expect(last).to_be_focused()
    assert desk.panel.rows.evaluate_all("rows => rows.filter(row => row.tabIndex === 0).length") == 1
    for key, place in (("ArrowUp", 14), ("Home", 1), ("ArrowDown", 2), ("End", 15), ("PageUp", None), ("Home", 1)):
        desk.page.keyboard.press(key)
        if place is not None:
            expect(desk.panel.root.locator(f'[role=option][aria-posinset="{place}"]')).to_be_focused()
        assert desk.panel.rows.evaluate_all("rows => rows.filter(row => row.tabIndex === 0).length") == 1
    desk.page.keyboard.press("Enter")
    desk.until(f"wanted => ({active})() === wanted", 0)
    expect(desk.panel.rows.first).to_be_focused()
    desk.page.keyboard.type("# filler 7")
    expect(desk.panel.row("# filler 7")).to_be_focused()
    desk.page.keyboard.press("Tab")
    assert desk.panel.rows.evaluate_all("rows => rows.filter(row => row === document.activeElement).length") == 0
    desk.page.keyboard.press("Shift+Tab")
    expect(desk.panel.row("# filler 7")).to_be_focused()


def test_a_cell_that_is_not_there_any_more(desk: Desk) -> None:
    notebook = three(desk)
    notebook.ask("() => panel.content.model.sharedModel.deleteCell(1)")
    expect(desk.panel.rows.last).to_contain_text("# dear")
    desk.panel.row("# dear").click()
    expect(desk.panel.root).to_contain_text("This cell is not in the notebook any more.")


def test_the_dearest_cells_are_named_and_are_a_way_to_them(desk: Desk) -> None:
    notebook = three(desk, "x = 1")
    top = desk.panel.root.locator(".jgp-top button")
    expect(top).to_have_count(3)
    expect(top.nth(0)).to_have_attribute("aria-label", re.compile(r"^Go to cell 2, \d+\s% of the total"))
    expect(top.nth(1)).to_have_attribute("aria-label", re.compile(r"^Go to cell 3, "))
    top.nth(0).click()
    desk.until("() => jupyterapp.shell.currentWidget.content.activeCellIndex === 1")
    assert notebook.path


def test_what_can_be_done_with_a_row(desk: Desk) -> None:
    three(desk)
    desk.panel.row("# dear").click(button="right")
    menu = desk.panel.root.get_by_role("menu")
    menu.get_by_text("Copy as text").click()
    expect(desk.panel.root.get_by_text("Copied.")).to_be_visible()
    copied = desk.ask("() => navigator.clipboard.readText()")
    assert re.match(r"Cell 2: .* joules, plus or minus .*, simulated.*# dear$", copied), copied
    desk.panel.row("# dear").focus()
    desk.page.keyboard.press("Shift+F10")
    expect(menu).to_be_visible()
    desk.page.keyboard.press("Escape")
    expect(menu).to_have_count(0)
    expect(desk.panel.row("# dear")).to_be_focused()


def test_everything_is_said_in_words_too(desk: Desk) -> None:
    notebook = three(desk)
    label = desk.panel.row("# dear").get_attribute("aria-label") or ""
    assert re.match(r"^Cell 2: .*joules, plus or minus", label), label
    assert "simulated" in label
    said = desk.panel.root.get_by_test_id("green-announcement")
    expect(said).to_have_attribute("role", "status")
    notebook.run(0)
    expect(said).to_contain_text(re.compile(r"^Cell 4, .*joules.*Notebook total .*joules"))
    assert desk.panel.root.get_attribute("role") == "region"
    nameless = desk.panel.root.locator("button:not([aria-label])").evaluate_all(
        "buttons => buttons.filter(button => button.textContent.trim() === '').length"
    )
    assert nameless == 0


def test_idle_energy_and_re_runs_are_lines_of_their_own(desk: Desk) -> None:
    notebook = three(desk)
    notebook.run(0)
    expect(desk.panel.row(SMALL)).to_contain_text("×2")
    desk.panel.settled(3)
    for name in ("Idle between cells", "Earlier runs of cells"):
        line = desk.panel.root.get_by_role("group", name=re.compile(f"^{name}: .*joules"))
        expect(line).to_contain_text("in the total")


# ---- settings ---------------------------------------------------------------------------------


@contextmanager
def settings(desk: Desk) -> Iterator[Locator]:
    """Open the settings of the panel as a person does; they are the defaults again afterwards."""
    desk.widen(min(WIDTHS.values()))  # a wide panel covers the button that restores them
    desk.command("settingeditor:open", query="Energy")
    form = desk.page.locator(".jp-SettingsPanel")
    expect(form.get_by_label("Badge in each cell")).to_be_visible()
    try:
        yield form
    finally:
        form.get_by_role("button", name="Restore to Defaults").click()
        expect(form.get_by_label("Badge in each cell")).to_be_checked()


def test_badges_and_the_status_bar_can_be_taken_away(desk: Desk) -> None:
    three(desk)
    desk.command("notebook:move-cursor-up")
    badges = desk.page.get_by_test_id("green-badge")
    expect(badges).to_have_count(3)
    for place in range(3):
        expect(badges.nth(place)).to_contain_text("J")
        expect(badges.nth(place)).to_contain_text("simulated")
    desk.page.screenshot(path=desk.out("badges"))
    item = desk.page.get_by_test_id("green-status")
    expect(item).to_contain_text(re.compile("J simulated"))
    with settings(desk) as form:
        form.get_by_label("Badge in each cell").uncheck()
        expect(badges).to_have_count(0)
        form.get_by_label("Status bar").uncheck()
        expect(item).to_be_hidden()
    expect(badges).to_have_count(3)
    expect(item).to_be_visible()


def test_the_unit_is_chosen_in_the_settings(desk: Desk) -> None:
    three(desk)
    expect(desk.panel.total).to_contain_text(re.compile(r"\d\s*J"))
    with settings(desk) as form:
        form.locator('select[id$="_unit"]').select_option(label="Wh")
        expect(desk.panel.total).to_contain_text("Wh")
        expect(desk.page.get_by_test_id("green-status")).to_contain_text("Wh")
    expect(desk.panel.total).not_to_contain_text("Wh")


def test_the_unit_is_chosen_in_the_panel_and_kept(desk: Desk, visit: Callable[..., Desk]) -> None:
    notebook = three(desk)
    notebook.save()
    desk.panel.choose("Watt-hours")
    expect(desk.panel.total).to_contain_text("Wh")
    other = visit()
    other.open_file(notebook.path, "board")
    expect(other.panel.total).to_contain_text("Wh")
    other.panel.choose("Joules, kilojoules …")
    expect(other.panel.total).to_contain_text(re.compile(r"\d\s*J"))
    desk.panel.choose("Joules, kilojoules …")
    expect(desk.panel.total).to_contain_text(re.compile(r"\d\s*J"))


def test_what_the_page_knows_of_region_and_tariff_goes_to_the_kernel(lab: Lab, visit: Callable[..., Desk]) -> None:
    with lab.preferring(region="FRA", tariff="0.25 EUR/kWh", pue=1.2):
        desk = visit()
        three(desk)
        desk.panel.root.get_by_text("Wh, CO₂e, cost").click()
        expect(desk.panel.root).to_contain_text(re.compile("g CO₂e"))
        expect(desk.panel.root).to_contain_text("€")
        desk.shoot("impact")


def test_every_notebook_is_metered_after_one_question(lab: Lab, visit: Callable[..., Desk]) -> None:
    with lab.preferring(meterAll=True):
        desk = visit()
        notebook = desk.open([SMALL], "board")
        dialog = desk.page.get_by_role("dialog")
        expect(dialog).to_contain_text("Meter every notebook?")
        expect(desk.panel.empty("not-loaded")).to_be_visible()
        dialog.get_by_role("button", name="Meter every notebook").click()
        expect(desk.panel.empty("live")).to_be_visible()
        notebook.run()
        desk.panel.settled(1)
        other = desk.open([SMALL], "board")
        expect(desk.panel.empty("live")).to_be_visible()
        assert other.outputs() == ""


# ---- places -----------------------------------------------------------------------------------


def test_the_status_bar_opens_the_panel(desk: Desk) -> None:
    three(desk)
    desk.hide_panel()
    item = desk.page.get_by_test_id("green-status")
    expect(item).to_contain_text("J simulated")
    item.click()
    expect(desk.panel.root).to_be_visible()
    desk.panel.settled(3)


def test_the_panel_in_the_main_area(visit: Callable[..., Desk]) -> None:
    """It says the same as the one in the side bar, and both are there again after a reload."""
    desk = visit()
    notebook = three(desk)
    notebook.save()
    desk.command("jupyter-green:open-in-main")
    main = Panel(desk.page.locator("#jp-main-dock-panel").get_by_test_id("green-panel"))
    main.settled(3)
    assert main.total.inner_text() == desk.panel.total.inner_text()
    desk.page.screenshot(path=desk.out("main-area"))
    desk.reload()
    main.settled(3)
    desk.panel.settled(3)
    main.row("# dear").click()
    desk.until(
        "path => [...jupyterapp.shell.widgets('main')].some(each => each.context?.path === path"
        " && each.content.activeCellIndex === 1)",
        notebook.path,
    )


def test_commands_stand_in_the_palette_and_in_the_menu(desk: Desk) -> None:
    three(desk)
    desk.command("apputils:activate-command-palette")
    palette = desk.page.locator(".lm-CommandPalette")
    palette.locator("input").fill("energy")
    for label in ("Export energy report", "Open the energy doctor", "Show the energy panel"):
        expect(palette.locator(".lm-CommandPalette-itemLabel", has_text=label).first).to_be_visible()
    desk.page.keyboard.press("Escape")
    desk.page.get_by_role("menubar").get_by_role("menuitem", name="Run", exact=True).click()
    items = desk.page.locator(".lm-Menu-item")
    items.filter(has_text=re.compile("^Energy$")).hover()
    for label, enabled in (("Stop metering", True), ("Start metering", False), ("Open the energy doctor", True)):
        item = items.filter(has_text=label)
        expect(item).to_be_visible()
        assert ("lm-mod-disabled" not in (item.get_attribute("class") or "")) is enabled
    desk.page.screenshot(path=desk.out("menu"))
    items.filter(has_text="Stop metering").click()
    expect(desk.panel.empty("off")).to_be_visible()


def test_what_the_kernel_prints_of_its_energy(desk: Desk) -> None:
    three(desk)
    desk.panel.choose("Export report")
    transcript = desk.page.get_by_test_id("green-transcript")
    expect(transcript).to_contain_text("%energy report")
    expect(transcript).to_contain_text("What this is")
    assert transcript.evaluate("each => each.scrollWidth <= each.clientWidth"), "its lines run off the edge"
    desk.page.screenshot(path=desk.out("report"))


def test_escape_gives_the_focus_back_to_the_notebook(desk: Desk) -> None:
    three(desk)
    desk.panel.rows.first.focus()
    desk.page.keyboard.press("Escape")
    desk.until("() => document.querySelector('.jp-NotebookPanel').contains(document.activeElement)")


def test_what_is_copied_of_the_total(desk: Desk) -> None:
    three(desk)
    desk.panel.choose("Copy the total for a message")
    expect(desk.panel.root.get_by_text("Copied.")).to_be_visible()
    copied = desk.ask("() => navigator.clipboard.readText()")
    assert "simulated" in copied
    assert "±" in copied
    assert "measured" not in copied
