"""The report of a period: sums that agree with the ledger's, differences as proven, and forms that say the same."""

from __future__ import annotations

import csv
import gc
import io
import json
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from jupyter_green.cli import main
from jupyter_green.disclose import DiscloseError, disclose
from jupyter_green.disclose.period import Period, PeriodSums, since_of
from jupyter_green.disclose.period_comparison import PeriodDifference, RunComparison
from jupyter_green.disclose.record_filter import period_in
from jupyter_green.disclose.usage_report import page
from jupyter_green.impact import Valuation
from jupyter_green.records import EnergyRecord
from jupyter_green.records.flat import FlatRecord
from jupyter_green.records.shrink_outcome import ShrinkOutcome
from jupyter_green.reporting.run.totals import within
from jupyter_green.storage import Ledger
from tests.disclose.sample import cpu, gpu, record
from tests.records.flat import flat_of

SHRUNK = ShrinkOutcome("kept", "MiniLM", True, "int8, 4.0× less energy, proven, accuracy 91.2 % → 91.0 %")
NOW = datetime.now().astimezone()


def at(hours: float, *parts: Any, **more: Any) -> EnergyRecord:
    began = (NOW - timedelta(hours=hours)).timestamp()
    facts: dict[str, Any] = {"cell_id": "a", "code_hash": "x", "execution_count": 1}
    return record(*(parts or (gpu(),)), started_at=began, **(facts | more))


def month() -> list[EnergyRecord]:
    return [
        at(72, gpu(3600.0), run_id="r1"),
        at(48, gpu(7200.0), run_id="r2"),
        at(24, gpu(1800.0), run_id="r3", cell_id="b", code_hash="y"),
        at(23.9, gpu(900.0), run_id="r3", span="gap", cell_id=None),
        at(20, gpu(None), run_id="r3", cell_id="c"),
        at(10, cpu(360.0), run_id="r4", project="books", notebook="books.ipynb", label="train"),
        at(9, gpu(50.0), run_id="r4", span="trial", label=SHRUNK.line, shrinks=(SHRUNK,), cell_id="d"),
        at(8, gpu(1e9, quality="simulated"), run_id="r5"),
    ]  # fmt: skip


def compared(records: list[EnergyRecord]) -> PeriodDifference:
    runs: dict[str, list[EnergyRecord]] = {}
    for one in sorted(records, key=lambda one: one.started_at):
        if one.span != "gap":
            runs.setdefault(one.run_id, []).append(one)
    comparison = RunComparison()
    for items in runs.values():
        comparison.take(items)
    return comparison.against()


def period_of(
    records: list[EnergyRecord], since: datetime, *, equivalents: bool = False, valuation: Valuation | None = None
) -> Period:
    """Return the report of records at hand."""
    inner = within(records)
    began: dict[str, float] = {}
    for one in records:
        began[one.run_id] = min(one.started_at, began.get(one.run_id, one.started_at))

    def order(one: FlatRecord) -> tuple[object, ...]:
        return one.notebook or "", began[one.run_id], one.run_id, one.started_at

    sums = PeriodSums(sorted((flat_of(one, one.id in inner) for one in records), key=order))
    return Period(sums, since.timestamp(), time.time(), "", valuation or Valuation(), "", equivalents, ())


def made(records: list[EnergyRecord] | None = None, **options: Any) -> Period:
    since = NOW - timedelta(days=30)
    valuation = Valuation("FRA", 1.5, "0.25 EUR/kWh")
    return period_of(month() if records is None else records, since, **({"valuation": valuation} | options))


def test_what_it_sums() -> None:
    found = made()
    assert found.sum.joules == pytest.approx(3600 + 7200 + 1800 + 900 + 360 + 50)
    assert found.sum.measured_share == pytest.approx(1 - 360 / 13910)
    assert found.unmetered_share == pytest.approx(1 / 6)
    assert found.sum.co2e_grams == pytest.approx(13910 / 3.6e6 * 1.5 * 56.039)
    assert [name for name, _, _ in found.dearest][:2] == ["films.ipynb [1]", "films.ipynb [1]"]
    assert found.dearest[0][1].joules == pytest.approx(10800)
    assert found.dearest[0][2] == 2
    said = found.text()
    for fact in (
        "17 % of the metered time has no reading",
        "1 records left out",
        "accuracy 91.2 %",
        "By project",
        "PUE 1.5",
    ):
        assert fact in said, said


