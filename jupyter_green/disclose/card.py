"""A model card for Hugging Face: CO2e in grams where machines look, and the facts behind it where people do.

Only our own lines of an existing card are touched. The block goes into the head as text, so that a person's comments,
order and quotes stay as they are, and what came of it is read back by the hub's own reader: if anything of the person's
reads differently from before, nothing is written.
"""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jupyter_green.report.number import plain
from jupyter_green.report.quotation import one_line

from . import sheet
from .disclosure import checked
from .fault import DiscloseError, require

if TYPE_CHECKING:
    from .disclosure import Disclosure

KEY = "co2_eq_emissions"
MINE = "jupyter_green"
BEGIN, END = "<!-- jupyter_green: energy -->", "<!-- jupyter_green: end -->"
_HEAD = re.compile(
    r"\A(?P<open>\s*---[ \t]*\r?\n)(?P<yaml>.*?)(?P<close>^---[ \t]*(?:\r?\n|\Z))", re.DOTALL | re.MULTILINE
)
_DIGITS = 3


def model_card(disclosure: Disclosure, path: str | Path | None = None, *, replace: bool = False) -> str:
    """Return the model card with this disclosure in it, and write it where a path is given.

    Parameters
    ----------
    disclosure : Disclosure
        What is disclosed; with CO2e, so with a region.
    path : str or path, optional
        The card, usually ``README.md``; one that is there is merged with.
    replace : bool
        Whether a ``co2_eq_emissions`` that somebody else wrote may be replaced. The old one is then kept as text.

    Returns
    -------
    str
        The whole card.

    Raises
    ------
    DiscloseError
        If a fact is missing, the figure is simulated or has no CO2e, the card's head can't be read, or somebody
        else's figure would be lost; one sentence, and nothing is written.
    """
    hub = require("huggingface_hub")
    facts = emissions(checked(disclosure))
    target = None if path is None else Path(path)
    before = ""
    if target is not None and target.exists():
        before = target.read_text(encoding="utf-8")
    old = _read(hub, before)
    kept, earlier = _without_ours(before, old, replace=replace)
    block = hub.ModelCardData(**{KEY: facts}).to_yaml().rstrip("\n")
    card = _with_section(_with_block(kept, block), _section(disclosure, earlier))
    _see_that_nothing_is_lost(old, _read(hub, card), facts)
    if target is not None:
        part = target.with_name(f".{target.name}.part")
        part.write_text(card, encoding="utf-8", newline="")
        part.replace(target)
    return card


def emissions(disclosure: Disclosure) -> dict[str, Any]:
    """Return ``co2_eq_emissions`` as the hub describes it; `emissions` in grams.

    Raises
    ------
    DiscloseError
        If there is no figure that a card may carry.
    """
    if disclosure.quality == "simulated":
        raise DiscloseError("Simulated figures belong on no model card.")
    if disclosure.grams is None:
        raise DiscloseError("A model card wants CO2e: set a region (%config JupyterGreen.region = 'FRA').")
    if disclosure.grams <= 0 or disclosure.uncertainty >= disclosure.joules:
        raise DiscloseError("Only an upper bound is known, below what the sensor resolves, which a card can't say.")
    share = f"{100 * disclosure.measured_share:.0f} % of the energy measured"
    source = f"{MINE}, {share}, {disclosure.boundary}; {disclosure.valuation.source}"
    said: dict[str, Any] = {
        "emissions": float(Decimal(f"{disclosure.grams:.{_DIGITS}g}")),
        "source": one_line(plain(source), 600),
    }
    if disclosure.training_type:
        said["training_type"] = one_line(disclosure.training_type, 80)
    if disclosure.location:
        said["geographical_location"] = one_line(disclosure.location, 120)
    hours = f"{disclosure.hours * disclosure.count:.3g} device hours"
    said["hardware_used"] = one_line(f"{disclosure.count} × {'; '.join(disclosure.hardware)}, {hours}", 300)
    return said


def parsed(card: str) -> dict[str, Any] | None:
    """Return a card's ``co2_eq_emissions``, the older form with a single number too; None where there is none.

    Raises
    ------
    DiscloseError
        If the card's head can't be read.
    """
    found = _read(require("huggingface_hub"), card).get(KEY)
    if found is None:
        return None
    if isinstance(found, dict):
        return dict(found)
    return {"emissions": float(found)}


def _read(hub: Any, card: str) -> dict[str, Any]:
    """Return the card's metadata by the hub's reader."""
    if not card.strip():
        return {}
    try:
        data = hub.ModelCard(card, ignore_metadata_errors=False).data.to_dict()
    except Exception as error:
        first = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise DiscloseError(f"The head of the model card can't be read ({first}); mend it first.") from error
    return dict(data)


def _without_ours(card: str, data: dict[str, Any], *, replace: bool) -> tuple[str, str]:
    """Return the card without what we wrote into it, and somebody else's figure that goes with the person's leave."""
    found = data.get(KEY)
    earlier = ""
    if found is not None:
        ours = isinstance(found, dict) and str(found.get("source", "")).startswith(MINE)
        if not ours and not replace:
            raise DiscloseError(
                f"The card has {KEY} already, which {MINE} did not write; give replace=True to put this in its place."
            )
        earlier = "" if ours else one_line(str(found), 400)
        card = _cut_block(card)
    begin, end = card.find(BEGIN), card.find(END)
    if 0 <= begin < end:
        kept = re.search(r"^Earlier figure: (.*)$", card[begin:end], re.MULTILINE)
        earlier = earlier or (kept[1] if kept else "")
        card = card[:begin].rstrip("\n") + "\n" + card[end + len(END) :].lstrip("\n")
    return card, earlier


def _cut_block(card: str) -> str:
    """Take ``co2_eq_emissions`` and the lines under it out of the head, and nothing else."""
    head = _HEAD.match(card)
    if head is None:
        return card
    kept, inside = [], False
    for line in head["yaml"].splitlines(keepends=True):
        if re.match(rf"['\"]?{KEY}['\"]?\s*:", line):
            inside = True
            continue
        inside = inside and (not line.strip() or line[0] in " \t")
        if not inside:
            kept.append(line)
    return card[: head.start("yaml")] + "".join(kept) + card[head.end("yaml") :]


def _with_block(card: str, block: str) -> str:
    head = _HEAD.match(card)
    if head is None:
        return f"---\n{block}\n---\n{card}"
    yaml = head["yaml"]
    joint = "" if not yaml or yaml.endswith("\n") else "\n"
    return f"{card[: head.end('yaml')]}{joint}{block}\n{card[head.start('close') :]}"


def _with_section(card: str, section: str) -> str:
    return f"{card.rstrip(chr(10))}\n\n{BEGIN}\n{section}\n{END}\n"


def _section(disclosure: Disclosure, earlier: str) -> str:
    text = "\n\n".join(
        ["## Energy and emissions", *(part.markdown().replace("## ", "### ", 1) for part in sheet.sections(disclosure))]
    )
    return text + (f"\n\nEarlier figure: {earlier}" if earlier else "")


def _see_that_nothing_is_lost(before: dict[str, Any], after: dict[str, Any], facts: dict[str, Any]) -> None:
    rest = {key: value for key, value in before.items() if key != KEY}
    if {key: value for key, value in after.items() if key != KEY} != rest or after.get(KEY) != facts:
        raise DiscloseError("The card's head would read differently afterwards, so nothing was written; mend its YAML.")
