"""Energy and emissions in a Hugging Face model card: CO2e in the metadata, and the facts behind it in the text.

Only our own lines of an existing card are changed. The block is inserted into the YAML header as text, which preserves
comments, order and quoting. The result is read back with the hub's own reader; if any other field differs, nothing is
written.
"""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jupyter_green.records.upper_bound import is_upper_bound
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
    """Return the model card with this disclosure in it, and write it if a path is given.

    Parameters
    ----------
    disclosure : Disclosure
        What is disclosed; it needs CO2e, so a region must be set.
    path : str or path, optional
        The card, usually ``README.md``; an existing one is updated.
    replace : bool
        Whether to replace a ``co2_eq_emissions`` that was not written by jupyter_green. The old value is kept as text.

    Returns
    -------
    str
        The whole card.

    Raises
    ------
    DiscloseError
        If a fact is missing, the figure is simulated or has no CO2e, the card's header can't be read, or another
        author's figure would be lost; nothing is written then.
    """
    hub = require("huggingface_hub")
    facts = emissions(checked(disclosure))
    target = None if path is None else Path(path)
    bom, old_card = ("", "") if target is None or not target.exists() else _opened(target)
    old_data = _read(hub, old_card)
    rest, earlier = _without_ours(old_card, old_data, replace=replace)
    block = hub.ModelCardData(**{KEY: facts}).to_yaml().rstrip("\n")
    end = "\r\n" if 2 * old_card.count("\r\n") > old_card.count("\n") else "\n"  # use the card's own line ends
    section = _section(disclosure, earlier).replace("\n", end)
    card = _with_section(_with_block(rest, block.replace("\n", end), end), section, end)
    _check_other_fields_kept(old_data, _read(hub, card), facts)
    if target is not None:
        with replacing(target) as temporary:
            temporary.write_bytes((bom + card).encode("utf-8"))
    return card


def emissions(disclosure: Disclosure) -> dict[str, Any]:
    """Return the ``co2_eq_emissions`` field as defined by the hub; `emissions` is in grams.

    Raises DiscloseError if there is no figure suitable for a card.
    """
    if disclosure.quality == "simulated":
        raise DiscloseError("A model card can't contain simulated figures.")
    if disclosure.grams is None:
        raise DiscloseError("A model card needs CO2e: set a region (%config JupyterGreen.region = 'FRA').")
    if disclosure.grams <= 0 or is_upper_bound(disclosure.joules, disclosure.uncertainty):
        raise DiscloseError(
            "Only an upper bound is known, below what the sensor resolves, which a model card can't state."
        )
    measured = f"{100 * disclosure.measured_share:.0f} % of the energy measured"
    source = f"{MINE}, {measured}, {disclosure.boundary}; {disclosure.valuation.source}"
    fields: dict[str, Any] = {
        "emissions": float(Decimal(f"{disclosure.grams:.{_DIGITS}g}")),
        "source": one_line(plain(source), 600),
    }
    if disclosure.training_type:
        fields["training_type"] = one_line(disclosure.training_type, 80)
    if disclosure.location:
        fields["geographical_location"] = one_line(disclosure.location, 120)
    hours = f"{disclosure.hours * disclosure.count:.3g} device hours"
    fields["hardware_used"] = one_line(f"{disclosure.count} × {'; '.join(disclosure.hardware)}, {hours}", 300)
    return fields


def parsed(card: str) -> dict[str, Any] | None:
    """Return a card's ``co2_eq_emissions``, also in the older form of a single number; None if there is none.

    Raises DiscloseError if the card's header can't be read.
    """
    value = _read(require("huggingface_hub"), card).get(KEY)
    if value is None:
        return None
    if isinstance(value, dict):
        return dict(value)
    return {"emissions": float(value)}


def _opened(path: Path) -> tuple[str, str]:
    """Return a card's byte-order mark, if any, and its text with unchanged line ends."""
    try:
        text = path.read_bytes().decode("utf-8")
    except UnicodeDecodeError:
        raise DiscloseError(f"{path} is not UTF-8 text, so nothing was written; save it as UTF-8 first.") from None
    bom = "\ufeff" if text.startswith("\ufeff") else ""
    return bom, text[len(bom) :]


