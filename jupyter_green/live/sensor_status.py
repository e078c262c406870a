"""What the sensors of a session are, what they show now, and why there may be none.

An estimate is no sight: where every figure rests on a model, the doctor's reason for that is told, with the command
that mends it.
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
    """The sensors of a session.

    Parameters
    ----------
    session : Session
        Whose sensors.
    """

    def __init__(self, session: Session) -> None:
        self._session = session

    def power(self) -> tuple[float | None, Quality | None]:
        """Return the power of all devices now in watts, and what it may be called; None where none can be told."""
        known: list[tuple[float, Quality]] = []
        for line in self._session.meter.timelines.values():
            watts = line.watts()
            if watts is not None and math.isfinite(watts):
                known.append((watts, line.traits.quality))
        if not known:
            return None, None
        return math.fsum(watts for watts, _ in known), weakest(quality for _, quality in known)

    @cached_property
    def devices(self) -> list[dict[str, Any]]:
        """The devices that are metered."""
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
        """Why no energy sensor can be read, and the command that mends it; None where one can."""
        if any(traits.method != "model" for traits in self._session.meter.traits):
            return None
        failed = [finding for finding in self._session.discovery.findings if not finding.works]
        if not failed:
            return {"sentence": "No energy sensor was found on this machine.", "command": None}
        finding = min(failed, key=_helpfulness)
        said = " ".join(part for part in (finding.detail, finding.advice) if part)
        command = "\n".join(verbatim(command) for command in finding.fix)
        return {"sentence": one_line(f"{finding.subject}: {said}", LONGEST), "command": command[:LONGEST] or None}


def _helpfulness(finding: Diagnostic) -> int:
    """Rank what a person can do about it: a command first, then advice."""
    return 0 if finding.fix else 1 if finding.advice else 2
