"""`jupyter green export`, `import`, `doctor` and `--version`."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from jupyter_green import __version__
from jupyter_green.records import Component, EnergyRecord
from jupyter_green.storage import Ledger
from tests.support.command import Command

DAY = 86_400.0


def record(started_at: float, project: str) -> EnergyRecord:
    part = Component("cpu", "CPU", "processor:model", 5.0, 2.0, 2.0, "model", "estimated", "this kernel", "processor")
    return EnergyRecord((part,), seconds=1.0, started_at=started_at, project=project, label="train")


@pytest.fixture
def filled(tmp_path: Path) -> str:
    url = f"sqlite:///{tmp_path / 'ledger.sqlite'}"
    with Ledger(url) as ledger:
        ledger.add([record(0.0, "old"), record(20_000 * DAY, "films"), record(20_001 * DAY, "songs")])
    return url


def test_there_and_back(green: Command, tmp_path: Path, filled: str) -> None:
    done = green("export", "all.jsonl", JUPYTER_GREEN_LEDGER=filled)
    assert (done.code, done.out) == (0, "3 records written to all.jsonl\n")
    other = f"sqlite:///{tmp_path / 'other.sqlite'}"
    assert green("import", "all.jsonl", JUPYTER_GREEN_LEDGER=other).out == "3 records imported from all.jsonl\n"
    again = green("import", "all.jsonl", JUPYTER_GREEN_LEDGER=other)
    assert again.out == "0 records imported from all.jsonl, 3 already known\n"
    with Ledger(other) as ledger, Ledger(filled) as before:
        assert list(ledger.records()) == list(before.records())


def test_budgets_and_what_else_was_posted_go_along(green: Command, tmp_path: Path, filled: str) -> None:
    with Ledger(filled) as ledger:
        ledger.post("budget", {"amount": 1}, project="films")
        ledger.post("override", {"reason": "demo"}, project="songs")
    assert green("export", "all.jsonl", JUPYTER_GREEN_LEDGER=filled).out == "3 records written to all.jsonl\n"
    other = f"sqlite:///{tmp_path / 'other.sqlite'}"
    taken = green("import", "all.jsonl", JUPYTER_GREEN_LEDGER=other)
    assert taken.out == ("3 records imported from all.jsonl; 2 budgets, tariffs, overrides, baselines or credits\n")
    with Ledger(other) as ledger, Ledger(filled) as before:
        assert ledger.postings() == before.postings()


def test_filters(green: Command, tmp_path: Path, filled: str) -> None:
    assert green("export", "new.csv", "--since", "2020-01-01", JUPYTER_GREEN_LEDGER=filled).code == 0
    with (tmp_path / "new.csv").open() as lines:
        assert [row["project"] for row in csv.DictReader(lines)] == ["films", "songs"]
    done = green("export", "songs.jsonl", "--project", "songs", JUPYTER_GREEN_LEDGER=filled)
    assert done.out == "1 record written to songs.jsonl\n"
    assert json.loads((tmp_path / "songs.jsonl").read_text())["project"] == "songs"


def test_the_doctor_says_what_can_be_read(green: Command) -> None:
    done = green("doctor")
    assert done.code in (0, 1)
    assert done.err == ""
    assert "measured" in done.out.splitlines()[-1]
    assert ("nothing measured" in done.out) == (done.code == 1)


def test_version(green: Command) -> None:
    assert green("--version").out == f"jupyter_green {__version__}\n"


def test_sums_are_checked_and_mended(green: Command, filled: str) -> None:
    done = green("check", JUPYTER_GREEN_LEDGER=filled)
    assert (done.code, done.out) == (0, "The ledger's sums match its records.\n")
    with Ledger(filled) as ledger:
        ledger._database.write(
            lambda c: c.exec_driver_sql("UPDATE green_rollup_lines SET joules = 1 WHERE line = 'sum'")
        )
    done = green("check", JUPYTER_GREEN_LEDGER=filled)
    assert done.code == 1
    assert done.out.endswith("`jupyter green check --mend` recomputes the sums.\n")
    assert green("check", "--mend", JUPYTER_GREEN_LEDGER=filled).code == 0
    assert green("check", ".", "--mend").code == 2


def test_altered_records_are_said_by_the_check(green: Command, filled: str) -> None:
    with Ledger(filled) as ledger:
        ledger._database.write(lambda c: c.exec_driver_sql("UPDATE green_components SET joules = 'x'"))
    done = green("check", "--mend", JUPYTER_GREEN_LEDGER=filled)
    assert done.code == 1
    assert done.err == "jupyter green: 3 records were altered from outside and can't be added up; all others are.\n"
