"""A budget: how much may be used in a notebook, a project, a day, a week or a month, and what of it.

A budget is a line that a person drew for themselves. It warns at 80 %, asks at 100 %, and holds back what comes after
that, until somebody overrides it with a reason. It counts everything, or as the person says inference alone, so that
research is not held back (as the cap of arXiv 2601.19886 exempts training), or training alone.

Days, weeks and months are those of a time zone: a day that the clocks change has 23 or 25 hours. Everything one does
with a ledger counts in them. For a notebook and a project it counts from the moment the budget was set.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from datetime import date, datetime, timedelta, tzinfo
from typing import Any, Literal, get_args
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from jupyter_green.records import EnergyRecord, Purpose, new_id
from jupyter_green.storage.privacy import Privacy

from .limit import InvalidLimit, Limit

Per = Literal["notebook", "project", "day", "week", "month"]
Covers = Literal["inference", "training", "all"]
WARN_FROM = 0.8
_ELSEWHERE = Privacy(local=False)
PURPOSES: tuple[Purpose, ...] = get_args(Purpose)


@dataclass(frozen=True)
class Budget:
    """A budget.

    Parameters
    ----------
    limit : Limit or None
        How much; None where it was cleared.
    per : {"notebook", "project", "day", "week", "month"}
        Over what.
    covers : {"inference", "training", "all"}
        What counts.
    zone : str or None
        Time zone of days, weeks and months, such as ``"Europe/Zurich"``; None for this machine's.
    carry : bool
        Whether what was left of the period before is added.
    stop : bool
        Whether a cell that runs is interrupted when the budget is used up.
    until : float or None
        When it ends, in seconds since 1970.
    project, notebook : str or None
        Where it was set.
    made_at : float
        When, in seconds since 1970.
    since : float or None
        From when on a notebook or a project counts, where a limit was changed; None: from when it was set.
    id : str
        Its identity.
    """

    limit: Limit | None
    per: Per
    covers: Covers = "all"
    zone: str | None = None
    carry: bool = False
    stop: bool = False
    until: float | None = None
    project: str | None = None
    notebook: str | None = None
    made_at: float = 0.0
    since: float | None = None
    id: str = field(default_factory=new_id)

    def __post_init__(self) -> None:
        if self.per not in get_args(Per):
            raise InvalidLimit(f"A budget is per notebook, project, day, week or month, not per {self.per!r}.")
        if self.covers not in get_args(Covers):
            raise InvalidLimit(f"A budget covers inference, training or all, not {self.covers!r}.")
        zone_of(self.zone)
        if self.until is not None and self.until <= self.made_at:
            raise InvalidLimit("The budget would have ended before it began; give --until a day to come.")
        if self.carry and self.per in ("notebook", "project"):
            raise InvalidLimit(
                f"A budget per {self.per} has no period before it; --carry goes with a day, week or month."
            )

    @property
    def key(self) -> tuple[str, str | None, str | None]:
        """What a newer budget of the same place takes the place of."""
        where = {"notebook": (self.project, self.notebook), "project": (self.project, None)}
        return self.per, *where.get(self.per, (None, None))

    @property
    def name(self) -> str:
        """How it is called in a sentence."""
        what = "" if self.covers == "all" else f" of {self.covers}"
        return f"{self.limit}{what} per {self.per}"

    def applies(self, project: str | None, notebook: str | None) -> bool:
        """Whether it holds where something runs; a ledger elsewhere names places in another form."""
        if self.per not in ("notebook", "project"):
            return True
        here = project is not None and self.project in _ELSEWHERE.projects(project)
        if self.per == "project" or not here:
            return here
        return notebook is not None and self.notebook in _ELSEWHERE.notebooks(notebook)

    def covers_purpose(self, purpose: Purpose | None) -> bool:
        """Whether it counts what was done for this."""
        return self.covers in ("all", purpose)

    def period(self, moment: float) -> tuple[float, float]:
        """Return the start and the end of the period that a moment lies in, in seconds since 1970."""
        if self.per in ("notebook", "project"):
            return min(self.made_at if self.since is None else self.since, moment), math.inf
        zone = zone_of(self.zone)
        today = datetime.fromtimestamp(moment, zone).date()
        first = {"week": today - timedelta(days=today.weekday()), "month": today.replace(day=1)}.get(self.per, today)
        return midnight(first, zone), midnight(_next(first, self.per), zone)

    def before(self, start: float) -> tuple[float, float] | None:
        """Return the period before one that begins at `start`, where something of it is carried over."""
        if not self.carry or not math.isfinite(start) or start <= self.made_at:
            return None
        return self.period(start - 1.0)

    def over(self, moment: float) -> bool:
        """Whether it has ended, or was cleared."""
        return self.limit is None or (self.until is not None and moment >= self.until)

    # ---- carrying -----------------------------------------------------------------------------

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Budget:
        """Rebuild a budget.

        Raises
        ------
        ValueError
            If the data is none.
        """
        try:
            limit = data["limit"]
            names = ("per", "covers", "zone", "carry", "stop", "until", "made_at", "since", "id")
            known: dict[str, Any] = {name: data[name] for name in (*names, "project", "notebook")}
            return cls(None if limit is None else Limit(**limit), **known)
        except (KeyError, TypeError) as error:
            raise InvalidLimit(f"This is no budget ({error}).") from None


@dataclass(frozen=True)
class Override:
    """A budget set aside, and why.

    Parameters
    ----------
    budget : str
        Identity of the budget.
    reason : str
        The person's own words.
    made_at, until : float
        From when to when, in seconds since 1970.
    cells : int or None
        For so many cells only; None for all.
    """

    budget: str
    reason: str
    made_at: float
    until: float
    cells: int | None = None

    def __post_init__(self) -> None:
        if not self.reason.strip():
            raise InvalidLimit('An override needs a reason, such as: %budget override "the demo is at noon".')

    def holds(self, budget: Budget, moment: float) -> bool:
        """Whether it lifts a budget now."""
        return self.budget == budget.id and self.cells is None and moment < self.until

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON; an end that never comes is null."""
        data = asdict(self)
        data["until"] = self.until if math.isfinite(self.until) else None
        return data

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Override:
        """Rebuild an override; a reason that did not leave its machine is said to be withheld.

        Raises
        ------
        ValueError
            If the data is none.
        """
        until, cells = data.get("until"), data.get("cells")
        reason = data.get("reason") or "withheld"
        try:
            end = math.inf if until is None else float(until)
            made_at = float(data["made_at"])
        except (KeyError, TypeError, ValueError):
            raise InvalidLimit("This is no setting aside of a budget.") from None
        return cls(str(data["budget"]), str(reason), made_at, end, cells if isinstance(cells, int) else None)


