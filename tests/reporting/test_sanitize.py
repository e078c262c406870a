"""Foreign text keeps its words and loses what could move a cursor, turn a line or break an encoding."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_green.reporting import sanitize


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("one\n two\tthree", "one two three"),
        ("\x1b[31mred", "\ufffd[31mred"),
        ("abc\u202ecba", "abc\ufffdcba"),
        ("a\ud800b", "a\ufffdb"),
        ("a\uffffb", "a\ufffdb"),
        ("family 👨\u200d👩\u200d👧", "family 👨\u200d👩\u200d👧"),
        ("a" + "\u0301" * 50, "a" + "\u0301" * 4),
        ("x" * 300, "x" * 199 + "…"),
        ("", ""),
    ],
)
def test_one_line(text, line):
    assert sanitize.one_line(text) == line


@given(st.text(), st.integers(1, 80))
def test_any_text_becomes_one_clean_line(text, limit):
    line = sanitize.one_line(text, limit)
    assert len(line) <= limit
    assert "\n" not in line
    assert not {unicodedata.category(sign) for sign in line} & {"Cc", "Cs", "Zl", "Zp"}
    line.encode()


@given(st.text(), st.integers(0, 40))
def test_text_is_cut_and_filled_by_columns(text, width):
    cut = sanitize.shorten(sanitize.one_line(text), width)
    assert sanitize.columns(cut) <= width
    assert sanitize.columns(sanitize.pad(cut, width)) == width
    assert sanitize.pad(cut, width, right=True).endswith(cut)


def test_wide_and_combining_signs_take_their_columns():
    assert sanitize.columns("日本") == 4
    assert sanitize.columns("e\u0301") == 1
    assert sanitize.shorten("日本語", 5) == "日本…"


def test_commands_keep_their_lines():
    assert sanitize.verbatim("a  b\n\tc\x1b") == "a  b\n\tc\ufffd"
