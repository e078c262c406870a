"""The sensors of a session, their present power, and why no sensor can be read.

If every figure is a model estimate, the doctor's reason and the command that fixes it are reported.
"""

from __future__ import annotations

import math
from functools import cached_property
from typing import Any

from jupyter_green.records import Quality, weakest
from jupyter_green.reporting.sanitize import one_line, verbatim
from jupyter_green.sensors import Diagnostic
from jupyter_green.session import Session

LONGEST = 1000


class SensorStatus:
    """The sensors of a session."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def power(self) -> tuple[float | None, Quality | None]:
        """Return the present power of all devices in watts and its weakest quality; None if no device reports power."""
        readings: list[tuple[float, Quality]] = []
        for timeline in self._session.meter.timelines.values():
            watts = timeline.watts()
            if watts is not None and math.isfinite(watts):
                readings.append((watts, timeline.traits.quality))
        if not readings:
            return None, None
        return math.fsum(watts for watts, _ in readings), weakest(quality for _, quality in readings)

    @cached_property
    def devices(self) -> list[dict[str, Any]]:
        """The metered devices, as the frame holds them."""
        return [
            {
                "key": one_line(traits.key),
                "kind": traits.kind,
                "device": one_line(traits.device),
                "quality": traits.quality,
            }
            for traits in self._session.meter.traits
        ]

    @cached_property
    def problem(self) -> dict[str, Any] | None:
        """Why no energy sensor can be read, and the command that fixes it; None if one can."""
        if any(traits.method != "model" for traits in self._session.meter.traits):
            return None
        failed = [finding for finding in self._session.discovery.findings if not finding.works]
        if not failed:
            return {"sentence": "No energy sensor was found on this machine.", "command": None}
        finding = min(failed, key=_helpfulness)
        text = " ".join(part for part in (finding.detail, finding.advice) if part)
        command = "\n".join(verbatim(command) for command in finding.fix)
        return {"sentence": one_line(f"{finding.subject}: {text}", LONGEST), "command": command[:LONGEST] or None}


def _helpfulness(finding: Diagnostic) -> int:
    """Rank by what the user can do: a command first, then advice."""
    return 0 if finding.fix else 1 if finding.advice else 2