def _read(hub: Any, card: str) -> dict[str, Any]:
    """Return the card's metadata, read with the hub's reader."""
    if not card.strip():
        return {}
    try:
        data = hub.ModelCard(card, ignore_metadata_errors=False).data.to_dict()
    except Exception as error:
        first = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise DiscloseError(f"The head of the model card can't be read ({first}); fix it first.") from error
    return dict(data)


def _without_ours(card: str, data: dict[str, Any], *, replace: bool) -> tuple[str, str]:
    """Return the card without our block and section, and an earlier figure that is replaced, as text."""
    value = data.get(KEY)
    earlier = ""
    if value is not None:
        ours = isinstance(value, dict) and str(value.get("source", "")).startswith(MINE)
        if not ours and not replace:
            raise DiscloseError(
                f"The card has {KEY} already, which {MINE} did not write; give replace=True to replace it."
            )
        earlier = "" if ours else one_line(str(value), 400)
        card = _cut_block(card)
    for begin, end in reversed(_sections(card)):
        match = re.search(r"^Earlier figure: (.*?)\r?$", card[begin:end], re.MULTILINE)
        earlier = earlier or (match[1] if match else "")
        before, after = card[:begin].rstrip("\r\n"), card[end:].lstrip("\r\n")
        card = before + _line_end(card[:begin]) + after
    return card, earlier


def _sections(card: str) -> list[tuple[int, int]]:
    """Return start and end of each section of ours: both markers on own lines, our title, outside code fences."""
    lines: list[tuple[int, str]] = []
    offset = 0
    for line in card.splitlines(keepends=True):
        lines.append((offset, line))
        offset += len(line)
    spans, begin, index = [], None, 0
    while index < len(lines):
        start, line = lines[index]
        if (fence := _FENCE.match(line)) is not None:
            closing = (at for at in range(index + 1, len(lines)) if re.match(rf" {{0,3}}{fence[1]}+\s*$", lines[at][1]))
            index = next(closing, index)  # ignore a fence that is never closed
        elif line.strip() == BEGIN:
            title = lines[index + 1][1] if index + 1 < len(lines) else ""
            begin = start if title.startswith(TITLE) else None
        elif line.strip() == END and begin is not None:
            spans.append((begin, start + len(line)))
            begin = None
        index += 1
    return spans


def _line_end(text: str) -> str:
    return "\r\n" if text.endswith("\r\n") else "\n"


def _cut_block(card: str) -> str:
    """Remove ``co2_eq_emissions`` and its indented lines from the header."""
    head = _HEAD.match(card)
    if head is None:
        return card
    lines, inside = [], False
    for line in head["yaml"].splitlines(keepends=True):
        if re.match(rf"['\"]?{KEY}['\"]?\s*:", line):
            inside = True
            continue
        inside = inside and (not line.strip() or line[0] in " \t")
        if not inside:
            lines.append(line)
    return card[: head.start("yaml")] + "".join(lines) + card[head.end("yaml") :]


def _with_block(card: str, block: str, end: str) -> str:
    head = _HEAD.match(card)
    if head is None:
        return f"---{end}{block}{end}---{end}{card}"
    yaml = head["yaml"]
    separator = "" if not yaml or yaml.endswith("\n") else end
    return f"{card[: head.end('yaml')]}{separator}{block}{end}{card[head.start('close') :]}"


def _with_section(card: str, section: str, end: str) -> str:
    return end.join([card.rstrip("\r\n"), "", BEGIN, section, END, ""])


def _section(disclosure: Disclosure, earlier: str) -> str:
    text = "\n\n".join(
        [TITLE, *(part.markdown().replace("## ", "### ", 1) for part in disclosure_report.sections(disclosure))]
    )
    return text + (f"\n\nEarlier figure: {earlier}" if earlier else "")


def _check_other_fields_kept(before: dict[str, Any], after: dict[str, Any], facts: dict[str, Any]) -> None:
    others = {key: value for key, value in before.items() if key != KEY}
    if {key: value for key, value in after.items() if key != KEY} != others or after.get(KEY) != facts:
        raise DiscloseError("The card's head would read differently afterwards, so nothing was written; fix its YAML.")
