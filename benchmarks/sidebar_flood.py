"""Two hundred short cells a second, each with output: whether all output arrives, and the added messages.

A plain kernel in the same page runs the same cells in turn: what it loses is not due to metering.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .sidebar_sheet import Line, median
from .sidebar_stage import Stage

CELLS = 200
RATE = 200
SPENT = "time.process_time()"


@dataclass(frozen=True)
class Plan:
    """Duration of a run in seconds, and number of runs of each kernel."""

    seconds: int = 10
    rounds: int = 3


QUICK = Plan(seconds=10, rounds=1)


def flood(stage: Stage, plan: Plan) -> list[Line]:
    """Measure the metered and the plain kernel."""
    plain = stage.plain(CELLS, "pass", "plain.ipynb")
    metered = stage.metered(CELLS, "pass", "flood.ipynb")
    results: dict[str, list[dict[str, Any]]] = {"plain": [], "metered": []}
    rates: list[float] = []
    most: list[int] = []
    for turn in range(plan.rounds):
        for kind in ("plain", "metered") if turn % 2 == 0 else ("metered", "plain"):
            notebook = plain if kind == "plain" else metered
            notebook.show()
            stage.probe("listen", notebook.path)
            worked, spent = stage.work(), stage.kernel(notebook, "import time", SPENT)
            result = stage.probe("flood", notebook.path, RATE, plan.seconds)
            stage.probe("pause", 1500)
            result["kernel"] = stage.kernel(notebook, "", SPENT) - spent
            result["page"] = stage.work() - worked
            results[kind].append(result)
            if kind == "metered":
                heard = stage.frames()
                rates.append(len(heard) / (results[kind][-1]["running"] + 1.5))
                most.append(_most([each["sent"] for each in heard if each["sent"] is not None]))
    stage.desk.ask("() => window.greenProbe.stop()")
    stage.desk.clear()
    return [
        Line(
            f"{RATE} short cells a second for {plan.seconds} s: own outputs that arrive",
            "all",
            _arrived(results["metered"]),
            f"plain kernel: {_arrived(results['plain'])}",
            results,
        ),
        Line(
            "the same: “IOPub message rate exceeded”",
            "0",
            str(sum(each["exceeded"] for each in results["metered"])),
            f"plain kernel: {sum(each['exceeded'] for each in results['plain'])}",
        ),
        Line(
            "the same: messages of the link a second",
            "≤ 5",
            f"{median(rates):.1f}, in any one second at most {max(most)}",
            values={"rates": rates, "most": most},
        ),
        Line(
            "the same: processor time of a cell, kernel; page",
            "",
            _work(results["metered"]),
            f"plain kernel: {_work(results['plain'])}",
        ),
    ]


def _arrived(floods: list[dict[str, Any]]) -> str:
    total, arrived = (sum(each[name] for each in floods) for name in ("total", "arrived"))
    pace = median([each["finished"] / each["running"] for each in floods])
    return f"{arrived:,} of {total:,}, {pace:.0f} cells a second were run"


def _work(floods: list[dict[str, Any]]) -> str:
    kernel, page = (median([1000 * each[name] / each["finished"] for each in floods]) for name in ("kernel", "page"))
    return f"{kernel:.2f} ms; {page:.2f} ms"


def _most(moments: list[float]) -> int:
    """Return the largest number of times (in milliseconds) within any one second."""
    ordered = sorted(moments)
    return max(
        (sum(start <= each < start + 1000 for each in ordered[at:]) for at, start in enumerate(ordered)), default=0
    )
