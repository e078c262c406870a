"""Carbon intensity of electricity: a table of cited yearly averages by country.

A country is given by its ISO 3166 code (two or three letters) or its English name. An unknown one is an error with
close matches. The world average is used only on explicit request (``"WORLD"``), because it is wrong for almost every
country. A user's own figure (``"120 g/kWh"``) is used as given.
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
"""Attribution and boundary of the table's figures."""

_OWN = re.compile(r"(?P<grams>\d+(?:\.\d+)?)\s*g(?:\s*CO2e?q?)?\s*(?:/|per)\s*kWh", re.IGNORECASE)
_HIGHEST = 3000.0  # g/kWh; above any power station


class UnknownRegion(GreenError, ValueError):
    """A region without a figure. The message is one sentence that says what to write instead."""


@dataclass(frozen=True)
class Intensity:
    """Carbon intensity of electricity in one region, as a yearly average.

    Parameters
    ----------
    region : str
        ISO 3166 three-letter code, ``"WORLD"``, or ``"own"`` for a figure given by the user.
    grams_per_kwh : float
        Grams of CO2e per kWh.
    year : int or None
        Year of the figure; None if the user gave it.
    source : str
        Publisher, licence and boundary.
    note : str or None
        A remark about this figure, if any.
    name : str
        Name of the region for display.
    """

    region: str
    grams_per_kwh: float
    year: int | None
    source: str
    note: str | None = None
    name: str = ""

    def sentence(self) -> str:
        """Return the figure with its source, for display beside an amount of CO2e."""
        if self.year is None:
            return f"{self.grams_per_kwh:g} g CO2e/kWh, {self.source}"
        note = f"; {self.note}" if self.note else ""
        return f"{self.grams_per_kwh:g} g CO2e/kWh, {self.name}, yearly average of {self.year}{note} ({self.source})"


def intensity(region: str) -> Intensity:
    """Return the carbon intensity of `region`.

    Parameters
    ----------
    region : str
        ISO 3166 code (``"FRA"``, ``"FR"``), English name (``"France"``), ``"WORLD"``, or one's own figure
        (``"120 g/kWh"``). Case, accents and punctuation are ignored.

    Raises
    ------
    UnknownRegion
        If there is no figure for it.
    """
    own_figure = _OWN.fullmatch(region.strip())
    if own_figure is not None:
        grams = float(own_figure["grams"])
        if grams > _HIGHEST:
            raise UnknownRegion(f"{grams:g} g CO2e/kWh is more than any grid gives; write grams per kilowatt-hour.")
        return Intensity("own", grams, None, "given by you", name="own figure")
    table, names = _table()
    key = _fold(region)
    code = names.get(key)
    if code is None:
        raise UnknownRegion(_unknown(region, key))
    entry = table[code]
    if isinstance(entry, str):
        raise UnknownRegion(entry)
    return entry


def regions() -> Mapping[str, Intensity]:
    """Return all regions with a figure, by code."""
    return {code: entry for code, entry in _table()[0].items() if isinstance(entry, Intensity)}


def _unknown(region: str, key: str) -> str:
    table, names = _table()
    how = "write a country's ISO code such as 'FRA', 'WORLD', or a figure of your own such as '120 g/kWh'"
    if not key:
        return f"The region is empty: {how}."
    head = _fold(re.split(r"[-_/:.]", region.strip(), maxsplit=1)[0])
    if head != key and head in names:
        name = names[head]
        return f"There is no figure for {region!r}, only for all of {name!r}: write that, or your own '120 g/kWh'."
    suggestions: list[str] = []
    for match in difflib.get_close_matches(key, names, n=6, cutoff=0.7 if len(key) > 3 else 0.6):
        entry = table[names[match]]
        shown = f"{entry.region} ({entry.name})" if isinstance(entry, Intensity) else None
        if shown is not None and shown not in suggestions:
            suggestions.append(shown)
    hint = f"did you mean {' or '.join(suggestions[:3])}? Else " if suggestions else ""
    return f"There is no carbon figure for {region!r}: {hint}{how}."


def _fold(text: str) -> str:
    """Return `text` without case, accents, blanks and punctuation."""
    folded = unicodedata.normalize("NFKD", text).casefold()
    return "".join(letter for letter in folded if letter.isalnum())


@lru_cache(maxsize=1)
def _table() -> tuple[dict[str, Intensity | str], dict[str, str]]:
    """Return figures by code (a message if there is none) and codes by folded name."""
    # Imported here because every kernel imports this module, but few set a region.
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
        for alias in (code, row["code2"], name, *row["also"].split("|")):
            if alias:
                names[_fold(alias)] = code
    return figures, names
