"""Parsing of times and periods (``since``, ``until``) for Python, the command line, magics and the server.

Times without a zone are local. ``today`` and ``yesterday`` start at midnight, and ``since="today"`` ends with the day,
in case a record has a later time because a clock was set back. A day has 23 or 25 hours at daylight-saving changes.
"""

from __future__ import annotations

import math
import re
import time
from datetime import date, datetime, timedelta
from typing import Any

Moment = float | int | str | date | datetime
HOW = "write 30d, 12h, 2w, today, yesterday, or a day such as 2026-01-31 or 2026-01-31T14:30"
_BACK = re.compile(r"(\d{1,9})\s*(min|h|d|w)")
_SECONDS = {"min": 60.0, "h": 3600.0}
_DAYS = {"d": 1, "w": 7}
_NAMED = {"today": 0, "yesterday": 1}
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?")
_FIRST, _LAST = -62_135_000_000.0, 253_402_300_800.0  # the years 1 and 10000: the range of dates


def moment(value: Moment, now: float | None = None) -> float:
    """Return a time in seconds since 1970.

    Text is ISO 8601, a duration before `now` (``30d``), or ``today`` or ``yesterday`` for their start; local time
    without a zone. Raises ValueError if it is not a valid time.
    """
    now = time.time() if now is None else now
    try:
        seconds = _seconds(value, now)
    except (ValueError, OverflowError, OSError, TypeError):
        seconds = math.nan
    if not _FIRST < seconds < _LAST:
        raise ValueError(f"{str(value)[:80]!r} is not a date; {HOW}.")
    return seconds


def ago(seconds: Any, now: float | None = None) -> float:
    """Return the time a number of seconds before now, in seconds since 1970.

    Raises ValueError if it is not a positive, finite number.
    """
    try:
        age = math.nan if isinstance(seconds, bool) else float(seconds)
    except (TypeError, ValueError, OverflowError):
        age = math.nan
    if not 0 < age < math.inf:
        raise ValueError(f"{str(seconds)[:80]} is no age in seconds; give a positive number, or before= with a date.")
    return (time.time() if now is None else now) - age


def period(since: Moment | None, until: Moment | None, now: float | None = None) -> tuple[float | None, float | None]:
    """Return start and end (exclusive) of a period; ``today`` ends with the day.

    Raises ValueError if a time is invalid, or the end is before the start.
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
    """Return the start of a period typed by a user. Plain numbers are rejected, because users forget units.

    Raises ValueError if it is not a valid time, lacks a unit, or is in the future.
    """
    now = time.time() if now is None else now
    begin = moment(text, now)
    if re.fullmatch(r"[+-]?\d{1,8}", text.strip()):
        raise ValueError(f"{text[:80]!r} is not a date; {HOW}.")
    if begin > now:
        raise ValueError(f"{text.strip()[:80]} is in the future; write 30d, 12h, 2w or a past day.")
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
        # Same time of day, regardless of daylight-saving changes since.
        return datetime.fromtimestamp(now) - timedelta(days=count * _DAYS[unit])
    if _NUMBER.fullmatch(word):
        return float(word)
    # Python 3.10 accepts only three or six digits of a fraction of a second.
    text = re.sub(r"\.(\d{1,6})", lambda found: f".{found[1]:0<6}", re.sub(r"[zZ]$", "+00:00", text))
    return datetime.fromisoformat(text)


def _midnight(now: float, back: int) -> float:
    """Return the local midnight that starts the day `back` days ago; a negative number means future days."""
    day = datetime.fromtimestamp(now).date() - timedelta(days=back)
    return datetime(day.year, day.month, day.day).timestamp()
