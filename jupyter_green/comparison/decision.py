"""Decides how candidates compare with the best, and which one to take: lower cost and little loss must be proven."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from jupyter_green.compression.cost.thread_spin_guard import ALONE, told
from jupyter_green.compression.cost.trial import Trial
from jupyter_green.compression.quality.loss import Loss

from .messages import Code, DecisionReason
from .result import Row, Standing


@dataclass(frozen=True)
class CandidateStanding:
    """The data for the decision."""

    best: str
    """Name of the candidate with the highest utility."""
    accepted: float
    """The accepted loss."""
    trial: Trial | None
    """Cost samples of the local candidates."""
    apart: Mapping[str, Code]
    """Codes of the reasons why candidates are not in the trial."""
    threads: int = 1
    """PyTorch's threads; a single thread does not wait."""
    untold: DecisionReason | None = None
    """Why there is no trial."""
    unjudged: DecisionReason | None = None
    """Why losses are missing."""
    no_skill_reason: DecisionReason | None = None
    """If the best is no better than a constant answer, so that no loss proves anything."""
    varies: bool = False
    """Whether repeats of the best differ beyond sampling error, so that more examples would not help."""

    @property
    def best_is_unmetered(self) -> bool:
        """Whether the best one's energy is unknown, so that no candidate can be proven to use less."""
        return self.best in self.apart

    def series(self, name: str) -> float:
        """Return the mean cost of a candidate's samples."""
        assert self.trial is not None
        series = self.trial.series(name)
        return sum(series) / len(series)

    def dearer(self, name: str) -> bool:
        """Whether a candidate is proven to cost more than the best, however much its samples varied."""
        if self.trial is None or self.best_is_unmetered or name not in self.trial.laps:
            return False
        ratio = self.trial.raw(name)
        return ratio is not None and ratio.more


def decide(rows: Sequence[Row], stand: CandidateStanding) -> tuple[list[Row], str, DecisionReason]:
    """Return the rows with their standing, the pick, and the reason.

    Parameters
    ----------
    rows : sequence of Row
        The candidates with predictions.
    stand : CandidateStanding
        The data for the decision.
    """
    best, decided = stand.best, list[Row]()
    for row in rows:
        standing, reason_of_row = _standing(row, stand)
        decided.append(replace(row, standing=standing, why=reason_of_row))
    pick, reason = _picked(decided, stand)
    if pick != best:
        decided = [replace(row, standing="pick") if row.name == pick else row for row in decided]
    return decided, pick, reason


def _standing(  # noqa: PLR0911 - one return per reason
    row: Row, stand: CandidateStanding
) -> tuple[Standing, DecisionReason]:
    """Return a candidate's standing and its reason."""
    if row.name == stand.best:
        return "best", DecisionReason(stand.apart.get(row.name, "highest utility"))
    loss, trial = row.loss, stand.trial
    if loss is None:
        return "can't tell", DecisionReason("loss unknown", stand.unjudged)
    if stand.no_skill_reason:
        return "can't tell", stand.no_skill_reason
    if loss.beyond(stand.accepted):
        return "loses too much", DecisionReason("loses too much")
    if row.name in stand.apart:
        return "unmetered", DecisionReason(stand.apart[row.name])
    if not loss.within(stand.accepted):
        return "can't tell", _unproven(loss, stand)
    if trial is not None and row.name in trial.laps:
        return _cost(row.name, trial, stand)
    return "can't tell", DecisionReason("cost unknown", stand.untold)


def _cost(name: str, trial: Trial, stand: CandidateStanding) -> tuple[Standing, DecisionReason]:
    if stand.best_is_unmetered:
        return "good enough", DecisionReason("best not measured")
    outcome = told(trial, name, ALONE, stand.threads).outcome
    if outcome.verdict == "less":
        return "good enough", DecisionReason("less", cost=outcome.reason)
    if outcome.verdict == "can't tell":
        return "can't tell", DecisionReason("cost inconclusive", cost=outcome.reason)
    if outcome.verdict == "more":
        return "uses no less", DecisionReason("more", cost=outcome.reason, energy=outcome.dearer)
    return "uses no less", DecisionReason("not less", cost=outcome.reason)


def _picked(  # noqa: PLR0911 - one return per reason
    rows: Sequence[Row], stand: CandidateStanding
) -> tuple[str, DecisionReason]:
    """Return the cheapest of the proven candidates, else the best and what is missing."""
    if stand.no_skill_reason:
        return stand.best, DecisionReason("no proof possible", stand.no_skill_reason)
    proven = [row for row in rows if row.standing == "good enough"]
    if proven:
        pick = min(proven, key=lambda row: stand.series(row.name))
        assert pick.loss is not None
        unmetered = stand.best if stand.best_is_unmetered else ""
        return pick.name, DecisionReason("picked", name=unmetered, examples=pick.loss.examples)
    undecided = [
        row for row in rows if row.standing == "can't tell" and row.loss is not None and not stand.dearer(row.name)
    ]
    if not undecided and any(row.loss is None and row.name != stand.best for row in rows):
        return stand.best, DecisionReason("losses unknown", stand.unjudged)
    if not undecided:
        return stand.best, DecisionReason("none proven")
    # Prefer candidates whose estimated loss is accepted.
    promising = [row for row in undecided if row.loss is not None and row.loss.needed(stand.accepted) is not None]
    row = min(promising or undecided, key=lambda one: 1.0 if one.ratio is None else one.ratio.value)
    assert row.loss is not None
    if row.loss.within(stand.accepted):
        return stand.best, DecisionReason("accepted loss only", row.why, name=row.name)
    needed = row.loss.needed(stand.accepted)
    if needed is None or stand.varies:
        return stand.best, DecisionReason("undecided", row.why, name=row.name)
    return stand.best, DecisionReason("needs examples", name=row.name, examples=row.loss.examples, needed=needed)


def _unproven(loss: Loss, stand: CandidateStanding) -> DecisionReason:
    """Return how many examples would settle whether the loss is accepted."""
    if stand.varies:
        return DecisionReason("own repeats differ", name=stand.best)
    needed, refusing = loss.needed(stand.accepted), loss.needed_to_refuse(stand.accepted)
    if needed is not None:
        return DecisionReason("loss not proven", examples=loss.examples, needed=needed)
    code: Code = "loss at the limit" if refusing is None else "loss unlikely"
    return DecisionReason(code, examples=loss.examples, needed=refusing)
