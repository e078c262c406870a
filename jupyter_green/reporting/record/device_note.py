"""Why a device has no energy, to be shown after its name: a note that starts with the name is shortened."""

from __future__ import annotations

from jupyter_green.records import Component
from jupyter_green.reporting.sanitize import one_line


def why_absent(part: Component, limit: int = 300) -> str:
    """Return the note of a device without an energy as a part of a sentence, of at most `limit` characters."""
    note = part.note or ""
    name = part.device.rstrip()
    if name and note.startswith(f"{name} "):
        note = f"it{note[len(name) :]}"
    return one_line(note or "no reading came", limit).rstrip(".")
