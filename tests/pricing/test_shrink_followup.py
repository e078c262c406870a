"""What became of a project after a shrink, from records as the ledger holds them."""

from __future__ import annotations

import re
from typing import Any

import pytest

from jupyter_green.pricing.shrink_followup import NoShrinkToFollow, shrink_followup
from jupyter_green.records.shrink_outcome import ShrinkOutcome
from tests.support.sample_cells import cell

AT = 1_700_000_000.0
NOW = AT + 1010.0
KEPT = ShrinkOutcome("kept", "model", proven=True, kept="int8, 2.0 × less energy, proven")


def shrink(outcome: ShrinkOutcome = KEPT) -> Any:
    return cell(500.0, started_at=AT, label=outcome.line, shrinks=(outcome,), span="trial", seconds=10.0)


def use(joules: float, units: float, at: float, **changes: Any) -> Any:
    return cell(joules, started_at=at, units=units, unit="tokens", **changes)


def runs(each: float, units: float, *starts: float) -> list[Any]:
    return [use(each * units, units, at, random=0.01) for at in starts]


def test_the_example_of_the_rule() -> None:
    before, after = runs(10, 50, AT - 900, AT - 100), runs(5, 75, AT + 20, AT + 600)
    found = shrink_followup([*before, shrink(), *after], NOW)
    assert (found.rebound.uses_before, found.rebound.uses_after) == (100, 150)
    assert found.rebound.ratio == pytest.approx(0.5)
    assert re.fullmatch(
        r"Rebound: more use takes back 50 % of the saving \(95 %: \d\d % to \d\d %\)\.", found.sentence()
    )
    assert found.credit.joules == pytest.approx(750)
    backfire = shrink_followup([*before, shrink(), *runs(5, 125, AT + 20, AT + 600)], NOW)
    assert backfire.rebound.ratio == pytest.approx(1.5)
    assert backfire.sentence().startswith("Backfire: more use takes 150 % of the saving")
    less = shrink_followup([*before, shrink(), *runs(5, 25, AT + 20, AT + 600)], NOW)
    assert less.sentence().startswith("It is used less than before: 50 % of the saving")


def test_only_an_equally_long_time_before_counts_where_there_is_one() -> None:
    found = shrink_followup([*runs(10, 999, AT - 5000), *runs(10, 100, AT - 500), shrink(), *runs(5, 1, AT + 20)], NOW)
    assert (found.rebound.uses_before, found.seconds) == (100, (1000.0, 1000.0))
    older = shrink_followup([*runs(10, 100, AT - 5000), shrink(), *runs(5, 1, AT + 20)], NOW)
    assert (older.rebound.uses_before, older.seconds) == (20, (5000.0, 1000.0))


def test_what_is_not_told_apart_has_no_rebound_and_no_credit() -> None:
    before, after = use(1000, 100, AT - 100, random=200.0), use(900, 100, AT + 20, random=200.0)
    found = shrink_followup([before, shrink(), after], NOW)
    assert found.rebound.ratio is None
    assert found.sentence().startswith("No rebound is proven")
    assert found.credit.reason == "No credit: the saving is not statistically significant."


def test_a_shrink_that_is_not_proven_earns_nothing() -> None:
    unproven = ShrinkOutcome("kept", "model", kept="int8, 2.0 × less energy, not proven")
    found = shrink_followup([*runs(10, 50, AT - 100), shrink(unproven), *runs(5, 50, AT + 20)], NOW)
    assert found.credit.joules == 0
    assert "was not shown" in found.credit.reason


def test_nothing_to_watch_is_one_sentence() -> None:
    before, after = runs(10, 50, AT - 100), runs(5, 50, AT + 20)
    with pytest.raises(NoShrinkToFollow, match=r"no %shrink yet"):
        shrink_followup([*before, shrink(ShrinkOutcome("nothing_gained", "model")), *after], NOW)
    with pytest.raises(NoShrinkToFollow, match="Nothing was counted since"):
        shrink_followup([*before, shrink(), cell(4.0, started_at=AT + 30)], NOW)
    with pytest.raises(NoShrinkToFollow, match="No tokens were counted before"):
        shrink_followup([shrink(), *after], NOW)


def test_what_failed_or_lies_inside_another_is_no_use() -> None:
    odd = [
        use(9999, 1, AT + 30, status="error"),
        use(9999, 1, AT + 40, parent="x"),
        use(9999, 1, AT + 50, span="trial"),
        cell(None, started_at=AT + 60, units=1.0, unit="tokens"),
    ]
    found = shrink_followup([*runs(10, 50, AT - 100), shrink(), *runs(5, 50, AT + 20), *odd], NOW)
    assert found.rebound.uses_after == 50
