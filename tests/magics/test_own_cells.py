"""Cells that only steer jupyter_green are no work, so that no row stands for them."""

from __future__ import annotations

import pytest

from jupyter_green.magics.cells.cell_meter import _is_own


@pytest.mark.parametrize(
    "source",
    [
        "%load_ext jupyter_green",
        "%load_ext jupyter_green\n%config JupyterGreen.region = 'FRA'\n%config JupyterGreen.pue = '1.2'",
        "%config JupyterGreen",
        "%baseline",
        "  %baseline set 'as it was'",
        "# keep it\n%baseline use last -t 5%\n\n%energy status",
        "%energy report --slack",
        "%disclose",
        "%disclose model \\\n    --to model.json",
    ],
)
def test_steering_is_no_work(source: str) -> None:
    assert _is_own(source)


@pytest.mark.parametrize(
    "source",
    [
        "x = 1",
        "%baseline set\nx = 1",
        "%config InlineBackend.figure_format = 'svg'",
        "%config JupyterGreenish.a = 1",
        "%baselines",
        "%energyit x = 1",
        "%shrink model",
        "%disclosed",
        "%load_ext autoreload",
        "x = %baseline",
    ],
)
def test_everything_else_is(source: str) -> None:
    assert not _is_own(source)
