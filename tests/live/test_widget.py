"""`green.panel()` on real kernels: what its widget shows, when it is told anything, and how it ends."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from jupyter_green.live.widget import ENDED, MOST_PANELS
from jupyter_green.reporting.formatted_energy import FormattedEnergy
from jupyter_green.reporting.numbers import plain
from jupyter_green.reporting.record.style import STYLE
from tests.live.page import Page
from tests.live.test_publisher import BUSY
from tests.support.html_readers import Reader
from tests.support.kernel import ROOT
from tests.support.record_states import HOSTILE

pytestmark = pytest.mark.shell

MAKE = "import jupyter_green as green\npanel = green.panel()\npanel"
WIDGET = "application/vnd.jupyter.widget-view+json"


class Shown:
    """The widgets that a kernel told its front ends of."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def _messages(self) -> list[tuple[str, str, dict[str, Any], float]]:
        found = []
        for message in self.page.others:
            content = message["content"]
            state = content["data"].get("state", {})
            found.append((message["msg_type"], content["comm_id"], state, message["header"]["date"].timestamp()))
        return found

    def bodies(self) -> dict[str, str]:
        """The newest value of each panel that was ever made, by its model."""
        bodies: dict[str, str] = {}
        for kind, model, state, _ in self._messages():
            made = kind == "comm_open" and state.get("_model_name") == "HTMLModel" and state["value"] != STYLE
            if (made or model in bodies) and "value" in state:
                bodies[model] = state["value"]
        return bodies

    @property
    def body(self) -> str:
        """The newest value of the newest panel."""
        return list(self.bodies().values())[-1]

    @property
    def words(self) -> str:
        return plain(" ".join(Reader(self.body).words))

    def drawn(self) -> list[float]:
        """When values were sent."""
        return [at for kind, model, state, at in self._messages() if kind == "comm_msg" and model in self.bodies()]


@pytest.fixture
def shown(page: Page) -> Shown:
    return Shown(page)


def settled(shown: Shown, cell_id: str) -> dict[str, Any]:
    """Wait until a cell's last execution has settled and all panels have been told."""
    replies = [run.reply for run in shown.page.runs.values() if run.cell_id == cell_id and run.reply is not None]
    count = replies[-1]["execution_count"]
    cell = shown.page.settled(cell_id, count)

    def told(body: str) -> bool:
        words = plain(" ".join(Reader(body).words))
        return re.search(rf"\[{count}\](?!.*so far)", words, flags=re.S) is not None

    def all_told() -> bool:
        live = [body for model, body in shown.bodies().items() if model not in shown.page.closed]
        return all(told(body) for body in live if "is no longer updated" not in body)

    shown.page.wait(all_told, f"[{count}] in {shown.bodies()}")
    return cell


def row(shown: Shown, prompt: str) -> list[str]:
    """The words of a cell's row."""
    found = re.search(rf"<tr><td[^>]*>{re.escape(prompt)}</td>.*?</tr>", shown.body)
    assert found is not None
    return [plain("".join(Reader(part).words)).strip() for part in re.findall(r"<td.*?</td>", found.group())]


# ---- what it shows ----------------------------------------------------------------------------------------


def test_the_figures_are_the_records(page: Page, shown: Shown) -> None:
    run = page.run(MAKE, "panel")
    assert run.reply["status"] == "ok"
    assert WIDGET in run.outputs[-1]["content"]["data"]
    page.run("%%energy -o rec\n" + BUSY.format(seconds=2), "busy")
    cell = settled(shown, "busy")
    assert page.kernel.json("rec.id") == cell["id"]
    told = page.run("from jupyter_green.reporting.record.sentence import sentence; print(sentence(rec))", "told").text
    head = re.match(r"~?([\d.,]+) (m?J) ± ([\d.]+)", told)
    assert head is not None
    words = row(shown, f"[{cell['execution_count']}]")
    unit = re.search(r'<th scope="col" class=r>(m?J)</th>', shown.body)
    assert unit is not None
    assert (words[2].rstrip(), unit.group(1), words[3].rstrip()) == head.groups()
    assert words[4] == "estimated"
    settled(shown, "told")

    def total() -> str:
        return plain(str(FormattedEnergy.told(page.snapshots[-1]["totals"]["figure"])))

    page.wait(lambda: shown.words.startswith(total().replace(" ±", "  ±")), f"{total()} as the total")


