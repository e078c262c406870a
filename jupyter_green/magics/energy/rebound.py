"""``%energy rebound``: uses and joules per use before and after the project's last shrink."""

from __future__ import annotations

import time

from IPython.core.error import UsageError

from jupyter_green.reporting import numbers
from jupyter_green.reporting.text_table import TextTable
from jupyter_green.session import Session


def rebound(session: Session, options: list[str]) -> TextTable:
    """Return the card; with ``--credit`` keep what was saved since as a credit.

    Raises
    ------
    UsageError
        If there is nothing to tell; one sentence.
    """
    from jupyter_green.pricing.shrink_followup import NoShrinkToFollow, shrink_followup
    from jupyter_green.storage import Ledger, LedgerError

    if set(options) - {"--credit"}:
        raise UsageError("%energy rebound takes --credit and nothing else.")
    session.settle()
    try:
        with Ledger(session.settings.ledger) as ledger:
            found = shrink_followup(ledger.records(project=session.settings.project), time.time())
            kept, new = 0.0, found.credit.joules
            if "--credit" in options and new:
                before = ledger.postings("credit", project=session.settings.project)
                mine = [one.document for one in before if one.document.get("shrink") == found.shrink]
                kept = sum(float(each["joules"]) for each in mine)
                new -= kept  # it grows with every use since the shrink, and is kept once
            if "--credit" in options and new > 0:
                document = {
                    "shrink": found.shrink,
                    "joules": new,
                    "uncertainty": found.credit.uncertainty,  # of the whole: a part is known no worse
                    "quality": found.quality,
                    "unit": found.unit,
                    "units": found.rebound.uses_after,
                    "baseline": found.rebound.before.value,
                    "used": found.rebound.after.value,
                    "label": found.line,
                }
                ledger.post("credit", document, project=session.settings.project)
    except (NoShrinkToFollow, LedgerError) as error:
        raise UsageError(f"%energy rebound: {error}") from None
    one, sides = found.rebound, []
    for name, each, uses, seconds in (
        ("before", one.before, one.uses_before, found.seconds[1]),
        ("after", one.after, one.uses_after, found.seconds[1]),
    ):
        energy = str(numbers.energy(each.value, each.uncertainty))
        sides.append((name, numbers.seconds(seconds), f"{uses:,.0f}", energy, str(numbers.energy(each.value * uses))))
    standing = "" if found.quality is None else f" The figures are {found.quality}."
    note = f" {found.line}."
    normal = ""
    if found.seconds[0] != found.seconds[1]:
        earlier = numbers.seconds(found.seconds[0])
        normal = f" Before, the time counted was {earlier}; its uses are brought to the time since."
    ending = "; --credit keeps it"
    if "--credit" in options:
        part = numbers.energy(new, found.credit.uncertainty)
        ending = ", kept before already" if new <= 0 else f", of which {part} is kept now" if kept else ", kept"
    saved = found.credit.reason or f"Credit: {numbers.energy(found.credit.joules, found.credit.uncertainty)}{ending}."
    sentence = f"{found.sentence()} {saved}{standing}{normal}{note}"
    return TextTable(sentence, ("", "time", found.unit, "each", "in all"), sides, frozenset({1, 2, 3, 4}))
