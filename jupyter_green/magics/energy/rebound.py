"""``%energy rebound``: uses and joules per use before and after the project's last shrink."""

from __future__ import annotations

import time

from IPython.core.error import UsageError

from jupyter_green.reporting import numbers
from jupyter_green.reporting.text_table import TextTable
from jupyter_green.session import Session


def rebound(session: Session, options: list[str]) -> TextTable:
    """Return the comparison before and after the last shrink; with ``--credit`` store the saving as a credit.

    Raises
    ------
    UsageError
        If there is no shrink to follow, or the ledger fails; one sentence.
    """
    from jupyter_green.pricing.shrink_followup import NoShrinkToFollow, shrink_followup
    from jupyter_green.storage import Ledger, LedgerError

    if set(options) - {"--credit"}:
        raise UsageError("%energy rebound takes --credit and nothing else.")
    session.settle()
    try:
        with Ledger(session.settings.ledger) as ledger:
            outcome = shrink_followup(ledger.records(project=session.settings.project), time.time())
            credited, new = 0.0, outcome.credit.joules
            if "--credit" in options and new:
                before = ledger.postings("credit", project=session.settings.project)
                earlier_credits = [event.document for event in before if event.document.get("shrink") == outcome.shrink]
                credited = sum(float(each["joules"]) for each in earlier_credits)
                new -= credited  # the saving grows with each use; earlier credits are subtracted
            if "--credit" in options and new > 0:
                document = {
                    "shrink": outcome.shrink,
                    "joules": new,
                    "uncertainty": outcome.credit.uncertainty,  # of the whole saving: an upper bound for the part
                    "quality": outcome.quality,
                    "unit": outcome.unit,
                    "units": outcome.rebound.uses_after,
                    "baseline": outcome.rebound.before.value,
                    "used": outcome.rebound.after.value,
                    "label": outcome.line,
                }
                ledger.post("credit", document, project=session.settings.project)
    except (NoShrinkToFollow, LedgerError) as error:
        raise UsageError(f"%energy rebound: {error}") from None
    comparison, sides = outcome.rebound, []
    for name, each, uses, seconds in (
        ("before", comparison.before, comparison.uses_before, outcome.seconds[1]),
        ("after", comparison.after, comparison.uses_after, outcome.seconds[1]),
    ):
        energy = str(numbers.energy(each.value, each.uncertainty))
        sides.append((name, numbers.seconds(seconds), f"{uses:,.0f}", energy, str(numbers.energy(each.value * uses))))
    quality_note = "" if outcome.quality is None else f" The figures are {outcome.quality}."
    note = f" {outcome.line}."
    scaling = ""
    if outcome.seconds[0] != outcome.seconds[1]:
        earlier = numbers.seconds(outcome.seconds[0])
        scaling = f" Before, the time counted was {earlier}; its uses are scaled to the time since."
    ending = "; --credit keeps it"
    if "--credit" in options:
        added = numbers.energy(new, outcome.credit.uncertainty)
        ending = ", already kept" if new <= 0 else f", of which {added} is new and kept" if credited else ", kept"
    saving = (
        outcome.credit.reason or f"Credit: {numbers.energy(outcome.credit.joules, outcome.credit.uncertainty)}{ending}."
    )
    sentence = f"{outcome.sentence()} {saving}{quality_note}{scaling}{note}"
    return TextTable(sentence, ("", "time", outcome.unit, "each", "in all"), sides, frozenset({1, 2, 3, 4}))
