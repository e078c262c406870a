"""``%%energy`` and ``%energy``: what is shown, what is bound, what is counted, and how a mistake is answered."""

from __future__ import annotations

import ast
import csv
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from jupyter_green.magics.energy.status import size_of
from tests.support.kernel import RECORD_MIME, Cell, Kernel, Outcome, plain_text, settle

pytestmark = pytest.mark.shell


def refused(outcome: Outcome) -> str:
    """Check that a mistake was answered by one sentence, without a traceback or a record; return it."""
    assert outcome.status == "error"
    assert outcome.reply["ename"] == "UsageError"
    assert outcome.reply["traceback"] == []
    assert [message.type for message in outcome.others] == ["stream"]
    lines = outcome.text().strip().splitlines()
    assert len(lines) == 1, lines
    assert outcome.records == []
    return lines[0]


def test_a_size_is_said_of_a_file_alone(tmp_path: Path) -> None:
    (tmp_path / "ledger.sqlite").write_bytes(b"x" * 1_500_000)
    sizes = [size_of(f"sqlite:///{path}") for path in (tmp_path / "ledger.sqlite", tmp_path, tmp_path / "none")]
    assert sizes == [" (1.5 MB)", "", ""]
    assert size_of("postgresql+psycopg://host/name") == ""


# ---- the header -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options", ["--frobnicate", "-o", "-o 3x", "-o a.b", "-x", "surplus", "-o 'open", "-o class", "-u", "-l"]
)
def test_a_wrong_option_stops_the_cell(used: Kernel, options: str) -> None:
    outcome = used.run(f"%%energy {options}\nran = True")
    assert "energy" in refused(outcome)
    assert used.json("'ran' in globals()") is False


def test_a_wrong_option_stops_a_second_magic_too(used: Kernel) -> None:
    refused(used.run("%%energy --frobnicate\n%%writefile written.txt\ntext"))
    assert not (used.work / "written.txt").exists()


def test_help(used: Kernel) -> None:
    outcome = used.run("%%energy?")
    text = outcome.text()
    assert "-o" in text
    assert "-q" in text
    assert outcome.records == []


def test_help_of_the_line_magic(used: Kernel) -> None:
    text = used.run("%energy?").text()
    assert all(word in text for word in ("on", "--show", "off", "status", "doctor", "history", "export"))


@pytest.mark.parametrize("name", ["energyit", "energyx", "energy2", "energy_"])
def test_longer_names_are_other_magics(used: Kernel, name: str) -> None:
    told = f"%%{name} a\nb\n"
    assert f"run_cell_magic('{name}', 'a', 'b\\n')" in used.json(f"get_ipython().transform_cell({told!r})")
    used.run(f"get_ipython().register_magic_function(lambda line, cell: line + cell, 'cell', {name!r})")
    outcome = used.run(told)
    assert "ab" in outcome.text().replace("\\n", "").replace("'", "")
    assert outcome.records == []


def test_a_header_alone_is_no_fault(metered: Kernel) -> None:
    for source in ("%%energy", "%%energy\n", "%%energy\n\n   \n", "%%energy   ", "%%energy\t"):
        outcome = metered.run(source)
        assert outcome.status == "ok"
        assert not [message for message in outcome.messages if message.type == "error"]
        assert len(outcome.text().strip().splitlines()) == 1, "a short hint"
        assert outcome.records == []
        assert metered.rows() == []


def test_bind(used: Kernel) -> None:
    outcome = used.run("%%energy -o rec\nsum(range(100_000))")
    assert len(outcome.records) == 1
    assert used.json("type(rec).__name__") == "EnergyRecord"
    assert used.json("rec.final") is True
    assert used.json("rec.status") == "ok"
    assert used.json("rec.id") == outcome.records[0]["id"]
    assert used.json("rec.seconds > 0") is True
    assert used.json("rec.cell_id") == outcome.cell_id
    assert used.json("rec.execution_count") == outcome.reply["execution_count"]
    assert used.json("rec.id in [r['id'] for r in __import__('tests.support.inspection', fromlist=['x']).rows()]")


def test_bind_is_there_within_a_failed_cell(used: Kernel) -> None:
    outcome = used.run("%%energy -o rec\n1 / 0")
    assert outcome.reply["ename"] == "ZeroDivisionError"
    assert used.json("rec.status") == "error"
    assert outcome.records[0]["status"] == "error"


def test_a_bound_record_shows_itself(used: Kernel) -> None:
    used.run("%%energy -q -o rec\n1")
    results = [message for message in used.run("rec").messages if message.type == "execute_result"]
    assert {RECORD_MIME, "text/html", "text/plain"} <= set(results[0].content["data"])
    assert used.run("repr(rec)").text().startswith("'<EnergyRecord")


