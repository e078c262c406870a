"""`jupyter green run` on real notebooks and kernels."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import nbformat
import pytest

from jupyter_green.records import EnergyRecord
from tests.support.command import ROOT, WORK, Command, notebook


def report(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def of_cells(path: Path) -> dict[str, EnergyRecord]:
    records = [EnergyRecord.from_dict(item) for item in report(path)["records"]]
    return {str(record.cell_id): record for record in records if record.span == "cell"}


def test_every_cell_has_its_record(green: Command, tmp_path: Path) -> None:
    book = notebook(tmp_path / "book.ipynb", [WORK, "# only a remark", f"%%energy -u 4\n{WORK}", "2 + 2"])
    before = book.read_bytes()
    done = green("run", book, "--json", "book.json", "--html", "out/book.html")
    assert (done.code, done.err) == (0, "")
    records = of_cells(tmp_path / "book.json")
    assert list(records) == ["c1", "c3", "c4"], "a cell without code is no cell"
    assert all(record.final and record.notebook == "book.ipynb" for record in records.values())
    assert records["c3"].units == 4
    assert records["c1"].joules is not None
    for source in (WORK[:30], "2 + 2", "total"):
        assert source in done.out
    assert re.search(r"estimated|measured", done.out)
    assert book.read_bytes() == before, "the notebook is not changed"
    total = report(tmp_path / "book.json")["total"]
    parts = [r for r in report(tmp_path / "book.json")["records"] if r["span"] in ("cell", "gap")]
    assert total["joules"] == pytest.approx(sum(part["joules"] for part in parts))


def test_the_page_shows_a_record_under_each_cell(green: Command, tmp_path: Path) -> None:
    book = notebook(tmp_path / "book.ipynb", [WORK, f"%%energy\n{WORK}"])
    assert green("run", book, "--html").code == 0
    page = (tmp_path / "book.html").read_text()
    assert len(re.findall(r'<details class="jg[ "]', page)) == 2, "one under each, also where the cell shows its own"
    assert "<script>alert" not in page


def test_a_notebook_that_loads_the_extension_itself_is_answered_as_always(green: Command, tmp_path: Path) -> None:
    book = notebook(tmp_path / "book.ipynb", ["%load_ext jupyter_green", WORK])
    assert green("run", book, "--json", "book.json", "--html").code == 0
    assert list(of_cells(tmp_path / "book.json")) == ["c2"]
    page = (tmp_path / "book.html").read_text()
    assert "jupyter_green meters every cell" in page
    assert "already loaded" not in page


def test_a_failed_cell_is_named_and_the_table_printed(green: Command, tmp_path: Path) -> None:
    book = notebook(tmp_path / "book.ipynb", [WORK, "1 / 0", "'never'"])
    done = green("run", book, "--json", "book.json", "--budget", "1kWh")
    assert done.code == 1
    assert done.err == "Cell [2] failed: ZeroDivisionError: division by zero.\n"
    assert "total" in done.out
    assert "Within budget" not in done.out
    records = of_cells(tmp_path / "book.json")
    assert [record.status for record in records.values()] == ["ok", "error"]
    assert report(tmp_path / "book.json")["failure"] == done.err.strip()


def test_an_error_that_the_notebook_expects_is_no_failure(green: Command, tmp_path: Path) -> None:
    book = notebook(tmp_path / "book.ipynb", ["1 / 0", WORK])
    opened = nbformat.read(book, as_version=4)
    opened.cells[0].metadata["tags"] = ["raises-exception"]
    nbformat.write(opened, book)
    assert green("run", book).code == 0


def test_a_dead_kernel_leaves_its_cells(green: Command, tmp_path: Path) -> None:
    book = notebook(tmp_path / "book.ipynb", [WORK, f"{WORK}\nimport os, time\ntime.sleep(1.5)\nos._exit(1)"])
    done = green("run", book, "--json", "book.json")
    assert done.code == 1
    assert done.err == "The kernel died in cell [2].\n"
    assert [record.status for record in of_cells(tmp_path / "book.json").values()] == ["ok", "killed"]
    assert "killed" in done.out


def test_a_cell_that_takes_too_long_is_stopped(green: Command, tmp_path: Path) -> None:
    book = notebook(tmp_path / "book.ipynb", [WORK, "import time\ntime.sleep(600)"])
    done = green("run", book, "--timeout", "3")
    assert done.code == 1
    assert done.err == "Cell [2] took longer than the 3 s allowed and was stopped.\n"
    assert "interrupted" in done.out


def test_ctrl_c_keeps_what_ran(tmp_path: Path) -> None:
    book = notebook(tmp_path / "book.ipynb", [WORK, "open('begun', 'w').close()\nimport time\ntime.sleep(600)"])
    process = subprocess.Popen(
        [sys.executable, "-m", "jupyter_green.cli", "run", str(book)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    while not (tmp_path / "begun").exists():
        assert process.poll() is None
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=600)
    assert (process.returncode, err) == (130, "Interrupted in cell [2].\n")
    assert WORK[:20] in out
    assert "total" in out


def test_the_notebook_runs_in_its_folder(green: Command, tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "beside.txt").write_text("here")
    book = notebook(tmp_path / "deep" / "book.ipynb", ["assert open('beside.txt').read() == 'here'"])
    assert green("run", book).code == 0


def test_a_kernel_without_the_package_is_said(green: Command, tmp_path: Path) -> None:
    without = "import sys; sys.modules['jupyter_green'] = None; from ipykernel.kernelapp import main; main()"
    spec = tmp_path / "jupyter" / "kernels" / "bare"
    spec.mkdir(parents=True)
    argv = [sys.executable, "-c", without, "-f", "{connection_file}"]
    (spec / "kernel.json").write_text(json.dumps({"argv": argv, "display_name": "bare", "language": "python"}))
    book = notebook(tmp_path / "book.ipynb", ["1 + 1"])
    done = green("run", book, "--kernel", "bare", JUPYTER_PATH=str(tmp_path / "jupyter"))
    assert done.code == 2
    assert done.err.endswith(
        "No cell was metered; is jupyter_green installed in the kernel's environment? --kernel chooses another.\n"
    )


def test_a_kernel_whose_program_is_gone_is_said(green: Command, tmp_path: Path) -> None:
    spec = tmp_path / "jupyter" / "kernels" / "gone"
    spec.mkdir(parents=True)
    argv = [str(tmp_path / "gone"), "-f", "{connection_file}"]
    (spec / "kernel.json").write_text(json.dumps({"argv": argv, "display_name": "gone", "language": "python"}))
    done = green(
        "run", notebook(tmp_path / "book.ipynb", ["1"]), "--kernel", "gone", JUPYTER_PATH=str(tmp_path / "jupyter")
    )
    assert done.code == 1
    assert "The kernel 'gone' did not start" in done.err
    assert "Traceback" not in done.err


@pytest.mark.parametrize("sources", [[], ["", "# nothing"]])
def test_a_notebook_without_code_is_fine(green: Command, tmp_path: Path, sources: list[str]) -> None:
    done = green("run", notebook(tmp_path / "book.ipynb", sources), "--json", "book.json", "--html")
    assert (done.code, done.err) == (0, "")
    assert of_cells(tmp_path / "book.json") == {}


def test_budget_and_baseline(green: Command, tmp_path: Path) -> None:
    small = notebook(tmp_path / "small.ipynb", [WORK])
    large = notebook(tmp_path / "large.ipynb", [f"for _ in range(12): {WORK}"])
    done = green("run", small, "--json", "base.json", "--budget", "10Wh")
    assert done.code == 0
    assert "Within budget" in done.out
    assert green("run", small, "--budget", "1e-6 J").code == 3
    again = green("run", small, "--baseline", "base.json", "--fail-on-excess", "50%")
    assert again.code == 0, "the same work is no excess"
    assert "in the baseline" in again.out
    more = green("run", large, "--baseline", "base.json", "--fail-on-excess", "50%")
    assert more.code == 4
    assert more.err.startswith("Excess: ")


def test_a_ledger_elsewhere_still_tells_the_cells_apart(green: Command, tmp_path: Path) -> None:
    """Cell identities do not leave the machine; then the prompt number tells which cell it was."""
    from jupyter_green.cli.notebook_run import NotebookRun

    book = nbformat.read(notebook(tmp_path / "book.ipynb", ["1", "2"]), as_version=4)
    book.cells[1].execution_count = 2
    record = EnergyRecord((), seconds=1.0, started_at=0.0, execution_count=2)
    assert NotebookRun(book, "run").placed(record).cell_id == "c2"
