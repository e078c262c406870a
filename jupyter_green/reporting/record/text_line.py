"""A record as one line of text: its sentence, followed by notes that are needed to read the figure correctly.

HTML shows these in the expandable details. Notes on how a sensor works are left to ``%energy doctor`` and the report.
"""

from __future__ import annotations

from jupyter_green.records import EnergyRecord
from jupyter_green.reporting import numbers
from jupyter_green.reporting.sanitize import one_line

from .details import device_name
from .power_mismatch import contradiction
from .sentence import DOT, read, sentence

_MOST_NAMED = 2


def line(record: EnergyRecord) -> str:
    """Return the record as one line of plain text, complete without HTML."""
    text = sentence(record)
    return numbers.plain(DOT.join([text, *(_noted(record, text) + _doubted(record) if record.final else [])]))


def _noted(record: EnergyRecord, said: str) -> list[str]:
    """Return the record's notes that are not in the sentence `said` already."""
    notes = (one_line(note, 300).rstrip(".") for note in record.notes)
    return [note for note in dict.fromkeys(notes) if note and numbers.plain(note) not in said]


def _doubted(record: EnergyRecord) -> list[str]:
    sentences = [f"{device_name(part)}: {note}" for part in read(record) if (note := contradiction(part))]
    more = len(sentences) - _MOST_NAMED
    return [*sentences[:_MOST_NAMED], *([f"{more} more likewise"] if more > 0 else [])]