@pytest.mark.parametrize(("options", "bound"), [("-q", False), ("-q -o rec", True), ("-o rec --quiet", True)])
def test_quiet(used: Kernel, options: str, bound: bool) -> None:
    outcome = used.run(f"%%energy {options}\nprint('told')\n5")
    assert [message.type for message in outcome.others] == ["stream", "execute_result"]
    assert outcome.records == []
    assert used.json("'rec' in globals()") is bound
    assert outcome.cell_id in [row["cell_id"] for row in used.rows()]


@pytest.mark.parametrize(
    "headers",
    [
        "%%energy\n%%time",
        "%%time\n%%energy",
        "%%energy\n%%energy",
        "%%energy\n%%time\n%%energy",
        "\n\n%%energy",
        "%%energy\n\n%%time",
        "%%energy   \n%%time",
        "%%energy -l name",
        "%%energy\n%%timeit -n1 -r1",
    ],
)
def test_stacked_headers_show_one_record(used: Kernel, headers: str) -> None:
    outcome = used.run(f"{headers}\nprint('told')\n6 * 7")
    assert outcome.status == "ok", outcome
    assert "told\n" in outcome.text()
    if "timeit" not in headers:
        assert "\n42" in outcome.text()
    assert len(outcome.records) == 1
    assert [row["cell_id"] for row in used.rows()].count(outcome.cell_id) == 1


@pytest.mark.parametrize("headers", ["%%energy\n%%capture taken", "%%capture taken\n%%energy"])
def test_captured_cells_keep_the_record_out_of_the_capture(used: Kernel, headers: str) -> None:
    outcome = used.run(f"{headers}\nprint('hidden')\ndisplay(3)\n4")
    assert outcome.others == []
    assert len(outcome.records) == 1
    assert used.json("taken.stdout") == "hidden\n"
    taken = used.json("[sorted(output.data) for output in taken.outputs]")
    assert taken == [["text/plain"], ["text/plain"]]


def test_bash_below_a_header(used: Kernel) -> None:
    outcome = used.run("%%energy\n%%bash\necho one\necho two")
    assert outcome.text().split() == ["one", "two"]
    assert len(outcome.records) == 1


def test_a_header_inside_a_nested_cell(used: Kernel) -> None:
    outcome = used.run("get_ipython().run_cell('%%energy\\n1 + 1').result")
    assert outcome.status == "ok"
    assert len(outcome.records) == 1
    assert [row["cell_id"] for row in used.rows()].count(outcome.cell_id) == 1


@pytest.mark.parametrize("body", ["21 * 2", "1 / 0"])
def test_called_as_a_cell_magic(used: Kernel, body: str) -> None:
    outcome = used.run(f"get_ipython().run_cell_magic('energy', '', {body!r})")
    assert len(outcome.records) == 1
    if body == "1 / 0":
        assert outcome.reply["ename"] == "ZeroDivisionError"
    else:
        assert "42" in outcome.text()


def test_units_and_label(used: Kernel) -> None:
    outcome = used.run("%%energy -l first -u items -o rec\nitems = list(range(50))\nlen(items)")
    assert outcome.status == "ok"
    assert used.json("[rec.label, rec.units]") == ["first", 50.0]


def test_that_nothing_was_counted_stands_in_the_text(used: Kernel) -> None:
    used.run("%%energy -u tokens -o rec\n1 + 1")
    (told,) = [m.content["data"]["text/plain"] for m in used.run("rec").messages if m.type == "execute_result"]
    assert told.endswith(" · Not counted: no model of transformers generated in this cell")


def test_no_sum_counts_a_common_time_twice(metered: Kernel) -> None:
    if metered.subshell is None:
        pytest.skip("this kernel has no subshells")
    busy = "end = time.thread_time() + 0.5\nwhile time.thread_time() < end: pass"
    start = "import threading, time\nmet = globals().setdefault('met', threading.Barrier(2))\nmet.wait()\n"
    cells = [Cell(f"{start}{busy}"), Cell(f"{start}{busy}", subshell=True, store_history=False)]
    outcomes = metered.play(cells, together=True)
    assert [outcome.status for outcome in outcomes] == ["ok", "ok"]
    both = [row for row in metered.rows() if row["cell_id"] in [outcome.cell_id for outcome in outcomes]]
    assert len(both) == 2
    for row in both:
        assert all(part["quality"] != "measured" for part in row["components"] if part["joules"] is not None)
        assert any(part["shared"] for part in row["components"]) or row["notes"]


