"""Earlier runs and kept baselines: whose they are, of which notebook, in which order, and what is refused."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import text

from jupyter_green.storage import Ledger, LedgerError
from jupyter_green.storage import baselines as shelf
from jupyter_green.storage.privacy import is_keyed, keyed

ROOT = Path(__file__).resolve().parents[2]
HEAD = {"cells": 2, "figure": {"joules": 3.0}}
DOCUMENT = {"format": "a baseline", "cells": [{"joules": 1.0}, {"joules": 2.0}]}


@pytest.fixture(autouse=True)
def alice(monkeypatch):
    monkeypatch.setenv("LOGNAME", "alice")


@pytest.fixture
def open_shelf(any_url):
    """A ledger of either kind, by default told whose records are whose."""
    opened = []

    def make(*share):
        opened.append(Ledger(any_url, share=share or ["owner"]))
        return opened[-1]

    yield make
    for one in opened:
        one.close()


def kept(ledger, notebook="plan.ipynb", name="before", **changes):
    return ledger.keep_baseline(notebook, name, **{"head": HEAD, "document": DOCUMENT, "made_at": 5.0, **changes})


def names(ledger, *what):
    return [one.name for one in ledger.baselines(*what)]


# ---- earlier runs ------------------------------------------------------------------------------------


def test_the_newest_runs_are_those_that_began_last(open_shelf, record):
    ledger = open_shelf()
    runs = [record(run_id=f"r{place}", notebook="plan.ipynb", started_at=100.0 * place) for place in range(6)]
    ledger.add([*runs, record(run_id="r1", notebook="plan.ipynb", started_at=9999.0)])  # an old kernel goes on
    asked = ledger.latest_runs("plan.ipynb", "solar", but="r5", most=3)
    assert asked == ["r4", "r3", "r2"]
    assert ledger.latest_runs("plan.ipynb", None, but=None, most=2) == ["r5", "r4"]
    assert ledger.latest_runs("plan.ipynb", "wind", but=None, most=9) == []
    assert ledger.latest_runs("other.ipynb", None, but=None, most=9) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"status": "error"},
        {"status": "killed"},
        {"span": "gap"},
        {"span": "window"},
        {"parent": "x"},
        {"components": ()},
    ],
)
def test_a_run_without_a_finished_reading_is_none_to_compare_with(open_shelf, record, changes):
    ledger = open_shelf()
    ledger.add([record(notebook="plan.ipynb", **changes)])
    assert ledger.latest_runs("plan.ipynb", None, but=None, most=9) == []
    assert list(ledger.finished_cells("run-1")) == []


def test_a_run_of_no_notebook_is_one_of_its_project(open_shelf, record):
    ledger = open_shelf()
    ledger.add(
        [
            record(run_id="script", notebook=None),
            record(run_id="elsewhere", notebook=None, project="wind"),
            record(run_id="book", notebook="plan.ipynb"),
        ]
    )
    assert ledger.latest_runs(None, "solar", but=None, most=9) == ["script"]


def test_a_path_of_a_project_is_found_under_what_is_stored_of_it(server_url, record):
    with Ledger(server_url, share=["owner"]) as ledger:
        ledger.add([record(run_id="r", notebook="plan.ipynb", project="/home/alice/solar")])
        assert ledger.latest_runs("plan.ipynb", "/home/alice/solar", but=None, most=1) == ["r"]


def test_finished_cells_are_oldest_first_and_without_their_course(open_shelf, record, monkeypatch):
    ledger = open_shelf("owner", "cell_id")
    ledger.add([record(float(place), cell_id=f"c{place}", started_at=float(place)) for place in (3, 1, 2)])
    ledger.add([record(run_id="other", started_at=0.0)])
    assert [one.joules for one in ledger.finished_cells("run-1")] == [1.0, 2.0, 3.0]
    monkeypatch.setattr(shelf, "MOST_CELLS", 2)
    assert [one.cell_id for one in ledger.finished_cells("run-1")] == ["c2", "c3"]


def test_names_that_no_database_takes_find_nothing(open_shelf, record):
    ledger = open_shelf()
    ledger.add([record(notebook="plan.ipynb")])
    assert list(ledger.finished_cells("run-1\0")) == []
    assert ledger.latest_runs("plan.ipynb", None, but="\0\ud800", most=1) == ["run-1"]
    assert ledger.baselines("\0\ud800") == []


# ---- kept baselines ----------------------------------------------------------------------------------


def test_what_was_kept_comes_back(open_shelf):
    ledger = open_shelf("owner", "notebook")
    assert ledger.baselines() == []
    assert kept(ledger) is False
    (one,) = ledger.baselines("plan.ipynb")
    assert (one.name, one.notebook, one.made_at, one.head) == ("before", "plan.ipynb", 5.0, HEAD)
    assert ledger.baseline("plan.ipynb", "before") == DOCUMENT
    assert kept(ledger, document={"cells": []}) is True
    assert ledger.baseline("plan.ipynb", "before") == {"cells": []}
    assert kept(ledger, "other.ipynb") is False
    assert len(ledger.baselines()) == 2
    assert ledger.forget_baseline("plan.ipynb", "before") is True
    assert ledger.forget_baseline("plan.ipynb", "before") is False
    assert ledger.baseline("plan.ipynb", "before") is None
    assert [one.notebook for one in ledger.baselines()] == ["other.ipynb"]


def test_the_newest_come_first_and_a_list_may_be_cut(open_shelf):
    ledger = open_shelf()
    for name in ("a", "b", "c", "a"):
        kept(ledger, name=name)
    assert names(ledger, "plan.ipynb") == ["a", "c", "b"]
    assert names(ledger, None, 2) == ["a", "c"]


@pytest.mark.parametrize("name", ["", " ", ".", "..", " . ", "x" * 201, "\0", "a\ud800"])
def test_what_is_no_name(open_shelf, name):
    ledger = open_shelf()
    kept(ledger)
    with pytest.raises(ValueError, match="is not a valid name for a baseline"):
        kept(ledger, name=name)
    assert ledger.baseline("plan.ipynb", name) is None
    assert ledger.forget_baseline("plan.ipynb", name) is False
    assert names(ledger) == ["before"]


@pytest.mark.parametrize("name", ["a/b", "x" * 200, "…", "'; DROP TABLE green_baselines; --", "100 %", "last run"])
def test_what_is_a_name(open_shelf, name):
    ledger = open_shelf()
    kept(ledger, name=name)
    assert ledger.baseline("plan.ipynb", name) == DOCUMENT


def test_a_figure_that_json_has_no_word_for_is_not_kept(open_shelf):
    ledger = open_shelf()
    with pytest.raises(ValueError, match="JSON"):
        kept(ledger, head={"joules": float("nan")})
    assert ledger.baselines() == []


def test_the_choice_is_kept_for_a_notebook(open_shelf):
    ledger = open_shelf()
    assert ledger.choice("plan.ipynb") is None
    ledger.choose("plan.ipynb", {"rule": "last"})
    ledger.choose("plan.ipynb", {"rule": "named", "name": "before"})
    assert ledger.choice("plan.ipynb") == {"rule": "named", "name": "before"}
    assert ledger.choice("other.ipynb") is None
    ledger.choose("plan.ipynb", None)
    assert ledger.choice("plan.ipynb") is None


def test_deleting_records_keeps_baselines(open_shelf, record):
    ledger = open_shelf()
    ledger.add([record(notebook="plan.ipynb")])
    kept(ledger)
    assert ledger.purge(older_than_seconds=1.0) == 1
    assert names(ledger) == ["before"]


# ---- whose they are ----------------------------------------------------------------------------------


def test_a_notebook_is_hashed_elsewhere_and_found_by_either_name(server_url):
    with Ledger(server_url, share=["owner"]) as ledger:
        kept(ledger, "/home/alice/secret.ipynb")
        (one,) = ledger.baselines()
        assert one.notebook == keyed("notebook", "/home/alice/secret.ipynb")
        assert is_keyed(one.notebook)
        for name in ("/home/alice/secret.ipynb", one.notebook):
            assert ledger.baseline(name, "before") == DOCUMENT
        assert ledger.forget_baseline(one.notebook, "before")
        with ledger._database._opened().connect() as connection:
            assert connection.execute(text("SELECT count(*) FROM green_baselines")).scalar_one() == 0


def shared_file(path: Path) -> Path:
    with Ledger(path) as ledger:
        ledger.drain()
    path.chmod(0o660)
    return path


@pytest.mark.parametrize("kind", ["file", "database"])
def test_people_have_shelves_of_their_own(request, tmp_path, record, monkeypatch, kind):
    url = shared_file(tmp_path / "ledger.sqlite") if kind == "file" else request.getfixturevalue("server_url")
    for person in ("alice", "bob"):
        monkeypatch.setenv("LOGNAME", person)
        with Ledger(url, share=["owner"]) as ledger:
            ledger.add([record(run_id=f"of-{person}", notebook="plan.ipynb")])
            kept(ledger, document={"whose": person})
            ledger.choose("plan.ipynb", {"rule": person})
    for person, other in (("alice", "bob"), ("bob", "alice")):
        monkeypatch.setenv("LOGNAME", person)
        with Ledger(url, share=["owner"]) as ledger:
            assert ledger.latest_runs("plan.ipynb", None, but=None, most=9) == [f"of-{person}"]
            assert list(ledger.finished_cells(f"of-{other}")) == []
            assert ledger.baseline("plan.ipynb", "before") == {"whose": person}
            assert ledger.choice("plan.ipynb") == {"rule": person}
            assert len(ledger.baselines()) == 1
    with Ledger(url, share=["owner"]) as ledger:
        assert ledger.forget_baseline("plan.ipynb", "before")
    monkeypatch.setenv("LOGNAME", "alice")
    with Ledger(url, share=["owner"]) as ledger:
        assert names(ledger) == ["before"]


def test_a_file_of_ones_own_holds_ones_own_runs_whatever_one_is_called(tmp_path, record, monkeypatch):
    path = tmp_path / "ledger.sqlite"
    for person in ("root", "jovyan"):
        monkeypatch.setenv("LOGNAME", person)
        with Ledger(path) as ledger:
            ledger.add([record(run_id=f"as-{person}", notebook="plan.ipynb")])
    with Ledger(path) as ledger:
        assert set(ledger.latest_runs("plan.ipynb", None, but=None, most=9)) == {"as-root", "as-jovyan"}


def test_elsewhere_nothing_is_found_or_kept_where_nobody_can_be_told_apart(server_url, record, no_key):
    with Ledger(server_url, share=[]) as ledger:
        ledger.add([record(notebook="plan.ipynb")])
        for ask in (
            lambda: ledger.latest_runs("plan.ipynb", None, but=None, most=1),
            lambda: ledger.finished_cells("run-1"),
            lambda: kept(ledger),
            ledger.baselines,
            lambda: ledger.baseline("plan.ipynb", "before"),
            lambda: ledger.forget_baseline("plan.ipynb", "before"),
            lambda: ledger.choice("plan.ipynb"),
            lambda: ledger.choose("plan.ipynb", None),
        ):
            with pytest.raises(LedgerError, match="make that folder writable, or set JUPYTER_GREEN_SHARE="):
                ask()


# ---- faults ------------------------------------------------------------------------------------------


# As in `test_faults`: everything is imported before the user changes.
UNPRIVILEGED = """
import os, sys
from jupyter_green.storage import Ledger, LedgerError
with Ledger(sys.argv[2]) as warm:
    warm.keep_baseline("plan.ipynb", "warm", head={}, document={}, made_at=1.0)
    warm.baselines(), warm.forget_baseline("plan.ipynb", "warm")
