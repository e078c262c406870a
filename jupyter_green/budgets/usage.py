"""What of each budget is used: the ledger's sums, and on top of them what its journals hold that is not in it yet.

A kernel writes its cells' figures into a journal at every heartbeat, so that another one on the same machine sees them
no more than a heartbeat late; the ledger has them seconds later. Whether a record of a journal is in the sums already
is told by its identity. Where the ledger is away its last sums stand, and the journals, which need no ledger, go on.

The ledger is read on whatever thread asks for it (`look`); journals are read at once (`skim`), and asking how a budget
stands (`spent`) reads nothing.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from jupyter_green.records import EnergyRecord, Quality, clock, is_simulated
from jupyter_green.storage.journal import journals, replay
from jupyter_green.storage.location import journal_folder
from jupyter_green.storage.usage_sum import UsageSum

from .budget import Budget, purpose_of

LOOK_SECONDS = 30.0
"""How old the ledger's sums may grow while something runs; other machines' records come with them."""
LATELY_SECONDS = 120.0


@dataclass
class LedgerSnapshot:
    """What the ledger said of one budget.

    Parameters
    ----------
    start : float
        Start of the period that it is about.
    outlay : UsageSum
        The sums.
    carried : float
        What was left of the period before, in the limit's unit.
    read_at : float
        When, in seconds since 1970.
    """

    start: float
    outlay: UsageSum
    carried: float
    read_at: float

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON; an infinite doubt is null."""
        outlay = asdict(self.outlay)
        outlay["known"] = sorted(self.outlay.known)
        outlay["square"] = self.outlay.square if math.isfinite(self.outlay.square) else None
        return {"start": self.start, "carried": self.carried, "read_at": self.read_at, "outlay": outlay}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> LedgerSnapshot:
        """Rebuild it; raises ValueError, KeyError or TypeError where the data is none."""
        outlay = dict(data["outlay"])
        outlay["known"] = set(outlay["known"])
        outlay["square"] = math.inf if outlay["square"] is None else float(outlay["square"])
        return cls(float(data["start"]), UsageSum(**outlay), float(data["carried"]), float(data["read_at"]))


@dataclass
class _Place:
    """How far a journal was read, and what of it is settled and what is not."""

    resume: int = 0
    resume_settled: int = 0
    settled: dict[str, EnergyRecord] = field(default_factory=dict)
    open: dict[str, EnergyRecord] = field(default_factory=dict)


@dataclass(frozen=True)
class BudgetUsage:
    """How a budget stands.

    Parameters
    ----------
    budget : Budget
        Which one.
    amount : float
        What is used, in the limit's unit.
    uncertainty : float or None
        Half-width of its 95 % interval; None where it is not known.
    quality : str or None
        The weakest standing in it; None where nothing was read.
    allowed : float
        The limit and what is carried over, in its unit.
    start, end : float
        The period, in seconds since 1970.
    missing : int
        Records whose amount is not known, and is not in it.
    foreign : tuple of str
        Currencies of records that are not in it.
    read_at : float or None
        When the ledger was read last; None where it was not yet.
    """

    budget: Budget
    amount: float
    uncertainty: float | None
    quality: Quality | None
    allowed: float
    start: float
    end: float
    missing: int
    foreign: tuple[str, ...]
    read_at: float | None

    @property
    def share(self) -> float:
        """The used part, 1 where all is used."""
        return self.amount / self.allowed if self.allowed else math.inf


