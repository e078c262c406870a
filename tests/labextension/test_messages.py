"""What page and kernel both say stands on one list of codes, and the sentences are the same."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

from jupyter_green.baselines.comparison import Reason
from jupyter_green.baselines.messages import UNFAIR
from jupyter_green.records import Status

SOURCE = Path(__file__).parents[2] / "labextension" / "src" / "format" / "messages.ts"
_TEXT = re.compile(r"(?:'([^']+)'|(\w+)): trans\.__\(\s*['\"](.*?)['\"]\s*\)", re.DOTALL)


def table(method: str) -> dict[str, str]:
    """Return the texts of one of the page's tables by their codes."""
    body = SOURCE.read_text(encoding="utf-8").split(f"\n  {method}(", 1)[1].split("\n    };", 1)[0]
    return {quoted or plain: text for quoted, plain, text in _TEXT.findall(body)}


def test_the_page_has_a_text_for_each_reason_and_each_end_of_a_cell_and_no_other() -> None:
    assert set(table("reason")) == {*get_args(Reason), *get_args(Status), "running"} - {"ok"}


def test_page_and_kernel_say_alike_why_conditions_leave_a_difference_unproven() -> None:
    assert table("conditionsReason") == UNFAIR
