"""Usage of budgets: the ledger's sums, plus journal records that the ledger does not have yet.

A kernel writes its cells' figures to a journal at every heartbeat, so other kernels on this machine see them at most
one heartbeat late; the ledger receives them seconds later. Record identities prevent double counting. While the ledger
is unavailable, its last sums and the journals are used.

The ledger is read on the caller's thread (`look`), journals are read quickly (`read_journals`), and a query (`spent`)
reads nothing.
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
"""Maximum age of the ledger's sums while a cell runs, in seconds; they contain other machines' records."""
LATELY_SECONDS = 120.0
"""Age up to which the ledger returns the identities of ended records, so that journals don't count them again."""


@dataclass
class LedgerSnapshot:
    """The ledger's sums for one budget."""

    start: float
    """Start of the period, in seconds since 1970."""
    usage_sum: UsageSum
    """The sums."""
    carried: float
    """Rest of the previous period, in the limit's unit."""
    read_at: float
    """When the ledger was read, in seconds since 1970."""

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON; an infinite uncertainty is null."""
        usage_sum = asdict(self.usage_sum)
        usage_sum["known"] = sorted(self.usage_sum.known)
        usage_sum["square"] = self.usage_sum.square if math.isfinite(self.usage_sum.square) else None
        return {"start": self.start, "carried": self.carried, "read_at": self.read_at, "outlay": usage_sum}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> LedgerSnapshot:
        """Rebuild a snapshot; raises ValueError, KeyError or TypeError if the data is not valid."""
        usage_sum = dict(data["outlay"])
        usage_sum["known"] = set(usage_sum["known"])
        usage_sum["square"] = math.inf if usage_sum["square"] is None else float(usage_sum["square"])
        return cls(float(data["start"]), UsageSum(**usage_sum), float(data["carried"]), float(data["read_at"]))


@dataclass
class _Place:
    """Read position in a journal, and its final and unfinished records."""

    resume: int = 0
    resume_settled: int = 0
    settled: dict[str, EnergyRecord] = field(default_factory=dict)
    open: dict[str, EnergyRecord] = field(default_factory=dict)


@dataclass(frozen=True)
class BudgetUsage:
    """Usage of a budget."""

    budget: Budget
    amount: float
    """Used amount, in the limit's unit."""
    uncertainty: float | None
    """Half-width of its 95 % interval; None if unknown."""
    quality: Quality | None
    """The weakest quality; None if nothing was read."""
    allowed: float
    """The limit plus what is carried over, in its unit."""
    start: float
    end: float
    """The period, in seconds since 1970."""
    missing: int
    """Records with an unknown amount, which are not included."""
    foreign: tuple[str, ...]
    """Currencies of records that are not included."""
    read_at: float | None
    """When the ledger was last read; None if not yet."""

    @property
    def share(self) -> float:
        """The used share; 1 if all is used."""
        return self.amount / self.allowed if self.allowed else math.inf