def test_runs_stand_against_those_before_them() -> None:
    found = compared(month())
    assert (found.more, found.less) == (1, 0)
    assert found.excess == pytest.approx(3600)
    assert found.excess_uncertainty > 0
    assert found.alone >= 2
    assert "excess in 1 run that provably used more" in made().text()
    later = [at(5, gpu(3600.0), run_id="s1"), at(4, gpu(3601.0), run_id="s2"), at(3, gpu(1000.0), run_id="s3")]
    told = compared(later)
    assert (told.more, told.less, told.unproven, told.alone) == (0, 1, 1, 1)
    assert told.saved == pytest.approx(2600.5)


def test_the_table_adds_up() -> None:
    rows = list(csv.DictReader(io.StringIO(made().csv())))
    assert sum(float(row["kwh"]) for row in rows if row["kwh"]) == pytest.approx(13910 / 3.6e6)
    assert {row["project"] for row in rows} == {"films", "books"}
    empty = list(csv.DictReader(io.StringIO(made([at(1, gpu(None))]).csv())))
    assert (empty[0]["kwh"], empty[0]["co2e_grams"], empty[0]["without_reading"]) == ("", "", "1")


def test_nothing_set_and_nothing_metered() -> None:
    bare = made(valuation=Valuation())
    assert "no region is set" in bare.text()
    assert "no tariff is set" in bare.text()
    nothing = made([])
    assert "nothing was metered" in nothing.text()
    assert page(nothing).startswith("<!doctype html>")
    assert "Equivalent to about" not in made().text()
    assert "phone charges (0.012 kWh" in made(equivalents=True).text()


def test_only_what_is_proven_is_called_cheaper() -> None:
    outcomes = [
        SHRUNK,
        ShrinkOutcome("kept", "A", kept="int8, 4.0× less energy, not proven, accuracy 91.2 % → 61.0 %"),
        ShrinkOutcome("nothing_gained", "B"),
        ShrinkOutcome("unknown", "C"),
    ]
    labels = [outcome.line for outcome in outcomes]
    searches = [at(9, gpu(50.0), span="trial", label=one.line, shrinks=(one,)) for one in outcomes]
    laps = [at(9, gpu(50.0), span="trial", label=label) for label in ("shrink: original", "shrink: int8")]
    cell = at(9, gpu(50.0), shrinks=(SHRUNK,))
    found = made([*searches, *laps, cell])
    assert [record.label for record in found.cheaper] == labels[:1]
    assert [record.label for record in found.shrinks] == labels
    said = found.text()
    proven, unproven = said.index("Made cheaper"), said.index("Tried, not proven to be cheaper")
    assert proven < said.index("MiniLM → int8") < unproven < said.index("A → int8") < said.index("B, nothing gained")
    assert "int8 (the search took" not in said
    assert "Made cheaper" not in made(searches[2:3]).text()


def test_a_cell_of_a_notebook_without_a_name_says_so() -> None:
    nameless = made(
        [at(2, gpu(50.0), notebook=None), at(1, gpu(20.0), notebook=None, cell_id="b", execution_count=None)]
    )
    assert [name for name, _, _ in nameless.dearest] == [
        f"unnamed notebook (project films), {(NOW - timedelta(hours=2)):%Y-%m-%d %H:%M} [1]",
        "outside notebooks",
    ]


def test_the_page_runs_nothing() -> None:
    document = page(made([*month(), at(2, label="<script>alert(1)</script>")]))
    assert "<script" not in document
    assert "<svg" in document
    assert "default-src 'none'" in document


@pytest.mark.parametrize(("text", "hours"), [("30d", 720), ("12h", 12), ("2w", 336)])
def test_beginnings(text: str, hours: int) -> None:
    now = datetime(2026, 3, 31, tzinfo=timezone.utc)
    assert since_of(text, now) == now - timedelta(hours=hours)


def test_a_day_and_what_is_none() -> None:
    assert since_of("2026-01-31").date().isoformat() == "2026-01-31"
    for text in ("soon", "", "30", "-3d"):
        with pytest.raises(DiscloseError, match="is not a date"):
            since_of(text)


# ---- the command line ----------------------------------------------------------------------------


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("JUPYTER_GREEN_LEDGER", str(tmp_path / "ledger.db"))
    with Ledger() as ledger:
        ledger.add([*month(), at(24 * 40, gpu(5e6), run_id="old")])
    return tmp_path