def test_it_moves_while_a_cell_runs_and_no_more_than_twice_a_second(page: Page, shown: Shown) -> None:
    page.run(MAKE, "panel")
    settled(shown, "panel")
    before = len(shown.drawn())
    values: set[str] = set()
    run = page.hold("busy")

    def moved() -> bool:
        values.add(shown.words)
        moving = {found.group(1) for value in values if (found := re.search(r"This cell (\S+ \S+) so far", value))}
        return len(moving) >= 3 and any("Power now" in value for value in values)

    page.wait(moved, "a figure that moves")
    page.release()
    page.wait(lambda: run.idle and run.reply is not None, "the end of the cell")
    settled(shown, "busy")
    moments = shown.drawn()[before:]
    assert "Power now" not in shown.words
    assert "This cell" not in shown.words
    assert not [at for at in moments if sum(at <= later < at + 1 for later in moments) > 2]


def test_nothing_is_sent_while_nothing_runs(page: Page, shown: Shown) -> None:
    page.run(MAKE, "panel")
    page.run(BUSY.format(seconds=0.5), "busy")
    settled(shown, "busy")
    page.silence(8)  # the ledger is read and written, the sampler parks
    drawn = page.kernel.json("panel._at")
    page.fence()
    assert page.silence(5) == []
    assert page.kernel.json("panel._at") == drawn, "it was drawn, if not sent"


def test_source_lines_labels_and_baselines_arrive_as_text(visit: Callable[..., Page]) -> None:
    page = visit()
    page.run("%load_ext jupyter_green", "load")
    shown = Shown(page)
    page.run(MAKE, "panel")
    page.run(f"hostile = {HOSTILE!r}", "source")
    page.run("%%energy -q -l \"<script>window.broken=1</script>\"\n'</td><script>window.broken=1</script>'", "label")
    page.run("%baseline set \"<b onclick='x'>\"", "keep")
    page.run("3", "after")
    settled(shown, "after")
    for body in shown.bodies().values():
        Reader(body)  # knows no <script>, no <img>, and no attribute but ours
        assert "<script" not in body
        assert "<img" not in body
    assert "&lt;/td&gt;&lt;script&gt;window.broken=1&lt;/script&gt;" in shown.body
    page.wait(lambda: "“<b onclick='x'>”" in shown.words, "the baseline's name")


def test_beside_the_baseline(page: Page, shown: Shown) -> None:
    for _ in range(2):
        page.run(BUSY.format(seconds=0.5), "busy")
    page.run("%baseline set before", "keep")
    page.run(MAKE, "panel")
    page.run("import time; time.sleep(0.01)\n" + BUSY.format(seconds=2), "busy")
    settled(shown, "busy")
    page.wait(lambda: "Against the baseline" in shown.words, "the comparison")
    assert "“before”" in shown.words
    assert ">beside the baseline</th>" in shown.body
    assert "code changed" in shown.words


def test_without_widgets_it_is_text(page: Page, shown: Shown) -> None:
    run = page.run(MAKE, "panel")
    text = run.outputs[-1]["content"]["data"]["text/plain"]
    assert re.match(r"(no reading yet|≤|~)", text)
    assert "running" in text
    assert "As of " in text
    page.run(BUSY.format(seconds=1), "busy")
    settled(shown, "busy")
    printed = page.run("print(panel)", "print").text
    assert BUSY.split("\n", maxsplit=1)[0] in printed


# ---- several, and their end -------------------------------------------------------------------------------


def test_closing_one_stops_its_traffic_and_no_other(page: Page, shown: Shown) -> None:
    page.run(MAKE, "one")
    page.run("other = green.panel()\nother", "two")
    assert len(shown.bodies()) == 2
    page.run(BUSY.format(seconds=1), "busy")
    settled(shown, "busy")
    first, second = shown.bodies()
    assert "[*]" not in shown.bodies()[first]
    page.run("panel.close(); panel.close()", "close")
    page.fence()
    assert len([model for model in page.closed if model in shown.bodies()]) == 1
    assert first in page.closed
    page.others.clear()
    page.run(BUSY.format(seconds=2), "again")
    page.settled("again")
    page.silence(1)
    told = {message["content"]["comm_id"] for message in page.others}
    assert told == {second}
    page.run("other.close()", "close two")
    page.others.clear()
    page.run(BUSY.format(seconds=2), "quiet")
    page.settled("quiet")
    page.silence(1)
    assert page.others == []
    said = page.run("panel", "look").outputs[-1]["content"]["data"]
    assert WIDGET not in said
    assert "This panel is closed." in said["text/plain"]


def test_a_widget_that_was_closed_by_other_means_is_let_go(page: Page, shown: Shown) -> None:
    page.run(MAKE, "panel")
    page.run("import ipywidgets; ipywidgets.Widget.close_all()", "close")
    page.run("1", "a")
    page.settled("a")
    page.silence(1)
    page.others.clear()
    page.run(BUSY.format(seconds=2), "b")
    page.settled("b")
    assert page.others == []
    views = "__import__('jupyter_green.live.publisher', fromlist=['x']).LivePublisher.current.views"
    assert page.kernel.json(f"len({views})") == 0


