"""A counter that the shown power of its own board contradicts: its interval was widened, and the texts say why.

A sensor's own error stands beside no such figure, because the
figure is less sure than that.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from jupyter_green.records import Component
from jupyter_green.reporting.numbers import finite
from jupyter_green.sensors import SensorInfo


def contradiction(part: Component) -> str:
    """Return what is said of a figure that was contradicted, without a full stop; empty for any other."""
    return "" if part.power_mismatch is None else part.power_mismatch.sentence.rstrip(".")


def widened(traits: SensorInfo, parts: Sequence[Component]) -> SensorInfo:
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
