"""What of a budget is used: real ledgers and journals, summed by the database and by hand."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from jupyter_green.budgets.budget import Budget, Override
from jupyter_green.budgets.cache import BudgetCache, CachedBudgets
from jupyter_green.budgets.limit import Limit
from jupyter_green.budgets.store import BudgetStore, budget_of
from jupyter_green.budgets.usage import LedgerSnapshot, UsageReader
from jupyter_green.records import EnergyRecord
from jupyter_green.storage import Journal, Ledger, LedgerError, journal_folder
from jupyter_green.storage.privacy import Privacy, keyed
from tests.support.sample_cells import cell

NOW = 1_700_000_500.0
DAY = Budget(Limit("energy", 100.0, text="100 J"), "day", covers="all", zone="UTC", id="day")


@pytest.fixture
def url(tmp_path: Path) -> str:
    (tmp_path / "kept").mkdir()
    return f"sqlite:///{tmp_path / 'kept' / 'ledger.sqlite'}"


def away(folder: Path) -> None:
    """Put something else where the ledger's folder was."""
    (folder / "kept").rename(folder / "gone")
    (folder / "kept").write_text("no folder", encoding="utf-8")


def back(folder: Path) -> None:
    (folder / "kept").unlink()
    (folder / "gone").rename(folder / "kept")


@pytest.fixture
def spending(url: str) -> UsageReader:
    return UsageReader(url, simulated=False, value=lambda record: record)


@pytest.fixture
def kernel(url: str) -> Iterator[Journal]:
    """The journal of a kernel that lives."""
    journal = Journal(journal_folder(url))
    yield journal
    journal.close()


def at(joules: float | None, **changes: Any) -> EnergyRecord:
    return cell(joules, **{"started_at": NOW - 10, **changes})


def note(journal: Journal, event: str, record: EnergyRecord) -> None:
    journal.write(event, record.id, NOW, record.to_dict())


def test_what_is_settled_what_runs_and_what_ran_before(url: str, spending: UsageReader, kernel: Journal) -> None:
    with Ledger(url) as ledger:
        ledger.add([at(10.0), at(5.0, started_at=NOW - 86_400), at(7.0, span="gap"), at(1.0, parent="x")])
    running, done = at(20.0), at(4.0)
    note(kernel, "open", running.with_(components=()))
    note(kernel, "beat", running)
    note(kernel, "open", done.with_(components=()))
    note(kernel, "final", done)
    spending.read_journals()
    assert spending.spent(DAY, NOW).amount == 24.0
    assert spending.spent(DAY, NOW).read_at is None
    spending.look([DAY], NOW)
    found = spending.spent(DAY, NOW)
    assert (found.amount, found.quality, found.share) == (34.0, "measured", 0.34)
    spending.look([DAY], NOW)  # the settled one is in the ledger by now, and counts once
    assert spending.spent(DAY, NOW).amount == 34.0
    note(kernel, "final", running.with_(components=at(30.0).components))
    spending.read_journals()
    assert spending.spent(DAY, NOW).amount == 44.0
    own = at(50.0, id=running.id)
    assert spending.spent(DAY, NOW, [at(3.0)]).amount == 47.0
    assert spending.spent(DAY, NOW, [own]).amount == 64.0


def test_a_journal_that_was_closed_counts_once_before_and_after(url: str, spending: UsageReader) -> None:
    journal = Journal(journal_folder(url))
    note(journal, "final", at(8.0))
    spending.look([DAY], NOW)
    note(journal, "final", at(2.0))
    spending.read_journals()
    journal.close()
    with Ledger(url) as ledger:
        ledger.drain()
    spending.read_journals()
    assert spending.spent(DAY, NOW).amount == 10.0
    assert spending.due([DAY], NOW)
    spending.look([DAY], NOW)
    assert spending.spent(DAY, NOW).amount == 10.0


def test_the_database_adds_up_as_totals_do(url: str) -> None:
    chance = random.Random(3)
    records = [
        at(
            chance.choice([None, chance.uniform(0, 9)]), random=chance.uniform(0, 1), gain=chance.uniform(0, 1),
            source=chance.choice(["nvidia", "rapl"]), quality=chance.choice(["measured", "estimated"]),
        )
        for _ in range(60)
    ]  # fmt: skip
    with Ledger(url) as ledger:
        ledger.add(records)
        found, whole = ledger.usage_sum(since=0.0, until=math.inf), ledger.totals()
    assert whole.joules is not None
    assert found.total == pytest.approx(whole.joules)
    assert found.uncertainty == pytest.approx(whole.uncertainty)
    assert (found.count, found.unread, found.quality) == (whole.count, whole.unread, whole.quality)
    by_hand = type(found)()
    for record in records:
        by_hand.add(record)
    assert by_hand.total == pytest.approx(found.total)
    assert by_hand.uncertainty == pytest.approx(found.uncertainty)
    assert (by_hand.count, by_hand.unread) == (found.count, found.unread)


