"""The page and the records write the same figures: the cases that the page is tried with are made here again.

`labextension/src/__tests__/figures.ts` holds them; jest holds the page to them. Run this file as a module
(`python -m tests.labextension.test_figures`) to write it anew after the rules have changed.
"""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

from jupyter_green.reporting import numbers

FIGURES = Path(__file__).parents[2] / "labextension" / "src" / "__tests__" / "figures.ts"
_EDGES = (0.0, 1.005, 0.995, 999.96, 999.4, 1000.0, 9.96, 0.0095, 12.4, 1e15, 1e-13, 0.01, 99999.5, 2.5, 0.125)
_RANDOM = 62
_COLUMNS = 24


def made() -> list[list[Any]]:
    """Return cases as lists: the kind, what goes in, what comes out."""
    pick = random.Random(7)
    values = [*_EDGES, *(_value(pick) for _ in range(_RANDOM))]
    cases: list[list[Any]] = []
    for value in values:
        spread = pick.choice([None, 0.0, *(abs(value) * share for share in (0.003, 0.02, 0.0951, 0.096, 0.15, 1.2))])
        spread = None if spread is None else float(f"{spread:.6g}")
        amount = numbers.energy(value, spread)
        cases.append(["energy", value, spread, amount.head, amount.uncertainty])
    cases += [["bounds", value, numbers.at_most(value), numbers.at_least(value)] for value in values if value > 0]
    cases += [["others", value, *_others(value)] for value in values]
    for _ in range(_COLUMNS):
        rows = [(abs(_value(pick)), pick.choice([None, 0.07])) for _ in range(pick.randint(1, 5))]
        written = [(value, None if share is None else float(f"{value * share:.3g}")) for value, share in rows]
        cases.append(["columns", written, numbers.unit_of_column(written).symbol])
    return [json.loads(json.dumps(case)) for case in cases]


def _value(pick: random.Random) -> float:
    size = 10 ** pick.uniform(-9, 8) * pick.choice([1, 1, 1, -1])
    return float(f"{size:.{pick.choice([2, 3, 6, 15])}g}")


def _others(value: float) -> list[str | None]:
    share = abs(value) < 100
    return [
        numbers.watts(value),
        numbers.seconds(value),
        numbers.carbon(value),
        numbers.money(value, "EUR"),
        numbers.whole_percent(value) if share else None,
        numbers.percent(value) if share else None,
    ]


def kept() -> list[list[Any]]:
    """Return the cases that the page is tried with."""
    text = FIGURES.read_text(encoding="utf-8")
    start, end = text.index("= [") + 2, text.rindex("]") + 1
    found: list[list[Any]] = json.loads(text[start:end])
    return found


def test_the_page_is_tried_with_what_the_records_write() -> None:
    assert kept() == made(), "the rules have changed: write the cases anew, mend format.ts"


if __name__ == "__main__":
    head = "/** Figures as the kernel's records write them; made by `tests/labextension/test_figures.py`. */\n"
    body = ",\n  ".join(json.dumps(case, ensure_ascii=False) for case in made())
    constant = f"export const FIGURES: readonly unknown[][] = [\n  {body}\n];\n"
    FIGURES.write_text(f"{head}// prettier-ignore\n{constant}", encoding="utf-8")
