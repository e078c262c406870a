"""Budgets over the link: a page sets one, sees it fill while cells run, overrides and clears it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.live.page import Page

pytestmark = pytest.mark.shell

WORK = "sum(i * i for i in range(3_000_000))"


def ask(page: Page, ident: str, action: str, **facts: Any) -> dict[str, Any]:
    """Ask for something, and return the answer."""
    page.say(page.comm, page.request("budget", id=ident, action=action, **facts))

    def answered() -> dict[str, Any] | None:
        return next((frame.data for frame in page.frames("answer") if frame["to"] == ident), None)

    found: dict[str, Any] = page.wait(answered, f"the answer to {ident}")
    return found


def budgets(page: Page) -> list[dict[str, Any]]:
    return list(page.snapshots[-1]["budgets"])


def in_state(page: Page, state: str) -> dict[str, Any]:
    """Wait until the one budget is in a state; return it."""

    def found() -> dict[str, Any] | None:
        told = budgets(page)
        return told[0] if len(told) == 1 and told[0]["state"] == state else None

    told: dict[str, Any] = page.wait(found, f"a budget that is {state}")
    return told


def test_a_page_sets_a_budget_sees_it_fill_and_lifts_it(page: Page) -> None:
    page.run(WORK, "first")
    page.settled("first")
    assert budgets(page) == []
    answer = ask(page, "a", "set", per="project", amount="0.001 J", covers="all")
    assert answer["ok"] is True
    assert "Every metered cell is counted" in answer["message"]
    told = in_state(page, "open")
    assert (told["amount"], told["per"], told["covers"], told["until"]) == ("0.001 J", "project", "all", None)
    assert told["share"] == 0
    page.run(WORK, "second")
    told = in_state(page, "held")
    assert told["share"] > 1
    assert "±" in told["used"]
    assert told["quality"] == "estimated"
    assert page.run("value = 1", "third").reply["ename"] == "UsageError"
    assert page.run("%budget", "steers").text.count("blocked") == 1
    refused = ask(page, "b", "override", reason="   ")
    assert (refused["ok"], "An override needs a reason" in refused["message"]) == (False, True)
    lifted = ask(page, "c", "override", reason="the demo is at noon")
    assert "is overridden until" in lifted["message"]
    assert in_state(page, "lifted")["until"] is not None
    assert page.run("value = 1", "fourth").reply["status"] == "ok"
    assert "the demo is at noon" in page.run("%budget log", "log").text
    cleared = ask(page, "d", "clear", per="project")
    assert (cleared["ok"], cleared["message"]) == (True, "The budget of 0.001 J per project is cleared.")
    page.wait(lambda: budgets(page) == [], "no budget")


def test_it_fills_while_a_cell_runs_and_never_empties(page: Page, tmp_path: Path) -> None:
    page.run("1", "one")
    page.settled("one")
    page.run("%budget 1kJ --per project --all", "set")
    page.wait(lambda: budgets(page), "the budget that was typed")
    before = len(page.snapshots)
    # It runs until enough was seen: how often a busy machine tells is its own affair.
    enough = tmp_path / "enough"
    page.send(f"import os\nwhile not os.path.exists({str(enough)!r}): sum(range(1000))", "long")

    def running() -> set[float]:
        return {frame["budgets"][0]["share"] for frame in page.snapshots[before:] if frame["running"] is not None}

    page.wait(lambda: len(running()) > 3, "a budget that fills while the cell runs")
    enough.touch()
    page.settled("long")
    page.run("1", "after")
    page.settled("after")
    shares = [frame["budgets"][0]["share"] for frame in page.snapshots[before:]]
    # A provisional figure may settle a little lower; what has settled stays in.
    assert all(later > 0.8 * max(shares[: n + 1]) for n, later in enumerate(shares) if max(shares[: n + 1]) > 1e-4)


def test_what_the_page_has_no_field_for_stays_as_it_was(page: Page) -> None:
    page.run("1", "one")
    page.settled("one")
    page.run("%budget 5Wh --per day --inference --carry --stop --zone Europe/Zurich --until 2199-01-31", "set")
    page.wait(lambda: budgets(page), "the budget that was typed")
    assert budgets(page)[0]["covers"] == "inference"
    assert ask(page, "a", "set", per="day", amount="6Wh", covers="training")["ok"] is True
    page.wait(lambda: budgets(page)[0]["amount"] == "6 Wh", "the new limit")
    kept = "b = get_ipython()._jupyter_green.gate.budgets()[0]\nprint(b.zone, b.carry, b.stop, b.until > 7e9, b.covers)"
    assert page.run(kept, "look").text.strip() == "Europe/Zurich True True True training"


@pytest.mark.parametrize(
    ("facts", "sentence"),
    [
        ({"action": "spend"}, "In a budget message, 'action' is one of set, clear, override."),
        ({"action": "set", "per": "day", "covers": "all"}, "In a budget message, 'amount' is a text of 1 to 256"),
        ({"action": "set", "per": "day", "covers": "all", "amount": "50 whs"}, "did you mean 50Wh?"),
        ({"action": "set", "per": "day", "covers": "all", "amount": "-1J"}, "is out of range"),
        ({"action": "set", "per": "year", "covers": "all", "amount": "1J"}, "not per 'year'"),
        ({"action": "set", "per": "day", "covers": "naps", "amount": "1J"}, "not 'naps'"),
        ({"action": "set", "per": "day", "covers": "all", "amount": "2g"}, "CO2e needs a region first"),
        ({"action": "set", "per": "day", "covers": "all", "amount": "2 EUR"}, "Money needs a tariff first"),
        ({"action": "clear", "per": "week"}, "No budget per week is set here"),
        ({"action": "override", "reason": "why not"}, "No budget is used up here"),
    ],
)
def test_what_makes_no_sense_is_one_sentence(seasoned: Page, facts: dict[str, Any], sentence: str) -> None:
    seasoned.run("1", "one")
    seasoned.settled("one")
    answer = ask(seasoned, sentence, **facts)
    assert answer["ok"] is False
    assert sentence in answer["message"]
    assert budgets(seasoned) == []
