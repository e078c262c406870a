"""A budget that a person has set holds for ``jupyter green run`` too, where nobody can be asked."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from jupyter_green.budgets.budget import Budget
from jupyter_green.budgets.limit import Limit
from jupyter_green.budgets.store import BudgetStore
from jupyter_green.storage import Ledger, ledger_url
from tests.support.command import WORK, Command, notebook

pytestmark = pytest.mark.shell


def test_a_notebook_is_held_to_the_budgets_of_its_ledger(green: Command, tmp_path: Path) -> None:
    book = notebook(tmp_path / "book.ipynb", [WORK, "print('begun')", "1"])
    budget_store = BudgetStore(ledger_url(), simulated=False, value=lambda record: record)
    budget_store.set(Budget(Limit.parse("0.001J"), "day", "all", made_at=time.time()))
    done = green("run", book)
    assert done.code == 1
    assert "failed: UsageError: Blocked by the budget of 0.001 J per day" in done.err
    assert "begun" not in done.out
    budget_store.override(budget_store.budgets()[0], "nightly build")
    assert green("run", book).code == 0
    with Ledger() as ledger:
        assert [one.document.get("reason") for one in ledger.postings("override")] == ["nightly build"]


def test_over_the_budget_of_a_run_is_a_sentence_and_its_own_exit_code(green: Command, tmp_path: Path) -> None:
    book = notebook(tmp_path / "book.ipynb", [WORK])
    within, over = green("run", book, "--budget", "1kWh"), green("run", book, "--budget", "0.001J")
    assert (within.code, within.err) == (0, "")
    assert over.code == 3
    assert over.err.startswith("Over budget: ")
    assert over.err.count("\n") == 1