class UsageReader:
    """What is used with one ledger.

    Parameters
    ----------
    ledger : str
        Its URL.
    simulated : bool
        Whether simulated figures count, and they alone.
    value : callable
        Gives a record its CO2e and cost, where a journal holds it without.
    """

    def __init__(self, ledger: str, *, simulated: bool, value: Callable[[EnergyRecord], EnergyRecord]) -> None:
        self._ledger, self._simulated, self._value = ledger, simulated, value
        self._folder = journal_folder(ledger)
        self._places: dict[str, _Place] = {}
        self._gone: dict[str, EnergyRecord] = {}
        self._starts: dict[str, float] = {}
        self._guard = threading.Lock()
        self.bases: dict[str, LedgerSnapshot] = {}
        self.problem: str | None = None
        """Why the ledger could not be read; None where it could."""

    # ---- reading ------------------------------------------------------------------------------

    def skim(self) -> None:
        """Read what the journals hold; files of this machine, a few milliseconds."""
        with self._guard:
            there = set()
            for path in self._paths():
                place = self._places.get(path.name, _Place())
                try:
                    found = replay(path, place.resume, place.resume_settled)
                except OSError:
                    continue  # closed meanwhile by whoever moved it into the ledger
                there.add(path.name)
                settled = {**place.settled, **{record.id: record for record in found.settled}}
                unsettled = {record.id: record for record in found.open}
                self._places[path.name] = _Place(found.resume, found.resume_settled, settled, unsettled)
            for name in set(self._places) - there:
                place = self._places.pop(name)
                self._gone.update({**place.open, **place.settled})

    def due(self, budgets: Iterable[Budget], moment: float) -> bool:
        """Whether the ledger should be read: a period has begun, a journal was moved into it, or it is long ago."""
        if self._gone:
            return True
        for budget in budgets:
            base = self.bases.get(budget.id)
            if base is None or base.start != self._period(budget, moment)[0]:
                return True
            if not 0 <= moment - base.read_at < LOOK_SECONDS:
                return True
        return False

    def look(self, budgets: Sequence[Budget], moment: float) -> None:
        """Read the ledger's sums.

        Raises
        ------
        LedgerError
            If it can't be read; the last sums stay.
        """
        from jupyter_green.storage import Ledger

        self.skim()
        with self._guard:
            gone = set(self._gone)
            asked = [*gone, *(key for place in self._places.values() for key in place.settled)]
        found = {}
        with Ledger(self._ledger) as ledger:
            for budget in budgets:
                start, end = self._period(budget, moment)
                outlay = self._asked(ledger, budget, (start, end), asked, moment)
                found[budget.id] = LedgerSnapshot(start, outlay, self._carried(ledger, budget, start), clock.wall())
            problem = ledger.notice_of("waiting", "altered")
        with self._guard:
            self.bases = found
            self.problem = problem
            for key in gone:
                self._gone.pop(key, None)
            known = set.intersection(*(base.outlay.known for base in found.values())) if found else set()
            for place in self._places.values():
                place.settled = {key: record for key, record in place.settled.items() if key not in known}

    def _asked(
        self, ledger: Any, budget: Budget, period: tuple[float, float], asked: Iterable[str] = (), now: float = math.inf
    ) -> UsageSum:
        outlay: UsageSum = ledger.outlay(
            since=period[0],
            until=period[1],
            project=budget.project if budget.per in ("project", "notebook") else None,
            notebook=budget.notebook if budget.per == "notebook" else None,
            purpose=None if budget.covers == "all" else budget.covers,
            simulated=self._simulated,
            asked=asked,
            ended_since=now - LATELY_SECONDS,
        )
        return outlay

    def _carried(self, ledger: Any, budget: Budget, start: float) -> float:
        before = budget.before(start)
        if before is None or budget.limit is None:
            return 0.0
        return max(0.0, budget.limit.amount - _amount(budget, self._asked(ledger, budget, before)))

    def _paths(self) -> list[Any]:
        try:
            return list(journals(self._folder))
        except OSError:
            return []

    # ---- asking -------------------------------------------------------------------------------

    def spent(self, budget: Budget, moment: float, live: Sequence[EnergyRecord] = ()) -> BudgetUsage:
        """Return how a budget stands, as far as it is known.

        Parameters
        ----------
        budget : Budget
            One with a limit.
        moment : float
            Now, in seconds since 1970.
        live : sequence of EnergyRecord
            This kernel's own records that are not settled, with their figures up to now.
        """
        assert budget.limit is not None, "a budget that was cleared has nothing to stand against"
        period = self._period(budget, moment)
        with self._guard:
            base = self.bases.get(budget.id)
            fresh = base is not None and base.start == period[0]
            outlay = base.outlay.copy() if base is not None and fresh else UsageSum()
            own = {record.id for record in live}
            waiting = dict(self._gone)
            for place in self._places.values():
                waiting.update({**place.open, **place.settled})
        records = [record for key, record in waiting.items() if key not in own and key not in outlay.known]
        for record in (*records, *(one for one in live if one.id not in outlay.known)):
            if self._counts(budget, period, record):
                outlay.add(self._value(record))
        carried = base.carried if base is not None and fresh else 0.0
        amount = _amount(budget, outlay)
        scale = amount / outlay.total if outlay.total else 1.0
        doubt = outlay.uncertainty * scale
        return BudgetUsage(
            budget,
            amount,
            doubt if math.isfinite(doubt) else None,
            outlay.quality,
            budget.limit.amount + carried,
            *period,
            _missing(budget, outlay),
            tuple(sorted(set(outlay.costs) - {budget.limit.currency})) if budget.limit.quantity == "money" else (),
            base.read_at if base is not None and fresh else None,
        )

    def _period(self, budget: Budget, moment: float) -> tuple[float, float]:
        """The period; one without an end never begins later because a clock was set back."""
        start, end = budget.period(moment)
        if math.isinf(end):
            start = self._starts[budget.id] = min(start, self._starts.get(budget.id, start))
        return start, end

    def _counts(self, budget: Budget, period: tuple[float, float], record: EnergyRecord) -> bool:
        if record.parent is not None or record.span == "gap" or not period[0] <= record.started_at < period[1]:
            return False
        if is_simulated(record) != self._simulated:
            return False
        place = budget.applies(record.project, record.notebook)
        return place and budget.covers_purpose(purpose_of(record))


def _amount(budget: Budget, outlay: UsageSum) -> float:
    assert budget.limit is not None, "only a budget with a limit is added up for"
    if budget.limit.quantity == "energy":
        return outlay.total
    return outlay.grams if budget.limit.quantity == "co2e" else outlay.costs.get(budget.limit.currency or "", 0.0)


def _missing(budget: Budget, outlay: UsageSum) -> int:
    assert budget.limit is not None, "only a budget with a limit is added up for"
    more = {"energy": 0, "co2e": outlay.unweighed, "money": outlay.unpriced}
    return outlay.unread + more[budget.limit.quantity]
