"""Budgets in real kernels: warned, asked, blocked, overridden; two kernels under one; the ledger away."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.kernel import PATIENCE, Cell, Kernel, Outcome, plain_text

pytestmark = pytest.mark.shell

WORK = "sum(i * i for i in range(3_000_000))"
"""A few tenths of a second of processor time: some joules, wherever the estimate comes from."""
HOUR = "import time\nend = time.perf_counter() + 3600\nwhile time.perf_counter() < end: sum(range(1000))"


def quiet(kernel: Kernel, source: str, *answers: str) -> Outcome:
    return kernel.run(Cell(source, answers=answers))


def joules(kernel: Kernel) -> float:
    """What one piece of work used here, so that budgets fit the machine."""
    assert quiet(kernel, f"%%energy -o rec -q\n{WORK}").status == "ok"
    return float(kernel.json("rec.joules"))


def set_budget(kernel: Kernel, amount: float, more: str = "--per project") -> Outcome:
    outcome = quiet(kernel, f"%budget {amount:.9f}J {more}")
    assert outcome.status == "ok", outcome.text()
    return outcome


def test_warned_asked_held_and_overridden(metered: Kernel) -> None:
    each = joules(metered)
    said = set_budget(metered, 12 * each)
    assert "Every metered cell is counted. It warns at 80 %, asks at 100 %" in said.text()
    warned = None
    for _ in range(60):
        outcome = quiet(metered, WORK)
        assert outcome.status == "ok"
        if "at 100 % further cells are blocked" in outcome.text():
            warned = outcome
            break
    assert warned is not None
    assert re.search(r"Budget of \S+ J per project: .* estimated of .*, \d\d %", warned.text())
    while " blocked" not in quiet(metered, "%budget").text():
        assert "further cells are blocked" not in quiet(metered, WORK).text()  # it warns once
    # Asked once: no answer holds it back, and no further one is asked.
    asked = quiet(metered, f"value = 1\n{WORK}", "n")
    assert asked.status == "error"
    assert re.fullmatch(r"UsageError: Blocked by the budget of [^\n]+\.\n?", asked.text())
    held = quiet(metered, "value = 2")
    assert (held.status, held.reply["ename"]) == ("error", "UsageError")
    assert metered.json("'value' in globals()") is False
    assert quiet(metered, "%energy status").status == "ok"  # what steers us is never blocked
    refused = quiet(metered, "%budget override")
    assert "An override needs a reason" in refused.text()
    lifted = quiet(metered, '%budget override "the demo is at noon"')
    assert re.search(r"is overridden until \d{4}-\d\d-\d\d 00:00: the demo is at noon\.", lifted.text())
    assert quiet(metered, "value = 3\nvalue").text() == "3"
    assert quiet(metered, "value").text() == "3"
    log = quiet(metered, "%budget log").text()
    assert re.search(r"set .*\n.*overridden .* the demo is at noon", log)
    assert metered.json("[str(t) for t in get_ipython().ast_transformers]") == []


def test_a_yes_runs_the_cell_as_it_is_and_is_logged(metered: Kernel) -> None:
    set_budget(metered, 1e-3)
    quiet(metered, "%budget as training")
    assert quiet(metered, WORK).status == "ok"  # nothing was used yet when it began
    source = "from __future__ import annotations\nx = 1\nfor n in range(3):\n    x += n\nx"
    ran = quiet(metered, source, "y")
    assert (ran.status, ran.text()) == ("ok", "4")
    assert metered.json("In[-1]") == source
    assert quiet(metered, "x").status == "error"
    assert "confirmed when asked, for one cell" in quiet(metered, "%budget log").text()
    quiet(metered, "%budget clear")
    set_budget(metered, 1e-3)
    assert quiet(metered, WORK).status == "ok"
    failed = quiet(metered, "y = 1\n\n1/0", "yes")  # another budget asks again
    assert failed.reply["ename"] == "ZeroDivisionError"
    assert "line 3" in plain_text("".join(failed.reply["traceback"]))


def test_a_question_that_nobody_answers_holds_the_cell_back(metered: Kernel) -> None:
    """A "run all" that nobody watches does not wait for ever; no cell loses the interrupt of the wait."""
    quiet(metered, "import jupyter_green.magics.budget.guard as gate\ngate.ANSWER_SECONDS = 0.5")
    assert "Every metered cell is counted" in quiet(metered, "%budget 0.001J --per project").text()
    quiet(metered, WORK)
    held = metered.run(Cell("value = 1", answers=(None,)))
    assert "Blocked by the budget" in held.text()
    assert "KeyboardInterrupt" not in held.text()
    assert "Blocked" in quiet(metered, "value = 2").text()


def test_inference_alone_is_counted_where_that_is_said(metered: Kernel) -> None:
    said = quiet(metered, "%budget 0.001J --per project --inference")
    assert "Inference is counted" in said.text()
    for _ in range(2):
        assert quiet(metered, WORK).status == "ok"
    assert quiet(metered, f"%%energy -q -l inference\n{WORK}").status == "ok"
    assert quiet(metered, f"%%energy -q -l inference\n{WORK}", "n").status == "error"
    assert quiet(metered, "model = None\n# model.generate()").status == "ok"
    assert quiet(metered, "str(model.generate())").status == "error"  # it looks like inference
    assert "Blocked" in quiet(metered, "str(model.generate())").text()
    assert quiet(metered, "def step(loss): loss.backward()").status == "ok"
    assert quiet(metered, "%budget as inference").status == "ok"
    assert quiet(metered, "1").status == "error"
    assert quiet(metered, "%budget as auto").status == "ok"
    assert quiet(metered, "1").status == "ok"
    assert [row["purpose"] for row in metered.rows()][:3] == ["other", "other", "inference"]


def test_a_cell_that_was_declined_is_held_back_the_next_time_too(metered: Kernel) -> None:
    """It showed nothing of what it is for, which is no reason to count it as something else."""
    assert quiet(metered, "%budget 0.001J --per project --inference").status == "ok"
    quiet(metered, "model = None")
    assert quiet(metered, f"%%energy -q -l inference\n{WORK}").status == "ok"
    source = "str(model.generate())"
    assert "Blocked" in quiet(metered, source, "n").text()
    for _ in range(3):
        assert "Blocked" in quiet(metered, source).text()
    declined = next(row for row in metered.rows()[::-1] if row["status"] == "error")
    assert declined["purpose"] == "inference"


def test_another_kernel_holds_back_at_once_and_a_new_one_from_its_first_cell(
    start: Callable[..., Kernel], tmp_path: Path
) -> None:
    one, two = (start(tmp_path / "work") for _ in range(2))
    for kernel in (one, two):
        assert kernel.run("%load_ext jupyter_green").status == "ok"
    set_budget(one, 1e-3)
    assert quiet(one, WORK).status == "ok"
    assert quiet(two, "1", "n").status == "error"
    three = start(tmp_path / "work")
    assert three.run("%load_ext jupyter_green").status == "ok"
    assert quiet(three, "1", "n").status == "error"
    quiet(one, '%budget override "all of us"')
    for kernel in (two, three):
        assert quiet(kernel, "1").status == "ok"


@pytest.mark.long
def test_two_kernels_are_never_more_than_a_heartbeat_over(start: Callable[..., Kernel], tmp_path: Path) -> None:
    one, two = (start(tmp_path / "work") for _ in range(2))
    for kernel in (one, two):
        assert kernel.run("%load_ext jupyter_green").status == "ok"
    budget = 6 * joules(one)
    set_budget(one, budget, "--per project --all --stop")
    done: dict[int, Outcome] = {}

    def burn(place: int, kernel: Kernel) -> None:
        done[place] = quiet(kernel, HOUR)

    threads = [threading.Thread(target=burn, args=pair) for pair in enumerate((one, two))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert [done[place].status for place in (0, 1)] == ["error", "error"]
    assert all("Interrupted by the budget of" in done[place].text() for place in (0, 1))
    assert quiet(one, '%budget override "to look at the records"').status == "ok"  # it would hold these cells back too
    for kernel in (one, two):
        assert quiet(kernel, "get_ipython()._jupyter_green.session.settle()").status == "ok"
    rows = [row for row in one.rows() if row["purpose"] is not None]
    stopped = [row for row in rows if row["status"] == "interrupted"]
    assert len(stopped) == 2
    assert all(any("Interrupted by the budget" in note for note in row["notes"]) for row in stopped)
    # A heartbeat is a second; what both draw in it bounds what may be used above the line. On a busy machine it comes
    # late; without a stop they would run for an hour.
    heartbeat = sum(row["joules"] / row["seconds"] for row in stopped)
    assert sum(row["joules"] for row in rows) <= budget + 20 * heartbeat


def test_the_ledger_away_in_the_middle_of_a_cell(start: Callable[..., Kernel], tmp_path: Path) -> None:
    kernel = start(JUPYTER_GREEN_LEDGER=str(tmp_path / "kept" / "ledger.sqlite"))
    assert kernel.run("%load_ext jupyter_green").status == "ok"
    each = joules(kernel)
    set_budget(kernel, 2.5 * each)
    gone = (
        f"import pathlib\nfolder = pathlib.Path({str(tmp_path)!r})\n(folder / 'kept').rename(folder / 'gone')\n"
        "(folder / 'kept').write_text('no folder')\n"
    )
    assert quiet(kernel, gone + WORK).status == "ok"
    for _ in range(20):
        outcome = quiet(kernel, WORK, "n")
        if outcome.status == "error":
            break
    assert "Blocked" in outcome.text()
    standing = quiet(kernel, "%budget").text()
    assert "The ledger can't be used" in standing
    assert "this uses its state at" in standing
    lifted = quiet(kernel, '%budget override "no ledger today"')
    assert "1 change to these budgets will be logged when the ledger is available again." in lifted.text()
    assert quiet(kernel, "1").status == "ok"
    (tmp_path / "kept").unlink()
    (tmp_path / "gone").rename(tmp_path / "kept")
    assert "can't be used" not in quiet(kernel, "%budget").text()
    assert "no ledger today" in quiet(kernel, "%budget log").text()


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("50 whs --per day", "did you mean 50Wh"),
        ("-5Wh --per day", "A limit of -5 Wh is out of range"),
        ("50Wh", "Add a period or scope"),
        ("50Wh --per year", "invalid choice"),
        ("-5Wh --per day", ""),
        ("nan J --per day", "is not a limit"),
        ("1e400J --per day", "is out of range"),
        ("50Wh --per day --until 2020-01-31", "in the past"),
        ("50Wh --per day --until tomorrow", "not a date"),
        ("50Wh --per day --zone Mars/Olympus", "no time zone"),
        ("50Wh --per project --carry", "no earlier period"),
        ("50Wh --per day --all --training", "not allowed with"),
        ("200g --per day", "needs a region first"),
        ("3EUR --per day", "needs a tariff first"),
        ("override 'no need'", "nothing to override"),
        ("clear --per week", "none to clear"),
        ("as fun", "takes one of"),
        ("'50Wh", "quotes"),
    ],
)
def test_bad_input_is_one_sentence(used: Kernel, line: str, why: str) -> None:
    outcome = quiet(used, f"%budget {line}")
    assert outcome.status == "error"
    assert re.fullmatch(r"UsageError: %budget[^\n]*\n?", outcome.text()), outcome.text()
    assert why in outcome.text()
    assert "No budget is set here" in quiet(used, "%budget").text()


def test_currencies_are_not_mixed(start: Callable[..., Kernel]) -> None:
    kernel = start(JUPYTER_GREEN_TARIFF="0.25 EUR/kWh", JUPYTER_GREEN_REGION="FRA")
    assert kernel.run("%load_ext jupyter_green").status == "ok"
    assert "The tariff is in EUR and the budget in USD" in quiet(kernel, "%budget 3USD --per day").text()
    assert "Budget of 0.00000001 EUR per day" in quiet(kernel, "%budget 0.00000001EUR --per day --all").text()
    assert quiet(kernel, WORK).status == "ok"
    assert "Blocked" in quiet(kernel, "1", "n").text()
    assert quiet(kernel, "%budget 900kg --per day --all").status == "ok"
    assert quiet(kernel, "1").status == "ok"


def test_a_budget_changed_while_a_cell_runs_counts_for_it(start: Callable[..., Kernel], tmp_path: Path) -> None:
    one, two = (start(tmp_path / "work") for _ in range(2))
    for kernel in (one, two):
        assert kernel.run("%load_ext jupyter_green").status == "ok"
    set_budget(one, 1e9, "--per project --all --stop")
    done: list[Outcome] = []
    thread = threading.Thread(target=lambda: done.append(quiet(one, HOUR)))
    thread.start()
    time.sleep(2)
    set_budget(two, 1e-3, "--per project --all --stop")
    thread.join(PATIENCE)
    assert done[0].status == "error"
    assert "Interrupted by the budget of" in done[0].text()
