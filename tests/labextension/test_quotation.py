"""The page and the kernel write one message: what jest holds the page to is made here with the kernel's words."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from jupyter_green.impact import Valuation
from jupyter_green.records import Component, EnergyRecord
from jupyter_green.reporting import for_model_card, for_slack
from jupyter_green.reporting.run.totals import Totals
from jupyter_green.reporting.share_text import compared

SPEC = Path(__file__).parents[2] / "labextension" / "src" / "__tests__" / "quotation.spec.ts"


def part(kind: str, device: str, key: str, joules: float, quality: str) -> Component:
    return Component(
        kind=kind,
        device=device,
        key=key,
        joules=joules,
        uncertainty=joules / 5,
        gain_uncertainty=0.0,
        method="counter",
        quality=quality,
        scope="all of it",
        source=key,
    )


def test_a_total_for_a_message() -> None:
    cells = [
        EnergyRecord(
            (
                part("gpu", "NVIDIA A10", "a", 1700 / 6, "measured"),
                part("gpu", "NVIDIA A10", "b", 1700 / 6, "measured"),
                part("cpu", "EPYC", "c", 700 / 6, "estimated"),
            ),
            seconds=2.0,
            started_at=float(place),
            span="cell",
            status="ok",
            cell_id=str(place),
            co2e_grams=0.0638 / 6,
            final=True,
        )
        for place in range(6)
    ]
    said = for_slack(Totals(cells), name="sentiment.ipynb", against=compared("less", -0.29, 6, "“before”"))
    kept = SPEC.read_text(encoding="utf-8")
    first, second = said.split("\n")
    assert second in kept
    assert first.split(" · ")[1] in kept


def test_a_total_for_a_model_card() -> None:
    """The head that model hubs read holds the same figure, standing and source, whichever side wrote it."""
    board = replace(part("gpu", "NVIDIA A10", "a", 4100.0, "measured"), uncertainty=200.0)
    lost = replace(board, key="b", device="NVIDIA A100", joules=None, uncertainty=None)
    cells = [EnergyRecord((board, lost), seconds=2.0, started_at=0.0, cell_id="0")]
    kept = SPEC.read_text(encoding="utf-8")
    for line in for_model_card(Totals(cells, Valuation("56 g/kWh"))).split("\n"):
        assert line in kept, line
    with pytest.raises(ValueError, match="killed"):
        for_model_card(Totals([cell.with_(status="killed") for cell in cells], Valuation("56 g/kWh")))
