"""A report that is added up from the ledger's columns says what its records say, one by one."""

from __future__ import annotations

import math
import random
import time
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path

import pytest

from jupyter_green.disclose.period import TOP_CELLS, Period
from jupyter_green.disclose.period_comparison import RunComparison
from jupyter_green.disclose.record_filter import period_in
from jupyter_green.impact import Valuation
from jupyter_green.records import Component, EnergyRecord, is_simulated
from jupyter_green.records.shrink_outcome import ShrinkOutcome
from jupyter_green.reporting.run.totals import total, within
from jupyter_green.storage import Ledger, schema
from jupyter_green.storage.privacy import comparable

START = 1_790_000_000.0
DAY = 86_400.0


def part(chance: random.Random, simulated: bool) -> Component:
    kind = chance.choice(["gpu", "cpu", "dram"])
    joules = (
        None if chance.random() < 0.15 else chance.choice([0.0, 1e-9, 40.0, 41.0, 55.0, 4e6]) * chance.uniform(1, 1.1)
    )
    wide = None if joules is None or chance.random() < 0.1 else joules * chance.uniform(0.001, 0.3)
    model = kind == "cpu" and chance.random() < 0.7
    quality = "simulated" if simulated and chance.random() < 0.8 else "estimated" if model else "measured"
    codes = chance.choice([None, (), (), ("thermal",), ("hardware", "power_cap")])
    return Component(
        kind,
        f"{kind} {chance.randrange(2)}",
        f"{kind}:{chance.randrange(2)}",
        joules,
        wide,
        None if wide is None else chance.choice([None, wide / 2, wide]),
        "model" if model else "counter",
        quality,
        "whole",
        chance.choice(["", "nvidia", "rapl"]),
        shared=chance.choice([None, False, False, True]),
        cpu_seconds=chance.uniform(0.1, 3) if model else None,
        others_busy=chance.choice([None, 0.05, 0.4]) if model else None,
        celsius=chance.choice([None, 40.0]),
        clock_mhz=chance.choice([None, 1500.0, 1700.0]),
        clock_spread_mhz=chance.choice([None, 30.0]),
        throttle=codes,
    )


def records(chance: random.Random) -> Iterator[EnergyRecord]:
    """Runs of a few notebooks over five days, each cell of a notebook read by alike devices."""
    for run in range(30):
        at = START + chance.randrange(5) * DAY + chance.choice([0.0, -1.0, 3.0, DAY / 2, chance.uniform(0, DAY)])
        notebook = chance.choice([None, "", "a.ipynb", "b.ipynb", "b.ipynb"])
        simulated = chance.random() < 0.2
        cells: list[str] = []
        for place in range(chance.randrange(1, 12)):
            name = f"{run}-{place}"
            cell = chance.choice([None, "c1", "c2", "c3", ""])
            alike = random.Random(f"{notebook} {cell}") if chance.random() < 0.7 else chance
            parts = [part(alike, simulated) for _ in range(alike.randrange(2))]
            yield EnergyRecord(
                tuple(parts),
                chance.choice([0.0, 1.5, 700.0]),
                at,
                id=name,
                run_id=f"run-{run}",
                parent=chance.choice([None, None, None, "gone", *cells[-1:]]),
                span=chance.choice(["cell", "cell", "cell", "window", "gap", "trial"]),
                status=chance.choice(["ok", "ok", "ok", "error", "killed"]),
                label=chance.choice([None, "training"]),
                shrinks=chance.choice([(), (), (ShrinkOutcome("nothing_gained", "A"),)]),
                cell_id=cell,
                execution_count=chance.choice([None, 0, 7]),
                code_hash=chance.choice([None, "a" * 64, "b" * 64]),
                notebook=notebook if chance.random() < 0.9 else "renamed.ipynb",
                project=chance.choice([None, "films", "books"]),
                units=chance.choice([None, 0.0, 5.0, 10.0]),
                unit=chance.choice([None, "token", "token"]),
                co2e_grams=chance.choice([None, 1.0]),
                cost=chance.choice([None, 2.0]),
                currency=chance.choice(["EUR", "USD"]),
            )
            cells.append(name)
            at += chance.choice([0.0, 1.5, 3000.0])


def alike(one: EnergyRecord, other: EnergyRecord) -> None:
    for name in ("joules", "uncertainty", "measured_share", "seconds", "co2e_grams", "cost"):
        ours, theirs = getattr(one, name), getattr(other, name)
        assert (ours is None) == (theirs is None), name
        assert ours is None or ours == theirs or math.isclose(ours, theirs, rel_tol=1e-9, abs_tol=1e-9), name
    assert one.joules is None or one.quality == other.quality