# ---- the line magic ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "words",
    ["frobnicate", "on --loud", "on surplus", "off now", "export", "export a.csv b.csv", "export a.unknown",
     "history --bogus", "status 'open", "doctor 3", "On"],
)  # fmt: skip
def test_a_wrong_subcommand_is_one_sentence(used: Kernel, words: str) -> None:
    assert "energy" in refused(used.run(f"%energy {words}"))


def test_off_and_on(metered: Kernel) -> None:
    def counted(source: str) -> bool:
        cell_id = metered.run(source).cell_id
        return cell_id in [row["cell_id"] for row in metered.rows()]

    assert counted("1") is True
    assert metered.run("%energy off").status == "ok"
    assert [counted(source) for source in ("2", "3 + 1", "1 / 0", "# words")] == [False] * 4
    assert metered.run("%energy on").status == "ok"
    assert counted("4") is True


def test_show_and_no_longer(used: Kernel) -> None:
    assert used.run("1").records == []
    assert used.run("%energy on --show").records == []
    assert [len(used.run(source).records) for source in ("1", "x = 2", "%%energy\n3")] == [1, 1, 1]
    used.run("%energy on")
    assert used.run("4").records == []


def test_off_stops_showing(used: Kernel) -> None:
    used.run("%energy on --show")
    used.run("%energy off")
    assert used.run("1").records == []


@pytest.mark.parametrize("command", ["status", "history", "doctor", "on", "off", "", "history --all", "report"])
def test_own_commands_are_not_counted_nor_traced(used: Kernel, command: str) -> None:
    last = used.run("1 + 1").cell_id
    outcome = used.run(f"%energy {command}")
    assert outcome.status == "ok", outcome.reply
    assert outcome.records == []
    assert not [m for m in outcome.others if m.type == "stream" and m.content["name"] == "stderr"]
    used.run("%energy on")
    after = used.run("2 + 2").cell_id
    counted = settle(lambda: [row["cell_id"] for row in used.rows()], lambda ids: after in ids, "not counted")
    assert counted[-2:] == [last, after]


def test_status_tells_what_stands(used: Kernel) -> None:
    used.run("sum(range(1_000_000))")
    assert "J" in used.run("%energy status").text()
    on, _, off = (used.run(source).text() for source in ("%energy status", "%energy off", "%energy status"))
    assert on != off


def test_a_traceback_shows_no_line_of_ours(metered: Kernel) -> None:
    for source in ("%%energy -q\n\n1/0", "%%energy\ndef f():\n    return 1/0\nf()", "%%energy -q\n%%time\n1/0"):
        failed = metered.run(source)
        shown = plain_text("".join(failed.reply["traceback"]))
        assert failed.reply["ename"] == "ZeroDivisionError"
        assert "_energy_begin" not in shown
    assert "line 3" in plain_text("".join(metered.run("%%energy -q\n\n1/0").reply["traceback"]))


def test_without_torch_there_is_one_sentence(metered: Kernel) -> None:
    metered.run("import sys\nsys.modules['torch'] = None\nmodel, data = len, ([1, 2], [1, 2])")
    for line in ("%label model --data data", "%compare model --data data", "%shrink model --data data"):
        text = metered.run(line).text()
        assert "needs PyTorch, which can't be imported here; run: pip install" in text
        assert len(text.strip().splitlines()) == 1


def test_history_names_the_cells(metered: Kernel) -> None:
    metered.run("first_of_all = sum(range(1_000_000))")
    metered.run("%%energy\nsecond_of_all = 2")
    text = metered.run("%energy history").text()
    assert "first_of_all" in text
    assert "second_of_all" in text


def test_history_folds_the_trials_of_a_search(metered: Kernel) -> None:
    search = (
        "session = next(iter(__import__('jupyter_green.session.session', fromlist=['x'])._sessions))\n"
        "for _ in range(40):\n"
        "    with session.window('trial', label='a candidate'):\n"
        "        sum(range(1000))\n"
    )
    assert metered.run(search).status == "ok"
    metered.run("'the_cell_after'")
    text = metered.run("%energy history").text()
    assert "40 trials" in text
    assert len(text.splitlines()) < 15


def test_history_is_in_the_order_in_which_things_began(metered: Kernel) -> None:
    block = "import jupyter_green as green\nwith green.meter('inner_block'):\n    sum(range(100_000))"
    metered.run(f"'outer_cell'\n{block}")
    metered.run("'later_cell'")
    names = ("outer_cell", "inner_block", "later_cell")
    for listed in ("history", "report"):
        (shown,) = [m.content["data"] for m in metered.run(f"%energy {listed}").others if m.type == "execute_result"]
        text = shown["text/plain"]
        places = [text.index(word) for word in names if word in text]
        assert len(places) == (3 if listed == "history" else 2), text
        assert places == sorted(places), text


