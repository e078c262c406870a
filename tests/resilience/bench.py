"""A metering process beside the test, asked step by step, and what it must have kept in the ledger at its end.

The course of power is planned while the process waits, so its truth is known; windows are opened at planned
moments, but compared over the moments at which they really opened and closed. No sleep decides anything.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from jupyter_green.records import EnergyRecord
from jupyter_green.storage import Ledger
from tests.support.peer import Peer

STALL = 0.05

SETUP = """
import json, os, sys, threading, time
import jupyter_green as green
from jupyter_green.session import current
session = current()
windows = {}
stalls = []
def watch():  # how late this machine wakes a thread: a figure read that late may be wide
    while True:
        wanted = time.perf_counter() + 0.01
        time.sleep(0.01)
        if time.perf_counter() - wanted > 0.03:
            stalls.append((time.perf_counter(), time.perf_counter() - wanted))
threading.Thread(target=watch, daemon=True).start()
def stalled(start, end):
    return max((late for moment, late in stalls if start - 0.3 <= moment <= end + 1.0), default=0.0)
def until(moment):
    while (left := moment - time.perf_counter()) > 0:
        time.sleep(min(left, 0.01))
def block(label, start, end, work=""):
    until(start)
    with green.meter(label) as window:
        windows[label] = window
        exec(work)
        until(end)
    return [window.opened.time, window.closed.time]
def told(label, patience=None):
    window = windows[label]
    window.wait(patience)
    return window.so_far().to_dict()
"""


@dataclass(frozen=True)
class Told:
    """A window as the metering process told it.

    Parameters
    ----------
    start, end : float
        When it opened and closed, on `time.perf_counter()`.
    record : dict
        Its record.
    stall : float
        Seconds by which a thread of that process was woken too late meanwhile.
    """

    start: float
    end: float
    record: Mapping[str, Any]
    stall: float = 0.0

    def part(self, kind: str, number: int = 0) -> Mapping[str, Any]:
        """One of the components of a kind."""
        return [part for part in self.record["components"] if part["kind"] == kind][number]

    def has(self, kind: str) -> bool:
        """Whether there is a component of a kind at all."""
        return any(part["kind"] == kind for part in self.record["components"])


class Bench(Peer):
    """Start a metering process with these variables; at the end its ledger is held against what it told."""

    def __init__(self, variables: Mapping[str, str | None], setup: str = SETUP) -> None:
        super().__init__(variables)
        self.told: dict[str, Told] = {}
        self.run(setup)

    def block(self, label: str, start: float, end: float, work: str = "", patience: float | None = None) -> Told:
        """Meter from one moment to another, and wait for the record."""
        opened, closed = self.ask(f"block({label!r}, {start!r}, {end!r}, {work!r})")
        return self._tell(label, opened, closed, patience)

    def again(self, label: str, patience: float | None = None) -> Told:
        """Ask for a window's record once more."""
        return self._tell(label, self.told[label].start, self.told[label].end, patience)

    def _tell(self, label: str, opened: float, closed: float, patience: float | None) -> Told:
        record = self.ask(f"told({label!r}, {patience!r})")
        self.told[label] = Told(opened, closed, record, self.ask(f"stalled({opened!r}, {closed!r})"))
        return self.told[label]

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        super().__exit__(kind, error, trace)
        if error is None:
            kept = ledger()
            assert sorted(label for label in kept if label) == sorted(self.told), "the ledger holds other windows"
            for label, one in self.told.items():
                (record,) = kept[label]
                assert record.final
                assert record.status == one.record["status"]
                if one.record["final"]:
                    assert record.joules == one.record["joules"], label
                    assert [part.note for part in record.components] == [
                        part["note"] for part in one.record["components"]
                    ]


def ledger(url: str | None = None) -> dict[str | None, list[EnergyRecord]]:
    """Everything in the ledger by label, gaps under None, after the journals were drained; no figure is impossible."""
    with Ledger(url) as opened:
        opened.drain()
        assert not opened.notices
        found: dict[str | None, list[EnergyRecord]] = {}
        for record in opened.records():
            sound(record)
            found.setdefault(record.label, []).append(record)
    return found


def sound(record: EnergyRecord) -> None:
    """No figure of a record is negative, endless or no number; an absent one says why."""
    assert math.isfinite(record.seconds)
    assert record.seconds >= 0
    for part in record.components:
        figures = (part.joules, part.uncertainty, part.gain_uncertainty)
        if part.joules is None:
            assert figures == (None, None, None)
            one_sentence(part.note)
        else:
            assert all(value is not None and math.isfinite(value) and value >= 0 for value in figures), part


def one_sentence(text: str | None) -> None:
    """It is one sentence for people: no trace, no line break, a full stop at its end."""
    assert text
    assert text.endswith(".")
    assert "\n" not in text
    assert "Traceback" not in text
    assert text[0].isupper()


def right(told: Told, truth: float, kind: str = "gpu", number: int = 0, width: float = 0.6) -> None:
    """A device's figure covers the truth, and its interval says something."""
    part = told.part(kind, number)
    assert told.record["final"]
    assert part["joules"] is not None, part["note"]
    assert abs(part["joules"] - truth) <= part["uncertainty"], (part["joules"], part["uncertainty"], truth)
    if told.stall < STALL:  # a machine that stands still makes figures wide, which is no fault
        assert part["uncertainty"] <= width * truth, (part["joules"], part["uncertainty"], truth)


def covered_or_unknown(told: Told, truth: float, kind: str = "gpu", number: int = 0) -> None:
    """A device's figure covers the truth, or there is none and a reason instead."""
    part = told.part(kind, number)
    assert told.record["final"]
    if part["joules"] is None:
        one_sentence(part["note"])
    else:
        assert abs(part["joules"] - truth) <= part["uncertainty"], (part["joules"], part["uncertainty"], truth)


def at_least(told: Told, truth: float, *, needed: bool) -> None:
    """The reason why a device has no figure states what it had used before, which is no more than this truth."""
    found = re.search(r"; it used at least ([\d.,]+) J ± ([\d.,]+) \(simulated\) in the ", told.part("gpu")["note"])
    assert found is not None or not needed, told.part("gpu")["note"]
    if found is not None:
        joules, uncertainty = (float(part.replace(",", "")) for part in found.groups())
        assert joules - uncertainty <= truth, (joules, uncertainty, truth)
        if told.stall < STALL:
            assert joules >= 0.2 * truth or not needed, (joules, truth)


def unknown(told: Told, words: str, kind: str = "gpu", number: int = 0) -> None:
    """A device has no figure, and the reason says these words."""
    part = told.part(kind, number)
    assert told.record["final"]
    assert (part["joules"], part["uncertainty"]) == (None, None)
    one_sentence(part["note"])
    assert words in part["note"], part["note"]
