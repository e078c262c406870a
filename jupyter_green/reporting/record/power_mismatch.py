"""Texts for a counter that disagrees with the power reported by its own GPU.

Such an energy has a wider interval, so the sensor's own error alone is not stated for it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from jupyter_green.records import Component
from jupyter_green.reporting.numbers import finite
from jupyter_green.sensors import SensorInfo


def contradiction(part: Component) -> str:
    """Return the sentence of a component's power mismatch without its full stop; empty if there is none."""
    return "" if part.power_mismatch is None else part.power_mismatch.sentence.rstrip(".")


def widened(traits: SensorInfo, parts: Sequence[Component]) -> SensorInfo:
    """Return a sensor's properties, with the larger gain error of its energies if one has a power mismatch."""
    if not any(map(contradiction, parts)):
        return traits
    joules = math.fsum(finite(part.joules) or 0.0 for part in parts)
    gain = math.fsum(finite(part.gain_uncertainty) or 0.0 for part in parts)
    return replace(traits, gain=max(traits.gain, gain / joules)) if joules > 0 else traits


def contradicted(parts: Sequence[Component]) -> str:
    """Return a sentence on power mismatches of one device, to be appended to others; empty if there are none."""
    notes = [note for note in map(contradiction, parts) if note]
    if len(notes) > 1:
        return f" In {len(notes)} cells the GPU's reported power and its counter differ; the interval includes both."
    return f" {notes[0]}." if notes else ""
