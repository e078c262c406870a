"""`green.panel()` in a real page: live while a cell runs, the side panel's figures, nobody's markup, gone if closed."""

from __future__ import annotations

import re

from playwright.sync_api import Locator, expect

from tests.support.browser_page import THEMES, Desk, Notebook

MAKE = "import jupyter_green as green\nshown = green.panel()\nshown"
HOSTILE = "'</td></table><img src=x onerror=\"greenBroken.push(1)\"><script>greenBroken.push(2)</script>'"


def view(notebook: Notebook, index: int = 0) -> Locator:
    """The widget below a cell."""
    return notebook.cell(index).get_by_role("group", name="Energy of this notebook")


def test_it_is_live_and_says_what_the_side_panel_says(desk: Desk) -> None:
    busy, go = desk.held()
    notebook = desk.metered([MAKE, busy, HOSTILE, "1 / 0"], "board")
    notebook.run(0)
    shown = view(notebook)
    expect(shown).to_contain_text("simulated")
    running = notebook.start(1)
    expect(shown).to_contain_text("This cell")
    expect(shown).to_contain_text("Power now")
    first = shown.inner_text()
    desk.until("([text]) => !document.body.innerText.includes(text)", [re.findall(r"This cell\n?.*", first)[0]])
    expect(shown.get_by_role("row").filter(has_text="# held")).to_contain_text("running")
    notebook.show()
    for theme, name in THEMES.items():
        desk.theme(name)
        notebook.cell(0).screenshot(path=desk.out(f"widget-live-{theme}"), animations="disabled")
    desk.theme(THEMES["light"])
    go.touch()
    running.wait()
    notebook.run(2, 3)
    desk.panel.settled(4)
    expect(shown).not_to_contain_text("so far")
    expect(shown).not_to_contain_text("This cell")
    expect(shown.get_by_role("row").filter(has_text="1 / 0")).to_contain_text("error")
    expect(shown.get_by_role("row").filter(has_text="greenBroken")).to_have_count(1)
    total = re.match(r"(\S+?)\s*([mk]?J)\s*(±\s*\S+)", desk.panel.total.inner_text())
    assert total is not None
    expect(shown).to_contain_text(re.compile(r"^" + r"\s*".join(map(re.escape, total.groups()))))
    desk.unharmed()
    notebook.cell(0).screenshot(path=desk.out("widget-settled"), animations="disabled")


def test_closed_it_is_gone_and_run_again_there_is_one(desk: Desk) -> None:
    notebook = desk.metered([MAKE, "shown.close()"], "board")
    notebook.run(0)
    expect(view(notebook)).to_be_visible()
    notebook.run(0)
    expect(view(notebook)).to_have_count(1)
    notebook.run(1)
    expect(view(notebook)).to_have_count(0)


def test_without_metering_it_says_what_to_do(desk: Desk) -> None:
    notebook = desk.open([MAKE, "%load_ext jupyter_green"], "board")
    notebook.run(0)
    expect(notebook.cell(0)).to_contain_text("run %load_ext jupyter_green first")
    notebook.run(1, 0)
    expect(view(notebook)).to_contain_text("1 cell")
