"""What a time means, wherever it is given."""

from __future__ import annotations

import time
from datetime import date, datetime, timedelta, timezone

import pytest

from jupyter_green.storage import Ledger
from jupyter_green.storage.time_range import moment, period


@pytest.fixture
def berlin(monkeypatch):
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def utc(*given: int) -> float:
    return datetime(*given, tzinfo=timezone.utc).timestamp()


def test_every_form_of_a_time(berlin):
    now = utc(2026, 1, 15, 12, 30)
    for given, seconds in (
        ("2026-01-15", utc(2026, 1, 14, 23)),
        (date(2026, 1, 15), utc(2026, 1, 14, 23)),
        ("2026-01-15T10:00", utc(2026, 1, 15, 9)),
        ("2026-01-15T10:00:00.5Z", utc(2026, 1, 15, 10) + 0.5),
        (datetime(2026, 1, 15, 10), utc(2026, 1, 15, 9)),
        (datetime(2026, 1, 15, 10, tzinfo=timezone(timedelta(hours=5))), utc(2026, 1, 15, 5)),
        (" Today ", utc(2026, 1, 14, 23)),
        ("yesterday", utc(2026, 1, 13, 23)),
        ("90min", now - 5400.0),
        ("2h", now - 7200.0),
        ("7d", now - 7 * 86_400.0),
        ("1w", now - 7 * 86_400.0),
        ("1.7e9", 1.7e9),
        (1_700_000_000, 1.7e9),
    ):
        assert moment(given, now) == seconds, given


@pytest.mark.parametrize("given", ["", "soon", "-3d", "7 days", "2026-13-01", "1e300", float("nan"), 1e300, True])
def test_what_is_no_time_is_one_sentence(given):
    with pytest.raises(ValueError, match=r"^[^\n]+ is not a date; write 30d[^\n]+$"):
        moment(given)


@pytest.mark.parametrize(("day", "hours"), [((2026, 3, 29), 23), ((2026, 10, 25), 25), ((2026, 6, 1), 24)])
def test_today_ends_with_the_day_also_where_the_clocks_change(berlin, day, hours):
    now = datetime(*day, 20).timestamp()
    begin, end = period("today", None, now)
    assert (begin, end - begin) == (datetime(*day).timestamp(), hours * 3600.0)
    assert period("yesterday", None, now) == ((datetime(*day) - timedelta(days=1)).timestamp(), None)
    assert datetime.fromtimestamp(moment("2d", now)) == datetime(*day, 20) - timedelta(days=2)


def test_a_period_that_ends_before_it_begins_is_refused():
    with pytest.raises(ValueError, match="ends before it begins"):
        period("2h", "3h")


def test_every_reader_takes_the_same_words(file_url, record, tmp_path):
    now = time.time()
    with Ledger(file_url) as ledger:
        ledger.add(record(started_at=now + days * 86_400.0) for days in (0, -5, 9))
        assert len(ledger.records(since="today")) == ledger.totals(since="today").count == 1
        assert len(ledger.records(since="7d")) == 3
        assert len(ledger.records(since="7d", until="2h")) == 1
        assert ledger.export(tmp_path / "x.csv", since="today") == 1
        assert len(ledger.runs(since="yesterday")) == 1
        assert ledger.purge(before="3d") == 1
