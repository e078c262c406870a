"""Decides how candidates compare with the best, and which one to take: lower cost and little loss must be proven."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from jupyter_green.compression.cost.thread_spin_guard import ALONE, told
from jupyter_green.compression.cost.trial import Trial
from jupyter_green.compression.quality.loss import Loss

from .result import Row, Standing


@dataclass(frozen=True)
class CandidateStanding:
    """The data for the decision.

    Parameters
    ----------
    best : str
        Name of the candidate with the highest utility.
    accepted : float
        The accepted loss.
    trial : Trial or None
        Cost samples of the local candidates.
    apart : mapping of str to str
        Reasons why candidates are not in the trial.
    threads : int
        PyTorch's threads; a single thread does not wait.
    untold : str
        Why there is no trial.
    unjudged : str
        Why losses are missing.
    unskilled : str
        Message if the best is no better than a constant answer, so that no loss proves anything; empty otherwise.
    varies : bool
        Whether repeats of the best differ beyond sampling error, so that more examples would not help.
    """

    best: str
    accepted: float
    trial: Trial | None
    apart: Mapping[str, str]
    threads: int = 1
    untold: str = ""
    unjudged: str = ""
    unskilled: str = ""
    varies: bool = False

    @property
    def unmetered_best(self) -> bool:
        """Whether the best one's energy is unknown, so that no candidate can be proven to use less."""
        return self.best in self.apart

    def series(self, name: str) -> float:
        """Return the mean cost of a candidate's samples."""
        assert self.trial is not None
        series = self.trial.series(name)
        return sum(series) / len(series)

    def dearer(self, name: str) -> bool:
        """Whether a candidate is proven to cost more than the best, however much its samples varied."""
        if self.trial is None or self.unmetered_best or name not in self.trial.laps:
            return False
        ratio = self.trial.raw(name)
        return ratio is not None and ratio.more


def decide(rows: Sequence[Row], stand: CandidateStanding) -> tuple[list[Row], str, str]:
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
        decided.append(replace(row, standing=standing, reason=reason_of_row))
    pick, reason = _picked(decided, stand)
    if pick != best:
        decided = [replace(row, standing="pick") if row.name == pick else row for row in decided]
    return decided, pick, reason


def _standing(  # noqa: PLR0911 - one return per reason
    row: Row, stand: CandidateStanding
) -> tuple[Standing, str]:
    """Return a candidate's standing and its reason."""
    if row.name == stand.best:
        return "best", stand.apart.get(row.name, "the highest utility of all")
    loss, trial = row.loss, stand.trial
    if loss is None:
        return "can't tell", _because("its loss could not be told", stand.unjudged)
    if stand.unskilled:
        return "can't tell", stand.unskilled
    if loss.beyond(stand.accepted):
        return "loses too much", "it loses more than is accepted on these examples"
    if row.name in stand.apart:
        return "unmetered", stand.apart[row.name]
    if loss.within(stand.accepted) and trial is not None and row.name in trial.laps:
        return _cost(row.name, trial, stand)
    untold = _because("its cost could not be told", stand.untold)
    return "can't tell", untold if loss.within(stand.accepted) else _untold(loss, stand)


def _cost(name: str, trial: Trial, stand: CandidateStanding) -> tuple[Standing, str]:
    if stand.unmetered_best:
        return "good enough", "its loss is within the accepted; the best one's energy is not known"
    outcome = told(trial, name, ALONE, stand.threads).outcome
    if outcome.verdict == "less":
        return "good enough", f"less is proven in {outcome.reason}"
    if outcome.verdict == "can't tell":
        return "can't tell", outcome.reason
    if outcome.verdict == "more":
        more = "uses more" if outcome.dearer else "takes more processor time"
        return "uses no less", f"it {more}, proven in {outcome.reason}"
    return "uses no less", f"less is not proven: {outcome.reason}"


def _because(said: str, why: str) -> str:
    return f"{said}: {why}" if why else said


def _picked(  # noqa: PLR0911 - one return per reason
    rows: Sequence[Row], stand: CandidateStanding
) -> tuple[str, str]:
    """Return the cheapest of the proven candidates, else the best and what is missing."""
    if stand.unskilled:
        return stand.best, f"Can't tell: {stand.unskilled}."
    proven = [row for row in rows if row.standing == "good enough"]
    if proven:
        pick = min(proven, key=lambda row: stand.series(row.name))
        assert pick.loss is not None
        cost_note = "it uses the least" if not stand.unmetered_best else f"the energy of {stand.best} is not known"
        return (
            pick.name,
            f"Proven on {pick.loss.examples:,} examples: its loss is within the accepted, and {cost_note}.",
        )
    undecided = [
        row for row in rows if row.standing == "can't tell" and row.loss is not None and not stand.dearer(row.name)
    ]
    if not undecided and any(row.loss is None and row.name != stand.best for row in rows):
        return stand.best, f"Can't tell: {_because('losses could not be told', stand.unjudged)}."
    if not undecided:
        return stand.best, "No other proves to use less within the accepted loss."
    # Prefer candidates whose estimated loss is accepted.
    promising = [row for row in undecided if row.loss is not None and row.loss.needed(stand.accepted) is not None]
    row = min(promising or undecided, key=lambda one: 1.0 if one.ratio is None else one.ratio.value)
    assert row.loss is not None
    if row.loss.within(stand.accepted):
        return stand.best, f"Can't tell yet: {row.name} is good enough, but {_lowered(row.reason)}."
    needed = row.loss.needed(stand.accepted)
    if needed is None or stand.varies:
        return stand.best, f"Can't tell yet of {row.name}: {_lowered(row.reason)}."
    return stand.best, (
        f"Can't tell yet: {row.name} may be good enough, but {_proves_not(row.loss)} it; it needs about {needed:,}."
    )


def _untold(loss: Loss, stand: CandidateStanding) -> str:
    """Return how many examples would settle whether the loss is accepted."""
    if stand.varies:
        return f"what it loses can't be told beside the own repeats of {stand.best}; give more repeats="
    needed, examples = loss.needed(stand.accepted), f"{loss.examples:,} example{'s' if loss.examples > 1 else ''}"
    if needed is not None:
        return f"{_proves_not(loss)} the loss; it needs about {needed:,}"
    refusing = loss.needed_to_refuse(stand.accepted)
    if refusing is None:
        return f"it loses just what is accepted, which can't be told from more on {examples}"
    return f"on {examples} it loses more than is accepted, which is not proven; about {refusing:,} would tell"


def _proves_not(loss: Loss) -> str:
    return "1 example doesn't prove" if loss.examples == 1 else f"{loss.examples:,} examples don't prove"


def _lowered(reason: str) -> str:
    return (reason[:1].lower() + reason[1:]).rstrip(".")
