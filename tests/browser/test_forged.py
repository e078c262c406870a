"""What comes from elsewhere: forged records in a saved notebook, hostile names and sources, comms of anybody's code.

Each text of the corpus would run, or make an element that can be found, if anything took it for more than text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from playwright.sync_api import Locator, expect

from jupyter_green.records import Component, EnergyRecord
from jupyter_green.reporting import MIME, bundle
from tests.support.browser_page import Desk, Notebook

RUN = "window.greenBroken.push(1)"
CORPUS = (
    f"<script>{RUN}</script>",
    f'<img data-broken src=x onerror="{RUN}">',
    f'"><svg data-broken onload="{RUN}">',
    f"'><b data-broken onmouseover='{RUN}'>x</b>",
    f"javascript:{RUN}",
    f'<a data-broken href="javascript:{RUN}">x</a>',
    "{{constructor.constructor('" + RUN + "')()}}",
    f"</details></div><iframe data-broken srcdoc='<script>parent.{RUN}</script>'></iframe>",
    "`${" + RUN + "}`",
    "\u202egnp.exe\u0000",
)


GPU = Component("gpu", "GPU 0", "nvidia:0", 12.0, 1.0, 0.5, "counter", "measured", "whole board", "nvidia")


def honest(**changes: Any) -> EnergyRecord:
    return EnergyRecord((GPU,), seconds=2.0, started_at=1_700_000_000.0, id="one").with_(**changes)


def saved(shown: Mapping[str, Any]) -> dict[str, Any]:
    """A cell that was saved with an output, in a notebook that nobody trusts."""
    output = {"output_type": "display_data", "metadata": {}, "data": {"text/plain": "text instead", **shown}}
    return {"source": "x = 1", "outputs": [output], "execution_count": 1}


def hostile(text: str) -> EnergyRecord:
    """A record with a text wherever it can hold one."""
    part = replace(GPU, device=text, key=text, scope=text, source=text, note=text)
    return honest(components=(part,), label=text, notes=(text,), notebook=text, project=text, units=3.0, unit=text)


def opened(notebook: Notebook, index: int) -> Locator:
    """The record under a cell, with its details."""
    notebook.ask("index => panel.content.scrollToItem(index)", index)
    record = notebook.cell(index).locator("details.jg-rec")
    record.locator("summary").click()
    expect(record.locator("table")).to_be_visible()
    return record


def test_an_honest_record_of_another_day_is_drawn(desk: Desk) -> None:
    """Where nobody trusts a notebook JupyterLab takes style and pictures from the HTML; what it says stays."""
    notebook = desk.open([saved(bundle(honest()))], None)
    record = opened(notebook, 0)
    expect(record.locator("summary")).to_have_text("12.0 J ± 1.0 · GPU measured 12.0 J · 2.0 s")
    expect(record.locator("tbody tr")).to_have_count(1)
    desk.page.screenshot(path=desk.out("record"))
    desk.unharmed()


def test_the_texts_of_a_record_stay_texts(desk: Desk) -> None:
    notebook = desk.open([saved(bundle(hostile(text))) for text in CORPUS], None)
    for index in range(len(CORPUS)):
        opened(notebook, index).hover()
    desk.unharmed()
    desk.page.screenshot(path=desk.out("forged-texts"))


def test_the_texts_of_a_record_stay_texts_where_html_is_trusted(desk: Desk) -> None:
    """What a kernel shows is trusted: JupyterLab takes nothing from it, and runs what would be a script."""
    shown = [bundle(hostile(text)) for text in CORPUS]
    notebook = desk.open([f"from IPython.display import display; display({each!r}, raw=True)" for each in shown])
    notebook.run()
    for index in range(len(CORPUS)):
        record = opened(notebook, index)
        expect(record.locator("summary > .jg-say")).to_have_css("display", "inline")
        record.hover()
    desk.unharmed()


FORGED: Mapping[str, Any] = {
    "no object": [1, 2, 3],
    "null": None,
    "a text": CORPUS[1],
    "nothing in it": {},
    "more joules than a power station": {**honest().to_dict(), "joules": 1e300, "components": []},
    "a status of markup": {**honest().to_dict(), "status": CORPUS[1]},
    "very many components": {**honest().to_dict(), "components": [None] * 100_000},
    "names of JavaScript": {**honest().to_dict(), "__proto__": {"polluted": 1}, "constructor": {"polluted": 1}},
}


def test_nobody_reads_the_data_of_a_saved_record(desk: Desk) -> None:
    """Any notebook can say what it likes in its outputs; the page takes none of it for a figure."""
    notebook = desk.open([saved({MIME: data, "text/html": "<p>as saved</p>"}) for data in FORGED.values()], None)
    for index, name in enumerate(FORGED):
        notebook.ask("index => panel.content.scrollToItem(index)", index)
        expect(notebook.cell(index).locator(".jp-OutputArea-output"), name).to_have_text("as saved")
    desk.unharmed()
    assert desk.ask("() => [{}.polluted, Object.prototype.polluted]") == [None, None]
    assert not re.search(r"\d\s*k?J\b", desk.panel.root.inner_text())


def test_numbers_that_are_none(desk: Desk) -> None:
    """JSON has no word for them, but Python writes one; a notebook that holds it is the server's to refuse."""
    path = desk.write([saved(bundle(honest()))])
    target = desk.lab.root / path
    target.write_text(target.read_text().replace('"seconds": 2.0', '"seconds": NaN'), encoding="utf-8")
    desk.complaints.expect(".*")
    answer = desk.lab.ask(f"api/contents/{path}").body
    assert b"NaN" in answer, "the server has mended it, so that nothing is left to try"
    desk.ask("path => { void jupyterapp.commands.execute('docmanager:open', { path }).catch(() => undefined); }", path)
    dialog = desk.page.get_by_role("dialog")
    expect(dialog.or_(desk.page.locator(".jg-rec")).first).to_be_visible()
    if dialog.count():
        dialog.get_by_role("button").last.click()
    desk.unharmed()


