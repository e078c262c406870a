from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from jupyter_green.baselines.messages import used
from jupyter_green.baselines.selection import BaselineError, BaselineSelection
from jupyter_green.baselines.service import BaselineService
from jupyter_green.storage import Ledger, LedgerError
from tests.support.sample_cells import cell


@pytest.fixture
def url(tmp_path: Path) -> str:
    return str(tmp_path / "ledger.sqlite")


def ran(url: str, run: str, *joules: float, notebook: str | None = "films.ipynb", **changes) -> None:
    """A run whose cells used so many joules."""
    with Ledger(url, share=["owner"]) as ledger:
        ledger.add(
            cell(value, f"cell-{n}", f"code-{n}", run_id=run, notebook=notebook, **changes)
            for n, value in enumerate(joules)
        )


def book(url: str, run: str = "now", notebook: str | None = "films.ipynb", project: str = "films") -> BaselineService:
    return BaselineService(url, run=run, notebook=notebook, project=project)


def test_the_first_run_has_nothing_to_be_compared_with_and_says_so(url: str) -> None:
    found = book(url).refresh()
    assert found.baseline is found.last is None
    assert used(found).startswith("This is the first run of this notebook")


def test_without_a_choice_it_is_the_median_of_the_last_five_runs(url: str) -> None:
    for n, joules in enumerate((1000.0, 2.0, 4.0, 6.0, 8.0, 10.0)):
        ran(url, f"run-{n}", joules)
    ran(url, "now", 500.0)
    found = book(url).refresh()
    assert found.baseline is not None
    assert found.baseline.kind == "median"
    assert found.baseline.reading.joules == 6.0
    assert found.baseline.runs == ("run-5", "run-4", "run-3", "run-2", "run-1")
    assert found.last is not None
    assert found.last.reading.joules == 10.0


def test_runs_of_other_notebooks_and_other_projects_and_runs_without_a_finished_cell_are_not_among_them(
    url: str,
) -> None:
    ran(url, "other", 1.0, notebook="other.ipynb")
    ran(url, "elsewhere", 2.0, project="elsewhere")
    ran(url, "nameless", 3.0, notebook=None)
    ran(url, "failed", 4.0, status="error")
    assert book(url).refresh().baseline is None
    nameless = book(url, notebook=None).refresh().baseline
    assert nameless is not None
    assert nameless.runs == ("nameless",)


def test_a_run_is_kept_and_compared_with_from_then_on(url: str) -> None:
    ran(url, "before", 50.0)
    ran(url, "now", 3.0, 4.0)
    kept, replaced = book(url).keep("small")
    assert (kept.reading.joules, replaced) == (7.0, False)
    later = book(url, "later")
    found = later.refresh()
    assert found.baseline is not None
    assert (found.baseline.kind, found.baseline.name, found.baseline.reading.joules) == ("named", "small", 7.0)
    assert [head["name"] for head in later.heads()] == ["small"]
    assert later.show("small").cells == kept.cells


def test_the_same_name_replaces_and_says_so_and_no_name_replaces_nothing(url: str) -> None:
    ran(url, "now", 3.0)
    mine = book(url)
    assert mine.keep("it")[1] is False
    ran(url, "now", 5.0)
    assert mine.keep("it")[1] is True
    assert mine.show("it").reading.joules == 5.0
    mine.keep()
    assert len(mine.heads()) == 2


@pytest.mark.parametrize("name", ["", " ", "last", "median", "none", "x" * 201, "nul\0"])
def test_names_that_are_none_keep_nothing(url: str, name: str) -> None:
    ran(url, "now", 3.0)
    with pytest.raises(BaselineError):
        book(url).keep(name)
    assert book(url).heads() == []


def test_nothing_to_keep_is_said_in_a_sentence(url: str) -> None:
    with pytest.raises(BaselineError, match="run the cells first"):
        book(url).keep("it")


