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

from jupyter_green.reporting.numbers import plain
from jupyter_green.reporting.sanitize import one_line
from jupyter_green.storage.atomic_file import replacing

from . import disclosure_report
from .disclosure import checked
from .errors import DiscloseError, require

if TYPE_CHECKING:
    from .disclosure import Disclosure

KEY = "co2_eq_emissions"
MINE = "jupyter_green"
BEGIN, END = "<!-- jupyter_green: energy -->", "<!-- jupyter_green: end -->"
_HEAD = re.compile(
    r"\A(?P<open>\s*---[ \t]*\r?\n)(?P<yaml>.*?)(?P<close>^---[ \t]*(?:\r?\n|\Z))", re.DOTALL | re.MULTILINE
)
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
TITLE = "## Energy and emissions"
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
    mark, before = ("", "") if target is None or not target.exists() else _opened(target)
    old = _read(hub, before)
    kept, earlier = _without_ours(before, old, replace=replace)
    block = hub.ModelCardData(**{KEY: facts}).to_yaml().rstrip("\n")
    end = "\r\n" if 2 * before.count("\r\n") > before.count("\n") else "\n"  # lines of ours end as the person's do
    section = _section(disclosure, earlier).replace("\n", end)
    card = _with_section(_with_block(kept, block.replace("\n", end), end), section, end)
    _see_that_nothing_is_lost(old, _read(hub, card), facts)
    if target is not None:
        with replacing(target) as temporary:
            temporary.write_bytes((mark + card).encode("utf-8"))
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


def _opened(path: Path) -> tuple[str, str]:
    """Return a card's byte-order mark, if it has one, and its text as it is, line ends too."""
    try:
        text = path.read_bytes().decode("utf-8")
    except UnicodeDecodeError:
        raise DiscloseError(f"{path} is no UTF-8 text, so nothing was written; save it as UTF-8 first.") from None
    mark = "\ufeff" if text.startswith("\ufeff") else ""
    return mark, text[len(mark) :]


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
    for begin, end in reversed(_sections(card)):
        kept = re.search(r"^Earlier figure: (.*?)\r?$", card[begin:end], re.MULTILINE)
        earlier = earlier or (kept[1] if kept else "")
        before, after = card[:begin].rstrip("\r\n"), card[end:].lstrip("\r\n")
        card = before + _line_end(card[:begin]) + after
    return card, earlier


def _sections(card: str) -> list[tuple[int, int]]:
    """Return where each section of ours begins and ends: both marks on lines of their own, our title, in no code."""
    lines: list[tuple[int, str]] = []
    place = 0
    for line in card.splitlines(keepends=True):
        lines.append((place, line))
        place += len(line)
    found, begin, number = [], None, 0
    while number < len(lines):
        here, line = lines[number]
        if (fence := _FENCE.match(line)) is not None:
            closing = (
                at for at in range(number + 1, len(lines)) if re.match(rf" {{0,3}}{fence[1]}+\s*$", lines[at][1])
            )
            number = next(closing, number)  # one that is never closed hides nothing
        elif line.strip() == BEGIN:
            title = lines[number + 1][1] if number + 1 < len(lines) else ""
            begin = here if title.startswith(TITLE) else None
        elif line.strip() == END and begin is not None:
            found.append((begin, here + len(line)))
            begin = None
        number += 1
    return found


def _line_end(text: str) -> str:
    return "\r\n" if text.endswith("\r\n") else "\n"


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


def _with_block(card: str, block: str, end: str) -> str:
    head = _HEAD.match(card)
    if head is None:
        return f"---{end}{block}{end}---{end}{card}"
    yaml = head["yaml"]
    joint = "" if not yaml or yaml.endswith("\n") else end
    return f"{card[: head.end('yaml')]}{joint}{block}{end}{card[head.start('close') :]}"


def _with_section(card: str, section: str, end: str) -> str:
    return end.join([card.rstrip("\r\n"), "", BEGIN, section, END, ""])


def _section(disclosure: Disclosure, earlier: str) -> str:
    text = "\n\n".join(
        [TITLE, *(part.markdown().replace("## ", "### ", 1) for part in disclosure_report.sections(disclosure))]
    )
    return text + (f"\n\nEarlier figure: {earlier}" if earlier else "")


def _see_that_nothing_is_lost(before: dict[str, Any], after: dict[str, Any], facts: dict[str, Any]) -> None:
    rest = {key: value for key, value in before.items() if key != KEY}
    if {key: value for key, value in after.items() if key != KEY} != rest or after.get(KEY) != facts:
        raise DiscloseError("The card's head would read differently afterwards, so nothing was written; mend its YAML.")
