"""A counter that the shown power of its own board contradicts: its interval was widened, and the texts say why.

The meter tells it in the note of each window's figure. A sensor's own error stands beside no such figure, because the
figure is less sure than that.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from jupyter_green.records import Component
from jupyter_green.sensors import Traits

from .figure import finite
from .quotation import one_line

_MARK = "the interval reaches both"
"""What the meter's note says of such a figure, and of no other."""


def contradiction(part: Component) -> str:
    """Return what the note says of a figure that was contradicted, without a full stop; empty for any other."""
    said, mark, _ = (part.note or "").partition(_MARK)
    return one_line(said[said.rfind(". ") + 1 :] + mark, 300) if mark else ""


def widened(traits: Traits, parts: Sequence[Component]) -> Traits:
    """Return what a sensor says about itself, with the gain error that its figures have where one was contradicted."""
    if not any(map(contradiction, parts)):
        return traits
    joules = math.fsum(finite(part.joules) or 0.0 for part in parts)
    gain = math.fsum(finite(part.gain_uncertainty) or 0.0 for part in parts)
    return replace(traits, gain=max(traits.gain, gain / joules)) if joules > 0 else traits


def contradicted(parts: Sequence[Component]) -> str:
    """Return that figures of one device were contradicted, as a sentence behind others; empty where none was."""
    notes = [note for note in map(contradiction, parts) if note]
    if len(notes) > 1:
        return f" In {len(notes)} cells the board's shown power and its counter differ; the interval reaches both."
    return f" {notes[0]}." if notes else ""
