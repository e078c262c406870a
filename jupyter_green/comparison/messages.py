"""Why a candidate stands where it does, and why one is picked: codes with parameters, and the sentence of each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from jupyter_green.compression import reasons
from jupyter_green.compression.report import messages

Code = Literal[
    # A candidate
    "highest utility",
    "runs elsewhere",
    "CPU not measured",
    "GPU not measured",
    "no skill",
    "loss unknown",
    "loses too much",
    "loss not proven",
    "loss unlikely",
    "loss at the limit",
    "own repeats differ",
    "cost unknown",
    "cost inconclusive",
    "best not measured",
    "less",
    "more",
    "not less",
    "failed",
    # The pick
    "picked",
    "none proven",
    "no proof possible",
    "losses unknown",
    "accepted loss only",
    "undecided",
    "needs examples",
    # Why something is unknown
    "time up",
    "interrupted",
    "not answered in time",
    "interrupted before it answered",
    "metric is 0",
]


@dataclass(frozen=True)
class DecisionReason:
    """A reason; parameters that its code doesn't have are None or empty."""

    code: Code
    """What is the case."""
    cause: DecisionReason | None = None
    """The reason for that."""
    cost: reasons.Reason | None = None
    """What the comparison of costs is based on, or why there is none."""
    name: str = ""
    """The candidate; of "own repeats differ", "no skill" and "picked" the best one, the last only if not measured."""
    detail: str = ""
    """Text of a library or of a check, and the constant answer that is as good; shown, never read."""
    examples: int | None = None
    needed: int | None = None
    """Examples of the loss, and the estimated number that would decide."""
    energy: bool = False
    """Whether the higher cost is energy; else processor time."""


def _cause(reason: DecisionReason) -> str:
    return "" if reason.cause is None else sentence(reason.cause)


def _because(reason: DecisionReason) -> str:
    return f": {_cause(reason)}" if reason.cause else ""


def _clause(reason: DecisionReason) -> str:
    """Return the cause as part of a sentence."""
    cause = _cause(reason)
    return (cause[:1].lower() + cause[1:]).rstrip(".")


def _cost(reason: DecisionReason) -> str:
    return "" if reason.cost is None else messages.sentence(reason.cost)


def _examples(reason: DecisionReason) -> str:
    return f"{reason.examples:,} example{'' if reason.examples == 1 else 's'}"


def _proves_not(reason: DecisionReason) -> str:
    return f"{_examples(reason)} {'does' if reason.examples == 1 else 'do'}n't prove"


SENTENCES: dict[Code, Callable[[DecisionReason], str]] = {
    "highest utility": lambda r: "the highest utility of all",
    "runs elsewhere": lambda r: "It runs elsewhere, so its energy can't be metered here.",
    "CPU not measured": lambda r: (
        "It runs on the processor, which no sensor measures here, beside others on a GPU, which is measured."
    ),
    "GPU not measured": lambda r: "It runs on a GPU that no sensor measures here; processor time says nothing of it.",
    "no skill": lambda r: f"{r.name} is {r.detail}, so no loss against it proves anything",
    "loss unknown": lambda r: f"its loss could not be told{_because(r)}",
    "loses too much": lambda r: "it loses more than is accepted on these examples",
    "loss not proven": lambda r: f"{_proves_not(r)} the loss; it needs about {r.needed:,}",
    "loss unlikely": lambda r: (
        f"on {_examples(r)} it loses more than is accepted, which is not proven; about {r.needed:,} would tell"
    ),
    "loss at the limit": lambda r: f"it loses just what is accepted, which can't be told from more on {_examples(r)}",
    "own repeats differ": lambda r: (
        f"what it loses can't be told beside the own repeats of {r.name}; give more repeats="
    ),
    "cost unknown": lambda r: f"its cost could not be told{_because(r)}",
    "cost inconclusive": _cost,
    "best not measured": lambda r: "its loss is within the accepted; the best one's energy is not known",
    "less": lambda r: f"less is proven in {_cost(r)}",
    "more": lambda r: f"it {'uses more' if r.energy else 'takes more processor time'}, proven in {_cost(r)}",
    "not less": lambda r: f"less is not proven: {_cost(r)}",
    "failed": lambda r: r.detail,
    "picked": lambda r: (
        f"Proven on {r.examples:,} examples: its loss is within the accepted, and "
        f"{f'the energy of {r.name} is not known' if r.name else 'it uses the least'}."
    ),
    "none proven": lambda r: "No other proves to use less within the accepted loss.",
    "no proof possible": lambda r: f"Can't tell: {_cause(r)}.",
    "losses unknown": lambda r: f"Can't tell: losses could not be told{_because(r)}.",
    "accepted loss only": lambda r: f"Can't tell yet: {r.name} is good enough, but {_clause(r)}.",
    "undecided": lambda r: f"Can't tell yet of {r.name}: {_clause(r)}.",
    "needs examples": lambda r: (
        f"Can't tell yet: {r.name} may be good enough, but {_proves_not(r)} it; it needs about {r.needed:,}."
    ),
    "time up": lambda r: "the time was up; allow more with time=",
    "interrupted": lambda r: "the comparison was interrupted",
    "not answered in time": lambda r: "The time was up before this had answered; allow more with time=.",
    "interrupted before it answered": lambda r: "The comparison was interrupted before this had answered.",
    "metric is 0": lambda r: r.detail,
}


def sentence(reason: DecisionReason) -> str:
    """Return a reason in words: one sentence, or the part of one that stands behind a candidate's standing."""
    return SENTENCES[reason.code](reason)
