"""``%energy report`` in real kernels: shown, written whole or not at all, and as lines to copy."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.magics.test_energy_magic import refused
from tests.support.html_readers import PageReader, Reader
from tests.support.kernel import Kernel, Outcome, running
from tests.support.record_states import HOSTILE

pytestmark = pytest.mark.shell

WORK = "sum(i * i for i in range(1_500_000))"


def shown(outcome: Outcome) -> dict[str, Any]:
    """The one value that a cell shows."""
    assert outcome.status == "ok", outcome.text()
    (data,) = [m.content["data"] for m in outcome.others if m.type == "execute_result"]
    return dict(data)


def begun(kernel: Kernel) -> Kernel:
    for source in ("%load_ext jupyter_green", f"first = {WORK}", f"%%energy -q -l my_label -o rec\n{WORK}"):
        assert kernel.run(source).status == "ok"
    return kernel


@pytest.fixture
def ran(start: Callable[..., Kernel]) -> Kernel:
    """A kernel whose notebook has a name and two cells that ran, one of them twice."""
    return begun(start(JUPYTER_GREEN_NOTEBOOK="senti_ment.ipynb"))


@pytest.fixture(scope="module")
def only_read(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    """The like, for tests that run no cell of their own and change nothing."""
    with running(tmp_path_factory.mktemp("ran"), JUPYTER_GREEN_NOTEBOOK="senti_ment.ipynb") as kernel:
        yield begun(kernel)


def test_it_shows_itself_as_text_markdown_and_html(ran: Kernel) -> None:
    data = shown(ran.run("%energy report"))
    text = data["text/plain"]
    assert text.startswith("Energy of senti_ment.ipynb\n")
    assert "first = " in text
    assert re.search(r"Cells: ~\S+ m?J ± \S+ · estimated · 2 cells, ", text)
    assert "Not read" in text
    assert "jupyter_green 0." in text
    assert data["text/markdown"].startswith("# Energy of senti\\_ment.ipynb")
    Reader(data["text/html"])
    record = ran.run("rec").others[0].content["data"]["text/plain"]
    joules = re.match(r"~([\d.]+) (m?J) ± ([\d.]+)", record)
    assert joules is not None
    assert re.search(rf" {re.escape(joules.group(1))} +{re.escape(joules.group(3))} +estimated", text)


def test_it_is_no_cell_of_the_run(only_read: Kernel) -> None:
    before = len(only_read.rows())
    only_read.run("%energy report")
    only_read.run("%energy report --slack")
    only_read.run("%energy report out.md")
    assert len(only_read.rows()) == before


def test_before_any_cell(start: Callable[..., Kernel]) -> None:
    kernel = start()
    kernel.run("%load_ext jupyter_green")
    assert "Cells: none was metered yet" in shown(kernel.run("%energy report"))["text/plain"]
    assert shown(kernel.run("%energy report --slack"))["text/plain"].startswith("no reading yet")


@pytest.mark.parametrize("name", ["out.html", "out.MD", "below/of/it.json", "'with space.md'"])
def test_it_is_written_by_its_suffix(only_read: Kernel, name: str) -> None:
    outcome = only_read.run(f"%energy report {name}")
    assert outcome.status == "ok", outcome.text()
    target = only_read.work / name.strip("'")
    assert outcome.text().strip() == f"The energy report: {name.strip(chr(39))}"
    text = target.read_text(encoding="utf-8")
    assert [path.name for path in target.parent.iterdir() if path.name.startswith(".out")] == []
    if name.endswith("html"):
        PageReader().feed(text)
    elif name.endswith("json"):
        held = json.loads(text)
        assert held["cells"] == 2
        assert {record["id"] for record in held["records"]} == {row["id"] for row in only_read.rows()}
    else:
        assert text.startswith("# Energy of senti\\_ment.ipynb")


def test_the_data_is_a_baseline(ran: Kernel) -> None:
    ran.run("%energy report out.json")
    said = ran.run("%baseline use out.json").text()
    assert "'out.json': 2 cells" in said
    told = shown(ran.run("%energy report"))["text/plain"]
    # Against itself; energy is only estimated here. Whether others use the machine is not the test's to say.
    same = "no proven difference in CPU time from “out.json”"
    once = "CPU time +0 % against “out.json”, not proven: one run each on a busy machine"
    assert f"Compared with the baseline: {same}" in told or f"Compared with the baseline: {once}" in told
    (first, second) = shown(ran.run("%energy report --slack"))["text/plain"].split("\n")
    assert first.endswith((f" · {same}", f" · {once}"))
    assert " cells, " in second


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ("out.pdf", "'out.pdf' must end in one of .html, .md, .json"),
        ("out", "'out' must end in one of"),
        ("7", "'7' must end in one of"),
        ("a.md b.md", "unrecognized arguments: b.md"),
        ("--frobnicate", "unrecognized arguments"),
        ("--slack --model-card", "not allowed with"),
        ("--slack out.md", "'out.md' is no cell's number"),
        ("--slack 99", "no cell [99] was metered in this run"),
        ("--model-card [99]", "no cell [99] was metered in this run"),
        ("--slack 1", "no cell [1] was metered"),
        ("--training-type fine", "--training-type goes with --model-card"),
        ("file/out.md", "can't be written: "),
        ("/proc/nowhere/out.md", "can't be written: "),
        ("folder.md", "is not a regular file"),
        ("--model-card", "no region is set: %config JupyterGreen.region"),
        ("'open", "No closing quotation"),
    ],
)
def test_a_wrong_line_is_one_sentence(used: Kernel, words: str, why: str) -> None:
    (used.work / "file").write_text("mine")
    (used.work / "folder.md").mkdir(exist_ok=True)
    used.run("1")
    assert why in refused(used.run(f"%energy report {words}"))
    assert (used.work / "file").read_text() == "mine"


def test_a_cell_for_a_chat(only_read: Kernel) -> None:
    said = shown(only_read.run("%energy report --slack [3]"))
    told = only_read.json("__import__('jupyter_green.reporting', fromlist=['x']).sentence(rec)")
    assert said["text/plain"] == f"`my_label`: {told}"
    assert "user-select:all" in said["text/html"]
    assert shown(only_read.run("%energy report --slack 3"))["text/plain"] == said["text/plain"]


def test_the_run_for_a_chat(only_read: Kernel) -> None:
    first, second = shown(only_read.run("%energy report --slack"))["text/plain"].split("\n")
    assert re.fullmatch(r"`senti_ment\.ipynb`: ~\S+ m?J ± \S+, estimated", first)
    assert re.fullmatch(r"CPU estimated \S+ m?J · CPU, .* · 2 cells, .*", second)


def test_a_model_card_once_a_region_is_set(ran: Kernel) -> None:
    assert "no region is set" in refused(ran.run("%energy report --model-card"))
    ran.run("%config JupyterGreen.region = 'FRA'")
    for words in ("--model-card", "--model-card 3 --training-type fine-tuning"):
        told = yaml.safe_load(shown(ran.run(f"%energy report {words}"))["text/plain"])["co2_eq_emissions"]
        assert 0 < told["emissions"] < 1
        assert told["geographical_location"] == "France"
        assert "estimated" in told["source"]
        assert told["hardware_used"].startswith("CPU, ")
    assert told["training_type"] == "fine-tuning"
    ran.run("%config JupyterGreen.region = '120 g/kWh'")
    told = yaml.safe_load(shown(ran.run("%energy report --model-card"))["text/plain"])["co2_eq_emissions"]
    assert "geographical_location" not in told


def test_hostile_sources_and_labels_stay_text(start: Callable[..., Kernel], tmp_path: Path) -> None:
    kernel = start(JUPYTER_GREEN_NOTEBOOK="<img src=x onerror=1>.ipynb")
    kernel.run("%load_ext jupyter_green")
    kernel.run(f"'</td><script>window.broken=1</script>{HOSTILE.strip()[:40]!r}' if 0 else 1")
    kernel.run("%%energy -q -l '<script>window.broken=1</script>'\n'[x](javascript:1) <b>'")
    data = shown(kernel.run("%energy report"))
    Reader(data["text/html"])
    assert not re.search(r"(?<!\\)[<\[]", data["text/markdown"])
    kernel.run("%energy report out.html")
    PageReader().feed((kernel.work / "out.html").read_text())
    Reader(shown(kernel.run("%energy report --slack 3"))["text/html"])


def test_help_names_it(used: Kernel) -> None:
    text = used.run("%energy?").text()
    assert "%energy report FILE" in text
    assert "--model-card" in text
    assert "report [FILE]" in refused(used.run("%energy frobnicate"))


def test_what_the_kernel_keeps_no_more_is_read_from_the_ledger(ran: Kernel) -> None:
    settlement = "get_ipython()._jupyter_green.session._recorder"
    ran.run(f"import collections; {settlement}.finished = collections.deque({settlement}.finished, maxlen=2)")
    ran.run("last = 1")
    said = shown(ran.run("%energy report"))["text/plain"]
    assert "first = " in said
    assert "last = 1" in said
    assert " · 4 cells, " in said
