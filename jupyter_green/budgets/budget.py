"""Budgets: limits on energy, CO2e or money per notebook, project, day, week or month.

A budget warns at 80 %, asks the user at 100 %, and then blocks further cells until it is overridden with a reason. It
covers all work, or only inference (so that research is not blocked, as the cap of arXiv 2601.19886 exempts training),
or only training.

Days, weeks and months follow a time zone; a day on which the clocks change has 23 or 25 hours. Budgets per day, week
or month count everything in the ledger. Budgets per notebook or project count from the moment they were set.
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
"""Used share from which a budget warns."""
_ELSEWHERE = Privacy(local=False)
PURPOSES: tuple[Purpose, ...] = get_args(Purpose)


@dataclass(frozen=True)
class Budget:
    """A budget."""

    limit: Limit | None
    """The limit; None if the budget was cleared."""
    per: Per
    """What the limit applies to."""
    covers: Covers = "all"
    """Kind of work that counts."""
    zone: str | None = None
    """Time zone of days, weeks and months, such as ``"Europe/Zurich"``; None for that of this machine."""
    carry: bool = False
    """Whether the unused rest of the previous period is added."""
    stop: bool = False
    """Whether a running cell is interrupted when the budget is used up."""
    until: float | None = None
    """Expiry, in seconds since 1970."""
    project: str | None = None
    notebook: str | None = None
    """Where it was set."""
    made_at: float = 0.0
    """When it was set, in seconds since 1970."""
    since: float | None = None
    """Start of counting for a notebook or project whose limit was changed; None: when it was set."""
    id: str = field(default_factory=new_id)
    """Identity."""

    def __post_init__(self) -> None:
        if self.per not in get_args(Per):
            raise InvalidLimit(f"A budget is per notebook, project, day, week or month, not per {self.per!r}.")
        if self.covers not in get_args(Covers):
            raise InvalidLimit(f"A budget covers inference, training or all, not {self.covers!r}.")
        zone_of(self.zone)
        if self.until is not None and self.until <= self.made_at:
            raise InvalidLimit("The budget would end before it begins; give --until a future day.")
        if self.carry and self.per in ("notebook", "project"):
            raise InvalidLimit(
                f"A budget per {self.per} has no earlier period to carry over from; --carry needs a day, week or month."
            )

    @property
    def key(self) -> tuple[str, str | None, str | None]:
        """Key by which a newer budget replaces an older one."""
        where = {"notebook": (self.project, self.notebook), "project": (self.project, None)}
        return self.per, *where.get(self.per, (None, None))

    @property
    def name(self) -> str:
        """Name of the budget, as used within a sentence."""
        scope = "" if self.covers == "all" else f" of {self.covers}"
        return f"{self.limit}{scope} per {self.per}"

    def applies(self, project: str | None, notebook: str | None) -> bool:
        """Whether it applies to a project and notebook; a remote ledger stores shortened or hashed names."""
        if self.per not in ("notebook", "project"):
            return True
        same_project = project is not None and self.project in _ELSEWHERE.projects(project)
        if self.per == "project" or not same_project:
            return same_project
        return notebook is not None and self.notebook in _ELSEWHERE.notebooks(notebook)

    def covers_purpose(self, purpose: Purpose | None) -> bool:
        """Whether it counts work of this purpose."""
        return self.covers in ("all", purpose)

    def period(self, moment: float) -> tuple[float, float]:
        """Return start and end of the period that contains a moment, in seconds since 1970."""
        if self.per in ("notebook", "project"):
            return min(self.made_at if self.since is None else self.since, moment), math.inf
        zone = zone_of(self.zone)
        today = datetime.fromtimestamp(moment, zone).date()
        first = {"week": today - timedelta(days=today.weekday()), "month": today.replace(day=1)}.get(self.per, today)
        return midnight(first, zone), midnight(_next(first, self.per), zone)

    def before(self, start: float) -> tuple[float, float] | None:
        """Return the period before one that begins at `start`, if its rest is carried over; else None."""
        if not self.carry or not math.isfinite(start) or start <= self.made_at:
            return None
        return self.period(start - 1.0)

    def over(self, moment: float) -> bool:
        """Whether it has expired or was cleared."""
        return self.limit is None or (self.until is not None and moment >= self.until)

    # ---- serialization ------------------------------------------------------------------------

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Budget:
        """Rebuild a budget.

        Raises
        ------
        InvalidLimit
            If the data is not a valid budget.
        """
        try:
            limit = data["limit"]
            names = ("per", "covers", "zone", "carry", "stop", "until", "made_at", "since", "id")
            fields: dict[str, Any] = {name: data[name] for name in (*names, "project", "notebook")}
            return cls(None if limit is None else Limit(**limit), **fields)
        except (KeyError, TypeError) as error:
            raise InvalidLimit(f"This is not a budget ({error}).") from None


@dataclass(frozen=True)
class Override:
    """An override: a budget is suspended, with a reason."""

    budget: str
    """Identity of the budget."""
    reason: str
    """Reason given by the user."""
    made_at: float
    until: float
    """Start and end, in seconds since 1970."""
    cells: int | None = None
    """Number of cells it applies to; None for all."""

    def __post_init__(self) -> None:
        if not self.reason.strip():
            raise InvalidLimit('An override needs a reason, such as: %budget override "the demo is at noon".')

    def holds(self, budget: Budget, moment: float) -> bool:
        """Whether it suspends a budget for all cells at a moment."""
        return self.budget == budget.id and self.cells is None and moment < self.until

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON; an infinite end is null."""
        data = asdict(self)
        data["until"] = self.until if math.isfinite(self.until) else None
        return data

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Override:
        """Rebuild an override; a reason that was withheld for privacy becomes "withheld".

        Raises
        ------
        InvalidLimit
            If the data is not a valid override.
        """
        until, cells = data.get("until"), data.get("cells")
        reason = data.get("reason") or "withheld"
        try:
            end = math.inf if until is None else float(until)
            made_at = float(data["made_at"])
        except (KeyError, TypeError, ValueError):
            raise InvalidLimit("This is not a budget override.") from None
        return cls(str(data["budget"]), str(reason), made_at, end, cells if isinstance(cells, int) else None)


def in_force(budgets: list[Budget], moment: float) -> list[Budget]:
    """Return the budgets in force: the newest per key, unless it has expired or was cleared."""
    newest: dict[tuple[str, str | None, str | None], Budget] = {}
    for budget in budgets:
        current = newest.get(budget.key)
        if current is None or budget.made_at >= current.made_at:
            newest[budget.key] = budget
    return [budget for budget in newest.values() if not budget.over(moment)]


def purpose_of(record: EnergyRecord) -> Purpose | None:
    """Return the purpose of a record: as named by its label, else as detected."""
    label = (record.label or "").strip().casefold()
    return next((purpose for purpose in PURPOSES if label == purpose), record.purpose)


def zone_of(name: str | None) -> tzinfo | None:
    """Return a time zone; None for that of this machine. Raises InvalidLimit if there is none of that name."""
    if name is None:
        return None
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise InvalidLimit(
            f"There is no time zone {name!r}; write one such as Europe/Zurich (Windows needs pip install tzdata)."
        ) from None


def midnight(day: date, zone: tzinfo | None) -> float:
    """Return the start of a day, in seconds since 1970."""
    return datetime(day.year, day.month, day.day, tzinfo=zone).timestamp()


def _next(first: date, per: str) -> date:
    if per == "month":
        return (first + timedelta(days=32)).replace(day=1)
    return first + timedelta(days=7 if per == "week" else 1)
