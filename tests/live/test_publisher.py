"""The link on real kernels: what a page hears while cells run, and when it hears nothing."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from jupyter_green.live.frame import MOST_ENDING
from tests.live.page import Frame, Page, crowded
from tests.support.kernel import PATIENCE

pytestmark = pytest.mark.shell

BUSY = "import time\nend = time.perf_counter() + {seconds}\nwhile time.perf_counter() < end: sum(range(1000))"


def test_a_cell_is_told_while_it_runs_and_when_it_has_settled(page: Page) -> None:
    assert page.heard == []
    run = page.hold("a", "# first\n")

    def running() -> list[Frame]:
        return [frame for frame in page.snapshots if frame["phase"] == "busy"]

    page.wait(lambda: len(running()) >= 6 and any(frame["watts"] for frame in running()), "what is told of the cell")
    page.release()
    cell = page.settled("a")
    page.wait(lambda: run.reply, "the reply")
    assert run.reply["status"] == "ok"
    assert page.opened == [page.heard[0].comm]
    assert page.heard[0].opening
    assert page.heard[0]["running"]["cell_id"] == "a"
    busy = running()
    joules = [frame["running"]["figure"]["joules"] or 0.0 for frame in busy]
    assert joules == sorted(joules)
    assert joules[-1] > joules[0]
    assert {frame["running"]["status"] for frame in busy} == {"running"}
    assert {frame["running"]["line"] for frame in busy} == {"# first"}
    assert all(frame["watts_quality"] == "estimated" for frame in busy if frame["watts"] is not None)
    last = page.snapshots[-1]
    assert last["phase"] == "idle"
    assert last["running"] is None
    assert last["watts"] is None
    assert (cell["status"], cell["line"], cell["reruns"], cell["rerun_joules"]) == ("ok", "# first", 0, None)
    assert last["totals"]["figure"]["joules"] == pytest.approx(cell["figure"]["joules"])
    assert last["totals"]["cells"] == 1
    numbers = [frame["seq"] for frame in page.heard]
    assert numbers == sorted(set(numbers))
    assert len({frame["run"] for frame in page.heard}) == 1
    assert not crowded(page.heard)


def test_an_idle_kernel_says_nothing_at_all(page: Page) -> None:
    page.run(BUSY.format(seconds=0.3), "a")
    page.settled("a")
    page.silence(8)  # the ledger is written, the sampler parks
    assert page.silence(5) == []


@pytest.mark.parametrize(
    ("source", "status"),
    [("1 / 0", "error"), ("print(1", "error"), ("raise KeyboardInterrupt", "interrupted"), ("import time", "ok")],
)
def test_every_end_of_a_cell_is_told(page: Page, source: str, status: str) -> None:
    page.run(source, "a")
    assert page.settled("a")["status"] == status


def test_an_interrupted_cell(page: Page) -> None:
    run = page.send("import time\nprint('begun', flush=True)\ntime.sleep(100)", "a")
    page.wait(lambda: run.outputs, "the cell's first word")
    time.sleep(0.5)
    page.kernel.manager.interrupt_kernel()
    assert page.settled("a")["status"] == "interrupted"
    page.wait(lambda: run.reply, "the reply")
    assert run.reply["ename"] == "KeyboardInterrupt"


def test_a_cell_run_again_counts_once_and_its_earlier_executions_are_apart(page: Page) -> None:
    for _ in range(3):
        page.run(BUSY.format(seconds=0.3), "a")
    page.run("1", "b")
    page.settled("b")
    cell = page.settled("a")
    assert cell["reruns"] == 2
    assert cell["rerun_joules"] > 0
    last = page.snapshots[-1]
    assert last["totals"]["cells"] == 2
    assert last["totals"]["reruns"]["joules"] == pytest.approx(cell["rerun_joules"])


def test_no_comm_where_a_program_runs_the_notebook(visit: Callable[..., Page]) -> None:
    page = visit(JUPYTER_GREEN_RUN="a-run")
    page.run("%load_ext jupyter_green", "load")
    page.run(BUSY.format(seconds=1), "a")
    page.silence(2)
    assert page.heard == page.others == page.opened == []


def test_no_frame_is_taken_for_a_widget(page: Page) -> None:
    """nbclient, whatever the comm, updates a widget with what a message has under ``state``."""
    page.run(BUSY.format(seconds=1), "a")
    page.settled("a")
    assert page.heard
    assert all("state" not in frame.data for frame in page.heard)


def test_no_comm_where_no_cell_ids_are_sent(page: Page) -> None:
    page.run(BUSY.format(seconds=1.5))
    page.run("print('still here')")
    page.silence(2)
    assert page.heard == []
    assert page.opened == page.others == []
    assert page.run("2", "a").reply["status"] == "ok"
    page.settled("a")
    assert page.snapshots[-1]["totals"]["cells"] == 3, "what ran before counts"


def test_two_hundred_short_cells_a_second_lose_no_output(page: Page) -> None:
    page.run("1", "first")
    page.settled("first")
    page.heard.clear()
    runs = [page.send(f"print('out {n}'); {n}", f"cell-{n}") for n in range(600)]
    page.wait(lambda: all(run.idle and run.reply for run in runs), "the end of all cells")
    assert [run.text for run in runs] == [f"out {n}\n{n}" for n in range(600)]
    page.settled("cell-599")
    page.wait(lambda: page.snapshots[-1]["totals"]["cells"] == 601, "the sum of all")
    told = {}

    def all_told() -> bool:
        told.update({cell["cell_id"]: cell for frame in page.snapshots for cell in frame["cells"] if cell["final"]})
        return len(told) >= 600

    page.wait(all_told, "every cell's final figure")
    assert not crowded(page.heard)


FLOOD = """import time
from jupyter_green.session import current
for number in range(150):
    window = current().window("cell", cell_id=f"cell-{number}")
    current().open(window)
    time.sleep(0.003)
    current().close(window)
    time.sleep(0.001)"""


def test_in_a_flood_a_snapshot_stays_small_and_the_final_figure_of_every_cell_is_told(page: Page) -> None:
    page.run(FLOOD, "all")
    told = {}

    def all_told() -> bool:
        told.update({cell["cell_id"]: cell for frame in page.snapshots for cell in frame["cells"]})
        return len(told) == 151 and all(cell["final"] for cell in told.values())

    page.wait(all_told, "every cell's final figure")
    assert max(sum(not cell["final"] for cell in frame["cells"]) for frame in page.snapshots) <= MOST_ENDING
    assert page.snapshots[-1]["totals"]["cells"] == 151


def test_pages_that_say_that_nobody_looks_hear_nothing_from_the_next_cell_on(
    page: Page, visit: Callable[..., Page]
) -> None:
    other = visit(page.kernel)
    page.run("1", "a")
    page.settled("a")
    comm = page.comm
    page.say(comm, page.request("visible", visible=False))
    other.say(comm, other.request("visible", visible=True))
    page.fence()
    other.fence()
    page.run(BUSY.format(seconds=1), "b")
    page.settled("b")
    other.settled("b")
    other.say(comm, other.request("visible", visible=False))
    other.fence()
    page.silence(2)
    page.heard.clear()
    page.run(BUSY.format(seconds=2), "c")
    page.silence(2)
    assert page.heard == []
    page.say(comm, page.request("visible", visible=True))
    assert page.settled("c")["status"] == "ok"
    page.run("1", "d")
    page.settled("d")


def test_a_second_page_hears_the_same(page: Page, visit: Callable[..., Page]) -> None:
    other = visit(page.kernel)
    page.run(BUSY.format(seconds=1), "a")
    assert page.settled("a") == other.settled("a")
    assert [frame["seq"] for frame in other.heard] == [frame["seq"] for frame in page.heard]


def test_after_a_close_the_kernel_opens_no_comm_again(page: Page) -> None:
    page.run("1", "a")
    page.settled("a")
    page.hang_up(page.comm)
    page.fence()
    page.silence(1)
    page.heard.clear()
    for cell in "bcd":
        page.run(BUSY.format(seconds=0.3), cell)
    page.silence(2)
    assert page.heard == []
    comm = page.open(page.request("sync"))
    page.wait(lambda: page.frames("history"), "the history")
    assert [cell["cell_id"] for cell in page.frames("history")[0]["cells"]] == list("abcd")
    page.run("1", "e")
    page.settled("e")
    assert {frame.comm for frame in page.heard} == {comm}
    page.run("%reload_ext jupyter_green", "r")
    page.run("1", "f")
    page.settled("f")
    assert page.comm != comm, "loaded anew it may try again"


def test_history_comes_in_pages(page: Page) -> None:
    runs = [page.send(str(n), f"cell-{n}") for n in range(450)]
    page.wait(lambda: all(run.idle for run in runs), "the end of all cells")
    page.wait(lambda: page.snapshots and page.snapshots[-1]["totals"]["cells"] == 450, "the sum of all")
    page.say(page.comm, page.request("sync"))
    page.wait(lambda: len(page.frames("history")) == 3, "three pages")
    pages = page.frames("history")
    assert [(one["page"], one["pages"], len(one["cells"])) for one in pages] == [(0, 3, 200), (1, 3, 200), (2, 3, 50)]
    assert len({cell["cell_id"] for one in pages for cell in one["cells"]}) == 450
    assert not crowded(page.heard)


def test_a_sync_of_a_run_without_cells_is_answered(page: Page) -> None:
    page.open(page.request("sync"))
    page.wait(lambda: page.frames("history"), "the history")
    assert [(one["cells"], one["page"], one["pages"]) for one in page.frames("history")] == [([], 0, 1)]
    assert page.snapshots[0]["phase"] == "idle"
    assert page.snapshots[0]["totals"]["figure"]["joules"] is None


GARBAGE = [
    None,
    1,
    "sync",
    [],
    {},
    {"v": 1},
    {"v": 2, "type": "sync", "client": "x"},
    {"v": True, "type": "sync", "client": "x"},
    {"v": 1, "type": "sync"},
    {"v": 1, "type": "sync", "client": {"a": 1}},
    {"v": 1, "type": "sync", "client": "x" * 5000},
    {"v": 1, "type": "visible", "client": "x", "visible": "no"},
    {"v": 1, "type": "visible", "client": None, "visible": False},
    {"v": 1, "type": "__class__", "client": "x"},
    {"v": 1, "type": ["sync"], "client": "x"},
    {"v": 1, "type": "meter", "on": False},
    {"v": 1, "type": "meter", "id": "", "on": False},
]
ANSWERED = [
    {"v": 1, "type": "meter", "id": "one", "on": 0},
    {"v": 1, "type": "baseline", "id": "two", "action": "steal", "name": None},
    {"v": 1, "type": "baseline", "id": "three", "action": "set", "name": 7},
    {"v": 9, "type": "meter", "id": "four", "on": False},
    {"id": "five", "type": "rm -rf"},
]


def test_garbage_and_foreign_messages_are_ignored_with_one_sentence(page: Page) -> None:
    page.run("1", "a")
    page.settled("a")
    comm = page.comm
    for data in [*GARBAGE, *ANSWERED]:
        page.say(comm, data)
    page.wait(lambda: len(page.frames("answer")) == len(ANSWERED), "an answer to each that names an id")
    answers = {frame["to"]: frame for frame in page.frames("answer")}
    assert set(answers) == {"one", "two", "three", "four", "five"}
    for answer in answers.values():
        assert answer["ok"] is False
        assert answer["message"].endswith(".")
        assert "\n" not in answer["message"]
    assert page.frames("history") == []
    run = page.run("print('fine')", "b")
    assert run.text == "fine\n"
    page.settled("b")
    assert "Traceback" not in (page.kernel.work.parent / f"{page.kernel.work.name}-terminal.txt").read_text()


def test_metering_is_turned_off_and_on_from_the_page(page: Page) -> None:
    page.run("1", "a")
    page.settled("a")
    page.say(page.comm, page.request("meter", id="off", on=False))
    page.wait(lambda: page.frames("answer"), "the answer")
    assert page.frames("answer")[0]["ok"] is True
    page.wait(lambda: page.snapshots[-1]["phase"] == "off", "the state")
    page.silence(1)
    page.heard.clear()
    page.run(BUSY.format(seconds=0.5), "b")
    page.silence(1)
    assert page.heard == []
    page.run("%energy on", "c")
    page.wait(lambda: page.snapshots and page.snapshots[-1]["phase"] == "idle", "the state")
    page.run("%energy off", "c")
    page.wait(lambda: page.snapshots[-1]["phase"] == "off", "the state")


def test_a_restarted_kernel_begins_a_new_run_from_nothing(page: Page) -> None:
    page.run(BUSY.format(seconds=0.3), "a")
    page.settled("a")
    before = page.snapshots[-1]
    page.kernel.manager.restart_kernel(now=True)
    page.ready()
    page.heard.clear()
    page.opened.clear()
    page.run("%load_ext jupyter_green", "load")
    page.run("1", "b")
    page.settled("b")
    last = page.snapshots[-1]
    assert before["run"] not in {frame["run"] for frame in page.snapshots}
    assert page.opened == [last.comm]
    assert last["totals"]["cells"] == 1
    assert "a" not in {cell["cell_id"] for frame in page.snapshots for cell in frame["cells"]}


def test_unloading_closes_the_comm_and_ends_the_talk(page: Page) -> None:
    page.run("1", "a")
    page.settled("a")
    comm = page.comm
    page.run("%unload_ext jupyter_green", "b")
    page.wait(lambda: comm in page.closed, "the comm's end")
    page.heard.clear()
    page.run(BUSY.format(seconds=0.5), "c")
    page.open(page.request("sync"))
    page.silence(1)
    assert page.heard == []
    page.run("%load_ext jupyter_green", "d")
    page.run("1", "e")
    page.settled("e")
    assert page.comm != comm


def test_a_page_that_comes_while_a_cell_runs_hears_it_at_once(page: Page, visit: Callable[..., Page]) -> None:
    run = page.hold("a")
    page.wait(lambda: page.snapshots, "the first frame")
    client = page.kernel.manager.client()
    client.start_channels()
    try:
        message = None
        while message is None or message["msg_type"] != "comm_msg":
            message = client.get_iopub_msg(timeout=PATIENCE)
    finally:
        client.stop_channels()
    assert message["content"]["data"]["running"]["cell_id"] == "a"
    assert not run.idle, "it was heard while the cell ran"
    page.release()
    page.wait(lambda: run.idle, "the cell's end")
