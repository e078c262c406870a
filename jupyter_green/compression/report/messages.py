"""The sentence of every reason, and the headline of a result that keeps the original."""

from __future__ import annotations

from collections.abc import Callable

from jupyter_green.compression.reasons import Code, Reason
from jupyter_green.compression.result_details import Late
from jupyter_green.reporting import numbers

_QUIET = "Try again when the machine is quiet, or with torch.set_num_threads(1)."
_COOL = "Try again when it is cool, or with its clock locked."

SENTENCES: dict[Code, Callable[[Reason], str]] = {
    # Parts of sentences
    "rounds": lambda r: f"{r.rounds} rounds in turn{', also with the original in one thread' if r.one_thread else ''}",
    "interval includes 1": lambda r: f"{r.rounds} rounds in turn; the interval includes 1",
    "far more": lambda r: f"at least {r.factor:.0f} times as much in each of {r.rounds} rounds",
    "device shared": lambda r: "the device was used by others, whose part can't be told: nothing is proven",
    "power may differ": lambda r: f"less processor time ({r.factor:.2f} of it), but power may differ by more than that",
    "busy machine": lambda r: "the machine was busy",
    # Sentences
    "too few rounds": lambda r: "Too few rounds were run in the time allowed.",
    "no reading": lambda r: "It can't be told: a lap read no cost.",
    "throttled": lambda r: _throttled(r.name, _reference(r)),
    "baseline throttled": lambda r: _throttled(_reference(r), r.name),
    "noisy": lambda r: (
        f"It can't be told: {_noise(r)}. Try again with more time, or when the machine is quiet."
        if r.others is None
        else f"The machine was busy: other programs used {_percent(r.others)} of it, and {_noise(r)}."
    ),
    "threads may spin": lambda r: (
        f"{_busy(r)}, and threads that waited for one another may be all of the gain. {_QUIET}"
    ),
    "no gain in one thread": lambda r: (
        f"{_busy(r)}, and against the original in one thread, where none waits, no gain is proven. {_QUIET}"
    ),
    "not benchmarked": lambda r: "It was not tried yet.",
    "benchmark failed": lambda r: f"Its cost could not be judged: {r.detail}",
    "not applicable": lambda r: r.detail,
    "time up": lambda r: "The time was up before it was tried.",
    "interrupted before it was tried": lambda r: "The search was interrupted before this was told.",
    "failed": lambda r: r.detail,
    "costs more": lambda r: f"It {_more(r)} than the original{f', {_cause(r)}' if r.cause else ''}.",
    "not less": lambda r: f"No less cost is proven: {_cause(r)}.",
    "loses more": lambda r: (
        f"It loses more than is accepted{' against the equally trained original' if r.against_control else ''}, "
        f"seen on {r.examples:,} examples."
    ),
    "other trained on": lambda r: (
        f"After a beginning{'' if r.steps is None else f' of {r.steps} steps'} another gave more for what it lost: "
        "that one was trained on."
    ),
    "front": lambda r: "Nothing costs less and loses no more, as found for choosing.",
    "dominated": lambda r: f"{r.name} costs less and loses no more, as found for choosing.",
    "also tested": lambda r: f"Judged as well, and not kept: {_cause(r)}",
    "reference": lambda r: (
        f"{r.detail}; every row is compared with this one."
        f"{' Its cost is that in one thread, since the machine was busy.' if r.one_thread else ''}"
    ),
    "control": lambda r: "The extra training alone; what was trained is held against this too.",
    "proven": lambda r: (
        f"Proven on {r.examples:,} examples{', also against an equally trained original' if r.against_control else ''}."
    ),
    "same numbers": lambda r: f"The same numbers out: no score of {r.examples:,} examples differs.",
    "loss too large": lambda r: f"It loses more than is accepted{_against(r)}, on {r.examples:,} examples.",
    "loss not proven": lambda r: (
        f"The loss{_against(r)} is not proven with {r.examples:,} examples; it needs about {r.needed:,}."
    ),
    "proven to cost more": lambda r: f"Less cost is not proven: it {_more(r)}, seen in {_cause(r)}.",
    "less not proven": lambda r: f"Less cost is not proven: {_cause(r)}.",
    "cost not tested": lambda r: (
        f"Its loss is proven on {r.examples:,} examples, its cost is that of choosing. {_cause(r)}"
    ),
    "failed in the test": lambda r: f"It failed on the examples that judge: {r.detail}",
    "reload failed": lambda r: r.detail,
    "original failed": lambda r: f"Nothing could be judged: {r.detail}",
    "no skill": lambda r: (
        "Your own model is no better than a constant answer here, so no loss against it proves anything."
    ),
    "not tested in time": lambda r: "The time was up: it was tried, and not judged.",
    "interrupted before the test": lambda r: "The search was interrupted before this was judged.",
    "chosen by hand": lambda r: "Taken from the front by hand; it was not judged.",
    "interrupted": lambda r: "The search was interrupted before anything was found.",
    "no time": lambda r: "The time was up before anything was tried.",
    "no time for the original": lambda r: (
        "The time was up before your own model had answered the examples; allow more with time=."
    ),
    "nothing applies": lambda r: "No recipe applies to this model; the rows say why.",
    "none proven": lambda r: (
        "One candidate was tried; it doesn't prove less cost within the accepted loss."
        if r.tried == 1
        else f"{r.tried} candidates were tried; none proves less cost within the accepted loss."
    ),
}


def sentence(reason: Reason) -> str:
    """Return a reason in words: one sentence; of a comparison of costs, part of one."""
    return SENTENCES[reason.code](reason)


def nothing_kept(reason: Reason, late: Late | None = None) -> str:
    """Return why the original is kept, in one sentence."""
    if late is not None and late.unjudged and not reason.inconclusive:
        tried = f"{late.tried} candidate{'' if late.tried == 1 else 's'} tried, none judged"
        return f"Not finished in {numbers.seconds(late.allowed)} ({tried}): keep your model, or give more time."
    if reason.code in ("throttled", "baseline throttled"):
        return "Can't tell: the device was throttled on one side alone."
    if reason.code == "too few rounds":
        return "Can't tell: there was too little time."
    if reason.inconclusive:
        return "Can't tell: the machine was busy or the figures varied too much."
    outcomes = {"interrupted": "Interrupted before anything was found", "nothing applies": "Nothing to try"}
    return f"{outcomes.get(reason.code, 'Nothing gained')}: keep your model."


def _cause(reason: Reason) -> str:
    return "" if reason.cause is None else sentence(reason.cause)


def _more(reason: Reason) -> str:
    return "costs more" if reason.energy else "takes more processor time"


def _against(reason: Reason) -> str:
    return " against an equally trained original" if reason.against_control else ""


def _reference(reason: Reason) -> str:
    return "the original" if reason.reference == "original" else reason.reference


def _throttled(throttled: str, other: str) -> str:
    return f"Not proven: the device was throttled while {throttled} ran and not while {other} did. {_COOL}"


def _noise(reason: Reason) -> str:
    """Return what varied: the ratio, or else one model between rounds."""
    if reason.half_width is None:
        return f"the same model varied by ±{_percent(reason.variation)} from round to round"
    if reason.half_width > 1:
        return "hardly anything is known of their ratio"
    return f"their ratio is known to ±{_percent(reason.half_width)} only"


def _busy(reason: Reason) -> str:
    return f"The machine was busy: other programs used {_percent(reason.others)} of the CPU"


def _percent(share: float | None) -> str:
    return f"{100 * (share or 0.0):.0f} %"