def test_inference_is_told_apart(url: str, spending: UsageReader) -> None:
    with Ledger(url) as ledger:
        ledger.add(
            [
                at(1.0, purpose="inference"),
                at(2.0, purpose="training"),
                at(4.0, purpose="other"),
                at(8.0),
                at(16.0, purpose="training", label="inference"),
                at(32.0, purpose="inference", label="Training"),
            ]
        )
    sums = {}
    for covers in ("inference", "training", "all"):
        budget = Budget(DAY.limit, "day", covers=covers, zone="UTC", id=covers)
        spending.look([budget], NOW)
        sums[covers] = spending.spent(budget, NOW).amount
    assert sums == {"inference": 17.0, "training": 34.0, "all": 63.0}


def test_a_place_is_told_apart(url: str, spending: UsageReader, kernel: Journal) -> None:
    with Ledger(url) as ledger:
        ledger.add([at(1.0), at(2.0, notebook="b.ipynb"), at(4.0, project="songs")])
    note(kernel, "final", at(8.0))
    note(kernel, "final", at(16.0, notebook="b.ipynb"))
    note(kernel, "final", at(32.0, project="songs"))
    project = Budget(DAY.limit, "project", covers="all", project="films", id="p")
    notebook = Budget(DAY.limit, "notebook", covers="all", project="films", notebook="films.ipynb", id="n")
    spending.read_journals()
    assert [spending.spent(one, NOW).amount for one in (project, notebook, DAY)] == [24.0, 8.0, 56.0]
    spending.look([project, notebook, DAY], NOW)
    assert [spending.spent(one, NOW).amount for one in (project, notebook, DAY)] == [27.0, 9.0, 63.0]


def test_money_and_co2e_say_what_is_not_in_them(url: str, spending: UsageReader) -> None:
    with Ledger(url) as ledger:
        ledger.add(
            [
                at(1.0, cost=0.5, currency="EUR", co2e_grams=3.0),
                at(1.0, cost=0.7, currency="USD"),
                at(1.0),
                at(None),
            ]
        )
    euro = Budget(Limit("money", 1.0, "EUR", "1 EUR"), "day", covers="all", zone="UTC", id="e")
    grams = Budget(Limit("co2e", 12.0, None, "12 g"), "day", covers="all", zone="UTC", id="g")
    spending.look([euro, grams], NOW)
    paid, weighed = spending.spent(euro, NOW), spending.spent(grams, NOW)
    assert (paid.amount, paid.missing, paid.foreign) == (0.5, 2, ("USD",))
    assert (weighed.amount, weighed.missing) == (3.0, 3)


def test_what_was_left_of_the_day_before_is_carried_over(url: str, spending: UsageReader) -> None:
    day = 86_400.0
    with Ledger(url) as ledger:
        ledger.add([at(30.0, started_at=NOW - day), at(5.0)])
    budget = Budget(DAY.limit, "day", covers="all", zone="UTC", carry=True, made_at=NOW - 2 * day, id="c")
    spending.look([budget], NOW)
    assert (spending.spent(budget, NOW).allowed, spending.spent(budget, NOW).amount) == (170.0, 5.0)
    spending.look([budget], NOW + 2 * day)
    assert spending.spent(budget, NOW + 2 * day).allowed == 200.0


def test_a_new_day_begins_at_nothing_even_before_the_ledger_is_read(url: str, spending: UsageReader) -> None:
    with Ledger(url) as ledger:
        ledger.add([at(30.0)])
    spending.look([DAY], NOW)
    assert spending.spent(DAY, NOW).amount == 30.0
    assert spending.due([DAY], NOW + 86_400)
    assert spending.spent(DAY, NOW + 86_400).amount == 0.0


def test_a_clock_that_goes_back_loses_nothing(url: str, spending: UsageReader, kernel: Journal) -> None:
    budget = Budget(DAY.limit, "project", covers="all", project="films", made_at=NOW, id="p")
    note(kernel, "final", at(3.0, started_at=NOW + 1))
    spending.read_journals()
    assert spending.spent(budget, NOW + 2).amount == 3.0
    assert spending.spent(budget, NOW - 3600).amount == 3.0
    note(kernel, "final", at(4.0, started_at=NOW - 3500))
    spending.read_journals()
    assert spending.spent(budget, NOW - 3400).amount == 7.0


def test_simulated_figures_stay_apart(url: str, spending: UsageReader) -> None:
    with Ledger(url) as ledger:
        ledger.add([at(1.0), at(2.0, quality="simulated")])
    other = UsageReader(url, simulated=True, value=lambda record: record)
    for one in (spending, other):
        one.look([DAY], NOW)
    assert [one.spent(DAY, NOW).amount for one in (spending, other)] == [1.0, 2.0]