if os.geteuid() == 0:
    os.setgroups([]), os.setgid(65534), os.setuid(65534)
with Ledger(sys.argv[1]) as ledger:
    print([one.name for one in ledger.baselines("plan.ipynb")], ledger.baseline("plan.ipynb", "before") is not None)
    for use in (lambda: ledger.keep_baseline("plan.ipynb", "after", head={}, document={}, made_at=1.0),
                lambda: ledger.forget_baseline("plan.ipynb", "before"),
                lambda: ledger.choose("plan.ipynb", None)):
        try:
            use()
            print("written")
        except LedgerError as error:
            print("refused", error)
"""


@pytest.mark.skipif(os.name != "posix", reason="permissions of this kind are POSIX")
def test_what_can_only_be_read_keeps_nothing_and_says_so(reachable, tmp_path):
    path = reachable / "ledger.sqlite"
    with Ledger(path) as ledger:
        kept(ledger)
    path.chmod(0o444)
    done = subprocess.run(
        [sys.executable, "-c", UNPRIVILEGED, str(path), str(tmp_path / "warm.sqlite")],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    said = done.stdout.splitlines()
    assert said[0] == "['before'] True"
    assert [line.split()[0] for line in said[1:]] == ["refused"] * 3
    assert all("can't be written" in line for line in said[1:])
    with Ledger(path) as ledger:
        assert names(ledger) == ["before"]


def keep_one(url: str, name: str) -> None:
    with Ledger(url, share=["owner"]) as ledger:
        for _ in range(5):
            kept(ledger, name=name)
            kept(ledger, name="common")


def test_several_processes_keep_at_once(any_url):
    with Ledger(any_url, share=["owner"]) as ledger:
        ledger.drain()
    processes = [
        multiprocessing.get_context("spawn").Process(target=keep_one, args=(any_url, f"b{n}")) for n in range(3)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join(120)
        assert process.exitcode == 0
    with Ledger(any_url, share=["owner"]) as ledger:
        assert sorted(names(ledger)) == ["b0", "b1", "b2", "common"]


# ---- a notebook that is renamed ------------------------------------------------------------------------


@pytest.mark.parametrize("share", [("owner",), ("owner", "notebook")])
def test_a_renamed_notebook_keeps_what_it_had(open_shelf, record, share):
    ledger = open_shelf(*share)
    ledger.add([record(run_id="old", notebook="a.ipynb", started_at=100.0)])
    kept(ledger, "a.ipynb", "before")
    ledger.choose("a.ipynb", {"rule": "named", "name": "before"})
    ledger.renamed("a.ipynb", "b.ipynb", 150.0)
    ledger.add([record(run_id="new", notebook="b.ipynb", started_at=200.0)])
    assert ledger.latest_runs("b.ipynb", None, but=None, most=5) == ["new", "old"]
    assert ledger.choice("b.ipynb") == {"rule": "named", "name": "before"}
    assert names(ledger, "b.ipynb") == ["before"]
    assert ledger.baseline("b.ipynb", "before") == DOCUMENT
    # What another notebook does under the old name later is none of this one's.
    ledger.add([record(run_id="other", notebook="a.ipynb", started_at=300.0)])
    assert ledger.latest_runs("b.ipynb", None, but=None, most=5) == ["new", "old"]


def test_names_are_kept_when_the_choice_changes(open_shelf, record):
    ledger = open_shelf()
    ledger.add([record(run_id="old", notebook="a.ipynb", started_at=100.0)])
    ledger.renamed("a.ipynb", "b.ipynb", 150.0)
    assert ledger.choice("b.ipynb") is None
    for choice in ({"rule": "last"}, None):
        ledger.choose("b.ipynb", choice)
        assert ledger.choice("b.ipynb") == choice
        assert ledger.latest_runs("b.ipynb", None, but=None, most=5) == ["old"]


def test_renamed_again_and_back(open_shelf, record):
    ledger = open_shelf()
    for place, name in enumerate(("a.ipynb", "b.ipynb", "c.ipynb"), 1):
        ledger.add([record(run_id=name[0], notebook=name, started_at=100.0 * place)])
    ledger.renamed("a.ipynb", "b.ipynb", 150.0)
    ledger.renamed("b.ipynb", "c.ipynb", 250.0)
    assert ledger.latest_runs("c.ipynb", None, but=None, most=5) == ["c", "b", "a"]
    ledger.renamed("c.ipynb", "a.ipynb", 350.0)
    assert ledger.latest_runs("a.ipynb", None, but=None, most=5) == ["c", "b", "a"]
    assert "a.ipynb" not in [former.notebook for former in ledger.former("a.ipynb")]


def test_of_two_baselines_the_one_under_the_newer_name_is_meant(open_shelf):
    ledger = open_shelf()
    kept(ledger, "b.ipynb", "same", document={"which": "new"})
    kept(ledger, "a.ipynb", "same", document={"which": "old"})
    ledger.renamed("a.ipynb", "b.ipynb", 150.0)
    assert names(ledger, "b.ipynb") == ["same"]
    assert ledger.baseline("b.ipynb", "same") == {"which": "new"}
    assert ledger.forget_baseline("b.ipynb", "same")
    assert ledger.baseline("b.ipynb", "same") == {"which": "old"}
    assert ledger.forget_baseline("b.ipynb", "same")
    assert not ledger.forget_baseline("b.ipynb", "same")
