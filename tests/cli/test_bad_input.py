"""Whatever is wrong with the command is one sentence on standard error and exit code 2, before anything runs."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.support.command import Command, notebook


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ([], "the following arguments are required"),
        (["fly"], "invalid choice"),
        (["run"], "NOTEBOOK"),
        (["run", "absent.ipynb"], "There is no notebook absent.ipynb."),
        (["run", "."], "is a folder; name the notebook in it."),
        (["run", "text.ipynb"], "is not a readable notebook"),
        (["run", "list.ipynb"], "is not a readable notebook"),
        (["run", "empty.ipynb"], "is not a readable notebook"),
        (["run", "book.ipynb", "--budget", "10 apples"], "is not an amount of energy"),
        (["run", "book.ipynb", "--budget", "10"], "is not an amount of energy"),
        (["run", "book.ipynb", "--timeout", "-1"], "above 0"),
        (["run", "book.ipynb", "--timeout", "soon"], "invalid float value"),
        (["run", "book.ipynb", "--fail-on-excess", "10%"], "name its --json file with --baseline"),
        (["run", "book.ipynb", "--baseline", "absent.json"], "There is no baseline absent.json"),
        (["run", "book.ipynb", "--baseline", "text.ipynb"], "is not a report"),
        (["run", "book.ipynb", "--baseline", "newer.json"], "schema is 99"),
        (["run", "book.ipynb", "--baseline", "base.json", "--fail-on-excess", "ten"], "is not a percentage"),
        (["run", "book.ipynb", "--kernel", "klingon"], "There is no kernel 'klingon' here"),
        (["run", "book.ipynb", "--html", "folder"], "is a folder; name the file to write."),
        (["run", "book.ipynb", "--json", "text.ipynb/below/run.json"], "can't be written: Not a directory"),
        (["run", "book.ipynb", "--html", "text.ipynb/page.html"], "can't be written: Not a directory"),
        (["run", "book.ipynb", "--json", "/proc/nowhere/run.json"], "can't be written"),
        (["run", "book.ipynb", "--json", os.devnull], "is not a regular file"),
        (["run", "other.ipynb"], "runs rust; jupyter_green meters Python kernels"),
        (["export", "records.doc"], "use .csv, .jsonl or .parquet"),
        (["export", "absent/records.csv"], "can't be written"),
        *(
            ([*command, "--since", since], said)
            for command in (["export", "records.csv"], ["report"])
            for since, said in (("long ago", "is not a date"), ("30", "is not a date"), ("2999-01-01", "in the future"))
        ),
        (["import", "absent.jsonl"], "There is no file"),
        (["import", "text.jsonl"], "Nothing was imported: line 1"),
        (["import", "table.csv"], "only a .jsonl file"),
    ],
)
def test_one_sentence(green: Command, tmp_path: Path, words: list[str], sentence: str) -> None:
    notebook(tmp_path / "book.ipynb", ["open('ran', 'w')"])
    notebook(tmp_path / "other.ipynb", ["1"], kernelspec={"name": "ferris", "display_name": "Ferris"})
    spec = tmp_path / "jupyter" / "kernels" / "ferris"
    spec.mkdir(parents=True)
    (spec / "kernel.json").write_text(json.dumps({"argv": ["ferris"], "display_name": "Ferris", "language": "rust"}))
    (tmp_path / "folder").mkdir()
    for name, text in {
        "text.ipynb": "not json",
        "list.ipynb": "[1, 2]",
        "empty.ipynb": "",
        "text.jsonl": "hello",
        "table.csv": "id,joules",
        "newer.json": '{"schema": 99, "records": []}',
        "base.json": '{"schema": 1, "records": []}',
    }.items():
        (tmp_path / name).write_text(text)
    done = green(*words, JUPYTER_PATH=str(tmp_path / "jupyter"))
    assert done.code == 2
    assert sentence in done.err
    assert done.err.count("\n") == 1, "one line"
    assert "Traceback" not in done.err
    assert not (tmp_path / "ran").exists(), "nothing has run"


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("JUPYTER_GREEN_LEDGER", "mysql://someone:secret@host/name"),
        ("JUPYTER_GREEN_REGION", "Atlantis"),
        ("JUPYTER_GREEN_PUE", "0.5"),
        ("JUPYTER_GREEN_TARIFF", "cheap"),
    ],
)
def test_wrong_settings_stop_a_run_before_it_begins(green: Command, tmp_path: Path, variable: str, value: str) -> None:
    book = notebook(tmp_path / "book.ipynb", ["open('ran', 'w')"])
    done = green("run", book, **{variable: value})
    assert done.code == 2
    assert done.err.count("\n") == 1
    assert "secret" not in done.err
    assert not (tmp_path / "ran").exists()