class UsageReader:
    """Reads the usage of budgets from one ledger.

    `simulated`: only simulated records count, instead of only real ones. `value` adds CO2e and cost to a journal record
    without them.
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
        """Why the ledger could not be read; None if it was."""

    # ---- reading ------------------------------------------------------------------------------

    def read_journals(self) -> None:
        """Read the journals: files on this machine, a few milliseconds."""
        with self._guard:
            present = set()
            for path in self._paths():
                position = self._places.get(path.name, _Place())
                try:
                    journal = replay(path, position.resume, position.resume_settled)
                except OSError:
                    continue  # removed meanwhile by a process that imported it into the ledger
                present.add(path.name)
                settled = {**position.settled, **{record.id: record for record in journal.settled}}
                unsettled = {record.id: record for record in journal.open}
                self._places[path.name] = _Place(journal.resume, journal.resume_settled, settled, unsettled)
            for name in set(self._places) - present:
                position = self._places.pop(name)
                self._gone.update({**position.open, **position.settled})

    def due(self, budgets: Iterable[Budget], moment: float) -> bool:
        """Whether the ledger should be read: new period, a journal was imported, or the last read is too old."""
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
        """Read the ledger's sums. Raises LedgerError if it can't be read; the last sums are kept."""
        from jupyter_green.storage import Ledger

        self.read_journals()
        with self._guard:
            imported = set(self._gone)
            identities = [*imported, *(key for place in self._places.values() for key in place.settled)]
        snapshots = {}
        with Ledger(self._ledger) as ledger:
            for budget in budgets:
                start, end = self._period(budget, moment)
                usage_sum = self._asked(ledger, budget, (start, end), identities, moment)
                snapshots[budget.id] = LedgerSnapshot(
                    start, usage_sum, self._carried(ledger, budget, start), clock.wall()
                )
            problem = ledger.notice_of("waiting", "altered")
        with self._guard:
            self.bases = snapshots
            self.problem = problem
            for key in imported:
                self._gone.pop(key, None)
            in_ledger = set.intersection(*(base.usage_sum.known for base in snapshots.values())) if snapshots else set()
            for place in self._places.values():
                place.settled = {key: record for key, record in place.settled.items() if key not in in_ledger}

    def _asked(
        self, ledger: Any, budget: Budget, period: tuple[float, float], asked: Iterable[str] = (), now: float = math.inf
    ) -> UsageSum:
        usage_sum: UsageSum = ledger.usage_sum(
            since=period[0],
            until=period[1],
            project=budget.project if budget.per in ("project", "notebook") else None,
            notebook=budget.notebook if budget.per == "notebook" else None,
            purpose=None if budget.covers == "all" else budget.covers,
            simulated=self._simulated,
            asked=asked,
            ended_since=now - LATELY_SECONDS,
        )
        return usage_sum

    def _carried(self, ledger: Any, budget: Budget, start: float) -> float:
        previous = budget.before(start)
        if previous is None or budget.limit is None:
            return 0.0
        return max(0.0, budget.limit.amount - _amount(budget, self._asked(ledger, budget, previous)))

    def _paths(self) -> list[Any]:
        try:
            return list(journals(self._folder))
        except OSError:
            return []

    # ---- queries ------------------------------------------------------------------------------

    def spent(self, budget: Budget, moment: float, live: Sequence[EnergyRecord] = ()) -> BudgetUsage:
        """Return the usage of a budget with a limit, as far as known at a time, in seconds since 1970.

        `live` are this kernel's unfinished records, with their figures so far.
        """
        assert budget.limit is not None, "a budget that was cleared has nothing to stand against"
        period = self._period(budget, moment)
        with self._guard:
            base = self.bases.get(budget.id)
            fresh = base is not None and base.start == period[0]
            usage_sum = base.usage_sum.copy() if base is not None and fresh else UsageSum()
            live_ids = {record.id for record in live}
            pending = dict(self._gone)
            for place in self._places.values():
                pending.update({**place.open, **place.settled})
        records = [record for key, record in pending.items() if key not in live_ids and key not in usage_sum.known]
        for record in (*records, *(live_record for live_record in live if live_record.id not in usage_sum.known)):
            if self._counts(budget, period, record):
                usage_sum.add(self._value(record))
        carried = base.carried if base is not None and fresh else 0.0
        amount = _amount(budget, usage_sum)
        scale = amount / usage_sum.total if usage_sum.total else 1.0
        uncertainty = usage_sum.uncertainty * scale
        return BudgetUsage(
            budget,
            amount,
            uncertainty if math.isfinite(uncertainty) else None,
            usage_sum.quality,
            budget.limit.amount + carried,
            *period,
            _missing(budget, usage_sum),
            tuple(sorted(set(usage_sum.costs) - {budget.limit.currency})) if budget.limit.quantity == "money" else (),
            base.read_at if base is not None and fresh else None,
        )

    def _period(self, budget: Budget, moment: float) -> tuple[float, float]:
        """Return the period; the start of an open-ended one never moves later if the clock is set back."""
        start, end = budget.period(moment)
        if math.isinf(end):
            start = self._starts[budget.id] = min(start, self._starts.get(budget.id, start))
        return start, end

    def _counts(self, budget: Budget, period: tuple[float, float], record: EnergyRecord) -> bool:
        if record.parent is not None or record.span == "gap" or not period[0] <= record.started_at < period[1]:
            return False
        if is_simulated(record) != self._simulated:
            return False
        applies = budget.applies(record.project, record.notebook)
        return applies and budget.covers_purpose(purpose_of(record))


def _amount(budget: Budget, usage_sum: UsageSum) -> float:
    assert budget.limit is not None, "only a budget with a limit is added up for"
    if budget.limit.quantity == "energy":
        return usage_sum.total
    return usage_sum.grams if budget.limit.quantity == "co2e" else usage_sum.costs.get(budget.limit.currency or "", 0.0)


def _missing(budget: Budget, usage_sum: UsageSum) -> int:
    assert budget.limit is not None, "only a budget with a limit is added up for"
    unvalued = {"energy": 0, "co2e": usage_sum.without_co2e, "money": usage_sum.unpriced}
    return usage_sum.unread + unvalued[budget.limit.quantity]
