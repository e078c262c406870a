"""The page draws a record with the words of the kernel: the records that the page is tried with are made here again.

`labextension/src/__tests__/records.ts` holds them with what the kernel says of them; jest holds the page to it. Run
this file as a module (`python -m tests.labextension.test_records`) to write it anew after words have changed.
"""

from __future__ import annotations

import html as markup
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

from jupyter_green.records import EnergyRecord
from jupyter_green.report.bundle import data
from jupyter_green.report.facts import facts
from jupyter_green.report.html import html
from jupyter_green.report.line import line
from jupyter_green.report.sentence import sentence
from tests.report.states import states

RECORDS = Path(__file__).parents[2] / "labextension" / "src" / "__tests__" / "records.ts"
_SIZES = {"": 1.0, ", tiny": 0.00037, ", huge": 8431.0}


def sized(record: EnergyRecord, size: float) -> EnergyRecord:
    """Return the record with every energy in it so many times as large."""
    if size == 1.0:
        return record
    names = ("joules", "uncertainty", "gain_uncertainty", "idle_joules", "own_joules")
    parts = []
    for part in record.components:
        known = {name: getattr(part, name) for name in names}
        parts.append(replace(part, **{name: value * size for name, value in known.items() if value is not None}))
    return record.with_(components=tuple(parts), trace=None)


def text(piece: str) -> str:
    """Return a piece of HTML as text."""
    return markup.unescape(re.sub(r"<[^>]*>", "", piece.replace("<br>", "\n")))


def rows(record: EnergyRecord) -> list[list[str]]:
    """Return the cells of the table of devices."""
    body = re.search(r"<tbody>(.*?)</tbody>", html(record), re.DOTALL)
    found = re.findall(r"<tr>(.*?)</tr>", body[1], re.DOTALL) if body else []
    return [[text(cell) for cell in re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", each, re.DOTALL)] for each in found]


def made() -> list[dict[str, Any]]:
    """Return each record as data, with what the kernel says of it."""
    found = []
    for state, one in states().items():
        for name, size in _SIZES.items():
            record = sized(one, size).with_(id=state, run_id="")
            said = {
                "name": state + name,
                "data": data(record),
                "sentence": sentence(record),
                "line": line(record),
                "facts": [[term, text(told)] for term, told in facts(record) if told] if record.final else [],
                "rows": rows(record),
            }
            found.append(json.loads(json.dumps(said)))
    return found


def kept() -> list[dict[str, Any]]:
    """Return the records that the page is tried with."""
    source = RECORDS.read_text(encoding="utf-8")
    start, end = source.index("= [") + 2, source.rindex("]") + 1
    found: list[dict[str, Any]] = json.loads(source[start:end])
    return found


def test_the_page_is_tried_with_what_the_kernel_says() -> None:
    assert kept() == made(), "words have changed: write the records anew, mend labextension/src/record"


if __name__ == "__main__":
    head = "/** Records and what the kernel says of them; made by `tests/labextension/test_records.py`. */\n"
    kind = (
        "export const RECORDS: readonly {\n  name: string;\n  data: unknown;\n  sentence: string;\n  line: string;\n"
        "  facts: string[][];\n  rows: string[][];\n}[]"
    )
    body = ",\n  ".join(json.dumps(each, ensure_ascii=True) for each in made())
    RECORDS.write_text(f"{head}// prettier-ignore\n{kind} = [\n  {body}\n];\n", encoding="utf-8")
