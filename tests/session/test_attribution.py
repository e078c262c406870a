"""Whose energy it was is said beside what the meter says of the figure, not in its place."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace

import pytest

from jupyter_green.metering import Meter
from jupyter_green.records import Component
from jupyter_green.records.power_mismatch import PowerMismatch
from jupyter_green.reporting.record.power_mismatch import contradiction
from jupyter_green.sensors import Reading, SensorFault, SensorInfo, Usage
from jupyter_green.session.attribution import DIVIDED, Attribution

TRAITS = SensorInfo(
    key="plug:0", kind="gpu", device="Plug", method="counter", quality="simulated", scope="all of it", source="plug"
)
MISMATCH = PowerMismatch(0.26)
DIFFERS = MISMATCH.sentence
PART = Component(
    *("gpu", "Plug", "plug:0", 100.0, 26.0, 26.0, "counter", "simulated", "all of it"),
    source="plug",
    note=DIFFERS,
    power_mismatch=MISMATCH,
)
STRANGER = 1
"""A process that is never this one's child."""


@dataclass
class Plug:
    """A sensor that knows who uses it, as a package of its own brings one."""

    users: frozenset[int] | None
    shares: Mapping[int, float] | None = None
    fault: str | None = None
    traits: SensorInfo = TRAITS

    def read(self) -> Reading:
        raise AssertionError

    def close(self) -> None:
        pass

    def processes(self) -> frozenset[int] | None:
        if self.fault is not None:
            raise SensorFault(self.fault)
        return self.users

    def usage(self, since: float) -> Usage | None:
        return None if self.shares is None else Usage(self.shares, "busy time")


SHARED = frozenset({os.getpid(), STRANGER})
CASES = [
    (Plug(SHARED, {os.getpid(): 0.3, STRANGER: 0.1}),
     "Others used this device too; attributed by busy time, 75% of it to this kernel."),
    (Plug(SHARED), "Others used this device too; their share is unknown."),
    (Plug(None), "Which processes used this device is unknown here."),
    (Plug(SHARED, fault="The plug was pulled out."), "The plug was pulled out."),
    (Plug(SHARED, traits=replace(TRAITS, divided=True)), DIVIDED),
]  # fmt: skip


@pytest.mark.parametrize(("plug", "said"), CASES, ids=["shared", "no share", "unseen", "fault", "divided"])
def test_what_the_meter_says_of_a_figure_stays_beside_whose_it_was(plug: Plug, said: str) -> None:
    attribution = Attribution(Meter([plug]))
    (told,) = attribution.attribute((PART,), 0.0, 1.0)
    assert told.note == f"{DIFFERS} {said}"
    assert told.power_mismatch == MISMATCH
    assert contradiction(told) == DIFFERS.rstrip("."), "whose it was is no part of the contradiction"
    (alone,) = attribution.attribute((replace(PART, note=None),), 0.0, 1.0)
    assert alone.note == said
    (again,) = attribution.attribute((told,), 0.0, 1.0)
    assert again.note == told.note, "nothing is said twice"
