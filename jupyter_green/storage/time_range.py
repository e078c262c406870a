"""What a time means, in one place: ``since`` and ``until`` of Python, of the command line, of magics and of the server.

A time without a zone is one of this machine's. ``today`` and ``yesterday`` begin at midnight, and ``since="today"``
ends with the day, also where a record bears a later time because a clock was set back. A day has 23 or 25 hours where
the clocks change.
"""

from __future__ import annotations

import math
import re
import time
from datetime import date, datetime, timedelta

Moment = float | int | str | date | datetime
HOW = "write 30d, 12h, 2w, today, yesterday, or a day such as 2026-01-31 or 2026-01-31T14:30"
_BACK = re.compile(r"(\d{1,9})\s*(min|h|d|w)")
_SECONDS = {"min": 60.0, "h": 3600.0}
_DAYS = {"d": 1, "w": 7}
_NAMED = {"today": 0, "yesterday": 1}
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?")
_FIRST, _LAST = -62_135_000_000.0, 253_402_300_800.0  # the years 1 and 10000, between which dates are


def moment(value: Moment, now: float | None = None) -> float:
    """Return a time in seconds since 1970.

    Parameters
    ----------
    value : float, str, date or datetime
        Seconds since 1970; ISO text, or a length of time back from now (``30d``), or ``today`` or ``yesterday``, which
        is their first moment; without a zone local time is meant.
    now : float, optional
        Now, in seconds since 1970.

    Raises
    ------
    ValueError
        If it is no time; one sentence.
    """
    now = time.time() if now is None else now
    try:
        found = _seconds(value, now)
    except (ValueError, OverflowError, OSError, TypeError):
        found = math.nan
    if not _FIRST < found < _LAST:
        raise ValueError(f"{str(value)[:80]!r} is no date; {HOW}.")
    return found


def period(since: Moment | None, until: Moment | None, now: float | None = None) -> tuple[float | None, float | None]:
    """Return the first moment of a period and the one after its last; ``today`` ends with the day.

    Raises
    ------
    ValueError
        If one is no time, or the end comes before the beginning; one sentence.
    """
    now = time.time() if now is None else now
    begin = None if since is None else moment(since, now)
    end = None if until is None else moment(until, now)
    if until is None and isinstance(since, str) and since.strip().lower() == "today":
        end = _midnight(now, -1)
    if begin is not None and end is not None and end < begin:
        raise ValueError("The period ends before it begins; nothing can have happened in between.")
    return begin, end


def beginning(text: str, now: float | None = None) -> float:
    """Return the first moment of a period that a person types; programs send seconds, a person forgets a unit.

    Raises
    ------
    ValueError
        If it is no time, a number without its unit, or has not come yet; one sentence.
    """
    now = time.time() if now is None else now
    begin = moment(text, now)
    if re.fullmatch(r"[+-]?\d{1,8}", text.strip()):
        raise ValueError(f"{text[:80]!r} is no date; {HOW}.")
    if begin > now:
        raise ValueError(f"{text.strip()[:80]} has not come yet; write 30d, 12h, 2w or a day that has.")
    return begin


def _seconds(value: Moment, now: float) -> float:
    if isinstance(value, str):
        value = _read(value.strip(), now)
    if isinstance(value, datetime):
        return value.timestamp()
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day).timestamp()
    return math.nan if isinstance(value, bool) else float(value)


def _read(text: str, now: float) -> float | datetime:
    word = text.lower()
    if word in _NAMED:
        return _midnight(now, _NAMED[word])
    if back := _BACK.fullmatch(word):
        count, unit = int(back[1]), back[2]
        if unit in _SECONDS:
            return now - count * _SECONDS[unit]
        # The same time of day so many days ago, whatever the clocks did since.
        return datetime.fromtimestamp(now) - timedelta(days=count * _DAYS[unit])
    if _NUMBER.fullmatch(word):
        return float(word)
    # Python 3.10 reads a fraction of a second only with three or six digits.
    text = re.sub(r"\.(\d{1,6})", lambda found: f".{found[1]:0<6}", re.sub(r"[zZ]$", "+00:00", text))
    return datetime.fromisoformat(text)


def _midnight(now: float, back: int) -> float:
    """Return the local midnight that begins a day; a negative number means days to come."""
    day = datetime.fromtimestamp(now).date() - timedelta(days=back)
    return datetime(day.year, day.month, day.day).timestamp()