def test_history_of_earlier_kernels(metered: Kernel, start: Callable[..., Kernel]) -> None:
    metered.run("1 + 1", "earlier")
    later = start()
    later.run("%load_ext jupyter_green")
    listed = later.run("%energy history --all")
    assert listed.status == "ok"
    assert "· notebook not known" in listed.text() or "· project" in listed.text() or ".ipynb" in listed.text()
    assert "1 + 1" in listed.text()  # IPython's own history of the kernel before
    assert [row["cell_id"].split("-")[0] for row in later.rows()] == ["earlier"]


def test_doctor_says_for_each_sensor_whether_it_works(used: Kernel) -> None:
    outcome = used.run("%energy doctor")
    assert outcome.text().strip()
    results = [m.content["data"] for m in outcome.others if m.type in ("execute_result", "display_data")]
    assert all("<script" not in data.get("text/html", "") for data in results)


@pytest.mark.parametrize("suffix", ["csv", "jsonl"])
def test_export(metered: Kernel, suffix: str) -> None:
    metered.run("1 + 1")
    metered.run("1 / 0")
    outcome = metered.run(f"%energy export told.{suffix}")
    assert outcome.status == "ok", outcome.text()
    with (metered.work / f"told.{suffix}").open(encoding="utf-8", newline="") as file:
        found = list(csv.DictReader(file)) if suffix == "csv" else [json.loads(line) for line in file]
    wanted = {row["id"]: row["status"] for row in metered.rows()}
    assert wanted.items() <= {row["id"]: row["status"] for row in found}.items()


def test_export_to_where_nothing_can_be_written(used: Kernel, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    used.run("1 + 1")
    refused(used.run(f"%energy export {tmp_path}/file/told.csv"))


def test_export_keeps_source_text_at_home(metered: Kernel) -> None:
    metered.run("word_only_in_the_source = 1")
    metered.run("%energy export told.jsonl")
    assert "word_only_in_the_source" not in (metered.work / "told.jsonl").read_text()


def test_a_ledger_read_holds_the_cell_just_run(metered: Kernel) -> None:
    """Reading waits for the figure to settle, however soon after the cell it is asked for."""
    for _ in range(20):
        assert metered.run("1 + 1").cell_id in [row["cell_id"] for row in metered.rows()]


def test_history_shows_the_cell_just_run(metered: Kernel) -> None:
    for count in range(10):
        metered.run(f"cell_{count} = 0")
        assert f"cell_{count}" in metered.run("%energy history").text()


# ---- ways of running --------------------------------------------------------------------------------------


def test_silent_requests_are_no_cells(metered: Kernel) -> None:
    outcome = metered.run(Cell("x = 5", silent=True))
    headed = metered.run(Cell("%%energy -o rec\ny = 6", silent=True))
    assert [outcome.status, headed.status] == ["ok", "ok"]
    assert metered.json("[x, y]") == [5, 6]
    assert headed.records == []
    assert metered.rows() == []


def test_cells_without_history_count(metered: Kernel) -> None:
    outcome = metered.run(Cell("%%energy\n1", store_history=False))
    assert len(outcome.records) == 1
    assert [row["cell_id"] for row in metered.rows()] == [outcome.cell_id]


def test_completeness_check_has_no_effect(metered: Kernel) -> None:
    for code, status in (("%%energy\nx = 1\n", "complete"), ("%%energy --bad\nx = (", "incomplete")):
        metered.client.is_complete(code)
        reply = metered.client.get_shell_msg(timeout=600)
        assert reply["content"]["status"] in (status, "incomplete")
    assert metered.rows() == []


def test_the_header_is_the_persons_in_history(used: Kernel) -> None:
    used.run("%%energy\n1 + 1")
    assert used.json("get_ipython().history_manager.input_hist_raw[-1]") == "%%energy\n1 + 1"
    assert ast.literal_eval(used.run("_i").text()) == "%%energy\n1 + 1"


def test_a_ledger_that_can_not_be_written_is_the_reason_that_is_told(start: Callable[..., Kernel]) -> None:
    kernel = start(JUPYTER_GREEN_LEDGER="/proc/nowhere/ledger.sqlite")
    kernel.run("%load_ext jupyter_green")
    kernel.run("total = sum(range(1_000_000))")
    assert "total = " in kernel.run("%energy history").text()
    every = kernel.run("%energy history --all").text()
    assert "%energy history has this run (" in every
    assert "It has none." in every
    assert "No cell was metered" not in every
    kept = kernel.run("%baseline set before").text()
    assert "This run can't be kept: There is no ledger at /proc/nowhere/ledger.sqlite" in kept