def test_a_report_from_the_ledger(kept: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", "--since", "30d"]) == 0
    assert "films.ipynb" in capsys.readouterr().out
    for suffix in ("html", "md", "csv"):
        assert main(["report", "--project", "films", "--to", str(kept / f"x.{suffix}")]) == 0
        assert "films" in (kept / f"x.{suffix}").read_text(encoding="utf-8")
    rows = list(csv.DictReader(io.StringIO((kept / "x.csv").read_text(encoding="utf-8"))))
    with Ledger() as ledger:
        whole = ledger.totals(project="films", since=(NOW - timedelta(days=30)).timestamp())
    assert sum(float(row["kwh"]) for row in rows if row["kwh"]) * 3.6e6 == pytest.approx(whole.joules)


def test_a_project_may_have_rested(kept: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is known, and nothing was metered of it lately; and an empty ledger knows nobody to name."""
    assert main(["report", "--since", "1h", "--project", "films"]) == 0
    assert "nothing was metered" in capsys.readouterr().out
    with Ledger(f"sqlite:///{kept / 'empty.db'}") as ledger:
        assert "nothing was metered" in period_in(ledger, NOW, project="films").text()
        assert "nothing was metered" in period_in(ledger, NOW).text()
        ledger.add([at(5, gpu(1.0), project=f"p{n}") for n in range(10)])
        with pytest.raises(DiscloseError, match="there are: p0, p1, p2, p3, p4, p5, p6, p7 and 2 more"):
            period_in(ledger, NOW, project="films")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["report", "--since", "soon"], "is not a date"),
        (["report", "--since", "2999-01-01"], "is in the future"),
        (["report", "--to", "x.doc"], "must end in one"),
        (["report", "--project", "flims"], "No record has the project 'flims'; there are: books, films."),
        (["check", "nowhere"], "not a folder"),
    ],
)
def test_what_makes_no_sense(kept: Path, words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 2
    assert said in capsys.readouterr().err


def test_a_folder_that_does_not_disclose_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "model.onnx").write_bytes(b"")
    assert main(["check", str(tmp_path)]) == 1
    assert "there is no disclosure.json" in capsys.readouterr().out
    told = disclose([record(gpu())], name="m").to_dict()
    (tmp_path / "disclosure.json").write_text(json.dumps(told))
    assert main(["check", str(tmp_path)]) == 0
    del told["hardware"]
    (tmp_path / "disclosure.json").write_text(json.dumps(told))
    assert main(["check", str(tmp_path)]) == 1
    assert "hardware" in capsys.readouterr().out


def test_what_is_to_come_is_not_of_today(kept: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with Ledger() as ledger:
        ledger.add([at(-30, gpu(7.2e6), run_id="clock"), at(0, gpu(3.6e5), run_id="now")])
        today = period_in(ledger, "today")
        assert today.sum.joules == pytest.approx(ledger.totals(since="today").joules)
        assert today.sum.joules < 7.2e6
    assert main(["report", "--since", "today"]) == 0
    assert "2 kWh" not in capsys.readouterr().out


def test_the_ledgers_records_give_the_same_report_and_are_not_held(kept: Path) -> None:
    records = [*month(), at(23.95, gpu(1.0), run_id="r3", id="i" * 32, parent=None)]
    records.append(at(23.94, gpu(0.5), run_id="r3", span="window", parent="i" * 32, cell_id=None))
    records += [at(7 - n / 10, gpu(10.0), run_id=f"run-{n:02d}", cell_id=f"c{m}") for n in range(40) for m in range(9)]
    since = NOW - timedelta(days=30)
    with Ledger(f"sqlite:///{kept / 'whole.db'}") as ledger:
        ledger.add(records)
        streamed, listed = period_in(ledger, since), period_of(records, since)
        for form in (Period.text, Period.csv):
            assert form(streamed) == form(listed)
        assert streamed.against == listed.against
        alive = ledger.flat(lambda found: max(_alive() for _ in found), since=since)
    assert alive < 15, "the records of one run live at most"


def _alive() -> int:
    return sum(isinstance(one, FlatRecord) for one in gc.get_objects())


def test_a_report_of_everyone_says_so(kept: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (kept / "ledger.db").chmod(0o666)
    said = "all users of this ledger"
    for suffix in ("html", "md"):
        target = kept / f"all.{suffix}"
        assert main(["report", "--everyone", "--to", str(target)]) == 0
        assert said in target.read_text(encoding="utf-8")
        assert main(["report", "--to", str(target)]) == 0
        assert said not in target.read_text(encoding="utf-8")
