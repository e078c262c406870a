"""A budget in the panel: set there, seen to fill, warned, blocked, overridden with a reason, changed and cleared."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import Locator, expect

from tests.support.browser_page import Desk

SLEEP = "import time; time.sleep({seconds})"


def budgets(desk: Desk) -> Locator:
    return desk.panel.root.get_by_test_id("green-budgets")


def test_a_budget_from_the_first_to_the_last(desk: Desk) -> None:
    notebook = desk.metered([SLEEP.format(seconds=0.4), SLEEP.format(seconds=1.1), "value = 1"], "board")
    notebook.run(0)
    desk.panel.settled(1)
    expect(budgets(desk)).to_have_count(0)

    desk.panel.choose("Set a budget…")
    amount = budgets(desk).get_by_label("Amount, such as 50 Wh")
    expect(amount).to_be_focused()
    amount.fill("50 whs")
    budgets(desk).get_by_label("Period or scope").select_option(label="this notebook")
    budgets(desk).get_by_label("Cells counted").select_option(label="every cell")
    amount.press("Enter")
    expect(desk.panel.root).to_contain_text("'whs' is not a unit; did you mean 50Wh?")
    expect(amount).to_have_value("50 whs")  # nothing of what was typed is lost
    desk.shoot("refused")
    amount.fill("1 kJ")
    amount.press("Enter")
    expect(budgets(desk)).to_contain_text("Budget of 1 kJ per notebook")
    expect(desk.panel.root).to_contain_text("Every metered cell is counted.")
    notebook.run(0)
    expect(budgets(desk)).to_contain_text(re.compile(r"\d+ J ± \d+.* simulated of 1 kJ, \d+\s%"))
    desk.shoot("open", whole=True)

    used = float(re.findall(r"([\d.]+) J ±", budgets(desk).inner_text())[0])
    budgets(desk).get_by_role("button", name="Change…").click()
    expect(amount).to_have_value("1 kJ")
    amount.fill(f"{used * 1.1:.3f} J")
    budgets(desk).get_by_role("button", name="Set budget").click()
    expect(budgets(desk).locator("[data-state=warned]")).to_contain_text("nearly used up")
    desk.shoot("warned")

    notebook.run(1)
    expect(budgets(desk).locator("[data-state=held]")).to_contain_text("blocked")
    expect(budgets(desk).get_by_role("img")).to_have_attribute("aria-label", re.compile(r"Budget of .* [1-9]\d\d\s%"))
    desk.shoot("held", whole=True)
    reason = budgets(desk).get_by_label("Why cells may run anyway")
    reason.fill("the demo is <b>at noon</b>")
    reason.press("Enter")
    expect(budgets(desk).locator("[data-state=lifted]")).to_contain_text("overridden, until 20")
    expect(desk.panel.root).to_contain_text("the demo is <b>at noon</b>")
    notebook.run(2)
    desk.panel.settled(3)
    desk.shoot("overridden")

    budgets(desk).get_by_role("button", name="Change…").click()
    budgets(desk).get_by_role("button", name="Clear", exact=True).click()
    expect(budgets(desk)).to_have_count(0)
    expect(desk.panel.root).to_contain_text("is cleared.")


def test_what_is_typed_in_a_cell_shows_in_the_panel(visit: Callable[..., Desk]) -> None:
    desk = visit()
    notebook = desk.metered([SLEEP.format(seconds=0.3), "%budget 5Wh --per day", "%budget clear"], "board")
    notebook.run(0)
    desk.panel.settled(1)
    notebook.run(1)
    expect(budgets(desk)).to_contain_text("Budget of 5 Wh per day")
    expect(budgets(desk)).to_contain_text(re.compile(r"until \d{4}-\d\d-\d\d 00:00"))
    notebook.save()
    desk.reload()
    expect(budgets(desk)).to_contain_text("Budget of 5 Wh per day")
    notebook.run(2)
    expect(budgets(desk)).to_have_count(0)
