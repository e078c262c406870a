"""The style of the panel names no colour of its own: a theme, or the system's high contrast, decides."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2] / "labextension"
STYLES = sorted((ROOT / "style").glob("*.css"))
_COLOUR = re.compile(r"#[0-9a-f]{3,8}\b|\b(?:rgba?|hsla?|hwb|lab|lch|oklab|oklch|color)\(", re.IGNORECASE)
_NAMED = re.compile(r":[^;{}]*\b(?:white|black|red|green|blue|orange|gr[ae]y|yellow|purple)\b[^;{}]*;", re.IGNORECASE)


def _rules(path: Path) -> str:
    return re.sub(r"/\*.*?\*/", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)


def test_there_are_styles() -> None:
    assert {"roles.raw.css", "panel.raw.css"} <= {path.name for path in STYLES}


@pytest.mark.parametrize("path", STYLES, ids=lambda path: path.name)
def test_theme_variables_only(path: Path) -> None:
    rules = _rules(path)
    assert _COLOUR.findall(rules) == []
    assert _NAMED.findall(rules) == []


def test_each_class_of_the_components_has_a_rule_or_a_purpose() -> None:
    styled = set(re.findall(r"\.(jgp-[a-z]+)", "".join(_rules(path) for path in STYLES)))
    used = set()
    for path in [*(ROOT / "src").rglob("*.tsx")]:
        source = path.read_text(encoding="utf-8")
        used |= set(re.findall(r"(?<![-\w])(jgp-(?!mod-|is-)[a-z]+)(?![-\w{$])", source))
    assert used - styled - {"jgp-menuplace"} == set()