def test_while_the_ledger_is_away_the_last_sums_stand_and_journals_go_on(
    url: str, spending: UsageReader, kernel: Journal, tmp_path: Path
) -> None:
    with Ledger(url) as ledger:
        ledger.add([at(30.0)])
    spending.look([DAY], NOW)
    away(tmp_path)
    note(kernel, "final", at(12.0))
    with pytest.raises(LedgerError):
        spending.look([DAY], NOW)
    assert spending.spent(DAY, NOW).amount == 42.0


def test_the_board_holds_what_was_known(url: str, spending: UsageReader) -> None:
    with Ledger(url) as ledger:
        ledger.add([at(30.0)])
    spending.look([DAY], NOW)
    lifted = Override("day", "demo", NOW, math.inf)
    board, other = BudgetCache(url), BudgetCache(url)
    assert board.read() == CachedBudgets()
    assert not board.changed()
    board.write(CachedBudgets([DAY], [lifted], spending.bases))
    assert other.changed()
    known = other.read()
    assert (known.budgets, known.overrides) == ([DAY], [lifted])
    assert LedgerSnapshot.from_dict(spending.bases["day"].to_dict()) == known.bases["day"]
    assert not other.changed()
    board.path.write_text("{broken", encoding="utf-8")
    assert other.read() == CachedBudgets()


def test_a_place_does_not_leave_the_machine_in_a_budget(url: str) -> None:
    budget_store = BudgetStore(url, simulated=False, value=lambda record: record)
    budget_store.set(Budget(DAY.limit, "notebook", project="/home/alice/films", notebook="a.ipynb", id="n"))
    with Ledger(url) as ledger:
        (posting,) = ledger.postings("budget")
    assert not {"project", "notebook"} & set(posting.document)
    (found,) = budget_store.budgets()
    assert (found.id, found.notebook) == ("n", "a.ipynb")
    elsewhere = budget_of(posting.withheld(Privacy(local=False)))
    assert (elsewhere.project, elsewhere.notebook) == ("films", keyed("notebook", "a.ipynb"))
    assert elsewhere.applies("/home/alice/films", "a.ipynb")


def test_a_purse_keeps_what_it_can_t_enter_and_enters_it_later(url: str, tmp_path: Path) -> None:
    away(tmp_path)
    budget_store = BudgetStore(url, simulated=False, value=lambda record: record)
    budget_store.set(DAY)
    assert budget_store.problem is not None
    assert budget_store.notice == "1 change to these budgets will be logged when the ledger is available again."
    assert [one.id for one in budget_store.budgets()] == ["day"]
    assert [one.id for one in BudgetStore(url, simulated=False, value=lambda record: record).budgets()] == ["day"]
    budget_store.override(DAY, "demo")
    back(tmp_path)
    budget_store.look()
    assert (budget_store.problem, budget_store.notice) == (None, None)
    with Ledger(url) as ledger:
        assert [one.document.get("reason") for one in ledger.postings()] == [None, "demo"]
        assert [one.id for one in ledger.postings("budget")] == ["day"]
    assert budget_store.overridden(DAY) is not None


def test_what_a_kernel_owed_when_it_ended_is_entered_by_the_next_one_once(url: str, tmp_path: Path) -> None:
    away(tmp_path)
    ended = BudgetStore(url, simulated=False, value=lambda record: record)
    ended.set(DAY)
    ended.override(DAY, "demo")
    later, beside = (BudgetStore(url, simulated=False, value=lambda record: record) for _ in range(2))
    assert later.notice == "2 changes to these budgets will be logged when the ledger is available again."
    assert later.overridden(DAY) is not None
    assert later.due()
    back(tmp_path)
    later.look()
    beside.look()  # it owed the same
    assert (later.notice, beside.notice) == (None, None)
    with Ledger(url) as ledger:
        assert [(one.kind, one.document.get("reason")) for one in ledger.postings()] == [
            ("budget", None),
            ("override", "demo"),
        ]
    assert BudgetCache(url).read().owed == []


def test_a_kernel_that_looked_before_another_s_override_does_not_wipe_it_off_the_board(url: str) -> None:
    one, two, three = (BudgetStore(url, simulated=False, value=lambda record: record) for _ in range(3))
    one.set(DAY)
    two.look()
    one.override(DAY, "all of us")
    two._show()  # what it read is older than that
    assert two.overridden(DAY) is not None
    assert [budget.id for budget in three.budgets()] == ["day"]
    assert three.overridden(DAY) is not None


@pytest.mark.parametrize("owed", [3, [3], [["budget", {}, {}]], [["override", {"budget": "x"}, {"id": "y"}]]])
def test_a_board_with_a_debt_that_is_none_is_no_board(url: str, owed: object) -> None:
    board = BudgetCache(url)
    board.write(CachedBudgets([DAY]))
    told = json.loads(board.path.read_text(encoding="utf-8"))
    board.path.write_text(json.dumps({**told, "owed": owed}), encoding="utf-8")
    assert board.read() == CachedBudgets()