def check(found: Period, meant: list[EnergyRecord], valuation: Valuation) -> None:
    """Hold a report against its records added up and compared one by one."""
    inner = within(meant)
    outer = [one for one in meant if one.id not in inner]
    real = [one for one in outer if not is_simulated(one)]
    if not any(not is_simulated(one) for one in meant):
        real = outer
    left_out = sum(is_simulated(one) for one in meant)
    assert found.sums.simulated_left_out == (0 if left_out == len(meant) else left_out)
    alike(found.sum, valuation.value(total(real)))
    work = [one for one in real if one.span != "gap"]
    assert (found.stretches, found.unread) == (len(work), sum(one.joules is None for one in work))
    whole = math.fsum(one.seconds for one in work)
    unread = math.fsum(one.seconds for one in work if one.joules is None)
    assert found.unmetered_share == (pytest.approx(unread / whole) if whole > 0 else None)

    def day(one: EnergyRecord) -> str:
        return time.strftime("%Y-%m-%d", time.localtime(one.started_at))

    for ours, key in ((found.days(), day), (found.projects(), lambda one: one.project or "no project")):
        assert ours.keys() == {key(one) for one in real}
        for name, summed in ours.items():
            alike(summed, total([one for one in real if key(one) == name]))
    cells: dict[tuple[str, str], list[EnergyRecord]] = {}
    for one in work:
        named = one.cell_id or comparable(one.code_hash) or one.label or one.id
        cells.setdefault((one.notebook or "", named), []).append(one)
    dearest = sorted(
        (total(some).joules or 0.0 for some in cells.values() if total(some).joules is not None), reverse=True
    )
    assert [record.joules for _, record, _ in found.dearest] == pytest.approx(dearest[:TOP_CELLS])
    kept = Counter(len(some) for some in cells.values())
    assert all(kept[count] for _, _, count in found.dearest)
    runs: dict[str, list[EnergyRecord]] = {}
    for one in sorted(meant, key=lambda one: (one.started_at, one.id)):
        runs.setdefault(one.run_id, []).append(one)
    comparison = RunComparison()
    for _, of_run in sorted(runs.items(), key=lambda item: (item[1][0].started_at, item[0])):
        if of_run := [one for one in of_run if one in work]:
            comparison.take(of_run)
    ours, theirs = found.against, comparison.against()
    assert (ours.more, ours.less, ours.unproven, ours.alone) == (
        theirs.more,
        theirs.less,
        theirs.unproven,
        theirs.alone,
    )
    assert (ours.excess, ours.saved) == (pytest.approx(theirs.excess), pytest.approx(theirs.saved))
    assert ours.excess_uncertainty == pytest.approx(theirs.excess_uncertainty)
    searches = {one.id for one in meant if one.span == "trial" and one.shrinks}
    assert {one.id for one in found.shrinks} == searches
    assert [one.started_at for one in found.shrinks] == sorted(one.started_at for one in found.shrinks)


VALUED = Valuation("FRA", 1.5, "0.2 EUR/kWh")


@pytest.mark.parametrize("zone", ["UTC", "Asia/Kolkata", "America/St_Johns"])
@pytest.mark.parametrize("seed", range(2))
def test_a_report_is_that_of_its_records(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int, zone: str) -> None:
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        chance = random.Random(seed)
        path = tmp_path / "ledger.sqlite"
        mine, theirs = [*records(chance)], [*records(chance)]
        for name, some in (("alice", mine), ("bob", [one.with_(id=f"bob {one.id}", parent=None) for one in theirs])):
            monkeypatch.setenv("LOGNAME", name)
            with Ledger(path) as ledger:
                path.chmod(0o666) if path.exists() else None
                ledger.add(some)
                path.chmod(0o666)
        monkeypatch.setenv("LOGNAME", "alice")
        gone = START + 0.7 * DAY
        with Ledger(path) as ledger:
            ledger.purge(before=gone)
            for since, project in ((START - DAY, None), (START + 2 * DAY + 1.5, None), (START, "films")):
                begin = datetime.fromtimestamp(since, timezone.utc)
                found = period_in(ledger, begin, project=project, valuation=VALUED)
                meant = list(ledger.records(since=since, project=project))
                assert {one.id for one in meant} <= {one.id for one in mine if one.started_at >= max(since, gone)}
                check(found, meant, VALUED)
    finally:
        monkeypatch.undo()
        time.tzset()


def test_what_was_altered_is_in_no_figure(tmp_path: Path) -> None:
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        given = [*records(random.Random(9))]
        ledger.add(given)
        bad = next(one for one in given if one.joules)
        change = schema.components.update().where(schema.components.c.record_id == bad.id)
        for name in ("cpu_seconds", "throttle", "shared"):
            ledger._database.write(
                lambda c, name=name: c.exec_driver_sql(
                    f"UPDATE green_components SET {name} = x'00' WHERE record_id = '{bad.id}'"
                )
            )
            found = period_in(ledger, datetime.fromtimestamp(START - DAY, timezone.utc))
            check(found, [one for one in ledger.records() if one.id != bad.id], Valuation())
            assert ledger.check()
            ledger._database.write(lambda c, name=name: c.execute(change.values({name: None})))