def test_names_and_sources_that_are_markup(desk: Desk) -> None:
    name = f"{CORPUS[1].replace('/', '')}.ipynb"
    cells = [f"{text!r} # first\nx = 1" for text in CORPUS]
    notebook = desk.metered(cells, "board", name)
    notebook.run()
    desk.panel.settled(len(cells))
    for index in range(len(cells)):
        desk.panel.rows.nth(index).hover()
    desk.panel.button("Sort by joules").click()
    expect(desk.panel.root).to_contain_text("data-broken")
    expect(desk.panel.root.locator(".jgp-nb").first).to_contain_text("<img data-broken")
    desk.panel.tab("Runs")
    expect(desk.panel.root).to_contain_text("<img data-broken")
    desk.panel.tab("Now")
    desk.command("jupyter-green:open-doctor")
    expect(desk.page.get_by_test_id("green-transcript")).to_contain_text("%energy doctor")
    desk.unharmed()
    desk.shoot("hostile")
    # It is kept as a setting, which others would find.
    desk.panel.button("Sort by joules").click()
    expect(desk.panel.button("Sort by joules")).to_have_attribute("aria-pressed", "false")


def test_errors_and_labels_that_are_markup(desk: Desk) -> None:
    sources = [f"%%energy --label {json.dumps(text)}\nraise ValueError({text!r})" for text in CORPUS[:4]]
    notebook = desk.metered(sources, "board")
    notebook.run()
    desk.panel.settled(len(sources))
    desk.unharmed()


GARBAGE = """
import math
from comm import create_comm
hostile = {hostile!r}
good = {{"v": 1, "app": "jupyter_green"}}
frames = [None, 1, [], "x", {{}}, {{"app": "jupyter_green"}}, {{**good, "v": 9, "type": "snapshot"}},
  {{**good, "type": "snapshot", "run": hostile, "totals": 3}},
  {{**good, "type": "snapshot", "run": "r", "seq": math.inf, "cells": [{{"line": hostile}}] * 3}},
  {{**good, "type": "answer", "run": "r", "to": hostile, "ok": True, "message": hostile}},
  {{**good, "type": "history", "run": "r", "seq": 1, "cells": [{{"line": hostile}}] * 2000, "page": 0, "pages": 1}},
  {{**good, "type": hostile}}, {{**good, "type": "x" * 500_000}}]
comm = create_comm(target_name="jupyter_green", data=frames[-1])
for frame in frames:
    comm.send(data=frame)
comm.close()
"""


@pytest.mark.parametrize("metered", [False, True], ids=["before metering", "while metering"])
def test_what_other_code_sends_over_the_link_harms_nothing(desk: Desk, metered: bool) -> None:
    begin = desk.metered if metered else desk.open
    notebook = begin([GARBAGE.format(hostile=CORPUS[1]), "print('still here')"], "board")
    notebook.run()
    assert notebook.outputs(1) == "still here\n"
    desk.unharmed()
    if metered:
        desk.panel.settled(2)
        return
    notebook.restart()
    desk.panel.empty("not-loaded").get_by_role("button", name="Start metering").click()
    expect(desk.panel.empty("live")).to_be_visible()
    notebook.run(1)
    desk.panel.settled(1)
    desk.unharmed()