def test_a_choice_is_remembered_and_one_that_makes_no_sense_changes_nothing(url: str) -> None:
    ran(url, "one", 1.0)
    ran(url, "two", 9.0)
    mine = book(url)
    assert mine.use("last", 0.1).baseline.reading.joules == 9.0
    for wrong in ("nobody", "no/such/file.json"):
        with pytest.raises(BaselineError):
            mine.use(wrong)
    again = book(url, "later").refresh()
    assert (again.choice.rule, again.choice.tolerance) == ("last", 0.1)
    assert book(url, notebook="other.ipynb").refresh().choice.rule == "median"
    assert mine.use("median", 0.0).choice.rule == "median"


def test_cleared_means_compared_with_nothing_until_something_is_chosen(url: str) -> None:
    ran(url, "one", 1.0)
    mine = book(url)
    assert mine.clear().baseline is None
    assert "no longer compared" in used(book(url, "later").refresh())
    assert mine.use("median").baseline is not None


def test_a_baseline_that_was_deleted_is_not_compared_with_any_more(url: str) -> None:
    ran(url, "one", 1.0)
    ran(url, "now", 3.0)
    mine = book(url)
    mine.keep("it")
    assert mine.clear("it").choice.rule == "median"
    with pytest.raises(BaselineError, match="no baseline 'it'"):
        mine.clear("it")


def test_a_file_of_a_run_and_a_kept_baseline_in_a_file(url: str, tmp_path: Path) -> None:
    ran(url, "now", 3.0)
    mine = book(url)
    report = tmp_path / "before.json"
    records = [cell(7.0, "cell-0", "code-0", run_id="far").to_dict()]
    report.write_text(json.dumps({"schema": 1, "records": records}), encoding="utf-8")
    found = mine.use(str(report)).baseline
    assert (found.kind, found.name, found.reading.joules) == ("file", "before.json", 7.0)
    shown = tmp_path / "shown.json"
    shown.write_text(json.dumps(mine.keep("it")[0].to_dict()), encoding="utf-8")
    assert mine.use(str(shown)).baseline.reading.joules == 3.0
    shown.unlink()
    gone = book(url, "later").refresh()
    assert gone.baseline is None
    assert "shown.json" in used(gone)


@pytest.mark.parametrize(
    "content", ["", "{", "[]", "null", '{"records": []}', '{"records": [1]}', '{"records": [{"schema": 99}]}', "\ud800"]
)
def test_files_that_hold_no_baseline_are_refused_in_one_sentence(url: str, tmp_path: Path, content: str) -> None:
    path = tmp_path / "it.json"
    path.write_bytes(content.encode("utf-8", "surrogatepass"))
    with pytest.raises(BaselineError) as raised:
        book(url).use(str(path))
    assert "\n" not in str(raised.value)
    assert str(raised.value).endswith(".")
    assert book(url).refresh().choice.rule == "median"


def test_a_choice_of_a_newer_version_is_the_usual_one(url: str) -> None:
    with Ledger(url) as ledger:
        ledger.choose("films.ipynb", {"rule": "lunar", "name": 3, "tolerance": "much"})
    assert book(url).refresh().choice.rule == "median"


def test_a_ledger_that_can_t_be_read_raises_its_own_sentence(tmp_path: Path) -> None:
    path = tmp_path / "other.sqlite"
    import sqlite3

    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE theirs (x)")
    connection.close()
    with pytest.raises(LedgerError, match="another program"):
        book(str(path)).refresh()


def test_what_is_kept_while_another_thread_reads_stays(url: str) -> None:
    class Interrupted(BaselineService):
        between: Callable[[], object] | None = None

        def _choice(self, ledger: Ledger) -> BaselineSelection:
            found = super()._choice(ledger)
            between, self.between = self.between, None
            if between is not None:
                between()
            return found

    ran(url, "now", 5.0)
    made = Interrupted(url, run="now", notebook="films.ipynb", project="films")
    made.between = lambda: made.keep("before")
    made.refresh()
    assert made.standing is not None
    assert made.standing.baseline is not None
    assert made.standing.baseline.name == "before"