def test_a_cell_run_again_has_one_panel(page: Page, shown: Shown) -> None:
    for _ in range(4):
        page.run(MAKE, "panel")
    page.run("[green.panel(), green.panel(3)]", "two")
    page.run("1", "after")
    settled(shown, "after")
    models = list(shown.bodies())
    assert [model in page.closed for model in models] == [True, True, True, False, False, False]


def test_too_many_stand_still(page: Page, shown: Shown) -> None:
    page.run(f"import jupyter_green as green\nmade = [green.panel() for _ in range({MOST_PANELS + 2})]", "many")
    page.run("1", "after")
    settled(shown, "after")
    standing = [f"{MOST_PANELS} newer ones are" in body for body in shown.bodies().values()]
    assert standing == [True, True, *[False] * MOST_PANELS]


def test_unloading_lets_the_figures_stand(page: Page, shown: Shown) -> None:
    page.run(MAKE, "panel")
    page.run("%unload_ext jupyter_green", "unload")
    page.fence()
    assert ENDED in shown.words
    page.others.clear()
    page.run(BUSY.format(seconds=1), "busy")
    page.silence(1)
    assert page.others == []
    assert ENDED in page.run("print(panel)", "print").text
    refused = page.run("green.panel()", "again")
    assert refused.reply["ename"] == "UsageError"
    page.run("%load_ext jupyter_green", "load")
    assert page.run(MAKE, "anew").reply["status"] == "ok"


def test_after_a_restart_it_is_made_anew(page: Page, visit: Callable[..., Page]) -> None:
    page.run(MAKE, "panel")
    kernel = page.kernel
    kernel.manager.restart_kernel(now=True)
    anew = visit(kernel)
    refused = anew.run(MAKE, "panel")
    assert refused.reply["ename"] == "UsageError"
    assert "%load_ext jupyter_green first" in refused.text
    anew.run("%load_ext jupyter_green", "load")
    assert anew.run(MAKE, "panel").reply["status"] == "ok"
    shown = Shown(anew)
    anew.run("1", "a")
    settled(shown, "a")
    assert "2 cells" in shown.words


# ---- asked for where there is none ------------------------------------------------------------------------


@pytest.mark.parametrize("rows", ["0", "51", "'ten'", "True", "2.5"])
def test_a_wrong_number_of_rows_is_one_sentence(seasoned: Page, rows: str) -> None:
    refused = seasoned.run(f"import jupyter_green as green\ngreen.panel({rows})", "panel")
    assert refused.reply["ename"] == "UsageError"
    assert "takes the number of cells to list, 1 to 50" in refused.text
    assert seasoned.others == []


def test_ipywidgets_is_imported_by_the_call_alone(page: Page) -> None:
    loaded = "'ipywidgets' in __import__('sys').modules"
    page.run("import jupyter_green as green; green.panel", "name")
    page.run("%energy status", "status")
    assert page.kernel.json(loaded) is False
    page.run(MAKE, "panel")
    assert page.kernel.json(loaded) is True


def test_without_ipywidgets_it_says_what_brings_them(page: Page) -> None:
    page.run("import sys; sys.modules['ipywidgets'] = None", "hide")
    refused = page.run(MAKE, "panel")
    assert refused.reply["ename"] == "UsageError"
    assert "%pip install ipywidgets" in refused.text
    page.run(BUSY.format(seconds=0.5), "busy")
    page.settled("busy")
    views = "__import__('jupyter_green.live.publisher', fromlist=['x']).LivePublisher.current.views"
    assert page.kernel.json(f"len({views})") == 0


def outside(source: str, program: list[str], home: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "HOME": str(home), "PYTHONPATH": str(ROOT), "TERM": "dumb"}
    return subprocess.run(
        [sys.executable, *program], input=source, capture_output=True, text=True, check=False, env=environment
    )


def test_in_a_script_it_says_what_else_to_use(tmp_path: Path) -> None:
    done = outside("import jupyter_green as green\ngreen.panel()", ["-"], tmp_path)
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("RuntimeError: green.panel() shows live figures in a notebook; in a script, use ")


def test_in_a_terminal_it_is_text(tmp_path: Path) -> None:
    source = "%load_ext jupyter_green\nimport jupyter_green as green\nx = sum(range(10**6))\ngreen.panel()\nexit()\n"
    done = outside(source, ["-m", "IPython", "--simple-prompt", "--no-banner", "--quick"], tmp_path)
    assert "x = sum(range(10**6))" in done.stdout, done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
