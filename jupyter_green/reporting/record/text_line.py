"""A record where there is text alone: its sentence, and behind it what a figure must not be read without.

HTML holds that one click below the sentence; text has no place below, so it is said in further clauses. Notes that only
tell how a sensor works stay with the doctor and the report, which say them once.
"""

from __future__ import annotations

from jupyter_green.records import EnergyRecord
from jupyter_green.reporting import numbers
from jupyter_green.reporting.sanitize import one_line

from .contradiction import contradiction
from .details import device_name
from .sentence import DOT, read, sentence

_MOST_NAMED = 2


def line(record: EnergyRecord) -> str:
    """Return the record as one line of plain text that is complete without HTML."""
    said = sentence(record)
    return numbers.plain(DOT.join([said, *(_noted(record, said) + _doubted(record) if record.final else [])]))


def _noted(record: EnergyRecord, said: str) -> list[str]:
    """Return what the record notes of its window, such as that nothing was counted; not again what is said already."""
    notes = (one_line(note, 300).rstrip(".") for note in record.notes)
    return [note for note in dict.fromkeys(notes) if note and numbers.plain(note) not in said]


def _doubted(record: EnergyRecord) -> list[str]:
    said = [f"{device_name(part)}: {note}" for part in read(record) if (note := contradiction(part))]
    more = len(said) - _MOST_NAMED
    return [*said[:_MOST_NAMED], *([f"{more} more likewise"] if more > 0 else [])]
