"""How much CO2e a kilowatt-hour carries: a small yearly table of cited figures, looked up and never guessed.

A country is found by its ISO 3166 code (three or two letters) or its English name. One without a figure is
an error with close matches; the world's average is used only where the person asks for it by name, because
it is wrong by a factor for almost everyone. A figure of one's own (``"120 g/kWh"``) is taken as it is.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from jupyter_green.errors import GreenError

SOURCE = "Ember; processed by Our World in Data, CC BY 4.0; production mix without imports, whole life cycle"
"""Credit and boundary of the table's figures."""

_OWN = re.compile(r"(?P<grams>\d+(?:\.\d+)?)\s*g(?:\s*CO2e?q?)?\s*(?:/|per)\s*kWh", re.IGNORECASE)
_HIGHEST = 3000.0  # g/kWh; no power station burning anything reaches it


class UnknownRegion(GreenError, ValueError):
    """A region without a figure. The message is one sentence that says what to write instead."""


@dataclass(frozen=True)
class Intensity:
    """What a kilowatt-hour carries in one region, as a yearly average.

    Parameters
    ----------
    region : str
        ISO 3166 three-letter code, ``"WORLD"``, or ``"own"`` for a figure given by the person.
    grams_per_kwh : float
        Grams of CO2e per kWh.
    year : int or None
        Year that the figure describes; None where the person gave it.
    source : str
        Who published it, its licence and its boundary.
    note : str or None
        What to know about this figure, if anything.
    name : str
        Name of the region for people.
    """

    region: str
    grams_per_kwh: float
    year: int | None
    source: str
    note: str | None = None
    name: str = ""

    def sentence(self) -> str:
        """Return the figure with its standing, as printed beside an amount of CO2e."""
        if self.year is None:
            return f"{self.grams_per_kwh:g} g CO2e/kWh, {self.source}"
        note = f"; {self.note}" if self.note else ""
        return f"{self.grams_per_kwh:g} g CO2e/kWh, {self.name}, yearly average of {self.year}{note} ({self.source})"


def intensity(region: str) -> Intensity:
    """Look up what a kilowatt-hour carries in `region`.

    Parameters
    ----------
    region : str
        ISO 3166 code (``"FRA"``, ``"FR"``), English name (``"France"``), ``"WORLD"``, or a figure of
        one's own (``"120 g/kWh"``). Case, accents and punctuation do not matter.

    Raises
    ------
    UnknownRegion
        If there is no figure for it.
    """
    own = _OWN.fullmatch(region.strip())
    if own is not None:
        grams = float(own["grams"])
        if grams > _HIGHEST:
            raise UnknownRegion(f"{grams:g} g CO2e/kWh is more than any grid gives; write grams per kilowatt-hour.")
        return Intensity("own", grams, None, "given by you", name="own figure")
    table, names = _table()
    key = _fold(region)
    code = names.get(key)
    if code is None:
        raise UnknownRegion(_unknown(region, key))
    found = table[code]
    if isinstance(found, str):
        raise UnknownRegion(found)
    return found


def regions() -> Mapping[str, Intensity]:
    """Return every region that has a figure, by its code."""
    return {code: found for code, found in _table()[0].items() if isinstance(found, Intensity)}


def _unknown(region: str, key: str) -> str:
    table, names = _table()
    where = "write a country's ISO code such as 'FRA', 'WORLD', or a figure of your own such as '120 g/kWh'"
    if not key:
        return f"The region is empty: {where}."
    head = _fold(re.split(r"[-_/:.]", region.strip(), maxsplit=1)[0])
    if head != key and head in names:
        whole = names[head]
        return (
            f"There is no figure for {region!r}, only for all of {whole!r}: write that, or '120 g/kWh' as you know it."
        )
    close: list[str] = []
    for match in difflib.get_close_matches(key, names, n=6, cutoff=0.7 if len(key) > 3 else 0.6):
        found = table[names[match]]
        shown = f"{found.region} ({found.name})" if isinstance(found, Intensity) else None
        if shown is not None and shown not in close:
            close.append(shown)
    meant = f"did you mean {' or '.join(close[:3])}? Else " if close else ""
    return f"There is no carbon figure for {region!r}: {meant}{where}."


def _fold(text: str) -> str:
    """Return `text` without case, accents, blanks and punctuation."""
    plain = unicodedata.normalize("NFKD", text).casefold()
    return "".join(letter for letter in plain if letter.isalnum())


@lru_cache(maxsize=1)
def _table() -> tuple[dict[str, Intensity | str], dict[str, str]]:
    """Return figures by code (a sentence where one is withheld) and codes by folded name."""
    # Only who sets a region pays for these; every kernel imports this module.
    import csv
    from importlib import resources

    figures: dict[str, Intensity | str] = {}
    names: dict[str, str] = {}
    text = resources.files(__package__).joinpath("intensity.csv").read_text(encoding="utf-8")
    for row in csv.DictReader(line for line in text.splitlines() if not line.startswith("#")):
        code, name, note = row["code"], row["name"], row["note"] or None
        if row["grams_per_kwh"]:
            figures[code] = Intensity(code, float(row["grams_per_kwh"]), int(row["year"]), SOURCE, note, name)
        else:
            figures[code] = f"There is no usable figure for {name}: {note}; write one of your own such as '120 g/kWh'."
        for known in (code, row["code2"], name, *row["also"].split("|")):
            if known:
                names[_fold(known)] = code
    return figures, names
