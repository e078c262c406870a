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
from playwright.sync_api import expect

from jupyter_green.records import Component, EnergyRecord
from jupyter_green.report.bundle import MIME

from .page import Desk

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


def honest(**changes: Any) -> dict[str, Any]:
    """The data of a record as the kernel writes it."""
    return EnergyRecord((GPU,), seconds=2.0, started_at=1_700_000_000.0, id="one").with_(**changes).to_dict()


def saved(data: Any) -> dict[str, Any]:
    """A cell that was saved with a record."""
    shown = {MIME: data, "text/plain": "text instead", "text/html": CORPUS[1]}
    output = {"output_type": "display_data", "metadata": {}, "data": shown}
    return {"source": "x = 1", "outputs": [output], "execution_count": 1}


def test_an_honest_record_of_another_day_is_drawn(desk: Desk) -> None:
    notebook = desk.open([saved(honest())], None)
    record = notebook.element.get_by_test_id("green-record")
    expect(record).to_contain_text("12.0")
    expect(record).to_contain_text("GPU measured")
    desk.page.screenshot(path=desk.out("record"))
    desk.unharmed()


def test_the_texts_of_a_record_stay_texts(desk: Desk) -> None:
    cells = [
        saved(
            honest(
                components=(replace(GPU, device=text, key=text, scope=text, source=text, note=text),),
                label=text,
                notes=(text,),
                notebook=text,
                project=text,
                units=3.0,
                unit=text,
                cell_id=text,
            )
        )
        for text in CORPUS
    ]
    notebook = desk.open(cells, None)
    records = notebook.element.get_by_test_id("green-record")
    for index in range(len(cells)):
        notebook.ask("index => panel.content.scrollToItem(index)", index)
        record = notebook.cell(index).get_by_test_id("green-record")
        expect(record).to_be_attached()
        record.evaluate("record => record.querySelectorAll('details').forEach(each => { each.open = true; })")
        record.hover()
    expect(records.first).to_be_attached()
    desk.unharmed()
    desk.page.screenshot(path=desk.out("forged-texts"))


FORGED: Mapping[str, Any] = {
    "no object": [1, 2, 3],
    "null": None,
    "a text": CORPUS[1],
    "nothing in it": {},
    "a schema of the future": {**honest(), "schema": 99},
    "a schema that is a text": {**honest(), "schema": "1"},
    "joules that are a text": {**honest(), "joules": CORPUS[1]},
    "more joules than a power station": {**honest(), "joules": 1e300, "components": []},
    "a device with endless joules": {**honest(), "components": [{**honest()["components"][0], "joules": 1e308}]},
    "a device of markup": {**honest(), "components": [{"kind": CORPUS[1]}]},
    "components that are none": {**honest(), "components": CORPUS[1]},
    "very many components": {**honest(), "components": [None] * 100_000},
    "negative seconds": {**honest(), "seconds": -1},
    "a time that is none": {**honest(), "started_at": 1e300},
    "a status of markup": {**honest(), "status": CORPUS[1]},
    "a quality nobody gave": {**honest(), "quality": "certified"},
    "notes that are objects": {**honest(), "notes": [{"toString": 1}]},
    "a course of power that is a number": {**honest(), "trace": {"series": 7}},
    "names of JavaScript": {**honest(), "__proto__": {"polluted": 1}, "constructor": {"prototype": {"polluted": 1}}},
}


def test_what_is_no_record_is_refused_in_one_sentence(desk: Desk) -> None:
    notebook = desk.open([saved(data) for data in FORGED.values()], None)
    told = {}
    for index, name in enumerate(FORGED):
        notebook.ask("index => panel.content.scrollToItem(index)", index)
        output = notebook.cell(index).locator(".jp-OutputArea-output")
        expect(output).not_to_be_empty()
        told[name] = output.inner_text().strip().replace("\u202f", " ")
    desk.page.screenshot(path=desk.out("forged"))
    desk.unharmed()
    assert desk.ask("() => [{}.polluted, Object.prototype.polluted]") == [None, None]
    # A sum is made anew from its parts, and what else was added is left out: these are records, of what they hold.
    whole = {"a quality nobody gave", "joules that are a text", "a time that is none", "names of JavaScript"}
    nothing = {"more joules than a power station"}
    for name, text in told.items():
        if name in whole:
            assert text.startswith("12.0 J ± 1.0 · GPU measured 12.0 J"), f"{name}: {text}"
        elif name in nothing:
            assert text.startswith("no reading"), f"{name}: {text}"
        else:
            assert re.fullmatch(r"This energy record [^.\n]*(\.[\w.]+\))?[^.\n]*\.", text), f"{name}: {text}"


def test_numbers_that_are_none(desk: Desk) -> None:
    """JSON has no word for them, but Python writes one; a notebook that holds it is the server's to refuse."""
    path = desk.write([saved(honest())])
    target = desk.lab.root / path
    target.write_text(target.read_text().replace('"seconds": 2.0', '"seconds": NaN'), encoding="utf-8")
    desk.complaints.expect(".*")
    answer = desk.lab.ask(f"api/contents/{path}").body
    assert b"NaN" in answer, "the server has mended it, so that nothing is left to try"
    desk.ask("path => { void jupyterapp.commands.execute('docmanager:open', { path }).catch(() => undefined); }", path)
    dialog = desk.page.get_by_role("dialog")
    expect(dialog.or_(desk.page.get_by_test_id("green-record")).first).to_be_visible()
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
