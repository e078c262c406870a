"""What a person sees of a cell, written so that two kernels can be compared.

Prompt numbers become relative to the scene, and what differs between any two runs (addresses, durations, process ids,
folders) becomes the same. Nothing else is touched. A header line moves the lines of its cell down by one; `unshifted`
takes that back where, and only where, the line shown is the line that the header moved.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.support.kernel import Message, Outcome, is_record, plain_text

SAME = [
    (r"\b(0x|at )[0-9a-f]{6,}", r"\1"),
    (r"\bcell_id=.*?(?=>)", "cell_id"),
    (r"\bexecution_count=\d+", "execution_count"),
    (r"\(\d+\.py, line", "(cell.py, line"),
    (r"(?<!\S)\S*ipykernel_\d+/\d+\.py", "cell.py"),
    (r"\bpid[= ]\d+", "pid"),
    (r"\d[\d.,]*(e[+-]?\d+)?\s?(ns|µs|μs|us|ms|s|min)\b", "#s"),
    (r"(#s )+#s", "#s"),
]
"""Patterns of what differs between any two runs of the same cell."""

FRAME = re.compile(r"(?P<lead>\s*Cell )In\[\d+\], line (?P<line>\d+)")

BEGIN = re.compile(r"get_ipython\(\)[^;\n]*energy[^;\n]*; (?=get_ipython\(\)\.run_cell_magic)")
"""What a header becomes where a second one follows it; tracebacks show it in front of that one's call."""


class View:
    """How the outcomes of one scene in one kernel look.

    Parameters
    ----------
    start : int
        The kernel's execution count before the scene.
    folder : Path
        The kernel's folder, which is another in each kernel.
    headed : sequence of str or None
        The sources whose lines stand one lower for a header; None where the kernel has none.
    counted : bool
        Whether the prompt numbers are certain; they are not for cells that run at once.
    """

    def __init__(self, start: int, folder: Path, headed: Sequence[str] | None = None, counted: bool = True) -> None:
        self.start = start
        self.counted = counted
        self.folder = folder
        self.headed = headed

    def of(self, outcome: Outcome, source: str | None = None) -> dict[str, Any]:
        """Return messages, reply and later looks without records; `source` stands for the input that was sent."""
        messages = [self._message(message, outcome, source) for message in outcome.messages if not is_record(message)]
        reply = {name: part for name, part in outcome.reply.items() if not name.startswith("engine_")}
        looks = {name: look.get("data", look) for name, look in reply.pop("user_expressions", {}).items()}
        looks = {name: look.get("text/plain", str(look)) for name, look in looks.items()}
        return {
            "messages": messages,
            "reply": self._same(reply),
            "during": self._looks(looks),
            "after": self._looks(outcome.after),
        }

    def _message(self, message: Message, outcome: Outcome, source: str | None) -> tuple[str, Any]:
        content = dict(message.content)
        if source is not None and content.get("code") == outcome.sent.source:
            content["code"] = source
        return message.type, self._same(content)

    def _looks(self, looks: dict[str, str]) -> dict[str, Any]:
        seen = {name: self._same(look) for name, look in looks.items()}
        if "Out" in seen:
            seen["Out"] = [n - self.start for n in ast.literal_eval(looks["Out"]) if n >= self.start]
        return seen

    def _same(self, thing: Any, name: str = "") -> Any:
        if isinstance(thing, dict):
            return {key: self._same(part, key) for key, part in thing.items()}
        if isinstance(thing, list):
            return [self._same(part, name) for part in thing]
        if isinstance(thing, str):
            return self._text(thing)
        if name == "execution_count" and isinstance(thing, int):
            return thing - self.start if self.counted else "any"
        return thing

    def _text(self, text: str) -> str:
        text = plain_text(text).replace(str(self.folder), "~")
        if self.headed is not None:
            text = self.unshifted(BEGIN.sub("", text))
        text = re.sub(r"\b(In|Out)\[(\d+)\]", lambda m: f"{m[1]}[{int(m[2]) - self.start}]", text)
        for pattern, replacement in SAME:
            text = re.sub(pattern, replacement, text)
        return text

    def unshifted(self, text: str) -> str:
        """Take the header's line out of one frame of a traceback, of a SyntaxError's text and of a warning's place."""
        text = re.sub(r'(ipykernel_\d+/\d+\.py(?::|", line ))(\d+)', _one_less, text)
        text = re.sub(r"(\(\d+\.py, line )(\d+)", _one_less, text)
        found = FRAME.match(text)
        if found is None:
            return text
        line = int(found["line"])
        pointed = re.search(rf"-> {line} (.*)", text) or re.search(r"\n(.*)", text)
        shown = pointed[1].strip() if pointed else ""
        moved = [source.splitlines()[line - 1 : line] for source in self.headed or ()]
        if line == 1 or not shown or [shown] not in [[text.strip() for text in lines] for lines in moved]:
            return text
        head, _, body = text.partition("\n")
        head = head.replace(f"line {line}", f"line {line - 1}", 1)
        if "-> " not in text:  # a SyntaxError: what follows is source, without numbers
            return f"{head}\n{body}"
        body = re.sub(r"^[- ]+>? +1 .*\n", "", body, count=1, flags=re.M)
        body = re.sub(r"^([- ]*>? *)(\d+)(?= |$)", _renumbered, body, flags=re.M)
        return f"{head}\n{body}"


def _one_less(found: re.Match[str]) -> str:
    return f"{found[1]}{max(1, int(found[2]) - 1)}"  # the first line is never one that a header moved


def _renumbered(found: re.Match[str]) -> str:
    """Lower a line number in the margin and keep the margin's width (the arrow grows where a digit goes)."""
    number = str(int(found[2]) - 1)
    margin = found[1]
    missing = len(found[2]) - len(number)
    return f"{'-' if margin.startswith('-') else ' '}{margin}{number}" if missing else f"{margin}{number}"


def differences(expected: Any, seen: Any, place: str = "") -> list[str]:
    """Return where two views differ, one short line each; a diff of very long outputs would take minutes."""
    if type(expected) is type(seen) is dict:
        names = [*expected, *(name for name in seen if name not in expected)]
        return [d for name in names for d in differences(expected.get(name), seen.get(name), f"{place}.{name}")]
    if type(expected) is type(seen) and isinstance(seen, (list, tuple)):
        if len(expected) != len(seen):
            return [f"{place}: {len(expected)} expected, {len(seen)} seen\n  {short(expected)}\n  {short(seen)}"]
        pairs = enumerate(zip(expected, seen, strict=True))
        return [d for i, (one, other) in pairs for d in differences(one, other, f"{place}[{i}]")]
    if expected == seen:
        return []
    if isinstance(expected, str) and isinstance(seen, str):
        at = next((i for i, (a, b) in enumerate(zip(expected, seen, strict=False)) if a != b), 0)
        start = max(0, at - 200)
        return [f"{place}, from character {at}:\n  {short(expected[start:])}\n  {short(seen[start:])}"]
    return [f"{place}:\n  {short(expected)}\n  {short(seen)}"]


def short(thing: Any) -> str:
    text = repr(thing)
    return text if len(text) < 700 else f"{text[:700]}… ({len(text)} characters)"
