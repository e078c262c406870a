"""A metered cell is a plain cell: the same scenes with and without metering, message by message, on real kernels.

Ways: ``silent`` is loaded, nothing more, and must not differ at all; ``header`` puts ``%%energy`` on top of each cell;
``show`` is ``%energy on --show``. The last two differ by one shown record for each cell that ran, and by nothing else.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from tests.magics.comparison import View, differences, short
from tests.magics.scenes import HEADER, SCENES, SHOW, SILENT, Scene
from tests.support.kernel import RECORD_MIME, Cell, Kernel, KernelDied, Outcome, is_frame, is_record, running

pytestmark = pytest.mark.shell

HEADER_LINE = "%%energy\n"
CASES = [pytest.param(scene, way, id=f"{scene.name}-{way}") for scene in SCENES for way in scene.ways]


@dataclass
class Played:
    """One scene in one kernel."""

    outcomes: list[Outcome]
    view: View


@dataclass
class Stage:
    """One kernel for each way, started when it is first needed and again if a scene killed it."""

    folder: Path
    stack: ExitStack
    kernels: dict[str, Kernel] = field(default_factory=dict)
    plain: dict[str, Played] = field(default_factory=dict)
    counted: dict[str, str] = field(default_factory=dict)
    """Status by identity of each cell that the silent kernel has run and must have counted."""

    def play(self, scene: Scene, way: str) -> Played:
        if way == "plain" and scene.name in self.plain:
            return self.plain[scene.name]
        kernel = self._kernel(way)
        if scene.together and kernel.subshell is None:
            pytest.skip("this kernel has no subshells")
        kernel.forget()
        start = kernel.json("get_ipython().execution_count")
        cells = [with_header(cell) if way == HEADER else cell for cell in scene.cells]
        try:
            outcomes = kernel.play(cells, together=scene.together, scene=scene.name)
        except (KernelDied, TimeoutError):
            self.kernels.pop(way).close()
            raise
        headed = [cell.source for cell in cells if cell.source.startswith(HEADER_LINE)]
        played = Played(outcomes, View(start, kernel.folder, headed if way == HEADER else None, not scene.together))
        if way == "plain":
            self.plain[scene.name] = played
        if way == SILENT:
            self.counted |= {o.cell_id: ending(o) for o in outcomes if counts(o.sent)}
        return played

    def _kernel(self, way: str) -> Kernel:
        if way not in self.kernels:
            folder = self.folder / f"{way}-{len(list(self.folder.iterdir()))}"
            kernel = self.kernels[way] = self.stack.enter_context(running(folder))
            if way != "plain":
                assert kernel.run("%load_ext jupyter_green", "load").status == "ok"
            if way == SHOW:
                assert kernel.run("%energy on --show", "load").status == "ok"
            if way == SILENT:
                self.counted.clear()
        return self.kernels[way]


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with ExitStack() as stack:
        yield Stage(tmp_path_factory.mktemp("stage"), stack)


def with_header(cell: Cell) -> Cell:
    return replace(cell, source=f"{HEADER_LINE}{cell.source}") if cell.header else cell


def counts(cell: Cell) -> bool:
    """Whether there is something to run, and IPython calls it a cell."""
    code = [line for line in cell.source.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    return bool(code) and not cell.silent


def ending(outcome: Outcome) -> str:
    """Return the status that a record of this cell has."""
    if outcome.status == "ok":
        return "ok"
    stopped = outcome.reply["ename"] in ("KeyboardInterrupt", "CancelledError")
    return "interrupted" if stopped else "error"


def shown(outcome: Outcome, way: str) -> bool:
    """Whether this cell must show a record."""
    never_ran = outcome.reply.get("ename") in ("SyntaxError", "IndentationError", "TabError")
    if not counts(outcome.sent) or never_ran:
        return False
    return way == SHOW or outcome.sent.source.startswith(HEADER_LINE)


@pytest.mark.parametrize(("scene", "way"), CASES)
def test_same_as_plain(stage: Stage, scene: Scene, way: str) -> None:
    plain, metered = stage.play(scene, "plain"), stage.play(scene, way)
    for cell, before, after in zip(scene.cells, plain.outcomes, metered.outcomes, strict=True):
        expected, seen = plain.view.of(before), metered.view.of(after, source=cell.source)
        if after.sent.source.startswith(HEADER_LINE):
            check_history(after)
        if way == HEADER:
            for looks in (expected["during"], expected["after"], seen["during"], seen["after"]):
                for name in ("In", "raw", "stored"):
                    looks.pop(name, None)
        assert not (found := differences(expected, seen)), "\n".join(found)
        check_record(after, shown(after, way))


def check_history(outcome: Outcome) -> None:
    """History holds the cell as the person wrote it, header included."""
    if outcome.sent.store_history and not outcome.sent.silent and outcome.after:
        assert ast.literal_eval(outcome.after["raw"]) == outcome.sent.source.rstrip("\n")
        assert "energy" in outcome.after["In"]


def check_record(outcome: Outcome, wanted: bool) -> None:
    """One record, last thing in the cell, in three forms that each stand alone."""
    places = [at for at, m in enumerate(outcome.messages) if is_record(m) and m.type == "display_data"]
    assert len(places) == int(wanted), f"{len(places)} records shown: {short(outcome.messages)}"
    if not wanted:
        return
    following = [m for m in outcome.messages[places[0] + 1 :] if m.type not in ("stream", "update_display_data")]
    assert [message.type for message in following] == ["status"], "the record is not the last output"
    content = outcome.messages[places[0]].content
    bundle = content["data"]
    assert set(bundle) == {RECORD_MIME, "text/html", "text/plain"}
    assert "<script" not in bundle["text/html"]
    assert bundle["text/plain"].strip()
    record = bundle[RECORD_MIME]
    assert record["schema"] == 1
    assert record["span"] == "cell"
    assert record["status"] == ending(outcome)
    assert record["cell_id"] == outcome.cell_id
    for part in record["components"]:
        assert part["quality"] in {"model": ("estimated",)}.get(part["method"], ("measured", "estimated", "simulated"))
    json.dumps(record, allow_nan=False)


def test_ledger_counts_each_cell_once(stage: Stage) -> None:
    """Every cell of every scene, and no nested cell, child process or empty cell beside them."""
    stage.play(next(scene for scene in SCENES if scene.name == "value"), SILENT)
    kernel = stage.kernels[SILENT]
    rows = kernel.rows()
    assert {row["cell_id"]: row["status"] for row in rows} == stage.counted
    assert len(rows) == len(stage.counted)
    assert len({row["run_id"] for row in rows}) == 1


def test_nothing_comes_late(stage: Stage) -> None:
    """Once the cells are over, the kernel says nothing more to them; what the link tells pages is tried with it."""
    stage.play(next(scene for scene in SCENES if scene.name == "value"), SILENT)
    assert [message for message in stage.kernels[SILENT].listen(3.0) if not is_frame(message)] == []
