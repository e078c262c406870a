from __future__ import annotations

import math
import zoneinfo
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_green.budgets.budget import Budget, Override, in_force, purpose_of
from jupyter_green.budgets.limit import InvalidLimit, Limit
from jupyter_green.storage.privacy import hashed, keyed
from tests.support.sample_cells import cell

LIMIT = Limit("energy", 180_000.0, text="50 Wh")
ZONES = ["Europe/Zurich", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "America/Sao_Paulo", "UTC"]
moments = st.floats(0, 4e9)


def seconds(text: str, zone: str = "Europe/Zurich") -> float:
    return datetime.fromisoformat(text).replace(tzinfo=zoneinfo.ZoneInfo(zone)).timestamp()


@given(moments, st.sampled_from(ZONES), st.sampled_from(["day", "week", "month"]))
def test_periods_cover_all_time_and_never_overlap(moment: float, zone: str, per: str) -> None:
    budget = Budget(LIMIT, per, zone=zone)
    start, end = budget.period(moment)
    assert start <= moment < end
    assert budget.period(start) == (start, end)
    assert budget.period(end)[0] == end
    assert budget.period(start - 1)[1] == start
    hours = (end - start) / 3600
    assert {"day": 22 <= hours <= 26, "week": 166 <= hours <= 170, "month": 670 <= hours <= 746}[per]


@pytest.mark.parametrize(
    ("day", "hours"),
    [("2026-03-29T12:00", 23), ("2026-10-25T12:00", 25), ("2026-10-25T02:30", 25), ("2026-11-28T12:00", 24)],
)
def test_a_day_when_the_clocks_change(day: str, hours: int) -> None:
    start, end = Budget(LIMIT, "day", zone="Europe/Zurich").period(seconds(day))
    assert (end - start) / 3600 == hours


def test_a_leap_day_is_a_day_and_its_month_has_29() -> None:
    budget = Budget(LIMIT, "day", zone="Europe/Zurich")
    assert budget.period(seconds("2028-02-29T23:59")) == (seconds("2028-02-29T00:00"), seconds("2028-03-01T00:00"))
    month = Budget(LIMIT, "month", zone="Europe/Zurich").period(seconds("2028-02-29T12:00"))
    assert month == (seconds("2028-02-01T00:00"), seconds("2028-03-01T00:00"))
    week = Budget(LIMIT, "week", zone="Europe/Zurich").period(seconds("2028-02-29T12:00"))
    assert week == (seconds("2028-02-28T00:00"), seconds("2028-03-06T00:00"))


def test_a_zone_is_not_the_machine_s() -> None:
    at = seconds("2026-11-28T00:30", "Asia/Kathmandu")
    here, there = (Budget(LIMIT, "day", zone=zone).period(at) for zone in ("Asia/Kathmandu", "America/New_York"))
    assert here[0] == at - 1800
    assert here != there
    with pytest.raises(InvalidLimit, match="no time zone 'Mars/Olympus'"):
        Budget(LIMIT, "day", zone="Mars/Olympus")


def test_a_notebook_counts_from_when_it_was_set_also_where_the_clock_goes_back() -> None:
    budget = Budget(LIMIT, "notebook", project="films", notebook="a.ipynb", made_at=1000.0)
    assert budget.period(5000.0) == (1000.0, math.inf)
    assert budget.period(500.0) == (500.0, math.inf)
    assert budget.applies("films", "a.ipynb")
    assert not budget.applies("films", "b.ipynb")
    assert not budget.applies("songs", "a.ipynb")
    assert Budget(LIMIT, "project", project="films").applies("films", None)
    for form in (hashed("a.ipynb"), keyed("notebook", "a.ipynb")):
        elsewhere = Budget(LIMIT, "notebook", project="films", notebook=form)
        assert elsewhere.applies("/home/alice/films", "a.ipynb")
        assert not elsewhere.applies("/home/alice/films", "b.ipynb")
    assert Budget(LIMIT, "day").applies("whatever", None)


def test_what_is_carried_over_comes_from_after_it_was_set() -> None:
    set_at = seconds("2026-11-27T10:00")
    budget = Budget(LIMIT, "day", zone="Europe/Zurich", carry=True, made_at=set_at)
    assert budget.before(seconds("2026-11-28T00:00")) == (seconds("2026-11-27T00:00"), seconds("2026-11-28T00:00"))
    assert budget.before(seconds("2026-11-27T00:00")) is None
    with pytest.raises(InvalidLimit, match="no earlier period"):
        Budget(LIMIT, "project", carry=True)


def test_the_newest_of_a_place_holds_until_it_ends_or_is_cleared() -> None:
    first, second = Budget(LIMIT, "day", made_at=1.0), Budget(LIMIT, "day", covers="all", made_at=2.0)
    month, ending = Budget(LIMIT, "month", made_at=1.5), Budget(LIMIT, "project", project="films", made_at=1, until=9)
    assert in_force([second, first, month, ending], 5.0) == [second, month, ending]
    assert in_force([second, first, month, ending], 9.0) == [second, month]
    assert in_force([first, second, Budget(None, "day", made_at=3.0)], 5.0) == []
    with pytest.raises(InvalidLimit, match="end before it begins"):
        Budget(LIMIT, "day", made_at=10.0, until=9.0)


@given(
    st.builds(
        Budget,
        st.none() | st.just(LIMIT) | st.just(Limit("money", 3.0, "EUR", "3 EUR")),
        st.sampled_from(["day", "week", "month"]),
        st.sampled_from(["inference", "training", "all"]),
        zone=st.none() | st.sampled_from(ZONES),
        carry=st.booleans(),
        stop=st.booleans(),
        made_at=moments,
    )
)
def test_a_budget_comes_back_as_it_was(budget: Budget) -> None:
    assert Budget.from_dict(budget.to_dict()) == budget


def test_an_override_needs_a_reason_and_ends() -> None:
    budget = Budget(LIMIT, "day", id="b")
    with pytest.raises(InvalidLimit, match="needs a reason"):
        Override("b", "  ", 1.0, 2.0)
    lifted = Override("b", "demo", 1.0, 5.0)
    assert [lifted.holds(budget, at) for at in (1.0, 4.9, 5.0)] == [True, True, False]
    assert not lifted.holds(Budget(LIMIT, "day", id="c"), 2.0)
    assert not Override("b", "confirmed", 1.0, 5.0, cells=1).holds(budget, 2.0)
    assert Override.from_dict(lifted.to_dict()) == lifted
    assert Override.from_dict({**lifted.to_dict(), "reason": None}).reason == "withheld"


def test_a_label_says_what_a_cell_was_for() -> None:
    assert purpose_of(cell(1.0, label=" Training ", purpose="inference")) == "training"
    assert purpose_of(cell(1.0, label="epoch 3", purpose="inference")) == "inference"
    assert purpose_of(cell(1.0)) is None