def in_force(budgets: list[Budget], moment: float) -> list[Budget]:
    """Return the budgets that hold: of each place the newest, unless it has ended or was cleared."""
    newest: dict[tuple[str, str | None, str | None], Budget] = {}
    for budget in budgets:
        before = newest.get(budget.key)
        if before is None or budget.made_at >= before.made_at:
            newest[budget.key] = budget
    return [budget for budget in newest.values() if not budget.over(moment)]


def purpose_of(record: EnergyRecord) -> Purpose | None:
    """Return what a record was for: what its label says, else what was seen."""
    label = (record.label or "").strip().casefold()
    return next((purpose for purpose in PURPOSES if label == purpose), record.purpose)


def zone_of(name: str | None) -> tzinfo | None:
    """Return a time zone; None for this machine's.

    Raises
    ------
    BadLimit
        If there is none of that name.
    """
    if name is None:
        return None
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise InvalidLimit(
            f"There is no time zone {name!r}; write one such as Europe/Zurich (Windows needs pip install tzdata)."
        ) from None


def midnight(day: date, zone: tzinfo | None) -> float:
    """Return when a day begins, in seconds since 1970."""
    return datetime(day.year, day.month, day.day, tzinfo=zone).timestamp()


def _next(first: date, per: str) -> date:
    if per == "month":
        return (first + timedelta(days=32)).replace(day=1)
    return first + timedelta(days=7 if per == "week" else 1)
