"""Metering processes killed at random moments: what they were told is kept, what they did not do is not there.

A figure that a listener was told is in the ledger once and unchanged; a window that was opened is there once, closed
as it was or as killed; no other window is there. Held after every batch, on one ledger, while some of the processes
drain and begin new journals when they are killed.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from jupyter_green.storage import Ledger, journals, owner_lives, replay
from jupyter_green.storage.location import journal_folder, ledger_url
from tests.resilience.bench import sound
from tests.support.driver import SimulatedDriver

ROOT = Path(__file__).parents[2]
BATCH = 25

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="lives are forked")


@dataclass
class Truth:
    """What a window's process wrote down before it was killed."""

    opened: bool = False
    closed: str | None = None
    settled: tuple[str, str] | None = None


@dataclass
class Campaign:
    """Kills so far, and what must be in the ledger after them."""

    victim: subprocess.Popen[str]
    folder: Path
    seen: Counter[str] = field(default_factory=Counter)

    def kill(self, count: int) -> None:
        """Let so many processes live and die."""
        assert self.victim.stdin is not None
        assert self.victim.stdout is not None
        self.victim.stdin.write(f"{count}\n")
        self.victim.stdin.flush()
        assert self.victim.stdout.readline() == "done\n"

    def truths(self) -> dict[str, Truth]:
        """What the processes wrote down, by label."""
        found: dict[str, Truth] = {}
        for side in self.folder.glob("*.side"):
            lines = side.read_text().splitlines()
            self.seen["killed while draining"] += lines.count("draining -") > lines.count("drained -")
            for line in lines:
                what, label, *more = line.split()
                if label == "-":
                    continue
                truth = found.setdefault(label, Truth())
                if what == "opened":
                    truth.opened = True
                elif what == "closed":
                    truth.closed = more[0]
                elif what == "settled":
                    assert truth.settled is None, f"{label} settled twice"
                    truth.settled = (more[0], more[1])
        return found

    def check(self) -> None:
        """Hold journals and ledger against what was written down."""
        self.seen.clear()
        faults = [path.read_text() for path in self.folder.glob("*.fault")]
        assert not faults, faults
        for path in journals(journal_folder(ledger_url())):
            assert not owner_lives(path)
            found = replay(path)
            # A kill may fall between two pages of one write: the last line alone is cut then, and was told to nobody.
            cut = not path.read_bytes().endswith(b"\n")
            assert found.skipped <= cut, f"{path} has lines that can't be read"
            for record in (*found.settled, *found.close_interrupted()):
                sound(record)
                assert record.final
        with Ledger() as ledger:
            ledger.drain()
            assert not ledger.notices
            records = ledger.records()
            kept: dict[str, list] = {}
            for record in records:
                sound(record)
                assert record.final
                if record.label is not None:
                    kept.setdefault(record.label, []).append(record)
        assert not list(journals(journal_folder(ledger_url()))), "journals of dead processes are left"
        truths = self.truths()
        assert not set(kept) - set(truths), "windows were invented"
        assert not [label for label, found in kept.items() if len(found) > 1], "windows count twice"
        for label, truth in truths.items():
            if label not in kept:
                assert not truth.opened, f"{label} was opened and is lost"
                self.seen["never opened"] += 1
                continue
            (record,) = kept[label]
            if truth.settled is not None:
                assert (record.status, repr(record.joules)) == truth.settled, label
                self.seen["settled"] += 1
            elif truth.closed is not None:
                assert record.status == truth.closed, label
                self.seen["closed"] += 1
            else:  # killed between the journal's line and its own, a window may be closed already
                assert record.status in {"killed", "ok", "error"}, label
                self.seen[f"open, now {record.status}"] += 1


@pytest.fixture
def campaign(tmp_path: Path) -> Iterator[Campaign]:
    driver = SimulatedDriver(tmp_path / "driver")
    driver.board(tick=0.02)
    folder = tmp_path / "sides"
    folder.mkdir()
    victim = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("victim.py")), str(folder), "kills"],
        env={**os.environ, **driver.environment(), "PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert victim.stdout is not None
    assert victim.stdout.readline() == "ready\n"
    yield Campaign(victim, folder)
    assert victim.stdin is not None
    victim.stdin.close()
    victim.stdout.close()
    assert victim.wait(timeout=600) == 0


@pytest.mark.parametrize("kills", [200, pytest.param(1000, marks=pytest.mark.long)])
def test_nothing_is_lost_and_nothing_invented(campaign: Campaign, kills: int) -> None:
    for _ in range(kills // BATCH):
        campaign.kill(BATCH)
        campaign.check()
    # The campaign has met every stage of a window's life, or it shows nothing.
    assert campaign.seen["settled"] > kills
    assert campaign.seen["closed"] > 0
    assert campaign.seen["open, now killed"] > kills / 10
    assert campaign.seen["killed while draining"] > 0
